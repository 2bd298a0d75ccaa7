"""Who waits for a change to be seen by the public is told, through a real Redis."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from redis.exceptions import RedisError

from services.core.state import keys, progress
from services.core.state.connection import ANSWER_TIMEOUT, Redis, connect
from services.core.state.progress import Progress, Reached
from tests.processes.redis_server import RedisServer
from tests.support.waits import eventually, missed_redis


async def listeners(client: Redis) -> int:
    [(_, count)] = await client.pubsub_numsub(keys.PROGRESS)
    return int(count)


async def somebody_listens(client: Redis, count: int = 1) -> None:
    async def listens() -> bool:
        with suppress(RedisError):
            return await listeners(client) == count
        return False

    await eventually(listens)


@pytest.fixture
async def following(client: Redis) -> AsyncIterator[Progress]:
    made = Progress(client)
    async with made.following():
        await somebody_listens(client)
        yield made


def waiter(followed: Progress, number: int, seconds: float = 20) -> "asyncio.Task[bool]":
    return asyncio.create_task(followed.purged(number, seconds))


async def told(client: Redis, followed: Progress, logged: int, everywhere: int, reachable: int) -> None:
    """Tell it as a worker does, and wait until it has been heard."""
    reached = Reached(logged, everywhere, reachable)
    heard = asyncio.Event()
    take = followed._take

    def noting(what: Reached) -> None:
        take(what)
        if what == reached:
            heard.set()

    followed._take = noting  # type: ignore[method-assign, assignment]
    try:
        await progress.tell(client, reached)
        async with asyncio.timeout(5):
            await heard.wait()
    finally:
        followed._take = take  # type: ignore[method-assign]


def test_what_is_told_is_read_as_it_was_told() -> None:
    reached = Reached(1764066000000003, 1764066000000001, 1764066000000002)
    assert Reached.from_text(reached.to_text().encode()) == reached
    assert Reached.from_text(progress.NOWHERE.to_text().encode()) == progress.NOWHERE


async def test_who_waits_is_told_as_soon_as_every_node_has_the_change(client: Redis, following: Progress) -> None:
    tasks = [waiter(following, number) for number in (10, 11, 12)]
    await told(client, following, 12, 11, 11)
    async with asyncio.timeout(1):
        assert await asyncio.gather(*tasks[:2]) == [True, True]
    assert not tasks[2].done()
    await told(client, following, 12, 12, 12)
    async with asyncio.timeout(1):
        assert await tasks[2] is True


async def test_what_all_have_but_nodes_that_are_away_is_queued_at_once(client: Redis, following: Progress) -> None:
    tasks = [waiter(following, number) for number in (5, 10, 11)]
    await told(client, following, 11, 5, 10)
    async with asyncio.timeout(1):
        assert await asyncio.gather(*tasks[:2]) == [True, False]
    assert not tasks[2].done()
    await told(client, following, 11, 5, 11)
    assert await tasks[2] is False


async def test_who_comes_later_knows_at_once(client: Redis, following: Progress) -> None:
    await told(client, following, 11, 5, 10)
    # No time at all is enough for what is known.
    assert [await following.purged(number, 0) for number in (0, 5)] == [True, True]
    assert [await following.purged(number, 20) for number in (6, 10)] == [False, False]
    started = time.monotonic()
    assert await following.purged(11, 0.1) is False
    assert time.monotonic() - started < 5


async def test_a_request_that_changed_nothing_waits_for_nobody(client: Redis) -> None:
    assert await Progress(client).purged(0, 20) is True


async def test_who_has_waited_long_enough_is_not_told_any_more(client: Redis, following: Progress) -> None:
    assert await following.purged(10, 0.05) is False
    assert await following.purged(10, 0) is False
    gone = waiter(following, 10)
    await asyncio.sleep(0)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    await told(client, following, 10, 10, 10)
    assert await following.purged(10, 0) is True
    assert following._waiting == {}


async def test_what_one_worker_knows_later_than_another_takes_nothing_back(client: Redis, following: Progress) -> None:
    await told(client, following, 20, 15, 18)
    await told(client, following, 19, 12, 13)
    assert await following.purged(15, 0) is True
    assert await following.purged(18, 20) is False


async def test_everybody_hears_it_in_every_process(server: RedisServer, client: Redis, following: Progress) -> None:
    own = connect(server.url)
    other = Progress(own)
    async with other.following():
        await somebody_listens(client, 2)
        tasks = [waiter(followed, 7) for followed in (following, other) for _ in range(50)]
        await asyncio.sleep(0)
        await progress.tell(client, Reached(7, 7, 7))
        async with asyncio.timeout(5):
            assert set(await asyncio.gather(*tasks)) == {True}
    await own.aclose()


async def test_a_catalog_that_begins_anew_with_lower_numbers_is_waited_for_by_those(
    client: Redis, following: Progress
) -> None:
    await told(client, following, 9_000, 9_000, 9_000)
    await told(client, following, 100, 90, 95)  # Redis has been emptied, and its clock set right.
    assert await following.purged(90, 0) is True
    assert await following.purged(95, 20) is False
    task = waiter(following, 96)
    await asyncio.sleep(0)
    assert not task.done()
    await told(client, following, 100, 96, 100)
    assert await task is True


async def test_who_waits_while_redis_is_restarted_is_told_by_the_next_one(
    server: RedisServer, client: Redis, following: Progress, caplog: pytest.LogCaptureFixture
) -> None:
    task = waiter(following, 10)
    server.stop()
    await missed_redis(caplog)
    server.start()
    await somebody_listens(client)
    assert not task.done()
    await told(client, following, 10, 10, 10)
    assert await task is True


async def test_a_redis_that_hangs_is_given_up_and_heard_again(
    server: RedisServer, client: Redis, following: Progress
) -> None:
    server.process.send_signal(signal.SIGSTOP)
    try:
        started = time.monotonic()
        assert await following.purged(10, 0.2) is False
        assert time.monotonic() - started < ANSWER_TIMEOUT
    finally:
        server.process.send_signal(signal.SIGCONT)
    await somebody_listens(client)
    await told(client, following, 10, 10, 10)
    assert await following.purged(10, 0) is True


async def test_a_redis_that_is_not_there_at_the_start_is_heard_when_it_is(server: RedisServer, client: Redis) -> None:
    server.stop()
    followed = Progress(client)
    async with followed.following():
        task = waiter(followed, 10)
        await asyncio.sleep(0)
        server.start()
        await somebody_listens(client)
        await told(client, followed, 10, 10, 10)
        assert await task is True


async def test_following_ends_promptly_whatever_redis_does(server: RedisServer) -> None:
    for signalled in (None, signal.SIGSTOP):
        own = connect(server.url)
        followed = Progress(own)
        try:
            async with followed.following():
                await somebody_listens(own)
                if signalled:
                    server.process.send_signal(signalled)
                started = time.monotonic()
        finally:
            server.process.send_signal(signal.SIGCONT)
        assert time.monotonic() - started < 1.5
        await own.aclose()


async def test_following_ends_at_whatever_moment_it_is_told_to(server: RedisServer) -> None:
    own = connect(server.url)
    for steps in range(60):
        following = Progress(own).following()
        await following.__aenter__()
        for _ in range(steps):  # As far as it gets by then: to a connection, to asking, to listening.
            await asyncio.sleep(0)
        ending = asyncio.create_task(following.__aexit__(None, None, None))  # type: ignore[arg-type]
        done, _ = await asyncio.wait({ending}, timeout=1)
        if not done:
            ending.cancel()
        assert done, f"told after {steps} steps"
    await own.aclose()
