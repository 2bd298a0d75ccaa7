"""The job empty_trash on a real Redis with files: what is due goes, and nothing else."""

import pytest

from services.core.assets import moves
from services.core.assets.retired import Undo
from services.core.state import keys
from services.core.state.connection import Redis
from services.core.state.counting import Counting
from services.core.state.moving import OldPaths
from services.core.state.retired import RetiredObjects
from services.core.storage.local import LocalStorage
from services.jobs.upkeep.empty_trash import Emptied, empty_trash, forget_old_paths
from tests.support.editor import Editor, check_owners
from tests.support.objects import listed

DAY = 86_400
UNDO = Undo(versions=2, trash_days=30)


@pytest.fixture
def editor(client: Redis, storage: LocalStorage) -> Editor:
    return Editor(client, storage, UNDO)


async def emptied(
    editor: Editor, number: int, days: float, undo: Undo = UNDO, *, up_to: int = 0, dry_run: bool = False
) -> Emptied:
    """Run the job so many days after the change with a number."""
    user, now = editor.user, number / 1_000_000 + days * DAY
    retired, reaper = RetiredObjects(user.client), user.reaper(editor.storage)
    return await empty_trash(retired, user.entries, reaper, undo, now, up_to=up_to, dry_run=dry_run)


async def test_a_deleted_asset_stays_for_its_time_and_goes_with_its_versions(
    client: Redis, editor: Editor, storage: LocalStorage
) -> None:
    await editor.upload()
    await editor.replace()
    number = await editor.delete()
    assert await emptied(editor, number, 29.9) == Emptied(dry_run=False)
    assert await emptied(editor, number, 30.1, dry_run=True) == Emptied(dry_run=True, assets=1)
    assert len(await listed(storage)) == 2
    assert await emptied(editor, number, 30.1) == Emptied(dry_run=False, assets=1, deleted=2)
    assert not await listed(storage)
    await check_owners(client, storage)


@pytest.mark.parametrize(("days", "moved_days", "forgotten"), [(364, 365, 0), (366, 365, 1), (9999, 0, 0)])
async def test_old_paths_are_forgotten_after_their_days(
    client: Redis, editor: Editor, days: int, moved_days: int, forgotten: int
) -> None:
    entry = await editor.upload()
    claim = await editor.user.claims.make("/DEV/a/cat.webp")
    entry_there = moves.moved(entry, moves.renamed(entry, "a", None), claim.storage_key)
    commit = await editor.user.entries.move(await editor.user.entries.find(entry.uuid), entry_there, claim)
    assert commit
    now = commit.number / 1_000_000 + days * DAY
    old_paths = OldPaths(client)
    assert await forget_old_paths(old_paths, moved_days, now, dry_run=True) == forgotten
    assert await client.hlen(keys.OLD_PATHS) == 1  # type: ignore[misc]
    assert await forget_old_paths(old_paths, moved_days, now) == forgotten
    assert await client.hlen(keys.OLD_PATHS) == 1 - forgotten  # type: ignore[misc]


async def test_what_was_deleted_up_to_an_id_goes_if_that_is_asked_for(
    client: Redis, editor: Editor, storage: LocalStorage
) -> None:
    numbers = []
    for _ in range(3):
        await editor.upload()
        numbers.append(await editor.delete())
    assert await emptied(editor, numbers[-1], 0, up_to=numbers[1]) == Emptied(dry_run=False, assets=2, deleted=2)
    [left] = (await RetiredObjects(client).trash(10)).found
    assert left.number == numbers[-1]
    await check_owners(client, storage)


async def test_the_trash_goes_when_it_is_turned_off(editor: Editor, storage: LocalStorage) -> None:
    await editor.upload()
    assert (await emptied(editor, await editor.delete(), 0, Undo())).assets == 1
    assert not await listed(storage)


async def test_versions_go_when_fewer_are_kept(client: Redis, editor: Editor, storage: LocalStorage) -> None:
    await editor.upload()
    for _ in range(2):
        last = await editor.replace()
    revision = int(await editor.user.entries.revision())
    assert await emptied(editor, revision, 400) == Emptied(dry_run=False)
    assert await emptied(editor, revision, 0, Undo(versions=1)) == Emptied(dry_run=False, versions=1, deleted=1)
    [left] = await RetiredObjects(client).versions(last.key)
    assert left.entry.version == 2
    await check_owners(client, storage)


async def test_versions_without_their_asset_stay_for_a_week_after_the_catalog_is_emptied(
    client: Redis, editor: Editor, storage: LocalStorage
) -> None:
    first = await editor.upload()
    last = await editor.replace()
    _, commit = await editor.user.entries.clear()
    assert commit
    assert await emptied(editor, commit.number, 6.9) == Emptied(dry_run=False)
    assert await emptied(editor, commit.number, 7.1) == Emptied(dry_run=False, versions=1, deleted=1)
    assert set(await listed(storage)) == {last.storage_key} != {first.storage_key}


async def test_what_an_entry_refers_to_again_is_not_deleted_nor_are_its_versions(
    client: Redis, editor: Editor, storage: LocalStorage
) -> None:
    """As after the restore of a dump from before the deletion that has died behind the switch."""
    first = await editor.upload()
    await editor.replace()
    before = {key: await client.dump(key) for key in (keys.ENTRIES, keys.ORDER, keys.UUIDS)}
    number = await editor.delete()
    for key, value in before.items():
        assert value
        await client.restore(key, 0, value)
    await client.unlink(keys.USAGE)  # A real restore counts anew.
    await Counting(client).make()
    assert await emptied(editor, number, 31) == Emptied(dry_run=False)
    assert await editor.reap() == 0
    [version] = await RetiredObjects(client).versions(first.key)
    assert version.entry == first
    assert not await client.exists(keys.TRASH, keys.CLAIMS)
    await check_owners(client, storage)
