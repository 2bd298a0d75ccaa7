import hashlib
import io
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from services.core.assets.entries import Entry
from services.core.assets.facts import Facts
from services.core.errors import SignatureMismatch, Undecodable
from services.core.sandbox import process
from services.core.sandbox.pool import Pool
from services.core.spool import prepare
from services.core.storage import ObjectMissing
from services.core.storage.local import LocalStorage
from services.jobs.describe.inspection import LIMITS, Limits, Seen, inspect
from tests.support.entries import MakeEntry
from tests.support.hostile_files import png_header
from tests.support.objects import put

HOSTILE_BYTES = 300 * 1024 * 1024


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    made = LocalStorage(tmp_path)
    prepare(made.spool)
    return made


@pytest.fixture
def pool() -> Iterator[Pool]:
    made = Pool()
    yield made
    made.close()


async def stored(storage: LocalStorage, entry: Entry, content: bytes) -> Entry:
    await put(storage, entry.stored, content)
    return replace(entry, signature=hashlib.sha256(content).hexdigest(), size=len(content))


async def test_a_photograph_has_a_size_colours_and_a_blurred_form(
    storage: LocalStorage, pool: Pool, make_entry: MakeEntry, photos: dict[str, bytes]
) -> None:
    entry = await stored(storage, make_entry(), photos["china.jpg"])
    facts = (await inspect(storage, entry, pool)).facts
    assert (facts.width, facts.height, facts.dominant_color) == (640, 427, "#eef2f9")
    assert facts.blurhash is not None
    assert len(facts.blurhash) == 28
    assert facts == (await inspect(storage, entry, pool)).facts


async def test_a_drawing_has_the_size_that_it_says(storage: LocalStorage, pool: Pool, make_entry: MakeEntry) -> None:
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 150"/>'
    entry = await stored(storage, make_entry("a.svg", "image/svg+xml"), svg)
    assert await inspect(storage, entry, pool) == Seen(Facts(300, 150))
    nothing = await stored(storage, make_entry("b.svg", "image/svg+xml"), b'<svg xmlns="http://www.w3.org/2000/svg"/>')
    assert await inspect(storage, nothing, pool) == Seen(Facts())


async def test_bytes_that_are_not_the_signed_ones_say_nothing(
    storage: LocalStorage, pool: Pool, make_entry: MakeEntry, photos: dict[str, bytes]
) -> None:
    entry = await stored(storage, make_entry(), photos["china.jpg"])
    with pytest.raises(SignatureMismatch):
        await inspect(storage, replace(entry, signature="0" * 64), pool)
    with pytest.raises(ObjectMissing):
        await inspect(storage, replace(entry, storage_key="DEV/gone.webp"), pool)


def interlaced(side: int) -> bytes:
    """Return a progressive JPEG, of which a decoder holds every coefficient."""
    out = io.BytesIO()
    Image.new("RGB", (side, side), "red").save(out, "JPEG", progressive=True, subsampling=0)
    return out.getvalue()


def compressed(mode: str, side: int) -> bytes:
    out = io.BytesIO()
    Image.new(mode, (side, side)).save(out, "PNG", compress_level=9)
    return out.getvalue()


async def test_hostile_files_are_not_inspected_and_cost_little(
    storage: LocalStorage, pool: Pool, make_entry: MakeEntry, photos: dict[str, bytes]
) -> None:
    files = {
        "claims 900 megapixels": ("a.png", "image/png", png_header(30_000, 30_000)),
        "claims 50 megapixels": ("b.png", "image/png", png_header(7000, 7000)),
        "unpacks to more than there is": ("c.png", "image/png", compressed("RGBA", 8000)),
        "truncated": ("d.jpg", "image/jpeg", photos["china.jpg"][:50_000]),
        "nothing": ("e.webp", "image/webp", b"RIFF\x10\0\0\0WEBPVP8 \0\0\0\0"),
        "holds all it has": ("f.jpg", "image/jpeg", interlaced(8600)),
        "no decoder": ("g.heic", "image/heic", b"\0\0\0\x1cftypheic"),
    }
    for what, (name, kind, content) in files.items():
        entry = await stored(storage, make_entry(name, kind), content)
        started = time.monotonic()
        with pytest.raises(Undecodable):
            await inspect(storage, entry, pool)
        assert time.monotonic() - started < LIMITS.wall_seconds / 3, what


def test_no_inspection_takes_more_than_300_megabytes() -> None:
    assert LIMITS.memory < HOSTILE_BYTES


async def test_a_picture_of_as_many_pixels_as_are_allowed_is_seen(
    storage: LocalStorage, pool: Pool, make_entry: MakeEntry
) -> None:
    entry = await stored(storage, make_entry("a.png", "image/png"), compressed("RGB", 7000))
    assert (await inspect(storage, entry, pool)).facts.width == 7000


