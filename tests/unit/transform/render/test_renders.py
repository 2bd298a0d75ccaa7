import asyncio
import hashlib
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from services.core.assets.entries import Entry
from services.core.errors import SignatureMismatch, TooManyRequests, Unavailable, Undecodable
from services.core.spool import prepare
from services.core.state import connection
from services.core.state.rate_limits import Limit, Limiter, StorageGuard
from services.core.storage import ObjectMissing, StoredObject
from services.core.storage.local import LocalStorage
from services.transform import metrics
from services.transform.render import cost, pipeline
from services.transform.render.allowance import CLIENT_SECONDS, Allowance
from services.transform.render.guard import Limits
from services.transform.render.plan import Plan
from services.transform.render.pool import CHEAP_SECONDS, Patience, RenderPool
from services.transform.render.renders import Renders
from services.transform.render.sources import AHEAD_MAX, Sources
from tests.support.entries import MakeEntry
from tests.support.objects import put
from tests.support.pictures import encoded
from tests.support.pixels import decode

PATIENCE = 20


class HeldStorage(LocalStorage):
    """A storage whose reads wait until they are let through, as over a network, and are counted."""

    read_in_thread = None  # type: ignore[assignment]

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        prepare(self.spool)
        self.reads = 0
        self.gate = asyncio.Event()

    async def read(self, stored: StoredObject) -> bytes:
        self.reads += 1
        await self.gate.wait()
        return await super().read(stored)


class Shop:
    def __init__(self, folder: Path, make_entry: MakeEntry, threads: int = 1, queue: float = 30) -> None:
        self.storage, self._make_entry = HeldStorage(folder), make_entry
        self.pool = RenderPool(threads, queue, Patience(PATIENCE, PATIENCE))
        unlimited = StorageGuard(Limiter(connection.connect("redis://nowhere")), Limit(0, 1))
        self.allowance = Allowance(CLIENT_SECONDS)
        self.renders = Renders(Sources(self.storage, unlimited), self.pool, Limits(), self.allowance)

    async def upload(self, content: bytes, name: str = "cat.jpg") -> Entry:
        entry = self._make_entry(name, "image/jpeg")
        entry = replace(entry, signature=hashlib.sha256(content).hexdigest(), size=len(content))
        await put(self.storage, entry.stored, content)
        return entry

    async def ask(self, entry: Entry, *plans: Plan, client: str = "203.0.113.7") -> list[asyncio.Task[bytes]]:
        """Ask for renditions, each up to the point where it waits for the storage, or for another."""

        async def get(plan: Plan) -> bytes:
            return (await self.renders.get(entry, plan, client)).content

        tasks = [asyncio.create_task(get(plan)) for plan in plans]
        for _ in range(5):
            await asyncio.sleep(0)
        return tasks


@pytest.fixture
async def shop(tmp_path: Path, make_entry: MakeEntry) -> Iterator[Shop]:  # type: ignore[misc]
    found = Shop(tmp_path, make_entry)
    yield found
    found.pool.shutdown()


@pytest.fixture
def photo(photos: dict[str, bytes]) -> bytes:
    return photos["china.jpg"]


async def test_who_asks_for_the_same_at_the_same_time_shares_one_render(shop: Shop, photo: bytes) -> None:
    tasks = await shop.ask(await shop.upload(photo), *[Plan(100)] * 8)
    shop.storage.gate.set()
    contents = await asyncio.gather(*tasks)
    assert len(set(contents)) == 1
    assert decode(contents[0]).width == 100
    assert shop.storage.reads == 1


async def test_who_asks_later_gets_a_render_of_his_own(shop: Shop, photo: bytes) -> None:
    shop.storage.gate.set()
    entry = await shop.upload(photo)
    assert await shop.renders.get(entry, Plan(50)) == await shop.renders.get(entry, Plan(50))
    assert shop.storage.reads == 2


