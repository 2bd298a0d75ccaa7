"""Carries requests, and waits, for `Client`."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

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
        sleep: Callable[[float], None] | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        settings: dict[str, Any] = place.settings(connections)
        self._http = httpx.Client(transport=transport, **settings)
        self._place, self._sleep = place, sleep or time.sleep

    def close(self) -> None:
        self._http.close()

    def run(self, steps: Attempts[T]) -> T:
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
                self.sleep(step.seconds)
                continue
            if isinstance(step, Digest):
                given = digest_of(step.file)
                continue
            try:
                given = self._send(step)
            except NotReached as error:
                failed = error

    def sleep(self, seconds: float) -> None:
        self._sleep(seconds)

    def _send(self, request: Request[Any]) -> Answer:
        url, body = self._place.of(request.target()), request.body
        content = None if body is None else b"".join(body.pieces()) if body.size <= AT_ONCE else body.pieces()
        try:
            return answer_of(self._http.request(request.method, url, headers=headers_of(request), content=content))
        except httpx.HTTPError as error:
            raise failure(error, url) from error

    def lines(self, target: str, headers: dict[str, str]) -> Iterator[str]:
        """Yield the lines of a stream as long as it lasts."""
        url = self._place.of(target)
        try:
            with self._http.stream("GET", url, headers=headers, timeout=httpx.Timeout(10, read=30)) as answer:
                if answer.status_code != 200:
                    answer.read()
                    said = answer_of(answer)
                    raise error_of(said.status, said.headers, said.content)
                yield from answer.iter_lines()
        except httpx.HTTPError as error:
            raise failure(error, url) from error

    def download(self, target: str, to: Path, name: str, progress: Progress | None) -> Path:
        """Write an answer to a path, or into a folder under a name; the file is there when it is whole."""
        url = self._place.of(target)
        path = to / name if to.is_dir() else to
        part = path.with_name(f".{path.name}.part")
        try:
            with self._http.stream("GET", url, follow_redirects=True) as answer:
                if answer.status_code != 200:
                    answer.read()
                    said = answer_of(answer)
                    raise error_of(said.status, said.headers, said.content)
                size, received = int(answer.headers.get("content-length", "0")), 0
                with part.open("wb") as file:
                    for piece in answer.iter_bytes(1 << 18):
                        file.write(piece)
                        received += len(piece)
                        if progress:
                            progress(received, size)
            part.replace(path)
            return path
        except httpx.HTTPError as error:
            raise failure(error, url) from error
        finally:
            part.unlink(missing_ok=True)
