"""The command line of a backup: python -m services.jobs backup FOLDER."""

import sys
from pathlib import Path

from redis.exceptions import RedisError

from services.core.assets.addresses import Addresses
from services.core.errors import CatalogReplaced, TadaError
from services.core.state import connection
from services.core.state.belonging import Belonging
from services.core.state.entries import Entries
from services.core.storage import Storage, open_storage
from services.jobs.backup import Backup, back_up
from services.jobs.settings import JobsSettings

_TRIES = 3
"""If the whole catalog is replaced meanwhile, the backup begins again."""


async def run(settings: JobsSettings, folder: Path) -> int:
    """Back up the catalog and the storage of the settings; print what was done and return the exit status.

    It is 0 for a complete backup, 1 if none was made, and 3 if a backup was made but entries had lost their files.
    """
    client, storage = connection.connect(settings.redis_address), open_storage(settings)
    await storage.open()
    try:
        await Belonging(client, storage).check()
        made = await _tried(Entries(client), storage, folder, settings.addresses)
    except (TadaError, RedisError, OSError) as error:
        print(f"No backup was made: {error}", file=sys.stderr)
        return 1
    finally:
        await storage.close()
        await client.aclose()
    complete = made.entries - len(made.missing)
    print(f"{made.folder}: {complete} entries with their files, {made.linked} of them shared with the previous backup.")
    if not made.entries:
        print("The catalog is empty. If it was lost, do not replace older backups by this one.", file=sys.stderr)
    for unique_name in made.missing:
        print(f"{unique_name} has no file in the storage, or a file that does not match the catalog", file=sys.stderr)
    return 3 if made.missing else 0


async def _tried(entries: Entries, storage: Storage, folder: Path, addresses: Addresses) -> Backup:
    for left in reversed(range(_TRIES)):
        try:
            return await back_up(entries, storage, folder, addresses)
        except CatalogReplaced:
            if not left:
                raise
    raise AssertionError
