"""Renders the files of a folder, one after the other, and says what came of each: a process that a test can watch.

    python -m tests.processes.renderer FOLDER WIDTH HEIGHT

For each file, in the order of their names, one line of JSON on the output. The rendition is written beside the file.
"""

import json
import resource
import sys
import time
from pathlib import Path

from services.core.errors import Undecodable
from services.transform.render import pipeline
from services.transform.render.guard import Limits
from services.transform.render.plan import Plan
from tools.stack.plan import ALLOCATOR

ENVIRONMENT = {**ALLOCATOR, "VIPS_DISC_THRESHOLD": "1g"}
"""What such a process is started with, as transform is."""


def main(folder: Path, width: int, height: int) -> None:
    for path in sorted(folder.glob("*.source")):
        said = {"file": path.stem, "status": 200, "message": "", "hint": ""}
        started, used = time.perf_counter(), _processor_seconds()
        try:
            rendered = pipeline.render(path.read_bytes(), Plan(width, height), Limits())
            path.with_suffix(".rendition").write_bytes(rendered.content)
        except Undecodable as error:
            said |= {"status": error.status, "message": error.message, "hint": error.hint or ""}
        said |= {
            "seconds": time.perf_counter() - started,
            "cpu": _processor_seconds() - used,
            "peak_mb": max(_peak(), _peak_of_children()),
        }
        print(json.dumps(said), flush=True)


def _processor_seconds() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _peak() -> float:
    """Return the most memory that this process has ever had, in MB."""
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024


def _peak_of_children() -> float:
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
