"""The identity of a process and the sign that it lives, on a real Redis."""

import pytest

from services.core.state import keys, process
from services.core.state.connection import Redis, connect
from services.core.state.process import ALIVE_SECONDS, Process
from tests.processes.redis_server import RedisServer
from tests.support.waits import eventually


async def test_no_two_processes_have_the_same_name(client: Redis) -> None:
    names = {Process(client).name for _ in range(100)}
    assert len(names) == 100
    assert not any(" " in name for name in names), "a space ends the name in a claim"


async def test_a_process_lives_for_itself_and_for_others_once_it_has_said_so(client: Redis) -> None:
    one, other = Process(client), Process(client)
    assert await one.is_alive(one.name)
    assert not await other.is_alive(one.name)
    async with one.alive():

        async def is_seen() -> bool:
            return await other.is_alive(one.name)

        await eventually(is_seen)
        assert 0 < await client.ttl(keys.alive(one.name)) <= ALIVE_SECONDS


async def test_a_process_that_has_ended_is_taken_for_dead_after_a_while_and_not_at_once(
    client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "ALIVE_SECONDS", 1)
    one, other = Process(client), Process(client)
    async with one.alive():

        async def is_seen() -> bool:
            return await other.is_alive(one.name)

        await eventually(is_seen)
    assert await other.is_alive(one.name), "it may only be silent"

    async def is_dead() -> bool:
        return not await other.is_alive(one.name)

    await eventually(is_dead)


async def test_a_redis_that_comes_back_is_told_again(
    server: RedisServer, client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_BEAT_SECONDS", 0.02)
    own = connect(server.url)
    one, other = Process(own), Process(client)
    async with one.alive():
        server.stop()
        server.start()

        async def is_seen() -> bool:
            return await other.is_alive(one.name)

        await eventually(is_seen)
    await own.aclose()
