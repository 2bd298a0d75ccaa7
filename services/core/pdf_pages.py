"""Opens PDF documents with PDFium. Only processes in a sandbox import this module: nothing can stop PDFium."""

from contextlib import suppress
from pathlib import Path

from pypdfium2 import PdfDocument, PdfiumError, PdfPage, raw

from services.core.assets.containers import Malformed

_REASONS = {
    raw.FPDF_ERR_SUCCESS: "has no page",
    raw.FPDF_ERR_PASSWORD: "needs a password",
    raw.FPDF_ERR_SECURITY: "is encrypted in a way that is not supported",
}


def first_page(source: bytes | Path) -> tuple[PdfDocument, PdfPage]:
    """Return a document and its first page; raises Malformed. Of a file on disk, only the parts needed are read."""
    try:
        document = PdfDocument(source)
    except PdfiumError as error:
        raise Malformed(_REASONS.get(error.err_code, "is damaged: no page can be found in it")) from None
    # Before the page is loaded: its fields are drawn as those who filled them in saw them.
    with suppress(PdfiumError):
        document.init_forms()
    try:
        return document, document[0]
    except (PdfiumError, IndexError):
        raise Malformed("is damaged: its first page cannot be read") from None
