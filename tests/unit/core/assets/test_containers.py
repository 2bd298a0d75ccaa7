"""The walkers of JPEG, PNG and WebP, over whole files and over whatever is made of them."""

import struct
from collections.abc import Iterator
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog.uploads.stripping.rewriting import Source
from services.core.assets.containers import Malformed, Memory, Reader, isobmff, jpeg, png, webp
from tests.support.hostile_files import corpus, small_files

FILES = small_files()
MOST = 10_000


def parts(kind: str, source: Reader) -> Iterator[tuple[int, int]]:
    """Yield where each part begins and where the next one does; what cannot be followed ends it."""
    if kind == "png":
        yield from ((chunk.start, chunk.end) for chunk in png.chunks(source))
    elif kind == "webp":
        end = webp.riff_end(source.up_to(0, webp.HEADER).ljust(webp.HEADER, b"\0"))
        yield from ((chunk.start, chunk.next) for chunk in webp.chunks(source, end))
    else:
        try:
            yield from ((segment.start, segment.end) for segment in jpeg.segments(source))
        except Malformed:
            return


def walked(kind: str, content: bytes) -> list[tuple[int, int]]:
    return list(islice(parts(kind, Memory(content)), MOST))


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, bytes]:
    kind = draw(st.sampled_from(["jpg", "png", "webp"]))
    content = FILES[kind]
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(content)))
        gone = draw(st.integers(0, 8))
        come = draw(st.binary(max_size=8) | st.lists(st.sampled_from([0, 0xD0, 0xD9, 0xDA, 0xFF])).map(bytes))
        content = content[:at] + come + content[at + gone :]
    return kind, content[: draw(st.none() | st.integers(0, len(content)))]


@pytest.mark.parametrize("kind", ["jpg", "png", "webp"])
def test_the_parts_of_a_whole_file_fill_it(kind: str) -> None:
    found = walked(kind, FILES[kind])
    assert found[0][0] == {"jpg": 2, "png": 8, "webp": 12}[kind]
    assert found[-1][1] == len(FILES[kind])
    assert all(one[1] == other[0] for one, other in pairwise(found))


def test_parts_have_their_names() -> None:
    names = [chunk.name for chunk in png.chunks(Memory(FILES["png"]))]
    assert (names[0], names[-1]) == (b"IHDR", b"IEND")
    assert [chunk.name for chunk in webp.chunks(Memory(FILES["webp"]), len(FILES["webp"]))] == [b"VP8 "]
    markers = [segment.marker for segment in jpeg.segments(Memory(FILES["jpg"]))]
    assert (markers[0], markers[-2:]) == (jpeg.APP0, [jpeg.SOS, jpeg.EOI])


@given(damaged())
def test_every_file_has_an_end_and_every_part_comes_after_the_one_before(given: tuple[str, bytes]) -> None:
    kind, content = given
    found = walked(kind, content)
    assert len(found) < MOST
    assert all(start < end for start, end in found)
    assert all(one[1] == other[0] for one, other in pairwise(found))


@given(damaged())
def test_a_file_that_is_cut_has_the_parts_that_it_had(given: tuple[str, bytes]) -> None:
    kind, content = given
    whole = walked(kind, content)
    for length in range(0, len(content), 1 + len(content) // 5):
        cut = walked(kind, content[:length])
        assert cut == whole[: len(cut)]


def test_hostile_files_are_followed_to_an_end() -> None:
    for file in corpus():
        if file.extension in ("jpg", "png", "webp"):
            for kind in ("jpg", "png", "webp"):
                most = len(file.content)
                assert sum(1 for _ in islice(parts(kind, Memory(file.content)), most + 1)) <= most


@given(st.sampled_from(["jpg", "png", "webp"]), st.binary(max_size=60))
def test_a_file_and_the_same_bytes_in_memory_have_the_same_parts(
    tmp_path_factory: pytest.TempPathFactory, kind: str, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "file"
    path.write_bytes(FILES[kind][:40] + content + FILES[kind][40:])
    with path.open("rb") as file:
        assert list(islice(parts(kind, Source(file, kind)), MOST)) == walked(kind, path.read_bytes())


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"\xff\xd8", "is cut short"),
        (b"\xff\xd8\xff\xff\xff", "is cut short"),
        (b"\xff\xd8\xff" + b"\xff" * 70_000 + b"\xd9", "has something other than a segment at byte 2"),
        (b"\xff\xd8\x00\x00", "has something other than a segment at byte 2"),
        (b"\xff\xd8\xff\x01\x00\x02", "has an unexpected marker 01 at byte 2"),
        (b"\xff\xd8\xff\xe0\x00", "is cut short"),
        (b"\xff\xd8\xff\xe0\x00\x01", "is cut short in the segment at byte 2"),
        (b"\xff\xd8\xff\xe0\x00\x09x", "is cut short in the segment at byte 2"),
        (b"\xff\xd8\xff\xda\x00\x02abc\xff\x00\xff\xd3", "is cut short in its picture"),
    ],
)
def test_a_jpeg_that_cannot_be_followed_says_why(content: bytes, problem: str) -> None:
    with pytest.raises(Malformed) as raised:
        list(jpeg.segments(Memory(content)))
    assert str(raised.value) == problem


def test_of_a_property_that_a_picture_names_very_often_little_is_read() -> None:
    def box(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", 8 + len(content)) + name + content

    known = box(b"ispe", bytes(4) + struct.pack(">2I", 7, 5) + bytes(1_000_000))
    named = box(b"ipma", bytes(4) + struct.pack(">IHB", 1, 1, 255) + b"\1" * 255)
    meta = bytes(4) + box(b"pitm", bytes(4) + struct.pack(">H", 1)) + box(b"iprp", box(b"ipco", known) + named)
    found = isobmff.primary(Memory(box(b"ftyp", b"avif") + box(b"meta", meta)))
    assert len(found) == 255
    assert found[0].content[4:12] == struct.pack(">2I", 7, 5)
    assert sum(len(one.content) for one in found) < 20_000
