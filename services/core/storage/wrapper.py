"""Wraps every backend: with a meter and, if the backend is remote, a circuit breaker.

The wrapper has exactly the abilities of its backend: `wrapped` makes a class of the parts that the backend needs.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, aclosing, nullcontext
from pathlib import Path
from typing import Any

from services.core.assets.stored_object import StoredObject
from services.core.errors import StorageDown, StorageLost
from services.core.storage.base import (
    Listed,
    Marked,
    NewObject,
    ObjectMissing,
    Outcome,
    ReadsInThread,
    ReplacesInPlace,
    Storage,
)
from services.core.storage.breaker import Breaker
from services.core.storage.meter import Meter

_OPEN: AbstractContextManager[None] = nullcontext()
# The metrics have older names for `put` and `ready`.
_PUT, _READY = "store", "check"


class Wrapped:
    """A storage behind a meter and perhaps a breaker."""

    def __init__(self, backend: Any, meter: Meter, breaker: Breaker | None) -> None:
        """Take a Storage. It is Any because the parts below use its abilities, which `wrapped` has tested for."""
        self._backend, self._meter, self._breaker = backend, meter, breaker
        self._shut: str | None = None

    def shut(self, why: str | None) -> None:
        """Refuse every verb from now on with StorageLost, or with None allow them again."""
        self._shut = why

    def _guard(self) -> AbstractContextManager[None]:
        if self._shut is not None:
            raise StorageLost(self._shut, None)
        return self._breaker.guard() if self._breaker else _OPEN

    @property
    def spool(self) -> Path:
        spool: Path = self._backend.spool
        return spool

    async def open(self) -> None:
        await self._backend.open()

    async def close(self) -> None:
        await self._backend.close()

    async def put(self, new: Sequence[NewObject]) -> list[Outcome]:
        return await self._store(self._backend.put, new)

    async def _store(
        self, verb: Callable[[Sequence[NewObject]], Awaitable[list[Outcome]]], new: Sequence[NewObject]
    ) -> list[Outcome]:
        with self._meter.around(_PUT, counts_success=False), self._guard():
            outcomes = await verb(new)
            failed = [outcome for outcome in outcomes if isinstance(outcome, StorageDown)]
            if self._breaker and failed and len(failed) == len(outcomes):
                raise failed[0]
        self._meter.count(_PUT, outcomes)
        return outcomes

    async def read(self, stored: StoredObject) -> bytes:
        with self._meter.around("read"), self._guard():
            content: bytes = await self._backend.read(stored)
            return content

    async def stream(
        self, stored: StoredObject, start: int = 0, length: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        with self._meter.untraced("stream"), self._guard():
            async with aclosing(self._backend.stream(stored, start, length)) as chunks:
                async for chunk in chunks:
                    yield chunk

    async def size(self, stored: StoredObject) -> int:
        with self._meter.around("size"), self._guard():
            size: int = await self._backend.size(stored)
            return size

    async def has(self, stored: StoredObject) -> bool:
        """Say whether an object exists, also while the storage is shut."""
        try:
            await self._backend.size(stored)
        except ObjectMissing:
            return False
        return True

    async def delete(self, stored: Sequence[StoredObject]) -> None:
        with self._meter.around("delete"), self._guard():
            await self._backend.delete(stored)

    async def list(self, prefix: str = "") -> AsyncIterator[Listed]:
        with self._meter.untraced("list"), self._guard():
            async for listed in self._backend.list(prefix):
                yield listed

    async def ready(self) -> None:
        if self._shut is not None:
            raise StorageLost(self._shut, None)
        with self._meter.around(_READY), self._breaker.guard(probe=True) if self._breaker else _OPEN:
            await self._backend.ready()


class _WithReplace(Wrapped):
    async def replace(self, new: Sequence[NewObject]) -> "list[Outcome]":
        return await self._store(self._backend.replace, new)


class _WithMark(Wrapped):
    """The mark can be read while the storage is shut."""

    async def mark(self) -> str | None:
        found: str | None = await self._backend.mark()
        return found

    async def make_mark(self, storage_id: str) -> str:
        made: str = await self._backend.make_mark(storage_id)
        return made


class _WithThread(Wrapped):
    def read_in_thread(self, stored: StoredObject) -> bytes:
        with self._meter.around("read"), self._guard():
            content: bytes = self._backend.read_in_thread(stored)
            return content


_PARTS: tuple[tuple[type, type[Wrapped]], ...] = (
    (Marked, _WithMark),
    (ReplacesInPlace, _WithReplace),
    (ReadsInThread, _WithThread),
)


def wrapped(backend: Storage, meter: Meter, breaker: Breaker | None) -> Wrapped:
    """Return a storage with the abilities of the backend: measured, and guarded by the breaker if there is one."""
    parts = tuple(part for ability, part in _PARTS if isinstance(backend, ability))
    kind: type[Wrapped] = type("WrappedStorage", parts or (Wrapped,), {})
    return kind(backend, meter, breaker)
