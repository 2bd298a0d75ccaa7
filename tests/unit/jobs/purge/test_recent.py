import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.assets import identity
from services.core.state.changes import CatalogReplaced, Change, EntryDeleted, EntryDescribed, EntryWritten
from services.jobs.purge import recent
from services.jobs.purge.node import Batch
from services.jobs.purge.recent import Recent, lines

NAME = "/DEV/shop/cat.webp"
KEY, UUID = identity.entry_key(NAME), identity.asset_uuid(NAME)
WAVE = "/DEV/wave.gif"
WAVE_KEY, WAVE_UUID = identity.entry_key(WAVE), identity.asset_uuid(WAVE)
OLDER = "E080A95353004277B9396E235D8238A2"
PAGES = f"17 raise {KEY}\n17 raise {UUID}\n"
"""The groups of an entry's page: it is found by both."""


def written(number: int) -> EntryWritten:
    return EntryWritten(number, "r", "t", f"uuid-{number}", f"/DEV/photo-{number}.webp")


async def holding(*numbers: int) -> Recent:
    made = Recent()
    await made.add([written(number) for number in numbers])
    return made


def numbers(batch: Batch | None) -> list[int]:
    assert batch is not None
    return [int(told.split()[0]) for told in batch.lines]


# What a node is told


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            EntryWritten(17, "r", "t", UUID, NAME),
            f"17 raise /DEV/shop/cat\n{PAGES}",
        ),
        (
            EntryWritten(17, "r", "t", KEY, NAME),
            f"17 raise /DEV/shop/cat\n{PAGES}",
        ),
        (
            EntryDeleted(17, "r", "t", UUID, NAME, "/DEV/shop/cat.jpg"),
            "17 gone /assets/media/original/DEV/shop/cat.jpg\n"
            "17 gone /assets/media/full/DEV/shop/cat.webp\n"
            f"17 gone /catalog/{KEY}\n17 gone /catalog/{UUID}\n"
            f"17 raise /DEV/shop/cat\n{PAGES}",
        ),
        (
            EntryDeleted(17, "r", "t", WAVE_UUID, WAVE, WAVE),
            "17 gone /assets/media/original/DEV/wave.gif\n"
            "17 gone /assets/media/full/DEV/wave.gif\n"
            "17 gone /assets/media/full/DEV/wave.webp\n"
            f"17 gone /catalog/{WAVE_KEY}\n17 gone /catalog/{WAVE_UUID}\n"
            f"17 raise /DEV/wave\n17 raise {WAVE_KEY}\n17 raise {WAVE_UUID}\n",
        ),
        (
            EntryWritten(17, "r", "t", UUID, NAME, ("/DEV/b/cat.webp", "/DEV/a/cat.webp")),
            f"17 raise /DEV/shop/cat\n17 raise /DEV/b/cat\n17 raise /DEV/a/cat\n{PAGES}",
        ),
        (EntryDescribed(17, "r", "t", UUID, NAME), PAGES),
        (EntryDescribed(17, "r", "t", OLDER, NAME), f"{PAGES}17 raise e080a953-5300-4277-b939-6e235d8238a2\n"),
        (CatalogReplaced(17, "r", "t"), "17 raise *\n"),
    ],
    ids=lambda given: type(given).__name__,
)
def test_a_node_is_told_what_leaves_its_disk_before_what_is_raised(change: Change, told: str) -> None:
    assert lines(change) == told


def test_the_uploaded_and_the_converted_name_are_one_group() -> None:
    for name in ("/DEV/été/cat.webp", "/DEV/été/cat.jpg"):
        assert "17 raise /DEV/été/cat\n" in lines(EntryWritten(17, "", "", UUID, name))


# What is held


async def test_nothing_is_held_at_first() -> None:
    held = await holding()
    assert (held.newest, held.after(0, 10), held.between(0, 100)) == (0, None, [])


