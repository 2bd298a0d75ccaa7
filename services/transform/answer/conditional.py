"""What a client has already, and which part it wants: validators and conditions of a request (RFC 9110, 13 and 14)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime
from functools import lru_cache

from starlette.requests import Request

from services.core.assets.entries import Entry
from services.core.serving.web import matches
from services.transform.render.plan import Plan, tag


def validators(entry: Entry, form: str, *, last_call: bool) -> dict[str, str]:
    """Return the ETag, made of everything that determines the bytes, and the date since when they are these.

    `form` says what is made of the stored bytes; it is empty for the bytes themselves. The last answers before an
    expiry have an ETag of their own: caches must take their new headers, not only a 304.
    """
    tag = "-".join(part for part in (entry.signature[:32], form, "last" if last_call else "") if part)
    return {"etag": f'"{tag}"', "last-modified": _http_date(entry.delivered_since)}


def form(plan: Plan, revision: int) -> str:
    """Write everything that determines the bytes of a rendition besides its source."""
    return f"{tag(plan)}r{revision}"


def unchanged(request: Request, headers: Mapping[str, str]) -> bool:
    """Say whether the client has these bytes already (RFC 9110, 13.2.2)."""
    if "if-none-match" in request.headers:
        return matches(request, headers["etag"])
    if "if-modified-since" not in request.headers:
        return False
    since = _date(request.headers["if-modified-since"])
    changed = _date(headers["last-modified"])
    return since is not None and changed is not None and changed <= since


def wanted_range(request: Request, headers: Mapping[str, str]) -> str:
    """Return the Range header of a GET, unless If-Range says that the client's part may be of other bytes.

    A date never says that they are the same: it is of a second, in which there can be two versions (RFC 9110, 8.8.2.2).
    """
    if request.method != "GET" or request.headers.get("if-range", headers["etag"]) != headers["etag"]:
        return ""
    return request.headers.get("range", "")


@lru_cache(maxsize=1024)
def _http_date(timestamp: str) -> str:
    return formatdate(datetime.fromisoformat(timestamp).timestamp(), usegmt=True)


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
