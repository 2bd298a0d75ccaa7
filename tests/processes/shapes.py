"""Renders pictures of many shapes, one after the other, and says what memory each has taken: for a test to watch.

    python -m tests.processes.shapes

For each shape one line of JSON: what it is, its `status`, and the most MB that it took to render.
"""

import io
import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from services.core.errors import Undecodable
from services.transform.render import pipeline
from services.transform.render.guard import Limits
from services.transform.render.plan import Plan
from tests.support.colour_profiles import wide_gamut
from tests.support.png import chunk
from tests.support.stated_colours import gama, iccp

Image.MAX_IMAGE_PIXELS = None
SIDES = (
    *((1_000_000, 50), (12_000_000, 4), (65_535, 760), (50_000, 960), (39_999, 1200), (16_383, 2900)),
    *((4000, 12_000), (700, 65_535), (50, 1_000_000), (6900, 6900)),
)
PLANS = (Plan(64, 64), Plan(0, 40), Plan(300, 3))


def main() -> None:
    for name, make in KINDS.items():
        for number, sides in enumerate(SIDES):
            content = make(*sides)
            if content:
                said = _rendered(content, PLANS[number % len(PLANS)])
                print(json.dumps({"kind": name, "sides": sides, **said}), flush=True)


def _rendered(content: bytes, plan: Plan) -> dict[str, object]:
    Path("/proc/self/clear_refs").write_text("5")  # The highest so far is forgotten.
    status, rest = 200, _megabytes("VmRSS")
    try:
        pipeline.render(content, plan, Limits())
    except Undecodable as error:
        status = error.status
    return {"status": status, "peak_mb": _megabytes("VmHWM") - rest}


def _megabytes(name: str) -> int:
    return int(Path("/proc/self/status").read_text().split(f"{name}:")[1].split()[0]) // 1024


def png(colours: int, bits: int, *chunks: bytes) -> Callable[[int, int], bytes]:
    """Return what makes PNGs of a colour type of PNG: the picture is never whole in memory."""
    bands = {0: 1, 2: 3, 4: 2, 6: 4}[colours]

    def made(width: int, height: int) -> bytes:
        data = _packed(bytes(1 + width * bands * bits // 8), height)
        head = struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, 0)
        return b"".join(
            [b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", head), *chunks, chunk(b"IDAT", data), chunk(b"IEND", b"")]
        )

    return made


def _packed(line: bytes, count: int) -> bytes:
    """Return so many equal lines as a zlib stream: some are packed once and repeated, as all would take seconds."""
    together = min(count, max(1, 2**20 // len(line)))
    block, rest = line * together, line * (count % together)
    packer = zlib.compressobj(1, wbits=-15)
    # After a full flush nothing refers to what was before.
    packed = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    end = packer.compress(rest) + packer.flush()
    checksum = 1
    for _ in range(count // together):
        checksum = zlib.adler32(block, checksum)
    checksum = zlib.adler32(rest, checksum)
    return b"".join([b"\x78\x01", packed * (count // together), end, struct.pack(">I", checksum)])


def tiff(width: int, height: int) -> bytes:
    """Return a grey TIFF of one strip for each line, all of the same bytes."""
    data = zlib.compress(bytes(width))
    table = 8 + 2 + 8 * 12 + 4
    start = table + 8 * height
    fields = (
        (256, width),
        (257, height),
        (258, 8),
        (259, 8),
        (262, 1),
        (273, table),
        (278, 1),
        (279, table + 4 * height),
    )
    out = [b"II*\0" + struct.pack("<IH", 8, len(fields))]
    for tag, value in fields:
        out.append(struct.pack("<HHII", tag, 4, height if tag in (273, 279) else 1, value))
    return b"".join([*out, bytes(4), struct.pack("<I", start) * height, struct.pack("<I", len(data)) * height, data])


def pillow(mode: str, kind: str, side_max: int, pixels_max: int, **options: object) -> Callable[[int, int], bytes]:
    """Return what makes files of a type, and nothing where the type has no such sides."""

    def made(width: int, height: int) -> bytes:
        if max(width, height) > side_max or width * height > pixels_max:
            return b""
        out = io.BytesIO()
        Image.new(mode, (width, height)).save(out, kind, **options)
        return out.getvalue()

    return made


KINDS: dict[str, Callable[[int, int], bytes]] = {
    "png grey": png(0, 8),
    "png": png(2, 8, gama(1.0)),
    "png of 16 bits with transparency and a profile": png(6, 16, iccp(wide_gamut())),
    "tiff": tiff,
    "jpeg": pillow("RGB", "JPEG", 65_500, 50_000_000, quality=5),
    "progressive jpeg": pillow("L", "JPEG", 65_500, 50_000_000, quality=5, progressive=True),
    "gif": pillow("L", "GIF", 65_535, 50_000_000),
    "webp": pillow("RGB", "WEBP", 16_383, 50_000_000, quality=1, method=0),
    "avif": pillow("L", "AVIF", 65_535, 12_000_000, quality=1, speed=10),
}


if __name__ == "__main__":
    main()
