"""Dumps and restores on a real Redis, with the real redis-cli and redis-server, and every storage that there is."""

import asyncio
import base64
import hashlib
import itertools
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from services.core.assets import identity
from services.core.assets.entries import Entry
from services.core.dumps import naming
from services.core.dumps.naming import DumpStore
from services.core.dumps.stores import open_dumps
from services.core.errors import (
    BadDump,
    BadEntries,
    DumpDamaged,
    DumpError,
    DumpMissing,
    EmptyDump,
    NoDumpName,
    StorageDown,
    Unavailable,
)
from services.core.spool import prepare
from services.core.state import connection, entry_json, keys
from services.core.state.changes import CatalogReplaced, ChangeLog
from services.core.state.commands import hgetall
from services.core.state.connection import Redis
from services.core.storage import ListingUnsupported, ObjectMissing, StorageSettings, open_storage
from services.jobs.dumps import rdb
from services.jobs.dumps.creation import Dump, create_dump
from services.jobs.dumps.difference import Difference
from services.jobs.dumps.initial import restore_on_init
from services.jobs.dumps.restore import Choice, Restored, restore_dump
from services.jobs.dumps.staging import Taken
from services.jobs.queue.runner import pause_after
from tests.processes.distant_backend import Asked, Backend, answer, settings_for, told
from tests.processes.redis_server import RedisServer
from tests.processes.s3_server import BUCKET, S3Server
from tests.processes.s3_server import settings_for as s3_settings_for
from tests.support.catalogs import ADDRESSES, CatalogUser, an_entry, due, fill, many, shown
from tests.support.older_service import OlderDump, not_understood

OLDER = {
    "uuid": "e080a953-5300-427b-bd39-6e235d8238a2",
    "version": 1,
    "namespace": "DEV",
    "public_url": "http://localhost:8080/prefix/assets/media/full/image/DEV/default.webp",
    "unique_name": "/DEV/default.webp",
    "filename": "default.webp",
    "original_filename": "default.webp",
    "base_url": "http://localhost:8080/prefix/assets/media",
    "external_id": None,
    "expired": False,
    "expiration_date": None,
    "information": None,
    "original_mimetype": "image/webp",
    "mimetype": "image/webp",
    "signature": "ca71754acda70e41cb23e465fbb5ecc683186cf779a2bae2cbf290527b1f6671",
    "size": 16730,
    "uploaded_date": "2025-06-05T10:29:17.029+02:00",
    "updated_date": "2025-06-05T10:29:17.030+02:00",
}
"""An entry as the older service has it."""


@pytest.fixture
def bucket(s3_server: S3Server, tmp_path: Path) -> StorageSettings:
    """The settings of a storage in a bucket that is empty."""
    s3_server.empty()
    return s3_settings_for(s3_server.url, tmp_path / "tada")


