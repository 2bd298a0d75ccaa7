"""The catalog of the older Node.js service in Redis.

Its keys are not documented. So this looks at what is in them: an entry is a JSON object with `uuid` and `unique_name`.
It is found as a text, as a document of RedisJSON, as the fields of a hash, and as a value in a hash. Each of these may
also be a list of entries, or an object with entries as its values. Nothing is written.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

import orjson
from redis.exceptions import RedisError

from services.core.observing import logs
from services.core.state import commands, keys
from services.core.state.connection import Redis

log = logging.getLogger(__name__)

_OURS = (b"tada:", b"arq:")
_SCANNED = 500
_LOOKED_AT = 2000
"""Keys that are looked at when a service starts, at most: other programs may have millions in the same Redis."""
_LOOK_SECONDS = 10.0
_ADVICE = (
    "Redis has entries of the older Node.js service, and no catalog of TADA. TADA does not read or change them. "
    "docs/migrating.md says how to take them over."
)
_NOTHING = ("", "null", "undefined")
_NUMBERS = ("version", "size", "original_size", "original_version")


async def say(client: Redis) -> None:
    """Log it if Redis has the catalog of the older service, and none of TADA. Without an answer, say nothing."""
    with suppress(RedisError, TimeoutError):
        async with asyncio.timeout(_LOOK_SECONDS):
            if await looks_older(client):
                logs.event(log, logging.WARNING, "redis_of_older_service", advice=_ADVICE)


async def looks_older(client: Redis) -> bool:
    """Say whether a Redis without a catalog of TADA has entries of the older service; raises RedisError."""
    if await client.exists(keys.ENTRIES, keys.REVISION):
        return False
    async for _ in entries(client, _LOOKED_AT):
        return True
    return False


async def entries(client: Redis, most: int | None = None) -> AsyncIterator[dict[str, Any]]:
    """Yield the entries among the first `most` keys (by default, all) as they are; raises RedisError.

    A key may be seen twice if others are written meanwhile.
    """
    seen = 0
    async for key in client.scan_iter(count=_SCANNED):
        if seen == most:
            return
        seen += 1
        if not key.startswith(_OURS):
            for entry in await _in_key(client, key):
                yield entry


async def _in_key(client: Redis, key: bytes) -> list[dict[str, Any]]:
    kind = await client.type(key)
    if kind == b"string":
        return list(_in_text(await client.get(key)))
    if kind == b"ReJSON-RL":
        return list(_in_text(await client.execute_command("JSON.GET", key)))  # type: ignore[no-untyped-call]
    if kind == b"hash":
        fields = await commands.hgetall(client, key)
        if b"unique_name" in fields:
            return list(_in_value(_typed(fields)))
        return [entry for text in fields.values() for entry in _in_text(text)]
    return []


def _in_text(text: bytes | None) -> Iterator[dict[str, Any]]:
    try:
        yield from _in_value(orjson.loads(text or b""))
    except orjson.JSONDecodeError:
        return  # Something else.


def _in_value(value: object, depth: int = 0) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict) and isinstance(value.get("unique_name"), str) and "uuid" in value:
        yield value
    elif depth == 0 and isinstance(value, list | dict):
        for inside in value.values() if isinstance(value, dict) else value:
            yield from _in_value(inside, depth + 1)


def _typed(fields: dict[bytes, bytes]) -> dict[str, Any]:
    """Return an entry whose fields are texts, as the fields of a hash are, with the types that JSON would have."""
    entry: dict[str, Any] = {}
    for name, raw in fields.items():
        field, text = name.decode(errors="replace"), raw.decode(errors="replace")
        if text in _NOTHING:
            entry[field] = None
        elif text in ("true", "false"):
            entry[field] = text == "true"
        elif field in _NUMBERS and text.isdecimal():
            entry[field] = int(text)
        else:
            entry[field] = text
    return entry
