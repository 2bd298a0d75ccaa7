"""Memory follows the area of a picture, whatever its shape: no render takes 300 MB, or it is refused by its header."""

import json
import subprocess
import sys

from tests.processes.renderer import ENVIRONMENT
from tools.stack.plan import ROOT

MEMORY_MAX = 250
"""MB beside the 50 that the process has at rest: this one makes the files too, and has more."""


def test_no_shape_of_any_type_takes_300_mb() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.processes.shapes"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": ":".join(sys.path), **ENVIRONMENT},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one for one in said if one["peak_mb"] >= MEMORY_MAX] == []
    # What is refused is extreme.
    assert {tuple(one["sides"]) for one in said if one["status"] == 422 and one["kind"] == "jpeg"} == set()
    assert {one["status"] for one in said if one["sides"] in ([1_000_000, 50], [12_000_000, 4])} == {422}
    assert {one["status"] for one in said if one["sides"] in ([4000, 12_000], [700, 65_535])} == {200}
