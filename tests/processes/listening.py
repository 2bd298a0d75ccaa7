"""A server of a test, after which no connection is left."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(serve: Serve, port: int = 0) -> AsyncIterator[int]:
    """Serve connections on a port of this machine; at the end stop what serves them, and close them.

    asyncio.start_server is not used: Python 3.11 loses the connection of a client that comes in the moment in which
    the server is closed. Its socket is found open much later, and another test fails.
    """
    loop = asyncio.get_running_loop()
    connections: dict[asyncio.Task[None], socket.socket] = {}

    async def serve_one(connection: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=connection)
        try:
            await serve(reader, writer)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
        finally:
            writer.transport.abort()

    def accept() -> None:
        with suppress(BlockingIOError, ConnectionAbortedError):
            connection, _ = listener.accept()
            task = loop.create_task(serve_one(connection))
            connections[task] = connection
            task.add_done_callback(connections.pop)

    with socket.create_server(("127.0.0.1", port)) as listener:
        listener.setblocking(False)
        loop.add_reader(listener, accept)
        try:
            yield listener.getsockname()[1]
        finally:
            loop.remove_reader(listener)
            left = dict(connections)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
            for connection in left.values():
                connection.close()
