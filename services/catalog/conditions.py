"""Whether an entry is still the one that a client has read: ETag and If-Match (RFC 9110 13.1.1)."""

import hashlib
import re
from collections.abc import Callable

from starlette.requests import Request

from services.core.assets.addresses import Addresses
from services.core.errors import BadRequest, EntryChanged
from services.core.state import entry_json

_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_LIST = re.compile(rf"[ \t,]*{_TAG}[ \t]*(?:,[ \t]*(?:{_TAG}[ \t]*)?)*")
_EACH = re.compile(_TAG)


def tag_of(shown: bytes) -> str:
    """Return the ETag of an entry as it is shown."""
    return f'"{hashlib.blake2b(shown, digest_size=12).hexdigest()}"'


def parse_if_match(header: str) -> frozenset[str] | None:
    """Return the strong tags of an If-Match, None for `*`; raises BadRequest.

    Tags that are weak match nothing (strong comparison), so they are left out.
    """
    given = header.strip(" \t")
    if given == "*":
        return None
    if not _LIST.fullmatch(given):
        raise BadRequest(
            "If-Match is neither * nor a list of ETags.", 'Send the ETag of GET /catalog/{uuid} as it is: "0a1b…".'
        )
    return frozenset(tag for tag in _EACH.findall(given) if tag.startswith('"'))


def expected(request: Request, addresses: Addresses) -> Callable[[bytes], None] | None:
    """Return what raises EntryChanged for an entry, as it is stored, that If-Match does not name; None without one."""
    given = request.headers.getlist("if-match")
    tags = parse_if_match(", ".join(given)) if given else None
    if tags is None:
        return None

    def check(raw: bytes) -> None:
        if tag_of(entry_json.list_of([raw], addresses)) not in tags:
            raise EntryChanged

    return check
