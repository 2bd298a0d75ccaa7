"""Entries that the previous version has made: they are found by the MD5 of their paths too, as all entries are.

That version showed clients the entry key as the uuid. Those entries keep it, and nothing of them is written anew: only
the names are added. Each worker looks at all entries when it starts, a page at a time, and adds the names that are
missing. So what a catalog service of the previous version has added since is named at the next start.
"""

import asyncio
import logging

import orjson
from redis.exceptions import RedisError

from services.core.assets import identity
from services.core.errors import CatalogReplaced
from services.core.observing import logs
from services.core.state import keys
from services.core.state.cancellation import is_cancelled
from services.core.state.connection import Redis
from services.core.state.entries import Entries
from services.core.state.script import Script

log = logging.getLogger(__name__)

_AGAIN_SECONDS = 1.0


async def keep_naming(client: Redis) -> None:
    """Name older entries, if there are any, and return. It begins again when Redis fails or the catalog is replaced."""
    while not is_cancelled():
        try:
            if named := await name_older_entries(client):
                logs.event(log, logging.INFO, "older_entries_named", entries=named)
            return
        except (CatalogReplaced, RedisError) as error:
            logs.event(log, logging.WARNING, "older_entries_delayed", error=str(error))
            await asyncio.sleep(_AGAIN_SECONDS)


async def name_older_entries(client: Redis) -> int:
    """Have every entry found by the MD5 of its path; return how many were not.

    Raises CatalogReplaced and RedisError. To do it again does no harm.
    """
    name = Script(client, "name", entries=keys.ENTRIES, uuids=keys.UUIDS)
    named = 0
    async for raws in Entries(client).scan():
        paths = [orjson.loads(raw)["unique_name"] for raw in raws]
        wanted = [part for path in paths for part in (identity.entry_key(path), identity.asset_uuid(path))]
        named += await name(wanted=wanted)
    return named
