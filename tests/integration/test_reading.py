"""Entries that many ask for at the same moment, from a real Redis."""

import asyncio
import signal
import time
from typing import Any

import pytest
from redis.exceptions import RedisError

from services.core import keys
from services.core.reading import EntryReader
from services.core.redis import ANSWER_TIMEOUT, Redis, connect
from tests.redis_server import RedisServer


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    sent: list[str] = []
    execute = Redis.execute_command

    async def noting(client: Redis, *command: Any, **options: Any) -> Any:
        sent.append(command[0])
        return await execute(client, *command, **options)

    monkeypatch.setattr(Redis, "execute_command", noting)
    return sent


async def test_who_asks_at_the_same_moment_shares_a_command_and_gets_its_own(
    client: Redis, commands: list[str]
) -> None:
    await client.hset(keys.ENTRIES, mapping={str(n): f"entry {n}" for n in range(50)})
    commands.clear()
    reader = EntryReader(client)
    asked = [[str(n), "none", str((n + 1) % 50)] for n in range(50)]
    found = await asyncio.gather(*map(reader.read, asked))
    assert found == [[f"entry {n}".encode(), None, f"entry {(n + 1) % 50}".encode()] for n in range(50)]
    assert commands == ["HMGET"]


async def test_who_asks_later_gets_what_is_there_by_then(client: Redis, commands: list[str]) -> None:
    reader = EntryReader(client)
    await client.hset(keys.ENTRIES, "a", "old")
    under_way = asyncio.create_task(reader.read(["a"]))
    for _ in range(2):  # It asks, and what reads for it begins.
        await asyncio.sleep(0)
    await client.hset(keys.ENTRIES, "a", "new")
    assert await reader.read(["a"]) == [b"new"]
    await under_way
    assert commands.count("HMGET") == 2


async def test_what_is_asked_while_a_question_is_under_way_is_one_question(client: Redis, commands: list[str]) -> None:
    await client.hset(keys.ENTRIES, mapping={str(n): f"entry {n}" for n in range(10)})
    commands.clear()
    reader = EntryReader(client)
    first = asyncio.create_task(reader.read(["0"]))
    for _ in range(2):
        await asyncio.sleep(0)
    others = [asyncio.create_task(reader.read([str(n)])) for n in range(1, 10)]
    assert await asyncio.gather(first, *others) == [[f"entry {n}".encode()] for n in range(10)]
    assert commands == ["HMGET", "HMGET"]


async def test_who_waits_behind_a_question_that_fails_is_not_kept_waiting(server: RedisServer) -> None:
    client = connect(server.url)
    await client.ping()
    reader = EntryReader(client)
    server.process.send_signal(signal.SIGSTOP)
    try:
        started = time.monotonic()
        first = asyncio.create_task(reader.read(["a"]))
        await asyncio.sleep(0.1)
        second = asyncio.create_task(reader.read(["a"]))
        outcomes = await asyncio.gather(first, second, return_exceptions=True)
        assert [isinstance(outcome, RedisError) for outcome in outcomes] == [True, True]
        assert time.monotonic() - started < 1.5 * ANSWER_TIMEOUT
    finally:
        server.process.send_signal(signal.SIGCONT)
    assert await reader.read(["a"]) == [None]
    await client.aclose()


async def test_who_gives_up_takes_nobody_along(client: Redis) -> None:
    await client.hset(keys.ENTRIES, "a", "entry")
    reader = EntryReader(client)
    first, second = (asyncio.create_task(reader.read(["a"])) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == [b"entry"]
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_everybody_is_told_that_redis_is_away_and_the_next_one_asks_again(client: Redis) -> None:
    away = connect("redis://127.0.0.1:1")
    reader = EntryReader(away)
    outcomes = await asyncio.gather(*(reader.read(["a"]) for _ in range(3)), return_exceptions=True)
    assert [isinstance(outcome, RedisError) for outcome in outcomes] == [True] * 3
    with pytest.raises(RedisError):
        await reader.read(["a"])
    await away.aclose()
