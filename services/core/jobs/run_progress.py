"""How far the present run of a job is: written by its worker at most once a second, for people who wait for it."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar

import orjson
from redis.exceptions import RedisError

from services.core.state import keys
from services.core.state.connection import Redis

_EVERY_SECONDS = 1.0
_KEPT_SECONDS = 3600


class _Gauge:
    def __init__(self, client: Redis, job_id: str) -> None:
        self._redis, self._key = client, keys.job_progress(job_id)
        self._written = 0.0

    async def note(self, done: int, count: int | None) -> None:
        now = time.monotonic()
        if now - self._written >= _EVERY_SECONDS:
            self._written = now
            await self._redis.set(self._key, orjson.dumps([done, count]), ex=_KEPT_SECONDS)

    async def end(self) -> None:
        if self._written:
            await self._redis.delete(self._key)


_gauge: ContextVar[_Gauge | None] = ContextVar("gauge", default=None)


@asynccontextmanager
async def noted(client: Redis, job_id: str) -> AsyncIterator[None]:
    """Take what `note` is told in this context as the progress of a job, until it ends."""
    gauge = _Gauge(client, job_id)
    reset = _gauge.set(gauge)
    try:
        yield
    finally:
        _gauge.reset(reset)
        with suppress(RedisError):  # It ends by itself then.
            await gauge.end()


async def note(done: int, count: int | None = None) -> None:
    """Say how many entries of how many are done; nothing happens outside of a run. Raises RedisError."""
    if gauge := _gauge.get():
        await gauge.note(done, count)


async def of(client: Redis, job_ids: Sequence[str]) -> dict[str, dict[str, int | None]]:
    """Return how far those of some jobs are of which that is known; raises RedisError."""
    raws = await client.mget([keys.job_progress(job_id) for job_id in job_ids]) if job_ids else []
    found = {job_id: orjson.loads(raw) for job_id, raw in zip(job_ids, raws, strict=True) if raw}
    return {job_id: {"done": done, "count": count} for job_id, (done, count) in found.items()}
