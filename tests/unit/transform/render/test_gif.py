"""GIFs with empty places: transparent, whatever colours their frames have."""

import io
import struct
import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image

from services.jobs.describe.picture import seen
from services.transform.render import pipeline
from services.transform.render.gif import _packed, shown
from services.transform.render.guard import Limits
from services.transform.render.plan import Plan

WIDTH, HEIGHT = 24, 16
KEEP, BACKGROUND, PREVIOUS = 1, 2, 3
Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Part:
    """One frame of one colour, opaque."""

    left: int
    top: int
    width: int
    height: int
    disposal: int
    colour: tuple[int, int, int]


def built(*parts: Part) -> bytes:
    out = [b"GIF89a" + struct.pack("<HHBBB", WIDTH, HEIGHT, 0x80, 1, 0) + bytes((255, 0, 0, 0, 0, 255))]
    for number, part in enumerate(parts):
        out.append(struct.pack("<BBBBHBB", 0x21, 0xF9, 4, part.disposal << 2, 10 * (number + 1), 0, 0))
        out.append(struct.pack("<BHHHHB", 0x2C, part.left, part.top, part.width, part.height, 0x80 | 7))
        out.append((bytes(part.colour) * 256) + b"\x08" + _lzw(part.width * part.height))
    return b"".join([*out, b";"])


