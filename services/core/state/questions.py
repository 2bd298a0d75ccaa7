"""Questions of the catalog service that only a jobs worker can answer: what the nodes of the gateway have.

Services do not call each other. A question is a message in Redis, and so is its answer. Every worker answers, and the
first answer counts. A message without a listener is lost, so nothing is left of a question, and Redis writes nothing to
its disk.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import orjson

from services.core.errors import NoWorker
from services.core.observing import logs
from services.core.state import cancellation, channel, keys
from services.core.state.connection import Redis

log = logging.getLogger(__name__)

NODES, COPIES = "nodes", "copies"
"""What can be asked: how far each node is, and what each has stored of some purge groups."""
Fields = dict[str, Any]
Answer = Callable[[str, Fields], Awaitable[Fields | None]]
"""What a worker does: the answer to a question by its name and what is given with it; None if it does not know it."""

ASKED_AT_ONCE = 16
"""Questions of one process that wait for an answer. Further ones wait for their turn."""
ANSWERED_AT_ONCE, HEARD_MAX = 8, 200
"""Questions that a worker answers at the same time, and that wait for that. It leaves out others: another worker
answers, or they are asked again."""
_AGAIN_SECONDS, _NOBODY_SECONDS = 0.1, 1.5
"""How often, and for how long, it is asked while nobody listens: a worker whose connection has just broken listens
again in half a second."""
_SLOW_SECONDS = 2.5
"""A worker that has heard a question needs no more: it waits two seconds for a node. If it has died, or has too much to
do, it is asked again."""


class Questions:
    """Asks the jobs workers."""

    def __init__(self, client: Redis) -> None:
        self._redis = client
        self._turn = asyncio.Semaphore(ASKED_AT_ONCE)
        self._waiting: dict[str, asyncio.Future[Fields]] = {}

    def following(self) -> AbstractAsyncContextManager[None]:
        """Listen for answers while the context is open."""
        return channel.heard(self._redis, keys.ANSWERS, self._take)

    async def ask(self, what: str, given: Mapping[str, Any], seconds: float) -> Fields:
        """Return the first answer; raises NoWorker if there is none within `seconds`, and RedisError."""
        question = secrets.token_hex(8)
        answer = self._waiting[question] = asyncio.get_running_loop().create_future()
        message = orjson.dumps({"id": question, "what": what, "given": given})
        try:
            async with asyncio.timeout(seconds), self._turn:
                return await self._insist(message, answer)
        except TimeoutError:
            raise NoWorker from None
        finally:
            del self._waiting[question]

    async def _insist(self, message: bytes, answer: "asyncio.Future[Fields]") -> Fields:
        """Ask until there is an answer; raises TimeoutError if nobody listens."""
        give_up = time.monotonic() + _NOBODY_SECONDS
        while not answer.done():
            listeners = await self._redis.publish(keys.QUESTIONS, message)
            if not listeners and time.monotonic() > give_up:
                raise TimeoutError
            await asyncio.wait([answer], timeout=_SLOW_SECONDS if listeners else _AGAIN_SECONDS)
        return answer.result()

    def _take(self, message: bytes) -> None:
        said = orjson.loads(message)
        answer = self._waiting.get(said["id"])
        if answer and not answer.done():
            answer.set_result(said["answer"])


async def keep_answering(client: Redis, answer: Answer) -> None:
    """Answer questions until cancelled. If Redis goes away, it continues when it is back."""
    running: set[asyncio.Task[None]] = set()
    turn = asyncio.Semaphore(ANSWERED_AT_ONCE)

    async def work(message: bytes) -> None:
        async with turn:
            await _answer(client, answer, message)

    def take(message: bytes) -> None:
        if len(running) < HEARD_MAX:
            task = asyncio.create_task(work(message))
            running.add(task)
            task.add_done_callback(running.discard)

    async with channel.heard(client, keys.QUESTIONS, take):
        try:
            await asyncio.Event().wait()
        finally:
            await cancellation.end(running)


async def _answer(client: Redis, answer: Answer, message: bytes) -> None:
    try:
        question = orjson.loads(message)
        found = await answer(question["what"], question["given"])
        if found is not None:
            await client.publish(keys.ANSWERS, orjson.dumps({"id": question["id"], "answer": found}))
    except Exception as error:  # noqa: BLE001 - who has asked is told that there was no answer
        logs.event(log, logging.WARNING, "question_unanswered", error=f"{type(error).__name__}: {error}")
