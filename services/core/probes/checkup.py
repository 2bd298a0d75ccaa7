"""The doctor of a whole system: each service checks itself, where it runs, when the job *doctor* asks for it in Redis.

A service answers once, whichever of its processes takes the question. The checks run in a thread with connections of
their own, so that they disturb no request.
"""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from typing import Any

import orjson

from services.core.doctor import Check, Finding, examine
from services.core.observing import logs
from services.core.settings import CoreSettings
from services.core.state import cancellation, channel, commands, keys
from services.core.state.connection import Redis

log = logging.getLogger(__name__)

_KEPT_SECONDS = 300
_LOOK_SECONDS = 0.2


async def findings(settings: CoreSettings, checks: Sequence[Check], *, writes: bool) -> list[Finding]:
    """Return what the doctor of this service finds. A service that ends meanwhile does not wait for it."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[Finding]] = loop.create_future()

    def settle(outcome: list[Finding] | BaseException) -> None:
        if found.done():
            return
        if isinstance(outcome, BaseException):
            found.set_exception(outcome)
        else:
            found.set_result(outcome)

    def work() -> None:
        outcome: list[Finding] | BaseException
        try:
            outcome = asyncio.run(examine(settings, writes=writes, more=checks))
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            outcome = error
        with suppress(RuntimeError):  # The loop is closed.
            loop.call_soon_threadsafe(settle, outcome)

    threading.Thread(target=work, name="doctor", daemon=True).start()
    return await found


@asynccontextmanager
async def answering(
    client: Redis, settings: CoreSettings, checks: Sequence[Check], *, writes: bool
) -> AsyncIterator[None]:
    """Check this service whenever that is asked for, while the context is open."""
    tasks: set[asyncio.Task[None]] = set()

    async def answer(question: str) -> None:
        try:
            await examine_for(question)
        except Exception as error:  # noqa: BLE001 - who has asked is told that nobody answers, and to look here
            logs.event(log, logging.ERROR, "checkup_failed", error=f"{type(error).__name__}: {error}")

    async def examine_for(question: str) -> None:
        service = settings.service
        if not await client.set(keys.checkup_taken(question, service), b"1", nx=True, ex=_KEPT_SECONDS):
            return
        found = [asdict(one) for one in await findings(settings, checks, writes=writes)]
        async with client.pipeline(transaction=False) as pipeline:
            pipeline.rpush(keys.checkup(question), orjson.dumps({"service": service, "findings": found}))
            pipeline.expire(keys.checkup(question), _KEPT_SECONDS)
            await pipeline.execute()

    def hear(question: bytes) -> None:
        task = asyncio.create_task(answer(question.decode()))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async with channel.heard(client, keys.CHECKUPS, hear):
        try:
            yield
        finally:
            await cancellation.end(list(tasks))


async def ask(client: Redis, question: str, services: Sequence[str], seconds: float) -> dict[str, list[Finding]]:
    """Ask services to check themselves, and return what each has found that answers in time; raises RedisError."""
    await client.publish(keys.CHECKUPS, question)
    end = time.monotonic() + seconds
    while True:
        raws = await commands.lrange(client, keys.checkup(question), 0, -1)
        answers: list[dict[str, Any]] = [orjson.loads(raw) for raw in raws]
        found = {one["service"]: [Finding(**finding) for finding in one["findings"]] for one in answers}
        if found.keys() >= set(services) or time.monotonic() > end:
            return found
        await asyncio.sleep(_LOOK_SECONDS)
