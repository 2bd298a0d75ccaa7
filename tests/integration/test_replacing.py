"""The whole catalog is replaced at one instant: what readers see, and what a killed restore leaves."""

import asyncio
import itertools
import signal
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from starlette.datastructures import QueryParams

from services.catalog.routes import listing
from services.catalog.routes.listing import Query, one_page
from services.core.assets.entries import Entry
from services.core.dumps.naming import KINDS, DumpStore
from services.core.dumps.stores import open_dumps
from services.core.errors import CatalogReplaced
from services.core.spool import prepare
from services.core.state import connection, entry_json, keys
from services.core.state.connection import Redis
from services.core.state.entries import PAGE, Entries
from services.core.state.process import Process
from services.core.storage import StorageSettings, open_storage
from services.jobs.dumps.creation import create_dump
from services.jobs.dumps.restore import restore_dump
from services.jobs.dumps.staging import STAGED_SECONDS, Staging
from tests.processes.redis_server import RedisServer
from tests.support.catalogs import ADDRESSES, an_entry, due, fill, many, shown
from tools.stack.plan import ROOT


@pytest.fixture
def entries(client: Redis) -> Entries:
    return Entries(client)


async def replace_by(client: Redis, wanted: list[Entry]) -> None:
    staging = Staging(client)
    await staging.add(wanted)
    await staging.switch()


def joined(entries: list[Entry]) -> bytes:
    return b",".join(entry_json.write(entry) for entry in entries)


OLD, NEW = many(PAGE * 3 + 7, "old"), many(PAGE * 2 + 1, "new")


@pytest.mark.parametrize("pages_before", [1, 2, 4])
@pytest.mark.parametrize(
    "what", ["cleared", "replaced", "emptied by a restore", "replaced twice", "cleared and written"]
)
async def test_a_list_that_was_begun_goes_on_with_the_catalog_it_began_with(
    client: Redis, entries: Entries, what: str, pages_before: int
) -> None:
    await fill(client, OLD)
    scan = entries.scan()
    read = [await anext(scan) for _ in range(pages_before)]
    match what:
        case "cleared":
            await entries.clear()
        case "cleared and written":
            await entries.clear()
            await entries.create(an_entry("later"), None)
        case "emptied by a restore":
            await replace_by(client, [])
        case _:
            await replace_by(client, NEW)
            if what == "replaced twice":
                await replace_by(client, many(3, "newer"))
    read += [page async for page in scan]
    assert b",".join(raw for page in read for raw in page) == joined(OLD)
    after = {"replaced": NEW, "replaced twice": many(3, "newer")}.get(what, [])
    assert [orjson.loads(raw)["uuid"] for raw in (await entries.page(0, 10_000)).raws] == (
        [an_entry("later").uuid] if what == "cleared and written" else [entry.uuid for entry in after]
    )


async def test_no_reader_ever_sees_a_mix_or_a_hole_while_catalogs_are_replaced(
    server: RedisServer, client: Redis
) -> None:
    catalogs = {ADDRESSES.fill(joined(entries)) for entries in (OLD, NEW)}
    await fill(client, OLD)
    stop, seen = asyncio.Event(), set()

    async def read() -> None:
        own = connection.connect(server.url)
        while not stop.is_set():
            seen.add((await shown(own))[1:-1])
        await own.aclose()

    readers = [asyncio.create_task(read()) for _ in range(4)]
    for wanted in itertools.islice(itertools.cycle((NEW, OLD)), 12):
        await replace_by(client, wanted)
    stop.set()
    await asyncio.gather(*readers)
    assert seen == catalogs


async def test_a_list_whose_catalog_is_gone_is_cut_and_never_mixed(client: Redis, entries: Entries) -> None:
    await fill(client, OLD)
    scan = entries.scan()
    await anext(scan)
    await replace_by(client, NEW)
    await client.delete(f"{keys.ASIDE}0")  # Its time is over.
    with pytest.raises(CatalogReplaced):
        await anext(scan)


async def test_what_is_put_aside_can_be_read_for_some_minutes_and_goes_then(client: Redis, entries: Entries) -> None:
    await fill(client, OLD)
    await entries.clear()
    readable = await client.ttl(f"{keys.ASIDE}0")
    assert readable >= 120
    for part in ("entries", "order"):
        assert readable < await client.ttl(f"{keys.ASIDE}0:{part}") <= keys.ASIDE_SECONDS


