"""Whose pages may have the library in a frame, so that people pick files there (LIBRARY_EMBEDDERS). Pure.

The page posts what was picked to these origins, and frames of all others are forbidden. So each is one origin, written
as browsers write it: no pattern, and no host of any scheme or port.
"""

import re

SELF = "'self'"
"""The origin of the page itself."""
_ORIGIN = re.compile(r"(https?)://([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?/?")
_PORTS = {"http": 80, "https": 443}
_PORT_MAX = 65535


def check(origins: tuple[str, ...]) -> tuple[str, ...]:
    """Return the origins as browsers write them; raises ValueError for what is none."""
    return tuple(dict.fromkeys(_written(origin.lower()) for origin in origins))


def _written(origin: str) -> str:
    if origin in ("self", SELF):
        return SELF
    match = _ORIGIN.fullmatch(origin)
    if match is None or int(match[3] or 0) > _PORT_MAX:
        raise ValueError(f"{origin!r}: expected origins such as https://cms.example.com, or 'self'")
    scheme, host, port = match[1], match[2], int(match[3] or _PORTS[match[1]])
    return f"{scheme}://{host}" + ("" if port == _PORTS[scheme] else f":{port}")
