"""Claims on storage keys, on a real Redis: who may write or delete what lies there, whoever dies."""

import asyncio

import pytest

from services.core.assets import identity
from services.core.errors import Unavailable
from services.core.state import claims, doubts, keys
from services.core.state.claim import Claim
from services.core.state.connection import Redis
from services.core.state.stale_claims import Leftover, StaleClaim
from tests.support.catalogs import CatalogUser, an_entry

CAT = "/DEV/cat.webp"
PLAIN = "DEV/cat.webp"
ENTRY = an_entry()


@pytest.fixture
def writer(client: Redis) -> CatalogUser:
    """A process that has never said that it lives: dead for all others."""
    return CatalogUser(client)


@pytest.fixture
def reaper(client: Redis) -> CatalogUser:
    return CatalogUser(client)


async def lives(client: Redis, user: CatalogUser) -> None:
    await client.set(keys.alive(user.process.name), b"1")


async def stale_of(user: CatalogUser) -> list[StaleClaim]:
    return [stale async for stale in user.stale.take_all()]


async def held(client: Redis) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = await client.hgetall(keys.CLAIMS)  # type: ignore[misc]
    return found


async def test_a_writer_gets_the_plain_key_and_the_next_one_a_spare_key(client: Redis, writer: CatalogUser) -> None:
    first, second = await writer.claims.make(CAT), await writer.claims.make(CAT)
    assert first.storage_key == PLAIN
    assert second.storage_key.startswith(f"{PLAIN}.")
    assert first.entry_key == second.entry_key == identity.entry_key(CAT)
    assert set(await held(client)) == {first.storage_key.encode(), second.storage_key.encode()}
    assert await writer.claims.are_made([PLAIN, "DEV/dog.webp", second.storage_key]) == [True, False, True]
    assert await writer.claims.are_made([]) == []


async def test_a_key_that_an_entry_refers_to_is_not_claimed_again(writer: CatalogUser) -> None:
    claim = await writer.claims.make(CAT)
    await writer.entries.create(ENTRY, claim)
    assert await writer.claims.are_made([PLAIN]) == [False]
    assert (await writer.claims.make(CAT)).storage_key != PLAIN


async def test_of_many_writers_at_once_one_gets_the_plain_key(client: Redis) -> None:
    made = await asyncio.gather(*(CatalogUser(client).claims.make(CAT) for _ in range(20)))
    assert min(claim.storage_key for claim in made) == PLAIN
    assert len({claim.storage_key for claim in made}) == 20


async def test_a_claim_is_released_by_who_holds_it_and_nobody_else(client: Redis, writer: CatalogUser) -> None:
    claim = await writer.claims.make(CAT)
    await writer.claims.release(Claim(PLAIN, f"another {claim.entry_key}"))
    assert await held(client) == {PLAIN.encode(): claim.value.encode()}
    await writer.claims.release(claim)
    assert await held(client) == {}


async def test_a_key_of_one_place_is_waited_for(writer: CatalogUser, reaper: CatalogUser) -> None:
    first = await writer.claims.make_in_place(CAT)
    waiting = asyncio.create_task(reaper.claims.make_in_place(CAT))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await writer.claims.release(first)
    assert (await waiting).storage_key == PLAIN


async def test_waiting_for_a_key_ends_with_an_error(writer: CatalogUser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "CLAIM_SECONDS", 0.05)
    await writer.claims.make_in_place(CAT)
    with pytest.raises(Unavailable, match="is being written or deleted"):
        await writer.claims.make_in_place(CAT)


async def test_what_a_writer_intends_can_be_read_by_who_takes_its_claim_over(
    writer: CatalogUser, reaper: CatalogUser
) -> None:
    claim = await writer.claims.make_in_place(CAT)
    assert claim.intended is None
    await writer.claims.intend(claim, ENTRY)
    [stale] = await stale_of(reaper)
    assert (stale.claim.intended, stale.obsolete) == (ENTRY, False)
    with pytest.raises(Unavailable, match="interrupted"):
        await writer.claims.intend(claim, ENTRY)


async def test_the_claims_of_the_living_are_left_alone_and_those_of_the_dead_taken_over(
    client: Redis, writer: CatalogUser, reaper: CatalogUser
) -> None:
    claim = await writer.claims.make(CAT)
    await lives(client, writer)
    assert await stale_of(reaper) == []
    await client.delete(keys.alive(writer.process.name))
    [stale] = await stale_of(reaper)
    assert (stale.claim.storage_key, stale.claim.entry_key, stale.obsolete) == (PLAIN, claim.entry_key, False)
    assert await reaper.stale.still_has(stale)
    with pytest.raises(Unavailable, match="interrupted"):
        await writer.entries.create(ENTRY, claim)


async def test_of_many_that_take_a_claim_over_one_has_it(client: Redis, writer: CatalogUser) -> None:
    await writer.claims.make(CAT)
    reapers = [CatalogUser(client) for _ in range(8)]
    for one in reapers:
        await lives(client, one)
    found = [stale for taken in await asyncio.gather(*(stale_of(one) for one in reapers)) for stale in taken]
    assert len(found) == 1


async def test_what_a_change_has_left_behind_is_taken_over_once(
    client: Redis, writer: CatalogUser, reaper: CatalogUser
) -> None:
    await writer.entries.create(ENTRY, None)
    _, commit = await writer.entries.delete(ENTRY.uuid, lambda entry: None)
    assert commit.leftover == Leftover(ENTRY.key, PLAIN)
    assert commit.leftover is not None
    stale = await writer.stale.take_leftover(commit.leftover)
    assert stale is not None
    assert (stale.obsolete, stale.claim.intended) == (True, ENTRY), "its last entry says how it was stored"
    await lives(client, writer)
    assert await reaper.stale.take_leftover(commit.leftover) is None
    assert await reaper.stale.take_leftover(Leftover(ENTRY.key, "DEV/dog.webp")) is None
    await writer.claims.release(stale.claim)
    assert not await writer.stale.still_has(stale)


async def test_a_failed_write_is_settled_by_its_writer_unless_it_went_through(writer: CatalogUser) -> None:
    claim = await writer.claims.make(CAT)
    assert await writer.stale.take_back(claim) == StaleClaim(claim, obsolete=False, tried=False)
    await writer.entries.create(ENTRY, claim)
    assert await writer.stale.take_back(claim) is None
    assert await writer.claims.are_made([PLAIN]) == [False]


async def test_a_key_is_in_doubt_until_nothing_can_be_on_its_way_any_more(
    client: Redis, writer: CatalogUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    await writer.doubts.note_writes([])
    await writer.doubts.note_writes([PLAIN])
    assert await writer.doubts.settled_writes() == []
    monkeypatch.setattr(doubts, "DOUBT_SECONDS", -1)
    assert await writer.doubts.settled_writes() == [PLAIN]
    await writer.doubts.forget_write(PLAIN)
    assert await writer.doubts.settled_writes() == []


async def test_an_unused_key_is_claimed_and_one_in_use_is_not(writer: CatalogUser, reaper: CatalogUser) -> None:
    claim = await reaper.claims.make_on_unused(PLAIN)
    assert claim is not None
    assert await writer.claims.make_on_unused(PLAIN) is None, "it is claimed"
    await reaper.claims.release(claim)
    await writer.entries.create(ENTRY, None)
    assert await writer.claims.make_on_unused(PLAIN) is None, "an entry refers to it"
    assert await writer.claims.are_made([PLAIN]) == [False]
