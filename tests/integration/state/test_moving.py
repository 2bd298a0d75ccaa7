"""Moves on a real Redis: an asset is found at its new path, and by its old ones as long as they are not taken."""

from dataclasses import replace

import pytest

from services.core.assets import identity, moves
from services.core.assets.entries import Entry, with_fields
from services.core.assets.retired import Undo
from services.core.errors import AlreadyExists, NoEntry, Unavailable
from services.core.state import commands, entry_json, keys
from services.core.state.changes import ChangeLog, EntryDeleted, EntryWritten
from services.core.state.claim import Claim
from services.core.state.compare_and_set import Commit, Found
from services.core.state.connection import Redis
from services.core.state.entry_reader import EntryReader, finding, following
from services.core.state.moving import OldPaths
from services.core.state.retired import RetiredObjects
from services.jobs.dumps.staging import Staging
from tests.support.catalogs import CatalogUser, an_entry

OLDER_UUID = "E080A95353004277B9396E235D8238A2"


async def create(catalog: CatalogUser, entry: Entry) -> Entry:
    claim = await catalog.claims.make(entry.unique_name)
    entry = replace(entry, storage_key=claim.storage_key)
    await catalog.entries.create(entry, claim)
    return entry


async def move(catalog: CatalogUser, uuid: str, folder: str | None = None, base: str | None = None) -> Entry:
    entry, _ = await move_and_commit(catalog, uuid, folder, base)
    return entry


async def move_and_commit(
    catalog: CatalogUser, uuid: str, folder: str | None = None, base: str | None = None
) -> tuple[Entry, Commit]:
    found = await catalog.entries.find(uuid)
    name = moves.renamed(found.entry, folder, base)
    claim = await catalog.claims.make(name.unique_name)
    entry = moves.moved(found.entry, name, claim.storage_key)
    commit = await catalog.entries.move(found, entry, claim)
    assert commit
    return entry, commit


async def found_at(client: Redis, *paths: str) -> list[bool]:
    """Say of each path whether the public is led from it to an asset."""
    wanted = [identity.entry_key(path) for path in paths]
    return [raw is not None for raw in await EntryReader(client, following).read(wanted)]


async def led_to(client: Redis, path: str) -> Entry | None:
    [raw] = await EntryReader(client, following).read([identity.entry_key(path)])
    return entry_json.read(raw) if raw else None


async def test_an_asset_is_found_by_all_its_names_old_and_new(client: Redis, catalog: CatalogUser) -> None:
    before = await create(catalog, an_entry("cat"))
    after = await move(catalog, before.uuid, "archive", "dog")
    assert after.unique_name == "/DEV/archive/dog.webp"
    for uuid in (after.uuid, after.key, before.uuid, before.key, before.uuid.replace("-", "").upper()):
        assert await catalog.entries.get(uuid) == after
    assert await catalog.entries.raw(before.key) is None
    assert await led_to(client, before.unique_name) == after
    assert await led_to(client, after.unique_name) is None
    assert await EntryReader(client, finding).read([before.uuid]) == [await catalog.entries.raw(after.key)]
    assert await commands.hgetall(client, keys.UUIDS) == {after.uuid.encode(): after.key.encode()}


async def test_a_move_leaves_the_object_behind_and_keeps_the_place_in_the_list(
    client: Redis, catalog: CatalogUser
) -> None:
    before, other = await create(catalog, an_entry("cat")), await create(catalog, an_entry("other"))
    after, commit = await move_and_commit(catalog, before.uuid, "archive")
    assert [left.storage_key for left in commit.leftovers] == [before.storage_key]
    [(key, claim)] = (await commands.hgetall(client, keys.CLAIMS)).items()
    stale = Claim(key.decode(), claim.decode())
    assert (stale.storage_key, stale.owner, stale.entry_key) == (before.storage_key, "obsolete", before.key)
    assert stale.intended == before
    order = await client.zrange(keys.ORDER, 0, -1, withscores=True)
    assert order == [(after.key.encode(), 1.0), (other.key.encode(), 2.0)]


async def test_a_move_is_two_changes_and_the_second_is_waited_for(client: Redis, catalog: CatalogUser) -> None:
    before = await create(catalog, an_entry("cat"))
    after, commit = await move_and_commit(catalog, before.uuid, "archive")
    *_, gone, new = await ChangeLog(client).from_(0, 10)
    assert gone == EntryDeleted(gone.number, "", "", before.uuid, before.unique_name, before.original_name)
    assert new == EntryWritten(commit.number, "", "", after.uuid, after.unique_name)
    assert gone.number < new.number


@pytest.mark.parametrize("date", ["2099-01-31T17:00:00.000+00:00", None])
async def test_the_expiration_goes_with_the_asset(client: Redis, catalog: CatalogUser, date: str | None) -> None:
    before = await create(catalog, an_entry("cat", expiration_date=date))
    after = await move(catalog, before.uuid, "archive")
    expected = [(after.key.encode(), after.expires_at)] if date else []
    assert await client.zrange(keys.EXPIRY, 0, -1, withscores=True) == expected


