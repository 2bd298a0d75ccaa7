import io
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from services.core.assets import media_types

SVG_NAMESPACE = 'xmlns="http://www.w3.org/2000/svg"'


def picture(file_format: str) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (4, 4), "teal").save(content, file_format)
    return content.getvalue()


def iso_media(major: bytes, *compatible: bytes) -> bytes:
    brands = major + b"\0\0\0\0" + b"".join(compatible)
    return (len(brands) + 8).to_bytes(4, "big") + b"ftyp" + brands + b"\0" * 100


@pytest.mark.parametrize(
    ("file_format", "media_type"),
    [
        ("PNG", "image/png"),
        ("JPEG", "image/jpeg"),
        ("WEBP", "image/webp"),
        ("GIF", "image/gif"),
        ("AVIF", "image/avif"),
        ("TIFF", "image/tiff"),
        ("PDF", "application/pdf"),
    ],
)
def test_a_real_file_is_told_by_its_first_bytes(file_format: str, media_type: str) -> None:
    assert media_types.sniff(picture(file_format)[: media_types.SNIFF_BYTES]) == media_type


@pytest.mark.parametrize(
    "svg",
    [
        f"<svg {SVG_NAMESPACE}/>",
        "<svg/>",
        f'<?xml version="1.0" encoding="UTF-8"?>\n<svg {SVG_NAMESPACE} width="1"><rect/></svg>',
        f"\ufeff<svg {SVG_NAMESPACE}/>",
        f"\n  <svg {SVG_NAMESPACE}/>",
        f"<!-- a comment with <html> in it --><svg {SVG_NAMESPACE}/>",
        f'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/x.dtd"><svg {SVG_NAMESPACE}/>',
        '<s:svg xmlns:s="http://www.w3.org/2000/svg"/>',
        f"<!--{'x' * 3900}--><svg {SVG_NAMESPACE}/>",
        f"<svg {SVG_NAMESPACE}><broken",
    ],
)
def test_an_svg_is_told_by_its_first_element(svg: str) -> None:
    assert media_types.sniff(svg.encode()) == "image/svg+xml"


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"hello",
        b"<html><svg/></html>",
        b"<!-- <svg> -->",
        b"<!doctype html><svg>",
        b"<svgs/>",
        b'<svg xmlns="http://example.com/other"/>',
        b"svg",
        b"MZ\x90\0",
        b"PK\x03\x04",
        b"RIFF\0\0\0\0WAVE",
        b"GIF88a",
        b"\xff\xd8",
        b"\x89PNG",
        b"x" * 1025 + b"%PDF-1.7",
        b"<!-- %PDF",
    ],
)
def test_bytes_that_are_no_known_type_are_told_to_be_none(head: bytes) -> None:
    assert media_types.sniff(head) is None


@pytest.mark.parametrize("before", [b"", b" ", b"\r\n", b"\xef\xbb\xbf", b"Content-type: x\n\n", b"x" * 1024, b"<b>"])
def test_a_pdf_may_have_something_before_its_header_as_readers_allow(before: bytes) -> None:
    assert media_types.sniff(before + b"%PDF-1.7") == "application/pdf"


ENTITY = "<!ENTITY a 'b'>"
LONG_SVG = [
    f"<!--{'x' * 5000}--><svg {SVG_NAMESPACE}/>",
    f"<!--%PDF-1.7{'x' * 100_000}--><svg {SVG_NAMESPACE}/>",
    f"<svg {SVG_NAMESPACE} content='{'x' * 300_000}'/>",
    f"<!DOCTYPE svg [{ENTITY * 3000}]><svg {SVG_NAMESPACE}/>",
    f"{' ' * 9000}<svg {SVG_NAMESPACE}/>",
]


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("piece", [999, 4096, 70_000])
def test_an_svg_is_told_however_much_comes_before_its_first_tag_ends(codec: str, piece: int) -> None:
    for svg in LONG_SVG[:-1] if codec.endswith("e") else LONG_SVG:
        content = svg.encode(codec)
        sniffer = media_types.Sniffer()
        for at in range(0, len(content), piece):
            sniffer.feed(content[at : at + piece])
        assert sniffer.media_type() == media_types.sniff(content) == "image/svg+xml"


@pytest.mark.parametrize("content", [b"<!--" + b"x" * 9_000_000, b"<html>" + b"<p>" * 900_000, b"<", b""])
def test_what_only_begins_like_an_svg_is_none_in_no_time(content: bytes) -> None:
    sniffer = media_types.Sniffer()
    started = time.process_time()
    for at in range(0, len(content), 65_536):
        sniffer.feed(content[at : at + 65_536])
    assert sniffer.media_type() is None
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize("label", ["GBK", "windows-1251", "ISO-8859-1", "utf-7", "no-such"])
def test_an_svg_is_told_whatever_encoding_it_says(label: str) -> None:
    svg = f'<?xml version="1.0" encoding="{label}"?><!-- \xe4\xf6 --><svg {SVG_NAMESPACE}/>'
    assert media_types.sniff(svg.encode("latin-1")) == "image/svg+xml"


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (iso_media(b"avif"), "image/avif"),
        (iso_media(b"avis"), "image/avif"),
        (iso_media(b"heic", b"mif1"), "image/heic"),
        (iso_media(b"mif1", b"heic"), "image/heic"),
        (iso_media(b"mif1", b"miaf", b"avif"), "image/avif"),
        (iso_media(b"isom", b"mp42"), None),
        (iso_media(b"isom")[:8], None),
        (b"\xff\xff\xff\xffftypavif", "image/avif"),
    ],
)
def test_avif_and_heic_are_told_by_their_brands(head: bytes, media_type: str | None) -> None:
    assert media_types.sniff(head) == media_type


@given(st.binary(max_size=300) | st.binary(max_size=100).map(lambda tail: b"\0\0\0\x20ftyp" + tail))
def test_no_bytes_are_too_odd_to_be_looked_at(head: bytes) -> None:
    assert media_types.sniff(head) in {None, *media_types.KNOWN}


@pytest.mark.parametrize(
    ("declared", "media_type"),
    [
        ("image/png", "image/png"),
        ("IMAGE/PNG; charset=binary", "image/png"),
        (" image/jpg ", "image/jpeg"),
        ("image/pjpeg", "image/jpeg"),
        ("image/x-png", "image/png"),
        ("application/x-pdf", "application/pdf"),
        ("text/plain", "text/plain"),
        ("", ""),
    ],
)
def test_a_declared_type_is_read_under_its_usual_name(declared: str, media_type: str) -> None:
    assert media_types.canonical(declared) == media_type


@pytest.mark.parametrize(
    ("extension", "media_type"),
    [
        ("jpg", "image/jpeg"),
        ("JPEG", "image/jpeg"),
        ("webp", "image/webp"),
        ("avif", "image/avif"),
        ("tif", "image/tiff"),
        ("svg", "image/svg+xml"),
        ("html", "text/html"),
        ("zzz", None),
        ("", None),
    ],
)
def test_an_extension_claims_a_type(extension: str, media_type: str | None) -> None:
    assert media_types.of_extension(extension) == media_type


def test_every_known_type_is_claimed_by_its_own_extensions() -> None:
    for kind in media_types.KNOWN.values():
        assert {media_types.of_extension(extension) for extension in kind.extensions} == {kind.name}
        assert {media_types.canonical(alias) for alias in kind.aliases} <= {kind.name}


def test_only_svg_and_pdf_are_no_raster_types() -> None:
    assert {name for name, kind in media_types.KNOWN.items() if not kind.raster} == {"image/svg+xml", "application/pdf"}
