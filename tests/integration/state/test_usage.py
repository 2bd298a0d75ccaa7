"""What each namespace has: counted exactly, whenever the counting begins, and kept within quotas."""

import asyncio
import random
from dataclasses import replace

import pytest

from services.core.assets import identity
from services.core.assets.entries import Entry, with_earlier_file
from services.core.assets.quotas import Quota
from services.core.assets.retired import Undo
from services.core.errors import QuotaExceeded
from services.core.state import commands, keys, usage
from services.core.state.compare_and_set import Commit
from services.core.state.connection import Redis
from services.core.state.counting import Counting
from services.core.state.retired import RetiredObjects
from services.core.state.usage import Used
from services.jobs.dumps.staging import Staging
from tests.support.catalogs import CatalogUser, an_entry, fill, many

UNDO = Undo(versions=2, trash_days=30)


def asset(name: str, size: int, namespace: str = "DEV", version: int = 1) -> Entry:
    """Return an entry whose file is an object of its own."""
    path = f"/{namespace}/{name}.webp"
    return replace(
        an_entry(name),
        uuid=identity.asset_uuid(path),
        namespace=namespace,
        unique_name=path,
        version=version,
        size=size,
        signature=f"{size:064x}",
        storage_key=f"{path[1:]}.{size:016x}",
    )


async def replaced(user: CatalogUser, name: str, size: int) -> Commit | None:
    _, commit = await user.entries.change(
        asset(name, 0).key,
        lambda old: replace(asset(name, size, old.namespace), version=old.version + 1),
    )
    return commit


async def used(client: Redis, namespace: str = "DEV") -> Used:
    return (await usage.counts(client)).of.get(namespace, Used())


async def count_to_the_end(counting: Counting) -> None:
    await counting.make()
    assert await counting.wrong() == {}


@pytest.mark.parametrize("begins", [0, 40, 90])
async def test_counts_are_exact_whatever_is_written_while_they_are_made(client: Redis, begins: int) -> None:
    chance = random.Random(begins)
    user, objects, counting = CatalogUser(client, UNDO), RetiredObjects(client), Counting(client, step=2)
    await fill(client, many(20))
    sizes = iter(range(1000, 10_000))

    async def step() -> None:
        name, namespace = f"a{chance.randrange(6)}", chance.choice(["DEV", "SHOP"])
        entry = asset(name, next(sizes), namespace)
        there = (await user.entries.raws([entry.key]))[0] is not None
        versions = await objects.versions(entry.key)
        trash = (await objects.trash(5)).found
        match chance.randrange(7):
            case 0 | 1 if there:
                await user.entries.change(entry.key, lambda old: replace(entry, version=old.version + 1))
            case 2 if there:
                await user.entries.delete(entry.key, lambda _: None)
            case 3 if there and versions:
                chosen = chance.choice(versions)
                await user.entries.change(entry.key, lambda old: with_earlier_file(old, replace(chosen.entry, size=7)))
            case 4 if versions:
                chosen = chance.choice(versions)
                await objects.let_go(chosen.entry.storage_key, chosen.number, chosen.group)
            case 5 if trash:
                chosen = chance.choice(trash)
                if not (await user.entries.raws([chosen.entry.key]))[0]:
                    await user.entries.undelete(chosen)
            case _ if not there:
                await user.entries.create(entry)

    for at in range(150):
        await step()
        if at >= begins and at % 3 == 0:
            await counting._count(again_seconds="")
    await count_to_the_end(counting)
    assert not await client.exists(keys.USAGE_COUNTED)


async def test_what_processes_of_the_version_before_have_written_is_counted_an_hour_later(client: Redis) -> None:
    counting = Counting(client)
    await fill(client, many(3))
    await counting.make(now=0)
    await fill(client, many(5))
    assert (await used(client)).assets == 3
    assert set(await counting.wrong() or {}) == {"DEV"}
    due = float(await commands.hget(client, keys.USAGE, "again") or 0)
    await counting.make(now=due - 1)
    assert (await used(client)).assets == 3
    await counting.make(now=due)
    assert (await used(client)).assets == 5
    assert await counting.wrong() == {}
    assert await commands.hget(client, keys.USAGE, "again") is None


async def test_a_new_installation_is_counted_only_once(client: Redis) -> None:
    await Counting(client).make()
    assert await usage.counts(client) == usage.Counts({}, is_complete=True)
    assert await commands.hget(client, keys.USAGE, "again") is None


