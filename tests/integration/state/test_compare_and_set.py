"""The one write of an entry, on a real Redis: all of it or nothing, and only over what the writer has read."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from services.core.assets.entries import Entry
from services.core.assets.facts import Facts
from services.core.errors import AlreadyExists, Unavailable
from services.core.state import commands, entry_json, keys
from services.core.state.changes import ChangeLog, EntryDeleted, EntryDescribed, EntryWritten
from services.core.state.compare_and_set import Commit, CompareAndSet, Found
from services.core.state.connection import Redis
from services.core.state.stale_claims import Leftover
from services.jobs.dumps.staging import Staging
from tests.support.catalogs import CatalogUser, an_entry, due

ENTRY = an_entry()
SECOND = replace(ENTRY, version=2, information="second")
THIRD = replace(SECOND, width=3, height=2)


def found(entry: Entry) -> Found:
    return Found(entry_json.write(entry), entry)


FIRST = found(ENTRY)


@pytest.fixture
def compare_and_set(client: Redis) -> CompareAndSet:
    return CompareAndSet(client)


async def everything(client: Redis) -> dict[bytes, bytes | None]:
    return {key: await client.dump(key) for key in await client.keys()}


async def test_a_write_over_what_was_read_is_done(client: Redis, compare_and_set: CompareAndSet) -> None:
    created = await compare_and_set.write(None, ENTRY)
    changed = await compare_and_set.write(FIRST, SECOND)
    assert created is not None
    assert changed is not None
    assert created.number < changed.number
    assert await CatalogUser(client).entries.get(ENTRY.uuid) == SECOND
    assert await client.get(keys.REVISION) == str(changed.number).encode()


@pytest.mark.parametrize("what", ["write", "create", "describe", "delete"])
async def test_over_something_else_nothing_at_all_is_written(
    client: Redis, compare_and_set: CompareAndSet, what: str
) -> None:
    claim = await CatalogUser(client).claims.make("/DEV/cat.webp")
    await compare_and_set.write(None, SECOND)
    before = await everything(client)
    third = replace(ENTRY, information="third", storage_key="DEV/cat.webp.0", expiration_date="2099-01-01T00:00:00Z")
    match what:
        case "write":
            assert await compare_and_set.write(FIRST, third, claim) is None
        case "create":
            assert await compare_and_set.write(None, third, claim) is None
        case "describe":
            assert await compare_and_set.describe(FIRST, third) is None
        case "delete":
            assert await compare_and_set.delete(FIRST) is None
    assert await everything(client) == before


@pytest.mark.parametrize("what", ["write", "describe", "delete"])
async def test_what_is_gone_is_not_written_over(client: Redis, compare_and_set: CompareAndSet, what: str) -> None:
    match what:
        case "write":
            assert await compare_and_set.write(FIRST, SECOND) is None
        case "describe":
            assert await compare_and_set.describe(FIRST, SECOND) is None
        case "delete":
            assert await compare_and_set.delete(FIRST) is None
    assert await everything(client) == {}


async def test_a_claim_is_given_up_in_the_same_step(client: Redis, compare_and_set: CompareAndSet) -> None:
    claim = await CatalogUser(client).claims.make("/DEV/cat.webp")
    assert await compare_and_set.write(None, ENTRY, claim) is not None
    assert not await client.exists(keys.CLAIMS)


async def test_without_the_claim_that_it_had_nothing_is_written(client: Redis, compare_and_set: CompareAndSet) -> None:
    user = CatalogUser(client)
    claim = await user.claims.make("/DEV/cat.webp")
    await user.claims.release(claim)
    with pytest.raises(Unavailable, match="interrupted"):
        await compare_and_set.write(None, ENTRY, claim)
    assert await everything(client) == {}


async def test_bytes_that_an_entry_leaves_are_obsolete_from_that_moment(
    client: Redis, compare_and_set: CompareAndSet
) -> None:
    await compare_and_set.write(None, ENTRY)
    moved = replace(ENTRY, storage_key="DEV/cat.webp.0")
    commit = await compare_and_set.write(FIRST, moved)
    assert commit is not None
    assert commit.leftover == Leftover(ENTRY.key, ENTRY.storage_key)
    commit = await compare_and_set.delete(found(moved))
    assert commit is not None
    assert commit.leftover == Leftover(ENTRY.key, "DEV/cat.webp.0")
    assert await client.hgetall(keys.CLAIMS) == {  # type: ignore[misc]
        ENTRY.storage_key.encode(): f"obsolete {ENTRY.key} {FIRST.raw.decode()}".encode(),
        b"DEV/cat.webp.0": f"obsolete {ENTRY.key} {entry_json.write(moved).decode()}".encode(),
    }


async def test_bytes_that_are_kept_are_not_left_behind(client: Redis, compare_and_set: CompareAndSet) -> None:
    await compare_and_set.write(None, ENTRY)
    commit = await compare_and_set.delete(FIRST, keep_bytes=True)
    assert commit is not None
    assert commit.leftover is None
    assert not await client.exists(keys.CLAIMS, keys.ENTRIES, keys.ORDER)


async def test_each_kind_of_write_is_a_change_in_the_log(client: Redis, compare_and_set: CompareAndSet) -> None:
    described = ENTRY.with_facts(Facts(width=3, height=2, blurhash=None, dominant_color=None))
    await compare_and_set.write(None, ENTRY)
    await compare_and_set.describe(FIRST, described)
    await compare_and_set.delete(found(described))
    kinds = [type(change) for change in await ChangeLog(client).from_(0, 10)]
    assert kinds == [EntryWritten, EntryDescribed, EntryDeleted]


@pytest.mark.parametrize("original_mimetype", ["image/jpeg", "image/svg+xml", "application/pdf"])
async def test_a_new_file_is_to_be_described_and_other_fields_are_not(
    client: Redis, compare_and_set: CompareAndSet, original_mimetype: str
) -> None:
    first = replace(ENTRY, original_mimetype=original_mimetype)
    await compare_and_set.write(None, first)
    second = replace(first, information="second")
    await compare_and_set.write(found(first), second)
    assert await client.xlen(keys.UNDESCRIBED) == 1
    third = replace(second, signature="6f" * 32, version=2)
    await compare_and_set.write(found(second), third)
    assert await client.xlen(keys.UNDESCRIBED) == 2
    # The caches have nothing of the new version, although it has the same bytes.
    await compare_and_set.write(found(third), replace(third, version=3))
    assert await client.xlen(keys.UNDESCRIBED) == 3


async def test_the_expiration_date_follows_the_entry(client: Redis, compare_and_set: CompareAndSet) -> None:
    dated = replace(ENTRY, expiration_date="2099-01-31T17:00:00.500+00:00")
    expired = replace(dated, expired=True)
    await compare_and_set.write(None, dated)
    assert await due(client) == [(ENTRY.key.encode(), dated.expires_at)]
    await compare_and_set.write(found(dated), expired)
    assert await due(client) == []
    await compare_and_set.write(found(expired), dated)
    await compare_and_set.delete(found(dated))
    assert await due(client) == []


def say_twice(monkeypatch: pytest.MonkeyPatch, between: Callable[[], Awaitable[None]] | None = None) -> None:
    """Have each script run twice, as the connection does when the answer to the first was lost."""
    run = commands.evalsha

    async def twice(client: Redis, sha: str, names: Sequence[Any], arguments: Sequence[Any]) -> Any:
        await run(client, sha, names, arguments)
        if between:
            await between()
        return await run(client, sha, names, arguments)

    monkeypatch.setattr(commands, "evalsha", twice)


async def test_a_write_that_is_said_twice_is_done_once_and_known_as_its_own(
    client: Redis, compare_and_set: CompareAndSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    say_twice(monkeypatch)
    created = await compare_and_set.write(None, ENTRY)
    changed = await compare_and_set.write(FIRST, SECOND)
    described = await compare_and_set.describe(found(SECOND), THIRD)
    deleted = await compare_and_set.delete(found(THIRD))
    numbers = [change.number for change in await ChangeLog(client).from_(0, 10)]
    assert [created, changed, described] == [Commit(number) for number in numbers[:3]]
    assert deleted == Commit(numbers[3], Leftover(ENTRY.key, ENTRY.storage_key)), "who deletes is not told 404"
    assert len(numbers) == 4


async def test_a_write_that_is_said_twice_is_known_though_another_one_came_between(
    client: Redis, compare_and_set: CompareAndSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def between() -> None:
        monkeypatch.undo()
        assert await compare_and_set.write(found(SECOND), THIRD) is not None

    await compare_and_set.write(None, ENTRY)
    say_twice(monkeypatch, between)
    assert await compare_and_set.write(FIRST, SECOND) is not None
    assert await CatalogUser(client).entries.get(ENTRY.uuid) == THIRD


async def test_a_catalog_that_is_emptied_or_replaced_by_a_call_that_is_said_twice_is_so_once(
    client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries, staging, known = CatalogUser(client).entries, Staging(client), Staging(client)
    # Redis learns each script at its first use.
    await known.add([an_entry()])
    await known.switch()
    await entries.clear()
    for base in ("cat", "dog"):
        await entries.create(an_entry(base), None)
    say_twice(monkeypatch)
    count, cleared = await entries.clear(confirmed=2)
    assert count == 2, "who has removed them is not told that there were none"
    assert cleared is not None
    await staging.add([an_entry()])
    restored = await staging.switch(only_untouched=False)
    assert await entries.count() == 1
    changes = await ChangeLog(client).from_(0, 10)
    assert [change.number for change in changes[4:]] == [cleared.number, restored.number]


async def test_of_two_writers_of_the_very_same_entry_one_is_told_that_it_was_late(
    client: Redis, compare_and_set: CompareAndSet
) -> None:
    assert await compare_and_set.write(None, ENTRY) is not None
    assert await CompareAndSet(client).write(None, ENTRY) is None
    with pytest.raises(AlreadyExists):
        await CatalogUser(client).entries.create(ENTRY, None)
    commits = await asyncio.gather(*(CompareAndSet(client).write(FIRST, SECOND) for _ in range(8)))
    assert sum(commit is not None for commit in commits) == 1
    assert len(await ChangeLog(client).from_(0, 10)) == 2


async def test_two_that_delete_the_same_entry_are_not_taken_for_one(
    client: Redis, compare_and_set: CompareAndSet
) -> None:
    await compare_and_set.write(None, ENTRY)
    commits = await asyncio.gather(*(CompareAndSet(client).delete(FIRST) for _ in range(8)))
    assert sum(commit is not None for commit in commits) == 1
