"""A real HTTP server in the process of a test, which answers as the test says."""

from abc import ABC, abstractmethod

from aiohttp import web

from tools.stack.ports import free_ports


class HttpServer(ABC):
    """It has its address from the beginning, and may be started and stopped again and again."""

    def __init__(self) -> None:
        [self.port] = free_ports(1)
        self._runner: web.AppRunner | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def stop(self) -> None:
        if self._runner:
            await self._runner.cleanup()

    @abstractmethod
    async def answer(self, request: web.Request) -> web.StreamResponse: ...
