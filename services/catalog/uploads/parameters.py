"""The parameters of a part's Content-Disposition, in all the ways in which clients write letters outside ASCII.

Browsers and curl write UTF-8 as it is. Other clients write `filename*` (RFC 8187), alone or beside `filename`; .NET
writes both, the latter as words of RFC 2047. RFC 7578 forbids these, but clients send them.
"""

import re
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message

from python_multipart.multipart import parse_options_header

_USED = ("name", "filename")
_WORD = r"=\?[^?\s]+\?[BbQq]\?[^?\s]*\?="
_WORDS = re.compile(rf"{_WORD}(?:\s+{_WORD})*")


class NotReadable(ValueError):
    """The text of a parameter has no known encoding."""


def read(header: bytes) -> dict[str, str]:
    """Return the name and the filename of a header, if it has them.

    Of `name*` and `name`, the first counts if it can be read. Raises NotReadable.
    """
    _, options = parse_options_header(header)
    plain = {name: options[name.encode()] for name in _USED if name.encode() in options}
    found = {}
    for name, text in (_extended(header) if b"*" in header else {}).items():
        if text is not None:
            found[name] = text
        elif name not in plain:
            raise NotReadable(name)
    return {**{name: _plain(name, value) for name, value in plain.items() if name not in found}, **found}


def _plain(name: str, raw: bytes) -> str:
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise NotReadable(name) from None
    if not _WORDS.fullmatch(text):
        return text
    try:
        return _of_unicode(str(make_header(decode_header(text))))
    except (ValueError, LookupError, HeaderParseError):
        return text


def _extended(header: bytes) -> dict[str, str | None]:
    """Return the parameters in the syntax of RFC 2231 and RFC 8187, None for one that cannot be read."""
    message = Message()
    message["content-disposition"] = header.decode("latin-1")
    found: dict[str, str | None] = {}
    try:
        parameters = message.get_params([], "content-disposition")
    except (TypeError, ValueError):  # `name*` beside `name*0`, or a number of thousands of digits
        return dict.fromkeys(_USED)
    for name, value in parameters:
        if name.lower() in _USED and isinstance(value, tuple):
            charset, _, text = value
            try:
                found[name.lower()] = _of_unicode(text.encode("latin-1").decode(charset or "us-ascii"))
            except (ValueError, LookupError):
                found[name.lower()] = None
    return found


def _of_unicode(text: str) -> str:
    """Return the text if it can be written as UTF-8; raises ValueError if not: some decoders make such texts."""
    text.encode()
    return text
