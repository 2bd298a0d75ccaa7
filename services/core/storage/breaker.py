"""A circuit breaker around a remote storage: while it is down a request costs microseconds, not its timeout.

Closed, everything passes. After so many failures in a row it opens: requests are refused at once. When it has been open
for a while, one request passes. Its outcome closes the breaker or keeps it open for as long again. (Nygard, "Release
It!", 2007; the states are those of his Circuit Breaker.)
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from services.core.errors import StorageDown
from services.core.observing import logs, metrics

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Breaker:
    """The state, for one process. `failures` in a row open it for `seconds`."""

    failures: int
    seconds: float
    _in_a_row: int = 0
    _open_until: float = 0.0
    _why: str = ""

    @contextmanager
    def guard(self, *, probe: bool = False) -> Iterator[None]:
        """Let a request pass or raise StorageDown; count its outcome. A `probe` always passes."""
        now = time.monotonic()
        if self._in_a_row >= self.failures and not probe:
            if now < self._open_until:
                refused = StorageDown(f"The storage is down: {self._why}")
                refused.asked = False
                raise refused
            self._open_until = now + self.seconds  # For the others, while this request tries.
        try:
            yield
        except StorageDown as error:
            self._failed(error)
            raise
        except Exception:
            # Any other answer, such as "not there", comes from a working storage.
            self._worked()
            raise
        else:
            self._worked()

    def _failed(self, error: StorageDown) -> None:
        self._in_a_row += 1
        self._why = error.message
        if self._in_a_row >= self.failures:
            self._open_until = time.monotonic() + self.seconds
        if self._in_a_row == self.failures:
            metrics.BREAKER_OPEN.set(1)
            logs.event(log, logging.ERROR, "storage_breaker_open", error=error.message)

    def _worked(self) -> None:
        if self._in_a_row >= self.failures:
            metrics.BREAKER_OPEN.set(0)
            logs.event(log, logging.INFO, "storage_breaker_closed")
        self._in_a_row = 0
