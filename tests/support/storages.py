"""Storages as a service opens and closes them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.core.spool import prepare
from services.core.storage import Storage, StorageSettings, open_storage


@asynccontextmanager
async def opened(settings: StorageSettings) -> AsyncIterator[Storage]:
    made = open_storage(settings)
    prepare(made.spool)
    await made.open()
    try:
        yield made
    finally:
        await made.close()
