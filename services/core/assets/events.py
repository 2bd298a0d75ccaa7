"""What happened to the catalog, as clients are told: one shape for the feed, for webhooks and for a history. Pure.

| kind | what happened | `before` and `after` |
|---|---|---|
| `asset.created` | an asset is new | null, and what it is in short |
| `asset.replaced` | it has another file | the fields that changed |
| `asset.changed` | it has other fields | the fields that changed |
| `asset.moved` | it has another path, maybe other fields | the fields that changed, with `uuid` and `unique_name` |
| `asset.described` | facts about its picture are known | the facts |
| `asset.deleted` | it is gone | what it was in short, and null |
| `asset.restored` | it has the file of an earlier version again | the fields that changed |
| | or it is back from the trash | null, and what it is in short, with `deletion`, the id of its `asset.deleted` |
| `catalog.replaced` | all may have changed: its list has to be read anew | `cause` and `count` |

The causes are `restored` (from a dump), `emptied`, `addresses` (the public addresses are others) and `upgrade` (a
service of the previous version has changed something). Dates and the storage key of an asset are left out: the time of
an event follows from its number.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from services.core.assets.entries import SETTABLE, Entry
from services.core.assets.facts import FACTS

BYTES_MAX = 600
"""Bytes of `before` and `after` together, as JSON, without what is in `WHOLE`. Each of the last 50 000 changes has
them."""
WHOLE = ("uuid", "unique_name", "deletion")
"""What leads from an event to others of its asset, and says who may see it. It is told as it is."""
CUT = "…"
"""The end of a value that is too long to be told. A list or an object is told as the beginning of its JSON then."""
_LENGTHS = (96, 32, 8, 0)
"""Characters of a value that are told: as many as there is room for."""
_MICROSECONDS = 1_000_000
_OF_FILE = ("version", "mimetype", "size", "signature")
_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_TOLD = ("uuid", "unique_name", *_OF_FILE, *SETTABLE)

Fields = dict[str, Any]
"""Some fields of an entry, with short values."""


class Kind(StrEnum):
    CREATED = "asset.created"
    REPLACED = "asset.replaced"
    CHANGED = "asset.changed"
    MOVED = "asset.moved"
    DESCRIBED = "asset.described"
    DELETED = "asset.deleted"
    RESTORED = "asset.restored"
    CATALOG = "catalog.replaced"


KINDS = tuple(kind.value for kind in Kind)


@dataclass(frozen=True, slots=True)
class Happened:
    """What one change did: its kind, and in short what was before and what is after it."""

    kind: Kind
    before: Fields | None = None
    after: Fields | None = None

    def to_text(self) -> str:
        """Return it as it is kept with its change."""
        return _json([self.kind, self.before, self.after])

    @classmethod
    def from_text(cls, text: bytes) -> "Happened":
        """Read it; raises ValueError for what another version has written."""
        try:
            kind, before, after = json.loads(text)
            known = Kind(kind)
        except (TypeError, ValueError) as error:
            raise ValueError(f"not an event: {text[:100]!r}") from error
        if not (isinstance(before, dict | None) and isinstance(after, dict | None)):
            raise ValueError(f"not an event: {text[:100]!r}")
        return cls(known, before, after)


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `number` is that of its change: microseconds since 1970, and higher than that of every event before.

    `uuid` and `unique_name` are those that the asset has afterwards; empty if it is about the whole catalog. `who` is
    the name of the token that asked for the change, or of a job as `job:expire`; empty if nobody did. One that the
    previous version has written has neither `who` nor `before` nor `after`, and `asset.changed` is its kind if the
    asset was created, replaced or changed.
    """

    number: int
    happened: Happened
    uuid: str = ""
    unique_name: str = ""
    who: str = ""
    request_id: str = ""

    @property
    def kind(self) -> Kind:
        return self.happened.kind

    @property
    def id(self) -> str:
        """Its number as a text: what clients name it by, and continue after."""
        return str(self.number)

    @property
    def time(self) -> str:
        """When it happened, ISO 8601 with microseconds."""
        return time_of(self.number)

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths that the asset has after it and, if that is another one, had before; none for the whole catalog."""
        return self._names(self.unique_name, "unique_name")

    @property
    def uuids(self) -> tuple[str, ...]:
        """The uuids that the asset has after it and, if that is another one, had before; none for the whole catalog."""
        return self._names(self.uuid, "uuid")

    @property
    def shape(self) -> dict[str, Any]:
        """What clients are told of it, as JSON: see EventShape in the OpenAPI document."""
        return {
            "id": self.id,
            "kind": self.kind.value,
            "time": self.time,
            "uuid": self.uuid or None,
            "unique_name": self.unique_name or None,
            "before": self.happened.before,
            "after": self.happened.after,
            "who": self.who or None,
            "request_id": self.request_id or None,
        }

    def _names(self, name: str, field: str) -> tuple[str, ...]:
        earlier = (self.happened.before or {}).get(field) if self.kind is Kind.MOVED else None
        return tuple(one for one in (name, earlier) if isinstance(one, str) and one)


def time_of(number: int) -> str:
    """Return when the change with a number was made, ISO 8601 with microseconds."""
    seconds, microseconds = divmod(number, _MICROSECONDS)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=microseconds).isoformat(timespec="microseconds")


def written(before: Entry | None, after: Entry, *, restores: bool = False, deletion: int | None = None) -> Happened:
    """Say what a write does that has no entry or another one before it.

    `restores`: it brings an earlier version back. `deletion` is the number of the deletion that it undoes.
    """
    if before is None:
        kind = Kind.CREATED if deletion is None else Kind.RESTORED
        about = _summary(after) if deletion is None else {"deletion": str(deletion), **_summary(after)}
        return _short(kind, None, about)
    if restores:
        kind = Kind.RESTORED
    elif before.unique_name != after.unique_name:
        kind = Kind.MOVED
    elif (before.version, before.signature) != (after.version, after.signature):
        kind = Kind.REPLACED
    else:
        kind = Kind.CHANGED
    return _differing(kind, before, after, _TOLD)


def described(before: Entry, after: Entry) -> Happened:
    """Say which facts have been found out."""
    return _differing(Kind.DESCRIBED, before, after, FACTS)


def deleted(entry: Entry) -> Happened:
    """Say what is gone."""
    return _short(Kind.DELETED, _summary(entry), None)


def _summary(entry: Entry) -> Fields:
    own = {name: getattr(entry, name) for name in _OF_FILE}
    return own | {name: value for name in SETTABLE if (value := getattr(entry, name)) not in (None, False, [], {})}


def _differing(kind: Kind, before: Entry, after: Entry, names: tuple[str, ...]) -> Happened:
    then, now = Fields(), Fields()
    for name in names:
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            then[name], now[name] = old, new
    return _short(kind, then, now)


def _short(kind: Kind, before: Fields | None, after: Fields | None) -> Happened:
    for length in _LENGTHS:
        told = (_cut_all(before, length), _cut_all(after, length))
        if len(_json([_without_names(fields) for fields in told]).encode()) <= BYTES_MAX:
            break
    return Happened(kind, *told)


def _cut_all(fields: Mapping[str, Any] | None, length: int) -> Fields | None:
    if fields is None:
        return None
    return {name: value if name in WHOLE else _cut(value, length) for name, value in fields.items()}


def _without_names(fields: Fields | None) -> Fields:
    return {name: value for name, value in (fields or {}).items() if name not in WHOLE}


def _cut(value: Any, length: int) -> Any:
    if not isinstance(value, str | list | dict):
        return value
    text = value if isinstance(value, str) else _json(value)
    return value if len(text) <= length else text[:length] + CUT
