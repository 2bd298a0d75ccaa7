"""Processes whose Redis and storage fail when a test says so, and that can die between any two calls."""

import os
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from redis.exceptions import ConnectionError as RedisConnectionError

from services.core.assets.retired import NO_UNDO, Undo
from services.core.errors import StorageDown
from services.core.state import keys
from services.core.state.connection import Redis
from services.core.storage import Listed, NewObject, ObjectMissing, Outcome, StoredObject
from services.core.storage.local import LocalStorage
from tests.support.catalogs import CatalogUser

Result = TypeVar("Result")


class Fault(Enum):
    """What becomes of one call."""

    REFUSED = "nothing is done"
    UNANSWERED = "it is done, and the answer is lost"
    REPEATED = "it is done, the answer is lost, and the connection says it again"
    LATE = "nothing is done, and it arrives later after all"


class Killed(BaseException):
    """The process is dead: nothing of it goes on."""


class Faults:
    """What fails next. Calls beyond the list work."""

    def __init__(self) -> None:
        self.coming: list[Fault | None] = []
        self.late: list[Callable[[], Awaitable[Any]]] = []

    async def around(self, call: Callable[[], Awaitable[Result]], error: Exception) -> Result:
        fault = self.coming.pop(0) if self.coming else None
        match fault:
            case Fault.REFUSED:
                raise error
            case Fault.LATE:
                self.late.append(call)
                raise error
            case Fault.UNANSWERED:
                await call()
                raise error
            case Fault.REPEATED:
                await call()
        return await call()

    async def arrive(self) -> None:
        """Have done what is on its way."""
        late, self.late = self.late, []
        for call in late:
            with suppress(ObjectMissing):  # What is read too late may be gone.
                await call()


class FailingRedis(Redis):
    """A client of one process."""

    process: "FailingProcess"
    faults: Faults

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        self.process.takes_a_step()
        execute: Callable[..., Awaitable[Any]] = super().execute_command
        return await self.faults.around(lambda: execute(*args, **options), RedisConnectionError("It is away."))


class InPlace(LocalStorage):
    """Local files with one key for all versions of an asset, as at a distant backend."""

    async def replace(self, new: Sequence[NewObject]) -> list[Outcome]:
        for one in new:
            await self.delete([one.object])
        return await self.put(new)


class FailingStorage:
    """A storage as one process has it."""

    def __init__(self, backend: LocalStorage, process: "FailingProcess", faults: Faults) -> None:
        self._backend, self._process, self._faults = backend, process, faults
        self.spool = backend.spool

    async def _ask(self, call: Callable[[], Awaitable[Result]]) -> Result:
        self._process.takes_a_step()
        return await self._faults.around(call, StorageDown("It is down."))

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def put(self, new: Sequence[NewObject]) -> list[Outcome]:
        return await self._store(new, self._backend.put)

    async def _store(
        self, new: Sequence[NewObject], verb: Callable[[Sequence[NewObject]], Awaitable[list[Outcome]]]
    ) -> list[Outcome]:
        contents = [one.source.read_bytes() for one in new]

        async def call() -> list[Outcome]:
            # What was sent before may have been taken out of the spool.
            gone = [not one.source.exists() for one in new]
            for one, content in zip(new, contents, strict=True):
                one.source.write_bytes(content)
            outcomes = await verb(new)
            for one, is_extra in zip(new, gone, strict=True):
                if is_extra:
                    one.source.unlink(missing_ok=True)
            return outcomes

        return await self._ask(call)

    async def read(self, stored: StoredObject) -> bytes:
        return await self._ask(lambda: self._backend.read(stored))

    async def stream(
        self, stored: StoredObject, start: int = 0, length: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        yield await self.read(stored)

    async def size(self, stored: StoredObject) -> int:
        return await self._ask(lambda: self._backend.size(stored))

    async def delete(self, stored: Sequence[StoredObject]) -> None:
        await self._ask(lambda: self._backend.delete(stored))

    async def list(self, prefix: str = "") -> AsyncIterator[Listed]:
        async for listed in self._backend.list(prefix):
            yield listed

    async def ready(self) -> None:
        await self._ask(self._backend.ready)


class FailingInPlace(FailingStorage):
    def __init__(self, backend: InPlace, process: "FailingProcess", faults: Faults) -> None:
        super().__init__(backend, process, faults)
        self._in_place = backend

    async def replace(self, new: Sequence[NewObject]) -> list[Outcome]:
        return await self._store(new, self._in_place.replace)


class FailingProcess:
    """A process that works with the catalog and the storage."""

    def __init__(self, redis_url: str, backend: LocalStorage, storage_faults: Faults, undo: Undo = NO_UNDO) -> None:
        self.dies_after: int | None = None
        self._redis: FailingRedis = FailingRedis.from_url(redis_url)
        self._redis.process, self._redis.faults = self, Faults()
        self.user = CatalogUser(self._redis, undo)
        kind = FailingInPlace if isinstance(backend, InPlace) else FailingStorage
        self.storage = kind(backend, self, storage_faults)  # type: ignore[arg-type]
        self.reaper = self.user.reaper(self.storage)

    @property
    def redis_faults(self) -> Faults:
        return self._redis.faults

    @property
    def sign_of_life(self) -> str:
        return keys.alive(self.user.process.name)

    def takes_a_step(self) -> None:
        """Raise Killed if the process is dead by now."""
        if self.dies_after is None:
            return
        if self.dies_after == 0:
            raise Killed
        self.dies_after -= 1

    async def close(self) -> None:
        await self._redis.aclose()


def spool_file(storage: FailingStorage, name: str, content: bytes) -> Path:
    path = storage.spool / f"{name}-{os.urandom(4).hex()}"
    path.write_bytes(content)
    return path
