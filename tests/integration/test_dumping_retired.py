"""Versions and the trash in dumps: a restore brings back what it can, and every object has one owner afterwards."""

import random
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path

import pytest

from services.core.assets.retired import Undo
from services.core.dumps import naming
from services.core.dumps.naming import DumpStore
from services.core.dumps.stores import open_dumps
from services.core.state import commands, entry_json, keys
from services.core.state.connection import Redis
from services.core.state.retired import RetiredObjects
from services.core.storage import StorageSettings, StoredObject
from services.core.storage.local import LocalStorage
from services.jobs.dumps.creation import Dump, create_dump
from services.jobs.dumps.restore import Restored, restore_dump
from tests.processes.redis_server import RedisServer
from tests.support.catalogs import ADDRESSES
from tests.support.editor import KEY, Editor, check_owners, let_go
from tests.support.objects import listed

Step = Callable[[], Awaitable[object]]
UNDO = Undo(versions=3, trash_days=30)


@pytest.fixture
def editor(client: Redis, storage: LocalStorage) -> Editor:
    return Editor(client, storage, UNDO)


@pytest.fixture
def objects(client: Redis) -> RetiredObjects:
    return RetiredObjects(client)


class Dumps:
    """The two jobs, with the files of dumps in a folder that no listing of the storage shows."""

    def __init__(self, server: RedisServer, editor: Editor, storage: LocalStorage, folder: Path) -> None:
        self._server, self._editor, self._storage, self.folder = server, editor, storage, folder
        self._store: DumpStore = open_dumps(
            StorageSettings(data_folder_path=storage.spool.parent, dump_folder_path=folder), storage
        )
        self._store.prepare()

    async def create(self) -> Dump:
        user = self._editor.user
        return await create_dump(self._server.url, user.client, user.process, self._store, 0, ADDRESSES)

    async def restore(self, filename: str = naming.LATEST) -> Restored:
        user = self._editor.user
        return await restore_dump(user.client, user.process, self._store, filename, retired_in=self._storage)


@pytest.fixture
def dumps(server: RedisServer, editor: Editor, storage: LocalStorage, tmp_path: Path) -> Dumps:
    return Dumps(server, editor, storage, tmp_path / "dumps")


async def retired_in(client: Redis) -> tuple[dict[bytes, bytes], list[bytes], list[tuple[bytes, float]]]:
    return (
        await commands.hgetall(client, keys.RETIRED),
        await client.zrange(keys.VERSIONS, 0, -1),
        await client.zrange(keys.TRASH, 0, -1, withscores=True),
    )


@pytest.mark.parametrize("kind", ["json", "rdb"])
async def test_versions_and_the_trash_come_back_after_redis_was_emptied(
    client: Redis, editor: Editor, dumps: Dumps, storage: LocalStorage, kind: naming.Kind
) -> None:
    await editor.upload(more={"list": [], "number": 1e21, "text": "Été\n"})
    await editor.replace()
    await editor.delete()
    await editor.upload()
    await editor.replace()
    before = await retired_in(client)
    made = await dumps.create()
    await client.flushall()
    restored = await dumps.restore(naming.filename_of(made.stamp, kind))
    assert (restored.entries, restored.retired, len(before[0])) == (1, 3, 3)
    assert await retired_in(client) == before
    await check_owners(client, storage)


async def test_without_an_rdb_only_the_catalog_comes_back(client: Redis, editor: Editor, dumps: Dumps) -> None:
    await editor.upload()
    await editor.replace()
    await dumps.create()
    for file in dumps.folder.glob("*.rdb"):
        file.unlink()
    await client.flushall()
    restored = await dumps.restore()
    assert (restored.entries, restored.retired) == (1, None)
    assert not await client.exists(keys.RETIRED)


async def test_an_asset_that_was_deleted_since_the_dump_is_not_in_the_trash_beside_itself(
    client: Redis, editor: Editor, dumps: Dumps, storage: LocalStorage, objects: RetiredObjects
) -> None:
    first = await editor.upload()
    second = await editor.replace()
    await dumps.create()
    await editor.delete()
    assert (await dumps.restore()).retired == 1
    assert (await editor.user.entries.get(second.uuid)).signature == second.signature
    assert [version.entry for version in await objects.versions(KEY)] == [first]
    assert (await objects.trash_size()).count == 0
    await check_owners(client, storage)


