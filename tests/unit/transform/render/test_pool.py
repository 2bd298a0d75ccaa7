import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from services.core.errors import TooSlow, Unavailable
from services.transform.render.pool import CHEAP_SECONDS, Patience, RenderPool
from services.transform.render.stop import Stop

PATIENCE = 20
LONG = Patience(PATIENCE, PATIENCE)


class Clock:
    """The time of the pool and of the event loop: however slow the machine is, it stands still until it is moved."""

    def __init__(self) -> None:
        self._now = 1000.0

    def __call__(self) -> float:
        return self._now

    async def move(self, seconds: float) -> None:
        """Move on, and let what is due now happen."""
        self._now += seconds
        # The loop looks for timers that are due once per round.
        for _ in range(2):
            await asyncio.sleep(0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(time, "monotonic", found)  # asyncio reads the same.
    return found


class Gate:
    """A render that waits until it is let through, and counts who is inside."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self._lock = threading.Lock()
        self.begun = self.inside = self.most = 0
        self.entered = threading.Event()
        self.can_be_stopped = False
        self.stop = Stop()
        """That of the last one who came."""

    def __call__(self, stop: Stop) -> bytes:
        with self._lock:
            self.stop = stop
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
def pool_of(threads: int, queue: float, patience: Patience = LONG) -> Iterator[tuple[RenderPool, Gate]]:
    pool, gate = RenderPool(threads, queue, patience), Gate()
    try:
        yield pool, gate
    finally:
        gate.open()
        pool.shutdown()


async def rendered(pool: RenderPool, gate: Gate, cost: float = 1.0, client: str = "a") -> bytes:
    place = pool.enter(cost, client)
    try:
        await pool.turn(place)
        await place.wait()
        return await place.run(gate)
    finally:
        pool.close(place)


async def start(pool: RenderPool, gate: Gate, count: int) -> list[asyncio.Task[bytes]]:
    """Ask for renders, each up to the point where it waits for its result."""
    tasks = [asyncio.create_task(rendered(pool, gate)) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


async def test_a_render_gives_its_result_and_never_runs_in_the_event_loop() -> None:
    with pool_of(1, 0) as (pool, _):
        place = pool.enter(1.0, "a")
        name = await place.run(lambda stop: threading.current_thread().name.encode())
        pool.close(place)
        assert name != threading.current_thread().name.encode()


async def test_a_render_that_fails_raises_what_it_raised_and_frees_its_place() -> None:
    def fail(stop: Stop) -> bytes:
        raise ZeroDivisionError("inside")

    with pool_of(1, 0) as (pool, gate):
        gate.open()
        with pytest.raises(ZeroDivisionError, match="inside"):
            await rendered(pool, fail)  # type: ignore[arg-type]
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


async def test_a_place_is_taken_for_as_long_as_it_is_not_closed() -> None:
    with pool_of(1, 1) as (pool, _):
        places = [pool.enter(1.0, "a"), pool.enter(1.0, "a")]
        with pytest.raises(Unavailable):
            pool.enter(1.0, "a")
        for place in places:
            pool.close(place)
        assert pool.enter(1.0, "a").turn.done()


@pytest.mark.usefixtures("clock")
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


@pytest.mark.usefixtures("clock")
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


async def test_a_render_whose_time_is_over_is_stopped_and_refused(clock: Clock) -> None:
    with pool_of(1, 0, Patience(1, 10)) as (pool, gate):
        gate.can_be_stopped = True
        [running] = await start(pool, gate, 1)
        assert await asyncio.to_thread(gate.entered.wait, PATIENCE)
        await clock.move(9.9)
        gate.stop.check()
        await clock.move(0.1)
        with pytest.raises(TooSlow, match=r"more than 10 s") as refusal:
            await running
        assert refusal.value.status == 422
        assert await as_soon_as_free(pool, gate) == b"rendered"


async def test_a_render_that_finds_no_thread_in_time_is_refused_and_never_begins(clock: Clock) -> None:
    with pool_of(1, 5, Patience(0.5, PATIENCE)) as (pool, gate):
        running, *waiting = await start(pool, gate, 4)
        await clock.move(0.5)
        for task in waiting:
            with pytest.raises(Unavailable) as refusal:
                await task
            assert refusal.value.retry_after
        assert not running.done()
        gate.open()
        assert await running == b"rendered"
        assert gate.begun == 1


@pytest.mark.parametrize("threads", [1, 2])
async def test_dear_renders_never_keep_a_cheap_one_waiting(threads: int) -> None:
    with pool_of(threads, 100) as (pool, gate):
        quick = Gate()
        quick.open()
        dear = [asyncio.create_task(rendered(pool, gate, 8.0, "stranger")) for _ in range(threads + 2)]
        await asyncio.sleep(0)
        async with asyncio.timeout(PATIENCE):
            for client in ("page", "stranger"):
                for _ in range(5):
                    assert await rendered(pool, quick, 0.1, client) == b"rendered"
        assert not any(task.done() for task in dear)
        assert gate.begun == threads, "no dear one takes the thread for cheap work"
        gate.open()
        await asyncio.gather(*dear)
        assert gate.most <= threads


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(("runs", "waits", "beside"), [(0.9, 0.02, True), (0.2, 0.02, True), (0.9, 0.3, False)])
async def test_what_is_much_cheaper_than_what_runs_is_made_beside_it(runs: float, waits: float, beside: bool) -> None:
    with pool_of(1, 100) as (pool, _):
        pool.enter(runs, "a")
        place = pool.enter(waits, "a")
        assert (place.turn.done(), place.beside) == (beside, beside)
        assert not pool.enter(waits, "a").turn.done(), "one at a time"


async def test_cheap_renders_alone_have_no_more_threads_than_there_are(clock: Clock) -> None:
    with pool_of(1, 100) as (pool, _):
        places = [pool.enter(0.1, "a") for _ in range(4)]
        await clock.move(CHEAP_SECONDS - 0.01)
        assert [place.turn.done() for place in places] == [True, False, False, False]


async def test_a_render_that_takes_longer_than_was_thought_keeps_no_cheap_one_waiting(clock: Clock) -> None:
    with pool_of(1, 100) as (pool, gate):
        quick = Gate()
        quick.open()
        [wrong] = await start(pool, gate, 1)
        [cheap] = await start(pool, quick, 1)
        await clock.move(CHEAP_SECONDS)
        assert await cheap == b"rendered"
        assert not wrong.done()
        gate.open()
        await wrong


async def test_who_must_make_room_is_refused() -> None:
    with pool_of(1, 10) as (pool, gate):
        tasks = [asyncio.create_task(rendered(pool, gate, 5.0, "many")) for _ in range(3)]
        await asyncio.sleep(0)
        few = asyncio.create_task(rendered(pool, gate, 2.0, "few"))
        with pytest.raises(Unavailable):
            await tasks.pop()
        gate.open()
        assert await asyncio.gather(few, *tasks) == [b"rendered"] * 3


async def test_who_is_refused_a_turn_learns_it_while_waiting_for_it_and_after() -> None:
    with pool_of(1, 10) as (pool, _):
        places = [pool.enter(5.0, "many") for _ in range(3)]
        waiting = asyncio.create_task(pool.turn(places[2]))
        await asyncio.sleep(0)
        pool.enter(2.0, "few")
        with pytest.raises(Unavailable):
            await waiting
        with pytest.raises(Unavailable):
            await pool.turn(places[2])


async def test_a_turn_that_comes_as_its_request_is_cancelled_is_given_to_the_next() -> None:
    with pool_of(1, 10) as (pool, gate):
        running, leaving, staying = await start(pool, gate, 3)
        leaving.cancel()
        gate.open()
        assert await running == await staying == b"rendered"
        with pytest.raises(asyncio.CancelledError):
            await leaving


async def test_a_dear_render_has_more_time_while_cheap_ones_share_its_processor(clock: Clock) -> None:
    with pool_of(1, 10, Patience(PATIENCE, 10)) as (pool, gate):
        gate.can_be_stopped = True
        held = Gate()
        dear, cheap = (asyncio.create_task(rendered(pool, *wish)) for wish in ((gate, 8.0), (held, 0.1)))
        for each in (gate, held):
            assert await asyncio.to_thread(each.entered.wait, PATIENCE)
        await clock.move(6)
        held.open()
        assert await cheap == b"rendered"
        for seconds in (4, 2.9):
            await clock.move(seconds)
            gate.stop.check()  # Half of the six seconds is added to the ten.
        await clock.move(0.1)
        with pytest.raises(TooSlow):
            await dear


async def test_no_render_has_more_than_twice_its_time(clock: Clock) -> None:
    with pool_of(1, 10, Patience(PATIENCE, 10)) as (pool, gate):
        gate.can_be_stopped = True
        dear = asyncio.create_task(rendered(pool, gate, 8.0))
        await asyncio.sleep(0)
        for _ in range(4):
            place = pool.enter(0.1, "a")
            assert place.beside
            await clock.move(4.9)
            pool.close(place)
        gate.stop.check()
        place = pool.enter(0.1, "a")
        await clock.move(0.4)
        with pytest.raises(TooSlow):
            await dear
        pool.close(place)


async def as_soon_as_free(pool: RenderPool, gate: Gate) -> bytes:
    while True:
        with suppress(Unavailable):
            return await rendered(pool, gate)
        await asyncio.sleep(0)
