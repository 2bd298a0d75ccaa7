"""One asset that is changed in all ways, with files, and a look at who owns which file."""

import hashlib
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from services.core.assets import moves
from services.core.assets.entries import Entry, StoredFile, with_file
from services.core.assets.retired import NO_UNDO, Retired, Undo
from services.core.state import commands, entry_json, keys
from services.core.state.compare_and_set import Commit
from services.core.state.connection import Redis
from services.core.state.counting import Counting
from services.core.state.retired import RetiredObjects
from services.core.state.stale_claims import Leftover
from services.core.storage import StoredObject
from services.core.storage.local import LocalStorage
from services.core.storage.verification import read_verified
from tests.support.catalogs import CatalogUser, an_entry
from tests.support.objects import listed, put

KEY = an_entry().key


class Editor:
    """Uploads, replaces and deletes one asset; the bytes of each version are unique."""

    def __init__(self, client: Redis, storage: LocalStorage, undo: Undo = NO_UNDO) -> None:
        self.user, self.storage = CatalogUser(client, undo), storage
        self._made = 0

    async def upload(self, **fields: Any) -> Entry:
        entry = an_entry(**fields)
        claim = await self.user.claims.make(entry.unique_name)
        file = await self._stored(claim.storage_key)
        entry = replace(entry, storage_key=file.storage_key, signature=file.signature, size=file.size)
        await self.user.entries.create(entry, claim)
        return entry

    async def replace(self) -> Entry:
        claim = await self.user.claims.make(an_entry().unique_name)
        file = await self._stored(claim.storage_key)
        entry, commit = await self.user.entries.change(KEY, lambda old: with_file(old, file, "jpg"), claim)
        assert commit
        await self._end(commit)
        return entry

    async def move(self, filename: str) -> Entry:
        """Rename the asset. It has other bytes then, which is nothing to those who look at owners only."""
        found = await self.user.entries.find(KEY)
        name = moves.renamed(found.entry, None, filename)
        claim = await self.user.claims.make(name.unique_name)
        file = await self._stored(claim.storage_key)
        entry = replace(moves.moved(found.entry, name, claim.storage_key), signature=file.signature, size=file.size)
        commit = await self.user.entries.move(found, entry, claim)
        assert commit
        await self._end(commit)
        return entry

    async def delete(self) -> int:
        _, commit = await self.user.entries.delete(KEY, lambda _: None)
        await self._end(commit)
        return commit.number

    async def restore(self, version: Retired) -> Entry:
        entry, commit = await self.user.entries.restore_version(KEY, version, lambda _: None)
        await self._end(commit)
        return entry

    async def undelete(self, trashed: Retired) -> Entry:
        return (await self.user.entries.undelete(trashed))[0]

    async def let_go(self, retired: Retired, objects: RetiredObjects) -> int:
        return await self.user.reaper(self.storage).settle_leftovers(await let_go(objects, retired))

    async def reap(self) -> int:
        return await self.user.reaper(self.storage).settle_all()

    async def _stored(self, storage_key: str) -> StoredFile:
        if not self._made:
            await Counting(self.user.client).make()
        self._made += 1
        content = f"version {self._made}".encode()
        await put(self.storage, StoredObject(storage_key), content)
        return StoredFile("image/jpeg", hashlib.sha256(content).hexdigest(), len(content), storage_key, len(content))

    async def _end(self, commit: Commit) -> None:
        await self.user.reaper(self.storage).settle_leftovers(commit.leftovers)


async def let_go(objects: RetiredObjects, retired: Retired) -> list[Leftover]:
    return await objects.let_go(retired.entry.storage_key, retired.number, retired.group)


async def check_owners(
    client: Redis, storage: LocalStorage, unknown: Collection[str] = (), gone: Collection[str] = ()
) -> None:
    """Assert that each file has one owner that is whole, indexes name the records, and counts are right.

    `unknown` files have no owner, and entries may refer to files that are `gone`.
    """
    entries = [entry_json.read(raw) for raw in (await commands.hgetall(client, keys.ENTRIES)).values()]
    owned = [entry for entry in entries if entry.storage_key not in gone]
    records = {key.decode(): raw for key, raw in (await commands.hgetall(client, keys.RETIRED)).items()}
    owned += [entry_json.read(raw.split(b" ", 4)[4]) for raw in records.values()]
    assert sorted([*(entry.storage_key for entry in owned), *unknown]) == sorted(await listed(storage))
    for entry in owned:
        await read_verified(storage, entry)
    versions = [member.decode().split(" ")[3] for member in await client.zrange(keys.VERSIONS, 0, -1)]
    trash = [member.decode() for member in await client.zrange(keys.TRASH, 0, -1)]
    assert sorted([*versions, *trash]) == sorted(records)
    assert not await Counting(client).wrong()
