"""The index of a process and the catalog in a real Redis: the index is fed from the log, and made again from Redis."""

import asyncio
import errno
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from services.catalog import metrics
from services.catalog.search import search as module
from services.catalog.search.file import Damaged
from services.catalog.search.folders import Folder, Listing
from services.catalog.search.query import Query, parse
from services.catalog.search.reading import Reader
from services.catalog.search.row import Row
from services.catalog.search.search import Search, changed_since
from services.catalog.search.writing import Builder, Writer
from services.catalog.settings import CatalogSettings
from services.core.assets.entries import Entry
from services.core.errors import NoIndex
from services.core.state import cancellation, keys
from services.core.state.changes import CatalogReplaced, Change, ChangeLog, EntryDeleted, EntryWritten, number_of
from services.core.state.connection import Redis, connect
from services.core.state.entries import Entries
from tests.processes.redis_server import RedisServer
from tests.support.catalogs import an_entry, fill, many
from tests.support.pictures import RED, encoded, marked
from tests.support.problems import problem
from tests.support.service import running
from tests.support.waits import eventually

SECONDS = 10.0
MOST_BYTES = 1024**3
Open = Callable[[], AbstractAsyncContextManager[Search]]


@pytest.fixture
def opened(client: Redis, tmp_path: Path) -> Open:
    @asynccontextmanager
    async def open_() -> AsyncIterator[Search]:
        made = Search(Entries(client), ChangeLog(client), tmp_path / "search", MOST_BYTES)
        running = asyncio.create_task(made.run())
        try:
            yield made
        finally:
            await cancellation.end([running])
            await made.close()

    return open_


async def current(client: Redis, search: Search) -> None:
    assert await search.reached(number_of(await Entries(client).revision()), SECONDS)


async def names(search: Search, query: Query | None = None) -> set[str]:
    return set((await search.find(query or Query(limit=500))).names)


async def is_without_index(search: Search) -> bool:
    try:
        await search.find(Query())
    except NoIndex:
        return True
    return False


async def test_each_change_is_found_after_it_was_answered(client: Redis, opened: Open) -> None:
    entries = Entries(client)
    first, second = an_entry("first"), an_entry("second")
    async with opened() as search:
        await entries.create(first, None)
        await current(client, search)
        assert await names(search, parse([("q", "irs")])) == {first.unique_name}
        await entries.create(second, None)
        await entries.change(first.uuid, lambda entry: replace(entry, information="Été"))
        await current(client, search)
        assert await names(search, parse([("q", "ete")])) == {first.unique_name}
        assert await names(search) == {first.unique_name, second.unique_name}
        await entries.delete(first.uuid, lambda entry: None)
        await current(client, search)
        assert await names(search) == {second.unique_name}
        await entries.clear()
        await current(client, search)
        assert await names(search) == set()


async def test_a_data_folder_that_is_away_is_not_made_and_one_that_comes_back_has_an_index_again(
    client: Redis, tmp_path: Path
) -> None:
    data, entries, first, second = tmp_path / "data", Entries(client), an_entry("first"), an_entry("second")
    await entries.create(first, None)
    search = Search(entries, ChangeLog(client), data / "search", MOST_BYTES)
    running = asyncio.create_task(search.run())

    async def has(*wanted: Entry) -> None:
        async def is_found() -> bool:
            try:
                return await names(search) == {one.unique_name for one in wanted}
            except NoIndex:
                return False

        await eventually(is_found, SECONDS)

    try:
        assert not await search.reached(1, 0.1)
        assert not data.exists()
        data.mkdir()
        await has(first)
        data.rename(tmp_path / "away")
        data.mkdir()
        await entries.clear()
        await entries.create(second, None)
        await has(second)
        assert (data / "search" / "0.sqlite").exists()
    finally:
        await cancellation.end([running])
        await search.close()


