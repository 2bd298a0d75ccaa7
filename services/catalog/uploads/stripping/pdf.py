"""PDF (ISO 32000-2): who made the document, when and with what.

Removed: the entries of the Info dictionary (14.3.3), every XMP metadata stream, of the document and of its parts
(14.3.2), and what earlier revisions of the file hold (7.5.6). Kept: streams as they are compressed, object streams,
linearization, and the Info entries that say how to print. qpdf, in pikepdf, does the reading and the writing.

An encrypted, signed or damaged document is left as it is: writing it again would break it.
"""

from pathlib import Path

import pikepdf
from pikepdf import Dictionary, Object, Pdf, Stream, StreamDecodeLevel

from services.catalog.uploads.stripping.rewriting import replacement

_FOR_PRINTING = frozenset({"/Trapped", "/GTS_PDFXVersion", "/GTS_PDFXConformance"})
_SIGNATURES_EXIST = 1
# What qpdf and pikepdf raise for a document that is not valid.
_DAMAGED = (pikepdf.PikepdfError, RuntimeError, ValueError, TypeError, AttributeError, LookupError)

# Only object and reference streams are unpacked here, and no valid one is so large.
pikepdf.settings.set_qpdf_limits(flate_max_memory=64 * 1024 * 1024)


class _LeaveAlone(Exception):
    """The document must stay as it is."""


def strip(path: Path) -> bool:
    """Remove the metadata of a PDF file; see `strip_file`."""
    try:
        # The reader must not repair anything: its guesses must not become the document.
        with Pdf.open(path, attempt_recovery=False, inherit_page_attributes=False) as document:
            return _strip(document, path)
    except (_LeaveAlone, *_DAMAGED):
        return False


def _strip(document: Pdf, path: Path) -> bool:
    linearized = document.is_linearized
    if document.is_encrypted or _is_signed(document):
        raise _LeaveAlone
    revised = "/Prev" in document.trailer and not linearized
    # All three are done, even if the first one finds something.
    if not any([_strip_info(document), _strip_xmp(document), revised]):
        return False
    with replacement(path) as target:
        document.save(
            target,
            linearize=linearized,
            compress_streams=False,
            stream_decode_level=StreamDecodeLevel.none,
            fix_metadata_version=False,
            deterministic_id=True,
        )
        if document.get_warnings():
            raise _LeaveAlone
    return True


def _is_signed(document: Pdf) -> bool:
    """Say whether there are signatures (12.7.3) or usage rights (12.8.6): both cover the bytes of the file."""
    form = document.Root.get("/AcroForm")
    flags = form.get("/SigFlags", 0) if isinstance(form, Dictionary) else 0
    return "/Perms" in document.Root or (isinstance(flags, int) and bool(flags & _SIGNATURES_EXIST))


def _strip_info(document: Pdf) -> bool:
    info = document.trailer.get("/Info")
    if not isinstance(info, Dictionary):
        return False
    told = [key for key in info.keys() if key not in _FOR_PRINTING]  # noqa: SIM118 (it is no mapping)
    for key in told:
        del info[key]
    if not info.keys():
        del document.trailer["/Info"]
    return bool(told)


def _strip_xmp(document: Pdf) -> bool:
    found = False
    for thing in document.objects:
        if isinstance(thing, (Dictionary, Stream)) and isinstance(thing.get("/Metadata"), Stream):
            del thing["/Metadata"]
            found = True
        # If a nested object refers to one, it stays as an empty one.
        if _is_xmp(thing) and thing.get("/Length") != 0:
            thing.write(b"")
            found = True
    return found


def _is_xmp(thing: Object) -> bool:
    return isinstance(thing, Stream) and thing.get("/Type") == "/Metadata"
