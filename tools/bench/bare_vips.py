"""The limit of rendering: pyvips alone, files in, WebP out, with the settings that transform uses. No HTTP."""

import os

os.environ.setdefault("VIPS_CONCURRENCY", "1")

import time

import pyvips

from tools.bench.load import questions, reply

pyvips.cache_set_max(0)


def render(path: str, width: int, quality: int, effort: int) -> None:
    """Make a WebP of a picture, upright and in sRGB; with a width of 0, of all its pixels."""
    image = pyvips.Image.new_from_file(path, access="sequential", fail_on="truncated")
    has_profile = bool(image.get_typeof("icc-profile-data"))
    if width:
        # Without a profile there is nothing to convert, and it would be converted nevertheless.
        colours = {"export_profile": "srgb", "intent": "relative"} if has_profile else {}
        # The height is free: as large as a WebP can be.
        image = pyvips.Image.thumbnail(path, width, height=16383, size="down", fail_on="truncated", **colours)
    else:
        if image.get_typeof("orientation") and image.get("orientation") != 1:
            # Turning needs the picture as a whole.
            image = image.copy_memory().autorot()
        if has_profile:
            image = image.icc_transform("srgb", embedded=True, intent="relative")
    image.webpsave_buffer(Q=quality, effort=effort, keep="none")


if __name__ == "__main__":
    for asked in questions():
        cpu = time.process_time()
        for one in asked:
            render(**one)
        reply({"cpu": time.process_time() - cpu})
