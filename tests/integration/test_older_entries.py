"""Entries of the version before are found by the MD5 of their paths after the start of a worker, on a real Redis."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from services.core.assets import identity
from services.core.errors import NotFound
from services.core.state import cancellation, keys
from services.core.state.connection import Redis, connect
from services.core.state.entries import Entries
from services.jobs.upkeep import older_entries
from services.jobs.upkeep.older_entries import keep_naming, name_older_entries
from tests.processes.jobs_worker import JobsWorker
from tests.processes.redis_server import RedisServer
from tests.support.catalogs import an_entry, leave, many
from tests.support.waits import eventually

OLDER = [replace(entry, uuid=entry.key) for entry in many(1203)]


async def test_every_entry_is_found_and_not_one_byte_of_them_is_changed(client: Redis) -> None:
    await leave(client, OLDER)
    before, revision = await client.hgetall(keys.ENTRIES), await client.get(keys.REVISION)  # type: ignore[misc]
    entries = Entries(client)
    with pytest.raises(NotFound):
        await entries.get(identity.asset_uuid(OLDER[-1].unique_name))
    assert await name_older_entries(client) == len(OLDER)
    for entry in OLDER:
        assert await entries.get(identity.asset_uuid(entry.unique_name)) == entry
        assert await entries.get(entry.uuid) == entry
    assert await client.hgetall(keys.ENTRIES) == before  # type: ignore[misc]
    assert await client.get(keys.REVISION) == revision, "nothing is stale"
    assert await name_older_entries(client) == 0, "once"


async def test_a_worker_that_starts_has_them_found(server: RedisServer, client: Redis, tmp_path: Path) -> None:
    await leave(client, OLDER[:1])
    uuid = identity.asset_uuid(OLDER[0].unique_name)

    async def is_found() -> bool:
        try:
            return await Entries(client).get(uuid) == OLDER[0]
        except NotFound:
            return False

    assert not await is_found()
    worker = JobsWorker(server, tmp_path)
    try:
        await eventually(is_found)
    finally:
        worker.stop()


async def test_where_all_are_named_none_is_named_again(client: Redis) -> None:
    await Entries(client).create(an_entry(), None)
    assert await name_older_entries(client) == 0


@pytest.mark.parametrize("has", ["an entry with two names", "a name that outlived its entry"])
async def test_names_beside_those_of_the_entries_hide_no_entry_without_one(client: Redis, has: str) -> None:
    if has == "an entry with two names":
        await Entries(client).create(an_entry(uuid="e080a953-5300-427b-bd39-6e235d8238a2"), None)
    else:
        await Entries(client).create(an_entry(), None)
        await client.hdel(keys.ENTRIES, an_entry().key)  # type: ignore[misc]
        await client.delete(keys.ORDER)
    await leave(client, OLDER[:1], after=8)
    assert await name_older_entries(client) == 1
    assert await Entries(client).get(identity.asset_uuid(OLDER[0].unique_name)) == OLDER[0]


async def test_the_md5_of_a_path_finds_its_entry_though_another_shows_it(client: Redis) -> None:
    other = replace(an_entry("dog"), uuid=identity.asset_uuid(OLDER[0].unique_name))
    await Entries(client).create(other, None)
    await leave(client, OLDER[:2])
    await name_older_entries(client)
    assert await Entries(client).get(other.uuid) == OLDER[0]
    assert await Entries(client).get(an_entry("dog").uuid) == other


async def test_it_begins_again_when_redis_fails(
    client: Redis, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(older_entries, "_AGAIN_SECONDS", 0.02)
    away = connect("redis://127.0.0.1:1")
    task = asyncio.create_task(keep_naming(away))

    async def is_said() -> bool:
        return caplog.messages.count("older_entries_delayed") > 1

    await eventually(is_said)
    await cancellation.end([task])
    await away.aclose()
    await leave(client, OLDER[:3])
    await keep_naming(client)
    assert await Entries(client).get(identity.asset_uuid(OLDER[2].unique_name)) == OLDER[2]
