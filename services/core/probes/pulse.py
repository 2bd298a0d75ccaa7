"""Whether a loop of this process still turns, when the event loop may work without it."""

import time


class Pulse:
    """A loop calls `beat` each time round. It lives when its last beat is at most `patience` seconds ago.

    Before the first beat it does not live yet.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._last: float | None = None

    def beat(self) -> None:
        self._last = time.monotonic()

    @property
    def lives(self) -> bool:
        return self._last is not None and time.monotonic() - self._last <= self._patience
