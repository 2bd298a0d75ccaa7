"""Whether an empty catalog looks lost: files, or dumps with entries, are still there."""

from collections.abc import AsyncIterator

from redis.exceptions import RedisError

from services.core.assets.parts import PREFIX as PARTS
from services.core.assets.reductions import PREFIX as REDUCTIONS
from services.core.doctor import Finding
from services.core.dumps.naming import DumpStore
from services.core.dumps.stores import PREFIX, open_dumps
from services.core.errors import StorageDown
from services.core.settings import CoreSettings
from services.core.state import connection
from services.core.state.entries import Entries
from services.core.storage import ListingUnsupported, Storage, open_storage

_MEND = "If it was lost, POST /catalog/restore-dump brings back the latest dump that has entries (docs/dumps.md)."


async def signs_of_loss(entries: Entries, storage: Storage, dumps: DumpStore) -> str | None:
    """Return the sign that an empty catalog was lost; None if the catalog has entries, or if there is no sign.

    A storage that cannot list its files gives no sign. Raises StorageDown, RedisError, and ObjectMissing if a folder
    is removed while its files are listed.
    """
    if await entries.count():
        return None
    signs = [await _file(entries, storage), await _dump(dumps)]
    return " and ".join(sign for sign in signs if sign) or None


async def _file(entries: Entries, storage: Storage) -> str | None:
    """Say which file there is that nobody can have deleted: those in the trash are of an empty catalog, too."""
    try:
        async for listed in storage.list():
            is_ours = listed.key.startswith((PREFIX, REDUCTIONS, PARTS))
            if not is_ours and not any(await entries.are_retired([listed.key])):
                return f"the storage has files, such as {listed.key}"
    except ListingUnsupported:
        pass
    return None


async def _dump(dumps: DumpStore) -> str | None:
    try:
        stamps = [dump.stamp for dump in await dumps.kept() if not dump.is_empty]
    except ListingUnsupported:
        return None
    return f"the dump of {max(stamps)} has entries" if stamps else None


async def look(settings: CoreSettings) -> AsyncIterator[Finding]:
    """Tell the doctor how many entries the catalog has. If it has none, add the sign that it was lost."""
    client, storage = connection.connect(settings.redis_address), open_storage(settings)
    try:
        await storage.open()
        dumps = open_dumps(settings, storage)
        await dumps.open()
        try:
            signs = await signs_of_loss(Entries(client), storage, dumps)
            count = await Entries(client).count()
        finally:
            await dumps.close()
    except (StorageDown, RedisError):
        return  # Another check reports it.
    finally:
        await storage.close()
        await client.aclose()
    yield Finding("catalog", f"it is empty, but {signs}" if signs else f"{count} entries", _MEND if signs else "")