async def test_a_restored_and_an_emptied_catalog_are_counted_anew_and_refused_by_no_quota(client: Redis) -> None:
    user, counting = CatalogUser(client, UNDO, {"DEV": Quota(10, 1)}), Counting(client)
    await counting.make()
    await CatalogUser(client, UNDO).entries.create(asset("cat", 100))
    await user.entries.delete(asset("cat", 100).key, lambda _: None)
    staging = Staging(client)
    await staging.add([asset("dog", 50), asset("cow", 7), asset("dog", 5, "SHOP")])
    await staging.switch()
    assert await used(client) == Used(bytes=57, assets=2, retired_bytes=100, retired=1)
    assert await used(client, "SHOP") == Used(bytes=5, assets=1)
    assert await counting.wrong() == {}
    await user.entries.clear()
    assert await used(client) == Used(retired_bytes=100, retired=1)
    assert await counting.wrong() == {}


@pytest.mark.parametrize(("quota", "fitting"), [(Quota(bytes=350), 3), (Quota(assets=4), 4), (Quota(400, 2), 2)])
async def test_of_many_at_once_exactly_those_are_written_that_fit(client: Redis, quota: Quota, fitting: int) -> None:
    await Counting(client).make()
    users = [CatalogUser(client, limits={"DEV": quota}) for _ in range(10)]
    creating = [user.entries.create(asset(f"cat{at}", 100)) for at, user in enumerate(users)]
    results = await asyncio.gather(*creating, return_exceptions=True)
    assert [type(one) for one in results].count(Commit) == fitting
    assert [type(one) for one in results].count(QuotaExceeded) == 10 - fitting
    assert await used(client) == Used(bytes=fitting * 100, assets=fitting)
    await CatalogUser(client, limits={"DEV": quota}).entries.create(asset("cat", 100, "SHOP"))


@pytest.mark.parametrize(
    ("versions", "sizes", "last", "fits"),
    [
        pytest.param(0, [100], 200, True, id="a replacement needs the difference"),
        pytest.param(0, [100], 201, False, id="and no more"),
        pytest.param(1, [90], 110, True, id="an earlier version stays and counts"),
        pytest.param(1, [90], 111, False, id="so both have to fit"),
        pytest.param(1, [150, 50], 150, True, id="a version that is let go makes room"),
        pytest.param(1, [150, 50], 151, False, id="as much as it had"),
        pytest.param(2, [50, 100], 50, True, id="versions are let go only when there are too many"),
        pytest.param(2, [50, 100], 51, False, id="all others count"),
        pytest.param(0, [300], 299, True, id="with too much already, less is not refused"),
        pytest.param(0, [300], 301, False, id="but more is"),
    ],
)
async def test_a_replacement_needs_what_it_adds(
    client: Redis, versions: int, sizes: list[int], last: int, fits: bool
) -> None:
    undo, counting = Undo(versions=versions), Counting(client)
    await counting.make()
    free, limited = CatalogUser(client, undo), CatalogUser(client, undo, {"DEV": Quota(bytes=200)})
    await free.entries.create(asset("cat", sizes[0]))
    for size in sizes[1:]:
        await replaced(free, "cat", size)
    before = await used(client), {key: await client.dump(key) for key in await client.keys()}
    if fits:
        assert await replaced(limited, "cat", last)
    else:
        with pytest.raises(QuotaExceeded):
            await replaced(limited, "cat", last)
        assert (await used(client), {key: await client.dump(key) for key in await client.keys()}) == before
    assert await counting.wrong() == {}


async def test_the_trash_counts_as_bytes_and_coming_back_from_it_as_an_asset(client: Redis) -> None:
    user, objects = CatalogUser(client, UNDO, {"DEV": Quota(150, 1)}), RetiredObjects(client)
    await Counting(client).make()
    await user.entries.create(asset("cat", 100))
    _, commit = await user.entries.delete(asset("cat", 100).key, lambda _: None)
    assert await used(client) == Used(retired_bytes=100, retired=1)
    with pytest.raises(QuotaExceeded, match="has 100 of 150 bytes, and 60 more are needed"):
        await user.entries.create(asset("dog", 60))
    await user.entries.create(asset("dog", 50))
    trashed = await objects.trashed(commit.number)
    assert trashed
    with pytest.raises(QuotaExceeded, match="has 1 of 1 assets, and 1 more are needed"):
        await user.entries.undelete(trashed)
    await user.entries.delete(asset("dog", 50).key, lambda _: None)
    await user.entries.undelete(trashed)
    assert await used(client) == Used(100, 1, 50, 1)
    assert await Counting(client).wrong() == {}


async def test_changes_that_need_no_room_are_not_refused(client: Redis) -> None:
    await CatalogUser(client).entries.create(asset("cat", 100))
    await Counting(client).make()
    full = CatalogUser(client, limits={"DEV": Quota(0, 0)})
    await full.entries.change(asset("cat", 1).key, lambda old: replace(old, information="new"))
    await full.entries.delete(asset("cat", 1).key, lambda _: None)
    with pytest.raises(QuotaExceeded):
        await full.entries.create(asset("cat", 1))
