"""How a picture has to be turned: what counts, and what does not."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from services.core.assets import orientation
from tests.support.pictures import encoded

IMAGE = Image.new("RGB", (30, 20), (200, 30, 30))
XMP = b'<x:xmpmeta><rdf:RDF xmlns:rdf="r"><rdf:Description tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
KINDS = ("JPEG", "PNG", "WEBP", "TIFF", "AVIF")


def turned(kind: str, number: int, **options: object) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = number
    return encoded(IMAGE, kind, exif=exif, **options)


def found(content: bytes, kind: str) -> int:
    return orientation.of(content, f"image/{kind.lower()}")


@pytest.mark.parametrize("number", range(1, 9))
@pytest.mark.parametrize("kind", KINDS)
def test_every_type_says_it_in_its_way(kind: str, number: int) -> None:
    assert found(turned(kind, number), kind) == number


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_xmp_does_not_count(kind: str) -> None:
    options: dict[str, object] = {"xmp": XMP}
    if kind == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", XMP.decode())
        options = {"pnginfo": info}
    assert found(encoded(IMAGE, kind, **options), kind) == 1
    assert found(turned(kind, 3, **options), kind) == 3


def test_exif_in_a_text_does_not_count() -> None:
    block = b"Exif\0\0MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0)
    info = PngImagePlugin.PngInfo()
    info.add_text("Raw profile type exif", f"\nexif\n{len(block)}\n{block.hex()}")
    assert found(encoded(IMAGE, "PNG", pnginfo=info), "PNG") == 1


def test_exif_behind_the_picture_counts() -> None:
    content = turned("PNG", 6)
    at = content.index(b"eXIf") - 4
    length = 12 + int.from_bytes(content[at : at + 4], "big")
    moved = content[:at] + content[at + length : -12] + content[at : at + length] + content[-12:]
    assert found(moved, "PNG") == 6
    damaged = bytearray(content)
    damaged[at + length - 1] ^= 1
    assert found(bytes(damaged), "PNG") == 1


def test_the_flag_of_a_webp_announces_it() -> None:
    content = bytearray(turned("WEBP", 6))
    content[content.index(b"VP8X") + 8] &= ~0x08
    assert found(bytes(content), "WEBP") == 1


@pytest.mark.parametrize("number", [0, 9, 65535])
def test_what_means_nothing_is_upright(number: int) -> None:
    assert found(turned("JPEG", number), "JPEG") == 1
    assert orientation.of(b"<svg/>", "image/svg+xml") == 1


def test_a_big_tiff_says_it_too() -> None:
    field = struct.pack("<HHQHHI", 0x0112, 3, 1, 8, 0, 0)
    assert orientation.of(b"II+\0" + struct.pack("<HHQQ", 8, 0, 16, 1) + field, "image/tiff") == 8


@given(st.sampled_from(KINDS), st.integers(0, 400), st.binary(max_size=40))
def test_whatever_is_changed_in_a_file_it_is_read(kind: str, at: int, change: bytes) -> None:
    content = turned(kind, 6)
    for broken in (content[:at] + change + content[at + len(change) :], content[:at], content[:at] + change):
        assert found(broken, kind) in range(1, 9)
