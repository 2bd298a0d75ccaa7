from collections.abc import Awaitable, Callable

import pytest

from services.catalog import bulk
from services.core.assets.entries import Entry
from services.core.errors import AlreadyExists, NoEntry, NotFound, StorageDown, Subject, TadaError
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
            (Subject(file="x"), doing(AlreadyExists("/DEV/x.webp", "01-23"))),
            (Subject(file="a"), doing((first, Commit(1)))),
            (Subject(file="y"), doing(NotFound("No such entry."))),
            (Subject(file="b"), doing((second, Commit(2)))),
        ]
    )
    assert outcome.entries == [first, second]
    assert outcome.commits == [Commit(1), Commit(2)]
    assert [(failure.subject.file, failure.code) for failure in outcome.failures] == [
        ("x", "already_exists"),
        ("y", "not_found"),
    ]
    assert outcome.failures[0].subject.unique_name == "/DEV/x.webp"


async def test_what_changed_nothing_leaves_nothing_to_purge(make_entry: MakeEntry) -> None:
    entry = make_entry()
    outcome = await bulk.one(doing((entry, None))(), Subject())
    assert (outcome.entries, outcome.commits, outcome.failures) == ([entry], [], [])


async def test_the_error_of_a_single_change_is_the_requests() -> None:
    with pytest.raises(NotFound):
        await bulk.one(doing(NotFound("No such entry."))(), Subject())


@pytest.mark.parametrize("namespace", ["DEV", None])
async def test_an_unknown_entry_is_told_with_the_namespace_that_the_request_names(namespace: str | None) -> None:
    error = NoEntry("01-23")
    with pytest.raises(NoEntry) as raised:
        await bulk.one(doing(error)(), Subject(namespace=namespace))
    assert raised.value.subject == Subject(uuid="01-23", namespace=namespace)
    assert error.subject.namespace is None, "others may have the same error"


async def test_a_dependency_that_is_down_before_anything_is_done_fails_the_whole_request() -> None:
    with pytest.raises(StorageDown):
        await bulk.each([(Subject(), doing(StorageDown("down")))])


async def test_a_dependency_that_goes_down_in_between_takes_nothing_back(make_entry: MakeEntry) -> None:
    steps = [(Subject(), doing((make_entry(), Commit(1)))), (Subject(), doing(StorageDown("down")))]
    outcome = await bulk.each(steps)
    assert (len(outcome.entries), [failure.code for failure in outcome.failures]) == (1, ["storage_down"])
