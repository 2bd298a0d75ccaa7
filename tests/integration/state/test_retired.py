"""Retired objects on a real Redis, with files: whatever is done, each object has exactly one owner, or is gone."""

from dataclasses import replace
from pathlib import Path

import pytest

from services.core.assets import identity
from services.core.assets.entries import with_fields
from services.core.assets.retired import Retired, Undo
from services.core.dumps.loss import signs_of_loss
from services.core.dumps.stores import open_dumps
from services.core.errors import AlreadyExists, NoEntry, Unavailable
from services.core.state import commands, keys
from services.core.state import retired as retired_module
from services.core.state.compare_and_set import NotRetired
from services.core.state.connection import Redis
from services.core.state.retired import RetiredObjects, TrashSize
from services.core.storage import StorageSettings, StoredObject
from services.core.storage.local import LocalStorage
from services.jobs.upkeep.sync import sync
from tests.support.catalogs import an_entry
from tests.support.editor import KEY, Editor, check_owners, let_go
from tests.support.objects import listed, put

UNDO = Undo(versions=2, trash_days=30)


@pytest.fixture
def objects(client: Redis) -> RetiredObjects:
    return RetiredObjects(client)


@pytest.fixture
def editor(client: Redis, storage: LocalStorage) -> Editor:
    return Editor(client, storage, UNDO)


async def trashed_of(objects: RetiredObjects, number: int) -> Retired:
    found = await objects.trashed(number)
    assert found
    return found


async def test_a_replaced_file_is_an_earlier_version_with_its_entry(
    client: Redis, editor: Editor, objects: RetiredObjects, storage: LocalStorage
) -> None:
    first = await editor.upload()
    second = await editor.replace()
    [version] = await objects.versions(KEY)
    assert version.entry == first
    assert not version.is_trashed
    assert await editor.reap() == 0
    assert sorted(await listed(storage)) == sorted([first.storage_key, second.storage_key])
    await check_owners(client, storage)


async def test_only_the_last_versions_stay(
    client: Redis, editor: Editor, objects: RetiredObjects, storage: LocalStorage
) -> None:
    await editor.upload()
    for _ in range(12):
        await editor.replace()
    assert [version.entry.version for version in await objects.versions(KEY)] == [12, 11]
    assert len(await listed(storage)) == 3
    assert await editor.reap() == 0
    await check_owners(client, storage)


async def test_a_changed_field_makes_no_version(editor: Editor, objects: RetiredObjects) -> None:
    await editor.upload()
    await editor.user.entries.change(KEY, lambda old: with_fields(old, {"information": "a cat"}, 0.0))
    assert await objects.versions(KEY) == []


async def test_an_earlier_version_is_restored_as_the_next_one(
    client: Redis, editor: Editor, objects: RetiredObjects, storage: LocalStorage
) -> None:
    first = await editor.upload()
    second = await editor.replace()
    [version] = await objects.versions(KEY)
    third = await editor.restore(version)
    assert (third.version, third.signature) == (3, first.signature)
    assert [version.entry for version in await objects.versions(KEY)] == [second]
    await check_owners(client, storage)


async def test_what_was_taken_back_meanwhile_is_not_restored_again(
    client: Redis, editor: Editor, objects: RetiredObjects, storage: LocalStorage
) -> None:
    await editor.upload()
    await editor.replace()
    [version] = await objects.versions(KEY)
    third = await editor.restore(version)
    await editor.replace()
    [gone, _] = await objects.versions(KEY)
    await editor.let_go(gone, objects)
    with pytest.raises(NotRetired):
        await editor.restore(version)
    assert gone.entry == third
    assert (await editor.user.entries.get(third.uuid)).version == 4
    await check_owners(client, storage)


async def test_a_version_is_not_restored_under_a_path_that_its_asset_has_left_meanwhile(
    client: Redis, editor: Editor, objects: RetiredObjects, storage: LocalStorage
) -> None:
    await editor.upload()
    await editor.replace()
    [version] = await objects.versions(KEY)
    moved = await editor.move("dog")
    with pytest.raises(Unavailable):
        await editor.restore(version)
    assert await editor.user.entries.get(moved.uuid) == moved
    await check_owners(client, storage)


async def test_of_two_lives_of_a_path_the_versions_replaced_last_stay(
    client: Redis, editor: Editor, objects: RetiredObjects, storage: LocalStorage
) -> None:
    """An entry that is removed without its file leaves its versions to the next asset there, which begins at 1."""
    await editor.upload()
    for _ in range(2):
        former = await editor.replace()
    await editor.user.entries.delete(KEY, lambda _: None, keep_bytes=True)
    first = await editor.upload()
    second = await editor.replace()
    await editor.replace()
    assert [version.entry for version in await objects.versions(KEY)] == [second, first]
    await editor.reap()
    await check_owners(client, storage, unknown=[former.storage_key])


