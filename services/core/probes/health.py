"""Whether a service can work: Redis and the storage, asked now, and for how long they have been failing."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from redis.exceptions import RedisError

from services.core.errors import TadaError
from services.core.observing import metrics
from services.core.state import cancellation
from services.core.state.belonging import Belonging
from services.core.state.connection import Redis
from services.core.storage import ObjectMissing, Storage, StoredObject

PATIENCE = 2.0
"""Seconds that a dependency may take to answer."""
OK = "ok"
_PROBE = StoredObject("tada-readiness-probe.txt")

Check = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class State:
    """The state of each dependency, `ok` or what is wrong, and for how many seconds it has been failing."""

    said: Mapping[str, str]
    failing: Mapping[str, float]

    @property
    def ready(self) -> bool:
        return all(said == OK for said in self.said.values())

    def answer(self) -> dict[str, object]:
        """Return the state as it is answered; without a failure, the answer has no seconds."""
        failing = {name: round(seconds, 1) for name, seconds in self.failing.items()}
        return {"ready": self.ready, **self.said, **({"failing_seconds": failing} if failing else {})}


class Health:
    """Checks the dependencies of one process. Checks that are requested at the same time share one answer."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = checks
        self._since: dict[str, float] = {}
        self._asking: asyncio.Task[State] | None = None

    async def ask(self) -> State:
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        return await asyncio.shield(self._asking)

    async def end(self) -> None:
        """End a check that is under way, when nobody waits for it any more."""
        if self._asking is not None:
            await cancellation.end([self._asking])

    async def _ask(self) -> State:
        results = await asyncio.gather(
            *(asyncio.wait_for(check(), PATIENCE) for check in self._checks.values()), return_exceptions=True
        )
        said = {name: _say(result) for name, result in zip(self._checks, results, strict=True)}
        now = time.monotonic()
        self._since = {name: self._since.get(name, now) for name, text in said.items() if text != OK}
        for name, text in said.items():
            metrics.DEPENDENCY_UP.labels(name).set(text == OK)
            metrics.DEPENDENCY_FAILING.labels(name).set(now - self._since.get(name, now))
        return State(said, {name: now - since for name, since in self._since.items()})


def of_writer(client: Redis, storage: Storage, belonging: Belonging) -> Health:
    """Return the health of a service that writes to the storage."""

    async def ready() -> None:
        await _belongs(belonging)
        await storage.ready()

    return Health({"redis": client.ping, "storage": ready})


def of_reader(client: Redis, storage: Storage, belonging: Belonging) -> Health:
    """Return the health of a service that may not write to the storage: it reads an object that does not exist."""

    async def answers() -> None:
        await _belongs(belonging)
        try:
            await storage.size(_PROBE)
        except ObjectMissing:
            return

    return Health({"redis": client.ping, "storage": answers})


async def _belongs(belonging: Belonging) -> None:
    """Check the storage's mark. If Redis does not tell which mark is right, that is not a fault of the storage."""
    with suppress(RedisError):
        await belonging.check()


def _say(result: object) -> str:
    if isinstance(result, TimeoutError):
        return "does not answer"
    if isinstance(result, RedisError | TadaError):
        return str(result)
    if isinstance(result, BaseException):
        raise result
    return OK
