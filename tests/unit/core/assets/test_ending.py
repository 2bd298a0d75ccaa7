"""Files that are cut, wherever that may be: what the structure says agrees with what a decoder makes of them."""

import struct
import time
from pathlib import Path

import pytest
from PIL import Image

from services.catalog.uploads.opened import Opened
from services.core.assets import shape
from services.core.assets.containers import CutShort, Malformed, Memory, jpeg
from services.core.assets.containers.ending import is_ended
from services.core.assets.containers.pdf import is_cut
from tests.support.hostile_files import pdf
from tests.support.pictures import encoded

NOISE = Image.effect_noise((64, 48), 60).convert("RGB")


def verdict(content: bytes, media_type: str) -> str:
    try:
        return "whole" if is_ended(Memory(content), media_type) else "open"
    except CutShort:
        return "cut"
    except Malformed:
        return "odd"


FILES = [
    ("image/jpeg", encoded(NOISE, "JPEG")),
    ("image/jpeg", encoded(NOISE, "JPEG", progressive=True)),
    ("image/jpeg", encoded(NOISE, "JPEG", exif=b"Exif\0\0" + b"\xff\xd9" * 50, icc_profile=b"\xff\xda" * 90)),
    ("image/png", encoded(NOISE, "PNG")),
    ("image/webp", encoded(NOISE, "WEBP")),
    ("image/webp", encoded(NOISE, "WEBP", lossless=True)),
    ("image/gif", encoded(NOISE.convert("P"), "GIF")),
    ("image/avif", encoded(NOISE, "AVIF")),
    *(("image/tiff", encoded(NOISE, "TIFF", compression=how)) for how in (None, "tiff_deflate", "tiff_lzw", "jpeg")),
]


@pytest.mark.parametrize(("media_type", "content"), FILES)
def test_a_whole_file_is_whole_also_with_something_behind_it(media_type: str, content: bytes) -> None:
    for behind in (b"", b"\0", b"\n", b"\0" * 3000, content, content[: len(content) // 2]):
        assert verdict(content + behind, media_type) == "whole"


@pytest.mark.parametrize(("media_type", "content"), FILES)
def test_a_file_that_is_cut_anywhere_is_never_whole(media_type: str, content: bytes) -> None:
    last = {"image/gif": 1, "image/png": 4}.get(media_type, 0)  # The trailer, and the CRC of an empty chunk.
    for length in {*range(12, len(content) - last, 41), len(content) // 2, len(content) - last - 1}:
        found = verdict(content[:length], media_type)
        assert found != "whole", length
        if media_type not in ("image/jpeg", "image/png"):
            assert found == "cut"


def test_only_the_end_mark_being_gone_is_left_to_a_decoder() -> None:
    photo, drawing, animation = encoded(NOISE, "JPEG"), encoded(NOISE, "PNG"), encoded(NOISE.convert("P"), "GIF")
    assert [verdict(photo[:-cut], "image/jpeg") for cut in (1, 2, 3)] == ["open"] * 3
    assert verdict(photo[:-2] + b"\0" * 5000, "image/jpeg") == "cut"
    assert verdict(drawing[:-12], "image/png") == "open"
    assert verdict(animation[:-1], "image/gif") == "whole"


@pytest.mark.parametrize(
    ("content", "media_type", "found"),
    [
        (b"\xff\xd8\xff\xd9", "image/jpeg", "odd"),
        (b"\xff\xd8\xff", "image/jpeg", "cut"),
        (b"\x89PNG\r\n\x1a\n", "image/png", "cut"),
        (encoded(NOISE, "PNG")[:33] + encoded(NOISE, "PNG")[-12:], "image/png", "cut"),
        (b"GIF89a", "image/gif", "cut"),
        (b"GIF89a" + b"\0" * 100, "image/gif", "odd"),
        (b"GIF89a" + b"\0" * 7 + b"!\xff\0" * 500_000, "image/gif", "odd"),
        (b"II*\0\xff\xff\xff\xff", "image/tiff", "cut"),
        (b"II+\0\x08\0\0\0" + b"\xff" * 8, "image/tiff", "cut"),
        (b"RIFF", "image/webp", "cut"),
        (b"\0\0\0\x01ftypavif" + b"\xff" * 8, "image/avif", "cut"),
        (b"anything", "image/svg+xml", "whole"),
    ],
)
def test_headers_that_lie_end_in_an_answer(content: bytes, media_type: str, found: str) -> None:
    assert verdict(content, media_type) == found


def directory(tag: int, kind: int, many: int, entries: int) -> bytes:
    """Return a TIFF whose directory has one field again and again."""
    field = struct.pack("<HHII", tag, kind, many, 8)
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", entries) + field * entries + bytes(4)


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (directory(273, 1, 100_000, 65_535) + bytes(100_000), "image/tiff"),
        (b"\xff\xd8" + b"\xff\xda\0\2" * 300_000, "image/jpeg"),
        (b"\xff\xd8" + b"\xff\xff\xfe\0\2" * 300_000, "image/jpeg"),
    ],
    ids=["one field very often", "very many scans", "a fill byte before each segment"],
)
def test_a_file_that_is_built_to_be_expensive_is_cheap(content: bytes, media_type: str) -> None:
    used = time.process_time()
    verdict(content, media_type)
    assert time.process_time() - used < 1.5


def test_a_file_on_the_disk_may_name_any_position(tmp_path: Path) -> None:
    file = tmp_path / "far.tif"
    file.write_bytes(b"II+\0\x08\0\0\0" + b"\xff" * 8 + bytes(100))
    with file.open("rb") as opened:
        assert shape.sides(Opened(opened.fileno()), "image/tiff") == (0, 0)
        with pytest.raises(CutShort):
            is_ended(Opened(opened.fileno()), "image/tiff")


def test_of_a_field_that_is_there_twice_the_first_counts() -> None:
    fields = b"".join(struct.pack("<HHII", 256, 4, 1, width) for width in (7, 90_000))
    assert shape.sides(Memory(b"II*\0\x08\0\0\0\2\0" + fields + bytes(4)), "image/tiff") == (7, 0)


def test_an_end_mark_is_added_where_it_is_missing_and_nowhere_else() -> None:
    whole = encoded(NOISE, "JPEG")
    for content in (whole, whole + b"trailer", b"\xff\xd8\xff\xe0\0\x10", b"\xff\xd8nothing"):
        assert jpeg.mended(content) is content
    for content in (whole[:-2], whole[:-1]):
        assert jpeg.mended(content) == whole
    assert jpeg.mended(whole[:-2] + b"\xff\0") == whole[:-2] + b"\xff\0\xff\xd9"


PAGE = pdf(b"1 0 0 rg 0 0 9 9 re f")


@pytest.mark.parametrize("behind", [b"", b"\r\n", b"\0" * 3000, b" " * 99_999, b"</html>" * 500])
@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b"\r\n", b"junk\n" * 200])
def test_a_pdf_has_its_end_whatever_lies_around_it(before: bytes, behind: bytes) -> None:
    assert not is_cut(before + PAGE + behind)


def test_a_pdf_that_is_cut_is_told() -> None:
    for length in range(5, len(PAGE) - 12, 7):
        assert is_cut(PAGE[:length]), length
    added = PAGE + PAGE[PAGE.index(b"1 0 obj") :]
    assert not is_cut(added)
    assert is_cut(added[: len(PAGE) + 60])
