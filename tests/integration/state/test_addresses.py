"""Which public addresses the caches may have in pages of the catalog, on a real Redis."""

import asyncio

import pytest
from redis.exceptions import RedisError

from services.core.assets.addresses import Addresses
from services.core.state import addresses, cancellation, keys
from services.core.state.addresses import NotedAddresses
from services.core.state.changes import CatalogReplaced, ChangeLog
from services.core.state.connection import Redis
from services.core.state.entries import Entries
from tests.processes.redis_server import RedisServer
from tests.support.catalogs import an_entry
from tests.support.waits import eventually

OLD, NEW = Addresses("http://old.example.com/assets/media"), Addresses("https://new.example.com/assets/media")


async def noted(client: Redis, *wanted: Addresses) -> list[int]:
    """Start processes with these addresses; return the numbers of the changes that made everything stale."""
    for one in wanted:
        await NotedAddresses(client, one.assets_url).note()
    found = await ChangeLog(client).from_(0, 100)
    return [change.number for change in found if isinstance(change, CatalogReplaced)]


async def test_the_first_start_with_other_addresses_makes_everything_stale_once(client: Redis) -> None:
    await Entries(client).create(an_entry(), None)
    first = await noted(client, OLD)
    assert len(first) == 1, "what the previous version has left in the caches"
    assert await noted(client, OLD, OLD) == first
    second = await noted(client, NEW)
    assert len(second) == 2
    assert await noted(client, NEW, NEW) == second
    assert await Entries(client).revision_and_addresses() == (str(second[-1]), NEW.assets_url)


async def test_a_redis_that_has_never_had_a_catalog_stays_one(client: Redis) -> None:
    assert await noted(client, OLD, NEW) == []
    assert await client.get(keys.REVISION) is None, "the latest dump can still be restored into it"
    assert await Entries(client).revision_and_addresses() == ("0", NEW.assets_url)


async def test_a_process_that_goes_on_with_old_settings_does_not_take_them_back(client: Redis) -> None:
    await Entries(client).create(an_entry(), None)
    old, new = NotedAddresses(client, OLD.assets_url), NotedAddresses(client, NEW.assets_url)
    await old.note()
    await new.note()
    await old.note()
    assert await client.get(keys.ADDRESSES) == NEW.assets_url.encode()


async def test_a_process_says_once_that_another_has_other_addresses(
    client: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    """A process with old settings that starts late takes them back: the pages of all others are in no cache."""
    await Entries(client).create(an_entry(), None)
    new = NotedAddresses(client, NEW.assets_url)
    await new.note()
    await NotedAddresses(client, OLD.assets_url).note()

    def said() -> list[dict[str, str]]:
        return [vars(record)["tada"] for record in caplog.records if record.getMessage() == "addresses_differ"]

    for _ in range(3):
        await new.note()
    [event] = said()
    assert event["assets_url"] == NEW.assets_url
    assert all(name in event["advice"] for name in ("PUBLIC_URL", "API_PREFIX", "ROUTE_FILE_GET"))
    await NotedAddresses(client, NEW.assets_url).note()
    await new.note()
    await NotedAddresses(client, OLD.assets_url).note()
    await new.note()
    assert len(said()) == 2, "it was right meanwhile"


async def is_noted(client: Redis) -> bool:
    return bool(await client.get(keys.ADDRESSES) == OLD.assets_url.encode())


async def test_what_redis_has_lost_is_noted_again(client: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "_LOOK_SECONDS", 0.02)
    one = NotedAddresses(client, OLD.assets_url)
    await one.begin()
    task = asyncio.create_task(one.keep())
    await client.flushall()
    await eventually(lambda: is_noted(client))
    await cancellation.end([task])


class Counting(NotedAddresses):
    """Counts how often Redis has not answered."""

    failures = 0

    async def note(self) -> None:
        try:
            await super().note()
        except RedisError:
            self.failures += 1
            raise


async def test_a_start_without_redis_goes_on_and_notes_them_later(
    server: RedisServer, client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "_LOOK_SOON_SECONDS", 0.02)
    one = Counting(client, OLD.assets_url)
    server.stop()
    await one.begin()
    task = asyncio.create_task(one.keep())

    async def has_looked_in_vain() -> bool:
        return one.failures > 1  # The first is the start itself.

    await eventually(has_looked_in_vain)
    server.start()
    await eventually(lambda: is_noted(client))
    await cancellation.end([task])
