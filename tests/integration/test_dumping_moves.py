"""Old addresses of moved assets in dumps: a restore takes over those that lead to one of its assets."""

from pathlib import Path

import pytest

from services.core.assets import identity, moves
from services.core.assets.entries import Entry
from services.core.dumps import naming
from services.core.dumps.stores import open_dumps
from services.core.spool import prepare
from services.core.state import commands, entry_json, keys
from services.core.state.connection import Redis
from services.core.state.entry_reader import EntryReader, following
from services.core.storage import StorageSettings
from services.core.storage.local import LocalStorage
from services.jobs.dumps.creation import create_dump
from services.jobs.dumps.restore import restore_dump
from tests.processes.redis_server import RedisServer
from tests.support.catalogs import ADDRESSES, CatalogUser, an_entry


async def moved(catalog: CatalogUser, uuid: str, folder: str) -> Entry:
    found = await catalog.entries.find(uuid)
    name = moves.renamed(found.entry, folder, None)
    claim = await catalog.claims.make(name.unique_name)
    entry = moves.moved(found.entry, name, claim.storage_key)
    assert await catalog.entries.move(found, entry, claim)
    return entry


async def led_to(client: Redis, *paths: str) -> list[Entry | None]:
    raws = await EntryReader(client, following).read([identity.entry_key(path) for path in paths])
    return [entry_json.read(raw) if raw else None for raw in raws]


@pytest.mark.parametrize(
    ("kind", "retires", "has_rdb"),
    [("rdb", False, True), ("rdb", True, True), ("json", True, True), ("json", False, True), ("json", False, False)],
)
async def test_old_paths_come_back_with_what_they_lead_to(
    server: RedisServer,
    client: Redis,
    catalog: CatalogUser,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    kind: naming.Kind,
    retires: bool,
    has_rdb: bool,
) -> None:
    storage = LocalStorage(tmp_path / "data")
    prepare(storage.spool)
    settings = StorageSettings(data_folder_path=tmp_path / "data", dump_folder_path=tmp_path / "dumps")
    store = open_dumps(settings, storage)
    store.prepare()

    gone, cat = an_entry("gone"), an_entry("cat", folder="a")
    await catalog.entries.create(gone)
    await catalog.entries.create(cat)
    await moved(catalog, cat.uuid, "b")
    there = await moved(catalog, cat.uuid, "c")
    # Somebody was at one of the old paths meanwhile.
    await catalog.entries.create(an_entry("cat", folder="b"))
    await catalog.entries.delete(an_entry("cat", folder="b").uuid, lambda _: None)
    await catalog.entries.delete(gone.uuid, lambda _: None)  # So the creation numbers are others after the restore.
    paths = cat.unique_name, "/DEV/b/cat.webp", there.unique_name
    assert await led_to(client, *paths) == [there, None, None]

    made = await create_dump(server.url, client, catalog.process, store, 0, ADDRESSES)
    await client.flushall()
    stranger = an_entry("stranger", folder="x")
    await catalog.entries.create(stranger)
    await moved(catalog, stranger.uuid, "y")
    filename = naming.filename_of(made.stamp, kind)
    if not has_rdb:
        (tmp_path / "dumps" / naming.filename_of(made.stamp, "rdb")).unlink()
    await restore_dump(client, catalog.process, store, filename, retired_in=storage if retires else None)
    assert await led_to(client, *paths) == [there if has_rdb else None, None, None]
    assert await led_to(client, stranger.unique_name) == [None]
    assert caplog.messages.count("restore_without_rdb") == (not has_rdb)
    if has_rdb:
        assert await catalog.entries.get(cat.uuid) == there
        await catalog.entries.delete(there.uuid, lambda _: None)
    assert await commands.hgetall(client, keys.OLD_PATHS) == await commands.hgetall(client, keys.MOVED) == {}
