"""Commands of Redis with their types for this code.

redis-py declares one type for its blocking and its asyncio client. So a type checker cannot tell which one is meant.
These functions are for the asyncio client, and for answers that are bytes.
"""

from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import Any, cast

from services.core.state.connection import Redis


def hget(client: Redis, key: str, field: str) -> Awaitable[bytes | None]:
    return cast("Awaitable[bytes | None]", client.hget(key, field))


def hmget(client: Redis, key: str, fields: Sequence[str]) -> Awaitable[list[bytes | None]]:
    """Return the values in the order of the fields; there must be at least one field."""
    return cast("Awaitable[list[bytes | None]]", client.hmget(key, list(fields)))


def hgetall(client: Redis, key: str | bytes) -> Awaitable[dict[bytes, bytes]]:
    return cast("Awaitable[dict[bytes, bytes]]", client.hgetall(key))  # type: ignore[arg-type]


def hexists(client: Redis, key: str | bytes, field: str) -> Awaitable[bool]:
    return cast("Awaitable[bool]", client.hexists(key, field))  # type: ignore[arg-type]


def hscan_iter(client: Redis, key: str | bytes, count: int) -> AsyncIterator[tuple[bytes, bytes]]:
    """Yield the fields of a hash and their values, `count` at a time; some may come twice."""
    return cast("AsyncIterator[tuple[bytes, bytes]]", client.hscan_iter(key, count=count))  # type: ignore[arg-type]


def hlen(client: Redis, key: str | bytes) -> Awaitable[int]:
    return cast("Awaitable[int]", client.hlen(key))  # type: ignore[arg-type]


def hset(client: Redis, key: str, field: str, value: str | bytes) -> Awaitable[int]:
    """Return 1 if the field is new, else 0."""
    return cast("Awaitable[int]", client.hset(key, field, value))  # type: ignore[arg-type]


def hvals(client: Redis, key: str) -> Awaitable[list[bytes]]:
    return cast("Awaitable[list[bytes]]", client.hvals(key))


def hdel(client: Redis, key: str, fields: Sequence[str]) -> Awaitable[int]:
    """Remove fields, of which there must be at least one; return how many there were."""
    return cast("Awaitable[int]", client.hdel(key, *fields))


def hsetnx(client: Redis, key: str, field: str, value: str) -> Awaitable[bool]:
    """Set a field unless there is one; say whether it was set."""
    return cast("Awaitable[bool]", client.hsetnx(key, field, value))


def lrange(client: Redis, key: str, first: int, last: int) -> Awaitable[list[bytes]]:
    """Return the values from a position to another, that one included."""
    return cast("Awaitable[list[bytes]]", client.lrange(key, first, last))


def evalsha(client: Redis, sha: str, keys: Sequence[Any], arguments: Sequence[Any]) -> Awaitable[Any]:
    """Run a script that Redis has; raises NoScriptError if Redis does not have it."""
    return cast("Awaitable[Any]", client.evalsha(sha, len(keys), *keys, *arguments))


def eval_(client: Redis, text: str, keys: Sequence[Any], arguments: Sequence[Any]) -> Awaitable[Any]:
    """Run a script; Redis has it from then on."""
    return cast("Awaitable[Any]", client.eval(text, len(keys), *keys, *arguments))


def function_flush(client: Redis) -> Awaitable[bytes]:
    return cast("Awaitable[bytes]", client.function_flush())
