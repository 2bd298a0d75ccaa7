"""The limit of rendering: pyvips alone, files in, WebP out, with the settings that transform uses. No HTTP."""

import os

os.environ.setdefault("VIPS_CONCURRENCY", "1")

import time

import pyvips

from tools.bench.load import questions, reply

pyvips.cache_set_max(0)


def render(path: str, width: int, quality: int, effort: int) -> int:
    if width:
        # The height is free: as large as a WebP can be.
        image = pyvips.Image.thumbnail(path, width, height=16383, size="down", fail_on="truncated")
    else:
        image = pyvips.Image.new_from_file(path, access="sequential", fail_on="truncated")
    return len(image.webpsave_buffer(Q=quality, effort=effort, keep="none"))


if __name__ == "__main__":
    for asked in questions():
        started, cpu = time.perf_counter(), time.process_time()
        size = sum(render(path, asked["width"], asked["quality"], asked["effort"]) for path in asked["paths"])
        reply({"seconds": time.perf_counter() - started, "cpu": time.process_time() - cpu, "bytes": size})
