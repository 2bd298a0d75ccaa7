"""HTTP to the distant backend: connections, the token, time limits, and the meaning of a status.

httpx is hidden here. Its own limit of connections is not used: if a request is cancelled while it waits in the pool of
httpcore 1.0.9, a place can be lost permanently (httpcore issue 1093). So a semaphore guards the pool.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import orjson

from services.core.assets import media_types
from services.core.errors import StorageDown, StorageRefused
from services.core.observing import logs
from services.core.storage.attempts import Interrupted, Policy
from services.core.storage.distant.forms import Form
from services.core.storage.distant.transport import ListeningTransport
from services.core.storage.settings import StorageSettings

log = logging.getLogger(__name__)

_IDLE_SECONDS = 4
"""How long an unused connection is kept: less than the 5 s after which Node and uvicorn close theirs, so that an
upload, which must not be sent twice, is not sent into a connection that is just being closed."""
_ANSWER_MAX = 1024 * 1024
"""Bytes of an answer that is not a file; a list of 1000 objects has about 100 kB."""
_EXCERPT = 200
NO_SUCH_ROUTE = (404, 405, 501)
"""Statuses of a backend that does not have a route."""


class NotSent(Interrupted):
    """No byte of the request was sent, so it can always be repeated."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer whose body is not read yet. The names of `headers` are in lower case."""

    status: int
    headers: Mapping[str, str]
    chunks: Callable[[], AsyncIterator[bytes]]
    """The body as it was sent, not decoded."""

    async def body(self) -> bytes:
        """Return the whole body; raises StorageDown if it is too large for an answer that is not a file."""
        found = bytearray()
        async for chunk in self.chunks():
            found += chunk
            if len(found) > _ANSWER_MAX:
                raise StorageDown("The storage sent an answer that is too long.")
        return bytes(found)


class DistantClient:
    """Asks the distant backend. Every failure of the connection is an Interrupted."""

    def __init__(self, settings: StorageSettings) -> None:
        self._settings = settings
        self._host = settings.delegated_storage_host
        self.policy = Policy(settings.storage_retries, settings.storage_deadline_seconds)
        self._places = asyncio.Semaphore(settings.storage_pool_size)
        self._client: httpx.AsyncClient | None = None

    async def open(self) -> None:
        settings = self._settings
        # Lengths and ranges are those of the bytes themselves, so they must not be compressed on the way.
        headers = {"Accept-Encoding": "identity", "User-Agent": "tada"}
        if token := settings.delegated_storage_token.get_secret_value():
            headers["Authorization"] = f"Bearer {token}"
        self._client = httpx.AsyncClient(
            headers=headers,
            follow_redirects=False,
            transport=ListeningTransport(settings.storage_pool_size, _IDLE_SECONDS),
        )

    async def close(self) -> None:
        if self._client:
            await self._client.aclose()

    @asynccontextmanager
    async def ask(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
    ) -> AsyncIterator[Answer]:
        """Send a request that may be repeated and return its answer with any status; raises Interrupted."""
        more = dict(headers or {})
        if json is not None:
            more["Content-Type"] = media_types.JSON
        content = None if json is None else orjson.dumps(json)
        async with self._exchange(method, path, params, more, content, self._settings.storage_read_seconds) as answer:
            yield answer

    async def submit(self, method: str, path: str, params: Mapping[str, str], form: Form) -> tuple[int, bytes]:
        """Send a form and return the status and the body of the answer; raises StorageDown.

        It is repeated only if no byte of it was sent: the backend may have stored what it did not confirm. The deadline
        begins again with every piece that the backend takes.
        """
        loop, seconds = asyncio.get_running_loop(), self.policy.deadline
        headers = {"Content-Type": form.content_type, "Content-Length": str(form.length)}
        try:
            async with asyncio.timeout(seconds) as limit:

                async def pieces() -> AsyncGenerator[bytes, None]:
                    async with aclosing(form.pieces()) as all_of_it:
                        async for piece in all_of_it:
                            limit.reschedule(loop.time() + seconds)
                            yield piece

                for number in range(self.policy.retries + 1):
                    if number:
                        await asyncio.sleep(self.policy.pause(number))
                    try:
                        # Closed here, because httpx stops in the middle if the backend does.
                        async with (
                            aclosing(pieces()) as content,
                            self._exchange(method, path, params, headers, content, seconds) as answer,
                        ):
                            return answer.status, await answer.body()
                    except NotSent as error:
                        last = error
        except TimeoutError as error:
            raise StorageDown(f"The storage did not answer within {seconds:g} s.") from error
        except Interrupted as error:
            raise StorageDown(f"The storage did not confirm that it has the file: {error}.") from error
        except OSError as error:
            raise StorageDown(f"The upload cannot be read: {error.strerror}.", "Send it again.") from error
        raise StorageDown(f"The storage does not answer: {last}.") from last

    @asynccontextmanager
    async def _exchange(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str],
        content: bytes | AsyncIterator[bytes] | None,
        silence: float,
    ) -> AsyncIterator[Answer]:
        assert self._client, "call open() first"
        settings = self._settings
        request = self._client.build_request(
            method,
            self._host + path + (f"?{urlencode(params, quote_via=quote, safe='')}" if params else ""),
            headers=headers,
            content=content,
            timeout=httpx.Timeout(
                connect=settings.storage_connect_seconds,
                read=silence,
                write=settings.storage_read_seconds,
                pool=settings.storage_connect_seconds,
            ),
        )
        try:
            async with asyncio.timeout(settings.storage_connect_seconds):
                await self._places.acquire()
        except TimeoutError:
            raise NotSent(f"all {settings.storage_pool_size} connections are in use") from None
        try:
            response = await self._client.send(request, stream=True)
            try:
                yield Answer(response.status_code, response.headers, response.aiter_raw)
            finally:
                await response.aclose()
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise NotSent(_named(error)) from error
        except httpx.HTTPError as error:
            raise Interrupted(_named(error)) from error
        finally:
            self._places.release()


def _named(error: Exception) -> str:
    """Describe an error of httpx in a few words: its time-outs have no text."""
    if isinstance(error, httpx.ConnectTimeout):
        return "it cannot be reached in time"
    if isinstance(error, httpx.ConnectError):
        return "it cannot be reached"
    if isinstance(error, httpx.TimeoutException):
        return "it stopped answering"
    return "the connection broke"


def complaint(method: str, path: str, status: int) -> Exception:
    """Return the error for an unexpected status: Interrupted if it may be temporary."""
    if status in (401, 403):
        return StorageRefused(
            f"The storage refuses access (status {status}).", "An operator must check DELEGATED_STORAGE_TOKEN."
        )
    if status in NO_SUCH_ROUTE:
        return StorageDown(
            f"The storage does not know {method} {path} (status {status}).",
            "An operator must check DELEGATED_STORAGE_HOST and the paths of its routes.",
        )
    if status in (408, 429) or status >= 500:
        return Interrupted(f"it answered with status {status}")
    return StorageDown(f"The storage sent an answer that is not valid (status {status}).")


def note(method: str, path: str, status: int, body: bytes) -> None:
    """Log an unexpected answer: only the operator may see the beginning of its body."""
    text = "".join(
        character if character.isprintable() else " " for character in body[:_EXCERPT].decode("utf-8", "replace")
    )
    logs.event(log, logging.WARNING, "storage_complains", method=method, path=path, status=status, said=text)


async def complain(method: str, path: str, answer: Answer) -> Exception:
    """Log an unexpected answer, and return its error."""
    note(method, path, answer.status, await answer.body())
    return complaint(method, path, answer.status)
