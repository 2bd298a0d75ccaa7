"""By what an entry is found in the catalog, on a real Redis: there is one entry for a path, whatever uuid it shows."""

from dataclasses import replace

import pytest

from services.core.assets import identity
from services.core.assets.entries import Entry
from services.core.errors import AlreadyExists, NotFound
from services.core.state import entry_json, keys
from services.core.state.connection import Redis
from services.core.state.entries import Entries
from services.core.state.entry_reader import EntryReader, finding
from tests.support.catalogs import an_entry, leave

NEW = an_entry()
PATH = NEW.unique_name
HEX = replace(NEW, uuid=NEW.uuid.replace("-", ""))
RANDOM = replace(NEW, uuid="E080A953-5300-427b-bd39-6e235d8238a2")
BEFORE = replace(NEW, uuid=NEW.key)
SHOWN = pytest.mark.parametrize(
    "entry", [NEW, HEX, RANDOM, BEFORE], ids=["new", "without dashes", "random", "of the version before"]
)


@pytest.fixture
def entries(client: Redis) -> Entries:
    return Entries(client)


def spellings(uuid: str) -> list[str]:
    dashed = identity.canonical(uuid)
    assert dashed
    plain = dashed.replace("-", "")
    return [uuid, dashed, dashed.upper(), plain, plain.upper()]


def every_name(entry: Entry) -> list[str]:
    return [text for name in identity.all_names(entry.uuid, PATH) for text in spellings(name)]


@SHOWN
async def test_an_entry_is_found_by_every_name_in_every_spelling_and_shows_its_own(
    client: Redis, entries: Entries, entry: Entry
) -> None:
    await entries.create(entry, None)
    reader = EntryReader(client, finding)
    for text in every_name(entry):
        assert await entries.get(text) == entry, text
        assert await reader.read([str(identity.canonical(text))]) == [entry_json.write(entry)], text
    assert await EntryReader(client).read([entry.key]) == [entry_json.write(entry)], "as its delivery asks"


@SHOWN
async def test_nobody_makes_a_second_entry_for_a_path(entries: Entries, entry: Entry) -> None:
    await entries.create(entry, None)
    for other in (NEW, HEX, RANDOM, BEFORE):
        with pytest.raises(AlreadyExists) as refused:
            await entries.create(other, None)
        assert refused.value.subject.uuid == entry.uuid
    assert await entries.count() == 1


@SHOWN
async def test_a_change_is_made_under_any_name_and_the_uuid_stays(entries: Entries, entry: Entry) -> None:
    await entries.create(entry, None)
    for version, text in enumerate(every_name(entry), 2):
        changed, _ = await entries.change(text, lambda old, to=version: replace(old, version=to))  # type: ignore[misc]
        assert (changed.uuid, changed.version) == (entry.uuid, version)


@SHOWN
async def test_a_deleted_entry_leaves_no_name(client: Redis, entries: Entries, entry: Entry) -> None:
    await entries.create(entry, None)
    assert await client.hlen(keys.UUIDS) == len(identity.other_names(entry.uuid, PATH))  # type: ignore[misc]
    await entries.delete(entry.uuid, lambda _: None)
    assert not await client.exists(keys.ENTRIES, keys.ORDER, keys.UUIDS)
    for text in every_name(entry):
        with pytest.raises(NotFound):
            await entries.get(text)


async def test_emptying_the_catalog_leaves_no_name(client: Redis, entries: Entries) -> None:
    await entries.create(RANDOM, None)
    await entries.clear()
    assert not await client.exists(keys.UUIDS)
    with pytest.raises(NotFound):
        await entries.get(RANDOM.uuid)


@pytest.mark.parametrize("text", ["", "cat", "../x", "{" + NEW.uuid + "}", NEW.uuid + "0"])
async def test_what_is_not_a_uuid_names_no_entry(entries: Entries, text: str) -> None:
    await entries.create(NEW, None)
    with pytest.raises(NotFound):
        await entries.get(text)


async def test_an_entry_of_the_version_before_needs_no_step_to_be_found_changed_and_kept_alone(
    client: Redis, entries: Entries
) -> None:
    await leave(client, [BEFORE])
    for text in spellings(BEFORE.uuid):
        assert await entries.get(text) == BEFORE
    with pytest.raises(AlreadyExists, match="use patch instead"):
        await entries.create(NEW, None)
    changed, _ = await entries.change(BEFORE.uuid, lambda old: replace(old, version=2))
    assert changed.uuid == BEFORE.uuid
    assert await entries.get(identity.asset_uuid(PATH)) == changed, "named with its first change"


async def test_a_name_that_outlived_its_entry_finds_nothing(client: Redis, entries: Entries) -> None:
    await entries.create(NEW, None)
    # As a service of the version before deletes it.
    await client.hdel(keys.ENTRIES, NEW.key)  # type: ignore[misc]
    with pytest.raises(NotFound):
        await entries.get(NEW.uuid)
    await entries.create(NEW, None)
    assert await entries.get(NEW.uuid) == NEW


OTHER = an_entry("dog")


@pytest.mark.parametrize("own", [NEW.uuid, NEW.key], ids=["its uuid", "its entry key"])
async def test_the_uuid_of_a_path_finds_its_entry_though_another_has_shown_it_before(
    client: Redis, entries: Entries, own: str
) -> None:
    squatter = replace(OTHER, uuid=own)
    await entries.create(squatter, None)
    assert await entries.get(own) == squatter, "nothing else has it yet"
    await entries.create(NEW, None)
    changed, _ = await entries.change(own, lambda old: replace(old, version=2))
    assert changed.unique_name == PATH
    assert await EntryReader(client, finding).read([own]) == [entry_json.write(changed)]
    await entries.change(OTHER.uuid, lambda old: replace(old, version=3))
    assert await entries.get(own) == changed, "a change of the other takes nothing back"
    deleted, _ = await entries.delete(own, lambda _: None)
    assert deleted == changed
    other, _ = await entries.change(OTHER.key, lambda old: replace(old, version=4))
    assert await entries.get(own) == other, "it is free again"


async def test_a_uuid_that_an_entry_is_found_by_is_not_taken_over_by_another(entries: Entries) -> None:
    await entries.create(RANDOM, None)
    await entries.create(replace(OTHER, uuid=RANDOM.uuid), None)
    assert await entries.get(RANDOM.uuid) == RANDOM


async def test_a_deleted_entry_leaves_the_names_of_others(entries: Entries) -> None:
    await entries.create(NEW, None)
    await entries.create(replace(OTHER, uuid=NEW.uuid), None)
    await entries.delete(OTHER.key, lambda _: None)
    assert await entries.get(NEW.uuid) == NEW


async def test_a_name_that_outlived_its_entry_can_be_taken(client: Redis, entries: Entries) -> None:
    await entries.create(RANDOM, None)
    # As a service of the version before deletes it.
    await client.hdel(keys.ENTRIES, RANDOM.key)  # type: ignore[misc]
    other = replace(OTHER, uuid=RANDOM.uuid)
    await entries.create(other, None)
    assert await entries.get(RANDOM.uuid) == other
