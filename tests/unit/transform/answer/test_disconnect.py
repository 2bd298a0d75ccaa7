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
