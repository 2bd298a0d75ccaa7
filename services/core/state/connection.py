"""The connection to Redis."""

from collections.abc import Awaitable, Callable
from typing import Any

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

from services.core.observing import tracing

Redis = redis.asyncio.Redis

CONNECT_TIMEOUT = 1.0
ANSWER_TIMEOUT = 3.0
BLOCK = 1.0
"""Seconds. No call blocks for longer than BLOCK, so that a Redis that hangs is noticed."""


def connect(address: str) -> "Redis":
    """Return a client with a pool of connections; nothing is sent yet.

    A connection that broke while idle is opened again once, so a restart of Redis costs no request.
    """
    kind = _Traced if tracing.is_on() else redis.asyncio.Redis
    client: Redis = kind.from_url(
        address,
        socket_connect_timeout=CONNECT_TIMEOUT,
        socket_timeout=ANSWER_TIMEOUT,
        retry=Retry(ExponentialBackoff(cap=0.1, base=0.02), 1),
        retry_on_error=[RedisConnectionError],
    )
    return client


class _Traced(Redis):
    """A client whose commands are parts of what is traced. Those of a pipeline are sent without one."""

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        with tracing.part(f"redis {args[0]}"):
            execute: Callable[..., Awaitable[Any]] = super().execute_command
            return await execute(*args, **options)
