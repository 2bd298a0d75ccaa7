"""The connections of one process: how many there are at most, and what becomes of who needs one more."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from services.core.state import connection
from services.core.state.connection import Redis, connect
from tests.processes.redis_server import RedisServer

FEW = 4


@pytest.fixture
async def client(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Redis]:
    monkeypatch.setattr(connection, "CONNECTIONS", FEW)
    made = connect(server.url)
    yield made
    await made.aclose()


async def block(client: Redis) -> None:
    """Keep a connection for a second."""
    await client.execute_command("BLPOP", "nothing", 1)


async def clients(client: Redis) -> int:
    return len(await client.client_list())


async def test_many_at_once_share_few_connections(client: Redis) -> None:
    await client.set("n", 0)
    counted = await asyncio.gather(*(client.incr("n") for _ in range(500)))
    assert sorted(counted) == list(range(1, 501))
    assert await clients(client) <= FEW


async def test_who_needs_one_more_waits_and_is_told_if_none_becomes_free(
    client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = [asyncio.create_task(block(client)) for _ in range(FEW)]
    await asyncio.sleep(0.2)
    assert await client.ping(), "it waits until one is free"
    await asyncio.gather(*waiting)
    monkeypatch.setattr(connection, "ANSWER_TIMEOUT", 0.1)
    waiting = [asyncio.create_task(block(client)) for _ in range(FEW)]
    await asyncio.sleep(0.2)
    with pytest.raises(RedisConnectionError, match=f"all {FEW} connections are in use"):
        await client.ping()
    await asyncio.gather(*waiting)
    assert await client.ping()


async def test_a_cancelled_command_gives_its_connection_back(client: Redis) -> None:
    for _ in range(3 * FEW):
        waiting = asyncio.create_task(block(client))
        await asyncio.sleep(0.02)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert await client.ping()


async def test_a_redis_that_was_away_costs_no_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONNECTIONS", FEW)
    server = RedisServer(tmp_path)
    client = connect(server.url)
    try:
        assert await client.ping()
        server.stop()
        for _ in range(3 * FEW):
            with pytest.raises(RedisConnectionError):
                await client.ping()
    finally:
        await client.aclose()
    assert client.connection_pool._free._value == FEW  # type: ignore[attr-defined]
