"""A restore as a process of its own, to be killed: python -m tests.processes.restore REDIS_URL DATA_FOLDER FILENAME"""

import asyncio
import sys
from pathlib import Path

from services.core.dumps.stores import open_dumps
from services.core.state import connection
from services.core.state.process import Process
from services.core.storage import StorageSettings, open_storage
from services.jobs.dumps.restore import restore_dump


async def main(url: str, folder: str, filename: str) -> None:
    client = connection.connect(url)
    process = Process(client)
    settings = StorageSettings(data_folder_path=Path(folder))
    store = open_dumps(settings, open_storage(settings))
    async with process.alive():
        await restore_dump(client, process, store, filename)
    await client.aclose()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
