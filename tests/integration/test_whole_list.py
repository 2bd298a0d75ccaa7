"""The list of all entries, which is kept until anything changes, on a real Redis."""

import asyncio

import orjson

from services.catalog.whole_list import WholeList
from services.core.state.catalog import Catalog
from services.core.state.connection import Redis
from tests.support.catalogs import an_entry


def listed(body: bytes | None) -> list[str]:
    assert body is not None
    return [entry["unique_name"] for entry in orjson.loads(body)]


async def scripts_run(client: Redis) -> int:
    stats = await client.info("commandstats")
    return sum(stats.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("evalsha", "eval"))


async def test_what_is_kept_is_sent_until_anything_changes(client: Redis) -> None:
    catalog = Catalog(client)
    kept = WholeList(catalog)
    assert listed(await kept.body(await catalog.revision())) == []
    first, second = an_entry("first"), an_entry("second")
    await catalog.create(first, None)
    await catalog.create(second, None)
    revision = await catalog.revision()
    assert listed(await kept.body(revision)) == [first.unique_name, second.unique_name]
    before = await scripts_run(client)
    await asyncio.gather(*(kept.body(revision) for _ in range(20)))
    assert await scripts_run(client) == before
    await catalog.delete(first.uuid, lambda entry: None)
    assert listed(await kept.body(await catalog.revision())) == [second.unique_name]
    await catalog.clear()
    assert listed(await kept.body(await catalog.revision())) == []


async def test_who_asks_at_the_same_time_waits_for_one_reading(client: Redis) -> None:
    catalog = Catalog(client)
    await catalog.create(an_entry("first"), None)
    kept, revision = WholeList(catalog), await catalog.revision()
    before = await scripts_run(client)
    bodies = await asyncio.gather(*(kept.body(revision) for _ in range(20)))
    assert len(set(bodies)) == 1
    assert await scripts_run(client) - before == 2  # A page, and the one behind it, which is empty.


async def test_a_list_that_is_too_long_is_not_held(client: Redis) -> None:
    catalog = Catalog(client)
    await catalog.create(an_entry("first"), None)
    revision = await catalog.revision()
    assert await WholeList(catalog, most=100).body(revision) is None
    assert await WholeList(catalog, most=10_000).body(revision) is not None
