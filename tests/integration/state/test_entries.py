"""Entries are read, created, changed, described, deleted and cleared, on a real Redis and by many at a time."""

import asyncio
import secrets
from dataclasses import replace

import pytest

from services.core.assets.entries import Entry
from services.core.assets.facts import Facts
from services.core.errors import AlreadyExists, CatalogReplaced, NotFound
from services.core.state import entries as module
from services.core.state import entry_json
from services.core.state.compare_and_set import CompareAndSet, Found
from services.core.state.connection import Redis
from services.core.state.entries import PAGE, PAGE_BYTES, Entries, NotConfirmed
from tests.support.catalogs import CatalogUser, an_entry, fill, many

SEEN = Facts(width=3, height=2, blurhash="LGF5", dominant_color="#a1b2c3")


@pytest.fixture
def entries(client: Redis) -> Entries:
    return Entries(client)


async def listed(entries: Entries) -> list[str]:
    return [entry_json.read(raw).uuid async for raws in entries.scan() for raw in raws]


async def test_an_entry_is_there_as_it_was_created(entries: Entries) -> None:
    cat, dog = an_entry("cat"), an_entry("dog")
    assert (await entries.raw(cat.key), await entries.count(), await entries.revision()) == (None, 0, "0")
    first = await entries.create(cat, None)
    second = await entries.create(dog, None)
    assert await entries.get(cat.uuid) == cat
    assert await entries.raws([dog.key, "none", cat.key]) == [entry_json.write(dog), None, entry_json.write(cat)]
    assert await entries.raws([]) == []
    assert (await entries.count(), await entries.revision()) == (2, str(second.number))
    assert first.number < second.number
    assert await listed(entries) == [cat.uuid, dog.uuid]


async def test_a_path_is_taken_once(client: Redis) -> None:
    outcomes = await asyncio.gather(
        *(Entries(client).create(an_entry(information=str(at)), None) for at in range(10)), return_exceptions=True
    )
    assert sum(isinstance(outcome, AlreadyExists) for outcome in outcomes) == 9
    assert await Entries(client).count() == 1


@pytest.mark.parametrize("is_there", [False, True])
async def test_an_entry_is_put_whether_it_was_expected_to_be_there_or_not(entries: Entries, is_there: bool) -> None:
    def step(current: Entry | None) -> Entry:
        return an_entry(information="new") if current is None else replace(current, information="changed")

    made, first = await entries.put(an_entry().key, step, None, is_there=is_there)
    changed, second = await entries.put(an_entry().key, step, None, is_there=is_there)
    kept, third = await entries.put(an_entry().key, step, None, is_there=is_there)
    assert first
    assert second
    assert first.number < second.number
    assert third is None
    assert (made.information, changed.information, kept) == ("new", "changed", changed)
    assert await entries.get(made.uuid) == changed


async def test_of_many_that_put_an_entry_at_once_none_is_lost(client: Redis) -> None:
    def step(current: Entry | None) -> Entry:
        return replace(current or an_entry(), version=(current.version if current else 0) + 1)

    key = an_entry().key
    await asyncio.gather(*(Entries(client).put(key, step, None, is_there=bool(at % 2)) for at in range(10)))
    assert (await Entries(client).get(key)).version == 10


async def test_what_is_not_there_is_not_found(entries: Entries) -> None:
    uuid = an_entry().uuid
    with pytest.raises(NotFound):
        await entries.get(uuid)
    with pytest.raises(NotFound):
        await entries.change(uuid, lambda entry: entry)
    with pytest.raises(NotFound):
        await entries.delete(uuid, lambda entry: None)
    assert not await entries.describe(an_entry().key, an_entry().signature, SEEN)


async def test_no_change_is_lost_when_many_change_one_entry(client: Redis, entries: Entries) -> None:
    entry = an_entry(version=1)
    await entries.create(entry, None)

    async def raise_version() -> None:
        own = Entries(client)
        for _ in range(5):
            # With a text of its own: two writers of the very same entry are taken for one that said it twice.
            text = secrets.token_hex(4)
            await own.change(entry.uuid, lambda old, text=text: replace(old, version=old.version + 1, information=text))

    await asyncio.gather(*(raise_version() for _ in range(8)))
    assert (await entries.get(entry.uuid)).version == 41


async def test_a_step_that_fails_changes_nothing_and_one_without_effect_is_no_change(entries: Entries) -> None:
    entry = an_entry()
    await entries.create(entry, None)
    revision = await entries.revision()

    def fails(old: Entry) -> Entry:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await entries.change(entry.uuid, fails)
    assert await entries.change(entry.uuid, lambda old: old) == (entry, None)
    assert await entries.revision() == revision


async def test_facts_are_written_to_the_bytes_that_they_are_of(entries: Entries) -> None:
    entry = an_entry()
    await entries.create(entry, None)
    assert await entries.describe(entry.key, entry.signature, SEEN)
    assert await entries.get(entry.uuid) == entry.with_facts(SEEN)
    await entries.change(entry.uuid, lambda old: replace(old, signature="6f" * 32))
    assert not await entries.describe(entry.key, entry.signature, replace(SEEN, width=9))
    assert (await entries.get(entry.uuid)).width == 3


