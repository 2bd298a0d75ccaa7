"""Which pages of other origins may call the API. Pure."""

import re
from typing import Any

_HEADERS_IN = ("Authorization", "Content-Type", "If-None-Match")
_HEADERS_OUT = (
    "ETag",
    "Link",
    "X-Next-Cursor",
    "X-Purge",
    "X-Request-Id",
    "Retry-After",
    "RateLimit",
    "RateLimit-Policy",
)
_REMEMBERED_SECONDS = 600


def options(origins: tuple[str, ...], methods: tuple[str, ...]) -> dict[str, Any]:
    """Return the options of Starlette's CORSMiddleware. Cookies are never asked for: tokens are sent by hand."""
    return {
        **({"allow_origins": ["*"]} if "*" in origins else {"allow_origin_regex": pattern(origins)}),
        "allow_methods": [method.upper() for method in methods],
        "allow_headers": _HEADERS_IN,
        "expose_headers": _HEADERS_OUT,
        "max_age": _REMEMBERED_SECONDS,
    }


def pattern(origins: tuple[str, ...]) -> str:
    """Return a regular expression of whole origins: a bare name stands for any scheme and port of that host."""
    return "|".join(
        re.escape(origin.rstrip("/")) if "://" in origin else rf"https?://{re.escape(origin)}(?::[0-9]+)?"
        for origin in origins
    )
