"""Many renders of every kind in one process, and what they leave behind.

    python -m tests.programs.soak_renders [RENDERS]          (20000; `make soak-renders`)

Prints one line of JSON with the memory after a tenth of the renders and at the end, and what libvips still holds.
"""

import ctypes
import gc
import io
import json
import random
import re
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image, ImageCms

from services.core.addresses.values import Focus
from services.core.errors import Undecodable
from services.transform.render import pipeline
from services.transform.render.guard import Limits
from services.transform.render.plan import Plan
from services.transform.render.stop import Stop
from tests.support.hostile_files import apng_frames, gif_frames, png_header, small_files, webp_frames
from tests.support.photographs import CHINA

THREADS = 2
BATCH = 100
GROWTH_MAX = 1.1
# What threads and their arenas take once more, whatever they render.
GROWTH_FREE_MB = 10
LIMITS = Limits(frames=50)
PLANS = [
    Plan(),
    Plan(60),
    Plan(0, 50),
    Plan(64, 64),
    Plan(64, 64, fit="contain"),
    Plan(64, 40, fit="fill"),
    Plan(40, 40, focus="smart"),
    Plan(40, 40, focus=Focus(0.1, 0.9)),
    Plan(48, 0, format="jpeg"),
    Plan(48, 0, format="png"),
    Plan(48, 0, format="plain"),
    Plan(32, 0, format="avif"),
    Plan(64, 0, max_bytes=700),
    Plan(64, 0, format="png", max_bytes=700),
]


class Given(Exception):
    """A render was stopped, as when its client leaves."""


def sources() -> list[bytes]:
    """Return files of every kind, sound and broken, small enough for thousands of renders."""
    photo: Image.Image = Image.open(CHINA)
    photo = photo.resize((240, 160))
    wide = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    turned = Image.Exif()
    turned[0x0112] = 6

    def saved(image: Image.Image, file_format: str, **options: object) -> bytes:
        out = io.BytesIO()
        image.save(out, file_format, **options)
        return out.getvalue()

    files = small_files()
    sound = [
        *(files[extension] for extension in ("jpg", "png", "webp", "gif", "avif", "tiff")),
        saved(photo, "JPEG"),
        saved(photo, "JPEG", progressive=True, exif=turned),
        saved(photo, "JPEG", icc_profile=wide),
        saved(photo.convert("CMYK"), "JPEG"),
        saved(photo.convert("RGBA"), "PNG"),
        saved(photo.convert("L").convert("I;16"), "PNG"),
        saved(photo.quantize(16), "PNG"),
        saved(photo, "WEBP", exif=turned),
        saved(photo, "WEBP", save_all=True, append_images=[photo.rotate(9), photo.rotate(20)], duration=90),
        saved(photo, "GIF", save_all=True, append_images=[photo.rotate(9)], duration=90),
        saved(photo, "TIFF"),
    ]
    broken = [
        *(content[: len(content) * 2 // 3] for content in sound),
        png_header(30_000, 30_000),
        gif_frames(100, 4),
        webp_frames(100, 4),
        apng_frames(50),
        b"",
        b"no image",
        files["svg"][:-5],
    ]
    return sound * 2 + broken


def run(renders: int) -> dict[str, float]:
    """Render, in as many threads as the service would, and return what was measured."""
    held, chance, files = libvips_holds(), random.Random(1), sources()
    lock, counts = threading.Lock(), {"rendered": 0, "refused": 0, "stopped": 0}

    def one(number: int, source: bytes, plan: Plan) -> None:
        stop = Stop()
        if number % 50 == 0:
            threading.Timer(0.002, stop.pull, (Given(),)).start()
        try:
            pipeline.render(source, plan, LIMITS, stop)
            result = "rendered"
        except Undecodable:
            result = "refused"
        except Given:
            result = "stopped"
        finally:
            stop.over()
        with lock:
            counts[result] += 1

    def some(first: int, last: int) -> None:
        # A batch at a time: thousands of futures would take more memory than is looked for.
        with ThreadPoolExecutor(THREADS) as pool:
            for batch in range(first, last, BATCH):
                numbers = range(batch, min(batch + BATCH, last))
                list(
                    pool.map(
                        one, numbers, [chance.choice(files) for _ in numbers], [chance.choice(PLANS) for _ in numbers]
                    )
                )

    started = time.perf_counter()
    some(0, renders // 10)
    early = _resident()
    some(renders // 10, renders)
    late, seconds = _resident(), time.perf_counter() - started
    gc.collect()
    return {
        **counts,
        "seconds": round(seconds, 1),
        "early_mb": round(early, 1),
        "late_mb": round(late, 1),
        **{f"{name}_before": value for name, value in held.items()},
        **{f"{name}_after": value for name, value in libvips_holds().items()},
    }


def libvips_holds() -> dict[str, int]:
    """Return how many bytes, blocks and files libvips has in use, by its own books."""
    [path] = set(re.findall(r"\S+/libvips[^/\s]*\.so\S*", Path("/proc/self/maps").read_text()))
    library = ctypes.CDLL(path)

    def ask(name: str) -> int:
        function: Callable[[], int] = getattr(library, f"vips_tracked_get_{name}")
        function.restype = ctypes.c_size_t  # type: ignore[attr-defined]
        return function()

    return {"bytes": ask("mem"), "blocks": ask("allocs"), "files": ask("files")}


def _resident() -> float:
    return int(Path("/proc/self/status").read_text().split("VmRSS:")[1].split()[0]) / 1024


def wrong(found: dict[str, float]) -> list[str]:
    """Return what the renders have left behind that they should not have."""
    early = found["early_mb"]
    grown = found["late_mb"] > max(early * GROWTH_MAX, early + GROWTH_FREE_MB)
    kept = [name for name in ("bytes", "blocks", "files") if found[f"{name}_after"] != found[f"{name}_before"]]
    return [*(["memory"] if grown else []), *kept]


if __name__ == "__main__":
    measured = run(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
    print(json.dumps(measured))
    if left := wrong(measured):
        sys.exit(f"left behind: {', '.join(left)}")
