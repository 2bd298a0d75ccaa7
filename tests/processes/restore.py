"""A restore as a process of its own, to be killed: python -m tests.processes.restore REDIS_URL DATA_FOLDER FILENAME"""

import asyncio
import sys
from pathlib import Path

from services.core.dumps.stores import open_dumps
from services.core.state import connection
from services.core.state.catalog import Catalog
from services.core.storage import StorageSettings, open_storage
from services.jobs.dumps.restoring import restore_dump


async def main(url: str, folder: str, filename: str) -> None:
    client = connection.connect(url)
    catalog = Catalog(client)
    settings = StorageSettings(data_folder_path=Path(folder))
    store = open_dumps(settings, open_storage(settings))
    async with catalog.alive():
        await restore_dump(client, catalog, store, filename)
    await client.aclose()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
