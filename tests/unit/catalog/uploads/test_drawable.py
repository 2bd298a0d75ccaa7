import asyncio
import logging
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from services.catalog.uploads import drawable
from services.catalog.uploads.drawable import LIMITS, Drawable
from services.catalog.uploads.spool import SpooledFile, SpoolWriter
from services.core.errors import BadRequest, Undecodable
from services.core.sandbox import process
from services.transform.render import pipeline
from services.transform.render.guard import Limits
from services.transform.render.plan import Plan
from tests.support.hostile_files import avif_claiming, documents, pdf, png_header, small_files, tiff_header
from tests.support.pdfs import encrypted
from tests.support.pdfs import pdf as valid_pdf
from tests.support.pictures import encoded

FILES = small_files()
NOISE = Image.effect_noise((64, 48), 60).convert("RGB")
PAGE = pdf(b"1 0 0 rg 0 0 9 9 re f")
OPEN = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'


@pytest.fixture
def looking() -> Iterator[Drawable]:
    made = Drawable()
    yield made
    made.close()


async def spooled(folder: Path, content: bytes) -> SpooledFile:
    writer = SpoolWriter(folder, "host-1-abcd", "file", None, 10**9)
    await writer.write(content)
    return await writer.finish()


JPEG, PROGRESSIVE, PNG = encoded(NOISE, "JPEG"), encoded(NOISE, "JPEG", progressive=True), encoded(NOISE, "PNG")
RESTARTING = encoded(NOISE, "JPEG", restart_marker_rows=1)