@pytest.mark.parametrize(
    "head",
    [
        '{"width": "<script>", "height": 1}',
        '{"width": 1}',
        '{"width": 1, "height": 1, "blurhash": "<b>"}',
    ],
)
async def test_a_child_that_a_picture_has_taken_over_is_not_believed(
    storage: LocalStorage,
    pool: Pool,
    make_entry: MakeEntry,
    photos: dict[str, bytes],
    head: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = f'{{"head": {head}, "size": 0, "last": true}}'
    monkeypatch.setattr(process, "_COMMAND", ("sh", "-c", f"echo '{said}'; exec cat > /dev/null"))
    entry = await stored(storage, make_entry(), photos["china.jpg"])
    with pytest.raises(Undecodable, match="cannot be decoded"):
        await inspect(storage, entry, pool)


async def test_a_child_that_says_nothing_is_an_undecodable_picture(
    storage: LocalStorage, pool: Pool, make_entry: MakeEntry, photos: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_COMMAND", ("true",))
    entry = await stored(storage, make_entry(), photos["china.jpg"])
    with pytest.raises(Undecodable, match="more than 10 s or 288 MB"):
        await inspect(storage, entry, pool)


async def test_a_picture_that_needs_more_memory_than_there_is_is_not_inspected(
    storage: LocalStorage, pool: Pool, make_entry: MakeEntry
) -> None:
    entry = await stored(storage, make_entry(), interlaced(3000))
    assert (await inspect(storage, entry, pool)).facts.width == 3000
    with pytest.raises(Undecodable):
        await inspect(storage, entry, pool, limits=Limits(memory=64 * 2**20))


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        (Limits(wall_seconds=0.001), "more than 0.001 s"),
        (Limits(pixels=1000), "640x427 pixels"),
        (Limits(source_bytes=1000), "more than 1000"),
    ],
)
async def test_no_limit_is_passed(
    storage: LocalStorage, pool: Pool, make_entry: MakeEntry, photos: dict[str, bytes], limits: Limits, says: str
) -> None:
    entry = await stored(storage, make_entry(), photos["china.jpg"])
    with pytest.raises(Undecodable, match=says):
        await inspect(storage, entry, pool, limits=limits)


def photograph(photos: dict[str, bytes], side: int) -> bytes:
    out = io.BytesIO()
    Image.open(io.BytesIO(photos["china.jpg"])).resize((side, side)).save(out, "JPEG")
    return out.getvalue()


async def test_a_large_photograph_has_a_reduction_too(
    storage: LocalStorage, pool: Pool, make_entry: MakeEntry, photos: dict[str, bytes]
) -> None:
    entry = await stored(storage, make_entry(), photograph(photos, 2000))
    seen = await inspect(storage, entry, pool, 500)
    assert seen.facts.width == 2000
    assert seen.reduction
    assert Image.open(io.BytesIO(seen.reduction.content)).size == (500, 500)
    [second] = seen.reduction.smaller
    assert Image.open(io.BytesIO(second.of(seen.reduction.content))).size == (250, 250)
    assert (seen.reduction.media_type, seen.reduction.width, seen.reduction.height) == ("image/jpeg", 500, 500)
    assert (await inspect(storage, entry, pool)).reduction is None


def screen() -> Image.Image:
    """Return the picture of a screen full of text."""
    image = Image.new("RGB", (1600, 1000), "white")
    draw = ImageDraw.Draw(image)
    for line in range(50):
        draw.text((10, 20 * line), "The quick brown fox jumps over the lazy dog. " * 4, "#c00000")
    return image


async def test_of_pngs_photographs_have_a_reduction_and_drawings_have_none(
    storage: LocalStorage, pool: Pool, make_entry: MakeEntry, photos: dict[str, bytes]
) -> None:
    photo = Image.open(io.BytesIO(photos["china.jpg"])).resize((1600, 1000))
    for name, image, has_one in (("a", photo, True), ("b", screen(), False)):
        out = io.BytesIO()
        image.save(out, "PNG")
        entry = await stored(storage, make_entry(f"{name}.png", "image/png"), out.getvalue())
        seen = await inspect(storage, entry, pool, 1024)
        assert seen.facts.width == 1600
        assert (seen.reduction is not None) is has_one, name


@pytest.mark.parametrize(
    "reduction",
    [
        "null",
        '{"media_type": "image/jpeg", "width": 1, "height": 1}',
        '{"media_type": "image/png", "width": 1, "height": 1, "smaller": []}',
        '{"media_type": "image/jpeg", "width": 501, "height": 1, "smaller": []}',
        '{"media_type": "image/jpeg", "width": 0, "height": 1, "smaller": []}',
        '{"media_type": "image/webp", "width": 1, "height": 1, "smaller": []}',
        '{"media_type": "image/jpeg", "width": "1", "height": 1, "smaller": []}',
        '{"media_type": "image/jpeg", "width": 1, "height": 1, "smaller": [1]}',
        '{"media_type": "image/jpeg", "width": 2, "height": 2,'
        ' "smaller": [{"start": 3, "size": 0, "width": 1, "height": 1}]}',
    ],
)
async def test_a_reduction_is_not_believed_either(
    storage: LocalStorage,
    pool: Pool,
    make_entry: MakeEntry,
    photos: dict[str, bytes],
    reduction: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = f'{{"head": {{"reduction": {reduction}}}, "size": 3, "last": true}}'
    monkeypatch.setattr(
        process, "_COMMAND", ("sh", "-c", f"printf '%s\\n\\377\\330\\377' '{said}'; exec cat > /dev/null")
    )
    entry = await stored(storage, make_entry(), photos["china.jpg"])
    with pytest.raises(Undecodable, match="its reduction is not valid"):
        await inspect(storage, entry, pool, 500)
