"""Metadata goes, every pixel stays: the tests decode both files and compare."""

import io
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageOps, ImageSequence

from services.catalog.uploads.stripping import strip_file, svg
from services.core.errors import BadRequest, StorageDown
from tests.support.png import chunk

SECRET = b"Jane Roe was here"
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a>' + SECRET + b"</a></x:xmpmeta>"
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
JPEG, PNG, WEBP, SVG, PDF = "image/jpeg", "image/png", "image/webp", "image/svg+xml", "application/pdf"
NAME = "host-1-abcd~0123456789abcdef.part"


def stripped(folder: Path, content: bytes, media_type: str) -> bytes:
    """Return what becomes of a file that has something to remove, having seen that nothing is left to remove."""
    path = folder / NAME
    path.write_bytes(content)
    assert strip_file(path, media_type)
    after = path.read_bytes()
    assert after != content
    assert not strip_file(path, media_type)
    assert path.read_bytes() == after
    assert list(folder.iterdir()) == [path]
    return after


def unchanged(folder: Path, content: bytes, media_type: str) -> bool:
    path = folder / NAME
    path.write_bytes(content)
    inode = path.stat().st_ino
    changed = strip_file(path, media_type)
    assert (path.read_bytes(), path.stat().st_ino) == (content, inode)
    assert list(folder.iterdir()) == [path]
    return not changed


def refused(folder: Path, content: bytes, media_type: str) -> bool:
    path = folder / NAME
    path.write_bytes(content)
    with pytest.raises(BadRequest) as raised:
        strip_file(path, media_type)
    assert raised.value.hint
    assert path.read_bytes() == content
    assert list(folder.iterdir()) == [path]
    return True


def exif(orientation: int = 1) -> bytes:
    tags = Image.Exif()
    tags[0x0112] = orientation
    tags[0x013B] = SECRET.decode()
    tags.get_ifd(0x8825).update({1: "N", 2: (48.0, 51.0, 30.0), 3: "E", 4: (2.0, 17.0, 40.0)})
    return tags.tobytes()


