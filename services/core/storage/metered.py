"""A storage whose operations are counted, timed and traced."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from services.core.assets.stored_object import StoredObject
from services.core.errors import StorageDown, TadaError
from services.core.observing import metrics, tracing
from services.core.storage.base import (
    Listed,
    ListingUnsupported,
    NewObject,
    ObjectExists,
    ObjectMissing,
    Receipt,
    Storage,
)


@dataclass(frozen=True, slots=True)
class MeteredStorage:
    """`backend` is its name in the metrics: local, s3 or distant."""

    storage: Storage
    backend: str

    @property
    def in_place(self) -> bool:
        return self.storage.in_place

    @property
    def spool(self) -> Path:
        return self.storage.spool

    def prepare(self) -> None:
        self.storage.prepare()

    async def open(self) -> None:
        await self.storage.open()

    async def close(self) -> None:
        await self.storage.close()

    async def store(self, new: Sequence[NewObject]) -> list[Receipt | ObjectExists | TadaError]:
        with self._measured("store"):
            outcomes = await self.storage.store(new)
        for outcome in outcomes:
            self._count("store", _result(outcome) if isinstance(outcome, Exception) else "ok")
        return outcomes

    async def read(self, stored: StoredObject) -> bytes:
        with self._counted("read"):
            return await self.storage.read(stored)

    @property
    def read_in_thread(self) -> Callable[[StoredObject], bytes] | None:
        read = self.storage.read_in_thread
        if read is None:
            return None

        def counted(stored: StoredObject) -> bytes:
            with self._counted("read"):
                return read(stored)

        return counted

    async def stream(self, stored: StoredObject, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        # Not traced: a span that begins in one step of a generator would end in another task.
        started = time.perf_counter()
        try:
            async for chunk in self.storage.stream(stored, start, length):
                yield chunk
        except BaseException as error:
            self._ended("stream", _result(error), started)
            raise
        self._ended("stream", "ok", started)

    async def size(self, stored: StoredObject) -> int:
        with self._counted("size"):
            return await self.storage.size(stored)

    async def delete(self, stored: Sequence[StoredObject]) -> None:
        with self._counted("delete"):
            await self.storage.delete(stored)

    async def list(self, prefix: str = "") -> AsyncIterator[Listed]:
        started = time.perf_counter()
        try:
            async for listed in self.storage.list(prefix):
                yield listed
        except BaseException as error:
            self._ended("list", _result(error), started)
            raise
        self._ended("list", "ok", started)

    async def check(self) -> None:
        with self._counted("check"):
            await self.storage.check()

    @contextmanager
    def _counted(self, operation: str) -> Iterator[None]:
        with self._measured(operation):
            yield
        self._count(operation, "ok")

    @contextmanager
    def _measured(self, operation: str) -> Iterator[None]:
        """Time what goes well; count and time what does not."""
        started = time.perf_counter()
        try:
            with tracing.part(f"storage {operation}", backend=self.backend):
                yield
        except BaseException as error:
            self._ended(operation, _result(error), started)
            raise
        self._time(operation, started)

    def _ended(self, operation: str, result: str, started: float) -> None:
        self._count(operation, result)
        self._time(operation, started)

    def _count(self, operation: str, result: str) -> None:
        metrics.STORAGE_OPERATIONS.labels(self.backend, operation, result).inc()

    def _time(self, operation: str, started: float) -> None:
        metrics.STORAGE_SECONDS.labels(self.backend, operation).observe(time.perf_counter() - started)


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
