"""The records of reductions on a real Redis: they are there as long as what they show, whoever dies."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace

import orjson
import pytest

from services.core.assets.entries import Entry, changed, with_fields
from services.core.assets.facts import Facts
from services.core.assets.reductions import Reduction
from services.core.state import keys
from services.core.state.claim import Claim
from services.core.state.claims import Claims
from services.core.state.compare_and_set import Commit
from services.core.state.connection import Redis
from services.core.state.entry_reader import EntryReader, finding
from services.core.state.process import Process
from services.core.state.reductions import Reductions
from services.core.state.stale_claims import Leftover
from tests.support.catalogs import CatalogUser, an_entry
from tests.support.reductions import a_reduction

ENTRY = an_entry()
OTHER_BYTES = "aa" * 32


@pytest.fixture
def user(client: Redis) -> CatalogUser:
    return CatalogUser(client)


@pytest.fixture
def reductions(client: Redis, user: CatalogUser) -> Reductions:
    return Reductions(client, user.claims)


async def recorded(user: CatalogUser, reductions: Reductions, entry: Entry = ENTRY) -> Reduction:
    """Record a reduction of an entry, which is made if it is not there."""
    if await user.entries.raw(entry.key) is None:
        await user.entries.create(entry, None)
    claim = await user.claims.make_for_reduction(entry.unique_name)
    made = a_reduction(entry, claim)
    assert await reductions.record(entry, made, claim)
    return made


async def held(client: Redis) -> dict[str, str]:
    found: dict[bytes, bytes] = await client.hgetall(keys.CLAIMS)  # type: ignore[misc]
    return {key.decode(): value.decode() for key, value in found.items()}


def obsolete(*made: Reduction) -> dict[str, str]:
    return {one.storage_key: f"obsolete {ENTRY.key}" for one in made}


async def test_a_record_takes_the_place_of_the_claim(client: Redis, user: CatalogUser, reductions: Reductions) -> None:
    made = await recorded(user, reductions)
    assert await reductions.of(ENTRY) == made
    assert await held(client) == {}
    assert [page async for page in reductions.pages()] == [{ENTRY.key: orjson.dumps(asdict(made))}]


async def test_the_keys_of_two_reductions_of_one_asset_differ(user: CatalogUser) -> None:
    first, second = [await user.claims.make_for_reduction(ENTRY.unique_name) for _ in range(2)]
    assert first.storage_key != second.storage_key
    assert first.storage_key.startswith(".reductions/DEV/cat.webp.")


async def test_the_record_is_sent_twice_without_harm(client: Redis, user: CatalogUser, reductions: Reductions) -> None:
    await user.entries.create(ENTRY, None)
    claim = await user.claims.make_for_reduction(ENTRY.unique_name)
    made = a_reduction(ENTRY, claim)
    assert await reductions.record(ENTRY, made, claim)
    assert await reductions.record(ENTRY, made, claim)
    assert await held(client) == {}


async def test_a_new_reduction_leaves_the_one_before_behind(
    client: Redis, user: CatalogUser, reductions: Reductions
) -> None:
    first = await recorded(user, reductions)
    second = await recorded(user, reductions)
    assert await reductions.of(ENTRY) == second
    assert await held(client) == obsolete(first)


@pytest.mark.parametrize("what", ["replaced", "deleted"])
async def test_nothing_is_recorded_for_bytes_that_have_gone(
    client: Redis, user: CatalogUser, reductions: Reductions, what: str
) -> None:
    await user.entries.create(ENTRY, None)
    claim = await user.claims.make_for_reduction(ENTRY.unique_name)
    if what == "replaced":
        await user.entries.change(ENTRY.uuid, lambda old: replace(old, signature=OTHER_BYTES))
    else:
        await user.entries.delete(ENTRY.uuid, lambda entry: None)
    assert not await reductions.record(ENTRY, a_reduction(ENTRY, claim), claim)
    assert not await client.exists(keys.REDUCTIONS)
    assert claim.storage_key in await held(client), "the writer has to settle it"


async def test_a_writer_that_was_taken_for_dead_records_nothing(
    client: Redis, user: CatalogUser, reductions: Reductions
) -> None:
    await user.entries.create(ENTRY, None)
    claim = await user.claims.make_for_reduction(ENTRY.unique_name)
    reaper = CatalogUser(client)
    assert [stale.claim.storage_key async for stale in reaper.stale.take_all()] == [claim.storage_key]
    assert not await reductions.record(ENTRY, a_reduction(ENTRY, claim), claim)
    assert await reductions.of(ENTRY) is None


Change = Callable[[CatalogUser], Awaitable[Commit | None]]


async def _rename(user: CatalogUser) -> Commit | None:
    return (await user.entries.change(ENTRY.uuid, lambda old: with_fields(old, {"information": "new"}, 0)))[1]


async def _focus(user: CatalogUser) -> Commit | None:
    return (await user.entries.change(ENTRY.uuid, lambda old: changed(old, focus_x=0.1, focus_y=0.2)))[1]


async def _same_bytes(user: CatalogUser) -> Commit | None:
    """The same file once more: another object, and another version."""
    spare = "DEV/cat.webp.0123456789abcdef"
    return (await user.entries.change(ENTRY.uuid, lambda old: replace(old, storage_key=spare, version=2)))[1]


async def _describe(user: CatalogUser) -> Commit | None:
    await user.entries.describe(ENTRY.key, ENTRY.signature, Facts(4032, 3024))
    return None


@pytest.mark.parametrize("change", [_rename, _focus, _same_bytes, _describe])
async def test_a_reduction_stays_with_the_bytes_that_it_shows(
    user: CatalogUser, reductions: Reductions, change: Change
) -> None:
    made = await recorded(user, reductions)
    commit = await change(user)
    assert commit is None or commit.left_reduction is None
    assert await reductions.of(await user.entries.get(ENTRY.uuid)) == made


async def _replace(user: CatalogUser) -> Commit | None:
    spare = "DEV/cat.webp.0123456789abcdef"
    _, commit = await user.entries.change(
        ENTRY.uuid, lambda old: replace(old, storage_key=spare, version=2, signature=OTHER_BYTES)
    )
    return commit


async def _delete(user: CatalogUser) -> Commit | None:
    return (await user.entries.delete(ENTRY.uuid, lambda entry: None))[1]


async def _delete_the_entry_alone(user: CatalogUser) -> Commit | None:
    return (await user.entries.delete(ENTRY.uuid, lambda entry: None, keep_bytes=True))[1]


@pytest.mark.parametrize("change", [_replace, _delete, _delete_the_entry_alone])
async def test_a_reduction_goes_with_the_bytes_that_it_shows(
    client: Redis, user: CatalogUser, reductions: Reductions, change: Change
) -> None:
    made = await recorded(user, reductions)
    commit = await change(user)
    assert commit is not None
    assert commit.left_reduction == Leftover(ENTRY.key, made.storage_key)
    assert commit.leftovers[-1] == commit.left_reduction
    assert len(commit.leftovers) == (1 if change is _delete_the_entry_alone else 2)
    assert not await client.exists(keys.REDUCTIONS)
    assert obsolete(made).items() <= (await held(client)).items()


async def test_a_new_asset_does_not_take_over_what_one_before_has_left(
    client: Redis, user: CatalogUser, reductions: Reductions
) -> None:
    made = await recorded(user, reductions)
    await user.entries.clear()
    commit = await user.entries.create(replace(ENTRY, signature=OTHER_BYTES), None)
    assert commit.left_reduction == Leftover(ENTRY.key, made.storage_key)
    assert await held(client) == obsolete(made)


async def test_a_record_is_dropped_only_as_it_was_read(
    client: Redis, user: CatalogUser, reductions: Reductions
) -> None:
    first = await recorded(user, reductions)
    [raw] = await reductions.raws([ENTRY.key])
    assert raw is not None
    second = await recorded(user, reductions)
    assert await reductions.drop(ENTRY.key, raw) is None
    assert await reductions.of(ENTRY) == second
    assert await reductions.drop(ENTRY.key, orjson.dumps(asdict(second))) == Leftover(ENTRY.key, second.storage_key)
    assert not await client.exists(keys.REDUCTIONS)
    assert await held(client) == obsolete(first, second)


async def test_the_reaper_keeps_a_reduction_that_is_recorded(
    client: Redis, user: CatalogUser, reductions: Reductions
) -> None:
    made = await recorded(user, reductions)
    # As if the answer to the release had been lost.
    await client.hset(keys.CLAIMS, made.storage_key, f"dead {ENTRY.key}~1")  # type: ignore[misc]
    assert [stale async for stale in CatalogUser(client).stale.take_all()] == []
    assert await held(client) == {}


async def test_a_reader_gets_entries_and_their_reductions_with_one_command(
    client: Redis, user: CatalogUser, reductions: Reductions
) -> None:
    made = await recorded(user, reductions)
    other = an_entry("dog")
    await user.entries.create(other, None)
    read = await EntryReader(client).read_all([other.key, ENTRY.key, "00" * 16])
    assert [raw is not None for raw in read.raws] == [True, True, False]
    assert read.reductions == [None, orjson.dumps(asdict(made)), None]
    by_uuid = await EntryReader(client, finding).read_all([ENTRY.uuid])
    assert by_uuid.reductions == []


async def test_claims_of_reductions_are_those_of_their_process(client: Redis) -> None:
    process = Process(client)
    claim: Claim = await Claims(client, process).make_for_reduction(ENTRY.unique_name)
    assert (claim.owner, claim.entry_key) == (process.name, ENTRY.key)