async def test_changes_are_gathered_until_a_search_waits_for_them(
    client: Redis, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied: list[int] = []

    class Counted(Writer):
        def apply(self, changed: Iterable[tuple[str, Row | None]], position: int) -> None:
            some = list(changed)
            applied.append(len(some))
            super().apply(some, position)

    monkeypatch.setattr(module, "Writer", Counted)
    monkeypatch.setattr(module, "GATHER_SECONDS", SECONDS * 3)
    entries, wanted = Entries(client), [an_entry("a"), an_entry("b"), an_entry("c")]
    async with opened() as search:
        await entries.create(an_entry("first"), None)
        await current(client, search)
        applied.clear()
        for entry in wanted:
            await entries.create(entry, None)
        await current(client, search)
        assert sum(applied) == 3
        assert len(applied) <= 2


async def test_changes_are_applied_though_nobody_searches(client: Redis, opened: Open) -> None:
    async with opened() as search:
        await Entries(client).create(an_entry("first"), None)

        async def is_there() -> bool:
            try:
                return bool(await names(search))
            except NoIndex:
                return False

        await eventually(is_there)


async def test_folders_are_counted_as_they_are(client: Redis, opened: Open) -> None:
    entries, entry = Entries(client), an_entry("cat", folder="shop")
    async with opened() as search:
        await entries.create(entry, None)
        await current(client, search)
        listing = await search.folders("/DEV", "", 10)
        assert listing.folder == Folder("/DEV", 0, 0, 1, entry.size)
        assert listing.inside == [Folder("/DEV/shop", 1, entry.size, 1, entry.size)]
        await entries.delete(entry.uuid, lambda entry: None)
        await current(client, search)
        assert await search.folders("/DEV", "", 10) == Listing(Folder("/DEV", 0, 0, 0, 0), [])


async def test_an_index_is_made_of_what_is_in_redis(client: Redis, opened: Open) -> None:
    wanted = many(1200)
    await fill(client, wanted)
    newest = an_entry("newest")
    await Entries(client).create(newest, None)
    async with opened() as search:
        await current(client, search)
        found = await search.find(parse([("q", "photo")]))
        assert (found.total, found.total_exact) == (1200, True)
        assert await names(search, parse([("q", "newest")])) == {newest.unique_name}


async def test_an_index_is_used_again_and_catches_up(
    client: Redis, opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    entries = Entries(client)
    await entries.create(an_entry("first"), None)
    async with opened() as search:
        await current(client, search)
    await entries.create(an_entry("second"), None)
    caplog.set_level("INFO", logger=module.log.name)
    async with opened() as search:
        await current(client, search)
        assert len(await names(search)) == 2
    assert "search_index_made" not in caplog.text


async def test_an_index_whose_position_is_no_longer_in_the_log_is_made_again(client: Redis, opened: Open) -> None:
    entries = Entries(client)
    await entries.create(an_entry("first"), None)
    async with opened() as search:
        await current(client, search)
    await entries.delete(an_entry("first").uuid, lambda entry: None)
    await entries.create(an_entry("second"), None)
    await client.xtrim(keys.CHANGES, maxlen=1, approximate=False)
    async with opened() as search:
        await current(client, search)
        assert await names(search) == {an_entry("second").unique_name}


async def test_a_redis_that_was_emptied_is_noticed(client: Redis, opened: Open) -> None:
    entries = Entries(client)
    await entries.create(an_entry("first"), None)
    async with opened() as search:
        await current(client, search)
        await client.flushall()

        async def is_empty() -> bool:
            try:
                return not await names(search)
            except NoIndex:
                return False

        await eventually(is_empty)
        await entries.create(an_entry("second"), None)
        await current(client, search)
        assert await names(search) == {an_entry("second").unique_name}


@pytest.mark.parametrize("suffix", ["", "-wal"])
async def test_a_damaged_file_is_made_again(client: Redis, opened: Open, tmp_path: Path, suffix: str) -> None:
    await Entries(client).create(an_entry("first"), None)
    async with opened() as search:
        await current(client, search)
    file = tmp_path / "search" / f"0.sqlite{suffix}"
    file.write_bytes(b"damaged" * 2000)
    async with opened() as search:
        await current(client, search)
        assert await names(search) == {an_entry("first").unique_name}


async def test_changes_from_before_the_log_are_no_gap(client: Redis, opened: Open) -> None:
    """A version that wrote no log has left a revision."""
    await fill(client, many(3))
    await client.set(keys.REVISION, "1700000000000000-0")
    for _ in range(2):
        async with opened() as search:
            await current(client, search)
            assert len(await names(search)) == 3
            await search.sample()
            assert metrics.INDEX_BEHIND._value.get() == 0


async def test_an_index_that_is_full_refuses_searches_and_says_so(
    client: Redis, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FULL_SECONDS", 0.05)
    entries, number = Entries(client), 0
    search = Search(entries, ChangeLog(client), tmp_path / "search", 400_000)
    running = asyncio.create_task(search.run())
    try:
        await entries.create(an_entry("first"), None)
        await current(client, search)
        await search.sample()
        assert metrics.INDEX_READY._value.get() == 1
        assert 0 < metrics.INDEX_BYTES._value.get() < 2 * 400_000
        full = metrics.INDEX_FULL._value.get()
        while "search_index_full" not in caplog.messages:
            number += 1
            await entries.create(an_entry(f"more{number}", information="word " * 500 + str(number)), None)
            await search.reached(number_of(await entries.revision()), 0.01)
        assert metrics.INDEX_FULL._value.get() > full

        await eventually(lambda: is_without_index(search))
        await search.sample()
        assert metrics.INDEX_READY._value.get() == 0
        await entries.clear()
        await current(client, search)
        assert await names(search) == set()
    finally:
        await cancellation.end([running])
        await search.close()


async def test_two_processes_have_an_index_each(client: Redis, opened: Open) -> None:
    async with opened() as first, opened() as second:
        await Entries(client).create(an_entry("cat"), None)
        for search in (first, second):
            await current(client, search)
            assert await names(search) == {an_entry("cat").unique_name}


async def test_without_an_index_there_is_an_error_and_no_empty_answer(client: Redis, tmp_path: Path) -> None:
    search = Search(Entries(client), ChangeLog(client), tmp_path, MOST_BYTES)
    with pytest.raises(NoIndex):
        await search.find(Query())
    assert not await search.reached(0, 0.01)
    await search.close()


async def test_it_goes_on_when_redis_is_back(tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    client = connect(server.url)
    search = Search(Entries(client), ChangeLog(client), tmp_path / "search", MOST_BYTES)
    running = asyncio.create_task(search.run())
    try:
        await Entries(client).create(an_entry("first"), None)
        await current(client, search)
        server.stop()
        assert await names(search) == {an_entry("first").unique_name}
        server.start()
        await Entries(client).create(an_entry("second"), None)
        await current(client, search)
        assert await names(search) == {an_entry("second").unique_name}
    finally:
        await cancellation.end([running])
        await search.close()
        await client.aclose()
        server.stop()


async def test_changes_while_an_index_is_made_are_not_lost(
    client: Redis, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the pages of the scan, entries are changed, deleted and added."""
    wanted = many(1500)
    await fill(client, wanted)
    entries, scan = Entries(client), Entries.scan
    new, changed = an_entry("new"), asyncio.Event()

    async def busy(self: Entries, after: int = 0, epoch: str = "") -> AsyncIterator[list[bytes]]:
        async for raws in scan(self, after, epoch):
            yield raws
            if not changed.is_set():
                await entries.delete(wanted[0].uuid, lambda entry: None)
                await entries.delete(wanted[1400].uuid, lambda entry: None)
                await entries.change(wanted[1].uuid, lambda entry: replace(entry, information="changed"))
                await entries.create(new, None)
                changed.set()

    await entries.create(an_entry("before"), None)
    monkeypatch.setattr(Entries, "scan", busy)
    async with opened() as search:
        await changed.wait()
        await current(client, search)
        found = await search.find(parse([("q", "photo")]))
        assert found.total == 1498
        assert await names(search, parse([("q", "changed")])) == {wanted[1].unique_name}
        assert await names(search, parse([("q", "new")])) == {new.unique_name}


async def test_an_index_that_a_search_closes_while_changes_are_read_is_made_again(
    client: Redis, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries, read, closed = Entries(client), ChangeLog.from_, asyncio.Event()
    async with opened() as search:
        await entries.create(an_entry("first"), None)
        await current(client, search)

        async def during(self: ChangeLog, number: int, count: int) -> list[Change]:
            changes = await read(self, number, count)
            if len(changes) > 1 and not closed.is_set():
                with monkeypatch.context() as patch:
                    patch.setattr(Reader, "find", damaged)
                    assert await is_without_index(search)
                closed.set()
            return changes

        def damaged(*_: object) -> None:
            raise Damaged("its pages are not what they were")

        monkeypatch.setattr(ChangeLog, "from_", during)
        await entries.create(an_entry("second"), None)
        await current(client, search)
        assert closed.is_set()
        assert await names(search) == {an_entry("first").unique_name, an_entry("second").unique_name}


async def test_an_entry_that_cannot_be_read_ends_no_index_for_good(
    client: Redis, opened: Open, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_FAILED_SECONDS", 0.05)
    entries, entry = Entries(client), an_entry("odd")
    async with opened() as search:
        await entries.create(entry, None)
        await current(client, search)
        await entries.change(entry.uuid, lambda found: replace(found, width=cast("int", "wide"), height=3))

        async def is_said() -> bool:
            return "search_failed" in caplog.messages and await is_without_index(search)

        await eventually(is_said)
        await entries.change(entry.uuid, lambda found: replace(found, width=4))
        await current(client, search)
        assert await names(search) == {entry.unique_name}


async def test_an_index_that_cannot_be_completed_is_made_again_less_and_less_often(
    client: Redis, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests: list[float] = []
    sleep, finish = asyncio.sleep, Builder.finish

    async def rested(seconds: float) -> None:
        rests.append(seconds)
        await sleep(0)

    def finished(self: Builder, position: int) -> None:
        if len(rests) < 12:
            raise OSError(errno.EIO, "the disk is broken")
        finish(self, position)

    monkeypatch.setattr(Builder, "finish", finished)
    monkeypatch.setattr(asyncio, "sleep", rested)
    await Entries(client).create(an_entry("first"), None)
    async with opened() as search:
        await current(client, search)
        assert rests == [min(2.0**number, 600.0) for number in range(12)]


@pytest.fixture
async def http(tmp_path: Path, server: RedisServer, client: Redis) -> AsyncIterator[httpx.AsyncClient]:
    async with running(CatalogSettings(redis_url=server.url, data_folder_path=tmp_path), client) as made:
        yield made


async def searched(http: httpx.AsyncClient, text: str) -> dict[str, Any]:
    """Return the answer to a search once there is an index."""

    async def is_answered() -> bool:
        answer = await http.get("/catalog/search?limit=1")
        assert answer.status_code != 503 or answer.headers["retry-after"]
        return answer.status_code != 503

    await eventually(is_answered)
    answer = await http.get(f"/catalog/search?{text}")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    assert body["errors"] == body["problems"] == []
    return body


async def test_a_search_is_answered_with_entries_as_they_are_shown(client: Redis, http: httpx.AsyncClient) -> None:
    entry = an_entry("cat", folder="shop")
    await Entries(client).create(entry, None)
    await Entries(client).create(an_entry("dog"), None)
    found = await searched(http, "q=cat&facets=folder,type,tag")
    assert found["data"] == (await http.get(f"/catalog/{entry.uuid}")).json()["data"]
    assert (found["total"], found["total_exact"], found["current"], found["cursor"]) == (1, True, True, None)
    assert found["facets"] == {
        "folder": [{"value": "/DEV/shop", "count": 1}],
        "type": [{"value": "image/jpeg", "count": 1}],
        "tag": [],
    }


async def test_an_asset_that_has_moved_is_found_at_its_new_path_only(http: httpx.AsyncClient) -> None:
    form = {"namespace": "DEV", "destination": "shop"}
    uploaded = await http.post("/file", files={"file": ("cat.jpg", encoded(marked((64, 48), RED), "JPEG"))}, data=form)
    [entry] = uploaded.json()["data"]
    assert (await searched(http, "q=cat"))["total"] == 1
    moved = await http.patch(f"/file/{entry['uuid']}", json={"destination": "news", "filename": "dog"})
    assert moved.status_code == 200, moved.text
    assert (await searched(http, "q=shop"))["total"] == 0
    [found] = (await searched(http, "q=news+dog"))["data"]
    assert found == moved.json()["data"][0]
    folders = (await http.get("/catalog/folders?parent=/DEV")).json()["data"]
    assert [(folder["path"], folder["entries"]) for folder in folders] == [("/DEV/news", 1)]


async def test_pages_have_every_entry_once(client: Redis, http: httpx.AsyncClient) -> None:
    await fill(client, many(120))
    await Entries(client).create(an_entry("last"), None)
    found, names_found = await searched(http, "limit=50&sort=name"), []
    for _ in range(3):
        names_found += [entry["unique_name"] for entry in found["data"]]
        cursor = found["cursor"]
        found = await searched(http, f"limit=50&sort=name&cursor={cursor}") if cursor else found
    assert cursor is None
    assert names_found == sorted({*names_found})
    assert len(names_found) == found["total"] == 121


async def test_an_entry_that_is_gone_is_not_shown(client: Redis, http: httpx.AsyncClient) -> None:
    entry = an_entry("cat")
    await Entries(client).create(entry, None)
    assert len((await searched(http, "q=cat"))["data"]) == 1
    await client.hdel(keys.ENTRIES, entry.key)
    assert (await searched(http, "q=cat"))["data"] == []


@pytest.mark.parametrize("text", ["search=cat", "q=a&q=b", "limit=0", "sort=colour"])
async def test_a_search_that_cannot_be_right_is_refused(http: httpx.AsyncClient, text: str) -> None:
    answer = await http.get(f"/catalog/search?{text}")
    assert answer.status_code == 400
    assert problem(answer)["hint"]


def test_only_a_log_that_has_the_position_says_what_has_changed() -> None:
    written = EntryWritten(5, "", "", "u", "/DEV/a.webp")
    deleted = EntryDeleted(6, "", "", "u", "/DEV/b.webp", "/DEV/b.jpg")
    again = EntryWritten(7, "", "", "u", "/DEV/b.webp")
    assert changed_since([written, deleted, again], 5) == ["/DEV/b.webp"]
    assert changed_since([written], 5) == []
    assert changed_since([deleted], 5) is None
    assert changed_since([], 5) is None
    assert changed_since([], 0) == []
    assert changed_since([written], 0) is None
    assert changed_since([written, CatalogReplaced(6, "", "")], 5) is None