async def test_pages_go_on_with_the_catalog_of_the_first_or_say_that_it_is_gone(
    client: Redis, entries: Entries
) -> None:
    await fill(client, OLD)
    query = Query.parse(QueryParams("limit=100"))
    page, cursor = await one_page(entries, query, 100, ADDRESSES)
    await replace_by(client, NEW)
    found = page
    while cursor is not None:
        page, cursor = await one_page(entries, Query.parse(QueryParams(f"limit=100&cursor={cursor}")), 100, ADDRESSES)
        found += page
    assert b",".join(found) == joined(OLD)
    _, cursor = await one_page(entries, query, 100, ADDRESSES)
    await replace_by(client, OLD)
    async for key in client.scan_iter(f"{keys.ASIDE}*"):
        await client.delete(key)
    with pytest.raises(CatalogReplaced, match="has been replaced"):
        await one_page(entries, Query.parse(QueryParams(f"limit=100&cursor={cursor}")), 100, ADDRESSES)


async def test_a_page_ends_at_so_many_bytes_and_its_cursor_goes_on_there(
    client: Redis, entries: Entries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "BYTES_MAX", 3_000_000)
    long = [replace(entry, information="x" * 900_000) for entry in many(10)]
    await fill(client, long)
    for more in ("", "&filterByKey=namespace&filterByValue=DEV"):
        found, pages, cursor = [], 0, ""
        while cursor is not None:
            query = Query.parse(QueryParams(f"limit=1000&cursor={cursor}{more}"))
            page, cursor = await one_page(entries, query, 1000, ADDRESSES)  # type: ignore[assignment]
            found += page
            pages += 1
            assert sum(map(len, page)) < 4_000_000
        assert (b",".join(found), pages) == (joined(long), 3)


async def test_what_is_being_loaded_does_not_stay_for_good(client: Redis) -> None:
    staging = Staging(client)
    await staging.add(many(30))
    left = [key async for key in client.scan_iter()]
    assert len(left) == 4
    for key in left:
        assert 0 < await client.ttl(key) <= STAGED_SECONDS


# Killed


@pytest.fixture
async def store(tmp_path: Path) -> DumpStore:
    settings = StorageSettings(data_folder_path=tmp_path)
    storage = open_storage(settings)
    prepare(storage.spool)
    return open_dumps(settings, storage)


async def staged(client: Redis) -> int:
    """Return how many entries are loaded by whatever restores."""
    found = [key async for key in client.scan_iter(keys.staged("*")[0], count=1000)]
    return max([await client.hlen(key) for key in found], default=0)  # type: ignore[misc]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_restore_that_is_killed_leaves_the_old_catalog_or_the_new_one(
    server: RedisServer, client: Redis, entries: Entries, store: DumpStore, tmp_path: Path, kind: str
) -> None:
    new, old = many(4000, "new"), many(40, "old")
    await fill(client, new)
    own = Process(client)
    async with own.alive():
        stamp = (await create_dump(server.url, client, own, store, 0, ADDRESSES)).stamp
    new_list, old_list = await shown(client), ADDRESSES.fill(joined(old)).join((b"[", b"]"))
    filename, states = f"dump_{stamp}.{kind}", []
    # Before it has read anything, at each thousand it has loaded, and when the new catalog is there.
    for point in [0, *range(500, 4000, 1000), "switched"]:
        await client.flushall()
        await fill(client, old)
        expiring = await due(client)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.processes.restore", server.url, str(tmp_path), filename, cwd=ROOT
        )
        deadline = time.monotonic() + 60
        while True:
            assert time.monotonic() < deadline
            assert process.returncode in (None, 0)
            if point == 0 and any(store.spool.iterdir()):
                break
            if await entries.revision() != "1-1" or (isinstance(point, int) and 0 < point <= await staged(client)):
                break
            await asyncio.sleep(0.001)  # Another process is watched.
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
        await process.wait()
        found = await shown(client)
        states.append("new" if found == new_list else "old")
        assert found in (old_list, new_list), point
        assert states[-1] == "new" or await due(client) == expiring
        for key in [key async for key in client.scan_iter(keys.staged("*")[0].removesuffix("entries") + "*")]:
            assert await client.ttl(key) > 0
        # The job is taken again.
        async with own.alive():
            await restore_dump(client, own, store, filename)
        assert await shown(client) == new_list
    # One that is at its last thousand may be faster than the signal.
    assert states.count("old") >= 3, states
    assert states[-1] == "new"
    assert _children_of_the_dead(tmp_path) == []


def _children_of_the_dead(folder: Path) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if str((path / "cwd").readlink()).startswith(str(folder)):
                found.append((path / "cmdline").read_text())
    return found
