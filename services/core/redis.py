"""The connection to Redis, and the Lua scripts that make each step of the catalog one atomic step."""

from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

from services.core import tracing
from services.core.link import Link

Redis = redis.asyncio.Redis

CONNECT_TIMEOUT = 1.0
ANSWER_TIMEOUT = 3.0
BLOCK = 1.0
"""Seconds. No call blocks for longer than BLOCK, so that a Redis that hangs is noticed."""

_BLOCKING = frozenset({"BLPOP", "BRPOP", "BLMOVE", "BZPOPMIN", "XREAD", "XREADGROUP"})
_LUA = Path(__file__).parent / "lua"


class _Answer:
    """An answer of the link, as redis-py's reading of answers takes it."""

    def __init__(self, reply: Awaitable[Any]) -> None:
        self._reply = reply

    async def read_response(self, **options: Any) -> Any:
        return await self._reply


class _Client(redis.asyncio.Redis):
    """redis-py's client; all that does not block goes over one connection (see `link`)."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._link = Link(self.connection_pool, ANSWER_TIMEOUT)

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        if args[0] in _BLOCKING:
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        return await self.parse_response(_Answer(self._link.call(*args)), args[0], **options)  # type: ignore[arg-type]

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        await self._link.close()
        await super().aclose(close_connection_pool)


def connect(address: str) -> "Redis":
    """Return a client with its connections; nothing is sent yet.

    A connection that broke while idle is opened again once, so a restart of Redis costs no request.
    """
    kind = _Traced if tracing.is_on() else _Client
    client: Redis = kind.from_url(
        address,
        socket_connect_timeout=CONNECT_TIMEOUT,
        socket_timeout=ANSWER_TIMEOUT,
        retry=Retry(ExponentialBackoff(cap=0.1, base=0.02), 1),
        retry_on_error=[RedisConnectionError],
    )
    return client


class _Traced(_Client):
    """A client whose commands are parts of what is traced. Those of a pipeline are sent without one."""

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        with tracing.part(f"redis {args[0]}"):
            return await super().execute_command(*args, **options)


def script(client: "Redis", name: str) -> Any:
    """Return the script `lua/{name}.lua` as a coroutine function of `keys` and `args`."""
    return client.register_script((_LUA / f"{name}.lua").read_text())
