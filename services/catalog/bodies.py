"""JSON bodies of changes, and which fields of an entry they may have."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import orjson
from starlette.requests import Request

from services.catalog.middleware.arguments import NAME_MAX
from services.core.assets import media_types, reading
from services.core.assets.addresses import SHOWN
from services.core.assets.entries import IF_KNOWN, SETTABLE, Entry
from services.core.assets.facts import FACTS
from services.core.assets.reading import SHOWN_BESIDE, NotUnderstood
from services.core.errors import BadRequest, TooLarge, WrongContentType
from services.core.near_names import nearest

_MAX_JSON = 1024 * 1024
_MAX_ITEMS = 1000
_CHOOSES = ("namespace", "uuids", "uuid")
ENTRY_FIELDS = (*(field.name for field in fields(Entry) if field.name != "more"), *SHOWN)
"""The fields that an entry of this service is shown with. Others may have some that only the older service knew."""
DELETION_FIELDS = tuple(dict.fromkeys((*_CHOOSES, *ENTRY_FIELDS, *SHOWN_BESIDE)))
"""What an item of a list of deletions may have: an entry that the client has read may be sent back."""
UPLOAD_FIELDS = ("namespace", "destination", "filename", "toWebp", *SETTABLE)
"""The text fields of a form that have an effect on a new asset."""
CHANGE_FIELDS = ("toWebp", *ENTRY_FIELDS, *SHOWN_BESIDE)
"""The text fields of a form of changes that are known: a whole entry may be sent back."""
PLACE = ("destination", "filename")
"""The fields of a change that give an asset another path."""
_MOVES_ON = ("updated_date", "content_date")
"""Dates that each change moves on: a client may have read the entry before the last one."""
_NO_FIELDS = frozenset({"toWebp", *SHOWN_BESIDE})
_NOTHING = (None, "", "null", str(None))
_SEND_NONE = "Send it without one."


async def read_json_object(request: Request, example: str) -> dict[str, Any]:
    """Return the body as a JSON object; raises BadRequest if it is something else."""
    return _object(request, await _read(request), example)


async def read_optional_object(request: Request, example: str) -> dict[str, Any]:
    """Return the body as a JSON object, an empty one when there is no body; raises BadRequest."""
    body = await _read(request)
    return _object(request, body, example) if body.strip() else {}


async def need_no_body(request: Request) -> None:
    """Raise BadRequest for a body where none is expected: it may be meant to choose something, so it is not ignored."""
    body = (await _read(request, _SEND_NONE)).strip()
    if body not in (b"", b"{}"):
        raise BadRequest(f"{request.method} {request.url.path} takes no body.", _SEND_NONE)


async def read_json_list(request: Request, example: str) -> list[dict[str, Any]]:
    """Return the body as a list of JSON objects; raises BadRequest if it is something else."""
    value = _parsed(request, await _read(request), "a list of JSON objects", example)
    if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
        raise _unfit("a list of JSON objects", example)
    if len(value) > _MAX_ITEMS:
        raise TooLarge(f"The list has more than {_MAX_ITEMS} items.", "Send fewer at a time.")
    return value


async def _read(request: Request, hint: str = "Send fewer changes at a time.") -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_JSON:
            raise TooLarge(f"The JSON body has more than {_MAX_JSON} bytes.", hint)
    return bytes(body)


def _parsed(request: Request, body: bytes, wanted: str, example: str) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        is_json = request.headers.get("content-type", "").startswith(media_types.JSON)
        raise _unfit(wanted, example, f": {error}", BadRequest if is_json else WrongContentType) from None


def _object(request: Request, body: bytes, example: str) -> dict[str, Any]:
    value = _parsed(request, body, "a JSON object", example)
    if not isinstance(value, dict):
        raise _unfit("a JSON object", example)
    return value


def _unfit(wanted: str, example: str, why: str = "", kind: type[BadRequest] = BadRequest) -> BadRequest:
    return kind(f"The body is not {wanted}{why}.", f"Send one, such as {example}.")


def namespace_of(given: Mapping[str, object]) -> str | None:
    """Return the namespace that a body or a form names, None if it names none."""
    named = given.get("namespace")
    return named.strip() or None if isinstance(named, str) else None


def text_list(name: str, value: object) -> list[str]:
    """Read a comma separated text or a list of texts; raises BadRequest."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise BadRequest(
            f"{name} must be a list of texts, or one comma separated text.", 'Send a list such as ["…", "…"].'
        )
    return [part.strip() for part in parts if part.strip()]


