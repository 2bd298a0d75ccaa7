"""Reads an entry that another program has written, for what it means. Pure.

An entry of TADA is complete, and is read as it is. The older Node.js service stored names as people typed them, numbers
and booleans as texts, dates without a time or none, doubled slashes, and fields of its clients; and it has no
`storage_key`. Everything that follows from the path is taken from there. What is missing is filled in with what was
true in the older service: it stored what it delivered. Fields that only the other program knows are kept.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from services.core.assets import descriptions, facts, identity, media_types, names
from services.core.assets.addresses import SHOWN
from services.core.assets.entries import FOCUS, Entry, parse_bool, parse_date, timestamp
from services.core.assets.facts import FACTS
from services.core.errors import BadRequest

_ALWAYS = frozenset(
    (
        *("destination", "original_size", "external_id", "information", "expiration_date", "converted", "storage_key"),
        *("uuid", "version", "namespace", "filename", "original_filename", "expired", "original_mimetype", "mimetype"),
        *("uploaded_date", "updated_date"),
    )
)
SHOWN_BESIDE = ("message", "catalogItemUrl", "trash")
"""What some answers show beside the fields of an entry. They are no part of it."""
_NO_FIELDS = (*SHOWN, *SHOWN_BESIDE)

NOTHING = ("", "null", "undefined")
"""Texts with which forms and older clients say that there is nothing."""
_SIGNATURE = re.compile(r"[0-9a-f]{64}")
_DIGITS = re.compile(r"[0-9]{1,16}(?:\.0+)?", re.ASCII)
_EPOCH = re.compile(r"-?[0-9]{9,14}(?:\.[0-9]+)?", re.ASCII)
_UNSAFE = re.compile(r"[\x00-\x1f\x7f/\\]")
_NUMBER_MAX = 2**53 - 1
_MILLISECONDS = 10**11
"""A number of seconds that is larger is one of milliseconds, as JavaScript has it."""
_FILENAME_MAX = 255
_DEPTH_MAX = 32
_SHOWN = 120
"""Characters of a value in a message."""


class NotUnderstood(Exception):
    """An entry cannot be understood. The text says why, and `field` what it is about, if it is one field."""

    def __init__(self, text: str, field: str = "") -> None:
        super().__init__(text)
        self.field = field


def read(value: object, now: str) -> Entry:
    """Return an entry as this service has it; raises NotUnderstood. `now` is the date of one that has no dates."""
    if not isinstance(value, dict):
        raise NotUnderstood(f"expected a JSON object, not {type(value).__name__}")
    given = dict(value)
    for name in _NO_FIELDS:
        given.pop(name, None)
    _check(given)
    unique_name = path(given.get("unique_name"))
    mimetype, original_mimetype = _types(given, unique_name)
    size = _size("size", given.get("size"))
    uploaded, updated = (date(name, given.get(name)) for name in ("uploaded_date", "updated_date"))
    converted = _converted(given, mimetype, original_mimetype)
    read_here = {
        **_names(given, unique_name, original_mimetype),
        "uuid": _uuid(given.get("uuid"), unique_name),
        "version": version(given.get("version")),
        "external_id": descriptions.text(given.get("external_id")),
        "expired": boolean("expired", given.get("expired")),
        "expiration_date": date("expiration_date", given.get("expiration_date")),
        "information": descriptions.text(given.get("information")),
        "original_mimetype": original_mimetype,
        "mimetype": mimetype,
        "signature": _signature("signature", given.get("signature")),
        "size": size,
        "original_size": _or_none(_size, "original_size", given) or size,
        "uploaded_date": uploaded or updated or now,
        "updated_date": updated or uploaded or now,
        "converted": converted,
        "storage_key": _storage_key(given, unique_name),
        **_picture(given),
        **descriptions.read(given),
        "content_date": date("content_date", given.get("content_date")),
        "visible_from": date("visible_from", given.get("visible_from")),
        "original_signature": _or_none(_signature, "original_signature", given),
        "original_version": _or_none(_positive, "original_version", given),
        "stored_mimetype": _stored_type(given, mimetype, original_mimetype) if converted else None,
    }
    unknown = given.keys() - read_here.keys()
    more = {name: field for name, field in given.items() if name in unknown} if unknown else {}
    for field in more.values():
        _check_number(field)
    return Entry(**read_here, more=more)


def is_whole(value: Mapping[str, Any]) -> bool:
    """Say whether an entry is one that a service has shown, and not only what a client knows of a file."""
    uuid = value.get("uuid")
    return isinstance(uuid, str) and identity.canonical(uuid) is not None and "mimetype" in value


def is_of_this_service(value: Mapping[str, Any]) -> bool:
    return "storage_key" in value


def is_complete(value: Mapping[str, Any]) -> bool:
    """Say whether an entry has every field that an entry of this service has always had."""
    return value.keys() >= _ALWAYS


# One field


def number(name: str, value: object, least: int, most: int = _NUMBER_MAX) -> int:
    """Read a number, also one that is a text: `"3"`; raises NotUnderstood."""
    if isinstance(value, str) and _DIGITS.fullmatch(value.strip()):
        value = float(value) if "." in value else int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not int or not least <= value <= most:
        raise _wrong(name, value)
    return value


def version(value: object) -> int:
    """Read a version, 1 for nothing; raises NotUnderstood."""
    return 1 if _is_nothing(value) else _positive("version", value)


def boolean(name: str, value: object) -> bool:
    """Read a boolean, also one that is a text: `"true"`; nothing is false. Raises NotUnderstood."""
    if _is_nothing(value):
        return False
    try:
        return parse_bool(name, str(value) if type(value) is int else value)
    except BadRequest:
        raise _wrong(name, value) from None


def date(name: str, value: object) -> str | None:
    """Read a date as the catalog writes it, None for nothing; raises NotUnderstood.

    Without an offset it is UTC, and without a time the start of that day. ISO 8601 is read, and numbers as JavaScript
    has them (milliseconds since 1970) or as Unix has them.
    """
    if _is_nothing(value):
        return None
    try:
        if isinstance(value, str) and not _EPOCH.fullmatch(value.strip()):
            return parse_date(name, value)
        return timestamp(_since_epoch(value))
    except (BadRequest, ValueError, OverflowError, OSError, TypeError):
        raise NotUnderstood(f"{name} must be a date, not {_shown(value)}") from None


def _since_epoch(value: object) -> datetime:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError
    seconds = float(value)
    return datetime.fromtimestamp(seconds / 1000 if abs(seconds) >= _MILLISECONDS else seconds, UTC)


def _is_nothing(value: object) -> bool:
    return value is None or (isinstance(value, str) and value.strip().lower() in NOTHING)


def _or_none(read_field: Callable[[str, object], Any], name: str, given: Mapping[str, Any]) -> Any:
    value = given.get(name)
    return None if _is_nothing(value) else read_field(name, value)


def _signature(name: str, value: object) -> str:
    said = value.strip().lower() if isinstance(value, str) else ""
    if not _SIGNATURE.fullmatch(said):
        raise _wrong(name, value)
    return said


def _uuid(value: object, unique_name: str) -> str:
    if value is None:
        return identity.asset_uuid(unique_name)
    if not isinstance(value, str) or identity.canonical(value) is None:
        raise _wrong("uuid", value)
    return value


def _positive(name: str, value: object) -> int:
    return number(name, value, 1)


def _size(name: str, value: object) -> int:
    return number(name, value, 0)


# Names


def path(value: object) -> str:
    """Read a unique name, without slashes that mean nothing; raises NotUnderstood."""
    said = value if isinstance(value, str) and value.startswith("/") else ""
    found = "/" + "/".join(part for part in said.split("/") if part)
    if not names.is_unique_name(found):
        raise NotUnderstood(f"unique_name {_shown(value)} is not a valid path of an asset", "unique_name")
    return found


def _names(given: Mapping[str, Any], unique_name: str, original_mimetype: str) -> dict[str, str]:
    """Return the names. What is delivered is named by the path; only the upload has a name of its own."""
    namespace, *folders, filename = unique_name.removeprefix("/").split("/")
    said = given.get("namespace")
    if said is not None and said != namespace:
        raise _wrong("namespace", said)
    return {
        "namespace": namespace,
        "unique_name": unique_name,
        "filename": filename,
        "original_filename": _original_filename(given.get("original_filename"), filename, original_mimetype),
        "destination": folders_of(given.get("destination")) or "/".join(folders) or namespace,
    }


def folders_of(value: object) -> str:
    """Read folders as people typed them, without slashes that mean nothing; empty for nothing."""
    return "/".join(part for part in value.split("/") if part) if isinstance(value, str) else ""


def _original_filename(value: object, filename: str, original_mimetype: str) -> str:
    if value is None or value == "":
        kind = media_types.KNOWN[original_mimetype]
        own = media_types.of_extension(filename.rpartition(".")[2]) == original_mimetype
        return filename if own else names.with_extension(filename, kind.extensions[0])
    if not isinstance(value, str):
        raise _wrong("original_filename", value)
    return _UNSAFE.sub("_", value)[:_FILENAME_MAX]


def _storage_key(given: Mapping[str, Any], unique_name: str) -> str:
    key = given.get("storage_key", names.plain_storage_key(unique_name))
    if not isinstance(key, str) or names.unique_name_of(key) != unique_name:
        raise _wrong("storage_key", key)
    return key


# Types


def media_type(name: str, value: object) -> str | None:
    """Read a media type under its usual name, None for nothing; raises NotUnderstood for one that is not known."""
    if _is_nothing(value):
        return None
    said = media_types.canonical(value) if isinstance(value, str) else ""
    if said not in media_types.KNOWN:
        raise _wrong(name, value)
    return said


def _types(given: Mapping[str, Any], unique_name: str) -> tuple[str, str]:
    """Return the types of what is delivered and of what was uploaded."""
    by_name = media_types.of_extension(unique_name.rpartition(".")[2])
    mimetype = media_type("mimetype", given.get("mimetype")) or media_type("mimetype", by_name)
    original = media_type("original_mimetype", given.get("original_mimetype")) or mimetype
    if mimetype is None or original is None:
        raise _wrong("mimetype", given.get("mimetype"))
    return mimetype, original


def _converted(given: Mapping[str, Any], mimetype: str, original_mimetype: str) -> bool:
    if "converted" in given:
        return boolean("converted", given["converted"])
    return mimetype == media_types.WEBP and media_types.KNOWN[original_mimetype].raster


def _stored_type(given: Mapping[str, Any], mimetype: str, original_mimetype: str) -> str | None:
    """Return the type of stored bytes that are delivered as they are; None if they are the upload.

    The older service had converted the file, unless its SHA-256 is still that of the upload.
    """
    if is_of_this_service(given):
        return media_type("stored_mimetype", given.get("stored_mimetype"))
    is_upload = given["signature"] == given.get("original_signature") and original_mimetype != mimetype
    return None if is_upload else mimetype


def _picture(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the focal point and the facts; raises NotUnderstood for values that no picture can have."""
    found = {name: given.get(name) for name in (*FOCUS, *FACTS)}
    for name in FOCUS:
        share = found[name]
        if share is not None and not (type(share) in (int, float) and 0 <= share <= 1):
            raise _wrong(name, share)
    if len({found[name] is None for name in FOCUS}) > 1:
        raise NotUnderstood("focus_x and focus_y must be given together")
    if problem := facts.problem(found):
        raise NotUnderstood(problem[:_SHOWN])
    return found


# Everything


def _check(given: Mapping[str, Any]) -> None:
    """Raise NotUnderstood for texts that cannot be stored in UTF-8, and for lists and objects that cannot be shown."""
    _check_text("".join([*given, *(field for field in given.values() if isinstance(field, str))]))
    for field in given.values():
        if isinstance(field, list | dict):
            _check_nested(field, 1)


def _check_nested(value: object, depth: int) -> None:
    if depth > _DEPTH_MAX:
        raise NotUnderstood(f"a field is nested more than {_DEPTH_MAX} deep")
    if isinstance(value, str):
        _check_text(value)
    _check_number(value)
    if isinstance(value, dict):
        _check_text("".join(value))
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _check_nested(inner, depth + 1)


def _check_number(value: object) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise NotUnderstood("a number in it is too large")
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        raise NotUnderstood("a number in it is too large")


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise NotUnderstood("a text in it is not valid Unicode") from None


def _wrong(name: str, value: object) -> NotUnderstood:
    return NotUnderstood(f"{name} must not be {_shown(value)}", name)


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except RecursionError:
        return type(value).__name__
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
