"""A system that runs is ended by a signal, whenever it comes."""

import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest

from tools.stack import watch
from tools.stack.joined_log import JoinedLog
from tools.stack.processes import Processes
from tools.stack.watch import Watch

LINES = 60
"""More than two rounds have, with what they call."""


class Interruption:
    """Traces what runs, and sends SIGTERM before its line of that number."""

    def __init__(self, line: int) -> None:
        self._left = line

    def __call__(self, frame: FrameType, event: str, _: Any) -> "Interruption":
        if event == "line":
            self._left -= 1
            if self._left == -1:
                signal.raise_signal(signal.SIGTERM)
        return self


@pytest.fixture
def watching(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    monkeypatch.setattr(watch, "_LOOKS_EACH", 0.001)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    log = JoinedLog(0)
    made = Watch(Processes([], log.open), log, lambda: None)
    made.take_signals()
    yield made
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("line", range(LINES))
@pytest.mark.timeout(10)
def test_a_signal_ends_it_at_any_moment(watching: Watch, line: int) -> None:
    before = sys.gettrace()
    sys.settrace(Interruption(line))
    try:
        assert watching.run() == ""
    finally:
        sys.settrace(before)
