"""What is counted of a storage, held against a storage whose outcome the test says."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from services.core.errors import StorageDown, TadaError
from services.core.storage import (
    NewObject,
    ObjectExists,
    ObjectMissing,
    Outcome,
    Receipt,
    ReplacesInPlace,
    Storage,
    StoredObject,
)
from services.core.storage.base import ReadsInThread, reads_in_thread
from services.core.storage.breaker import Breaker
from services.core.storage.meter import Meter
from services.core.storage.wrapper import wrapped
from tests.support.objects import an_object
from tests.support.scripted_storage import Scripted

CAT = an_object()


def counted(operation: str, result: str, backend: str = "test") -> float:
    labels = {"backend": backend, "operation": operation, "result": result}
    return REGISTRY.get_sample_value("tada_storage_operations_total", labels) or 0


def timed(operation: str) -> float:
    labels = {"backend": "test", "operation": operation}
    return REGISTRY.get_sample_value("tada_storage_operation_duration_seconds_count", labels) or 0


@pytest.fixture
def behind() -> Scripted:
    return Scripted()


@pytest.fixture
def storage(behind: Scripted) -> Storage:
    return wrapped(behind, Meter("test"), None)


async def read_all(chunks: AsyncIterator[Any]) -> None:
    async for _ in chunks:
        pass


OPERATIONS: dict[str, Callable[[Storage], Any]] = {
    "read": lambda storage: storage.read(CAT),
    "stream": lambda storage: read_all(storage.stream(CAT)),
    "size": lambda storage: storage.size(CAT),
    "delete": lambda storage: storage.delete([CAT]),
    "list": lambda storage: read_all(storage.list()),
    "check": lambda storage: storage.ready(),
}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    ("error", "result"),
    [
        (None, "ok"),
        (ObjectMissing(), "missing"),
        (StorageDown("x"), "down"),
        (ZeroDivisionError(), "failed"),
        (asyncio.CancelledError(), "abandoned"),
    ],
)
async def test_an_operation_is_counted_by_what_became_of_it_and_timed(
    storage: Storage, behind: Scripted, operation: str, error: Exception | None, result: str
) -> None:
    behind.outcome = error
    before = counted(operation, result), timed(operation)
    with pytest.raises(type(error)) if error else nullcontext():
        await OPERATIONS[operation](storage)
    assert (counted(operation, result), timed(operation)) == (before[0] + 1, before[1] + 1)


@pytest.mark.parametrize(
    ("outcome", "result"),
    [(None, "ok"), (ObjectExists(), "exists"), (TadaError("x"), "failed"), (StorageDown("x"), "down")],
)
async def test_each_file_of_a_store_is_counted(
    storage: Storage, behind: Scripted, outcome: Exception | None, result: str
) -> None:
    behind.outcome = outcome
    before = counted("store", result), timed("store")
    outcomes = await storage.put([object(), object()])  # type: ignore[list-item]
    assert outcomes == [outcome or Receipt()] * 2
    assert (counted("store", result), timed("store")) == (before[0] + 2, before[1] + 1)


async def test_what_the_open_breaker_refuses_is_told_from_what_the_storage_fails(behind: Scripted) -> None:
    storage = wrapped(behind, Meter("guarded"), Breaker(failures=1, seconds=60))
    behind.outcome = StorageDown("gone")
    for _ in range(3):
        with pytest.raises(StorageDown):
            await storage.read(CAT)
    assert counted("read", "down", "guarded") == 1
    assert counted("read", "refused", "guarded") == 2
    assert REGISTRY.get_sample_value("tada_storage_breaker_open") == 1
    behind.outcome = None
    await storage.ready()
    assert REGISTRY.get_sample_value("tada_storage_breaker_open") == 0


class Replacing(Scripted):
    async def replace(self, new: Sequence[NewObject]) -> list[Outcome]:
        return await self.put(new)


class InThread(Replacing):
    def read_in_thread(self, stored: StoredObject) -> bytes:
        return b"meow"


@pytest.mark.parametrize(
    ("backend", "abilities"),
    [(Scripted, set()), (Replacing, {ReplacesInPlace}), (InThread, {ReplacesInPlace, ReadsInThread})],
)
def test_a_wrapper_has_the_abilities_of_its_backend(backend: type[Scripted], abilities: set[type]) -> None:
    storage = wrapped(backend(), Meter("test"), None)
    assert isinstance(storage, Storage)
    assert {ability for ability in (ReplacesInPlace, ReadsInThread) if isinstance(storage, ability)} == abilities
    assert reads_in_thread(storage) is (ReadsInThread in abilities)


async def test_what_an_ability_does_is_counted_and_guarded() -> None:
    behind = InThread()
    storage = wrapped(behind, Meter("able"), Breaker(failures=1, seconds=60))
    assert isinstance(storage, ReadsInThread)
    assert isinstance(storage, ReplacesInPlace)
    assert storage.read_in_thread(CAT) == b"meow"
    assert counted("read", "ok", "able") == 1
    behind.outcome = StorageDown("gone")
    for _ in range(2):
        with pytest.raises(StorageDown):
            await storage.replace([NewObject(CAT, Path("file"), "0" * 64)])
    assert (counted("store", "down", "able"), counted("store", "refused", "able")) == (1, 1)
