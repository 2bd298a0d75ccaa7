"""Tasks that talk to Redis end when they are told to, also when a client swallows it."""

import asyncio

import pytest

from services.core.state import cancellation
from services.core.state.cancellation import end, is_cancelled


async def test_a_task_knows_that_it_has_been_cancelled_when_that_was_swallowed() -> None:
    known = []

    async def works() -> None:
        known.append(is_cancelled())
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            known.append(is_cancelled())

    task = asyncio.create_task(works())
    await asyncio.sleep(0)
    task.cancel()
    await task
    assert known == [False, True]


async def test_a_time_limit_is_no_cancellation() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await asyncio.sleep(1)
    assert not is_cancelled()


async def test_a_task_is_cancelled_as_often_as_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cancellation, "_AGAIN_SECONDS", 0.01)
    swallowed = 0

    async def swallows() -> None:
        nonlocal swallowed
        while swallowed < 3:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                swallowed += 1

    async def fails() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ZeroDivisionError from None

    tasks = [asyncio.create_task(swallows()), asyncio.create_task(fails()), asyncio.create_task(asyncio.sleep(0))]
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await end(tasks)
    assert all(task.done() for task in tasks)
    assert swallowed == 3
    assert isinstance(tasks[1].exception(), ZeroDivisionError)


async def test_without_tasks_there_is_nothing_to_end() -> None:
    await end([])
