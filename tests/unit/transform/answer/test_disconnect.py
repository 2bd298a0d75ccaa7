import asyncio
from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request

from services.transform.answer.disconnect import while_connected


class Client:
    """Stands for the connection: it says that its request is complete, and, when it is told to leave, that it has."""

    def __init__(self) -> None:
        self._messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._messages.put_nowait({"type": "http.request", "body": b"", "more_body": False})
        self.request = Request({"type": "http", "method": "GET", "headers": []}, self._messages.get)

    def leave(self) -> None:
        self._messages.put_nowait({"type": "http.disconnect"})


async def test_whoever_stays_gets_the_result() -> None:
    async def work() -> str:
        await asyncio.sleep(0)
        return "done"

    assert await while_connected(Client().request, work()) == "done"


async def test_what_goes_wrong_is_raised() -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await while_connected(Client().request, fail())


@pytest.mark.parametrize("how", ["the client leaves", "the request is cancelled"])
async def test_work_for_nobody_is_cancelled(how: str) -> None:
    client, begun, ended = Client(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = asyncio.create_task(while_connected(client.request, work()))
    await begun.wait()
    if how == "the client leaves":
        client.leave()
        with pytest.raises(ClientDisconnect):
            await task
    else:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert ended.is_set()


async def test_who_has_left_cancels_nothing_that_comes_after() -> None:
    client, begun = Client(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await asyncio.Event().wait()

    async def answered() -> str:
        with pytest.raises(ClientDisconnect):
            await while_connected(client.request, work())
        async with asyncio.timeout(5):
            await asyncio.sleep(0)
        task = asyncio.current_task()
        assert task
        assert not task.cancelling()
        return "answered"

    task = asyncio.create_task(answered())
    await begun.wait()
    client.leave()
    assert await task == "answered"


async def test_a_request_that_is_cancelled_when_its_client_leaves_stays_cancelled() -> None:
    client, begun = Client(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(while_connected(client.request, work()))
    await begun.wait()
    client.leave()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
