"""SVG and PDF become pixels in a process of their own, which can be ended whatever it does.

Neither librsvg nor PDFium can be stopped in the middle of a page, and both read what strangers have made. The process
gets the document and nothing else: no environment, no open files, no more memory and processor time than it is told.
"""

import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from services.core.assets import media_types
from services.core.errors import Undecodable
from services.transform.render import svg
from services.transform.render.geometry import Box
from services.transform.render.guard import Limits
from services.transform.render.plan import Plan
from services.transform.render.stopping import Stop

_ROOT = Path(__file__).parents[3]
_COMMAND = [sys.executable, "-m", "services.transform.render.drawing_process"]

_PDF_END = 1024
"""Bytes at the end of a file in which viewers look for its end mark."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """`pixels` are RGBA, 8 bits each, of the scaled but uncut page (`box.width`×`box.height`)."""

    pixels: bytes
    box: Box


def draw(source: bytes, media_type: str, plan: Plan, limits: Limits, stop: Stop) -> Drawn:
    """Draw the first page of a document at the size of the plan; raises Undecodable."""
    if media_type == media_types.SVG:
        svg.check(source)
    elif b"%%EOF" not in source[-_PDF_END:]:
        raise Undecodable("The PDF is cut: it has no end.", "Upload it again, whole.")
    order = {
        "media_type": media_type,
        "plan": asdict(plan),
        "side": limits.side,
        "pixels": limits.pixels,
        "cpu_seconds": limits.cpu_seconds,
        "memory": limits.memory,
    }
    with subprocess.Popen(  # noqa: S603 - a command of our own
        _COMMAND,
        cwd=_ROOT,
        env=_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        stop.by(process.kill)
        answer, _ = process.communicate(orjson.dumps(order) + b"\n" + source)
    stop.check()
    head, newline, pixels = answer.partition(b"\n")
    if not newline:
        raise Undecodable(
            f"The document needs more than {limits.cpu_seconds} s or {limits.memory // 2**20} MB to be drawn.",
            "Upload a simpler one.",
        )
    said = orjson.loads(head)
    if "error" in said:
        raise Undecodable(f"The document cannot be drawn: {said['error']}.", "Upload it again.")
    box = Box(**said)
    if len(pixels) != box.width * box.height * 4:
        raise Undecodable("The document was not drawn to its end.", "Upload a simpler one.")
    return Drawn(pixels, box)


def _environment() -> dict[str, str]:
    # Where Python finds its libraries, and nothing that is secret.
    kept = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "FONTCONFIG_FILE", "FONTCONFIG_PATH")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"VIPS_CONCURRENCY": "1"}
