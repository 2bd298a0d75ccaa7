"""The limiter on a real Redis, which is paused, killed and started again."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import redis as sync_redis
from hypothesis import given, settings
from hypothesis import strategies as st

from services.core.state import keys, rate_limits
from services.core.state.connection import Redis, connect
from services.core.state.rate_limits import Limit, Limiter
from services.core.state.script import LUA, Source
from tests.processes.redis_server import RedisServer

MINUTE = Limit(5, 60_000)
SOURCE = Source.of((LUA / "limit.lua").read_text()).text


@pytest.fixture
async def breakable(tmp_path: Path) -> AsyncIterator[tuple[RedisServer, Redis]]:
    server = RedisServer(tmp_path)
    client = connect(server.url)
    yield server, client
    await client.aclose()
    server.stop()


def allowed_by_the_definition(granted: list[int], now: int, limit: Limit) -> bool:
    """GCRA as it is defined, slowly: no stretch that ends now holds more than count + length/step requests."""
    requests = [*granted, now]
    return all(len(requests) - i <= limit.count + (now - at) // limit.step for i, at in enumerate(requests))


@settings(deadline=None, max_examples=60, database=None)
@given(
    limit=st.builds(Limit, st.integers(1, 6), st.integers(60_000, 70_000)),
    pauses=st.lists(st.one_of(st.integers(0, 3), st.integers(0, 40_000_000), st.just(12_000_000)), max_size=25),
)
def test_the_script_is_the_definition(server: RedisServer, limit: Limit, pauses: list[int]) -> None:
    """With a clock of our own in place of Redis'; what is left and for how long is checked against the definition."""
    text = SOURCE.replace("redis.call('TIME')", "{ARGV[3], ARGV[4]}")
    assert text != SOURCE
    now = 1_800_000_000_000_000
    granted: list[int] = []
    with sync_redis.Redis.from_url(server.url) as redis:
        redis.flushall()
        for pause in pauses:
            now += pause
            taken, left, wait = redis.eval(text, 1, "k", limit.count, limit.step, now // 10**6, now % 10**6)
            assert bool(taken) is allowed_by_the_definition(granted, now, limit)
            if taken:
                granted.append(now)
            more = [now] * left
            assert all(allowed_by_the_definition(granted + more[:n], now, limit) for n in range(left))
            assert not allowed_by_the_definition(granted + more, now, limit)
            assert not allowed_by_the_definition(granted + more, now + wait - 1, limit)
            assert allowed_by_the_definition(granted + more, now + wait, limit)


def test_a_clock_that_is_set_back_locks_nobody_out(server: RedisServer) -> None:
    text = SOURCE.replace("redis.call('TIME')", "{ARGV[3], ARGV[4]}")
    with sync_redis.Redis.from_url(server.url) as redis:
        redis.flushall()
        assert redis.eval(text, 1, "k", 5, 1_000_000, 2_000_000_000, 0) == [1, 4, 1_000_000]
        assert redis.eval(text, 1, "k", 5, 1_000_000, 1_000_000_000, 0) == [0, 0, 1_000_000]


async def test_replicas_share_one_budget(client: Redis, server: RedisServer) -> None:
    other = connect(server.url)
    one, two = Limiter(client), Limiter(other)
    verdicts = [await asking.take("api:a", MINUTE) for asking in (one, two, one, two, one, two, one)]
    await other.aclose()
    assert [verdict.allowed for verdict in verdicts] == [True] * 5 + [False] * 2
    assert [verdict.remaining for verdict in verdicts] == [4, 3, 2, 1, 0, 0, 0]
    assert [verdict.retry_after_seconds for verdict in verdicts] == [0] * 5 + [12] * 2
    assert (await one.take("api:b", MINUTE)).allowed


async def test_fifty_at_once_take_exactly_the_count(
    client: Redis, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "ANSWER_WITHIN", 10)  # Fifty new connections, on a machine that may be busy.
    other = connect(server.url)
    both = Limiter(client), Limiter(other)
    verdicts = await asyncio.gather(*(both[n % 2].take("api:a", Limit(17, 60_000)) for n in range(50)))
    await other.aclose()
    assert sum(verdict.allowed for verdict in verdicts) == 17
    assert all(verdict.counted for verdict in verdicts)


async def test_units_become_free_one_by_one_and_the_key_goes_by_itself(client: Redis) -> None:
    limiter, limit = Limiter(client), Limit(2, 400)
    assert [(await limiter.take("api:a", limit)).allowed for _ in range(3)] == [True, True, False]
    await asyncio.sleep(0.21)
    assert [(await limiter.take("api:a", limit)).allowed for _ in range(2)] == [True, False]
    assert 0 < await client.pttl(keys.limit("api:a")) <= 401
    await asyncio.sleep(0.45)
    assert await client.keys(keys.limit("*")) == []
    assert [(await limiter.take("api:a", limit)).allowed for _ in range(3)] == [True, True, False]


async def test_what_one_limit_refuses_costs_nothing_of_the_other(client: Redis) -> None:
    limiter = Limiter(client)
    both = {"all:a": MINUTE, "writes:a": Limit(1, 60_000)}
    answers = [await limiter.take_all(both) for _ in range(4)]
    assert [[verdict.allowed for verdict in answer] for answer in answers] == [[True, True], *[[True, False]] * 3]
    assert [answer[0].remaining for answer in answers] == [4] * 4


async def test_a_limit_made_larger_or_smaller_holds_at_once(client: Redis) -> None:
    limiter = Limiter(client)
    for _ in range(3):
        await limiter.take("api:a", MINUTE)
    assert (await limiter.take("api:a", Limit(10, 60_000))).remaining == 3  # Three fifths were used, and one tenth.
    smaller = await limiter.take("api:a", Limit(2, 2000))
    assert (smaller.allowed, smaller.retry_after_seconds) == (False, 1)


async def test_a_silent_redis_limits_nothing_and_the_limit_comes_back(
    breakable: tuple[RedisServer, Redis], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(rate_limits, "PAUSE", 0.2)
    server, client = breakable
    limiter, limit = Limiter(client), Limit(1, 60_000)
    assert [(await limiter.take("api:a", limit)).allowed for _ in range(2)] == [True, False]
    server.process.send_signal(signal.SIGSTOP)
    started = time.monotonic()
    free = await asyncio.gather(*(limiter.take("api:a", limit) for _ in range(30)))
    assert time.monotonic() - started < 0.2
    assert {(verdict.allowed, verdict.counted) for verdict in free} == {(True, False)}
    server.process.send_signal(signal.SIGCONT)
    await asyncio.sleep(0.25)
    assert not (await limiter.take("api:a", limit)).allowed
    # The connections whose answers came too late are not used again: no request reads the answer to another.
    await client.set("own", "value")
    assert [await client.get("own") for _ in range(5)] == [b"value"] * 5
    assert [message for message in caplog.messages if message == "limits_off"] == ["limits_off"]


async def test_a_dead_redis_limits_nothing_and_a_new_one_counts_again(
    breakable: tuple[RedisServer, Redis], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "PAUSE", 0.2)
    server, client = breakable
    limiter, limit = Limiter(client), Limit(1, 60_000)
    assert (await limiter.take("api:a", limit)).counted
    server.stop()
    started = time.monotonic()
    verdicts = [await limiter.take("api:a", limit) for _ in range(10)]
    assert time.monotonic() - started < 0.2
    assert all(verdict.allowed for verdict in verdicts)
    server.start()  # Empty: it does not know the script either.
    await asyncio.sleep(0.25)
    assert [(await limiter.take("api:a", limit)).allowed for _ in range(2)] == [True, False]
