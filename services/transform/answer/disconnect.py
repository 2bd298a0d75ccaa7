"""Work for a client only as long as the client is there."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

Made = TypeVar("Made")


async def while_connected(request: Request, work: Coroutine[Any, Any, Made]) -> Made:
    """Return the result of `work`; cancel it, and raise ClientDisconnect, as soon as the client has left.

    For requests without a body, whose further messages can only say that. The work is done by the task of the request:
    a task of its own would cost two more turns of the event loop.
    """
    working = asyncio.current_task()
    assert working
    leaving = asyncio.create_task(_cancel_when_left(request, working))
    try:
        return await work
    except asyncio.CancelledError:
        if leaving.done() and not leaving.cancelled() and not working.uncancel():
            raise ClientDisconnect from None
        raise
    finally:
        leaving.cancel()


async def _cancel_when_left(request: Request, working: asyncio.Task[Any]) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    working.cancel()
