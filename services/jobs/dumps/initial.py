"""RESTORE_ON_INIT: a Redis that has never had a catalog gets that of a dump, once, by one of the workers."""

import asyncio
import logging

from redis.exceptions import RedisError

from services.core.dumps.naming import LATEST, DumpStore
from services.core.errors import BadDump, BadEntries, DumpMissing, TadaError
from services.core.observing import logs
from services.core.state import keys
from services.core.state.connection import Redis
from services.core.state.process import Process
from services.core.state.script import Script
from services.core.storage import Storage
from services.jobs.dumps.restore import Choice, Restored, restore_dump
from services.jobs.dumps.staging import Taken

log = logging.getLogger(__name__)

_POLL_SECONDS = 0.2
_RETRY_SECONDS = 5
_LEAVE_OUT = "Nothing was changed. Mend these entries, or leave them out with RESTORE_SKIP_INVALID=true"
_NONE_LEFT = "Nothing was changed: no entry can be restored. Choose another dump with DUMP_FILE_NAME_ON_INIT"


async def restore_on_init(
    client: Redis,
    process: Process,
    store: DumpStore,
    filename: str = LATEST,
    *,
    skip_invalid: bool = False,
    retired_in: Storage | None = None,
) -> Restored | None:
    """Restore a dump; None if there is a catalog, or no such dump. Wait while Redis or the storage is down.

    A catalog that was emptied on purpose has a revision, so nothing is restored into it.
    """
    while True:
        try:
            choice = Choice(skip_invalid=skip_invalid)
            return await _restore(client, process, store, filename, choice, retired_in)
        except Taken:
            logs.event(log, logging.WARNING, "restore_on_init_too_late", why="something was uploaded meanwhile")
            return None
        except DumpMissing:
            logs.event(log, logging.INFO, "restore_on_init_nothing", filename=filename, source=store.backend.source)
            return None
        except BadEntries as error:
            for one in error.entries:
                logs.event(log, logging.ERROR, "restore_on_init_not_understood", entry=one)
            hint = _NONE_LEFT if skip_invalid else _LEAVE_OUT
            logs.event(log, logging.ERROR, "restore_on_init_bad_dump", details=str(error), hint=hint)
            return None
        except BadDump as error:
            logs.event(log, logging.ERROR, "restore_on_init_bad_dump", details=error.details)
            return None
        except (TadaError, RedisError) as error:
            logs.event(log, logging.WARNING, "restore_on_init_delayed", error=str(error))
            await asyncio.sleep(_RETRY_SECONDS)


async def _restore(
    client: Redis, process: Process, store: DumpStore, filename: str, choice: Choice, retired_in: Storage | None
) -> Restored | None:
    take_over = Script(client, "takeover", lock=keys.RESTORING)
    give_up = Script(client, "give_up", lease=keys.RESTORING)
    while not await client.exists(keys.ENTRIES, keys.REVISION):
        mine = await client.set(keys.RESTORING, process.name, nx=True, get=True)
        if mine is not None:
            # A process that has just started may not have shown yet that it is alive.
            if not await process.is_alive(mine.decode()):
                await asyncio.sleep(_POLL_SECONDS)
                await take_over(alive=keys.alive(mine.decode()), holder=mine)
            await asyncio.sleep(_POLL_SECONDS)
            continue
        try:
            restored = await restore_dump(
                client, process, store, filename, choice, only_untouched=True, retired_in=retired_in
            )
        finally:
            await give_up(token=process.name)
        for one in restored.left_out:
            logs.event(log, logging.WARNING, "restore_on_init_left_out", entry=str(one))
        logs.event(log, logging.INFO, "restored_on_init", filename=restored.filename, entries=restored.entries)
        return restored
    return None
