"""What a CDN is purged of, and how often it is called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.assets.cache_tags import CacheTags
from services.core.state.changes import CatalogReplaced, EntryDeleted, EntryDescribed, EntryWritten
from services.jobs.cdn.stale import PAUSE_MAX, Allowance, Everywhere, pause, stale_tags
from services.jobs.cdn.target import Pace

TAGS = CacheTags("tada")
CAT, DOG, OLD = (TAGS.of_asset(f"/DEV/{name}.webp") for name in ("cat", "dog", "old"))
WRITTEN = EntryWritten(1, "", "", "u", "/DEV/cat.webp", ("/DEV/old.jpg",))
DELETED = EntryDeleted(2, "", "", "u", "/DEV/dog.webp", "/DEV/dog.jpg")
DESCRIBED = EntryDescribed(3, "", "", "u", "/DEV/fox.webp")
REPLACED = CatalogReplaced(4, "", "")


def test_a_change_makes_stale_what_is_answered_under_the_present_and_the_old_paths_of_its_asset() -> None:
    assert stale_tags([WRITTEN, DELETED, WRITTEN], TAGS) == (CAT, OLD, DOG)


def test_facts_change_no_answer_that_a_cdn_keeps() -> None:
    assert stale_tags([DESCRIBED], TAGS) == ()


def test_another_catalog_makes_everything_stale() -> None:
    assert stale_tags([WRITTEN, REPLACED, DELETED], TAGS) == ("tada",)


@pytest.mark.parametrize(("failures", "least"), [(1, 1), (2, 2), (3, 4), (7, PAUSE_MAX), (5000, PAUSE_MAX)])
def test_pauses_grow_to_a_minute(failures: int, least: float) -> None:
    assert pause(failures, 0, 0) == least
    assert least < pause(failures, 0, 1) <= least * 1.25


def test_a_cdn_is_given_the_time_that_it_asks_for() -> None:
    assert pause(1, 300, 0.5) == 300
    assert pause(7, 5, 0) == PAUSE_MAX


@given(st.integers(1, 50), st.floats(0.1, 20), st.lists(st.floats(0, 30), min_size=1, max_size=100))
def test_no_more_calls_are_made_than_allowed(burst: int, seconds: float, waits: list[float]) -> None:
    """In any time there are at most the burst, and one for each interval."""
    now, made = 1000.0, []
    allowance = Allowance.full(Pace(burst, seconds), now)
    for wait in waits:
        now += wait
        now += allowance.take(now)
        made.append(now)
    for first in range(len(made)):
        for last in range(first, len(made)):
            assert last - first + 1 <= burst + (made[last] - made[first]) / seconds + 1e-6


def test_what_all_nodes_have_is_due_some_time_later() -> None:
    seen = Everywhere(60)
    assert [seen.see(number, at) for at, number in ((0, 5), (30, 9), (59, 9), (60, 12), (89, 12), (90, 12))] == [
        *(0, 0, 0, 5, 5, 9)
    ]
    assert seen.see(12, 200) == 12


def test_a_node_that_comes_with_fewer_changes_has_everybody_wait_again() -> None:
    seen = Everywhere(60)
    seen.see(9, 0)
    assert seen.see(4, 100) == 0
    assert seen.see(9, 120) == 0
    assert seen.see(9, 180) == 9
