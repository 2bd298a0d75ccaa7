"""The checks of the doctor for the catalog service alone: whether the counts of each namespace are right."""

from collections.abc import AsyncIterator

from redis.exceptions import RedisError

from services.catalog.settings import CatalogSettings
from services.core.assets.quotas import NO_QUOTA
from services.core.doctor import Finding
from services.core.state import commands, connection, keys, usage
from services.core.state.connection import Redis
from services.core.state.counting import Counting

_COMPARED_MAX = 100_000
"""Entries that are read for a comparison: a few seconds."""
_MEND = f"Remove the key {keys.USAGE} from Redis. A catalog service counts everything again within a minute."


async def quotas(settings: CatalogSettings) -> AsyncIterator[Finding]:
    """Compare the counts with the entries, and say which namespaces have used up their quota."""
    client = connection.connect(settings.redis_address)
    try:
        yield await _compared(client)
        known = await usage.counts(client)
    except RedisError:
        return  # Another check reports it.
    finally:
        await client.aclose()
    for namespace, used in known.of.items():
        quota = settings.quotas.get(namespace, NO_QUOTA)
        for what in ("bytes", "assets"):
            allowed, has = getattr(quota, what), getattr(used.total, what)
            if allowed is not None and has >= allowed:
                mend = "Uploads are refused there. Delete what is not needed, or raise QUOTAS."
                yield Finding("quota", f"{namespace} has {has} of {allowed} {what}", mend)


async def _compared(client: Redis) -> Finding:
    count = await commands.hlen(client, keys.ENTRIES)
    if count > _COMPARED_MAX:
        return Finding("usage", f"{count} entries are too many to be added up here")
    wrong = await Counting(client).wrong()
    if wrong is None:
        return Finding("usage", "could not be compared: it is counted just now, or there are many writes")
    said = "; ".join(f"{name} is counted as {counted}, and has {there}" for name, (counted, there) in wrong.items())
    return Finding("usage", said or "the counts of all namespaces are right", _MEND if wrong else "")
