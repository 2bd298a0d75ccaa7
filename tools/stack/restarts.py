"""When a process that has ended by itself is started again, and when no more. Pure."""

from collections import deque
from dataclasses import dataclass, field

RESTARTS_MAX = 5
WINDOW_SECONDS = 60.0
"""A process is started again at most RESTARTS_MAX times within this time. What ends that often does not mend itself."""
_FIRST_PAUSE = 0.5
"""Seconds before the first restart. Each further one within the window waits twice as long as the one before."""


@dataclass(slots=True)
class Restarts:
    """The restarts of one process. Times are in seconds of any clock that only goes forward."""

    _times: deque[float] = field(default_factory=deque)

    def after_end(self, now: float) -> float | None:
        """Note an end. Return how many seconds to wait before the restart, or None if there is to be none."""
        while self._times and now - self._times[0] >= WINDOW_SECONDS:
            self._times.popleft()
        if len(self._times) >= RESTARTS_MAX:
            return None
        pause = _FIRST_PAUSE * (1 << len(self._times))
        self._times.append(now)
        return pause