async def test_a_deleted_asset_is_in_the_trash_and_comes_back_with_its_versions(
    client: Redis, editor: Editor, objects: RetiredObjects, storage: LocalStorage
) -> None:
    first = await editor.upload(information="a cat")
    second = await editor.replace()
    number = await editor.delete()
    with pytest.raises(NoEntry):
        await editor.user.entries.get(first.uuid)
    trashed = await trashed_of(objects, number)
    assert trashed.is_trashed
    assert trashed.entry == second
    assert [version.entry for version in await objects.versions(trashed.group)] == [first]
    assert await objects.versions(KEY) == []
    await check_owners(client, storage)
    again = await editor.undelete(trashed)
    assert replace(again, updated_date=second.updated_date, content_date=second.content_date) == second
    assert await editor.user.entries.get(second.uuid) == again
    assert [version.entry for version in await objects.versions(KEY)] == [first]
    assert (await objects.trash_size()) == TrashSize(0, 0)
    await check_owners(client, storage)


async def test_the_lives_of_a_path_do_not_mix(
    client: Redis, editor: Editor, objects: RetiredObjects, storage: LocalStorage
) -> None:
    first = await editor.upload()
    await editor.replace()
    before = await trashed_of(objects, await editor.delete())
    other = await editor.upload()
    assert other.storage_key not in (first.storage_key, before.entry.storage_key)
    await editor.replace()
    assert [version.entry for version in await objects.versions(KEY)] == [other]
    with pytest.raises(AlreadyExists):
        await editor.undelete(before)
    after = await trashed_of(objects, await editor.delete())
    assert (await objects.trash(10)).found == [after, before]
    await editor.undelete(before)
    assert [version.entry for version in await objects.versions(KEY)] == [first]
    assert [version.entry for version in await objects.versions(after.group)] == [other]
    await check_owners(client, storage)


async def test_an_asset_leaves_the_trash_with_its_versions(
    client: Redis, editor: Editor, objects: RetiredObjects, storage: LocalStorage
) -> None:
    await editor.upload()
    await editor.replace()
    trashed = await trashed_of(objects, await editor.delete())
    assert await editor.let_go(trashed, objects) == 2
    assert not await listed(storage)
    assert await let_go(objects, trashed) == []
    with pytest.raises(NotRetired):
        await editor.undelete(trashed)
    await check_owners(client, storage)


async def test_an_object_is_let_go_although_the_answer_was_lost(
    client: Redis, editor: Editor, objects: RetiredObjects, storage: LocalStorage
) -> None:
    """Redis' client sends the script again then."""
    await editor.upload()
    trashed = await trashed_of(objects, await editor.delete())
    lost = await let_go(objects, trashed)
    assert len(lost) == 1
    assert await let_go(objects, trashed) == lost
    assert await editor.user.reaper(storage).settle_leftovers(lost) == 1
    assert await let_go(objects, trashed) == []
    await check_owners(client, storage)


async def test_what_a_dead_process_has_let_go_is_deleted_by_another(
    client: Redis, editor: Editor, objects: RetiredObjects, storage: LocalStorage
) -> None:
    await editor.upload()
    await editor.replace()
    await let_go(objects, await trashed_of(objects, await editor.delete()))
    assert len(await listed(storage)) == 2
    assert await Editor(client, storage).reap() == 2
    assert not await listed(storage)


async def test_without_the_settings_nothing_is_retired(
    client: Redis, objects: RetiredObjects, storage: LocalStorage
) -> None:
    editor = Editor(client, storage, Undo())
    await editor.upload()
    await editor.replace()
    await editor.delete()
    assert not await listed(storage)
    assert not await client.exists(keys.RETIRED, keys.VERSIONS, keys.TRASH)


async def test_versions_end_with_an_asset_that_is_deleted_for_good(
    client: Redis, objects: RetiredObjects, storage: LocalStorage
) -> None:
    editor = Editor(client, storage, Undo(versions=2))
    await editor.upload()
    await editor.replace()
    await editor.delete()
    assert not await listed(storage)
    assert not await client.exists(keys.RETIRED, keys.VERSIONS, keys.TRASH)


async def test_the_claim_of_a_dead_writer_does_not_take_a_retired_object_away(
    client: Redis, editor: Editor, storage: LocalStorage
) -> None:
    """As a writer of the version before may make it: the plain key looks free to it."""
    first = await editor.upload()
    await editor.replace()
    await commands.hset(client, keys.CLAIMS, first.storage_key, f"dead {KEY}~0123456789abcdef")
    assert await editor.reap() == 0
    assert await commands.hlen(client, keys.CLAIMS) == 0
    await check_owners(client, storage)


async def test_the_key_of_a_retired_object_is_not_given_to_a_writer(editor: Editor) -> None:
    first = await editor.upload()
    await editor.replace()
    claim = await editor.user.claims.make(first.unique_name)
    assert claim.storage_key != first.storage_key
    assert await editor.user.claims.make_on_unused(first.storage_key) is None


