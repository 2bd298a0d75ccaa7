"""Entries that many ask for at the same moment, from a real Redis."""

import asyncio
import signal
import time
from typing import Any

import pytest
from redis.exceptions import RedisError

from services.core.addresses.form import parse
from services.core.errors import Behind
from services.core.state import keys
from services.core.state.connection import ANSWER_TIMEOUT, Redis, connect
from services.core.state.entry_reader import EntryReader
from services.transform.answer.decide import candidates
from tests.processes.redis_server import RedisServer


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    sent: list[str] = []
    execute = Redis.execute_command

    async def noting(client: Redis, *command: Any, **options: Any) -> Any:
        sent.append(command[0])
        return await execute(client, *command, **options)

    monkeypatch.setattr(Redis, "execute_command", noting)
    return sent


@pytest.fixture
async def reader(client: Redis) -> EntryReader:
    """A reader whose script Redis has learned already."""
    made = EntryReader(client)
    await made.read(["none"])
    return made


async def test_who_asks_at_the_same_moment_shares_a_command_and_gets_its_own(
    client: Redis, reader: EntryReader, commands: list[str]
) -> None:
    await client.hset(keys.ENTRIES, mapping={str(n): f"entry {n}" for n in range(50)})
    commands.clear()
    wanted = [[str(n), "none", str((n + 1) % 50)] for n in range(50)]
    found = await asyncio.gather(*map(reader.read, wanted))
    assert found == [[f"entry {n}".encode(), None, f"entry {(n + 1) % 50}".encode()] for n in range(50)]
    assert commands == ["EVALSHA"]


async def test_who_asks_later_gets_what_is_there_by_then(
    client: Redis, reader: EntryReader, commands: list[str]
) -> None:
    commands.clear()
    await client.hset(keys.ENTRIES, "a", "old")
    under_way = asyncio.create_task(reader.read(["a"]))
    for _ in range(2):  # It asks, and what reads for it begins.
        await asyncio.sleep(0)
    await client.hset(keys.ENTRIES, "a", "new")
    assert await reader.read(["a"]) == [b"new"]
    await under_way
    assert commands.count("EVALSHA") == 2


async def test_what_is_asked_while_a_question_is_under_way_is_one_question(
    client: Redis, reader: EntryReader, commands: list[str]
) -> None:
    await client.hset(keys.ENTRIES, mapping={str(n): f"entry {n}" for n in range(10)})
    commands.clear()
    first = asyncio.create_task(reader.read(["0"]))
    for _ in range(2):
        await asyncio.sleep(0)
    others = [asyncio.create_task(reader.read([str(n)])) for n in range(1, 10)]
    assert await asyncio.gather(first, *others) == [[f"entry {n}".encode()] for n in range(10)]
    assert commands == ["EVALSHA", "EVALSHA"]


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


@pytest.mark.parametrize("revision", [None, b"1764066000000000", b"1764066000000-3"])
async def test_who_knows_of_a_change_is_answered_only_by_a_redis_that_has_it(
    client: Redis, reader: EntryReader, revision: bytes | None
) -> None:
    await client.hset(keys.ENTRIES, "a", "entry")
    if revision:
        await client.set(keys.REVISION, revision)
    number = int(revision.partition(b"-")[0]) if revision else 0
    for known in (0, number):
        assert await reader.read(["a"], known) == [b"entry"]
    with pytest.raises(Behind) as refused:
        await reader.read(["a"], number + 1)
    assert (refused.value.status, bool(refused.value.retry_after)) == (503, True)


async def test_who_knows_more_than_redis_takes_nobody_along(client: Redis, reader: EntryReader) -> None:
    await client.set(keys.REVISION, "17")
    await client.hset(keys.ENTRIES, "a", "entry")
    outcomes = await asyncio.gather(*(reader.read(["a"], known) for known in (17, 18, 0)), return_exceptions=True)
    assert [outcome if isinstance(outcome, list) else type(outcome) for outcome in outcomes] == [
        [b"entry"],
        Behind,
        [b"entry"],
    ]


async def test_what_very_many_ask_for_at_once_is_asked_in_parts(
    client: Redis, reader: EntryReader, commands: list[str]
) -> None:
    await client.hset(keys.ENTRIES, mapping={str(n): f"entry {n}" for n in range(2500)})
    commands.clear()
    # The most names that one asset may have.
    others = len(candidates(parse("/assets/media/original/DEV/cat.webp", "", 8192))) - 1
    wanted = [[str(n), *(f"{n} {other}" for other in range(others))] for n in range(2500)]
    found = await asyncio.gather(*map(reader.read, wanted))
    assert found == [[f"entry {n}".encode(), *[None] * others] for n in range(2500)]
    assert 3 <= len(commands) < 20, "far fewer than there are questions"
    assert set(commands) == {"EVALSHA"}


async def test_a_script_that_redis_has_forgotten_is_taught_again(client: Redis, reader: EntryReader) -> None:
    await client.script_flush()
    assert await reader.read(["a"]) == [None]


async def test_reading_is_allowed_where_nothing_may_be_written(client: Redis, reader: EntryReader) -> None:
    await client.config_set("min-replicas-to-write", 1)
    try:
        assert await reader.read(["a"]) == [None]
    finally:
        await client.config_set("min-replicas-to-write", 0)
