"""Every kind of storage, each with a real server behind it."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from services.core.storage import Storage, StorageSettings
from tests.processes import distant_backend, s3_server
from tests.processes.fault_proxy import Faulty, Mode
from tests.support.storages import opened

WRITE_ONCE = ["local", "s3"]
IN_PLACE = ["distant-versions", "distant-in-place"]
REMOTE = ["s3", *IN_PLACE]
FAULTS: dict[str, Mode] = {"refuses connections": "down", "answers 500": "fail", "is silent": "slow"}
"""What is wrong with a remote storage that does not work at all."""
LOCAL_FAULTS: dict[str, Callable[[Path], None]] = {"is not mounted": Path.mkdir, "is not a folder": Path.touch}


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
    """Make a test of `storage` one of each kind, and a test of `write_once` one of each that writes an object once.

    A test of `remote` is one of each kind behind a network, and a test of `broken` one of each kind and fault.
    """
    for name, kinds in (("storage", [*WRITE_ONCE, *IN_PLACE]), ("write_once", WRITE_ONCE), ("remote", REMOTE)):
        if name in metafunc.fixturenames:
            metafunc.parametrize("settings_of", kinds, indirect=True)
    if "broken" in metafunc.fixturenames:
        pairs = [*(("local", fault) for fault in LOCAL_FAULTS), *((kind, fault) for kind in REMOTE for fault in FAULTS)]
        metafunc.parametrize(("settings_of", "fault"), pairs, indirect=["settings_of"])


@pytest.fixture
def storage(opened_storage: Storage) -> Storage:
    """A storage, empty, opened and ready to be written to."""
    return opened_storage


@pytest.fixture
def write_once(opened_storage: Storage) -> Storage:
    """The same, never one that replaces in place."""
    return opened_storage


@dataclass(frozen=True, slots=True)
class Remote:
    """A storage behind a way that can be faulty."""

    storage: Storage
    way: Faulty
    unfinished: Callable[[], list[Any]]
    """Returns what the other end has of uploads that have not ended."""


@dataclass(frozen=True, slots=True)
class Breakable:
    """A storage and the fault that it has for a while."""

    storage: Storage
    fault: Callable[[], AbstractContextManager[None]]


@asynccontextmanager
async def _behind_a_way(settings: StorageSettings, seconds: float) -> AsyncIterator[tuple[Storage, Faulty]]:
    """Open a storage behind a way. It is given up after so many seconds of silence, or three times as many in all."""
    address = "s3_endpoint" if settings.delegated_storage_method == "S3" else "delegated_storage_host"
    way = Faulty(urlsplit(getattr(settings, address)).port or 0)
    changed: dict[str, Any] = {address: f"http://127.0.0.1:{way.port}"}
    changed |= {"storage_read_seconds": seconds, "storage_deadline_seconds": 3 * seconds}
    try:
        async with opened(settings.model_copy(update=changed)) as made:
            yield made, way
    finally:
        way.close()


@pytest.fixture
async def remote(settings_of: StorageSettings, request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Remote]:
    server = request.getfixturevalue("s3_server") if settings_of.delegated_storage_method == "S3" else None
    incoming = tmp_path / "backend" / ".incoming"
    async with _behind_a_way(settings_of, 60) as (made, way):
        yield Remote(made, way, server.unfinished if server else lambda: list(incoming.iterdir()))


@pytest.fixture
async def broken(settings_of: StorageSettings, fault: str) -> AsyncIterator[Breakable]:
    """A storage that works until its fault begins."""
    if fault in FAULTS:
        # Silence is to be waited for, and nothing else.
        async with _behind_a_way(settings_of, 1 if fault == "is silent" else 60) as (made, way):
            yield Breakable(made, partial(way.being, FAULTS[fault]))
    else:
        async with opened(settings_of) as made:
            yield Breakable(made, partial(_in_place_of, settings_of.data_folder_path, LOCAL_FAULTS[fault]))


@contextmanager
def _in_place_of(root: Path, make: Callable[[Path], None]) -> Iterator[None]:
    """Have something else where a folder is, for a while."""
    aside = root.rename(root.with_name(f"{root.name}-aside"))
    make(root)
    try:
        yield
    finally:
        root.rmdir() if root.is_dir() else root.unlink()
        aside.rename(root)
