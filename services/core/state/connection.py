"""The connection to Redis, and the Lua scripts that make each step of the catalog one atomic step."""

from pathlib import Path
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

_LUA = Path(__file__).parent / "lua"


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
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]


def script(client: "Redis", name: str, *, needs: str = "") -> Any:
    """Return the script `lua/{name}.lua` as a coroutine function of `keys` and `args`.

    `needs` is one whose functions it uses: a script of Redis cannot ask for another one itself.
    """
    parts = [part for part in (needs, name) if part]
    return client.register_script("\n".join((_LUA / f"{part}.lua").read_text() for part in parts))
