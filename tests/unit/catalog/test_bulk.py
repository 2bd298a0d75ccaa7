from collections.abc import Awaitable, Callable

import pytest

from services.catalog import bulk
from services.core.assets.entries import Entry
from services.core.errors import AlreadyExists, NotFound, StorageDown, TadaError
from services.core.state.compare_and_set import Commit
from tests.support.entries import MakeEntry

Done = tuple[Entry, Commit | None]


def doing(result: Done | TadaError) -> Callable[[], Awaitable[Done]]:
    async def step() -> Done:
        if isinstance(result, TadaError):
            raise result
        return result

    return step


async def test_each_change_succeeds_or_fails_by_itself_in_the_order_of_the_request(make_entry: MakeEntry) -> None:
    first, second = make_entry("a.jpg"), make_entry("b.jpg")
    outcome = await bulk.each(
        [
            ({"file": "x"}, doing(AlreadyExists("/DEV/x.webp", "01-23"))),
            ({"file": "a"}, doing((first, Commit(1)))),
            ({"file": "y"}, doing(NotFound("No such entry."))),
            ({"file": "b"}, doing((second, Commit(2)))),
        ]
    )
    assert outcome.entries == [first, second]
    assert outcome.commits == [Commit(1), Commit(2)]
    assert [(error["file"], error["code"]) for error in outcome.errors] == [("x", "already_exists"), ("y", "not_found")]
    assert outcome.errors[0]["message"] == "File already exists in catalog, please use patch instead."


async def test_what_changed_nothing_leaves_nothing_to_purge(make_entry: MakeEntry) -> None:
    entry = make_entry()
    outcome = await bulk.one(doing((entry, None))())
    assert (outcome.entries, outcome.commits, outcome.errors) == ([entry], [], [])


async def test_the_error_of_a_single_change_is_the_requests() -> None:
    with pytest.raises(NotFound):
        await bulk.one(doing(NotFound("No such entry."))())


async def test_a_dependency_that_is_down_before_anything_is_done_fails_the_whole_request() -> None:
    with pytest.raises(StorageDown):
        await bulk.each([({}, doing(StorageDown("down")))])


async def test_a_dependency_that_goes_down_in_between_takes_nothing_back(make_entry: MakeEntry) -> None:
    outcome = await bulk.each([({}, doing((make_entry(), Commit(1)))), ({"file": "b"}, doing(StorageDown("down")))])
    assert (len(outcome.entries), [error["code"] for error in outcome.errors]) == (1, ["storage_down"])
