"""Counts, times and traces the operations of a storage."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from services.core.errors import StorageDown
from services.core.observing import metrics, tracing
from services.core.storage.base import ListingUnsupported, ObjectExists, ObjectMissing, Outcome


@dataclass(frozen=True, slots=True)
class Meter:
    """Measures one backend; `label` is its name in the metrics."""

    label: str

    @contextmanager
    def around(self, operation: str, *, counts_success: bool = True) -> Iterator[None]:
        """Trace, time and count an operation. `counts_success` is false if the caller counts several outcomes."""
        with tracing.part(f"storage {operation}", backend=self.label), self.untraced(operation, counts_success):
            yield

    @contextmanager
    def untraced(self, operation: str, counts_success: bool = True) -> Iterator[None]:
        """Time and count an operation. A span that begins in one step of a generator would end in another task."""
        started = time.perf_counter()
        try:
            yield
        except BaseException as error:
            self._count(operation, _result(error))
            raise
        else:
            if counts_success:
                self._count(operation, "ok")
        finally:
            metrics.STORAGE_SECONDS.labels(self.label, operation).observe(time.perf_counter() - started)

    def count(self, operation: str, outcomes: Sequence[Outcome]) -> None:
        """Count each outcome of an operation on several files."""
        for outcome in outcomes:
            self._count(operation, _result(outcome) if isinstance(outcome, Exception) else "ok")

    def _count(self, operation: str, result: str) -> None:
        metrics.STORAGE_OPERATIONS.labels(self.label, operation, result).inc()


def _result(error: BaseException) -> str:
    match error:
        case ObjectMissing():
            return "missing"
        case ObjectExists():
            return "exists"
        case StorageDown():
            return "down" if error.asked else "refused"
        case ListingUnsupported():
            return "unsupported"
        case asyncio.CancelledError() | GeneratorExit():
            return "abandoned"
    return "failed"