@pytest.fixture(params=["local", "folder", "s3", "distant"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StorageSettings]:
    if request.param == "s3":
        yield request.getfixturevalue("bucket")
        return
    if request.param == "distant":
        backend = Backend(tmp_path / "backend", "--in-place")
        backend.start()
        yield settings_for(backend.url, tmp_path / "tada", storage_breaker_failures=1000)
        backend.stop()
        return
    folder: dict[str, Any] = {"dump_folder_path": tmp_path / "kept" / "dumps"} if request.param == "folder" else {}
    yield StorageSettings(data_folder_path=tmp_path / "data", **folder)


async def opened(settings: StorageSettings) -> AsyncIterator[DumpStore]:
    storage = open_storage(settings)
    prepare(storage.spool)  # As the catalog service does.
    await storage.open()
    made = open_dumps(settings, storage)
    made.prepare()
    await made.open()
    yield made
    await made.close()
    await storage.close()


@pytest.fixture
async def store(settings: StorageSettings) -> AsyncIterator[DumpStore]:
    async for made in opened(settings):
        yield made


@pytest.fixture
async def local(tmp_path: Path) -> AsyncIterator[DumpStore]:
    async for made in opened(StorageSettings(data_folder_path=tmp_path / "data")):
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the store `local` has the dumps."""
    made = tmp_path / "data" / "dumps"
    made.mkdir(parents=True)
    return made


@pytest.fixture
def dump(server: RedisServer, client: Redis, catalog: CatalogUser) -> "Dumping":
    return Dumping(server, client, catalog)


class Dumping:
    """The two jobs, as the worker runs them."""

    def __init__(self, server: RedisServer, client: Redis, catalog: CatalogUser) -> None:
        self._server, self._client, self._catalog = server, client, catalog

    async def create(self, store: DumpStore, keep: int = 0, **named: Any) -> Dump:
        return await create_dump(self._server.url, self._client, self._catalog.process, store, keep, ADDRESSES, **named)

    async def restore(self, store: DumpStore, filename: str = "latest", **choice: bool) -> Restored:
        return await restore_dump(self._client, self._catalog.process, store, filename, Choice(**choice))


async def everything(client: Redis) -> dict[bytes, object]:
    """Return all that a Redis has, but what tells that somebody lives and what names of dumps are taken."""
    passing = (keys.alive("").encode(), keys.dump("").encode())
    return {key: await _value(client, key) async for key in client.scan_iter() if not key.startswith(passing)}


async def _value(client: Redis, key: bytes) -> object:
    """Return a value. The order of a hash is none of it: reading can change that."""
    return await (hgetall(client, key) if await client.type(key) == b"hash" else client.dump(key))


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# There and back


@pytest.mark.parametrize("kind", ["json", "rdb"])
@pytest.mark.parametrize("count", [0, 1, 15, 1203])
async def test_a_catalog_comes_back_byte_for_byte_after_redis_was_emptied(
    client: Redis, store: DumpStore, dump: Dumping, count: int, kind: naming.Kind
) -> None:
    await fill(client, many(count))
    before, expiring = await shown(client), await due(client)
    made = await dump.create(store)
    await client.flushall()
    restored = await dump.restore(store, naming.filename_of(made.stamp, kind))
    assert await shown(client) == before
    assert await due(client) == expiring
    assert (restored.entries, restored.kind, restored.source, restored.fallback) == (
        count,
        kind,
        store.backend.source,
        None,
    )
    assert (restored.completed, restored.renamed) == (0, 0)
    assert made.records == count == len(orjson.loads(before))


async def test_a_dump_has_entries_of_a_version_before_with_all_fields(
    client: Redis, local: DumpStore, folder: Path, dump: Dumping
) -> None:
    entry = an_entry()
    await fill(client, [entry])
    before, described = entry_json.write(entry).split(b',"visible_from"')[0], b',"title":5}'
    await client.hset(keys.ENTRIES, entry.key, (before + described).decode())  # type: ignore[misc]
    made = await dump.create(local)
    [dumped] = orjson.loads((folder / naming.filename_of(made.stamp, "json")).read_bytes())
    assert dumped == entry_json.shown(replace(entry, title="5"), ADDRESSES)
    await dump.restore(local)
    assert orjson.loads(await shown(client)) == [dumped]


async def test_what_is_answered_has_the_shape_of_the_manual(client: Redis, local: DumpStore, dump: Dumping) -> None:
    await fill(client, many(15))
    made = (await dump.create(local)).answer()
    stamp = made["timestamp"]
    size = len(await shown(client))
    rdb_size = made["files"]["rdb"].pop("size")
    assert rdb_size > 0
    assert made == {
        "message": "Dump files created and uploaded successfully",
        "files": {
            "json": {"filename": f"dump_{stamp}.json", "size": size, "records": 15},
            "rdb": {"filename": f"dump_{stamp}.rdb"},
        },
        "timestamp": stamp,
    }
    assert (await dump.restore(local)).answer() == {
        "message": "Successfully restored catalog from JSON dump",
        "details": {"filename": f"dump_{stamp}.json", "itemsRestored": 15, "format": "JSON", "source": "local"},
    }


# Names and formats


@pytest.mark.parametrize("kind", ["json", "rdb"])
async def test_a_dump_has_the_name_that_it_is_given(
    client: Redis, store: DumpStore, dump: Dumping, kind: naming.Kind
) -> None:
    await fill(client, many(3))
    before = await shown(client)
    made = await dump.create(store, stem="before-the-move")
    files = made.answer()["files"]
    assert {each: file["filename"] for each, file in files.items()} == {
        "json": "before-the-move.json",
        "rdb": "before-the-move.rdb",
    }
    assert len(made.answer()["timestamp"]) == len("20250812T143052")
    await client.flushall()
    restored = await dump.restore(store, f"before-the-move.{kind}")
    assert (restored.filename, await shown(client)) == (f"before-the-move.{kind}", before)


@pytest.mark.parametrize("kind", ["json", "rdb"])
@pytest.mark.parametrize("stem", [None, "alone"])
async def test_a_dump_of_one_format_answers_with_that_file(
    client: Redis, store: DumpStore, dump: Dumping, kind: naming.Kind, stem: str | None
) -> None:
    await fill(client, many(3))
    before = await shown(client)
    made = await dump.create(store, stem=stem, kinds=(kind,))
    assert made.answer()["files"].keys() == {kind}
    filename = made.answer()["files"][kind]["filename"]
    assert filename == f"{stem or 'dump_' + made.stamp}.{kind}"
    await client.flushall()
    await dump.restore(store, filename)
    assert await shown(client) == before


async def test_of_one_format_nothing_else_is_stored(
    client: Redis, local: DumpStore, folder: Path, dump: Dumping
) -> None:
    await fill(client, many(3))
    await dump.create(local, stem="alone", kinds=("json",))
    assert names_in(folder) == ["alone.json", "alone.json.sha256"]


async def test_a_dump_of_the_same_name_replaces_both_files_of_the_one_before(
    client: Redis, catalog: CatalogUser, local: DumpStore, folder: Path, dump: Dumping
) -> None:
    await fill(client, many(3))
    await dump.create(local, stem="nightly")
    await catalog.entries.create(an_entry("later"), None)
    after = await shown(client)
    await dump.create(local, stem="nightly", kinds=("json",))
    assert names_in(folder) == ["nightly.json", "nightly.json.sha256"], "an RDB of before would be another catalog"
    await client.flushall()
    assert (await dump.restore(local, "nightly.json")).entries == 4
    assert await shown(client) == after


async def test_a_dump_of_the_same_name_can_be_made_again_in_every_storage(
    client: Redis, catalog: CatalogUser, store: DumpStore, dump: Dumping
) -> None:
    await fill(client, many(3))
    await dump.create(store, stem="nightly")
    await catalog.entries.create(an_entry("later"), None)
    after = await shown(client)
    await dump.create(store, stem="nightly")
    await client.flushall()
    await dump.restore(store, "nightly.json")
    assert await shown(client) == after


@pytest.mark.parametrize("kinds", [("json",), ("rdb",), naming.KINDS])
async def test_a_dump_of_an_empty_catalog_does_not_replace_one_of_its_name_that_has_entries(
    client: Redis, store: DumpStore, dump: Dumping, kinds: tuple[naming.Kind, ...]
) -> None:
    assert (await dump.create(store, stem="nightly", kinds=kinds)).records == 0
    assert (await dump.create(store, stem="nightly")).records == 0
    await fill(client, many(3))
    before = await shown(client)
    await dump.create(store, stem="nightly", kinds=kinds)
    await client.flushall()
    for again in (("json",), ("rdb",), naming.KINDS):
        with pytest.raises(EmptyDump, match="nightly") as refused:
            await dump.create(store, stem="nightly", kinds=again)
        assert (refused.value.status, pause_after(refused.value, 1, 8)) == (409, None)
    await dump.restore(store, f"nightly.{kinds[-1]}")
    assert await shown(client) == before


async def test_a_dump_with_a_name_is_not_the_latest_and_is_kept(
    client: Redis, local: DumpStore, folder: Path, dump: Dumping
) -> None:
    await fill(client, many(3))
    first = await dump.create(local)
    await dump.create(local, keep=1, stem="kept-for-long")
    await fill(client, many(2, "more"))
    second = await dump.create(local, keep=1)
    assert [kept.stamp for kept in await local.kept()] == [second.stamp]
    assert first.stamp in second.pruned
    assert "kept-for-long.json" in names_in(folder)
    assert (await dump.restore(local)).filename == naming.filename_of(second.stamp, "json")


async def test_a_dump_is_of_one_instant_while_writes_go_on(
    client: Redis, catalog: CatalogUser, local: DumpStore, folder: Path, dump: Dumping
) -> None:
    await fill(client, many(3000))
    begun, stop = asyncio.Event(), asyncio.Event()

    async def write() -> None:
        number = 0
        while not stop.is_set():
            # Always created first and deleted then: at any instant there is the younger one, or both.
            await catalog.entries.create(an_entry(f"write-{number + 1}"), None)
            begun.set()
            if number:
                await catalog.entries.delete(an_entry(f"write-{number}").uuid, lambda entry: None, keep_bytes=True)
            number += 1

    writing = asyncio.create_task(write())
    await begun.wait()
    try:
        made = await dump.create(local)
    finally:
        stop.set()
        await writing
    listed = orjson.loads((folder / f"dump_{made.stamp}.json").read_bytes())
    numbers = [int(entry["filename"][6:-5]) for entry in listed if entry["filename"].startswith("write-")]
    assert len(numbers) in (1, 2)
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    await client.flushall()
    await dump.restore(local, f"dump_{made.stamp}.rdb")
    assert await shown(client) == (folder / f"dump_{made.stamp}.json").read_bytes()


async def test_nothing_but_the_catalog_is_in_a_dump(
    server: RedisServer, client: Redis, local: DumpStore, folder: Path, dump: Dumping
) -> None:
    await fill(client, many(15))
    await client.set("foreign", "secret-of-somebody-else")
    await client.set(keys.limit("1.2.3.4"), "1")
    other = connection.connect(f"{server.url}/3")
    await other.set("in-another-database", "1")
    await other.aclose()
    made = await dump.create(local)
    async with rdb.served(folder / f"dump_{made.stamp}.rdb") as copied:
        assert list(await copied.info("keyspace")) == ["db0"]
        found = {key async for key in copied.scan_iter()}
    kept = (keys.ENTRIES, keys.UUIDS, keys.ORDER, keys.EXPIRY, keys.SEQUENCE, keys.REVISION)
    assert found == {name.encode() for name in kept}


async def test_a_catalog_in_another_database_is_dumped_and_comes_back(
    server: RedisServer, client: Redis, local: DumpStore
) -> None:
    address = f"{server.url}/5"
    other = connection.connect(address)
    catalog = CatalogUser(other)
    await fill(client, many(2, "elsewhere"))
    await fill(other, many(7))
    before = await shown(other)
    async with catalog.process.alive():
        made = await create_dump(address, other, catalog.process, local, 0, ADDRESSES)
        await other.flushdb()
        for kind in naming.KINDS:
            await restore_dump(other, catalog.process, local, naming.filename_of(made.stamp, kind))
            assert await shown(other) == before
    await other.aclose()


async def test_an_rdb_of_a_whole_redis_restores_the_catalog_alone(
    server: RedisServer, client: Redis, local: DumpStore, folder: Path, dump: Dumping
) -> None:
    await fill(client, many(15))
    before = await shown(client)
    await client.set("foreign", "1")
    await rdb.copy(server.url, folder / "dump_20250812T143052.rdb")
    await client.flushall()
    await dump.restore(local, "dump_20250812T143052.rdb")
    assert await shown(client) == before
    assert not await client.exists("foreign")


async def test_other_keys_survive_a_restore(client: Redis, local: DumpStore, dump: Dumping) -> None:
    await fill(client, many(15))
    await dump.create(local)
    await client.mset({"arq:job:1": "queued", keys.limit("1.2.3.4"): "9"})
    await client.hset(keys.CLAIMS, "DEV/new.webp", "somebody uuid")  # type: ignore[misc]
    await dump.restore(local)
    assert await client.mget("arq:job:1", keys.limit("1.2.3.4")) == [b"queued", b"9"]
    assert await client.hgetall(keys.CLAIMS) == {b"DEV/new.webp": b"somebody uuid"}  # type: ignore[misc]


async def test_a_restored_catalog_can_be_written_to_and_its_numbers_only_grow(
    client: Redis, catalog: CatalogUser, local: DumpStore, dump: Dumping
) -> None:
    await fill(client, many(3))
    await dump.create(local)
    await client.set(keys.SEQUENCE, 40)
    await dump.restore(local)
    await catalog.entries.create(an_entry("new"), None)
    assert await client.zscore(keys.ORDER, an_entry("new").key) == 41
    assert b'"new.webp"' in (await shown(client))[-900:]
    assert await client.ttl(keys.ENTRIES) == await client.ttl(keys.ORDER) == await client.ttl(keys.EXPIRY) == -1


async def test_a_restore_begins_a_new_revision_and_says_what_has_to_be_purged(
    client: Redis, catalog: CatalogUser, local: DumpStore, dump: Dumping
) -> None:
    await fill(client, many(3))
    await dump.create(local)
    restored = await dump.restore(local)
    assert restored.commit is not None
    assert await catalog.entries.revision() == str(restored.commit.number)
    [logged] = await ChangeLog(client).from_(0, 10)
    assert isinstance(logged, CatalogReplaced)
    assert logged.number == restored.commit.number
    assert await client.get(keys.EPOCH) == str(logged.number).encode()


# Which dump


async def test_two_dumps_in_one_second_are_two(client: Redis, local: DumpStore, folder: Path, dump: Dumping) -> None:
    await fill(client, many(2))
    made = await asyncio.gather(*(dump.create(local) for _ in range(3)))
    assert len({one.stamp for one in made}) == 3
    assert len(names_in(folder)) == 12
    await client.flushall()  # What reserves a second is gone.
    again = await dump.create(local)
    assert again.stamp not in {one.stamp for one in made}


async def test_the_latest_dump_is_restored_unless_one_is_named(client: Redis, store: DumpStore, dump: Dumping) -> None:
    made = []
    for count in (1, 2):
        await fill(client, many(count))
        made.append(await dump.create(store))
    assert made[0].stamp < made[1].stamp
    assert (await dump.restore(store)).filename == f"dump_{made[1].stamp}.json"
    assert len(orjson.loads(await shown(client))) == 2
    await dump.restore(store, f"dump_{made[0].stamp}.json")
    assert len(orjson.loads(await shown(client))) == 1


async def test_what_is_not_there_is_told_as_the_manual_does(client: Redis, store: DumpStore, dump: Dumping) -> None:
    await fill(client, many(2))
    before = await everything(client)
    place = {"local": "local storage", "s3": "S3", "distant_backend": "distant backend"}[store.backend.source]
    with pytest.raises(DumpMissing) as found:
        await dump.restore(store)
    assert found.value.said() == {
        "error": "JSON dump file not found",
        "details": f"No JSON dump file found for latest in {place}",
        "suggestion": "Try requesting the other format or create a new dump with both formats",
    }
    with pytest.raises(DumpMissing, match="RDB dump file not found"):
        await dump.restore(store, "dump_20250812T143052.rdb")
    assert await everything(client) == before


@pytest.mark.parametrize(
    "filename",
    [
        *(
            "",
            "dump",
            "../dumps/dump_20250812T143052.json",
            "dump_20250812T143052.json/..",
            "dump_20250812T143052.JSON",
        ),
        *("dump_20250812T143052.json\n", "dump_2025081²T143052.json", "dump_20250812T143052.json.sha256", "cat.webp"),
    ],
)
async def test_what_is_no_name_of_a_dump_is_refused(local: DumpStore, dump: Dumping, filename: str) -> None:
    with pytest.raises(NoDumpName):
        await dump.restore(local, filename)


async def test_a_json_that_is_not_there_falls_back_to_its_rdb(
    client: Redis, local: DumpStore, folder: Path, dump: Dumping
) -> None:
    await fill(client, many(15))
    before = await shown(client)
    made = await dump.create(local)
    (folder / f"dump_{made.stamp}.json").unlink()
    for asked in ("latest", f"dump_{made.stamp}.json"):
        await client.flushall()
        restored = await dump.restore(local, asked)
        assert await shown(client) == before
        assert restored.answer()["message"] == "Successfully restored catalog from RDB dump"
        assert restored.filename == f"dump_{made.stamp}.rdb"
        assert restored.fallback is not None
        assert restored.fallback.startswith("No JSON dump file found")


@pytest.mark.parametrize("asked", ["latest", "named"])
async def test_a_json_that_is_bad_falls_back_to_its_rdb(
    client: Redis, local: DumpStore, folder: Path, dump: Dumping, asked: str
) -> None:
    await fill(client, many(15))
    before = await shown(client)
    made = await dump.create(local)
    path = folder / f"dump_{made.stamp}.json"
    path.write_bytes(path.read_bytes().replace(b'"version":2', b'"version":3', 1))
    await client.flushall()
    restored = await dump.restore(local, "latest" if asked == "latest" else path.name)
    assert await shown(client) == before
    assert restored.kind == "rdb"
    assert restored.fallback is not None
    assert "SHA-256" in restored.fallback


async def test_a_json_that_is_damaged_on_its_way_from_the_backend_falls_back_to_its_rdb(
    client: Redis, local: DumpStore, folder: Path, dump: Dumping, tmp_path: Path
) -> None:
    await fill(client, many(15))
    before = await shown(client)
    made = await dump.create(local)
    await client.flushall()

    async def give(asked: Asked, writer: asyncio.StreamWriter) -> None:
        kind = asked.query["format"]
        content = (folder / f"dump_{made.stamp}.{kind}").read_bytes()
        digest = f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"
        sent = content if kind == "rdb" else content.replace(b'"version":2', b'"version":3', 1)
        await answer(200, sent, Repr_Digest=digest)(asked, writer)

    async with told() as backend:
        backend.answering = give
        async for store in opened(settings_for(backend.url, tmp_path / "tada")):
            restored = await dump.restore(store)
    assert await shown(client) == before
    assert restored.kind == "rdb"
    assert restored.fallback is not None
    assert "SHA-256" in restored.fallback


# A bad dump changes nothing


def spoiled(entry: Entry, **changes: object) -> bytes:
    return orjson.dumps(
        [
            *({**orjson.loads(entry_json.write(good))} for good in many(3)),
            {**orjson.loads(entry_json.write(entry)), **changes},
        ]
    )


BAD = {
    "nothing": (b"", "it does not begin with ["),
    "an object": (b'{"data": []}', "it does not begin with ["),
    "no JSON": (b"[{]", "character 3"),
    "no UTF-8": (b'["\xff"]', "it is not UTF-8 text"),
    "cut": (orjson.dumps([orjson.loads(entry_json.write(an_entry()))])[:-20], "character"),
    "cut behind an entry": (b"[" + entry_json.write(an_entry()), "the file is cut short"),
    "a comma too many": (b"[" + entry_json.write(an_entry()) + b",]", "character"),
    "more behind it": (b"[]x", "there is more text after the array"),
    "no entries": (
        b"[1, null]",
        "expected a JSON object, not int; entry 2: expected a JSON object",
    ),
    "no number": (b'[{"size": NaN}]', "NaN is not a JSON number"),
    "deep": (b"[" * 100_000, "near character 1"),
    "twice": (orjson.dumps([orjson.loads(entry_json.write(an_entry()))] * 2), "/DEV/cat.webp occurs twice"),
    "no path": (spoiled(an_entry(), unique_name="/DEV/../cat.webp"), ": unique_name '/DEV/../cat.webp'"),
    "another namespace": (spoiled(an_entry(), namespace="PROD"), "namespace must not be 'PROD'"),
    "another's bytes": (
        spoiled(an_entry(), storage_key="DEV/dog.webp"),
        "storage_key must not be 'DEV/dog.webp'",
    ),
    "bytes outside": (spoiled(an_entry(), storage_key="DEV/cat.webp/../x"), "storage_key must not be"),
    "no date": (
        spoiled(an_entry(), updated_date="yesterday"),
        "updated_date must be a date, not 'yesterday'",
    ),
    "a text as number": (spoiled(an_entry(), size="twelve"), "size must not be 'twelve'"),
    "a boolean as number": (spoiled(an_entry(), version=True), "version must not be True"),
    "a number as boolean": (spoiled(an_entry(), expired=2), "expired must not be 2"),
    "a null": (spoiled(an_entry(), size=None), "size must not be None"),
    "an unknown type": (spoiled(an_entry(), mimetype="text/html"), "mimetype must not be 'text/html'"),
    "no signature": (spoiled(an_entry(), signature="5e"), "signature must not be '5e'"),
    "no uuid": (spoiled(an_entry(), uuid="1"), "uuid must not be '1'"),
    "half a character": (
        spoiled(an_entry(), information="MARK").replace(b"MARK", rb"\ud800"),
        ": a text in it is not valid Unicode",
    ),
}


@pytest.mark.parametrize(("content", "why"), BAD.values(), ids=BAD)
async def test_a_bad_json_changes_nothing_and_says_why(
    client: Redis, local: DumpStore, folder: Path, dump: Dumping, content: bytes, why: str
) -> None:
    await fill(client, many(15, "live"))
    before = await everything(client)
    (folder / "dump_20250812T143052.json").write_bytes(content)
    with pytest.raises(BadDump) as found:
        await dump.restore(local)
    assert why in found.value.details
    assert found.value.details.startswith("dump_20250812T143052.json: ")
    assert await everything(client) == before


async def test_all_entries_that_cannot_be_restored_are_named(
    local: DumpStore, folder: Path, dump: Dumping, client: Redis
) -> None:
    entries = many(2000)
    values = [{**orjson.loads(entry_json.write(entry)), "size": -1} for entry in entries]
    (folder / "dump_20250812T143052.json").write_bytes(orjson.dumps(values))
    for dry_run, skip_invalid in itertools.product((False, True), repeat=2):
        with pytest.raises(BadDump) as refused:
            await dump.restore(local, dry_run=dry_run, skip_invalid=skip_invalid)
        for at, entry in enumerate(entries, 1):
            assert f"entry {at} ({entry.unique_name} {entry.uuid}): size must not be -1" in refused.value.details
    assert await everything(client) == {}


async def test_a_dump_that_was_changed_in_the_storage_is_not_restored(
    client: Redis, local: DumpStore, folder: Path, dump: Dumping
) -> None:
    await fill(client, many(15))
    made = await dump.create(local)
    before = await everything(client)
    for kind in naming.KINDS:
        path = folder / naming.filename_of(made.stamp, kind)
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(BadDump, match=r"json is not what was stored.*; .*rdb is not what was stored"):
        await dump.restore(local)
    assert await everything(client) == before


@pytest.mark.parametrize(
    "content", [b"", b"REDIS0010", b"no rdb at all", os.urandom(5000)], ids=["", "cut", "text", "noise"]
)
async def test_an_rdb_that_redis_does_not_accept_changes_nothing(
    client: Redis, local: DumpStore, folder: Path, dump: Dumping, content: bytes
) -> None:
    await fill(client, many(15))
    before = await everything(client)
    (folder / "dump_20250812T143052.rdb").write_bytes(content)
    with pytest.raises(BadDump):
        await dump.restore(local, "dump_20250812T143052.rdb")
    assert await everything(client) == before


async def test_an_rdb_that_is_cut_anywhere_changes_nothing(
    client: Redis, local: DumpStore, folder: Path, dump: Dumping
) -> None:
    await fill(client, many(50))
    made = await dump.create(local)
    before = await everything(client)
    path = folder / f"dump_{made.stamp}.rdb"
    path.with_name(f"{path.name}.sha256").unlink()
    whole = path.read_bytes()
    for length in range(1, len(whole), len(whole) // 6):
        path.write_bytes(whole[:length])
        with pytest.raises(BadDump):
            await dump.restore(local, path.name)
        assert await everything(client) == before


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (("DEL", keys.ENTRIES, keys.REVISION), "it holds no catalog of this service"),
        (("ZREMRANGEBYRANK", keys.ORDER, "3", "3"), "its list of entries is incomplete"),
        (("HSET", keys.ENTRIES, "x", "{}"), "its list of entries is incomplete"),
        (
            ("HSET", keys.ENTRIES, an_entry("photo-0", folder="photos").key, "no json"),
            "entry 1: expected a JSON object",
        ),
        (("HSET", keys.ENTRIES, an_entry("photo-0", folder="photos").key, "{}"), "entry 1: unique_name None"),
    ],
)
async def test_an_rdb_that_holds_no_right_catalog_changes_nothing(
    server: RedisServer,
    client: Redis,
    local: DumpStore,
    folder: Path,
    dump: Dumping,
    command: tuple[str, ...],
    why: str,
) -> None:
    await fill(client, many(15))
    await client.execute_command(*command)
    await rdb.copy(server.url, folder / "dump_20250812T143052.rdb")
    await client.flushall()
    await fill(client, many(4, "live"))
    before = await everything(client)
    with pytest.raises(BadDump) as found:
        await dump.restore(local, "dump_20250812T143052.rdb")
    assert why in found.value.details
    assert await everything(client) == before


async def test_a_dump_of_the_older_service_is_completed(
    client: Redis, catalog: CatalogUser, local: DumpStore, folder: Path, dump: Dumping
) -> None:
    jpeg = {**OLDER, "unique_name": "/DEV/pets/cat.webp", "filename": "cat.webp", "original_filename": "cat.jpg"}
    jpeg |= {"uuid": "5aea6a85af50b7bee6ca5be6371c3fbf"}
    jpeg |= {"original_mimetype": "image/jpeg", "destination": "pets", "expiration_date": "2099-01-01T00:00:00+02:00"}
    (folder / "dump_20250812T143052.json").write_bytes(orjson.dumps([OLDER, jpeg]))
    restored = await dump.restore(local)
    assert (restored.entries, restored.completed, restored.renamed) == (2, 2, 0)
    entry = await catalog.entries.get(str(OLDER["uuid"]).upper())
    assert entry.uuid == OLDER["uuid"]
    assert (entry.unique_name, entry.storage_key, entry.destination) == ("/DEV/default.webp", "DEV/default.webp", "DEV")
    assert (entry.original_size, entry.converted, entry.stored_type) == (16730, True, "image/webp")
    assert entry.uploaded_date == "2025-06-05T08:29:17.029+00:00"
    cat = await catalog.entries.get(an_entry(folder="pets").uuid)
    assert cat.uuid == jpeg["uuid"]
    # It stored the WebP that it had made.
    assert (cat.original_mimetype, cat.mimetype, cat.stored_type) == ("image/jpeg", "image/webp", "image/webp")
    assert (cat.converted, cat.destination, cat.original_filename) == (True, "pets", "cat.jpg")
    assert cat.expiration_date == "2098-12-31T22:00:00.000+00:00"
    assert await client.zscore(keys.EXPIRY, cat.key) == cat.expires_at


async def test_a_dump_of_the_older_service_with_every_oddity_is_restored_whole_and_comes_through_another_dump(
    client: Redis, catalog: CatalogUser, local: DumpStore, folder: Path, dump: Dumping
) -> None:
    older = OlderDump()
    (folder / "dump_20250812T143052.json").write_bytes(older.json)
    restored = await dump.restore(local)
    assert (restored.entries, restored.left_out_count) == (len(older.files), 0)
    for file in older.files:
        entry = await catalog.entries.get(file.entry["uuid"])
        assert (entry.uuid, entry.storage_key) == (file.entry["uuid"], file.key)
        assert entry.original_filename == file.entry["original_filename"]
        assert (entry.signature, entry.size) == (hashlib.sha256(file.stored).hexdigest(), len(file.stored))
    before = await shown(client)
    assert b'"cms_ref":"article-9"' in before
    for kind in naming.KINDS:
        made = await dump.create(local)
        await client.flushall()
        again = await dump.restore(local, naming.filename_of(made.stamp, kind))
        assert await shown(client) == before
        assert again.completed == 0


# What cannot be understood


@pytest.fixture
def mixed(folder: Path) -> OlderDump:
    """The latest dump: entries that can be understood, and some that cannot."""
    made = OlderDump(bad=not_understood())
    (folder / "dump_20250812T143052.json").write_bytes(made.json)
    return made


async def test_by_default_a_dump_with_entries_that_are_not_understood_is_refused_whole(
    client: Redis, local: DumpStore, dump: Dumping, mixed: OlderDump
) -> None:
    await fill(client, many(5, "live"))
    before = await everything(client)
    with pytest.raises(BadEntries) as refused:
        await dump.restore(local)
    for at, bad in enumerate(mixed.bad, len(mixed.files) + 1):
        assert f"entry {at} ({bad['unique_name']} {bad['uuid']}): " in refused.value.details
    assert "skip_invalid=true" in refused.value.suggestion
    assert await everything(client) == before


async def test_the_rdb_of_the_older_service_beside_such_a_dump_does_not_hide_what_is_not_understood(
    local: DumpStore, folder: Path, dump: Dumping, mixed: OlderDump
) -> None:
    (folder / "dump_20250812T143052.rdb").write_bytes(b"REDIS0011 with modules of the older service")
    with pytest.raises(BadEntries) as refused:
        await dump.restore(local)
    assert all(bad["unique_name"] in refused.value.details for bad in mixed.bad)
    assert (await dump.restore(local, skip_invalid=True)).entries == len(mixed.files)


@pytest.mark.parametrize("content", [None, b"no JSON", OlderDump(bad=not_understood()).json])
async def test_where_entries_of_the_rdb_are_not_understood_all_others_can_be_restored(
    server: RedisServer, client: Redis, local: DumpStore, folder: Path, dump: Dumping, content: bytes | None
) -> None:
    await fill(client, many(15))
    await client.hset(keys.ENTRIES, an_entry("photo-0", folder="photos").key, "{}")  # type: ignore[misc]
    await rdb.copy(server.url, folder / "dump_20250812T143052.rdb")
    if content is not None:
        (folder / "dump_20250812T143052.json").write_bytes(content)
    with pytest.raises(BadEntries) as refused:
        await dump.restore(local, "dump_20250812T143052.json")
    assert "entry 1: unique_name None" in refused.value.details
    assert "skip_invalid=true" in refused.value.suggestion
    assert all(f"dump_20250812T143052.{kind}" in refused.value.details for kind in naming.KINDS)
    restored = await dump.restore(local, "dump_20250812T143052.json", skip_invalid=True)
    assert restored.left_out_count == len(refused.value.entries)


async def test_after_an_entry_that_is_not_understood_nothing_more_is_loaded(
    client: Redis, local: DumpStore, folder: Path, dump: Dumping
) -> None:
    entries = [orjson.loads(entry_json.write(entry)) for entry in many(2000)]
    (folder / "dump_20250812T143052.json").write_bytes(orjson.dumps([{"size": -1}, *entries]))
    await client.config_resetstat()
    with pytest.raises(BadEntries):
        await dump.restore(local)
    assert "cmdstat_zadd" not in await client.info("commandstats")
    assert (await dump.restore(local, skip_invalid=True)).entries == 2000
    assert "cmdstat_zadd" in await client.info("commandstats")


async def test_in_a_dump_that_is_refused_no_entry_is_renamed(
    client: Redis, local: DumpStore, folder: Path, dump: Dumping
) -> None:
    pair = an_entry(), an_entry("dog", uuid=an_entry().uuid)
    entries = [{"size": -1}, *(entry.fields for entry in pair)]
    (folder / "dump_20250812T143052.json").write_bytes(orjson.dumps(entries))
    await client.config_resetstat()
    with pytest.raises(BadEntries):
        await dump.restore(local)
    assert "cmdstat_hmget" not in await client.info("commandstats")
    assert (await dump.restore(local, skip_invalid=True)).renamed == 1
    assert "cmdstat_hmget" in await client.info("commandstats")


async def test_what_is_not_understood_can_be_left_out_and_is_named(
    client: Redis, catalog: CatalogUser, local: DumpStore, dump: Dumping, mixed: OlderDump
) -> None:
    await fill(client, many(5, "live"))
    restored = await dump.restore(local, skip_invalid=True)
    assert await catalog.entries.count() == restored.entries == len(mixed.files)
    answer = restored.answer(Choice(skip_invalid=True))
    assert answer["details"]["itemsRestored"] == len(mixed.files)
    assert answer["details"]["itemsSkipped"] == len(mixed.bad)
    assert [(one["index"], one["unique_name"]) for one in answer["skipped"]] == [
        (at, bad["unique_name"]) for at, bad in enumerate(mixed.bad, len(mixed.files) + 1)
    ]
    assert all(one["reason"] and one["uuid"] for one in answer["skipped"])


async def test_a_dry_run_says_the_same_and_changes_nothing(
    client: Redis, local: DumpStore, dump: Dumping, mixed: OlderDump
) -> None:
    await fill(client, many(5, "live"))
    before = await everything(client)
    said = await dump.restore(local, dry_run=True, skip_invalid=True)
    assert (said.entries, said.left_out_count, said.commit) == (len(mixed.files), len(mixed.bad), None)
    assert said.difference is not None
    assert (said.difference.added_count, said.difference.removed_count) == (len(mixed.files), 5)
    answer = said.answer(Choice(dry_run=True, skip_invalid=True))
    assert answer["difference"] == said.difference.answer()
    assert answer["details"]["dryRun"] is True
    assert "Nothing was changed" in answer["message"]
    with pytest.raises(BadEntries):
        await dump.restore(local, dry_run=True)
    assert await everything(client) == before
    done = await dump.restore(local, skip_invalid=True)
    assert (done.entries, done.left_out) == (said.entries, said.left_out)
    assert "difference" not in done.answer(Choice(skip_invalid=True))


@pytest.mark.parametrize("kind", naming.KINDS)
async def test_a_dry_run_says_what_would_come_go_and_change(
    client: Redis, catalog: CatalogUser, local: DumpStore, dump: Dumping, kind: naming.Kind
) -> None:
    first, second, third, fourth = entries = many(4, "kept")
    await fill(client, entries)
    made = await dump.create(local)
    await catalog.entries.delete(first.key, lambda _: None)
    await catalog.entries.change(second.key, lambda entry: replace(entry, title="Since then"))
    await catalog.entries.change(third.key, lambda entry: replace(entry, signature="ab" * 32, version=2))
    [new] = many(1, "new")
    await fill(client, [new])
    said = await dump.restore(local, f"{made.stem}.{kind}", dry_run=True)
    assert said.difference == Difference(
        added_count=1,
        added=[first.unique_name],
        removed_count=1,
        removed=[new.unique_name],
        changed_count=2,
        changed=[second.unique_name, third.unique_name],
        replaced_count=1,
        same_count=1,
    )
    assert fourth.unique_name not in str(said.difference)


async def test_a_dry_run_of_a_good_dump_says_how_many_entries_there_are(
    client: Redis, local: DumpStore, dump: Dumping
) -> None:
    await fill(client, many(700))
    made = await dump.create(local)
    await client.flushall()
    for kind in naming.KINDS:
        said = await dump.restore(local, naming.filename_of(made.stamp, kind), dry_run=True)
        assert (said.entries, said.kind, said.commit) == (700, kind, None)
    assert await everything(client) == {}


async def test_nothing_is_left_out_of_a_dump_whose_rdb_is_whole(
    client: Redis, local: DumpStore, folder: Path, dump: Dumping
) -> None:
    await fill(client, many(15))
    before = await shown(client)
    made = await dump.create(local)
    path = folder / f"dump_{made.stamp}.json"
    values = orjson.loads(path.read_bytes())
    values[3]["size"] = -1
    path.write_bytes(orjson.dumps(values))
    path.with_name(f"{path.name}.sha256").unlink()
    restored = await dump.restore(local, skip_invalid=True)
    assert (restored.kind, restored.entries, restored.left_out_count) == ("rdb", 15, 0)
    assert await shown(client) == before
    (folder / f"dump_{made.stamp}.rdb").unlink()
    restored = await dump.restore(local, skip_invalid=True)
    assert (restored.kind, restored.entries, restored.left_out_count) == ("json", 14, 1)


async def test_a_file_that_is_cut_is_refused_also_if_entries_may_be_left_out(
    client: Redis, local: DumpStore, folder: Path, dump: Dumping
) -> None:
    (folder / "dump_20250812T143052.json").write_bytes(OlderDump().json[:-100])
    with pytest.raises(BadDump):
        await dump.restore(local, skip_invalid=True)
    assert await everything(client) == {}


async def test_an_empty_redis_gets_what_can_be_understood_if_that_is_the_choice(
    client: Redis,
    catalog: CatalogUser,
    local: DumpStore,
    mixed: OlderDump,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert await restore_on_init(client, catalog.process, local) is None
    said = [str(vars(record)) for record in caplog.records if record.message == "restore_on_init_not_understood"]
    assert all(bad["unique_name"] in one for bad, one in zip(mixed.bad, said, strict=True)), "all of them are named"
    [refused] = [record for record in caplog.records if record.message == "restore_on_init_bad_dump"]
    assert f"(of {len(mixed.bad)} such entries)" in str(vars(refused))
    assert "RESTORE_SKIP_INVALID=true" in str(vars(refused))
    assert await catalog.entries.count() == 0
    restored = await restore_on_init(client, catalog.process, local, skip_invalid=True)
    assert restored is not None
    assert await catalog.entries.count() == len(mixed.files)
    left_out = [str(vars(record)) for record in caplog.records if record.message == "restore_on_init_left_out"]
    assert len(left_out) == len(mixed.bad)
    assert all(bad["unique_name"] in said for bad, said in zip(mixed.bad, left_out, strict=True))


async def test_who_leaves_out_what_is_not_understood_is_not_told_to_do_so(
    client: Redis, catalog: CatalogUser, local: DumpStore, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "dump_20250812T143052.json").write_bytes(orjson.dumps([{"size": -1}]))
    assert await restore_on_init(client, catalog.process, local, skip_invalid=True) is None
    [refused] = [record for record in caplog.records if record.message == "restore_on_init_bad_dump"]
    assert "RESTORE_SKIP_INVALID" not in str(vars(refused))
    assert "DUMP_FILE_NAME_ON_INIT" in str(vars(refused))
    assert await everything(client) == {}


async def test_uuids_of_the_older_service_answer_and_come_through_another_dump(
    client: Redis, catalog: CatalogUser, local: DumpStore, folder: Path, dump: Dumping
) -> None:
    older = {**OLDER, "uuid": "2c63de64614e4e9d5711abdd1bc4cc11"}
    random = {**OLDER, "unique_name": "/DEV/error.webp", "filename": "error.webp"}
    (folder / "dump_20250812T143052.json").write_bytes(orjson.dumps([older, random]))
    await dump.restore(local)
    for kind in naming.KINDS:
        made = await dump.create(local)
        await client.flushall()
        await dump.restore(local, naming.filename_of(made.stamp, kind))
        for given in (older, random):
            entry = await catalog.entries.get(str(given["uuid"]).upper())
            assert (entry.uuid, entry.unique_name) == (given["uuid"], given["unique_name"])
            assert await catalog.entries.get(identity.asset_uuid(entry.unique_name)) == entry
    await catalog.entries.delete(str(random["uuid"]), lambda _: None)
    assert await client.hlen(keys.UUIDS) == 1, "the other entry's"  # type: ignore[misc]


# Where dumps are


async def test_every_file_has_its_checksum_beside_it(local: DumpStore, folder: Path, dump: Dumping) -> None:
    made = await dump.create(local)
    for kind in naming.KINDS:
        name = naming.filename_of(made.stamp, kind)
        digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        assert (folder / f"{name}.sha256").read_text() == f"{digest}  {name}\n# {made.records} entries\n"


async def test_the_oldest_dumps_go_first_with_their_checksums(
    client: Redis, local: DumpStore, folder: Path, dump: Dumping
) -> None:
    for stamp in ("20250101T000000", "20250102T000000", "20250103T000000"):
        for kind in naming.KINDS:
            for suffix in ("", ".sha256"):
                (folder / f"{naming.filename_of(stamp, kind)}{suffix}").write_text("x")
    (folder / "notes.txt").write_text("not ours")
    made = await dump.create(local, keep=2)
    assert made.pruned == ("20250101T000000", "20250102T000000")
    left = {name for name in names_in(folder) if not name.endswith(".sha256")}
    assert left == {
        "notes.txt",
        *(naming.filename_of(s, k) for s in ("20250103T000000", made.stamp) for k in naming.KINDS),
    }
    assert len(names_in(folder)) == 9


async def test_nights_with_an_empty_catalog_push_out_no_dump_that_has_entries(
    client: Redis, store: DumpStore, dump: Dumping
) -> None:
    await fill(client, many(12))
    good = [await dump.create(store, keep=2) for _ in range(2)]
    before = await shown(client)
    await client.flushall()
    for _ in range(3):
        with suppress(EmptyDump):  # The distant backend chooses its latest itself.
            await dump.create(store, keep=2)
    for made in good:
        assert await records_of(store, made.stamp) in (12, None)
    assert (await dump.restore(store)).entries == 12
    assert await shown(client) == before


async def test_an_empty_dump_is_not_restored_in_place_of_an_older_one_that_has_lost_its_json(
    client: Redis, local: DumpStore, folder: Path, dump: Dumping
) -> None:
    await fill(client, many(12))
    before = await shown(client)
    good = await dump.create(local)
    (folder / f"dump_{good.stamp}.json").unlink()
    await client.flushall()
    await dump.create(local)
    restored = await dump.restore(local)
    assert (restored.filename, restored.entries) == (f"dump_{good.stamp}.rdb", 12)
    assert await shown(client) == before


async def test_a_distant_backend_takes_a_dump_without_entries_only_when_it_has_none_with_them(
    client: Redis, dump: Dumping, tmp_path: Path
) -> None:
    backend = Backend(tmp_path / "backend", "--in-place")
    backend.start()
    try:
        async for store in opened(settings_for(backend.url, tmp_path / "tada")):
            assert [(await dump.create(store)).records for _ in range(2)] == [0, 0]
            await fill(client, many(3))
            assert (await dump.create(store)).records == 3
            await client.delete(keys.ENTRIES, keys.ORDER)
            with pytest.raises(EmptyDump) as refused:
                await dump.create(store)
            assert (refused.value.status, pause_after(refused.value, 1, 8)) == (409, None)
            assert (await dump.restore(store)).entries == 3
    finally:
        backend.stop()


async def test_how_many_entries_a_dump_has_is_known_without_reading_it(
    client: Redis, local: DumpStore, folder: Path, dump: Dumping
) -> None:
    await fill(client, many(12))
    made = await dump.create(local)
    (folder / f"dump_{made.stamp}.json").write_text("x" * 100)
    assert await records_of(local, made.stamp) == 12
    # One that a version before has made, those that somebody has put there, and what is none.
    for day, text, expected in ((1, "[{}, {}, {}, {}, {}, {}]", 6), (2, "[ ]", 0), (3, '{"a": "a long word"}', None)):
        (folder / f"dump_2025010{day}T000000.json").write_text(text)
        assert await records_of(local, f"2025010{day}T000000") == expected
    (folder / "dump_20250104T000000.rdb").write_text("x")
    assert await records_of(local, "20250104T000000") is None
    assert len(await local.kept()) == 5


async def records_of(store: DumpStore, stamp: str) -> int | None:
    try:
        [found] = [kept for kept in await store.kept() if kept.stamp == stamp]
    except ListingUnsupported:
        return None
    return await store.records(found)


async def test_the_dump_that_was_just_made_stays_beside_those_of_a_clock_that_was_wrong(
    local: DumpStore, folder: Path, dump: Dumping
) -> None:
    for year in (2097, 2098, 2099):
        (folder / f"dump_{year}0101T000000.json").write_text("x")
    made = await dump.create(local, keep=1)
    assert {name for name in names_in(folder) if name.endswith("json")} == {
        "dump_20990101T000000.json",
        f"dump_{made.stamp}.json",
    }


async def test_a_dump_that_cannot_be_stored_removes_none(
    client: Redis, local: DumpStore, folder: Path, dump: Dumping, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "dump_20250101T000000.json").write_text("x")
    fetch = local.fetch

    async def spoil(filename: str, target: Path) -> None:
        (folder / filename).write_text("the disk has forgotten it")
        await fetch(filename, target)

    monkeypatch.setattr(local, "fetch", spoil)
    with pytest.raises(DumpDamaged):
        await dump.create(local, keep=1)
    assert (folder / "dump_20250101T000000.json").exists()


async def test_what_jobs_that_were_killed_left_in_the_spool_goes_and_what_others_have_stays(
    client: Redis, local: DumpStore, dump: Dumping
) -> None:
    await client.set(keys.alive("living"), 1)
    for owner in ("dead", "living"):
        (local.spool / f"job-{owner}~1").mkdir()
        (local.spool / f"job-{owner}~1" / "whole.rdb").write_text("x")
    await dump.create(local)
    assert names_in(local.spool) == ["job-living~1"]


async def test_in_a_bucket_the_dumps_are_beside_the_assets_and_of_older_ones_nothing_else_goes(
    client: Redis, dump: Dumping, bucket: StorageSettings, s3_server: S3Server
) -> None:
    older = [naming.filename_of(f"2025010{day}T000000", kind) for day in (1, 2, 3) for kind in naming.KINDS]
    assets = ["DEV/dump_20250101T000000.json", "dumps.webp"]
    for key in [*assets, *(f"dumps/{name}{suffix}" for name in older for suffix in ("", ".sha256"))]:
        s3_server.client.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    await fill(client, many(3))
    async for store in opened(bucket):
        made = await dump.create(store, keep=2)
        assert made.pruned == ("20250101T000000", "20250102T000000")
    left = {one["Key"] for one in s3_server.client.list_objects_v2(Bucket=BUCKET)["Contents"]}
    kept = [naming.filename_of(stamp, kind) for stamp in ("20250103T000000", made.stamp) for kind in naming.KINDS]
    assert left == {*assets, *(f"dumps/{name}{suffix}" for name in kept for suffix in ("", ".sha256"))}


async def test_a_dump_in_a_bucket_that_was_changed_is_not_restored(
    client: Redis, dump: Dumping, bucket: StorageSettings, s3_server: S3Server
) -> None:
    await fill(client, many(3))
    before = await everything(client)
    async for store in opened(bucket):
        made = await dump.create(store)
        names = [naming.filename_of(made.stamp, kind) for kind in naming.KINDS]
        for name in names:
            s3_server.client.put_object(Bucket=BUCKET, Key=f"dumps/{name}", Body=b"[]")
        for name in names:
            with pytest.raises(DumpError, match="not what was stored"):
                await dump.restore(store, name)
    assert await everything(client) == before


async def test_a_storage_that_is_down_changes_nothing(
    client: Redis, catalog: CatalogUser, server: RedisServer, tmp_path: Path
) -> None:
    settings = settings_for("http://127.0.0.1:9", tmp_path / "tada", storage_retries=0, storage_breaker_failures=1000)
    await fill(client, many(3))
    before = await everything(client)
    async for store in opened(settings):
        with pytest.raises(StorageDown):
            await create_dump(server.url, client, catalog.process, store, 1, ADDRESSES)
        with pytest.raises(StorageDown):
            await restore_dump(client, catalog.process, store)
    assert await everything(client) == before


# The copy of Redis


async def test_redis_that_does_not_take_the_password_is_told(
    client: Redis, server: RedisServer, tmp_path: Path
) -> None:
    with pytest.raises(Unavailable, match=r"cannot be copied from Redis: .*AUTH"):
        await rdb.copy(server.url.replace("//", "//:wrong@"), tmp_path / "x.rdb")


async def test_redis_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"cannot be copied from Redis: .*refused"):
        await rdb.copy("redis://127.0.0.1:9", tmp_path / "x.rdb")


async def test_a_redis_with_a_password_is_copied_and_the_password_is_on_no_command_line(tmp_path: Path) -> None:
    protected = RedisServer(tmp_path, "--requirepass", "p w'd", "--repl-diskless-sync-delay", "0", password="p w'd")
    try:
        command, secret = rdb.copying(protected.url, tmp_path / "x.rdb")
        assert "p w'd" not in " ".join(command)
        assert secret == {"REDISCLI_AUTH": "p w'd"}
        await rdb.copy(protected.url, tmp_path / "x.rdb")
    finally:
        protected.stop()
    async with rdb.served(tmp_path / "x.rdb") as copied:
        assert await copied.dbsize() == 0


async def test_no_redis_server_of_a_job_is_left_whatever_happens(server: RedisServer, tmp_path: Path) -> None:
    await rdb.copy(server.url, tmp_path / "x.rdb")

    async def stay() -> None:
        async with rdb.served(tmp_path / "x.rdb"):
            started.set()
            await asyncio.sleep(60)

    started = asyncio.Event()
    task = asyncio.create_task(stay())
    await started.wait()
    assert _servers_in(tmp_path)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert _servers_in(tmp_path) == []


def _servers_in(folder: Path) -> list[int]:
    """Return the processes that were started on a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (path / "cwd").readlink() == folder:
                found.append(int(path.name))
    return found


# At the start


async def test_the_latest_dump_is_restored_once_when_ten_workers_start_on_an_empty_redis(
    server: RedisServer, client: Redis, local: DumpStore, dump: Dumping
) -> None:
    await fill(client, many(200))
    before = await shown(client)
    await dump.create(local)
    await client.flushall()

    async def start() -> Restored | None:
        own = connection.connect(server.url)
        catalog = CatalogUser(own)
        try:
            async with catalog.process.alive():
                return await restore_on_init(own, catalog.process, local)
        finally:
            await own.aclose()

    results = await asyncio.gather(*(start() for _ in range(10)))
    assert sum(result is not None for result in results) == 1
    assert await shown(client) == before
    assert await client.xlen(keys.CHANGES) == 1
    assert not await client.exists(keys.RESTORING)


async def test_the_dump_to_start_from_can_be_named(
    client: Redis, catalog: CatalogUser, local: DumpStore, dump: Dumping
) -> None:
    await fill(client, many(3))
    before = await shown(client)
    first = await dump.create(local)
    await catalog.entries.create(an_entry("later"), None)
    await dump.create(local)
    await client.flushall()
    named = naming.filename_of(first.stamp, "rdb")
    restored = await restore_on_init(client, catalog.process, local, named)
    assert restored is not None
    assert (restored.filename, await shown(client)) == (named, before)


async def test_a_catalog_that_was_emptied_on_purpose_stays_empty(
    client: Redis, catalog: CatalogUser, local: DumpStore, dump: Dumping
) -> None:
    await fill(client, many(3))
    await dump.create(local)
    await catalog.entries.clear()
    assert await restore_on_init(client, catalog.process, local) is None
    assert await shown(client) == b"[]"


async def test_no_dump_to_start_from_is_no_error(client: Redis, catalog: CatalogUser, store: DumpStore) -> None:
    assert await restore_on_init(client, catalog.process, store) is None
    assert await everything(client) == {}


async def test_a_bad_dump_to_start_from_leaves_redis_empty(
    client: Redis, catalog: CatalogUser, local: DumpStore, folder: Path
) -> None:
    (folder / "dump_20250812T143052.json").write_text("[{}]")
    assert await restore_on_init(client, catalog.process, local) is None
    assert await everything(client) == {}


async def test_whoever_died_restoring_is_replaced(
    client: Redis, catalog: CatalogUser, local: DumpStore, dump: Dumping
) -> None:
    await fill(client, many(3))
    await dump.create(local)
    await client.flushall()
    await client.set(keys.RESTORING, "dead-worker")
    assert await restore_on_init(client, catalog.process, local) is not None


async def test_what_was_uploaded_before_the_first_restore_is_never_overwritten(
    client: Redis, catalog: CatalogUser, local: DumpStore, dump: Dumping
) -> None:
    await fill(client, many(3))
    await dump.create(local)
    await client.flushall()
    await catalog.entries.create(an_entry("early"), None)
    with pytest.raises(Taken):
        await restore_dump(client, catalog.process, local, only_untouched=True)
    assert orjson.loads(await shown(client))[0]["filename"] == "early.webp"
    assert [key async for key in client.scan_iter(keys.staged("*")[0].removesuffix("entries") + "*")] == []


# Size


@pytest.mark.timed
@pytest.mark.timeout(300)
async def test_a_hundred_thousand_entries_are_dumped_and_restored_in_time(
    client: Redis, local: DumpStore, dump: Dumping
) -> None:
    """In processor time, this process and Redis together, with their children.

    A machine that does other work is not slower then.
    """
    await fill(client, many(100_000))
    before = hashlib.sha256(await shown(client)).hexdigest()
    started = await processor_seconds(client)
    made = await dump.create(local)
    dumped = await processor_seconds(client) - started
    await client.flushall()
    for kind in naming.KINDS:
        started = await processor_seconds(client)
        restored = await dump.restore(local, f"dump_{made.stamp}.{kind}")
        took = await processor_seconds(client) - started
        print(f"{kind} restored in {took:.1f} s")
        assert restored.entries == 100_000
        assert hashlib.sha256(await shown(client)).hexdigest() == before
        assert took < 20
    print(f"dumped in {dumped:.1f} s")
    assert dumped < 10


async def processor_seconds(client: Redis) -> float:
    """Return what this process and Redis have used. Children count when they have ended, as redis-cli or a fork."""
    used = await client.info("cpu")
    redis = sum(used[f"used_cpu_{kind}{whose}"] for kind in ("user", "sys") for whose in ("", "_children"))
    return float(sum(os.times()[:4]) + redis)


async def test_a_file_that_the_storage_does_not_have_is_missing(store: DumpStore, tmp_path: Path) -> None:
    with pytest.raises(ObjectMissing):
        await store.fetch("dump_20250812T143052.json", tmp_path / "x")
    for kind in naming.KINDS:
        with pytest.raises(ObjectMissing):
            await store.fetch_latest(kind, tmp_path / "x")


@pytest.mark.parametrize("own", [an_entry().uuid, an_entry().key], ids=["its uuid", "its entry key"])
@pytest.mark.parametrize("owner_is_first", [True, False])
async def test_no_entry_of_a_dump_takes_the_uuid_of_the_path_of_another(
    client: Redis, catalog: CatalogUser, local: DumpStore, folder: Path, dump: Dumping, own: str, owner_is_first: bool
) -> None:
    owner, other = an_entry(), an_entry("dog", uuid=own)
    written = (owner, other) if owner_is_first else (other, owner)
    (folder / "dump_20250812T143052.json").write_bytes(orjson.dumps([entry.fields for entry in written]))
    restored = await dump.restore(local)
    assert (restored.entries, restored.renamed) == (2, 1)
    assert await catalog.entries.get(own) == owner
    named = await catalog.entries.get(an_entry("dog").uuid)
    assert (named.unique_name, named.uuid) == (other.unique_name, an_entry("dog").uuid)
    for entry in (owner, named):
        await catalog.entries.delete(entry.uuid, lambda _: None)
    assert not await client.exists(keys.UUIDS)
