"""Children that are used again: how often, and what ends one sooner."""

import asyncio
import os
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import pytest

from services.core.sandbox import Refusal
from services.core.sandbox.pool import Pool
from services.core.sandbox.process import Answer, Limits, NoAnswer, OutOfTime, Task
from tests.support.sandboxes import Children, sandboxes
from tests.unit.core.test_sandbox import chunks

LIMITS = Limits(cpu_seconds=2, wall_seconds=20, output=1000, data=100 * 2**20, reuse_seconds=2)


@pytest.fixture
def pool() -> Iterator[Pool]:
    made = Pool(uses=3)
    yield made
    made.close()


def task(do: str, limits: Limits = LIMITS, **arguments: Any) -> Task:
    return Task("tests.processes.sandboxed_work", {"do": do, "with": arguments}, limits)


async def answer(pool: Pool, asked: Task, source: bytes = b"") -> Answer:
    return await pool.answer(asked, lambda: chunks(source))


async def pid(pool: Pool, do: str = "who", limits: Limits = LIMITS, **arguments: Any) -> int:
    found: int = (await answer(pool, task(do, limits, **arguments))).head["pid"]
    return found


async def test_each_source_is_whole_and_apart_from_the_others(pool: Pool) -> None:
    for source in (b"abc" * 300, b"", b"d"):
        assert await answer(pool, task("echo"), source) == Answer({"length": len(source)}, source)
    large = bytes(3_000_000)
    assert (await answer(pool, task("measure"), large)).head == {"length": len(large)}


async def test_a_child_is_used_as_often_as_said_and_then_replaced(pool: Pool) -> None:
    first, *others = [await pid(pool) for _ in range(6)]
    assert others[:2] == [first, first]
    assert set(others[2:]) == {others[2]} != {first}
    assert not is_child(first)


async def test_a_child_is_for_tasks_of_one_kind(pool: Pool) -> None:
    other = Limits(cpu_seconds=1, wall_seconds=20, output=1000, data=100 * 2**20)
    assert await pid(pool) != await pid(pool, limits=other)


async def test_one_that_has_used_much_is_replaced_and_every_source_has_its_share(pool: Pool) -> None:
    first = await pid(pool, "use", seconds=1.2)
    assert await pid(pool, "use", seconds=1.2) == first
    assert await pid(pool) != first


async def test_two_at_once_have_a_child_each(pool: Pool) -> None:
    one, other = await asyncio.gather(pid(pool), pid(pool))
    assert one != other
    assert {await pid(pool)} <= {one, other}


@pytest.mark.parametrize(("do", "raised"), [("refuse", Refusal), ("crash", NoAnswer), ("take_memory", NoAnswer)])
async def test_a_child_that_fails_is_replaced(pool: Pool, children: Children, do: str, raised: type[Exception]) -> None:
    first = await pid(pool)
    with pytest.raises(raised):
        await answer(pool, task(do))
    assert children() == set()
    assert await pid(pool) != first


async def test_what_a_used_child_cannot_do_is_asked_of_a_fresh_one(pool: Pool) -> None:
    spoiled = await pid(pool, "spoil")
    assert await pid(pool) != spoiled


async def test_one_that_died_while_it_waited_is_not_missed(pool: Pool) -> None:
    os.kill(await pid(pool), 9)
    assert (await answer(pool, task("echo"), b"x" * 1000)).head == {"length": 1000}


async def test_processor_time_has_an_end_for_each_source(pool: Pool, children: Children) -> None:
    limits = Limits(cpu_seconds=1, wall_seconds=100, output=0, data=100 * 2**20, reuse_seconds=2)
    used = await pid(pool, limits=limits)
    assert is_child(used), "it waits for another source"
    with pytest.raises(NoAnswer):
        await answer(pool, task("compute", limits))
    assert children() == set()
    assert await pid(pool, limits=limits) != used


async def test_one_that_is_late_is_ended(pool: Pool, children: Children) -> None:
    limits = Limits(cpu_seconds=1, wall_seconds=2, output=0, data=100 * 2**20, reuse_seconds=2)
    used = await pid(pool, limits=limits)
    assert is_child(used), "it waits for another source"
    with pytest.raises(OutOfTime):
        await answer(pool, task("sleep", limits))
    assert children() == set()


async def test_a_source_that_breaks_ends_the_child(pool: Pool) -> None:
    async def broken() -> AsyncGenerator[bytes, None]:
        yield b"x"
        raise KeyError("gone")

    first = await pid(pool)
    with pytest.raises(KeyError, match="gone"):
        await pool.answer(task("echo"), broken)
    assert await pid(pool) != first


async def test_a_source_that_is_not_there_costs_no_child(pool: Pool) -> None:
    async def missing() -> AsyncGenerator[bytes, None]:
        raise FileNotFoundError
        yield b""

    first = await pid(pool)
    with pytest.raises(FileNotFoundError):
        await pool.answer(task("echo"), missing)
    assert await pid(pool) == first


async def test_a_source_that_is_not_read_to_its_end_is_closed(pool: Pool) -> None:
    begun, closed = asyncio.Event(), []

    async def endless() -> AsyncGenerator[bytes, None]:
        try:
            while True:
                yield bytes(1000)
                begun.set()
        finally:
            closed.append(True)

    waiting = asyncio.create_task(pool.answer(task("echo"), endless))
    await begun.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert closed


async def test_a_cancellation_ends_the_child(pool: Pool, children: Children) -> None:
    first = await pid(pool)
    waiting = asyncio.create_task(answer(pool, task("sleep")))
    await asyncio.sleep(0.2)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert children() == set()
    assert await pid(pool) != first


async def test_one_that_has_nothing_to_do_is_ended(children: Children) -> None:
    pool = Pool(idle_seconds=0.1)
    await pid(pool)
    async with asyncio.timeout(10):
        while children():  # noqa: ASYNC110 - a process has no event
            await asyncio.sleep(0.01)


async def test_it_stays_confined(pool: Pool) -> None:
    for _ in range(2):
        found = (await answer(pool, task("look_around"))).head
        assert found["descriptors"] == [0, 1, 2, 3]
        assert found["core"] == 0


async def test_a_child_ends_with_the_service(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    await pid(pool)
    [(child, _)] = pool._idle
    assert child._process.stdin
    child._process.stdin.close()
    assert await asyncio.to_thread(child._process.wait, 10) == 0


def is_child(pid: int) -> bool:
    return str(pid) in sandboxes()