def opened(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def same_pixels(before: bytes, after: bytes) -> bool:
    one, other = opened(before), opened(after)
    assert (one.mode, one.size) == (other.mode, other.size)
    upright, other_upright = np.asarray(ImageOps.exif_transpose(one)), np.asarray(ImageOps.exif_transpose(other))
    return np.array_equal(np.asarray(one), np.asarray(other)) and np.array_equal(upright, other_upright)


def frames(content: bytes) -> list[tuple[bytes, float]]:
    image = Image.open(io.BytesIO(content))
    return [(frame.convert("RGBA").tobytes(), frame.info["duration"]) for frame in ImageSequence.Iterator(image)]


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body


def chunk_names(content: bytes) -> list[bytes]:
    names, at = [], 8
    while at < len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        body = content[at + 4 : at + 8 + length]
        assert zlib.crc32(body) == int.from_bytes(content[at + 8 + length : at + 12 + length], "big")
        names.append(body[:4])
        at += 12 + length
    return names


def riff(content: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """Return a WebP with more chunks behind those it has."""
    body = content[8:] + b"".join(
        name + len(data).to_bytes(4, "little") + data + b"\0" * (len(data) % 2) for name, data in chunks
    )
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def talkative_jpeg(image: Image.Image, orientation: int = 1, **options: object) -> bytes:
    """Return a JPEG with everything in it that has no part in the picture."""
    file = io.BytesIO()
    image.save(file, "JPEG", exif=exif(orientation), xmp=XMP, icc_profile=ICC, comment=SECRET, **options)
    content = file.getvalue()
    iptc = b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\x15\x1c\x02\x50\0\x11" + SECRET
    extra = segment(0xED, iptc) + segment(0xE2, b"FPXR\0" + SECRET) + segment(0xE0, b"JFXX\0\x10" + SECRET)
    return content[:2] + extra + segment(0xEB, SECRET) + content[2:] + SECRET


def photo(photos: dict[str, bytes], name: str = "china.jpg") -> Image.Image:
    return opened(photos[name])


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jpeg_loses_its_metadata_and_nothing_else(
    tmp_path: Path, photos: dict[str, bytes], orientation: int, progressive: bool
) -> None:
    before = talkative_jpeg(photo(photos), orientation, progressive=progressive)
    assert before.count(b"\xff\xda") > 5 or not progressive
    after = stripped(tmp_path, before, JPEG)
    assert same_pixels(before, after)
    assert opened(after).info["icc_profile"] == ICC
    assert SECRET not in after
    assert b"xmpmeta" not in after
    assert dict(opened(after).getexif()) == ({} if orientation == 1 else {0x0112: orientation})
    assert after[after.index(b"\xff\xdb") :] == before[before.index(b"\xff\xdb") : -len(SECRET)]


@pytest.mark.parametrize("mode", ["CMYK", "L"])
def test_a_jpeg_of_other_colours_stays_what_it_is(tmp_path: Path, photos: dict[str, bytes], mode: str) -> None:
    before = talkative_jpeg(photo(photos).convert(mode), 6)
    after = stripped(tmp_path, before, JPEG)
    assert same_pixels(before, after)
    assert SECRET not in after
    assert (b"Adobe\0" in after) == (mode == "CMYK")


def test_a_photograph_as_cameras_write_it_is_understood(tmp_path: Path, photos: dict[str, bytes]) -> None:
    for name in ("china.jpg", "flower.jpg"):
        path = tmp_path / NAME
        path.write_bytes(photos[name])
        strip_file(path, JPEG)
        assert same_pixels(photos[name], path.read_bytes())


def test_a_jpeg_may_have_restart_markers_and_fill_bytes(tmp_path: Path, photos: dict[str, bytes]) -> None:
    plain = talkative_jpeg(photo(photos), restart_marker_rows=1)
    assert b"\xff\xd3" in plain
    at = plain.index(b"\xff\xdb")
    before = plain[:at] + b"\xff\xff\xff" + plain[at:]
    after = stripped(tmp_path, before, JPEG)
    assert same_pixels(before, after)
    assert b"\xff\xff\xff\xff\xdb" in after


def test_a_thumbnail_in_the_jfif_header_goes(tmp_path: Path, photos: dict[str, bytes]) -> None:
    plain = photos["china.jpg"]
    assert plain[6:11] == b"JFIF\0"
    header = segment(0xE0, plain[6:18] + b"\x02\x02" + SECRET[:12])
    before = plain[:2] + header + plain[20:]
    after = stripped(tmp_path, before, JPEG)
    assert same_pixels(before, after)
    assert SECRET[:12] not in after


def test_the_second_picture_of_a_camera_goes(tmp_path: Path, photos: dict[str, bytes]) -> None:
    file = io.BytesIO()
    photo(photos).save(file, "MPO", save_all=True, append_images=[photo(photos, "flower.jpg")])
    after = stripped(tmp_path, file.getvalue(), JPEG)
    assert (opened(file.getvalue()).format, opened(after).format) == ("MPO", "JPEG")
    assert same_pixels(file.getvalue(), after)
    assert len(after) < len(file.getvalue()) * 0.7


def test_comments_between_the_scans_of_a_jpeg_go(tmp_path: Path, photos: dict[str, bytes]) -> None:
    file = io.BytesIO()
    photo(photos).save(file, "JPEG", progressive=True)
    plain = file.getvalue()
    at = plain.index(b"\xff\xc4", plain.index(b"\xff\xda"))
    before = plain[:at] + segment(0xFE, SECRET) + plain[at:]
    assert stripped(tmp_path, before, JPEG) == plain


def test_fill_bytes_at_the_edge_of_a_block_end_no_scan(
    tmp_path: Path, photos: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = talkative_jpeg(photo(photos, "flower.jpg").resize((64, 48)), progressive=True)
    expected = stripped(tmp_path, before, JPEG)
    for size in (2, 3, 7, 64):
        monkeypatch.setattr("services.core.assets.containers.jpeg._BLOCK", size)
        assert stripped(tmp_path, before, JPEG) == expected


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_png_loses_its_metadata_and_nothing_else(tmp_path: Path, photos: dict[str, bytes], orientation: int) -> None:
    file = io.BytesIO()
    photo(photos, "astronaut.png").save(
        file, "PNG", exif=exif(orientation), icc_profile=ICC, dpi=(300, 300), gamma=0.45
    )
    texts = [chunk(b"tEXt", b"Author\0" + SECRET), chunk(b"zTXt", b"Author\0\0" + zlib.compress(SECRET))]
    texts += [chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP), chunk(b"tIME", b"\x07\xe9\x01\x01\0\0\0")]
    texts += [chunk(b"caBX", SECRET), chunk(b"gAMA", (45455).to_bytes(4, "big"))]
    before = file.getvalue()[:33] + b"".join(texts) + file.getvalue()[33:] + SECRET
    after = stripped(tmp_path, before, PNG)
    assert same_pixels(before, after)
    assert SECRET not in after
    assert set(chunk_names(after)) == {
        *(b"IHDR", b"gAMA", b"iCCP", b"pHYs", b"IDAT", b"IEND"),
        *([b"eXIf"] if orientation != 1 else []),
    }
    assert opened(after).info["icc_profile"] == ICC
    assert dict(opened(after).getexif()) == ({} if orientation == 1 else {0x0112: orientation})


def test_a_palette_and_its_transparency_stay(tmp_path: Path, photos: dict[str, bytes]) -> None:
    file = io.BytesIO()
    photo(photos, "astronaut.png").quantize(64).save(file, "PNG", transparency=3, exif=exif(8))
    after = stripped(tmp_path, file.getvalue(), PNG)
    assert same_pixels(file.getvalue(), after)
    assert opened(after).info["transparency"] == 3


def animation(photos: dict[str, bytes], form: str, **options: object) -> bytes:
    first = photo(photos, "astronaut.png").resize((96, 96)).convert("RGBA")
    others = [first.rotate(angle) for angle in (30, 60, 90)]
    file = io.BytesIO()
    first.save(file, form, save_all=True, append_images=others, duration=[40, 80, 120, 160], loop=3, **options)
    return file.getvalue()


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_an_animation_keeps_its_frames_and_durations(
    tmp_path: Path, photos: dict[str, bytes], form: str, orientation: int
) -> None:
    before = animation(photos, form, exif=exif(orientation), icc_profile=ICC)
    after = stripped(tmp_path, before, PNG if form == "PNG" else WEBP)
    assert SECRET in before
    assert SECRET not in after
    assert len(frames(after)) == 4
    assert frames(before) == frames(after)
    assert opened(after).info["loop"] == opened(before).info["loop"] == 3
    assert opened(after).info["icc_profile"] == ICC
    assert opened(after).getexif().get(0x0112, 1) == orientation


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_webp_loses_its_metadata_and_nothing_else(
    tmp_path: Path, photos: dict[str, bytes], orientation: int, lossless: bool
) -> None:
    file = io.BytesIO()
    photo(photos).resize((161, 107)).save(
        file, "WEBP", lossless=lossless, exif=exif(orientation), xmp=XMP, icc_profile=ICC
    )
    before = riff(file.getvalue(), (b"JUNK", SECRET)) + SECRET
    after = stripped(tmp_path, before, WEBP)
    assert same_pixels(before, after)
    assert SECRET not in after
    assert int.from_bytes(after[4:8], "little") == len(after) - 8
    assert after[20] & 0x0C == (0x08 if orientation != 1 else 0)
    assert opened(after).info["icc_profile"] == ICC
    assert dict(opened(after).getexif()) == ({} if orientation == 1 else {0x0112: orientation})


def test_a_simple_webp_loses_what_is_behind_its_picture(tmp_path: Path, photos: dict[str, bytes]) -> None:
    file = io.BytesIO()
    photo(photos).save(file, "WEBP")
    assert file.getvalue()[12:16] == b"VP8 "
    assert unchanged(tmp_path, file.getvalue(), WEBP)
    assert stripped(tmp_path, riff(file.getvalue(), (b"EXIF", exif(6))), WEBP) == file.getvalue()


def test_files_without_metadata_are_not_written(tmp_path: Path, photos: dict[str, bytes]) -> None:
    for form, media_type in (("JPEG", JPEG), ("PNG", PNG), ("WEBP", WEBP)):
        file = io.BytesIO()
        photo(photos).save(file, form, icc_profile=ICC)
        assert unchanged(tmp_path, file.getvalue(), media_type)


def test_a_type_that_is_not_known_here_is_left_alone(tmp_path: Path) -> None:
    assert unchanged(tmp_path, b"GIF89a", "image/gif")


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("HHIHH/274,3,1,6,0", 6),
        ("HHII/274,4,1,6", 6),
        ("HHIHH/274,3,1,9,0", 1),
        ("HHIHH/274,3,1,0,0", 1),
        ("HHIHH/274,3,2,6,0", 1),
        ("HHIHH/274,2,1,6,0", 1),
        ("HHIHH/275,3,1,6,0", 1),
    ],
)
def test_only_a_sensible_orientation_stays(
    tmp_path: Path, photos: dict[str, bytes], order: str, entry: str, expected: int
) -> None:
    layout, _, values = entry.partition("/")
    block = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}IH", 8, 1)
    block += struct.pack(order + layout, *map(int, values.split(","))) + SECRET
    plain = photos["china.jpg"]
    after = stripped(tmp_path, plain[:2] + segment(0xE1, b"Exif\0\0" + block) + plain[2:], JPEG)
    assert SECRET not in after
    assert opened(after).getexif().get(0x0112, 1) == expected


