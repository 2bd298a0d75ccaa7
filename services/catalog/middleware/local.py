"""If no token is configured, only programs on this machine may write, and no web pages from elsewhere.

A browser on this machine can reach a loopback address for any page that it shows. Its headers tell: `Sec-Fetch-Site`
and `Origin` name the relation and the origin of the page, and no page can change them. If the name of a page was
changed to lead to this machine (DNS rebinding), the page has the same origin. Then its `Host` tells.
"""

from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from services.core.errors import Forbidden

_OWN_PAGES = ("same-origin", "none")
_HINT = "Set MEDIA_TOKEN, and send it as 'Authorization: Bearer <token>'."


def check(headers: Mapping[str, str]) -> None:
    """Raise Forbidden for a request that a page of another origin may have made; `headers` are in small letters."""
    host = headers.get("host", "localhost").lower()
    if not _is_local(host):
        raise Forbidden(f"Without a token, this is possible only on localhost, not on {host!r}.", _HINT)
    origin, relation = headers.get("origin"), headers.get("sec-fetch-site")
    if origin is not None and _place(origin) != host:
        raise Forbidden(f"Without a token, a page of another origin cannot do this ({origin!r}).", _HINT)
    if relation is not None and relation not in _OWN_PAGES:
        raise Forbidden(f"Without a token, a page of another origin cannot do this ({relation!r}).", _HINT)


def _is_local(host: str) -> bool:
    try:
        name = (urlsplit(f"//{host}").hostname or "").removesuffix(".")
        return name == "localhost" or name.endswith(".localhost") or ip_address(name).is_loopback
    except ValueError:
        return False


def _place(origin: str) -> str:
    try:
        return urlsplit(origin.lower()).netloc
    except ValueError:
        return ""
