"""The list of all entries, which is kept until anything changes, on a real Redis."""

import asyncio
from pathlib import Path

import orjson
import pytest

from services.catalog.bodies import ENTRY_FIELDS
from services.catalog.public_list import PublicList
from services.catalog.public_view import PublicView
from services.catalog.routes import listing
from services.catalog.settings import CatalogSettings
from services.catalog.whole_list import WholeList
from services.core.state.connection import Redis
from services.core.state.entries import Entries
from tests.processes.redis_server import RedisServer
from tests.support.catalogs import ADDRESSES, an_entry
from tests.support.service import running


def listed(body: bytes | None) -> list[str]:
    assert body is not None
    return [entry["unique_name"] for entry in orjson.loads(body)]


async def scripts_run(client: Redis) -> int:
    stats = await client.info("commandstats")
    return sum(stats.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("evalsha", "eval"))


async def test_what_is_kept_is_sent_until_anything_changes(client: Redis) -> None:
    entries = Entries(client)
    kept = WholeList(entries, ADDRESSES)
    assert listed(await kept.body(await entries.revision())) == []
    first, second = an_entry("first"), an_entry("second")
    await entries.create(first, None)
    await entries.create(second, None)
    revision = await entries.revision()
    assert listed(await kept.body(revision)) == [first.unique_name, second.unique_name]
    before = await scripts_run(client)
    await asyncio.gather(*(kept.body(revision) for _ in range(20)))
    assert await scripts_run(client) == before
    await entries.delete(first.uuid, lambda entry: None)
    assert listed(await kept.body(await entries.revision())) == [second.unique_name]
    await entries.clear()
    assert listed(await kept.body(await entries.revision())) == []


async def test_who_asks_at_the_same_time_waits_for_one_reading(client: Redis) -> None:
    entries = Entries(client)
    await entries.create(an_entry("first"), None)
    kept, revision = WholeList(entries, ADDRESSES), await entries.revision()
    before = await scripts_run(client)
    bodies = await asyncio.gather(*(kept.body(revision) for _ in range(20)))
    assert len(set(bodies)) == 1
    assert await scripts_run(client) - before == 2  # A page, and the one behind it, which is empty.


async def test_a_list_that_is_too_long_is_not_held(client: Redis) -> None:
    entries = Entries(client)
    await entries.create(an_entry("first"), None)
    revision = await entries.revision()
    assert await WholeList(entries, ADDRESSES, most=100).body(revision) is None
    assert await WholeList(entries, ADDRESSES, most=10_000).body(revision) is not None


async def test_a_list_that_is_too_long_is_read_for_nothing_once_a_change(client: Redis) -> None:
    entries = Entries(client)
    await entries.create(an_entry("first"), None)
    view = PublicView("true", frozenset({"uuid"}), frozenset())
    public, whole = PublicList(entries, ADDRESSES, view, most=10), WholeList(entries, ADDRESSES, most=10)
    for name in ("second", "third"):
        revision = await entries.revision()
        assert (await public.whole(revision), await whole.body(revision)) == (None, None)
        before = await scripts_run(client)
        for _ in range(3):
            assert (await public.whole(revision), await whole.body(revision)) == (None, None)
        assert await scripts_run(client) == before
        await entries.create(an_entry(name), None)


async def test_a_list_with_other_fields_is_not_the_copy_that_a_client_has(
    server: RedisServer, client: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = CatalogSettings(redis_url=server.url, data_folder_path=tmp_path)
    async with running(settings, client) as http:
        await Entries(client).create(an_entry("first"), None)
        known = {"if-none-match": (await http.get("/catalog")).headers["etag"]}
        assert (await http.get("/catalog", headers=known)).status_code == 304
        monkeypatch.setattr(listing, "ENTRY_FIELDS", (*ENTRY_FIELDS, "newer"))
        assert (await http.get("/catalog", headers=known)).status_code == 200
