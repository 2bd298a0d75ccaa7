"""Rate limits that all replicas share, counted in Redis.

The algorithm is GCRA, the generic cell rate algorithm of ATM networks (ITU-T I.371, "virtual scheduling"), as
redis-cell uses it for requests: one number for each bucket, the time at which the bucket is full again. For a limit of
`count` in a window, this means: an idle client may send `count` requests at once. From then on, one more becomes free
every window/count, not all together at the end of the window. So in *any* period of length d, at most count +
d·count/window requests pass. This is `count` in an average window, and fewer than 2·count in the worst window, which
begins with a burst. A refused request costs nothing.

A limit protects a service and must never break it. If Redis does not answer within `ANSWER_WITHIN`, everything is
allowed, and one request asks Redis again every `PAUSE` seconds.
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass

from redis.exceptions import RedisError

from services.core.errors import TooManyRequests
from services.core.observing import logs
from services.core.state import keys
from services.core.state.connection import Redis
from services.core.state.script import Script

log = logging.getLogger(__name__)

ANSWER_WITHIN = 0.1
"""Seconds that a request waits for its verdict, connecting included."""
PAUSE = 1.0
"""Seconds after a failure in which Redis is not asked."""


@dataclass(frozen=True, slots=True)
class Limit:
    """`count` requests in a window of `window_ms` milliseconds. A count of 0 means no limit."""

    count: int
    window_ms: int

    def __post_init__(self) -> None:
        if self.count < 0 or self.window_ms <= 0:
            raise ValueError("expected a count of 0 or more and a window of 1 ms or more")

    @property
    def step(self) -> int:
        """Microseconds in which one unit becomes free, rounded up."""
        return -(-self.window_ms * 1000 // self.count)

    @property
    def window_seconds(self) -> int:
        return _seconds(self.window_ms * 1000)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict of one limit on one request. If the request was not `counted` (no limit, no Redis), it has no
    numbers."""

    limit: Limit
    allowed: bool = True
    counted: bool = False
    remaining: int = 0
    reset_seconds: int = 0
    """Seconds until one more request is free; 0 if all are."""

    @property
    def retry_after_seconds(self) -> int:
        """Seconds to wait; 0 for an allowed request."""
        return 0 if self.allowed else self.reset_seconds


class Limiter:
    """Counts requests in buckets; a bucket is a name such as `api:192.0.2.1`."""

    def __init__(self, client: Redis) -> None:
        self._take = Script(client, "limit")
        self._down = False
        self._ask_again = 0.0

    async def take(self, bucket: str, limit: Limit) -> Verdict:
        """Take one request from a bucket."""
        [verdict] = await self.take_all({bucket: limit})
        return verdict

    async def take_all(self, limits: Mapping[str, Limit]) -> list[Verdict]:
        """Take one request from each bucket, or from none of them if one is empty; in one step of Redis.

        The verdicts are in the order of the buckets. `allowed` is the verdict of each bucket on its own.
        """
        asked = {bucket: limit for bucket, limit in limits.items() if limit.count}
        verdicts = {bucket: Verdict(limit) for bucket, limit in limits.items()}
        answer = await self._ask(asked) if asked else None
        if answer is not None:
            taken, *numbers = answer
            for (bucket, limit), left, wait in zip(asked.items(), numbers[::2], numbers[1::2], strict=True):
                verdicts[bucket] = Verdict(limit, bool(taken or left), True, left, _seconds(wait))
        return list(verdicts.values())

    async def _ask(self, limits: Mapping[str, Limit]) -> list[int] | None:
        """Return the answer of the script, or None if it does not come in time."""
        now = time.monotonic()
        if now < self._ask_again:
            return None
        if self._down:
            self._ask_again = now + PAUSE  # For the others, while this request tries.
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                answer: list[int] = await self._take(
                    buckets=[keys.limit(bucket) for bucket in limits],
                    numbers=[number for limit in limits.values() for number in (limit.count, limit.step)],
                )
        except (RedisError, OSError) as error:  # TimeoutError is an OSError.
            self._ask_again = time.monotonic() + PAUSE
            if not self._down:
                self._down = True
                logs.event(log, logging.WARNING, "limits_off", error=f"{type(error).__name__}: {error}")
            return None
        if self._down:
            self._down, self._ask_again = False, 0.0
            logs.event(log, logging.INFO, "limits_on")
        return answer


class StorageGuard:
    """The limit of reads from the delegated storage, for each form of an asset on its own."""

    def __init__(self, limiter: Limiter, limit: Limit) -> None:
        self._limiter = limiter
        self._limit = limit

    async def pass_one(self, uuid: str, form: str) -> None:
        """Count one read of an asset's file for a form of it; raises TooManyRequests."""
        if not self._limit.count:
            return
        verdict = await self._limiter.take(f"storage:{uuid}:{form}", self._limit)
        if not verdict.allowed:
            raise TooManyRequests(
                "This address is read from the storage too often.",
                "What is cached is still delivered.",
                verdict.retry_after_seconds,
            )


def _seconds(microseconds: int) -> int:
    return -(-microseconds // 1_000_000)