@pytest.mark.parametrize(
    "content",
    [
        *(one[:end] for one in (JPEG, PROGRESSIVE, RESTARTING) for end in (None, -1, -2)),
        *(PNG[:end] for end in (None, -4, -12)),
        JPEG + b"trailer",
        f'<?xml version="1.0" encoding="GBK"?>{OPEN}<title>图</title></svg>'.encode("gbk"),
        f"{OPEN}<script>alert(1)</script></svg>".encode("utf-16"),
        PAGE,
        b"\r\n" + PAGE + b"\0" * 3000,
        b"x" * 900 + PAGE,
        PAGE.replace(b"startxref\n", b"startxref\n9"),
        PAGE.replace(b"0000000", b"0000001"),
        PAGE.replace(b"/Length", b"/Longer"),
        encrypted(PAGE, ""),
        encrypted(PAGE, "", R=4),
        encrypted(PAGE, "", R=3, aes=False, metadata=False),
        valid_pdf("any text", 3_000_000),
        *FILES.values(),
        encoded(Image.new("1", (65_535, 1)), "PNG"),
    ],
)
async def test_what_can_be_drawn_is_taken(looking: Drawable, tmp_path: Path, content: bytes) -> None:
    await looking.check(await spooled(tmp_path, content))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        *(
            (one[:end], "JPEG file .* cut short in its picture")
            for one in (JPEG, RESTARTING)
            for end in (-3, -40, -900)
        ),
        (PROGRESSIVE[: len(PROGRESSIVE) // 2], "JPEG file .* cut short in its picture"),
        (JPEG[: len(JPEG) // 2] + b"\0" * 900, "ends in zeros"),
        (JPEG[:100], "JPEG file .* cut short in the segment"),
        (PNG[: len(PNG) // 2], "PNG file .* cut short in the chunk"),
        (encoded(NOISE, "WEBP")[:-9], "WebP file .* cut short"),
        (encoded(NOISE, "GIF")[:-9], "GIF file .* cut short"),
        (encoded(NOISE, "TIFF")[:-9], "TIFF file .* cut short"),
        (encoded(NOISE, "AVIF")[:-9], "AVIF file .* cut short"),
        (f"{OPEN}<g></svg>".encode(), "not well formed"),
        (f"{OPEN}<title>Größe</title></svg>".encode("latin-1"), "not well formed"),
        (f'{OPEN}<image href="http://x/y"/></svg>'.encode("utf-16"), "refers to other files"),
        (f'<?xml version="1.0" encoding="utf-7"?>{OPEN}</svg>'.encode(), "encoding that browsers do not read"),
        (PAGE[: len(PAGE) // 2], "PDF file .* it is cut short"),
        (b"%PDF-1.4\n%%EOF\n", "PDF file .* no page can be found"),
        (pdf(b"", kids=b""), "PDF file .* its first page cannot be read"),
        (encrypted(PAGE, "user"), "PDF file .* it needs a password"),
        (encrypted(PAGE, "user", R=4), "PDF file .* it needs a password"),
        (png_header(1_000_000, 50), "a side is too long to render"),
        (tiff_header(12_000_000, 4), "a side is too long to render"),
        (avif_claiming(FILES["avif"], 3, 70_000), "a side is too long to render"),
    ],
)
async def test_what_cannot_be_drawn_is_refused_with_the_reason(
    looking: Drawable, tmp_path: Path, content: bytes, reason: str
) -> None:
    with pytest.raises(BadRequest, match=reason) as raised:
        await looking.check(await spooled(tmp_path, content))
    assert raised.value.hint


TOO_LARGE_TO_DRAW = {"page 0 0 0.0001 9999999", "a page that unpacks to 100 MB"}


async def test_the_pdfs_that_are_accepted_are_those_that_are_drawn(looking: Drawable, tmp_path: Path) -> None:
    for file in documents():
        if file.name in TOO_LARGE_TO_DRAW:
            continue  # How large depends on the settings of the service that draws.
        drawn = accepted = True
        try:
            await asyncio.to_thread(pipeline.render, file.content, Plan(64, 64), Limits(cpu_seconds=5))
        except Undecodable:
            drawn = False
        try:
            await looking.check(await spooled(tmp_path, file.content))
        except BadRequest:
            accepted = False
        assert accepted == drawn, file.name


async def test_a_refusal_says_what_to_do(looking: Drawable, tmp_path: Path) -> None:
    hints = {
        encrypted(PAGE, "user"): "Save it without a password, and send it again.",
        PAGE[:200]: "Send the whole file again, or open it in an editor and save it again.",
        png_header(1_000_000, 50): "Upload an image with at most 65535 pixels on each side.",
    }
    for content, hint in hints.items():
        with pytest.raises(BadRequest) as raised:
            await looking.check(await spooled(tmp_path, content))
        assert raised.value.hint == hint


@pytest.mark.parametrize("before", [[], ["who"]], ids=["a fresh process", "a used process"])
async def test_what_takes_too_much_processor_time_is_refused(
    before: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = await spooled(tmp_path, PAGE)
    with closing(Drawable(limits=replace(LIMITS, cpu_seconds=1))) as hasty:
        for do in before:
            work_instead(monkeypatch, do)
            await hasty.check(file)
        work_instead(monkeypatch, "compute")
        with pytest.raises(BadRequest, match="needs too much time or memory"):
            await hasty.check(file)


@pytest.mark.parametrize("trouble", ["sleep", "be_killed", "no_such_work"])
async def test_a_check_that_fails_loses_no_file(
    trouble: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    work_instead(monkeypatch, trouble)
    with caplog.at_level(logging.WARNING), closing(Drawable(patience=0.5)) as hasty:
        await hasty.check(await spooled(tmp_path, PAGE))
    assert "drawable_unchecked" in caplog.text


async def test_a_process_that_cannot_be_started_loses_no_file(
    looking: Drawable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(process, "_COMMAND", ("/does/not/exist",))
    with caplog.at_level(logging.WARNING):
        await looking.check(await spooled(tmp_path, PAGE))
    assert "drawable_unchecked" in caplog.text


async def test_a_file_that_is_refused_does_not_spoil_the_next(looking: Drawable, tmp_path: Path) -> None:
    good, bad = await spooled(tmp_path, PAGE), await spooled(tmp_path, b"%PDF-1.4\n%%EOF\n")
    for _ in range(3):
        await looking.check(good)
        with pytest.raises(BadRequest):
            await looking.check(bad)


async def test_a_file_larger_than_the_memory_of_the_process_is_read(tmp_path: Path) -> None:
    content = valid_pdf("large", 80 * 2**20)
    with closing(Drawable(limits=replace(LIMITS, data=40 * 2**20))) as tight:
        await tight.check(await spooled(tmp_path, content))
        with pytest.raises(BadRequest, match="is cut short"):
            await tight.check(await spooled(tmp_path, content[:-2000]))


def work_instead(monkeypatch: pytest.MonkeyPatch, do: str) -> None:
    """Have the process do something else than its work."""

    def task(module: str, order: dict[str, Any], limits: process.Limits) -> process.Task:
        return process.Task("tests.processes.sandboxed_work", {"do": do}, limits)

    monkeypatch.setattr(drawable, "Task", task)
