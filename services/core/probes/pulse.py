"""Whether a loop of this process still runs: the event loop can work while that loop hangs."""

import time


class Pulse:
    """A loop calls `beat` in each round. The loop is alive if its last beat is at most `patience` seconds ago.

    Before the first beat it is not alive.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._last: float | None = None

    def beat(self) -> None:
        self._last = time.monotonic()

    @property
    def lives(self) -> bool:
        return self._last is not None and time.monotonic() - self._last <= self._patience
