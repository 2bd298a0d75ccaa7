"""Checks the entries of a dump. Pure functions.

A dump of this service has every field, and its entries stay the same byte for byte. A dump that was made before focal
points and facts has none of those fields. A dump of the older Node.js service has random uuids, dates with any offset,
and lacks more fields: they are filled in with what was true there.
"""

import re
from collections.abc import Iterable
from dataclasses import MISSING, dataclass, field, fields, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from services.core.assets import facts, identity, media_types, names
from services.core.assets.entries import FOCUS, Entry, timestamp
from services.core.state import entry_json

PROBLEMS_SHOWN = 5
_FIELDS = tuple(Entry.__slots__)
_DEFAULTS = {known.name: known.default for known in fields(Entry) if known.default is not MISSING}
_TEXTS = (
    *("uuid", "namespace", "unique_name", "filename", "original_filename"),
    *("original_mimetype", "mimetype", "signature", "destination", "storage_key"),
)
_TEXTS_OR_NULL = ("external_id", "information")
_NUMBERS = {"version": 1, "size": 0, "original_size": 0}
"""With the smallest value of each."""
_DATES = ("uploaded_date", "updated_date")
_DATES_OR_NULL = ("expiration_date", "content_date")
_SIGNATURE = re.compile(r"[0-9a-f]{64}")
_SPARE = re.compile(r"\.[0-9a-f]{16}")


class Problem(Exception):
    """An entry cannot be restored. The text says why."""


@dataclass(slots=True)
class Tally:
    """What has been found in a dump so far."""

    entries: int = 0
    completed: int = 0
    """Entries with missing fields that were filled in."""
    renamed: int = 0
    """Entries that got another uuid, as an entry before them has the one that they had."""
    problem_count: int = 0
    problems: list[str] = field(default_factory=list)
    _paths: set[bytes] = field(default_factory=set)
    _uuids: set[bytes] = field(default_factory=set)

    def take(self, values: Iterable[object]) -> list[Entry]:
        """Return the entries among the next values of a list, as long as there has been no problem."""
        found = []
        for value in values:
            self.entries += 1
            try:
                found.append(self._take(value))
            except Problem as problem:
                self.complain(f"entry {self.entries}: {problem}")
        return [] if self.problem_count else found

    def complain(self, problem: str) -> None:
        self.problem_count += 1
        if len(self.problems) < PROBLEMS_SHOWN:
            self.problems.append(problem)

    def _take(self, value: object) -> Entry:
        if not isinstance(value, dict):
            raise Problem(f"expected a JSON object, not {type(value).__name__}")
        given = completed(value)
        entry = check(given)
        path = UUID(entry.key).bytes
        if path in self._paths:
            raise Problem(f"{entry.unique_name} occurs twice")
        self._paths.add(path)
        self.completed += given.keys() != value.keys()
        return self._with_own_uuid(entry)

    def _with_own_uuid(self, entry: Entry) -> Entry:
        """Return the entry with the uuid that it shows; of several with one uuid, the first keeps it."""
        uuid = UUID(entry.uuid).bytes
        if identity.canonical(entry.uuid) in (entry.key, identity.asset_uuid(entry.unique_name)):
            return entry  # It follows from the path: no other entry has it.
        if uuid not in self._uuids:
            self._uuids.add(uuid)
            return entry
        self.renamed += 1
        return replace(entry, uuid=identity.asset_uuid(entry.unique_name))

    def summary(self) -> str:
        """Return the first problems in one text."""
        more = self.problem_count - len(self.problems)
        return "; ".join(self.problems) + (f"; and {more} more" if more else "")


def completed(value: dict[str, Any]) -> dict[str, Any]:
    """Return an entry with the fields that the older service did not have. That service stored what it delivered."""
    unique_name = value.get("unique_name")
    if not isinstance(unique_name, str) or not names.is_unique_name(unique_name):
        raise Problem(f"unique_name {unique_name!r} is not a valid path of an asset")
    folders = unique_name.split("/")[1:-1]
    older = {
        "destination": "/".join(folders[1:]) or folders[0],
        "original_size": value.get("size"),
        "external_id": None,
        "information": None,
        "expiration_date": None,
    }
    if "storage_key" not in value:
        older |= {"storage_key": names.plain_storage_key(unique_name), "converted": False}
        # Its original_mimetype is that of the uploaded file, which the older service did not keep.
        value = {**value, "original_mimetype": value.get("mimetype")}
    return {**older, **value}


