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

from services.core.assets.reading import NOTHING
from services.core.observing import logs
from services.core.state import commands, keys
from services.core.state.connection import Redis

log = logging.getLogger(__name__)

_OURS = (b"tada:", b"arq:")
_TEXTS = {b"string": "GET", b"ReJSON-RL": "JSON.GET"}
"""How a text of each type is read."""
_SCANNED = 500
_LOOKED_AT = 2000
"""Keys that are looked at when a service starts, at most, and fields of each: other programs may have millions of them
in the same Redis."""
_TEXT_MAX = 16 * 1024 * 1024
"""Bytes of the longest text that is looked at then. It is read in the event loop. 10 000 entries have half of that."""
_FIELDS_MAX = 1000
"""Fields of the largest hash that is taken for one entry."""
_LOOK_SECONDS = 10.0
_ADVICE = (
    "Redis has entries of the older Node.js service, and no catalog of TADA. TADA does not read or change them. "
    "docs/migrating.md says how to take them over."
)


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
    """Yield the entries as they are; raises RedisError.

    With `most`, look at the first keys only, at the first fields of each hash, and at no text that is very long. An
    entry may be seen twice if others are written meanwhile.
    """
    seen = 0
    async for key in client.scan_iter(count=_SCANNED):
        if seen == most:
            return
        seen += 1
        if not key.startswith(_OURS):
            async for entry in _in_key(client, key, most):
                yield entry


async def _in_key(client: Redis, key: bytes, most: int | None) -> AsyncIterator[dict[str, Any]]:
    kind = await client.type(key)
    if kind == b"hash":
        async for entry in _in_hash(client, key, most):
            yield entry
    elif kind in _TEXTS and (most is None or (await client.memory_usage(key) or 0) <= _TEXT_MAX):
        for entry in _in_text(await client.execute_command(_TEXTS[kind], key)):  # type: ignore[no-untyped-call]
            yield entry


async def _in_hash(client: Redis, key: bytes, most: int | None) -> AsyncIterator[dict[str, Any]]:
    """Yield the entry whose fields these are, or the entries in the values."""
    if await commands.hexists(client, key, "unique_name") and await commands.hlen(client, key) <= _FIELDS_MAX:
        for entry in _in_value(_of_fields(await commands.hgetall(client, key))):
            yield entry
        return
    seen = 0
    async for _, text in commands.hscan_iter(client, key, _SCANNED):
        if seen == most:
            return
        seen += 1
        for entry in _in_text(text):
            yield entry


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


def _of_fields(fields: dict[bytes, bytes]) -> dict[str, Any]:
    """Return an entry whose fields are those of a hash: all are texts, and some of them say that there is nothing."""
    texts = {name.decode(errors="replace"): text.decode(errors="replace") for name, text in fields.items()}
    return {name: None if text in NOTHING else text for name, text in texts.items()}