def _lzw(pixels: int) -> bytes:
    """Return pixels of colour 0 of 256, each after a clear code: 9 bits for everything."""
    codes = [code for _ in range(pixels) for code in (256, 0)] + [257]
    bits = sum(code << 9 * at for at, code in enumerate(codes))
    data = bits.to_bytes(-(-9 * len(codes) // 8), "little")
    return (
        b"".join(bytes([len(part)]) + part for part in (data[at : at + 255] for at in range(0, len(data), 255))) + b"\0"
    )


def expected(*parts: Part) -> list[Pixels]:
    """Return what browsers show: of every frame its canvas, as RGBA."""
    canvas, found = np.zeros((HEIGHT, WIDTH, 4), np.uint8), []
    for part in parts:
        before = canvas.copy()
        place = canvas[part.top : part.top + part.height, part.left : part.left + part.width]
        place[:] = (*part.colour, 255)
        found.append(canvas.copy())
        if part.disposal == BACKGROUND:
            place[:] = 0
        elif part.disposal == PREVIOUS:
            canvas = before
    return found


def rendered(content: bytes, plan: Plan) -> list[tuple[int, Pixels]]:
    image = Image.open(io.BytesIO(pipeline.render(content, plan, Limits()).content))
    found = []
    for at in range(getattr(image, "n_frames", 1)):
        image.seek(at)
        pixels = np.asarray(image.convert("RGBA"))
        found.append((int(image.info.get("duration", 0)), pixels))
    return found


def check(*parts: Part) -> None:
    content = built(*parts)
    found = rendered(content, Plan(quality=100))
    at, begins, starts = 0, [], [0]
    for duration, _ in found:
        begins.append(at)
        at += duration
    for number in range(1, len(parts)):
        starts.append(starts[-1] + 100 * number)
    assert len(found) == 1 or at == sum(100 * (number + 1) for number in range(len(parts)))
    # Frames that look alike may be one in the result, for as long as both.
    for start, wanted in zip(starts, expected(*parts), strict=True):
        one = [pixels for begin, (_, pixels) in zip(begins, found, strict=True) if begin <= start][-1]
        assert np.array_equal(one[..., 3], wanted[..., 3])
        there = _inside(wanted) & (wanted[..., 3] > 0)
        assert (np.abs(one[there].astype(int) - wanted[there]).max(axis=-1) < 60).all()


def _inside(canvas: Pixels) -> npt.NDArray[np.bool_]:
    """Say which pixels have only their own colour within two pixels: elsewhere WebP mixes colours (4:2:0)."""
    near = 2
    padded = np.pad(canvas, ((near, near), (near, near), (0, 0)), mode="edge")
    windows = sliding_window_view(padded, (2 * near + 1, 2 * near + 1), axis=(0, 1))
    found: npt.NDArray[np.bool_] = (windows == canvas[..., None, None]).all(axis=(2, 3, 4))
    return found


RED, GREEN, BLUE = (220, 20, 20), (20, 200, 20), (20, 20, 220)


def test_what_no_frame_covers_is_transparent() -> None:
    check(Part(4, 4, 12, 8, KEEP, RED), Part(4, 4, 12, 8, KEEP, GREEN))
    check(Part(4, 4, 12, 8, KEEP, RED))


def test_what_a_frame_leaves_to_the_background_is_transparent() -> None:
    whole = Part(0, 0, WIDTH, HEIGHT, KEEP, RED)
    check(whole, Part(2, 2, 8, 8, BACKGROUND, GREEN), Part(12, 4, 8, 8, KEEP, BLUE))
    check(
        Part(0, 0, WIDTH, HEIGHT, BACKGROUND, RED), Part(2, 2, 8, 8, BACKGROUND, GREEN), Part(12, 4, 8, 8, KEEP, BLUE)
    )


def test_what_a_first_frame_gives_back_is_transparent() -> None:
    check(Part(0, 0, WIDTH, HEIGHT, PREVIOUS, RED), Part(2, 2, 8, 8, KEEP, GREEN))


PARTS = st.builds(
    Part,
    st.integers(0, 8),
    st.integers(0, 8),
    st.integers(1, 16),
    st.integers(1, 8),
    st.sampled_from([0, KEEP, BACKGROUND, PREVIOUS]),
    st.sampled_from([RED, GREEN, BLUE]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(PARTS, min_size=1, max_size=5, unique_by=lambda part: (part.left, part.top, part.colour)))
def test_frames_of_any_kind_are_shown_as_browsers_do(parts: list[Part]) -> None:
    last = Part(0, 0, 3, 3, KEEP, (250, 250, 250))  # Frames that change nothing would be joined by the encoder.
    check(*parts, last)


def test_a_picture_without_empty_places_stays_what_it_is() -> None:
    whole = built(
        Part(0, 0, WIDTH, HEIGHT, KEEP, RED), Part(2, 2, 8, 8, KEEP, GREEN), Part(1, 1, 4, 4, BACKGROUND, BLUE)
    )
    assert shown(whole, 1000, 10**6).content == whole
    assert rendered(whole, Plan(format="png"))[0][1].shape == (HEIGHT, WIDTH, 4)


def test_more_than_is_rendered_is_left_to_the_guard() -> None:
    content = built(Part(4, 4, 12, 8, KEEP, RED), Part(4, 4, 12, 8, KEEP, GREEN))
    assert shown(content, 1, 10**6).content == content
    assert shown(content, 2, 10).content == content


@pytest.mark.parametrize(
    "plan", [Plan(12, 0), Plan(10, 10), Plan(format="png"), Plan(format="jpeg"), Plan(12, 8, format="plain")]
)
def test_every_form_of_it_is_made(plan: Plan) -> None:
    content = built(Part(4, 4, 12, 8, BACKGROUND, RED), Part(4, 4, 12, 8, KEEP, GREEN))
    corner = rendered(content, plan)[0][1][0, 0]
    assert corner[3] == 255 if plan.format == "jpeg" else corner[3] < 8
    assert plan.format != "jpeg" or corner[:3].min() > 245


def test_facts_do_not_see_what_is_empty() -> None:
    content = built(Part(4, 4, 6, 6, KEEP, RED))
    found, _ = seen(content, "image/gif", 10_000)
    assert found["dominant_color"] == "#dc1414"
    assert (found["width"], found["height"]) == (WIDTH, HEIGHT)


@pytest.mark.parametrize("pixels", [1, 2, 3, 7, 8, 100, 4097, 9_000_000])
def test_a_frame_that_shows_nothing_has_all_of_its_pixels(pixels: int) -> None:
    packed = _packed(pixels)
    assert len(packed) < 60 + pixels // 200
    assert _unpacked(packed, 2) == bytes(pixels)


def _unpacked(packed: bytes, bits: int) -> bytes:
    """Return pixels from LZW as GIF has it (GIF89a, appendix F). Fail if whole bytes follow the end code."""
    clear, end = 1 << bits, (1 << bits) + 1
    start = [bytes([colour]) for colour in range(clear)] + [b"", b""]
    known, before, size, at, out = list(start), b"", bits + 1, 0, list[bytes]()
    while True:
        assert at + size <= 8 * len(packed), "there is no end code"
        code = int.from_bytes(packed[at // 8 : at // 8 + 3], "little") >> at % 8 & (1 << size) - 1
        at += size
        if code == end:
            assert len(packed) - at // 8 <= 1
            return b"".join(out)
        if code == clear:
            known, before, size = list(start), b"", bits + 1
            continue
        assert code < len(known) or (before and code == len(known))
        pixels = known[code] if code < len(known) else before + before[:1]
        out.append(pixels)
        if before and len(known) < 4096:
            known.append(before + pixels[:1])
        if len(known) == 1 << size and size < 12:
            size += 1
        before = pixels


def test_blocks_without_end_do_not_keep_a_render_busy() -> None:
    content = b"GIF89a" + struct.pack("<HHBBB", 9, 9, 0, 0, 0) + b"!\xfe" + b"\x01a" * 10_000_000 + b"\0;"
    started = time.process_time()
    assert shown(content, 1000, 10**6).content is content
    assert time.process_time() - started < 0.7


@given(st.integers(0, 900), st.binary(max_size=20))
def test_whatever_it_is_it_is_read(at: int, change: bytes) -> None:
    content = built(Part(4, 4, 6, 6, BACKGROUND, RED), Part(0, 0, 6, 6, KEEP, GREEN))
    for broken in (content[:at] + change + content[at + len(change) :], content[:at], content[:at] + change):
        shown(broken, 1000, 10**6)
