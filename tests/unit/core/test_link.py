"""The one connection to a real Redis that all requests of a process share."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from services.core import redis
from services.core.redis import Redis
from tests.redis_server import RedisServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    made = RedisServer(tmp_path, "--requirepass", "s3cret word", password="s3cret word")
    yield made
    made.stop()


@pytest.fixture
async def client(server: RedisServer) -> AsyncIterator[Redis]:
    made = redis.connect(f"{server.url}/2")
    yield made
    await made.aclose()


async def connections(client: Redis) -> int:
    return len(await client.client_list())


async def test_commands_of_many_at_once_share_one_connection_and_get_each_its_own_answer(client: Redis) -> None:
    await client.mset({f"key{number}": number for number in range(500)})
    answers = await asyncio.gather(*(client.get(f"key{number}") for number in range(500)))
    assert [int(answer) for answer in answers] == list(range(500))
    assert await connections(client) == 1


async def test_an_error_is_for_the_command_that_made_it_alone(client: Redis) -> None:
    await client.set("text", "x")
    good, bad, again = await asyncio.gather(
        client.get("text"), client.hget("text", "field"), client.get("text"), return_exceptions=True
    )
    assert (good, again) == (b"x", b"x")
    assert isinstance(bad, ResponseError)


async def test_who_leaves_does_not_disturb_the_others(client: Redis) -> None:
    await client.mset({"a": "1", "b": "2"})
    leaving = asyncio.create_task(client.get("a"))
    staying = asyncio.create_task(client.get("b"))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == b"2"
    assert await client.get("a") == b"1"


async def test_who_leaves_while_the_connection_is_made_does_not_take_it_away_from_the_others(client: Redis) -> None:
    leaving = asyncio.create_task(client.set("a", "1"))
    staying = asyncio.create_task(client.set("b", "2"))
    await asyncio.sleep(0)
    leaving.cancel()
    await staying
    assert await connections(client) == 1


async def test_what_blocks_holds_nobody_up(client: Redis) -> None:
    waiting = asyncio.create_task(client.blpop(["list"], timeout=10))
    while "blpop" not in str(await client.client_list()):
        pass
    await client.lpush("list", "x")
    assert await waiting == (b"list", b"x")


async def test_a_broken_connection_costs_no_request(server: RedisServer, client: Redis) -> None:
    await client.set("a", "1")
    async with asyncio.timeout(10):
        await client.client_kill_filter(_type="normal", skipme=False)
        assert await client.get("a") == b"1"


async def test_a_redis_that_is_down_is_said_to_be_and_used_again_when_it_is_back(
    server: RedisServer, client: Redis
) -> None:
    await client.set("a", "1")
    server.stop()
    for _ in range(2):
        with pytest.raises(RedisConnectionError):
            await client.get("a")
    server.start()
    assert await client.get("a") is None


async def test_a_redis_that_hangs_is_noticed_in_time_and_used_again_when_it_goes_on(
    server: RedisServer, client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis, "ANSWER_TIMEOUT", 0.3)
    hasty = redis.connect(f"{server.url}/2")
    await hasty.set("a", "1")
    server.process.send_signal(signal.SIGSTOP)
    answers = await asyncio.gather(hasty.get("a"), hasty.get("a"), return_exceptions=True)
    server.process.send_signal(signal.SIGCONT)
    assert [type(answer) for answer in answers] == [RedisTimeoutError, RedisTimeoutError]
    assert await hasty.get("a") == b"1"
    await hasty.aclose()


async def test_a_wrong_password_is_said(server: RedisServer) -> None:
    client = redis.connect(server.url.replace("s3cret", "other"))
    with pytest.raises((RedisConnectionError, ResponseError), match="invalid username-password"):
        await client.get("a")
    await client.aclose()
