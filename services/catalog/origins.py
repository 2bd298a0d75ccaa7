"""What ORIGINS_ALLOWED means: which pages of other origins may use the API.

A name alone means any scheme and any port of that host. What is between two slashes is a regular expression, as the
older service read it: it may match anywhere in the origin. gateway/nginx/render.py has the same rule for nginx;
tests/unit/test_origins.py holds both to one table.
"""

import re


def check(origins: tuple[str, ...]) -> tuple[str, ...]:
    """Return the origins; raises ValueError for a regular expression that is none."""
    for origin in filter(_is_expression, origins):
        inner = origin[1:-1]
        if not inner or not origin.endswith("/") or not inner.isprintable():
            raise ValueError(f"{origin!r}: expected a regular expression between two slashes, without a comma")
        try:
            # Alone it may be none, as `a)|(b`, and none within a larger one, as `(?i)a`.
            re.compile(inner)
            re.compile(pattern((origin,)))
        except re.error as error:
            raise ValueError(f"{origin!r} is not a valid regular expression ({error})") from None
    return origins


def pattern(origins: tuple[str, ...]) -> str:
    """Return a regular expression of whole origins."""
    return "|".join(_pattern(origin) for origin in origins)


def _pattern(origin: str) -> str:
    if _is_expression(origin):
        return f".*(?:{origin[1:-1]}).*"
    whole = re.escape(origin.rstrip("/"))
    return f"(?i:{whole if '://' in origin else rf'https?://{whole}(?::[0-9]+)?'})"


def _is_expression(origin: str) -> bool:
    return origin.startswith("/")
