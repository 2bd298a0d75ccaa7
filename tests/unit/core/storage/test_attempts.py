from collections.abc import AsyncGenerator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.errors import StorageDown
from services.core.storage import ObjectMissing, attempts
from services.core.storage.attempts import Interrupted, Policy, attempt, resumed

POLICY = Policy(retries=2, deadline=5)
CONTENT = bytes(range(200))


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "_FIRST_PAUSE", 0.0)


class Operation:
    def __init__(self, *outcomes: Exception | str) -> None:
        self.outcomes = list(outcomes)
        self.calls = 0

    async def __call__(self) -> str:
        self.calls += 1
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


async def test_what_works_at_once_is_done_once() -> None:
    operation = Operation("done")
    assert await attempt(POLICY, operation) == "done"
    assert operation.calls == 1


async def test_what_is_interrupted_is_tried_again() -> None:
    operation = Operation(Interrupted("reset"), Interrupted("reset"), "done")
    assert await attempt(POLICY, operation) == "done"


async def test_after_the_last_retry_the_storage_is_down() -> None:
    operation = Operation(*[Interrupted("reset by peer")] * 5)
    with pytest.raises(StorageDown, match="reset by peer"):
        await attempt(POLICY, operation)
    assert operation.calls == 3


@pytest.mark.parametrize("final", [ObjectMissing("gone"), StorageDown("refused")])
async def test_an_answer_is_not_asked_for_again(final: Exception) -> None:
    operation = Operation(final, "done")
    with pytest.raises(type(final)):
        await attempt(POLICY, operation)
    assert operation.calls == 1


async def test_all_attempts_together_have_one_deadline() -> None:
    async def never() -> str:
        raise TimeoutError

    with pytest.raises(StorageDown, match=r"did not answer within 5 s"):
        await attempt(POLICY, never)


def test_pauses_grow_and_differ() -> None:
    policy = Policy(retries=20, deadline=5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attempts, "_FIRST_PAUSE", 0.1)
        pauses = [[policy.pause(number) for _ in range(200)] for number in range(1, 12)]
    assert all(0 <= pause <= 2 for some in pauses for pause in some)
    assert max(pauses[0]) <= 0.1
    assert max(pauses[3]) > 0.3
    assert all(len(set(some)) > 100 for some in pauses)


class Body:
    """A body that breaks after so many bytes, again and again, wherever it is begun."""

    def __init__(self, breaks: list[int]) -> None:
        self.breaks = breaks
        self.begun: list[int] = []

    async def open_at(self, start: int, length: int | None) -> AsyncGenerator[bytes, None]:
        self.begun.append(start)
        end = len(CONTENT) if length is None else min(len(CONTENT), start + length)
        until = self.breaks.pop(0) if self.breaks else None
        for at in range(start, end, 7):
            if until is not None and at - start >= until:
                raise Interrupted("reset")
            yield CONTENT[at : min(at + 7, end)]


@given(st.lists(st.integers(7, 100), max_size=8), st.integers(0, 200), st.none() | st.integers(0, 200))
async def test_a_body_that_breaks_goes_on_where_it_broke(breaks: list[int], start: int, length: int | None) -> None:
    body = Body(breaks)
    got = b"".join([chunk async for chunk in resumed(POLICY, body.open_at, start, length)])
    assert got == CONTENT[start : None if length is None else start + length]


async def test_a_body_that_never_goes_on_is_given_up() -> None:
    body = Body([0] * 10)
    with pytest.raises(StorageDown, match="reset"):
        await anext(aiter(resumed(POLICY, body.open_at, 0, None)))
    assert body.begun == [0, 0, 0]


async def test_what_was_sent_is_not_sent_again() -> None:
    body = Body([14, 0, 21, 0])
    assert b"".join([chunk async for chunk in resumed(POLICY, body.open_at, 0, None)]) == CONTENT
    assert body.begun == [0, 14, 14, 35, 35]


@pytest.mark.parametrize("length", [200, None])
async def test_a_body_that_has_come_whole_is_whole_though_its_connection_breaks_then(length: int | None) -> None:
    async def open_at(start: int, _length: int | None) -> AsyncGenerator[bytes, None]:
        if start < len(CONTENT):
            yield CONTENT[start:]
            raise Interrupted("reset")

    policy = Policy(retries=0 if length else 1, deadline=5)
    assert b"".join([chunk async for chunk in resumed(policy, open_at, 0, length)]) == CONTENT
