"""The encoding of an XML document, and the document in UTF-8, which every reader here understands. Pure.

Which encoding it is follows from the byte order mark, else from two bytes of UTF-16, else from the XML declaration,
else it is UTF-8 (XML 1.0, 4.3.3 and appendix F). A name means what it means to browsers (WHATWG, Encoding, 4.2). A name
that they do not know is refused, because the text that is checked here must be the text that they read. So UTF-7,
EBCDIC, UTF-32 and encodings with states (ISO-2022, HZ) are not read.
"""

import codecs
import re

from services.core.assets.containers import Malformed

_HEAD = 1024
"""Bytes in which a declaration ends, if there is one."""
_UTF_32 = (b"\xff\xfe\0\0", b"\0\0\xfe\xff", b"<\0\0\0", b"\0\0\0<")
_MARKS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
    # Without a mark: the first character of a document is <.
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
_QUOTED = r"""(?:'[^'<]*'|"[^"<]*")"""
_DECLARATION = re.compile(
    rf"<\?xml(?:\s+version\s*=\s*{_QUOTED})?(?:\s+encoding\s*=\s*(?P<label>{_QUOTED}))?"
    rf"(?:\s+standalone\s*=\s*{_QUOTED})?\s*\?>"
)
_READ_AS = {
    # If the declaration could be read byte by byte, the document is not UTF-16, even if the declaration says so.
    # Programs that write a text to a file as UTF-8 often keep such a declaration.
    **dict.fromkeys(("utf-8", "utf-16", "utf-16-le", "utf-16-be", "ascii"), "utf-8"),
    **{f"iso8859-{part}": f"iso8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)},
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "cp874": "cp874",
    **{f"cp125{page}": f"cp125{page}" for page in range(9)},
    **{name: name for name in ("koi8-r", "koi8-u", "cp866", "mac-roman", "mac-cyrillic", "euc_jp")},
    **dict.fromkeys(("gb2312", "gbk", "gb18030"), "gb18030"),
    **dict.fromkeys(("big5", "big5hkscs", "cp950"), "big5hkscs"),
    **dict.fromkeys(("shift_jis", "cp932"), "cp932"),
    **dict.fromkeys(("euc_kr", "cp949"), "cp949"),
}
"""How a document is read, by Python's name of the encoding that its declaration states."""


def utf8(document: bytes) -> bytes:
    """Return a document in UTF-8, without a mark and without its declaration.

    Raises Malformed for an encoding that is not read, and for bytes that are not valid in it.
    """
    codec = encoding(document)
    if codec == "utf-8":
        document = document.removeprefix(codecs.BOM_UTF8)
        declaration = _declaration(document)
        return document[declaration.end() :] if declaration else document
    try:
        text = document.decode(codec)
    except UnicodeDecodeError as error:
        raise Malformed(f"is not valid {codec} at byte {error.start}, though it states that encoding") from None
    return _bare(text).encode()


def beginning(head: bytes) -> bytes:
    """Return the beginning of a document, as far as it can be read, in UTF-8; for telling what the document is."""
    try:
        codec = encoding(head)
    except Malformed:
        codec = "iso8859-1"  # If its beginning is not ASCII, it cannot be told.
    if codec == "utf-8":
        return head[3:] if head.startswith(codecs.BOM_UTF8) else head
    return _bare(codecs.getincrementaldecoder(codec)("replace").decode(head)).encode()


def encoding(document: bytes) -> str:
    """Return Python's name of the encoding of a document; raises Malformed for one that is not read."""
    if document.startswith(_UTF_32):
        raise Malformed("is UTF-32, which browsers do not read")
    for mark, codec in _MARKS:
        if document.startswith(mark):
            return codec
    label = _label(document)
    if not label:
        return "utf-8"
    try:
        read_as = _READ_AS.get(codecs.lookup(label.removeprefix("x-")).name)
    except (LookupError, ValueError):
        read_as = None
    if read_as is None:
        raise Malformed(f"has an encoding that browsers do not read, {label[:40]!r}")
    return read_as


def _label(document: bytes) -> str:
    declaration = _declaration(document)
    return declaration["label"][1:-1].strip().lower() if declaration and declaration["label"] else ""


def _declaration(document: bytes) -> re.Match[str] | None:
    return _DECLARATION.match(document[:_HEAD].decode("latin-1"))


def _bare(text: str) -> str:
    text = text.removeprefix("\ufeff")
    declaration = _DECLARATION.match(text[:_HEAD])
    return text[declaration.end() :] if declaration else text