async def test_other_plans_and_other_bytes_are_other_renders(
    shop: Shop, photo: bytes, photos: dict[str, bytes]
) -> None:
    cat, dog = await shop.upload(photo), await shop.upload(photos["flower.jpg"], "dog.jpg")
    tasks = [*await shop.ask(cat, Plan(100), Plan(100, quality=9)), *await shop.ask(dog, Plan(100))]
    shop.storage.gate.set()
    assert len(set(await asyncio.gather(*tasks))) == 3
    assert shop.storage.reads == 3


@pytest.mark.parametrize("leaves", [[0], [1], [0, 2]])
async def test_who_leaves_takes_nothing_from_those_who_stay(shop: Shop, photo: bytes, leaves: list[int]) -> None:
    tasks = await shop.ask(await shop.upload(photo), *[Plan(100)] * 4)
    for number in leaves:
        tasks[number].cancel()
    await asyncio.sleep(0)
    shop.storage.gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    for number, result in enumerate(results):
        assert isinstance(result, asyncio.CancelledError if number in leaves else bytes)
    assert shop.storage.reads == 1


async def test_a_render_for_nobody_is_given_up_and_the_next_one_begins_anew(shop: Shop, photo: bytes) -> None:
    entry = await shop.upload(photo)
    tasks = await shop.ask(entry, *[Plan(100)] * 3)
    for task in tasks:
        task.cancel()
    # Asked for before the one that is given up has ended.
    [another] = await shop.ask(entry, Plan(100))
    shop.storage.gate.set()
    assert decode(await another).width == 100
    assert shop.storage.reads == 2
    assert shop.pool.enter(1.0, "a").turn.done(), "no place is lost"


async def test_what_goes_wrong_goes_wrong_for_all_who_wait_and_for_nobody_after_them(shop: Shop, photo: bytes) -> None:
    entry = await shop.upload(photo)
    damaged, missing = replace(entry, signature="0" * 64), replace(entry, storage_key="DEV/none.webp")
    broken = await shop.upload(b"\xff\xd8\xff\xe0 no photograph", "broken.jpg")
    for wrong, error in ((damaged, SignatureMismatch), (missing, ObjectMissing), (broken, Undecodable)):
        shop.storage.gate.clear()
        tasks = await shop.ask(wrong, Plan(10), Plan(10))
        shop.storage.gate.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(result) for result in results] == [error, error]
    assert decode((await shop.renders.get(entry, Plan(10))).content).width == 10


async def test_what_cannot_wait_is_refused_before_anything_is_read(
    tmp_path: Path, make_entry: MakeEntry, photo: bytes
) -> None:
    shop = Shop(tmp_path, make_entry, queue=0)
    entry = await shop.upload(photo)
    [task] = await shop.ask(entry, Plan(100))
    with pytest.raises(Unavailable):
        await shop.renders.get(entry, Plan(99))
    assert shop.storage.reads == 1
    shop.storage.gate.set()
    await task
    shop.pool.shutdown()


async def test_a_few_files_are_read_before_their_turn_and_no_more(shop: Shop, photo: bytes) -> None:
    entry = await shop.upload(photo)
    tasks = await shop.ask(entry, *(Plan(100 + number) for number in range(AHEAD_MAX + 5)))
    assert shop.storage.reads == 1 + AHEAD_MAX
    shop.storage.gate.set()
    assert len(set(await asyncio.gather(*tasks))) == AHEAD_MAX + 5
    assert shop.storage.reads == AHEAD_MAX + 5
    tasks = await shop.ask(entry, *(Plan(200 + number) for number in range(AHEAD_MAX + 5)))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    # A render that was being made takes the thread until its end. What is dear waits for that.
    place = shop.pool.enter(2 * CHEAP_SECONDS, "another client")
    await place.wait()
    shop.pool.close(place)
    shop.storage.gate.clear()
    before = shop.storage.reads
    tasks = await shop.ask(entry, *(Plan(300 + number) for number in range(AHEAD_MAX + 5)))
    assert shop.storage.reads == before + 1 + AHEAD_MAX, "who left holds none"
    shop.storage.gate.set()
    await asyncio.gather(*tasks)


