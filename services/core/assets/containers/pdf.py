"""PDF (ISO 32000-2, 7.5): a header, objects, and the position of the table of objects. Readers are not strict.

They accept a header that begins within the first 1024 bytes, and an end that has something behind it (Adobe's
implementation notes 13 and 18 to PDF 1.7; PDFium does the same).
"""

import re
from mmap import mmap

HEADER = b"%PDF-"
_HEADER_WITHIN = 1024
# If the end mark is missing, the position of the table of objects counts as the end.
_END = re.compile(rb"%%EOF|startxref\s+[0-9]+\s")
_OBJECT = re.compile(rb"[0-9]\s+[0-9]+\s+obj\b")


def begins(head: bytes) -> bool:
    """Say whether a file has the header of a PDF where readers look for it."""
    return HEADER in head[: _HEADER_WITHIN + len(HEADER)]


def is_cut(document: bytes | mmap) -> bool:
    """Say whether a file breaks off: no end comes behind its last object.

    What lies behind the end does not matter. A file with appended changes has several ends. A file for reading over a
    network (annex F) has two. Only the last one counts.
    """
    end = max(document.rfind(b"%%EOF"), document.rfind(b"startxref"))
    return not (end >= 0 and _END.match(document[end : end + 64] + b"\n")) or bool(_OBJECT.search(document, end))