def check(given: dict[str, Any]) -> Entry:
    """Return the entry if all its fields are valid; raises Problem."""
    given = {**_DEFAULTS, **given}
    lacking = [name for name in _FIELDS if name not in given]
    if lacking:
        raise Problem(f"{', '.join(lacking)} missing")
    for name in _TEXTS:
        _need(name, given[name], isinstance(given[name], str))
    for name in _TEXTS_OR_NULL:
        _need(name, given[name], given[name] is None or isinstance(given[name], str))
    for name in ("expired", "converted"):
        _need(name, given[name], isinstance(given[name], bool))
    for name, least in _NUMBERS.items():
        _need(name, given[name], type(given[name]) is int and least <= given[name] < 2**53)
    _check_names(given)
    _check_picture(given)
    for name in ("mimetype", "original_mimetype"):
        _need(name, given[name], given[name] in media_types.KNOWN)
    _need("signature", given["signature"], _SIGNATURE.fullmatch(given["signature"]) is not None)
    dates: dict[str, str | None] = {name: _date(name, given[name]) for name in _DATES}
    _check_older(given)
    for name in _DATES_OR_NULL:
        dates[name] = None if given[name] is None else _date(name, given[name])
    entry = Entry(**{**{name: given[name] for name in _FIELDS}, **dates})
    try:
        entry_json.write(entry)
    except TypeError:
        raise Problem("a text in it is not valid Unicode") from None
    return entry


def _check_names(given: dict[str, Any]) -> None:
    unique_name = given["unique_name"]
    folders, _, filename = unique_name.removeprefix("/").rpartition("/")
    _need("uuid", given["uuid"], identity.canonical(given["uuid"]) is not None)
    _need("namespace", given["namespace"], given["namespace"] == folders.partition("/")[0])
    _need("filename", given["filename"], given["filename"] == filename)
    destination = folders.partition("/")[2] or given["namespace"]
    _need("destination", given["destination"], given["destination"].strip("/") in (destination, folders))
    original = given["original_filename"]
    _need("original_filename", original, names.is_unique_name(f"/{given['namespace']}/{original}"))
    rest = given["storage_key"].removeprefix(names.plain_storage_key(unique_name))
    own = given["storage_key"].startswith(names.plain_storage_key(unique_name))
    _need("storage_key", given["storage_key"], own and (not rest or _SPARE.fullmatch(rest) is not None))


def _check_older(given: dict[str, Any]) -> None:
    """Check what only entries of the older service have."""
    signature, version = given["original_signature"], given["original_version"]
    known = isinstance(signature, str) and _SIGNATURE.fullmatch(signature) is not None
    _need("original_signature", signature, signature is None or known)
    _need("original_version", version, version is None or (type(version) is int and 1 <= version < 2**53))


def _check_picture(given: dict[str, Any]) -> None:
    for name in FOCUS:
        value = given[name]
        _need(name, value, value is None or (type(value) in (int, float) and 0 <= value <= 1))
    if (given["focus_x"] is None) != (given["focus_y"] is None):
        raise Problem("focus_x and focus_y must be given together")
    if problem := facts.problem(given):
        raise Problem(problem[:200])


def _date(name: str, value: object) -> str:
    """Return a date as the catalog writes it."""
    try:
        moment = datetime.fromisoformat(value if isinstance(value, str) else "")
        if moment.tzinfo:
            return timestamp(moment)
    except (ValueError, OverflowError):
        pass
    raise Problem(f"{name} must be a date with an offset, not {value!r}")


def _need(name: str, value: object, right: bool) -> None:
    if not right:
        raise Problem(f"{name} must not be {value!r}"[:200])
