"""Which dump is the latest, and which go: one without entries is never taken for one that has some."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.dumps.retention import EMPTY_BYTES, KeptDump, latest_of, surplus


def stamp(day: int) -> str:
    return f"202501{day:02}T000000"


def full(day: int, size: int = 5000) -> KeptDump:
    return KeptDump(stamp(day), size, 2000)


def empty(day: int, size: int = 2) -> KeptDump:
    return KeptDump(stamp(day), size, 180)


def lone(day: int, records: int | None = None) -> KeptDump:
    """An RDB alone, or one whose JSON is not there yet, or not any more."""
    return KeptDump(stamp(day), None, 2000, records)


def unstored(day: int) -> KeptDump:
    """A dump of which only a SHA-256 is there."""
    return KeptDump(stamp(day), None, None)


SIZES = st.one_of(st.none(), st.integers(2, 20), st.integers(100, 100_000))
DUMPS = st.dictionaries(st.integers(1, 28), SIZES, max_size=20).map(
    lambda found: [KeptDump(stamp(day), size, 2000) for day, size in found.items()]
)


@pytest.mark.parametrize(
    ("found", "day"),
    [
        ([], None),
        ([full(1)], 1),
        # The younger one is being stored: its JSON comes last.
        ([full(1), lone(2)], 1),
        ([lone(2), lone(1)], 2),
        ([full(1), KeptDump(stamp(2), 5000, None)], 2),
        ([full(1), empty(2), empty(3)], 1),
        ([empty(2), empty(3)], 3),
        # It may have entries, the empty one has none.
        ([lone(1), empty(2)], 1),
        ([full(1), empty(2), full(3)], 3),
        ([unstored(1)], None),
        ([empty(1), unstored(2)], 1),
        ([lone(1), lone(2, records=0)], 1),
        ([lone(1, records=0), empty(2)], 2),
    ],
)
def test_the_latest_is_a_whole_dump_with_entries_if_there_is_one(found: list[KeptDump], day: int | None) -> None:
    latest = latest_of(found)
    assert (latest and latest.stamp) == (None if day is None else stamp(day))


@given(dumps=DUMPS)
def test_no_dump_is_before_the_latest_in_the_order(dumps: list[KeptDump]) -> None:
    assert latest_of(dumps) == next(iter(sorted(dumps, key=lambda dump: dump.order, reverse=True)), None)


@pytest.mark.parametrize(
    ("found", "keep", "gone"),
    [
        ([full(1), full(2), full(3)], 2, [1]),
        ([full(1), full(2), empty(3), empty(4), empty(5)], 2, [3, 4]),
        ([empty(1), empty(2), empty(3)], 2, [1]),
        ([empty(1), full(2), full(3)], 2, [1]),
        ([full(1), empty(2), empty(3)], 2, [2]),
        ([lone(1), empty(2), empty(3)], 1, [2]),
        ([lone(1), full(2), full(3)], 2, [1]),
        # Of one format alone, it may have entries like any other.
        ([full(1), full(2), lone(3), full(4)], 2, [1, 2]),
        ([full(1), lone(2), lone(3)], 2, [1]),
        ([full(1), full(2), *(lone(day, records=0) for day in (3, 4, 5))], 2, [3, 4]),
        ([empty(1), unstored(2)], 1, []),
        # The catalog was lost, and has some entries again: the last dump from before stays.
        ([full(1), full(2), full(3, 400), full(4, 500), full(5, 600)], 2, [1, 3]),
        ([full(1, 999), full(2, 500), full(3, 500)], 2, [1]),
        ([full(1, 1001), full(2, 500), full(3, 500)], 2, []),
    ],
)
def test_what_goes_is_the_oldest_without_entries_before_those_that_have_some(
    found: list[KeptDump], keep: int, gone: list[int]
) -> None:
    protected = max(dump.stamp for dump in found)
    assert [dump.stamp for dump in surplus(found, keep, protected)] == [stamp(day) for day in gone]


@given(dumps=DUMPS, keep=st.integers(0, 25), data=st.data())
def test_as_many_are_left_as_shall_be_kept_and_two_more_at_most(
    dumps: list[KeptDump], keep: int, data: st.DataObject
) -> None:
    protected = data.draw(st.sampled_from(dumps)).stamp if dumps else stamp(1)
    removed = surplus(dumps, keep, protected)
    left = [dump for dump in dumps if dump not in removed]
    assert protected not in [dump.stamp for dump in removed]
    assert [dump.stamp for dump in removed] == sorted(dump.stamp for dump in removed)
    if keep == 0:
        assert removed == []
    else:
        assert min(keep, len(dumps)) <= len(left) <= keep + 2


@given(nights=st.lists(st.booleans(), min_size=1, max_size=60), keep=st.integers(1, 5))
def test_however_many_nights_the_catalog_is_empty_its_last_entries_are_kept(nights: list[bool], keep: int) -> None:
    kept: list[KeptDump] = []
    good: list[str] = []
    for number, has_entries in enumerate(nights):
        name = f"2025{number // 28 + 1:02}{number % 28 + 1:02}T034500"
        kept.append(KeptDump(name, 5000 if has_entries else 2, 2000))
        good += [name] if has_entries else []
        gone = surplus(kept, keep, name)
        kept = [dump for dump in kept if dump not in gone]
        assert {dump.stamp for dump in kept if not dump.is_empty} >= set(good[-keep:])
        latest = latest_of(kept)
        assert latest is not None
        assert latest.stamp == (good[-1] if good else name)


def test_a_list_without_entries_is_empty_however_it_is_spaced() -> None:
    assert [KeptDump(stamp(1), size, 1).is_empty for size in (2, 3, EMPTY_BYTES, EMPTY_BYTES + 1, None)] == [
        *(True, True, True),
        *(False, False),
    ]
