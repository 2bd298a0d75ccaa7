"""Whole catalogs for tests, written to Redis at once and seen as GET /catalog shows them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson
import redis as plain_redis

from services.core.assets import entries, identity, names
from services.core.assets.addresses import Addresses
from services.core.assets.entries import Entry, StoredFile
from services.core.assets.quotas import NO_QUOTAS, Quotas
from services.core.assets.retired import NO_UNDO, Undo
from services.core.state import entry_json, keys
from services.core.state.changes import ChangeLog
from services.core.state.claims import Claims
from services.core.state.connection import Redis
from services.core.state.doubts import Doubts
from services.core.state.entries import Entries
from services.core.state.process import Process
from services.core.state.progress import Progress
from services.core.state.reaper import Reaper
from services.core.state.reductions import Reductions
from services.core.state.stale_claims import StaleClaims
from services.core.state.usage import Room
from services.core.storage import Storage
from services.jobs.describe.describer import Sight
from services.jobs.describe.reducer import Reducer
from services.jobs.warm.edge import Edge
from services.jobs.warm.forms import Form
from services.jobs.warm.warmer import Warmer

ADDRESSES = Addresses("https://media.example.com/prefix/assets/media")


class CatalogUser:
    """A process that works with the catalog: who it is, its claims, and the entries as it reads and writes them."""

    def __init__(self, client: Redis, undo: Undo = NO_UNDO, limits: Quotas = NO_QUOTAS) -> None:
        self.client, self.process, self.entries = client, Process(client), Entries(client, undo, limits)
        self.room = Room(client, limits)
        self.claims, self.doubts = Claims(client, self.process), Doubts(client)
        self.stale = StaleClaims(client, self.process, self.claims)
        self.reductions = Reductions(client, self.claims)
        self._sights: list[Sight] = []

    def close(self) -> None:
        """End the processes that its sights have started."""
        for sight in self._sights:
            sight.close()

    def reaper(self, storage: Storage) -> Reaper:
        return Reaper(self.claims, self.stale, self.doubts, self.entries, storage)

    def reducer(self, storage: Storage, side: int = 0) -> Reducer:
        return Reducer(self.reductions, self.claims, self.process, self.reaper(storage), storage, side)

    def sight(self, storage: Storage, side: int = 0) -> Sight:
        made = Sight(self.entries, storage, self.reducer(storage, side))
        self._sights.append(made)
        return made

    def warmer(self, edge: Edge | None = None, forms: Sequence[Form] = (), progress: Progress | None = None) -> Warmer:
        """Return one that asks an edge for some forms; by default it does nothing."""
        made = progress or Progress(self.client), edge or Edge((), "/assets/media", "")
        return Warmer(self.entries, ChangeLog(self.client), *made, forms)


def an_entry(base: str = "cat", *, folder: str | None = None, **changes: Any) -> Entry:
    """Return the entry of an uploaded JPEG."""
    name = names.name_asset("DEV", folder, f"{base}.jpg", "image/jpeg", frozenset({"image/jpeg"}), True)
    stored = StoredFile("image/jpeg", "5e" * 32, 1234, names.plain_storage_key(name.unique_name), 1300)
    return replace(entries.new_entry(name, stored, converted=True, fields={}), **changes)


def many(count: int, word: str = "photo") -> list[Entry]:
    """Return different entries: some with a date, some expired, with texts that JSON has to escape."""
    first = an_entry(word)
    found = []
    for number in range(count):
        unique_name = f"/DEV/{word}s/{word}-{number}.webp"
        found.append(
            replace(
                first,
                uuid=identity.asset_uuid(unique_name),
                unique_name=unique_name,
                destination=f"{word}s",
                filename=f"{word}-{number}.webp",
                original_filename=f"{word}-{number}.jpg",
                storage_key=names.plain_storage_key(unique_name) + (".0123456789abcdef" if number % 7 == 1 else ""),
                version=1 + number % 3,
                external_id=str(number),
                information='Été "à voir"\n\u2028 \U0001f431' if number % 5 == 0 else None,
                expired=number % 11 == 4,
                expiration_date="2099-01-31T17:00:00.000+00:00" if number % 4 == 0 else None,
            )
        )
    return found


async def fill(client: Redis, wanted: list[Entry]) -> None:
    """Write entries as if each had been created in its turn."""
    for at in range(0, len(wanted), 1000):
        part = wanted[at : at + 1000]
        ends = {entry.key: entry.expires_at for entry in part if not entry.expired}
        due = {key: end for key, end in ends.items() if end is not None}
        async with client.pipeline(transaction=False) as pipeline:
            pipeline.hset(keys.ENTRIES, mapping={entry.key: entry_json.write(entry) for entry in part})
            pipeline.zadd(keys.ORDER, {entry.key: number for number, entry in enumerate(part, at + 1)})
            named = {name: entry.key for entry in part for name in identity.other_names(entry.uuid, entry.unique_name)}
            pipeline.hset(keys.UUIDS, mapping=named)
            if due:
                pipeline.zadd(keys.EXPIRY, due)
            await pipeline.execute()
    await client.mset({keys.SEQUENCE: len(wanted), keys.REVISION: "1-1"})


def multiply(client: "plain_redis.Redis[bytes]", models: list[bytes], numbers: range) -> None:
    """Write very many entries fast: each is one of `models`, as they are in Redis, at a path of its own."""
    shown = [orjson.loads(model) for model in models]
    for start in range(numbers.start, numbers.stop, 2000):
        raws, named, order = dict[str, bytes](), dict[str, str](), dict[str, int]()
        for number in range(start, min(start + 2000, numbers.stop)):
            folder, filename = f"many/{number % 200}", f"{number}.webp"
            path = f"/DEV/{folder}/{filename}"
            uuid, key = identity.asset_uuid(path), identity.entry_key(path)
            own = {"uuid": uuid, "unique_name": path, "destination": folder, "filename": filename}
            raws[key] = orjson.dumps({**shown[number % len(shown)], **own})
            named[uuid], order[key] = key, number
        with client.pipeline(transaction=False) as pipeline:
            pipeline.hset(keys.ENTRIES, mapping=raws)
            pipeline.hset(keys.UUIDS, mapping=named)
            pipeline.zadd(keys.ORDER, order)
            pipeline.execute()
    client.set(keys.SEQUENCE, numbers.stop - 1)


async def leave(client: Redis, wanted: list[Entry], after: int = 0) -> None:
    """Write entries as the version before does, behind so many others: nothing but where they have always been."""
    await client.hset(keys.ENTRIES, mapping={entry.key: entry_json.write(entry) for entry in wanted})  # type: ignore[misc]
    await client.zadd(keys.ORDER, {entry.key: number for number, entry in enumerate(wanted, after + 1)})


async def shown(client: Redis) -> bytes:
    """Return the list as GET /catalog answers it."""
    return ADDRESSES.fill(b"[" + b",".join([b",".join(raws) async for raws in Entries(client).scan()]) + b"]")


async def due(client: Redis) -> list[tuple[bytes, float]]:
    """Return which entries expire when."""
    found: list[tuple[bytes, float]] = await client.zrange(keys.EXPIRY, 0, -1, withscores=True)
    return found