async def test_an_object_that_is_catalogued_again_is_no_longer_retired(
    client: Redis, editor: Editor, objects: RetiredObjects, storage: LocalStorage
) -> None:
    first = await editor.upload()
    trashed = await trashed_of(objects, await editor.delete())
    claim = await editor.user.claims.make_on_stored(first.unique_name)
    assert claim
    await editor.user.entries.create(first, claim)
    assert (await objects.trash_size()) == TrashSize(0, 0)
    assert await let_go(objects, trashed) == []
    await check_owners(client, storage)


async def test_the_trash_is_read_page_by_page(editor: Editor, objects: RetiredObjects) -> None:
    numbers = []
    for _ in range(5):
        await editor.upload()
        numbers.append(await editor.delete())
    first = await objects.trash(2)
    second = await objects.trash(2, first.before)
    third = await objects.trash(2, second.before)
    assert [[one.number for one in page.found] for page in (first, second, third)] == [
        numbers[:2:-1],
        numbers[2:0:-1],
        numbers[:1],
    ]
    assert third.before is None
    assert await objects.trash_size() == TrashSize(5, numbers[-1])


async def test_a_part_of_the_trash_is_found_though_it_is_behind_all_others(
    editor: Editor, objects: RetiredObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retired_module, "_PAGE", 2)
    monkeypatch.setattr(retired_module, "EXAMINED_MAX", 4)
    numbers = []
    for at in range(7):
        await editor.upload(information=str(at))
        numbers.append(await editor.delete())
    wanted = {"0", "1", "6"}
    pages: list[list[int]] = []
    before: int | None = None
    while not pages or before is not None:
        page = await objects.trash(1, before, lambda entry: entry.information in wanted)
        pages.append([one.number for one in page.found])
        before = page.before
    assert pages == [[numbers[6]], [], [numbers[1]], [numbers[0]]]


async def test_the_bytes_of_an_entry_are_retired_as_they_are(client: Redis, editor: Editor) -> None:
    """Lua would write some numbers and empty lists in another way."""
    more = {"list": [], "object": {}, "number": 1e21, "text": 'Été "à voir" \n'}
    await editor.upload(more=more)
    before = await editor.user.entries.raw(KEY)
    await editor.delete()
    [record] = (await commands.hgetall(client, keys.RETIRED)).values()
    assert record.split(b" ", 4)[4] == before


async def test_an_asset_whose_uuid_another_one_has_by_now_comes_back_with_that_of_its_path(
    editor: Editor, objects: RetiredObjects
) -> None:
    older = "00000000-0000-4000-8000-000000000001"
    first = await editor.upload(uuid=older)
    trashed = await trashed_of(objects, await editor.delete())
    other = an_entry("dog", uuid=older)
    await editor.user.entries.create(other)
    again = await editor.undelete(trashed)
    assert again.uuid == identity.asset_uuid(first.unique_name)
    assert await editor.user.entries.get(again.uuid) == again
    assert await editor.user.entries.get(older) == other


async def test_an_asset_keeps_the_uuid_that_only_it_has_had(editor: Editor, objects: RetiredObjects) -> None:
    older = "0000000000004000800000000000000A"
    await editor.upload(uuid=older)
    again = await editor.undelete(await trashed_of(objects, await editor.delete()))
    assert again.uuid == older
    assert await editor.user.entries.get(older.lower()) == again


async def test_sync_neither_reports_nor_removes_what_is_retired(
    client: Redis, editor: Editor, storage: LocalStorage
) -> None:
    await editor.upload()
    await editor.replace()
    await editor.delete()
    await editor.upload()
    user = editor.user
    found = await sync(user.entries, user.claims, user.doubts, storage, dry_run=False, max_percent=100)
    assert (found.checked, found.listed, found.unknown_count, found.removed_count) == (1, 3, 0, 0)
    await check_owners(client, storage)


async def test_a_catalog_of_which_all_is_in_the_trash_is_not_lost(
    editor: Editor, storage: LocalStorage, tmp_path: Path
) -> None:
    dumps = open_dumps(
        StorageSettings(data_folder_path=tmp_path / "data", dump_folder_path=tmp_path / "dumps"), storage
    )
    dumps.prepare()
    await editor.upload()
    await editor.replace()
    await editor.delete()
    assert await signs_of_loss(editor.user.entries, storage, dumps) is None
    await put(storage, StoredObject("DEV/dog.webp"), b"a dog")
    assert "DEV/dog.webp" in (await signs_of_loss(editor.user.entries, storage, dumps) or "")


async def test_what_has_changed_its_asset_since_it_was_seen_is_not_let_go(
    client: Redis, editor: Editor, objects: RetiredObjects, storage: LocalStorage
) -> None:
    """As when a job has read a version, and finds its asset in the trash, or there again."""
    await editor.upload()
    await editor.replace()
    [living] = await objects.versions(KEY)
    trashed = await trashed_of(objects, await editor.delete())
    assert await let_go(objects, living) == []
    [version] = await objects.versions(trashed.group)
    await editor.undelete(trashed)
    assert await let_go(objects, version) == []
    assert await objects.versions(KEY) == [living]
    await check_owners(client, storage)
