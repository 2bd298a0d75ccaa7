"""Folders for the files of a job, in the spool: on the file system of the storage, so that files can be moved there."""

import asyncio
import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from services.core.errors import StorageDown
from services.core.state.process import Process

_PREFIX, _OWNED = "job-", "~"


@asynccontextmanager
async def work_folder(spool: Path, process: Process) -> AsyncIterator[Path]:
    """Make a folder and remove it at the end. Folders of jobs that were killed are removed first."""
    folder = spool / f"{_PREFIX}{process.name}{_OWNED}{secrets.token_hex(8)}"
    for left in await asyncio.to_thread(lambda: list(spool.glob(f"{_PREFIX}*{_OWNED}*"))):
        if not await process.is_alive(left.name.removeprefix(_PREFIX).partition(_OWNED)[0]):
            await asyncio.to_thread(shutil.rmtree, left, ignore_errors=True)
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise StorageDown(
            f"The job cannot create its folder: {error.strerror}.",
            "The catalog service creates the spool.",
        ) from error
    try:
        yield folder
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
