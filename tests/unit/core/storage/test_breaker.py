from pathlib import Path

import pytest

from services.core.errors import StorageDown
from services.core.storage import NewObject, ObjectExists, ObjectMissing, Storage
from services.core.storage import breaker as module
from services.core.storage.breaker import Breaker
from services.core.storage.meter import Meter
from services.core.storage.wrapper import wrapped
from tests.support.objects import an_object
from tests.support.scripted_storage import Scripted

CAT = an_object()


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(module, "time", made)
    return made


@pytest.fixture
def behind(clock: Clock) -> Scripted:
    return Scripted()


@pytest.fixture
def guarded(behind: Scripted) -> Storage:
    return wrapped(behind, Meter("test"), Breaker(failures=3, seconds=2))


async def fail(guarded: Storage, behind: Scripted, times: int) -> None:
    behind.outcome = StorageDown("no connection")
    for _ in range(times):
        with pytest.raises(StorageDown, match="no connection"):
            await guarded.read(CAT)


async def test_a_storage_that_works_is_asked_every_time(guarded: Storage, behind: Scripted) -> None:
    for _ in range(10):
        assert await guarded.read(CAT) == b"meow"
    assert behind.asked == 10


async def test_after_failures_in_a_row_it_is_not_asked_any_more(guarded: Storage, behind: Scripted) -> None:
    await fail(guarded, behind, 3)
    for verb in (guarded.read(CAT), guarded.size(CAT), guarded.delete([CAT]), guarded.put([])):
        with pytest.raises(StorageDown, match="The storage is down: no connection") as raised:
            await verb
        assert raised.value.retry_after
    for several in (guarded.stream(CAT), guarded.list()):
        with pytest.raises(StorageDown, match="The storage is down"):
            await anext(aiter(several))
    assert behind.asked == 3


async def test_one_failure_between_answers_opens_nothing(guarded: Storage, behind: Scripted) -> None:
    for _ in range(5):
        await fail(guarded, behind, 2)
        behind.outcome = None
        await guarded.read(CAT)
    assert behind.asked == 15


async def test_a_file_that_is_not_there_is_an_answer_of_a_storage_that_works(
    guarded: Storage, behind: Scripted
) -> None:
    await fail(guarded, behind, 2)
    behind.outcome = ObjectMissing("gone")
    with pytest.raises(ObjectMissing):
        await guarded.read(CAT)
    await fail(guarded, behind, 2)
    assert behind.asked == 5


async def test_after_a_while_one_request_finds_out(guarded: Storage, behind: Scripted, clock: Clock) -> None:
    await fail(guarded, behind, 3)
    clock.now += 2.1
    await fail(guarded, behind, 1)
    with pytest.raises(StorageDown, match="The storage is down"):
        await guarded.read(CAT)
    assert behind.asked == 4
    clock.now += 2.1
    behind.outcome = None
    assert await guarded.read(CAT) == b"meow"
    assert await guarded.read(CAT) == b"meow"


async def test_a_health_check_always_asks_and_closes_the_breaker(guarded: Storage, behind: Scripted) -> None:
    await fail(guarded, behind, 3)
    behind.outcome = None
    await guarded.ready()
    assert await guarded.read(CAT) == b"meow"


async def test_writes_that_all_fail_count_and_one_that_is_refused_does_not(guarded: Storage, behind: Scripted) -> None:
    new = [NewObject(CAT, Path("file"), "0" * 64)]
    behind.outcome = ObjectExists("taken")
    for _ in range(5):
        assert await guarded.put(new) == [behind.outcome]
    behind.outcome = StorageDown("no connection")
    for _ in range(3):
        with pytest.raises(StorageDown, match="no connection"):
            await guarded.put(new)
    with pytest.raises(StorageDown, match="The storage is down"):
        await guarded.put(new)
