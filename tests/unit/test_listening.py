"""The server of other tests leaves no connection behind."""

import asyncio
import socket
from contextlib import suppress

import pytest

from tests.processes.listening import listening


async def waits(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


@pytest.mark.parametrize("turns", range(8))
async def test_a_client_that_connects_just_before_the_end_is_cut_off(turns: int) -> None:
    async with listening(waits) as port:
        client = socket.create_connection(("127.0.0.1", port))
        for _ in range(turns):  # Of the event loop: the server has seen the client, accepted it, served it.
            await asyncio.sleep(0)
    with client, suppress(ConnectionResetError):
        client.settimeout(5)
        assert client.recv(1) == b""


async def test_an_answer_arrives_whole_that_is_longer_than_all_buffers() -> None:
    body = b"x" * 10_000_000

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(body)

    async with listening(serve) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.read() == body
        writer.close()
        await writer.wait_closed()
