import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from services.core.errors import TooSlow, Unavailable
from services.transform.render.pool import Patience, RenderPool
from services.transform.render.stop import Stop

PATIENCE = 20
LONG = Patience(PATIENCE, PATIENCE)


class Gate:
    """A render that waits until it is let through, and counts who is inside."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self._lock = threading.Lock()
        self.begun = self.inside = self.most = 0
        self.entered = threading.Event()
        self.can_be_stopped = False

    def __call__(self, stop: Stop) -> bytes:
        with self._lock:
            self.begun += 1
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.entered.set()
        stop.by(self._open.set if self.can_be_stopped else lambda: None)
        assert self._open.wait(PATIENCE)
        with self._lock:
            self.inside -= 1
        stop.check()
        return b"rendered"

    def open(self) -> None:
        self._open.set()


@contextmanager
def pool_of(threads: int, queue: int, patience: Patience = LONG) -> Iterator[tuple[RenderPool, Gate]]:
    pool, gate = RenderPool(threads, queue, patience), Gate()
    try:
        yield pool, gate
    finally:
        gate.open()
        pool.close()


async def rendered(pool: RenderPool, gate: Gate) -> bytes:
    with pool.place() as place:
        return await place.run(gate)


async def start(pool: RenderPool, gate: Gate, count: int) -> list[asyncio.Task[bytes]]:
    """Ask for renders, each up to the point where it waits for its result."""
    tasks = [asyncio.create_task(rendered(pool, gate)) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


async def test_a_render_gives_its_result_and_never_runs_in_the_event_loop() -> None:
    with pool_of(1, 0) as (pool, _), pool.place() as place:
        name = await place.run(lambda stop: threading.current_thread().name.encode())
        assert name != threading.current_thread().name.encode()


async def test_a_render_that_fails_raises_what_it_raised_and_frees_its_place() -> None:
    def fail(stop: Stop) -> bytes:
        raise ZeroDivisionError("inside")

    with pool_of(1, 0) as (pool, gate):
        gate.open()
        with pytest.raises(ZeroDivisionError, match="inside"), pool.place() as place:
            await place.run(fail)
        assert await rendered(pool, gate) == b"rendered"


async def test_so_many_run_and_wait_and_one_more_is_refused_at_once() -> None:
    with pool_of(2, 3) as (pool, gate):
        tasks = await start(pool, gate, 5)
        with pytest.raises(Unavailable) as refusal:
            await rendered(pool, gate)
        assert refusal.value.status == 503
        assert refusal.value.retry_after is not None
        assert not any(task.done() for task in tasks)
        gate.open()
        assert await asyncio.gather(*tasks) == [b"rendered"] * 5
        assert gate.begun == 5


async def test_a_place_is_taken_for_as_long_as_it_is_held() -> None:
    with pool_of(1, 1) as (pool, _):
        with pool.place(), pool.place(), pytest.raises(Unavailable), pool.place():
            pass
        with pool.place(), pool.place():
            pass


async def test_no_more_run_at_the_same_time_than_there_are_threads() -> None:
    with pool_of(2, 10) as (pool, gate):
        tasks = await start(pool, gate, 12)
        gate.open()
        await asyncio.gather(*tasks)
        assert gate.begun == 12
        assert gate.most <= 2


async def test_places_are_free_again_once_renders_are_done() -> None:
    with pool_of(1, 1) as (pool, gate):
        gate.open()
        for _ in range(20):
            assert await asyncio.gather(*await start(pool, gate, 2)) == [b"rendered"] * 2


async def test_a_client_that_goes_away_frees_its_place_and_its_render_never_begins() -> None:
    with pool_of(1, 1) as (pool, gate):
        running, waiting = await start(pool, gate, 2)
        assert await asyncio.to_thread(gate.entered.wait, PATIENCE)
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
        assert await asyncio.to_thread(gate.entered.wait, PATIENCE)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        with pytest.raises(Unavailable):
            await rendered(pool, gate)
        gate.open()
        async with asyncio.timeout(PATIENCE):
            assert await as_soon_as_free(pool, gate) == b"rendered"


async def test_a_render_that_runs_for_nobody_is_told_to_stop_and_its_place_comes_free() -> None:
    with pool_of(1, 0) as (pool, gate):
        gate.can_be_stopped = True
        [running] = await start(pool, gate, 1)
        assert await asyncio.to_thread(gate.entered.wait, PATIENCE)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        async with asyncio.timeout(PATIENCE):
            assert await as_soon_as_free(pool, gate) == b"rendered"
        assert gate.begun == 2


async def test_a_render_whose_time_is_over_is_stopped_and_refused() -> None:
    with pool_of(1, 0, Patience(0.01, 0.05)) as (pool, gate):
        gate.can_be_stopped = True
        with pytest.raises(TooSlow, match=r"more than 0.05 s") as refusal:
            await rendered(pool, gate)
        assert refusal.value.status == 422
        async with asyncio.timeout(PATIENCE):
            assert await as_soon_as_free(pool, gate) == b"rendered"


async def test_a_render_that_finds_no_thread_in_time_is_refused_and_never_begins() -> None:
    with pool_of(1, 5, Patience(0.05, PATIENCE)) as (pool, gate):
        running, *waiting = await start(pool, gate, 4)
        for task in waiting:
            with pytest.raises(Unavailable):
                await task
        assert not running.done()
        gate.open()
        assert await running == b"rendered"
        assert gate.begun == 1


async def as_soon_as_free(pool: RenderPool, gate: Gate) -> bytes:
    while True:
        with suppress(Unavailable):
            return await rendered(pool, gate)
        await asyncio.sleep(0)
