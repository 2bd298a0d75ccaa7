"""Carries requests, and waits, for `AsyncClient`."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import anyio
import anyio.to_thread
import httpx

from tada_client.carrying import Place, answer_of, failure, headers_of
from tada_client.errors import NotReached, error_of
from tada_client.flows import Attempts, Digest, Pause, digest_of
from tada_client.wire import AT_ONCE, Answer, Progress, Request

T = TypeVar("T")


class Carrier:
    def __init__(
        self,
        place: Place,
        connections: int,
        sleep: Callable[[float], Awaitable[None]] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        settings: dict[str, Any] = place.settings(connections)
        self._http = httpx.AsyncClient(transport=transport, **settings)
        self._place, self._sleep = place, sleep or anyio.sleep

    async def close(self) -> None:
        await self._http.aclose()

    async def run(self, steps: Attempts[T]) -> T:
        """Carry out what a flow yields; return its result."""
        given: Answer | str | None = None
        failed: NotReached | None = None
        while True:
            try:
                step = steps.send(given) if failed is None else steps.throw(failed)
            except StopIteration as end:
                done: T = end.value
                return done
            given, failed = None, None
            if isinstance(step, Pause):
                await self.sleep(step.seconds)
                continue
            if isinstance(step, Digest):
                given = await anyio.to_thread.run_sync(digest_of, step.file)
                continue
            try:
                given = await self._send(step)
            except NotReached as error:
                failed = error

    async def sleep(self, seconds: float) -> None:
        await self._sleep(seconds)

    async def _send(self, request: Request[Any]) -> Answer:
        url, body = self._place.of(request.target()), request.body
        content: bytes | AsyncIterator[bytes] | None = None
        if body is not None:
            content = _in_threads(body.pieces())
            if body.size <= AT_ONCE:
                content = b"".join([piece async for piece in content])
        try:
            return answer_of(
                await self._http.request(request.method, url, headers=headers_of(request), content=content)
            )
        except httpx.HTTPError as error:
            raise failure(error, url) from error

    async def lines(self, target: str, headers: dict[str, str]) -> AsyncIterator[str]:
        """Yield the lines of a stream as long as it lasts."""
        url = self._place.of(target)
        try:
            async with self._http.stream("GET", url, headers=headers, timeout=httpx.Timeout(10, read=30)) as answer:
                if answer.status_code != 200:
                    await answer.aread()
                    said = answer_of(answer)
                    raise error_of(said.status, said.headers, said.content)
                async for line in answer.aiter_lines():
                    yield line
        except httpx.HTTPError as error:
            raise failure(error, url) from error

    async def download(self, target: str, to: Path, name: str, progress: Progress | None) -> Path:
        """Write an answer to a path, or into a folder under a name; the file is there when it is whole."""
        url = self._place.of(target)
        path = to / name if await anyio.Path(to).is_dir() else to
        part = anyio.Path(path.with_name(f".{path.name}.part"))
        try:
            async with self._http.stream("GET", url, follow_redirects=True) as answer:
                if answer.status_code != 200:
                    await answer.aread()
                    said = answer_of(answer)
                    raise error_of(said.status, said.headers, said.content)
                size, received = int(answer.headers.get("content-length", "0")), 0
                async with await part.open("wb") as file:
                    async for piece in answer.aiter_bytes(1 << 18):
                        await file.write(piece)
                        received += len(piece)
                        if progress:
                            progress(received, size)
            await part.replace(path)
            return path
        except httpx.HTTPError as error:
            raise failure(error, url) from error
        finally:
            await part.unlink(missing_ok=True)


async def _in_threads(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Yield what is read from a file, without holding up others meanwhile."""
    while (piece := await anyio.to_thread.run_sync(next, pieces, None)) is not None:
        yield piece
