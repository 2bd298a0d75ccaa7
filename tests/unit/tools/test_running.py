from pathlib import Path

import pytest

from tools.stack import running
from tools.stack.running import Running, Several, chosen

ONE, OTHER = (Running(pid, Path(f"/data/{pid}"), {}) for pid in (7, 9))


def run_now(monkeypatch: pytest.MonkeyPatch, *systems: Running) -> None:
    monkeypatch.setattr(running, "systems", lambda: list(systems))


def test_the_only_system_that_runs_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    run_now(monkeypatch, ONE)
    assert chosen({}) is ONE
    assert chosen({"DATA_DIR": "/data/9"}) is None
    run_now(monkeypatch)
    assert chosen({}) is None


def test_of_several_the_data_folder_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    run_now(monkeypatch, ONE, OTHER)
    assert chosen({"DATA_DIR": "/data/9"}) is OTHER
    with pytest.raises(Several) as several:
        chosen({})
    assert "make doctor DATA_DIR=/data/7" in several.value.choose("doctor")
