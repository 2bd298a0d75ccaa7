"""Every kind of storage, each with a real server behind it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services.core.storage import Storage, StorageSettings, open_storage

WRITE_ONCE = ["local"]
IN_PLACE: list[str] = []


@asynccontextmanager
async def opened(settings: StorageSettings) -> AsyncIterator[Storage]:
    made = open_storage(settings)
    made.prepare()
    await made.open()
    try:
        yield made
    finally:
        await made.close()


@pytest.fixture
def settings_of(tmp_path: Path) -> dict[str, StorageSettings]:
    return {"local": StorageSettings(data_folder_path=tmp_path)}


@pytest.fixture(params=[*WRITE_ONCE, *IN_PLACE])
async def storage(request: pytest.FixtureRequest, settings_of: dict[str, StorageSettings]) -> AsyncIterator[Storage]:
    """A storage of each kind, empty, opened and ready to be written to."""
    async with opened(settings_of[request.param]) as found:
        yield found


@pytest.fixture(params=WRITE_ONCE)
async def write_once(request: pytest.FixtureRequest, settings_of: dict[str, StorageSettings]) -> AsyncIterator[Storage]:
    """A storage of each kind that writes an object once."""
    async with opened(settings_of[request.param]) as found:
        yield found