def pdf(*, author: bool = True, **options: Any) -> bytes:
    with pikepdf.Pdf.new() as document:
        document.add_blank_page()
        page = document.pages[0]
        page.Contents = document.make_stream(b"0 0 1 rg 10 10 50 50 re f" * 20)
        if author:
            document.docinfo["/Author"] = SECRET.decode()
            document.docinfo["/Trapped"] = pikepdf.Name.False_
            xmp = {"/Type": pikepdf.Name.Metadata, "/Subtype": pikepdf.Name.XML}
            document.Root.Metadata = document.make_stream(XMP, xmp)
            page.Metadata = document.make_stream(XMP, xmp)
            page.Resources = pikepdf.Dictionary(Nested=pikepdf.Dictionary(Metadata=document.make_stream(XMP, xmp)))
        file = io.BytesIO()
        document.save(file, fix_metadata_version=False, compress_streams=False, **options)
    return file.getvalue()


def content_of(document: bytes) -> bytes:
    with pikepdf.Pdf.open(io.BytesIO(document)) as opened_document:
        return opened_document.pages[0].Contents.read_bytes()


@pytest.mark.parametrize("linearize", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_a_pdf_loses_its_author(tmp_path: Path, linearize: bool, packed: bool) -> None:
    mode = pikepdf.ObjectStreamMode.generate if packed else pikepdf.ObjectStreamMode.disable
    before = pdf(linearize=linearize, object_stream_mode=mode)
    after = stripped(tmp_path, before, PDF)
    assert SECRET not in after
    assert content_of(after) == content_of(before)
    with pikepdf.Pdf.open(io.BytesIO(after)) as document:
        assert document.is_linearized == linearize
        assert list(document.docinfo.keys()) == ["/Trapped"]
        assert "/Metadata" not in document.Root
        assert "/Metadata" not in document.pages[0]
        assert document.check_pdf_syntax() == []
    assert stripped(tmp_path, before, PDF) == after


def test_a_pdf_loses_its_earlier_revisions(tmp_path: Path) -> None:
    first = pdf()
    start = int(first.rpartition(b"startxref\n")[2].split()[0])
    size = int(first.rpartition(b"/Size ")[2].split()[0])
    trailer = b"\nxref\n0 0\ntrailer\n<< /Size %d /Root 1 0 R /Prev %d >>\nstartxref\n%d\n%%%%EOF\n"
    before = first + trailer % (size, start, len(first) + 1)
    after = stripped(tmp_path, before, PDF)
    assert SECRET not in after
    assert content_of(after) == content_of(before)


def test_a_pdf_that_rewriting_would_break_is_left_alone(tmp_path: Path) -> None:
    assert unchanged(tmp_path, pdf(author=False), PDF)
    assert unchanged(tmp_path, pdf(encryption=pikepdf.Encryption(owner="o", user="u")), PDF)
    assert unchanged(tmp_path, pdf(encryption=pikepdf.Encryption(owner="o")), PDF)
    assert unchanged(tmp_path, b"%PDF-1.7\nnothing more", PDF)
    assert unchanged(tmp_path, pdf()[:-200], PDF)
    with pikepdf.Pdf.open(io.BytesIO(pdf())) as document:
        document.Root.AcroForm = pikepdf.Dictionary(SigFlags=3, Fields=pikepdf.Array())
        file = io.BytesIO()
        document.save(file)
    assert unchanged(tmp_path, file.getvalue(), PDF)


HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
GOOD = (
    HEAD + ' viewBox="0 0 9 9">\n <defs><linearGradient id="g"><stop offset="0"/></linearGradient>'
    "<style><![CDATA[ a > b { fill: url(#g) } ]]></style></defs>"
    '<use xlink:href="#g"/><text xml:space="preserve"> a  <tspan>b</tspan><tspan>c</tspan> &lt;</text></svg>'
)


@pytest.mark.parametrize(
    "bad",
    [
        "<script>alert(1)</script>",
        '<rect onload="alert(1)"/>',
        '<a href="javascript:alert(1)"/>',
        '<a xlink:href="java&#10;script:alert(1)"/>',
        "<foreignObject><b xmlns='http://www.w3.org/1999/xhtml' onclick='alert(1)'/></foreignObject>",
        "<x:script xmlns:x='http://www.w3.org/1999/xhtml'>alert(1)</x:script>",
        "<metadata>alert(1)</metadata>",
        "<!-- alert(1) -->",
        "<?alert alert(1)?>",
        "<s:view xmlns:s='http://sodipodi' s:x='alert(1)'/>",
        "<g xmlns:s='http://sodipodi' s:x='alert(1)'/>",
        '<animate attributeName="onload" to="alert(1)"/>',
        '<style>@import url("http://alert(1)/a;b"); a { fill: red }</style>',
        "<style>@imp<g>alert(1)</g>ort url(x); a { fill: red }</style>",
        "<style>/* @imported; */ @IMPORT url(http://alert(1):a;b) print; a { fill: red }</style>",
    ],
)
def test_an_svg_loses_what_could_run_and_nothing_else(tmp_path: Path, bad: str) -> None:
    after = stripped(tmp_path, GOOD.replace("</svg>", bad + "</svg>").encode(), SVG).decode()
    assert "alert" not in after or ("<animate to=" in after and "onload" not in after)
    assert ("a { fill: red }</style>" in after) == ("a { fill: red }</style>" in bad)
    assert '<text xml:space="preserve"> a  <tspan>b</tspan><tspan>c</tspan> &lt;</text>' in after
    assert '<linearGradient id="g"><stop offset="0"/>' in after
    assert "a &gt; b { fill: url(#g) }" in after


def test_an_svg_without_anything_to_remove_stays_as_it_is(tmp_path: Path) -> None:
    assert unchanged(tmp_path, GOOD.encode(), SVG)
    assert unchanged(tmp_path, ('<?xml version="1.0" encoding="utf-16"?>' + GOOD).encode("utf-16"), SVG)
    prefixed = '<s:svg xmlns:s="http://www.w3.org/2000/svg"><s:rect width="1"/></s:svg>'
    assert unchanged(tmp_path, prefixed.encode(), SVG)
    after = stripped(tmp_path, prefixed.replace("</s:svg>", "<s:script/></s:svg>").encode(), SVG)
    assert after.endswith(b'<svg xmlns="http://www.w3.org/2000/svg"><rect width="1"/></svg>')


def test_entities_of_an_svg_are_resolved(tmp_path: Path) -> None:
    before = f'<!DOCTYPE svg [<!ENTITY e "{SECRET.decode()}"><!ENTITY f "seen">]>{HEAD}><text>&f;</text></svg>'
    after = stripped(tmp_path, before.encode(), SVG)
    assert b"<text>seen</text>" in after
    assert SECRET not in after


@pytest.mark.parametrize(
    "content",
    [
        "<svg>",
        "<svg><g/></svg>",
        HEAD + "><g></svg>",
        HEAD + ">&nope;</svg>",
        HEAD + ">" + "<g>" * 600 + "</g>" * 600 + "</svg>",
        HEAD + ">" + " " * svg.MAX_BYTES + "</svg>",
        "<!DOCTYPE svg ["
        + "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 50 if n else "x" * 50}">' for n in range(6))
        + f"]>{HEAD}>&e5;</svg>",
    ],
    ids=["open", "no namespace", "crossed", "entity", "deep", "large", "bomb"],
)
def test_an_svg_that_cannot_be_made_safe_is_refused(tmp_path: Path, content: str) -> None:
    assert refused(tmp_path, content.encode(), SVG)


@pytest.fixture(scope="module")
def samples(photos: dict[str, bytes]) -> dict[str, bytes]:
    """Return a small file of every type, each with something to remove."""
    small = photo(photos).resize((48, 32))
    png, webp = io.BytesIO(), io.BytesIO()
    small.save(png, "PNG", exif=exif(6), icc_profile=ICC)
    small.save(webp, "WEBP", exif=exif(6), icc_profile=ICC, xmp=XMP)
    jpeg = talkative_jpeg(small, 6, progressive=True)[: -len(SECRET)]
    bad = GOOD.replace("</svg>", "<script>x</script><rect onload='x'/><!-- c --></svg>").encode()
    return {JPEG: jpeg, PNG: png.getvalue(), WEBP: webp.getvalue(), SVG: bad, PDF: pdf()}


@pytest.mark.parametrize("media_type", [JPEG, PNG, WEBP])
def test_a_truncated_picture_is_refused(tmp_path: Path, samples: dict[str, bytes], media_type: str) -> None:
    whole = samples[media_type]
    stripped(tmp_path, whole, media_type)
    for length in {*range(60), *range(60, len(whole), 37), len(whole) - 2, len(whole) - 1}:
        assert refused(tmp_path, whole[:length], media_type), length


@pytest.mark.parametrize(
    ("media_type", "damage"),
    [
        (JPEG, lambda whole: whole[:20] + b"x" + whole[20:]),
        (JPEG, lambda whole: whole[:2] + segment(0xF7, b"x") + whole[2:]),
        (JPEG, lambda whole: whole[:2] + b"\xff\xd9"),
        (JPEG, lambda whole: whole[:2] + whole[whole.index(b"\xff\xda") :]),
        (JPEG, lambda whole: whole[:2] + b"\xff" * 70_000 + whole[2:]),
        (JPEG, lambda whole: whole[:2] + segment(0xFE, b"") * 200_001 + whole[2:]),
        (PNG, lambda whole: whole[:33] + chunk(b"CgBI", b"") + whole[33:]),
        (PNG, lambda whole: whole[:33] + whole[8:]),
        (PNG, lambda whole: whole[:33] + chunk(b"IEND", b"")),
        (PNG, lambda whole: whole[:33] + chunk(b"tEXt", b"") * 200_001 + whole[33:]),
        (WEBP, lambda whole: riff(whole[:30])),
        (WEBP, lambda whole: riff(whole, (b"VP8X", b"0123456789"))),
    ],
)
def test_a_structure_that_is_not_understood_is_refused(
    tmp_path: Path, samples: dict[str, bytes], media_type: str, damage: Callable[[bytes], bytes]
) -> None:
    assert refused(tmp_path, damage(samples[media_type]), media_type)


@pytest.mark.parametrize("media_type", [JPEG, PNG, WEBP, SVG, PDF])
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_comes_is_stripped_or_refused(
    tmp_path: Path, samples: dict[str, bytes], media_type: str, data: st.DataObject
) -> None:
    content = bytearray(samples[media_type])
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, max(0, len(content) - 1)))
        removed = data.draw(st.sampled_from([0, 1, 1, 4, 60]))
        content[at : at + removed] = data.draw(st.binary(max_size=6) | st.sampled_from([b"\xff\xe1", b"\xff", b"\0\0"]))
    path = tmp_path / NAME
    path.write_bytes(content)
    try:
        changed = strip_file(path, media_type)
    except BadRequest:
        changed = False
    else:
        assert not strip_file(path, media_type)
    assert list(tmp_path.iterdir()) == [path]
    assert changed or path.read_bytes() == content


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-16-be", "gbk", "cp1251", "latin-1"])
def test_scripts_are_removed_in_whatever_encoding_they_are(tmp_path: Path, codec: str) -> None:
    label = "utf-16" if codec.startswith("utf-16") else codec.removesuffix("-sig")
    text = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script><rect width="9" onload="alert(2)"/></svg>'
    after = stripped(tmp_path, f'<?xml version="1.0" encoding="{label}"?>{text}'.encode(codec), SVG)
    assert b"alert" not in after
    assert b"<rect" in after


