"""The media types TADA knows: their names, their extensions, and how to tell them from their first bytes."""

import mimetypes
from dataclasses import dataclass

from services.core.assets import svg, xml_text
from services.core.assets.containers import pdf

SNIFF_BYTES = 4096
"""How many of the first bytes tell every type but SVG."""
SNIFF_XML_BYTES = 4 * 1024 * 1024
"""How many may be needed for an SVG: all up to the end of its first tag, where editors keep whole documents."""

PNG, JPEG, WEBP, GIF = "image/png", "image/jpeg", "image/webp", "image/gif"
AVIF, HEIC, TIFF = "image/avif", "image/heic", "image/tiff"
SVG, PDF = "image/svg+xml", "application/pdf"

JSON, FORM, HTML, TEXT = "application/json", "multipart/form-data", "text/html", "text/plain"
CSS, JAVASCRIPT = "text/css", "text/javascript"
EVENTS, ZIP = "text/event-stream", "application/zip"
BYTES = "application/octet-stream"
"""The type of bytes about which nothing is known."""
PIECE = "application/offset+octet-stream"
"""The type of some bytes of a file in tus."""


@dataclass(frozen=True, slots=True)
class MediaType:
    """A type that can be uploaded; `raster` ones can be rendered, the others are delivered as stored."""

    name: str
    extensions: tuple[str, ...]
    raster: bool
    aliases: tuple[str, ...] = ()


KNOWN: dict[str, MediaType] = {
    kind.name: kind
    for kind in (
        MediaType(PNG, ("png", "apng"), True, ("image/x-png", "image/apng")),
        MediaType(JPEG, ("jpg", "jpeg", "jpe", "jfif", "pjpeg", "pjp"), True, ("image/jpg", "image/pjpeg")),
        MediaType(WEBP, ("webp",), True),
        MediaType(SVG, ("svg",), False, ("image/svg",)),
        MediaType(PDF, ("pdf",), False, ("application/x-pdf",)),
        MediaType(GIF, ("gif",), True),
        MediaType(AVIF, ("avif", "avifs"), True),
        MediaType(HEIC, ("heic", "heif", "hif", "heics", "heifs"), True, ("image/heif",)),
        MediaType(TIFF, ("tiff", "tif"), True),
    )
}

_BY_EXTENSION = {extension: kind.name for kind in KNOWN.values() for extension in kind.extensions}
_BY_ALIAS = {alias: kind.name for kind in KNOWN.values() for alias in kind.aliases}
_ISO_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), AVIF),
    **dict.fromkeys((b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"), HEIC),
}
# Built-in tables only: what a name claims must not depend on the machine's /etc/mime.types.
_BUILT_IN = mimetypes.MimeTypes()
_WORDS = frozenset({"man", "me", "ms", "tr", "roff", "so", "src", "wiz"})
"""Extensions that the built-in tables know, but that are more likely the end of a name, as in `Pac.Man`."""


def canonical(name: str) -> str:
    """Return a declared media type without parameters, lower case, under its usual name."""
    bare = name.partition(";")[0].strip().lower()
    return _BY_ALIAS.get(bare, bare)


def of_extension(extension: str) -> str | None:
    """Return the media type that a file name's extension (without its dot) claims, None if it claims none.

    A single letter claims none: `Mr.T` and `Plan.A` are names.
    """
    extension = extension.lower()
    if len(extension) < 2 or extension in _WORDS:
        return None
    return _BY_EXTENSION.get(extension) or _BUILT_IN.guess_type(f"x.{extension}")[0]


def sniff(head: bytes) -> str | None:
    """Return the media type of a file by as many of its first bytes as there are; None for one TADA does not know."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return WEBP
    if head.startswith((b"GIF87a", b"GIF89a")):
        return GIF
    if head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return TIFF
    if head[4:8] == b"ftyp":
        return _sniff_iso_media(head)
    if _is_xml(head[:SNIFF_BYTES]) and svg.begins(head):
        return SVG
    return PDF if pdf.begins(head) else None


class Sniffer:
    """Tells the media type of a file that comes in pieces. It keeps only the bytes that it needs."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._enough = SNIFF_BYTES
        self._found: str | None = None

    def feed(self, piece: bytes) -> None:
        """Look at the next piece."""
        if self._enough:
            self._head += piece
            if len(self._head) >= self._enough:
                self._look()
                # Twice as many each time: in total, no more is read again than there is.
                self._enough = 2 * len(self._head) if self._may_become_svg() else 0

    def media_type(self) -> str | None:
        """Return the type of what has come so far; None for a type that TADA does not know."""
        if self._enough:
            self._look()
        return self._found

    def _look(self) -> None:
        self._found = sniff(bytes(self._head))

    def _may_become_svg(self) -> bool:
        if self._found not in (None, PDF) or len(self._head) >= SNIFF_XML_BYTES:
            return False  # Before its first tag, a document may mention the header of a PDF.
        return _is_xml(bytes(self._head[:SNIFF_BYTES]))


def _is_xml(head: bytes) -> bool:
    return xml_text.beginning(head).lstrip(b" \t\r\n")[:1] in (b"", b"<")


def _sniff_iso_media(head: bytes) -> str | None:
    """Return AVIF or HEIC by the brands of the `ftyp` box (ISO/IEC 14496-12, 4.3), the major brand first."""
    end = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))]
    found = [_ISO_BRANDS[brand] for brand in brands if brand in _ISO_BRANDS]
    # AVIF files may name the generic mif1 first: a brand of AVIF anywhere decides.
    return AVIF if AVIF in found else (found[0] if found else None)
