"""The short version of `make soak-renders`."""

import json
import os
import subprocess
import sys

from tests.processes.renderer import ENVIRONMENT
from tests.programs.soak_renders import wrong
from tests.support.hostile_files import small_files
from tools.stack.plan import ROOT

RENDERS = 1500


def test_hundreds_of_renders_of_every_kind_leave_nothing_behind() -> None:
    environment = os.environ | ENVIRONMENT
    command = [sys.executable, "-m", "tests.programs.soak_renders", str(RENDERS)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found["rendered"] > RENDERS / 2
    assert min(found["refused"], found["stopped"]) > len(small_files())


def test_what_is_left_behind_is_seen() -> None:
    holds: dict[str, float] = {
        f"{name}_{when}": 0 for name in ("bytes", "blocks", "files") for when in ("before", "after")
    }
    assert wrong({"early_mb": 150, "late_mb": 160} | holds) == []
    assert wrong({"early_mb": 65, "late_mb": 75} | holds) == []
    assert wrong({"early_mb": 65, "late_mb": 76} | holds) == ["memory"]
    assert wrong({"early_mb": 150, "late_mb": 170} | holds) == ["memory"]
    assert wrong({"early_mb": 150, "late_mb": 150} | holds | {"blocks_after": 1}) == ["blocks"]