def test_a_drawing_of_another_encoding_with_nothing_to_remove_stays(tmp_path: Path) -> None:
    text = '<?xml version="1.0" encoding="utf-16"?><svg xmlns="http://www.w3.org/2000/svg"><rect width="9"/></svg>'
    assert unchanged(tmp_path, text.encode("utf-16"), SVG)


def test_a_script_in_an_encoding_that_browsers_read_otherwise_is_refused(tmp_path: Path) -> None:
    text = '<?xml version="1.0" encoding="utf-7"?><svg xmlns="http://www.w3.org/2000/svg">+ADw-script+AD4-</svg>'
    assert refused(tmp_path, text.encode(), SVG)


@pytest.mark.parametrize(("media_type", "mark"), [(JPEG, 2), (PNG, 12)])
def test_a_picture_that_is_made_anew_gets_its_end_mark(
    tmp_path: Path, samples: dict[str, bytes], media_type: str, mark: int
) -> None:
    path = tmp_path / NAME
    path.write_bytes(samples[media_type])
    strip_file(path, media_type)
    whole = path.read_bytes()
    for missing in range(1, mark + 1):
        path.write_bytes(samples[media_type][:-missing])
        assert strip_file(path, media_type, ended=False)
        assert path.read_bytes() == whole, missing


