"""Removes what is left of reductions: records that show nothing any more, and files that no record names.

Writes leave neither behind. But a restore, or the removal of all entries, leaves records; a catalog service of the
version before leaves them too; and a lost Redis leaves files.
"""

from collections.abc import Sequence

from services.core.assets import identity, names
from services.core.assets.reductions import PREFIX
from services.core.jobs import safe_points
from services.core.state import entry_json, reductions
from services.core.state.claims import Claims
from services.core.state.entries import Entries
from services.core.storage import Storage, StoredObject
from services.jobs.describe.reducer import Reducer
from services.jobs.listed import keys_in_batches

_BATCH = 500


async def sweep(entries: Entries, reducer: Reducer, claims: Claims, storage: Storage) -> int:
    """Remove records and files that are of no use; return how many there were. Raises StorageDown and RedisError."""
    if not reducer.is_possible:
        return 0
    removed = 0
    async for page in reducer.records.pages():
        if safe_points.reached():
            return removed
        raws = await entries.raws(list(page))
        for (entry_key, record), raw in zip(page.items(), raws, strict=True):
            if raw is None or not reductions.read(record).shows(entry_json.read(raw)):
                removed += await reducer.drop(entry_key, record)
    async for keys in keys_in_batches(storage, PREFIX, _BATCH):
        if safe_points.reached():
            return removed
        removed += await _remove_unknown(keys, reducer, claims, storage)
    return removed


async def _remove_unknown(storage_keys: Sequence[str], reducer: Reducer, claims: Claims, storage: Storage) -> int:
    # Claims first: a file that is listed has a claim until it has a record.
    claimed = await claims.are_made(storage_keys)
    owners = [identity.entry_key(names.unique_name_of(key.removeprefix(PREFIX))) for key in storage_keys]
    records = await reducer.records.raws(owners)
    removed = 0
    for key, is_claimed, record in zip(storage_keys, claimed, records, strict=True):
        if is_claimed or (record is not None and reductions.read(record).storage_key == key):
            continue
        claim = await claims.make_on_unused(key)
        if claim is not None:
            try:
                await storage.delete([StoredObject(key)])
            except BaseException:
                await claims.give_up([claim])
                raise
            await claims.release(claim)
            removed += 1
    return removed