async def test_the_uuid_of_the_older_service_stays_with_its_asset(client: Redis, catalog: CatalogUser) -> None:
    before = await create(catalog, an_entry("cat", uuid=OLDER_UUID))
    after = await move(catalog, OLDER_UUID, "archive")
    assert after.uuid == OLDER_UUID
    other = await create(catalog, an_entry("cat"))
    assert await catalog.entries.get(OLDER_UUID) == after
    assert await catalog.entries.get(other.uuid) == other
    assert other.uuid == identity.asset_uuid(before.unique_name)


async def test_every_old_path_leads_to_where_the_asset_is_now(client: Redis, catalog: CatalogUser) -> None:
    a = await create(catalog, an_entry("cat", folder="a"))
    b = await move(catalog, a.uuid, "b")
    c = await move(catalog, a.uuid, "c")
    assert await led_to(client, a.unique_name) == await led_to(client, b.unique_name) == c
    back = await move(catalog, b.uuid, "a")
    assert back.unique_name == a.unique_name
    assert await led_to(client, a.unique_name) is None
    assert await led_to(client, b.unique_name) == await led_to(client, c.unique_name) == back
    [known] = (await commands.hgetall(client, keys.OLD_PATHS)).values()
    assert [line.split()[1].decode() for line in known.splitlines()] == [c.unique_name, b.unique_name]


async def test_who_comes_to_a_path_on_the_way_is_never_taken_for_the_moved_asset(
    client: Redis, catalog: CatalogUser
) -> None:
    a = await create(catalog, an_entry("cat", folder="a"))
    b = await move(catalog, a.uuid, "b")
    c = await move(catalog, a.uuid, "c")
    stranger = await create(catalog, an_entry("cat", folder="b"))
    assert stranger.unique_name == b.unique_name
    assert await led_to(client, a.unique_name) == c
    assert await led_to(client, b.unique_name) is None
    assert await catalog.entries.get(b.uuid) == stranger
    await catalog.entries.delete(stranger.uuid, lambda _: None)
    assert await found_at(client, a.unique_name, b.unique_name) == [True, False], "taken once, free for good"
    with pytest.raises(NoEntry):
        await catalog.entries.get(b.uuid)


async def test_the_old_path_of_a_second_asset_leads_to_that_one(client: Redis, catalog: CatalogUser) -> None:
    first = await create(catalog, an_entry("cat", folder="a"))
    await move(catalog, first.uuid, "b")
    second = await create(catalog, an_entry("cat", folder="a"))
    there = await move(catalog, second.uuid, "c")
    assert await led_to(client, first.unique_name) == there
    await catalog.entries.delete(identity.asset_uuid("/DEV/b/cat.webp"), lambda _: None)
    assert await led_to(client, first.unique_name) == there, "the end of the first asset is none of the second"


async def test_with_an_asset_its_old_paths_end(client: Redis, catalog: CatalogUser) -> None:
    a = await create(catalog, an_entry("cat", folder="a"))
    await move(catalog, a.uuid, "b")
    c = await move(catalog, a.uuid, "c")
    await catalog.entries.delete(c.uuid, lambda _: None)
    assert await found_at(client, a.unique_name, "/DEV/b/cat.webp") == [False, False]
    assert not await client.exists(keys.MOVED, keys.OLD_PATHS)
    *_, last = await ChangeLog(client).from_(0, 20)
    assert isinstance(last, EntryDeleted)
    assert last.also == ("/DEV/b/cat.webp", a.unique_name)


async def test_a_change_of_the_asset_concerns_its_old_paths(client: Redis, catalog: CatalogUser) -> None:
    a = await create(catalog, an_entry("cat", folder="a"))
    b = await move(catalog, a.uuid, "b")
    await catalog.entries.change(b.uuid, lambda old: with_fields(old, {"expired": True}, 0.0))
    *_, last = await ChangeLog(client).from_(0, 20)
    assert isinstance(last, EntryWritten)
    assert last.also == (a.unique_name,)
    await move(catalog, b.uuid, "c")
    *_, gone, new = await ChangeLog(client).from_(0, 20)
    assert isinstance(gone, EntryDeleted)
    assert isinstance(new, EntryWritten)
    assert (gone.unique_name, gone.also, new.also) == (b.unique_name, (a.unique_name,), ())


async def test_of_many_old_paths_the_last_ones_stay(client: Redis, catalog: CatalogUser) -> None:
    entry = await create(catalog, an_entry("cat", folder="f0"))
    for at in range(1, 26):
        entry = await move(catalog, entry.uuid, f"f{at}")
    paths = [f"/DEV/f{at}/cat.webp" for at in range(25)]
    assert await found_at(client, *paths) == [at >= 5 for at in range(25)]
    assert await client.hlen(keys.MOVED) == 40


