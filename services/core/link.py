"""One connection to Redis for all requests of a process at the same time.

redis-py takes a connection from its pool for each command and waits for the answer before another one may use it; that
costs a process more than the rest of a small request. Redis answers in order, so commands can follow one another over
one connection without waiting: those of one turn of the event loop leave in one piece, and each answer goes to whoever
has waited longest. Commands that block would hold up all others; they stay with the pool (see `redis.connect`).
"""

import asyncio
from collections import deque
from typing import Any, cast

import hiredis
from redis._parsers import BaseParser
from redis.asyncio import ConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse
from redis.exceptions import TimeoutError as RedisTimeoutError

_RETRY_SECONDS = 0.02


class Wire(asyncio.Protocol):
    """One open connection; `_pending` are the commands without an answer, with the time by which it must be there."""

    def __init__(self, connection: Any, patience: float) -> None:
        self._pack = connection.pack_command
        self._patience = patience
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(protocolError=InvalidResponse, replyError=BaseParser.parse_error)
        self._pending: deque[tuple[float, asyncio.Future[Any]]] = deque()
        self._unsent: list[bytes] = []
        self._watching: asyncio.TimerHandle | None = None
        self.open = True
        # redis-py has opened it: TLS, password and database are said. From here on it is ours.
        self._stream, connection._writer, connection._reader = connection._writer, None, None
        self._transport = cast("asyncio.Transport", self._stream.transport)
        self._transport.set_protocol(self)

    def send(self, command: tuple[Any, ...]) -> "asyncio.Future[Any]":
        """Send a command with the next piece; return its answer to be."""
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent += self._pack(*command)
        answer = self._loop.create_future()
        self._pending.append((self._loop.time() + self._patience, answer))
        if self._watching is None:
            self._watching = self._loop.call_later(self._patience, self._watch)
        return answer

    def close(self) -> None:
        self.open = False
        if self._watching is not None:
            self._watching.cancel()
        self._transport.abort()

    def _flush(self) -> None:
        unsent, self._unsent = self._unsent, []
        if not self._transport.is_closing():
            self._transport.write(b"".join(unsent))

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        try:
            while (reply := self._reader.gets()) is not False:
                _, answer = self._pending.popleft()
                if answer.done():
                    continue  # Nobody waits for it any more.
                if isinstance(reply, Exception):
                    answer.set_exception(reply)
                else:
                    answer.set_result(reply)
        except InvalidResponse as error:
            self.connection_lost(error)
        if not self.open and not self._pending:
            self.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.close()
        pending, self._pending = self._pending, deque()
        for _, answer in pending:
            if not answer.done():
                answer.set_exception(RedisConnectionError(f"Connection lost: {error or 'closed by the server'}."))

    def _watch(self) -> None:
        """Give up what has waited for too long. Who comes later takes a new connection: this one may be dead."""
        now = self._loop.time()
        self._watching = None
        for by, answer in self._pending:
            if by > now:
                self._watching = self._loop.call_at(by, self._watch)
                break
            self.open = False
            if not answer.done():
                answer.set_exception(RedisTimeoutError("Timeout reading from Redis."))
        if not self.open and self._watching is None:
            self.close()


class Link:
    """The connection that there is, opened when it is needed and again after it broke."""

    def __init__(self, pool: ConnectionPool, patience: float) -> None:
        self._pool = pool
        self._patience = patience
        self._wire: Wire | None = None
        self._opening: asyncio.Task[Wire] | None = None

    async def call(self, *command: Any) -> Any:
        """Return the answer to a command; raises what redis-py raises.

        As with redis-py's connections here, a command whose connection broke is said once more: a restart of Redis
        costs no request.
        """
        try:
            return await self._once(command)
        except RedisConnectionError:
            await asyncio.sleep(_RETRY_SECONDS)
            return await self._once(command)

    async def _once(self, command: tuple[Any, ...]) -> Any:
        wire = self._wire
        if wire is None or not wire.open:
            if self._opening is None:
                # It belongs to nobody who waits for it: one that leaves must not take it away from the others.
                self._opening = asyncio.create_task(self._open())
            wire = await asyncio.shield(self._opening)
        return await wire.send(command)

    async def _open(self) -> Wire:
        try:
            connection: Any = self._pool.make_connection()  # type: ignore[no-untyped-call]
            await connection.connect()
            self._wire = Wire(connection, self._patience)
            return self._wire
        finally:
            self._opening = None

    async def close(self) -> None:
        if self._opening is not None:
            self._opening.cancel()
        if self._wire is not None:
            self._wire.close()