async def test_who_waits_for_the_same_is_served_as_early_as_any_of_them_alone(shop: Shop, photo: bytes) -> None:
    entry = await shop.upload(photo)
    order: list[int] = []

    async def get(plan: Plan, client: str) -> None:
        await shop.renders.get(entry, plan, client)
        order.append(plan.width)

    many = [asyncio.create_task(get(Plan(100 + number), "203.0.113.7")) for number in range(6)]
    await asyncio.sleep(0)
    few = asyncio.create_task(get(Plan(105), "203.0.113.8"))
    await asyncio.sleep(0)
    shop.storage.gate.set()
    await asyncio.gather(*many, few)
    assert order.index(105) <= 2


async def test_who_has_waited_long_enough_is_refused_and_others_go_on_waiting(shop: Shop, photo: bytes) -> None:
    entry = await shop.upload(photo)
    [running] = await shop.ask(entry, Plan(99))
    shop.pool.patience = Patience(0.1, PATIENCE)
    [first] = await shop.ask(entry, Plan(100))
    shop.pool.patience = Patience(PATIENCE, PATIENCE)
    [second] = await shop.ask(entry, Plan(100), client="203.0.113.8")
    with pytest.raises(Unavailable):
        await first
    assert not second.done()
    shop.storage.gate.set()
    assert decode(await second).width == 100
    await running


async def test_who_must_make_room_is_refused_at_once_though_the_file_is_still_being_read(
    tmp_path: Path, make_entry: MakeEntry, photo: bytes
) -> None:
    each = cost.estimate(cost.Source("image/jpeg", len(photo)), Plan(100), Limits())
    shop = Shop(tmp_path, make_entry, queue=2.5 * each)
    entry = await shop.upload(photo)
    refused = metrics.RENDERS.labels("webp", "refused")
    before = refused._value.get()
    running, first, second = await shop.ask(entry, Plan(100), Plan(101), Plan(102))
    [another] = await shop.ask(entry, Plan(99), client="203.0.113.8")
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(Unavailable):
            await second
    assert refused._value.get() == before + 1
    shop.storage.gate.set()
    await asyncio.gather(running, first, another)
    shop.pool.shutdown()


async def test_a_client_that_has_cost_too_much_is_told_when_to_come_again_and_others_are_served(
    shop: Shop, photo: bytes
) -> None:
    shop.allowance.spend("203.0.113.7", "another asset", 3 * CLIENT_SECONDS, time.monotonic())
    shop.storage.gate.set()
    entry = await shop.upload(photo)
    with pytest.raises(TooManyRequests) as refusal:
        await shop.renders.get(entry, Plan(200), "203.0.113.7")
    assert refusal.value.status == 429
    assert refusal.value.retry_after in (239, 240)
    assert decode((await shop.renders.get(entry, Plan(104), "203.0.113.8")).content).width == 104


async def test_a_render_that_runs_is_stopped_when_nobody_waits_for_it(
    shop: Shop, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.storage.gate.set()
    large = encoded(decode(photo).resize((6000, 4000)), "JPEG")
    entry, begun, ended = await shop.upload(large), threading.Event(), asyncio.Event()
    whole, loop = pipeline.render, asyncio.get_running_loop()

    def watched(*args: object) -> object:
        begun.set()
        try:
            return whole(*args)  # type: ignore[arg-type]
        finally:
            loop.call_soon_threadsafe(ended.set)

    monkeypatch.setattr(pipeline, "render", watched)
    [task] = await shop.ask(entry, Plan())
    assert await asyncio.to_thread(begun.wait, PATIENCE)
    started = loop.time()
    task.cancel()
    await asyncio.wait_for(ended.wait(), PATIENCE)
    assert loop.time() - started < 0.5, "at full size this photograph takes seconds"
