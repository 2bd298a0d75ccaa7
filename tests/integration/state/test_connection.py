"""The connections of one process: how many there are at most, and what becomes of who needs one more."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import hiredis
import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from services.core.state import connection
from services.core.state.connection import Redis, connect
from tests.processes.redis_server import RedisServer
from tests.support.waits import eventually

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


@asynccontextmanager
async def answered_by(serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]) -> AsyncIterator[Redis]:
    """Yield a client of what stands for Redis."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1024)
    client = connect(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    try:
        yield client
    finally:
        await client.aclose()
        server.close()


async def is_unfit(client: Redis) -> None:
    """Wait until the connection that is free cannot be used any more."""
    [free] = client.connection_pool._available_connections
    await eventually(free.can_read_destructive, within=5)


@pytest.mark.parametrize("seconds", [0, 0.02], ids=["with the answer", "after it"])
async def test_an_answer_that_nobody_has_asked_for_is_given_to_nobody(seconds: float) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        commands = hiredis.Reader()
        while received := await reader.read(65536):
            commands.feed(received)
            while command := commands.gets():
                writer.write(b"+PONG\r\n" if command == [b"PING"] else b"+OK\r\n")
                if command == [b"PING"] and seconds:
                    asyncio.get_running_loop().call_later(seconds, writer.write, b"+OF NOBODY\r\n")
                elif command == [b"PING"]:
                    writer.write(b"+OF NOBODY\r\n")
        writer.close()

    async with answered_by(serve) as client:
        assert await client.ping()
        await is_unfit(client)
        assert await client.get("x") == b"OK"


async def test_a_connection_that_has_ended_is_opened_again(client: Redis, server: RedisServer) -> None:
    before = await client.client_id()
    other = connect(server.url)
    await other.client_kill_filter(_id=str(before))
    await other.aclose()
    await is_unfit(client)
    assert await client.client_id() != before


async def test_a_command_that_nobody_takes_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "ANSWER_TIMEOUT", 0.2)
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"+OK\r\n" * 2)  # For what redis-py says of itself. After that nothing is read.
        await over.wait()
        writer.close()

    async with answered_by(serve) as client:
        with pytest.raises(RedisTimeoutError):
            await client.set("x", b"x" * 50_000_000)
        over.set()
