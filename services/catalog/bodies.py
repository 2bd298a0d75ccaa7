"""JSON bodies of changes, and which fields of an entry a client may name in them."""

from dataclasses import asdict
from typing import Any

import orjson
from starlette.requests import Request

from services.core.entries import SETTABLE, Entry
from services.core.errors import BadRequest, TooLarge

_MAX_JSON = 1024 * 1024
_FORM_ONLY = frozenset({"toWebp"})


async def read_json_object(request: Request) -> dict[str, Any]:
    """Return the body as a JSON object; raises BadRequest when it is none."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_JSON:
            raise TooLarge(f"The JSON body has more than {_MAX_JSON} bytes.", "Send fewer changes at a time.")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        raise BadRequest("The body is not a JSON object.", 'Send one, such as {"expired": true}.')
    return value


def check_patch(entry: Entry, given: dict[str, Any], *, strict: bool) -> None:
    """Raise BadRequest when a change names a field that only the service sets, with another value than it has.

    A client may send back a whole entry that it read. `strict` refuses unknown names too; forms often carry some.
    """
    has = asdict(entry)
    for name, value in given.items():
        if name in SETTABLE or name in _FORM_ONLY:
            continue
        if name in has:
            if value == has[name] or (not strict and value == str(has[name])):
                continue
            raise BadRequest(f"{name} cannot be changed.", f"These can: {', '.join(SETTABLE)}.")
        if strict:
            raise BadRequest(f"An entry has no field {name!r}.", f"These can be changed: {', '.join(SETTABLE)}.")