async def test_a_delete_is_checked_against_what_is_deleted(
    client: Redis, entries: Entries, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry, seen = an_entry(version=1), []
    await entries.create(entry, None)
    delete = CompareAndSet.delete

    async def overtaken(self: CompareAndSet, old: Found, *, keep_bytes: bool = False) -> object:
        if old.entry.version == 1:
            await Entries(client).change(entry.uuid, lambda found: replace(found, version=2))
        return await delete(self, old, keep_bytes=keep_bytes)

    monkeypatch.setattr(CompareAndSet, "delete", overtaken)
    deleted, _ = await entries.delete(entry.uuid, lambda old: seen.append(old.version))
    assert (seen, deleted.version) == ([1, 2], 2)


async def test_pages_go_on_where_they_ended_whatever_is_made_and_deleted_meanwhile(
    client: Redis, entries: Entries
) -> None:
    some = many(7)
    await fill(client, some)
    first = await entries.page(0, 3)
    assert [entry_json.read(raw).uuid for raw in first.raws] == [entry.uuid for entry in some[:3]]
    assert (first.after, first.last) == (3, 7)
    await entries.delete(some[4].uuid, lambda entry: None)
    await entries.create(an_entry("later"), None)
    second = await entries.page(3, 10, first.epoch, first.last)
    assert [entry_json.read(raw).uuid for raw in second.raws] == [some[at].uuid for at in (3, 5, 6)]
    assert (await entries.page(7, 10, first.epoch, first.last)).after is None


async def test_a_list_of_several_pages_is_read_to_its_end(
    client: Redis, entries: Entries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGE", 4)
    some = many(11)
    await fill(client, some)
    assert await listed(entries) == [entry.uuid for entry in some]


async def test_clearing_removes_all_at_once_and_an_empty_catalog_is_not_changed(
    client: Redis, entries: Entries
) -> None:
    assert await entries.clear() == (0, None)
    await fill(client, many(12))
    page = await entries.page(0, 5)
    removed, commit = await entries.clear()
    assert (removed, await entries.count(), await listed(entries)) == (12, 0, [])
    assert commit is not None
    assert await entries.revision() == str(commit.number)
    assert len((await entries.page(5, 10, page.epoch, page.last)).raws) == 7, "who is reading reads to the end"
    with pytest.raises(CatalogReplaced):
        await entries.page(0, 5, "17")


async def test_a_page_is_cut_by_bytes_and_what_follows_goes_on_there(client: Redis, entries: Entries) -> None:
    """As with texts that were written before they had a limit."""
    sizes = [10, 400_000, 400_000, 400_000, 10, 3_000_000, 10, *[20_000] * 120]
    made = [replace(entry, information="x" * size) for entry, size in zip(many(len(sizes)), sizes, strict=True)]
    await fill(client, made)
    page = await entries.page(0, PAGE)
    read, counts = list(page.raws), [len(page.raws)]
    while page.after is not None:
        assert len(page.raws) == 1 or sum(map(len, page.raws)) <= PAGE_BYTES
        page = await entries.page(page.after, PAGE, page.epoch, page.last)
        read += page.raws
        counts += [len(page.raws)]
    assert read == [entry_json.write(entry) for entry in made]
    assert counts[:3] == [3, 2, 1]
    assert read == [raw async for raws in entries.scan() for raw in raws]


@pytest.mark.parametrize(
    ("confirmed", "most", "done"),
    [(None, 3, True), (None, 2, False), (None, 0, False), (3, 2, True), (3, 0, True), (2, 3, False), (0, -1, False)],
)
async def test_many_entries_are_removed_only_by_their_number(
    client: Redis, entries: Entries, confirmed: int | None, most: int, done: bool
) -> None:
    await fill(client, many(3))
    before = await entries.revision()
    if done:
        assert (await entries.clear(confirmed, most))[0] == 3
        return
    with pytest.raises(NotConfirmed) as refused:
        await entries.clear(confirmed, most)
    assert (refused.value.count, await entries.count(), await entries.revision()) == (3, 3, before)


async def test_an_empty_catalog_has_no_number_but_none(client: Redis, entries: Entries) -> None:
    assert await entries.clear(0, 100) == (0, None)
    with pytest.raises(NotConfirmed):
        await entries.clear(7, 100)


async def test_what_has_expired_is_found_the_oldest_first(entries: Entries) -> None:
    dates = {"cat": "2001-01-02T00:00:00+00:00", "dog": "2001-01-01T00:00:00+00:00", "cow": "2099-01-01T00:00:00+00:00"}
    for base, date in dates.items():
        await entries.create(an_entry(base, expiration_date=date), None)
    await entries.create(an_entry("old", expiration_date=dates["dog"], expired=True), None)
    now = 1_000_000_000
    assert await entries.expired_keys(now, 10) == [an_entry("dog").key, an_entry("cat").key]
    assert await entries.expired_keys(now, 1) == [an_entry("dog").key]


async def test_what_a_dead_writer_was_about_to_make_is_completed_and_later_fields_are_kept(
    client: Redis, entries: Entries
) -> None:
    entry = an_entry(updated_date="2026-01-01T00:00:00.000+00:00")
    intended = replace(entry, version=2, signature="6f" * 32)
    user = CatalogUser(client)
    claim = await user.claims.make_in_place(entry.unique_name)
    assert await entries.complete(intended, claim) is None, "there is nothing to replace"
    await entries.create(entry, None)
    await entries.change(entry.uuid, lambda old: replace(old, information="new", updated_date="2026-01-02"))
    assert await entries.complete(intended, claim) is not None
    found = await entries.get(entry.uuid)
    assert (found.version, found.signature, found.information) == (2, "6f" * 32, "new")
    assert await user.claims.are_made([claim.storage_key]) == [False]