async def test_what_came_after_a_change_is_found_in_its_order_and_not_more_than_is_wanted() -> None:
    held = await holding(3, 5, 8, 13)
    assert held.newest == 13
    everything = held.after(3, 10)
    assert everything == Batch(3, 13, True, [lines(written(number)) for number in (5, 8, 13)])
    part = held.after(3, 2)
    assert part is not None
    assert (part.since, part.to, part.is_last) == (3, 8, False)
    assert [line.split()[0] for line in part.lines] == ["5", "8"]
    exactly = held.after(5, 2)
    assert exactly is not None
    assert (exactly.to, exactly.is_last) == (13, True)


async def test_after_the_last_change_there_is_nothing_and_that_is_known() -> None:
    held = await holding(3, 5)
    assert held.after(5, 10) == Batch(5, 5, True, [])


@pytest.mark.parametrize("number", [0, 2, 4, 6, 9])
async def test_what_comes_after_a_change_that_is_not_held_is_not_known(number: int) -> None:
    held = await holding(3, 5, 8)
    assert held.after(number, 10) is None


async def test_changes_between_two_numbers_are_those_after_the_one_up_to_the_other() -> None:
    held = await holding(3, 5, 8, 13)
    assert [change.number for change in held.between(3, 8)] == [5, 8]
    assert [change.number for change in held.between(0, 100)] == [3, 5, 8, 13]
    assert [change.number for change in held.between(4, 7)] == [5]
    assert held.between(8, 8) == held.between(13, 3) == []


async def test_only_the_last_ones_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "HELD", 3)
    held = await holding(1, 2)
    await held.add([written(number) for number in range(3, 8)])
    assert held.newest == 7
    assert held.after(4, 10) is None
    assert numbers(held.after(5, 10)) == [6, 7]


async def test_what_is_forgotten_is_not_there_and_can_begin_anew_with_lower_numbers() -> None:
    held = await holding(30, 50)
    held.forget()
    assert (held.newest, held.after(30, 10)) == (0, None)
    await held.add([written(3), written(5)])
    assert numbers(held.after(3, 10)) == [5]


@given(
    given_numbers=st.lists(st.integers(1, 200), unique=True, max_size=60).map(sorted),
    after=st.integers(0, 210),
    count=st.integers(1, 70),
)
def test_going_on_from_any_change_leads_through_all_that_follow(
    given_numbers: list[int], after: int, count: int
) -> None:
    held = asyncio.run(holding(*given_numbers))
    batch, seen = held.after(after, count), list[int]()
    assert (batch is not None) is (after in given_numbers)
    while batch is not None:
        seen += [int(told.split()[0]) for told in batch.lines]
        assert len(batch.lines) <= count
        if batch.is_last:
            assert seen == [number for number in given_numbers if number > after]
            return
        assert batch.to == seen[-1]
        batch = held.after(batch.to, count)


# Waiting for more


async def test_what_is_there_already_is_not_waited_for() -> None:
    held = await holding(3)
    async with asyncio.timeout(1):
        await held.newer_than(2, 60)


async def test_all_who_wait_are_woken_by_what_comes() -> None:
    held = await holding(3)
    waiting = [asyncio.create_task(held.newer_than(number, 60)) for number in (3, 3, 4)]
    done, _ = await asyncio.wait(waiting, timeout=0.05)
    assert not done
    await held.add([written(4)])
    async with asyncio.timeout(1):
        await asyncio.gather(*waiting[:2])
    done, _ = await asyncio.wait(waiting[2:], timeout=0.05)
    assert not done
    await held.add([written(5)])
    async with asyncio.timeout(1):
        await waiting[2]


async def test_who_waits_in_vain_goes_on_in_time() -> None:
    held, started = await holding(3), time.monotonic()
    await held.newer_than(3, 0.05)
    assert 0.04 < time.monotonic() - started < 1
    await held.newer_than(3, 0)


async def test_who_stops_waiting_keeps_nobody_else_from_it() -> None:
    held = await holding(3)
    waiting = [asyncio.create_task(held.newer_than(3, 60)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await held.add([written(4)])
    async with asyncio.timeout(1):
        found = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(one) for one in found] == [asyncio.CancelledError, type(None), type(None)]
