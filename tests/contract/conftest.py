"""Every kind of storage, each with a real server behind it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from services.core.storage import Storage, StorageSettings
from tests.processes import distant_backend, s3_server
from tests.support.storages import opened

WRITE_ONCE = ["local", "s3"]
IN_PLACE = ["distant-versions", "distant-in-place"]


@pytest.fixture
def settings_of(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StorageSettings]:
    """The settings of a kind of storage, whose server runs and has nothing."""
    kind = request.param
    if kind == "local":
        yield StorageSettings(data_folder_path=tmp_path)
        return
    if kind == "s3":
        server: s3_server.S3Server = request.getfixturevalue("s3_server")
        server.empty()
        yield s3_server.settings_for(server.url, tmp_path)
        return
    options = ("--in-place",) if kind == "distant-in-place" else ()
    backend = distant_backend.Backend(tmp_path / "backend", *options)
    backend.start()
    # The contract has no clock: a machine with much to do may be slow.
    patience = {f"storage_{what}_seconds": 60 for what in ("connect", "read", "deadline")}
    yield distant_backend.settings_for(backend.url, tmp_path / "tada", storage_breaker_failures=1000, **patience)
    backend.stop()


@pytest.fixture
async def opened_storage(settings_of: StorageSettings) -> AsyncIterator[Storage]:
    async with opened(settings_of) as found:
        yield found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of `storage` one of each kind, and a test of `write_once` one of each that writes an object once."""
    for name, kinds in (("storage", [*WRITE_ONCE, *IN_PLACE]), ("write_once", WRITE_ONCE)):
        if name in metafunc.fixturenames:
            metafunc.parametrize("settings_of", kinds, indirect=True)


@pytest.fixture
def storage(opened_storage: Storage) -> Storage:
    """A storage, empty, opened and ready to be written to."""
    return opened_storage


@pytest.fixture
def write_once(opened_storage: Storage) -> Storage:
    """The same, never one that replaces in place."""
    return opened_storage
