"""A clock for work that lets writers pass."""

import time

import pytest

from services.jobs import writers_first
from tests.support.waits import eventually


class Clock:
    """The time by which work lets writers pass; it stands still until it is set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.asked = time.time(), 0
        monkeypatch.setattr(writers_first, "time", self)

    def time(self) -> float:
        self.asked += 1
        return self.now

    async def asked_again(self) -> None:
        """Wait until somebody has looked at the clock twice from now on."""
        before = self.asked

        async def often_enough() -> bool:
            return self.asked >= before + 2

        await eventually(often_enough)
