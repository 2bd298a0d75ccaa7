"""What is written to a connection in one turn of the event loop is sent together."""

import asyncio
from typing import Any, cast

import pytest

from services.core.serving.server import JOINED_MAX, Joined


class Sent:
    """Stands for the transport: it knows what it was given, piece by piece."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.is_closed = False

    def writelines(self, data: list[bytes]) -> None:
        assert not self.is_closed
        self.pieces.append(b"".join(data))

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed

    def get_extra_info(self, name: str) -> str:
        return name


@pytest.fixture
def sent() -> Sent:
    return Sent()


@pytest.fixture
async def joined(sent: Sent) -> Any:
    return Joined(cast("asyncio.Transport", sent), asyncio.get_running_loop())


async def test_a_head_and_a_body_are_sent_together_and_once(sent: Sent, joined: Joined) -> None:
    joined.write(b"head ")
    joined.write(b"body")
    await asyncio.sleep(0)
    assert sent.pieces == [b"head body"]
    joined.write(b"more")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert sent.pieces == [b"head body", b"more"]


async def test_no_more_waits_than_a_little(sent: Sent, joined: Joined) -> None:
    joined.write(b"head ")
    joined.write(bytes(JOINED_MAX))
    assert sent.pieces == [b"head " + bytes(JOINED_MAX)]
    joined.write(b"rest")
    await asyncio.sleep(0)
    assert sent.pieces[1:] == [b"rest"]


async def test_what_was_written_is_sent_before_the_end(sent: Sent, joined: Joined) -> None:
    joined.write(b"all")
    joined.close()
    assert (sent.pieces, sent.is_closed) == ([b"all"], True)
    await asyncio.sleep(0)
    assert sent.pieces == [b"all"]


async def test_nothing_is_sent_when_the_client_has_left(sent: Sent, joined: Joined) -> None:
    joined.write(b"for nobody")
    sent.close()
    await asyncio.sleep(0)
    assert sent.pieces == []


async def test_everything_else_is_that_of_the_transport(joined: Joined) -> None:
    assert joined.get_extra_info("peername") == "peername"