def check_deletion(item: dict[str, Any]) -> None:
    """Raise BadRequest if an item of a list of deletions has a field that would be ignored.

    It may be a whole entry that the client has read, with all that the older service knew of it; only its uuid chooses
    the entry.
    """
    if "uuid" in item and "unique_name" in item:
        return
    unknown = next((name for name in item if name not in DELETION_FIELDS), None)
    if unknown is not None:
        raise BadRequest(
            f"A deletion has no field {unknown[:NAME_MAX]!r}: nothing was deleted.",
            f"It takes: {', '.join(_CHOOSES)}.",
        )


def form_warnings(
    given: Iterable[str], repeated: Collection[str], known: Collection[str], entries: Iterable[Entry]
) -> Iterator[str]:
    """Yield what a client should know about the names of a form's fields: which had no effect, or only in part.

    Fields that only the older service knew of the written entries may be sent back.
    """
    theirs = {name for entry in entries for name in entry.more}
    for name in given:
        if name not in known and name not in theirs:
            meant = nearest(name, known)
            hint = f" Did you mean {meant!r}?" if meant else ""
            yield f"The form has a field {name[:NAME_MAX]!r}, which is unknown and had no effect.{hint}"
        elif name in repeated:
            yield f"The form has more than one field {name!r}: the last one counted."


@dataclass(frozen=True, slots=True)
class Place:
    """Where a client wants an asset to be; None keeps what it has."""

    destination: str | None
    filename: str | None


def place_in(given: Mapping[str, object]) -> Place | None:
    """Return the place that a change names, None if it names none; raises BadRequest for a value that is not a text."""
    destination, filename = (_text_or_none(name, given.get(name)) for name in PLACE)
    return None if destination is None and filename is None else Place(destination, filename)


def _text_or_none(name: str, value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise BadRequest(f"{name} is not a text.", "Send a string, or leave it out.")


def without_place(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in PLACE}


def check_patch(entry: Entry, given: dict[str, Any], *, strict: bool) -> None:
    """Raise BadRequest if a change has a field that only the service sets, with a new value.

    A client may send back a whole entry that it read, even one from before the facts about its picture were known, or
    as the older service wrote it. `strict` refuses unknown names too; forms often carry some.
    """
    has = {**dict.fromkeys(IF_KNOWN), **entry.fields}
    for name, value in given.items():
        if name in SETTABLE or name in _NO_FIELDS or (name in FACTS and value in _NOTHING):
            continue
        if name == "uuid":
            same = entry.is_named(str(value))
        elif name in SHOWN:
            same = _was_shown(name, value, entry)
        elif name in has:
            same = value == has[name] or _means(name, value, entry) or (not strict and value == str(has[name]))
        elif strict:
            raise BadRequest(f"An entry has no field {name!r}.", f"These fields can be changed: {', '.join(SETTABLE)}.")
        else:
            continue
        if not same:
            hint = f"These fields can be changed: {', '.join(SETTABLE)}."
            if name in PLACE:
                hint = "PATCH /file/{uuid} gives an asset another destination or filename, without a new file."
            raise BadRequest(f"{name} cannot be changed.", hint)


def _means(name: str, value: object, entry: Entry) -> bool:
    """Say whether a value of a field means what the entry has, as `"3"` means 3, or has had before a change."""
    if name == "filename" or name in entry.more:
        return False
    try:
        if name in _MOVES_ON:
            return (reading.date(name, value) or "") <= (getattr(entry, name) or "")
        read = reading.read({**entry.fields, "updated_date": None, name: value}, entry.uploaded_date)
    except NotUnderstood:
        return False
    return bool(getattr(read, name) == getattr(entry, name))


def _was_shown(name: str, value: object, entry: Entry) -> bool:
    """Say whether an answer may have had an address: the settings may have been others when the client read it."""
    return isinstance(value, str) and (name != "public_url" or re.sub("/+", "/", value).endswith(entry.unique_name))
