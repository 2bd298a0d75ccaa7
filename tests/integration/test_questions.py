"""What the catalog asks the jobs workers, through a real Redis."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.exceptions import RedisError

from services.core.errors import NoWorker
from services.core.state import cancellation, keys, questions
from services.core.state.connection import Redis
from services.core.state.questions import Answer, Questions, keep_answering
from tests.processes.redis_server import RedisServer
from tests.support.waits import eventually

LONG = 10.0


async def listens(client: Redis, channel: str, count: int) -> None:
    async def is_heard() -> bool:
        [(_, found)] = await client.pubsub_numsub(channel)
        return int(found) == count

    await eventually(is_heard)


@pytest.fixture
async def asking(client: Redis) -> AsyncIterator[Questions]:
    made = Questions(client)
    async with made.following():
        await listens(client, keys.ANSWERS, 1)
        yield made


@asynccontextmanager
async def workers(client: Redis, *answers: Answer) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(keep_answering(client, answer)) for answer in answers]
    try:
        await listens(client, keys.QUESTIONS, len(answers))
        yield
    finally:
        await cancellation.end(tasks)


async def echo(what: str, given: dict[str, Any]) -> dict[str, Any]:
    return {"what": what, **given}


async def never(what: str, given: dict[str, Any]) -> dict[str, Any]:
    await asyncio.Event().wait()
    raise AssertionError


async def broken(what: str, given: dict[str, Any]) -> dict[str, Any]:
    raise RuntimeError("broken")


async def unknown(what: str, given: dict[str, Any]) -> None:
    return None


async def test_a_worker_answers_what_was_asked(client: Redis, asking: Questions) -> None:
    async with workers(client, echo):
        found = await asyncio.gather(*(asking.ask("nodes", {"change": number}, LONG) for number in range(50)))
    assert found == [{"what": "nodes", "change": number} for number in range(50)]


async def test_many_questions_at_once_wait_for_their_turn(client: Redis, asking: Questions) -> None:
    async def slow(what: str, given: dict[str, Any]) -> dict[str, Any]:
        await asyncio.sleep(0.005)
        return given

    # One that was left out would be asked again only later.
    async with workers(client, slow):
        found = await asyncio.gather(
            *(asking.ask("nodes", {"change": number}, questions._SLOW_SECONDS) for number in range(100))
        )
    assert [one["change"] for one in found] == list(range(100))


@pytest.mark.parametrize("other", [never, broken, unknown])
async def test_one_worker_that_answers_is_enough(client: Redis, asking: Questions, other: Answer) -> None:
    async with workers(client, other, echo):
        assert await asking.ask("nodes", {}, LONG) == {"what": "nodes"}


async def test_without_an_answer_it_is_said_what_to_do(client: Redis, asking: Questions) -> None:
    with pytest.raises(NoWorker, match="No jobs worker") as raised:
        await asking.ask("nodes", {}, 0.3)
    assert raised.value.hint
    async with workers(client, never):
        with pytest.raises(NoWorker):
            await asking.ask("nodes", {}, 0.3)
    assert await client.keys("*") == [], "nothing is left of a question"


async def test_a_worker_that_comes_later_answers_too(client: Redis, asking: Questions) -> None:
    asked = asyncio.create_task(asking.ask("nodes", {}, LONG))
    await asyncio.sleep(0)
    async with workers(client, echo):
        assert await asked == {"what": "nodes"}


async def test_a_question_that_was_lost_is_asked_again(
    client: Redis, asking: Questions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "_SLOW_SECONDS", 0.05)
    asked = 0

    async def second(what: str, given: dict[str, Any]) -> dict[str, Any] | None:
        nonlocal asked
        asked += 1
        return {"asked": asked} if asked > 1 else None

    async with workers(client, second):
        assert await asking.ask("nodes", {}, LONG) == {"asked": 2}


async def test_redis_away_is_an_error_of_redis(server: RedisServer, client: Redis, asking: Questions) -> None:
    server.stop()
    try:
        with pytest.raises(RedisError):
            await asking.ask("nodes", {}, LONG)
    finally:
        server.start()
