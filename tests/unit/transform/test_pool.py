import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from services.core.errors import Unavailable
from services.transform.pool import RenderPool


class Gate:
    """A render that waits until it is let through, and counts who is inside."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self._lock = threading.Lock()
        self.inside = self.most = self.begun = 0
        self.someone = threading.Event()

    def __call__(self) -> bytes:
        with self._lock:
            self.begun += 1
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.someone.set()
        self._open.wait(20)
        with self._lock:
            self.inside -= 1
        return b"rendered"

    def open(self) -> None:
        self._open.set()


@contextmanager
def pool_of(threads: int, queue: int) -> Iterator[tuple[RenderPool, Gate]]:
    pool, gate = RenderPool(threads, queue), Gate()
    try:
        yield pool, gate
    finally:
        gate.open()
        pool.close()


async def start(pool: RenderPool, gate: Gate, count: int) -> list[asyncio.Task[bytes]]:
    """Ask for renders, each up to the point where it waits for its result."""
    tasks = [asyncio.create_task(pool.run(gate)) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


async def test_a_render_gives_its_result() -> None:
    with pool_of(1, 0) as (pool, gate):
        gate.open()
        assert await pool.run(gate) == b"rendered"


async def test_a_render_that_fails_raises_what_it_raised_and_frees_its_place() -> None:
    def fail() -> bytes:
        raise ZeroDivisionError("inside")

    with pool_of(1, 0) as (pool, gate):
        gate.open()
        with pytest.raises(ZeroDivisionError, match="inside"):
            await pool.run(fail)
        assert await pool.run(gate) == b"rendered"


async def test_so_many_run_and_wait_and_one_more_is_refused_at_once() -> None:
    with pool_of(2, 3) as (pool, gate):
        tasks = await start(pool, gate, 5)
        with pytest.raises(Unavailable) as refusal:
            await pool.run(gate)
        assert refusal.value.status == 503
        assert refusal.value.retry_after is not None
        assert not any(task.done() for task in tasks)
        gate.open()
        assert await asyncio.gather(*tasks) == [b"rendered"] * 5
        assert gate.begun == 5


async def test_no_more_run_at_the_same_time_than_there_are_threads() -> None:
    with pool_of(2, 10) as (pool, gate):
        tasks = await start(pool, gate, 12)
        gate.open()
        await asyncio.gather(*tasks)
        assert gate.begun == 12
        assert gate.most <= 2


async def test_places_are_free_again_once_renders_are_done() -> None:
    with pool_of(1, 1) as (pool, gate):
        tasks = await start(pool, gate, 2)
        gate.open()
        await asyncio.gather(*tasks)
        assert await asyncio.gather(pool.run(gate), pool.run(gate)) == [b"rendered"] * 2


async def test_a_client_that_goes_away_frees_its_place_in_the_queue() -> None:
    with pool_of(1, 1) as (pool, gate):
        running, waiting = await start(pool, gate, 2)
        await asyncio.to_thread(gate.someone.wait, 20)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        [another] = await start(pool, gate, 1)
        gate.open()
        assert await running == await another == b"rendered"
        assert gate.begun == 2


async def test_a_client_that_goes_away_while_its_render_runs_keeps_its_place_until_it_is_done() -> None:
    with pool_of(1, 0) as (pool, gate):
        [running] = await start(pool, gate, 1)
        await asyncio.to_thread(gate.someone.wait, 20)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        with pytest.raises(Unavailable):
            await pool.run(gate)