async def test_a_taken_path_is_refused_and_nothing_is_written(client: Redis, catalog: CatalogUser) -> None:
    one, other = await create(catalog, an_entry("cat")), await create(catalog, an_entry("cat", folder="a"))
    with pytest.raises(AlreadyExists) as refused:
        await move(catalog, one.uuid, "a")
    assert (refused.value.subject.unique_name, refused.value.subject.uuid) == (other.unique_name, other.uuid)
    assert await catalog.entries.get(one.uuid) == one
    assert await catalog.entries.get(other.uuid) == other


async def test_the_faster_writer_wins(client: Redis, catalog: CatalogUser) -> None:
    before = await create(catalog, an_entry("cat"))
    found = await catalog.entries.find(before.uuid)
    changed, _ = await catalog.entries.change(before.uuid, lambda old: with_fields(old, {"alt": "A cat"}, 0.0))
    name = moves.renamed(before, "archive", None)
    claim = await catalog.claims.make(name.unique_name)
    assert await catalog.entries.move(found, moves.moved(before, name, claim.storage_key), claim) is None
    assert await catalog.entries.get(before.uuid) == changed
    assert await catalog.claims.are_made([claim.storage_key]) == [True]


async def test_a_writer_that_has_lost_its_claim_moves_nothing(client: Redis, catalog: CatalogUser) -> None:
    before = await create(catalog, an_entry("cat"))
    found, name = await catalog.entries.find(before.uuid), moves.renamed(before, "archive", None)
    claim = await catalog.claims.make(name.unique_name)
    await client.hdel(keys.CLAIMS, claim.storage_key)  # type: ignore[misc]
    with pytest.raises(Unavailable):
        await catalog.entries.move(found, moves.moved(before, name, claim.storage_key), claim)
    assert await catalog.entries.get(before.uuid) == before


async def test_a_move_that_is_sent_twice_is_one(
    client: Redis, catalog: CatalogUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await create(catalog, an_entry("cat"))
    monkeypatch.setattr("services.core.state.changes.token", lambda: "the same")
    found, name = await catalog.entries.find(before.uuid), moves.renamed(before, "archive", None)
    claim = await catalog.claims.make(name.unique_name)
    entry = moves.moved(before, name, claim.storage_key)
    first, second = [await catalog.entries.move(Found(found.raw, before), entry, claim) for _ in range(2)]
    assert first
    assert second
    assert first.number == second.number
    assert len(await ChangeLog(client).from_(0, 10)) == 3


async def test_earlier_versions_go_with_the_asset(client: Redis) -> None:
    catalog = CatalogUser(client, Undo(versions=2, trash_days=0))
    first = await create(catalog, an_entry("cat"))
    claim = await catalog.claims.make(first.unique_name)
    second, _ = await catalog.entries.change(
        first.uuid, lambda old: replace(old, version=2, storage_key=claim.storage_key), claim
    )
    after = await move(catalog, second.uuid, "archive")
    assert await RetiredObjects(client).versions(first.key) == []
    [version] = await RetiredObjects(client).versions(after.key)
    assert version.entry == first


async def test_old_paths_are_forgotten_after_their_time(client: Redis, catalog: CatalogUser) -> None:
    a = await create(catalog, an_entry("cat", folder="a"))
    other = await create(catalog, an_entry("other"))
    _, first = await move_and_commit(catalog, a.uuid, "b")
    _, second = await move_and_commit(catalog, a.uuid, "c")
    await move(catalog, other.uuid, "d")
    paths = a.unique_name, "/DEV/b/cat.webp", other.unique_name
    old_paths, between = OldPaths(client), first.number
    assert [found async for found in old_paths.left_before(between)] == [("1", 1)]
    assert await old_paths.forget("1", between) == 1
    assert await found_at(client, *paths) == [False, True, True]
    assert await old_paths.forget("1", between) == 0
    assert {found async for found in old_paths.left_before(second.number + 10**9)} == {("1", 1), ("2", 1)}
    assert await old_paths.forget("1", second.number) == 1
    assert await found_at(client, *paths) == [False, False, True]
    assert await client.hkeys(keys.OLD_PATHS) == [b"2"]  # type: ignore[misc]


async def test_a_path_that_is_by_now_of_another_asset_is_not_forgotten_with_the_first(
    client: Redis, catalog: CatalogUser
) -> None:
    first = await create(catalog, an_entry("cat", folder="a"))
    _, commit = await move_and_commit(catalog, first.uuid, "b")
    second = await create(catalog, an_entry("cat", folder="a"))
    there = await move(catalog, second.uuid, "c")
    assert await OldPaths(client).forget("1", commit.number) == 1
    assert await led_to(client, first.unique_name) == there


@pytest.mark.parametrize("how", ["cleared", "restored"])
async def test_a_whole_new_catalog_has_no_old_paths(client: Redis, catalog: CatalogUser, how: str) -> None:
    before = await create(catalog, an_entry("cat"))
    await move(catalog, before.uuid, "archive")
    if how == "cleared":
        await catalog.entries.clear()
    else:
        staging = Staging(client)
        await staging.add([an_entry("other")])
        await staging.switch()
    assert await found_at(client, before.unique_name) == [False]