async def test_an_asset_that_was_brought_back_since_the_dump_is_in_the_trash_again_with_its_versions(
    client: Redis, editor: Editor, dumps: Dumps, storage: LocalStorage, objects: RetiredObjects
) -> None:
    first = await editor.upload()
    second = await editor.replace()
    number = await editor.delete()
    trashed = await objects.trashed(number)
    assert trashed
    await dumps.create()
    await editor.undelete(trashed)
    assert (await dumps.restore()).retired == 2
    assert await objects.trashed(number) == trashed
    assert trashed.entry == second
    assert [version.entry for version in await objects.versions(trashed.group)] == [first]
    await check_owners(client, storage)


async def test_what_is_gone_since_the_dump_does_not_come_back(
    client: Redis, editor: Editor, dumps: Dumps, storage: LocalStorage, objects: RetiredObjects
) -> None:
    await editor.upload()
    await editor.replace()
    [version] = await objects.versions(KEY)
    await dumps.create()
    assert await editor.let_go(version, objects) == 1
    assert (await dumps.restore()).retired == 0
    await check_owners(client, storage)


async def test_what_was_to_be_deleted_since_the_dump_comes_back_if_nobody_has_begun(
    client: Redis, editor: Editor, dumps: Dumps, storage: LocalStorage, objects: RetiredObjects
) -> None:
    await editor.upload()
    await editor.replace()
    [version] = await objects.versions(KEY)
    await dumps.create()
    await let_go(objects, version)
    assert (await dumps.restore()).retired == 1
    assert await editor.reap() == 0
    assert await objects.versions(KEY) == [version]
    await check_owners(client, storage)


async def test_a_key_that_has_other_bytes_since_the_dump_is_not_taken_for_what_was_there(
    client: Redis, editor: Editor, dumps: Dumps, storage: LocalStorage, objects: RetiredObjects
) -> None:
    first = await editor.upload()
    number = await editor.delete()
    trashed = await objects.trashed(number)
    assert trashed
    await dumps.create()
    await editor.let_go(trashed, objects)
    again = await editor.upload()
    assert again.storage_key == first.storage_key
    assert (await dumps.restore()).retired == 0
    assert (await objects.trash_size()).count == 0


@pytest.mark.parametrize("seed", range(8))
async def test_after_any_changes_since_a_dump_every_object_of_it_that_is_left_has_one_owner(
    client: Redis, editor: Editor, dumps: Dumps, storage: LocalStorage, objects: RetiredObjects, seed: int
) -> None:
    chance = random.Random(seed)
    for _ in range(12):
        await change(editor, objects, chance)
    dumped = await owned(client)
    await dumps.create()
    for _ in range(12):
        await change(editor, objects, chance)
    files = {key: sha256(await storage.read(StoredObject(key))).hexdigest() for key in await listed(storage)}
    left = dumped.keys() & {key for key, digest in files.items() if dumped.get(key) == digest}
    await dumps.restore()
    await editor.reap()
    owners = await owned(client)
    assert left <= owners.keys()
    unknown = (await listed(storage)).keys() - owners.keys()
    await check_owners(client, storage, unknown, gone=dumped.keys() - left)


async def change(editor: Editor, objects: RetiredObjects, chance: random.Random) -> None:
    """Make one change that is possible."""
    exists = await editor.user.entries.raw(KEY) is not None
    versions, trash = await objects.versions(KEY), (await objects.trash(10)).found
    possible: list[Step] = [editor.replace, editor.replace, editor.delete] if exists else [editor.upload]
    if exists and versions:
        possible.append(lambda: editor.restore(chance.choice(versions)))
    if not exists and trash:
        possible.append(lambda: editor.undelete(chance.choice(trash)))
    if trash and chance.random() < 0.3:
        possible.append(lambda: editor.let_go(chance.choice(trash), objects))
    await chance.choice(possible)()


async def owned(client: Redis) -> dict[str, str]:
    """Return the signature of each object to which an entry refers or that is retired, by its storage key."""
    raws = [*(await commands.hgetall(client, keys.ENTRIES)).values()]
    raws += [raw.split(b" ", 4)[4] for raw in (await commands.hgetall(client, keys.RETIRED)).values()]
    return {entry.storage_key: entry.signature for entry in map(entry_json.read, raws)}
