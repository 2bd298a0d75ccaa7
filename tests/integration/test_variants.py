"""The notes on answers that are on their way, when Redis fails in the middle of taking one."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis.asyncio
from redis.exceptions import RedisError

from services.core.variants import Variants, new_answer
from tests.redis_server import RedisServer
from tests.waiting import eventually

GROUP = "path:/DEV/a"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    made = RedisServer(tmp_path, "--appendonly", "yes", "--appendfsync", "always")
    yield made
    made.stop()


def hasty(server: RedisServer) -> "redis.asyncio.Redis":
    return redis.asyncio.Redis.from_url(server.url, socket_timeout=0.2, socket_connect_timeout=0.2)


async def test_the_key_of_an_answer_outlives_redis_and_costs_the_only_sync(server: RedisServer) -> None:
    answer = new_answer("/assets/media/original/DEV/a.jpg", GROUP)
    async with hasty(server) as client:
        variants = Variants(client)

        async def written() -> int:
            return int((await client.info("persistence"))["aof_current_size"])

        await variants.confirm(answer, ["x"])
        before = await written()
        await variants.sent(answer)
        assert await written() == before
        assert await client.zcard(f"tada:sending:{GROUP}") == 1
    server.stop()
    server.start()
    async with hasty(server) as client:
        variants = Variants(client)
        assert await variants.cache_keys([GROUP]) == {answer.cache_key}
        # It is stored, or its connection is broken, by the time that Redis is back: nobody has to wait for it.
        assert not await variants.under_way([GROUP])


async def test_what_a_redis_that_hung_was_told_before_keeps_no_purge_waiting(server: RedisServer) -> None:
    async with hasty(server) as client:
        variants = Variants(client)
        await variants.read(["x"])
        answer = new_answer("/assets/media/original/DEV/a.jpg", GROUP)
        await variants.confirm(answer, ["x"])
        await variants.sent(answer)
        lost = new_answer("/assets/media/full/DEV/a.webp", GROUP)
        server.process.send_signal(signal.SIGSTOP)
        with pytest.raises(RedisError):
            await variants.confirm(lost, ["x"])
        server.process.send_signal(signal.SIGCONT)

        async def was_noted() -> bool:
            return await client.zscore(f"tada:sending:{GROUP}", f"{lost.id} {lost.cache_key}") is not None

        async def is_over() -> bool:
            return not await variants.under_way([GROUP])

        await eventually(was_noted, within=2)
        await eventually(is_over, within=3)


@pytest.mark.parametrize("how", ["killed", "frozen"])
async def test_an_answer_that_has_left_while_redis_was_away_keeps_no_purge_waiting(
    server: RedisServer, how: str
) -> None:
    async with hasty(server) as client:
        variants = Variants(client)
        answer = new_answer("/assets/media/original/DEV/a.jpg", GROUP)
        await variants.confirm(answer, ["x"])
        assert await variants.under_way([GROUP])
        if how == "killed":
            server.process.kill()
            server.process.wait()
        else:
            server.process.send_signal(signal.SIGSTOP)
        await variants.sent(answer)
        await asyncio.sleep(0.7)  # The next attempt fails, too.
        if how == "killed":
            server.start()
        else:
            server.process.send_signal(signal.SIGCONT)

        async def is_over() -> bool:
            try:
                return not await variants.under_way([GROUP])
            except RedisError:
                return False

        await eventually(is_over, within=3)