def test_a_large_file_is_not_held_in_memory(tmp_path: Path, photos: dict[str, bytes]) -> None:
    plain = stripped(tmp_path, photos["astronaut.png"], PNG)
    path = tmp_path / NAME
    with path.open("wb") as file:
        file.write(plain[:33] + chunk(b"tEXt", SECRET))
        file.write(chunk(b"IDAT", b"\0" * 60_000_000))
        file.write(plain[33:])
    size = path.stat().st_size
    tracemalloc.start()
    assert strip_file(path, PNG)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert path.stat().st_size == size - len(chunk(b"tEXt", SECRET))
    assert peak < 5_000_000


def test_the_new_file_belongs_to_the_owner_of_the_old_one(
    tmp_path: Path, photos: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Path] = []
    replace = Path.replace

    def spied(new: Path, old: Path) -> Path:
        seen.append(new)
        return replace(new, old)

    monkeypatch.setattr(Path, "replace", spied)
    stripped(tmp_path, talkative_jpeg(photo(photos)), JPEG)
    assert [path.name.partition("~")[0] for path in seen] == ["host-1-abcd"]
    assert seen[0].suffix == ".part"
    assert seen[0].parent == tmp_path
    assert seen[0].name != NAME


def test_no_room_for_the_new_file_is_a_storage_that_is_down(
    tmp_path: Path, photos: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    path = tmp_path / NAME
    path.write_bytes(talkative_jpeg(photo(photos)))
    with pytest.raises(StorageDown):
        strip_file(path, JPEG)
    assert list(tmp_path.iterdir()) == [path]
