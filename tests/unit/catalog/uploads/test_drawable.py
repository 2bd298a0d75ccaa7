import io
from pathlib import Path

import pytest
from PIL import Image

from services.catalog.uploads.drawable import Drawable
from services.catalog.uploads.spool import SpooledFile, SpoolWriter
from services.core.errors import BadRequest
from tests.support.hostile_files import pdf

NOISE = Image.effect_noise((64, 48), 60).convert("RGB")
PAGE = pdf(b"1 0 0 rg 0 0 9 9 re f")
OPEN = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'


def saved(kind: str, **how: object) -> bytes:
    content = io.BytesIO()
    NOISE.save(content, kind, **how)  # type: ignore[arg-type]
    return content.getvalue()


async def spooled(folder: Path, content: bytes) -> SpooledFile:
    writer = SpoolWriter(folder, "host-1-abcd", "file", None, 10**8)
    await writer.write(content)
    return await writer.finish()


JPEG, PROGRESSIVE, PNG = saved("JPEG"), saved("JPEG", progressive=True), saved("PNG")
RESTARTING = saved("JPEG", restart_marker_rows=1)


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
    ],
)
async def test_what_can_be_drawn_is_taken(tmp_path: Path, content: bytes) -> None:
    await Drawable().check(await spooled(tmp_path, content))


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
        (saved("WEBP")[:-9], "WebP file .* cut short"),
        (saved("GIF")[:-9], "GIF file .* cut short"),
        (saved("TIFF")[:-9], "TIFF file .* cut short"),
        (saved("AVIF")[:-9], "AVIF file .* cut short"),
        (f"{OPEN}<g></svg>".encode(), "not well formed"),
        (f"{OPEN}<title>Größe</title></svg>".encode("latin-1"), "not well formed"),
        (f'{OPEN}<image href="http://x/y"/></svg>'.encode("utf-16"), "refers to other files"),
        (f'<?xml version="1.0" encoding="utf-7"?>{OPEN}</svg>'.encode(), "encoding that browsers do not read"),
    ],
)
async def test_what_cannot_be_drawn_is_refused_with_the_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(BadRequest, match=reason) as raised:
        await Drawable().check(await spooled(tmp_path, content))
    assert raised.value.hint
