"""A Redis that hangs, is restarted or is away; and how a worker ends."""

import asyncio
import signal
import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from services.core.state.connection import Redis, connect
from services.core.state.entries import Entries
from services.core.state.progress import Progress
from services.jobs.purge import distribution
from tests.processes.gateway_nodes import Machine, Names, Worker
from tests.processes.redis_server import RedisServer
from tests.support.distribution import LONG, done, frozen, reach, write
from tests.support.waits import eventually, missed_redis


async def test_a_redis_that_hangs_is_waited_for(
    server: RedisServer, worker: Worker, followed: Progress, entries: Entries, cache: Machine
) -> None:
    await followed.purged(await write(entries), LONG)
    server.process.send_signal(signal.SIGSTOP)
    try:
        await asyncio.sleep(0.3)
    finally:
        server.process.send_signal(signal.SIGCONT)
    assert await done(followed, await write(entries))
    assert cache.resets == 0


async def test_a_redis_that_is_restarted_empty_is_another_catalog(
    server: RedisServer, worker: Worker, followed: Progress, entries: Entries, cache: Machine, edge: Machine
) -> None:
    await followed.purged(await write(entries), LONG)
    server.stop()
    server.start()
    number = await write(entries)
    assert await done(followed, number)
    await reach(number, cache, edge)
    assert (cache.resets, edge.resets) == (1, 1)


async def test_a_worker_without_redis_says_so_and_goes_on(
    dns: Names, machines: dict[str, Machine], caplog: pytest.LogCaptureFixture
) -> None:
    away = connect("redis://127.0.0.1:1")
    worker = Worker(away, ["http://cache", "http://edge"], machines)
    async with worker.working() as task:
        await missed_redis(caplog)
        assert not task.done()
    with suppress(RedisError):
        await away.aclose()


@pytest.mark.parametrize("while_", ["all is well", "a node hangs", "redis is frozen", "redis is gone", "the DNS hangs"])
async def test_it_ends_promptly(
    server: RedisServer,
    make_worker: Callable[[], Worker],
    client: Redis,
    entries: Entries,
    dns: Names,
    cache: Machine,
    edge: Machine,
    caplog: pytest.LogCaptureFixture,
    while_: str,
) -> None:
    worker = make_worker()
    task = asyncio.create_task(worker.distributor.run())
    await reach(await write(entries), cache, edge)
    try:
        match while_:
            case "a node hangs":
                await frozen(worker, cache, lambda: write(entries))
            case "redis is frozen":
                server.process.send_signal(signal.SIGSTOP)
                await asyncio.sleep(0.2)
            case "redis is gone":
                server.stop()
                await missed_redis(caplog)
            case "the DNS hangs":
                dns.may_answer.clear()
                before = dns.asked

                async def hangs() -> bool:
                    return dns.asked > before

                await eventually(hangs)
        started = time.monotonic()
        task.cancel()
        await asyncio.wait({task}, timeout=5)
        assert task.done()
        assert time.monotonic() - started < 1
        assert all(node.closed for node in worker.all_nodes)
    finally:
        server.process.send_signal(signal.SIGCONT)
        if server.process.poll() is not None:
            server.start()

    async def nothing_is_left() -> bool:
        return not [one for one in asyncio.all_tasks() if "Distributor" in repr(one) or "_keep" in repr(one)]

    await eventually(nothing_is_left, within=2)


async def test_work_in_which_redis_py_takes_the_cancellation_for_its_own_time_out_ends_without_a_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(distribution, "_REST_SECONDS", 60)
    begun = asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise RedisTimeoutError("It has not answered.") from None

    task = asyncio.create_task(distribution._keep_on(work))
    await begun.wait()
    task.cancel()
    await asyncio.wait({task}, timeout=5)
    assert task.done()
