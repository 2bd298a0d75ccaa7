"""The name under which a client wants to save an answer: `?download=NAME`. Pure.

nginx writes it into Content-Disposition, as no byte depends on it (gateway/nginx/tada/saving.lua). A name that it
refuses comes here as it is, so that somebody says why. A test holds both to one table.
"""

import unicodedata
from urllib.parse import unquote_to_bytes

from services.core.errors import BadRequest

BYTES_MAX = 300
"""In UTF-8: longer than what file systems take."""
ARGUMENT = "download"


def check(arguments: dict[str, str]) -> None:
    """Raise BadRequest unless the name among the arguments of an address, if there is one, is a valid one."""
    written = arguments.get(ARGUMENT, "")
    if written and not _is_valid(written):
        raise BadRequest(
            f"download is not a valid file name: {written[:BYTES_MAX]!r}.",
            f"Send 1, or a name of at most {BYTES_MAX} bytes as UTF-8, percent-encoded as encodeURIComponent does, "
            "without slashes and control characters.",
        )


def _is_valid(written: str) -> bool:
    raw = written.replace("+", " ").encode("latin-1", "replace")
    name = unquote_to_bytes(raw)
    try:
        text = name.decode()
    except UnicodeDecodeError:
        return False
    # A percent sign that begins no byte is still there.
    plain = len(raw) == len(name) + 2 * raw.count(b"%")
    forbidden = any(letter in "/\\" or unicodedata.category(letter) == "Cc" for letter in text)
    return plain and not forbidden and len(name) <= BYTES_MAX
