"""The connection to Redis."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import redis.asyncio
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from services.core.observing import tracing

Redis = redis.asyncio.Redis

CONNECT_TIMEOUT = 1.0
ANSWER_TIMEOUT = 3.0
BLOCK = 1.0
"""Seconds. No call blocks for longer than BLOCK, so that a Redis that hangs is noticed."""
CONNECTIONS = 64
"""Connections of one process, at most. A command takes a fraction of a millisecond, so this is enough for a thousand
requests."""


def connect(address: str) -> "Redis":
    """Return a client with a pool of connections; nothing is sent yet.

    A connection that broke while idle is opened again once, so a restart of Redis costs no request.
    """
    pool = Pool.from_url(
        address,
        max_connections=CONNECTIONS,
        socket_connect_timeout=CONNECT_TIMEOUT,
        socket_timeout=ANSWER_TIMEOUT,
        retry=Retry(ExponentialBackoff(cap=0.1, base=0.02), 1),
        retry_on_error=[RedisConnectionError],
    )
    kind = _Traced if tracing.is_on() else redis.asyncio.Redis
    client: Redis = kind.from_pool(pool)
    return client


class _Brief(AbstractConnection):
    """A connection whose commands take few turns of the event loop.

    For each command redis-py makes a task that sends it, to bound its time. Before that it waits for data, to see that
    none are there. Both together are a third of the processor time of a short command.
    """

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        limit, self.socket_timeout = self.socket_timeout, None
        try:
            async with asyncio.timeout(limit):
                await super().send_packed_command(command, check_health)
        except TimeoutError:
            raise RedisTimeoutError("Timeout writing to socket") from None
        finally:
            self.socket_timeout = limit

    async def can_read_destructive(self) -> bool:
        """Say whether the connection is not as it must be before a command: it has ended, or has data of another one.

        It reads nothing. What redis-py has read lies in the parser of hiredis, what it has not in the stream.
        """
        stream: Any = self._reader
        parser: Any = self._parser
        has_ended = stream.at_eof() or stream.exception() is not None
        return has_ended or bool(stream._buffer) or parser._reader.has_data()


class Pool(redis.asyncio.ConnectionPool):
    """A pool of at most `max_connections` connections. If all are in use, a command waits for one.

    redis-py has such a pool, which takes a lock for each command. This one costs nothing while there are enough.
    """

    def __init__(
        self,
        *,
        max_connections: int,
        connection_class: type[AbstractConnection] = redis.asyncio.Connection,
        **given: Any,
    ) -> None:
        brief = type(connection_class.__name__, (_Brief, connection_class), {})
        super().__init__(connection_class=brief, max_connections=max_connections, **given)
        self._free = asyncio.Semaphore(max_connections)

    async def get_connection(self, command_name: object = None, *keys: object, **options: object) -> Any:
        """Return a connection that is connected; raises ConnectionError if none is free within ANSWER_TIMEOUT."""
        if self._free.locked():
            try:
                async with asyncio.timeout(ANSWER_TIMEOUT):
                    await self._free.acquire()
            except TimeoutError:
                raise RedisConnectionError(f"all {self.max_connections} connections are in use") from None
        else:
            await self._free.acquire()
        connection = self.get_available_connection()  # type: ignore[no-untyped-call]
        try:
            await self.ensure_connection(connection)
        except BaseException:
            await self.release(connection)
            raise
        return connection

    async def release(self, connection: Any) -> None:
        taken = connection in self._in_use_connections
        try:
            await super().release(connection)
        finally:
            if taken:
                self._free.release()


class _Traced(Redis):
    """A client whose commands are parts of traces. Commands of a pipeline are not traced."""

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        with tracing.part(f"redis {args[0]}"):
            execute: Callable[..., Awaitable[Any]] = super().execute_command
            return await execute(*args, **options)
