"""Requests to servers outside, to addresses that clients have given. Nothing inside the network is reached by them.

The name of a host is looked up once, every address that it leads to is checked, and the connection is made to a checked
one: a name service that answers otherwise a moment later has no effect. Each redirect is checked in the same way.
httpcore is used without httpx: it reads no environment, so no proxy, follows nothing, and decodes nothing.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import httpcore
import httpx

from services.core.clients import Address
from services.core.errors import FileTooLarge, NoSource, OutwardFailed, OutwardRefused
from services.core.observing import logs
from services.core.outward import urls
from services.core.outward.addresses import LOOPBACK, Allowed, kind_of
from services.core.outward.urls import Url, check

log = logging.getLogger(__name__)

_CONNECT_SECONDS = 5.0
_LOOKUPS = 4
"""Names that are looked up at the same time. A thread cannot be stopped, so slow ones have threads of their own."""
_TRIED = 4
"""Addresses of one name to which a connection is tried."""
_REDIRECTS = (301, 302, 303, 307, 308)
_USER_AGENT = "TADA"

Resolve = Callable[[str], Sequence[str]]
"""Looks a name up and returns all addresses that it leads to; raises OSError."""


def look_up(host: str) -> list[str]:
    """Ask the name service of the system, as every program does."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may take: seconds from its beginning to the end of the answer, and redirects that are
    followed."""

    seconds: float
    redirects: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer whose body is not read yet. The names of `headers` are in small letters; `url` is where it came from,
    after all redirects."""

    url: Url
    status: int
    headers: Mapping[str, str]
    raw: Callable[[], AsyncGenerator[bytes, None]]
    """The body as it is sent."""

    async def chunks(self, limit: int) -> AsyncGenerator[bytes, None]:
        """Yield the body; raises NoSource if it is compressed, and FileTooLarge for more than `limit` bytes, if
        possible before any is read."""
        if self.headers.get("content-encoding", "identity").lower() != "identity":
            raise NoSource(
                f"{self.url.host} sends the file compressed, although it was asked not to.",
                "Send an address at which it is not.",
            )
        size = int(self.headers.get("content-length", 0))  # h11 has read it, and compares it with the body.
        if size > limit:
            raise FileTooLarge(limit)
        size = 0
        async with aclosing(self.raw()) as chunks:
            async for chunk in chunks:
                size += len(chunk)
                if size > limit:
                    raise FileTooLarge(limit)
                yield chunk

    async def beginning(self, length: int) -> bytes:
        """Return the first `length` bytes of the body, or all if there are fewer."""
        found = bytearray()
        async with aclosing(self.raw()) as chunks:
            async for chunk in chunks:
                found += chunk
                if len(found) >= length:
                    break
        return bytes(found[:length])


class Outward:
    """Sends requests, each over a connection of its own. `resolve` takes the place of the name service in tests."""

    def __init__(self, allowed: Allowed, resolve: Resolve = look_up) -> None:
        self._allowed, self._resolve = allowed, resolve
        self._lookups = ThreadPoolExecutor(_LOOKUPS, "outward-lookup")
        self._secure: ssl.SSLContext | None = None

    async def check(self, address: str) -> None:
        """Look where an address leads now, without a request; raises OutwardRefused and OutwardFailed."""
        url = urls.read(address, self._allowed)
        await _Network(self._allowed, self._addresses_of).addresses(url.host)

    def close(self) -> None:
        self._lookups.shutdown(wait=False, cancel_futures=True)

    @asynccontextmanager
    async def ask(
        self,
        method: str,
        address: str,
        limits: Limits,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> AsyncIterator[Answer]:
        """Send a request and yield the answer with any status; the time is also that of what is done with it.

        A redirect is an answer like others unless `limits` has it followed: only a GET may have that. Raises
        OutwardRefused, OutwardFailed, and NoSource for too many redirects.
        """
        assert method == "GET" or not limits.redirects
        url = urls.read(address, self._allowed)
        try:
            async with asyncio.timeout(limits.seconds) as deadline, AsyncExitStack() as stack:
                for left in range(limits.redirects, -1, -1):
                    response = await stack.enter_async_context(self._exchange(method, url, headers or {}, body))
                    location = _location(response)
                    if location is None or not limits.redirects:
                        break
                    if not left:
                        raise NoSource(
                            f"{url.host} redirects more than {limits.redirects} times.",
                            "Send the address at which the file is.",
                        )
                    await stack.aclose()
                    url = urls.redirected(url, location, self._allowed)
                yield _answer(url, response)
        except TimeoutError:
            if not deadline.expired():
                raise
            raise OutwardFailed(f"{url.host} has not answered in full after {limits.seconds:g} s.") from None
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
            raise OutwardFailed(_named(url, error)) from error

    @asynccontextmanager
    async def _exchange(
        self, method: str, url: Url, headers: Mapping[str, str], body: bytes | None
    ) -> AsyncIterator[httpcore.Response]:
        sent = {
            "Host": url.authority,
            "User-Agent": _USER_AGENT,
            "Accept": "*/*",
            # Lengths are those of the bytes themselves, and nothing that is small grows.
            "Accept-Encoding": "identity",
            "Connection": "close",
            **headers,
        }
        where = httpcore.URL(scheme=url.scheme, host=url.host, port=url.port, target=url.target)
        connection = httpcore.AsyncHTTPConnection(
            where.origin,
            ssl_context=self._tls() if url.scheme == "https" else None,
            network_backend=_Network(self._allowed, self._addresses_of),
        )
        try:
            async with connection.stream(
                *(method, where),
                headers=list(sent.items()),
                content=body,
                extensions={"timeout": {"connect": _CONNECT_SECONDS}},
            ) as response:
                yield response
        finally:
            await connection.aclose()

    async def _addresses_of(self, host: str) -> Sequence[str]:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._lookups, self._resolve, host)
        except (OSError, UnicodeError) as error:
            logs.event(log, logging.WARNING, "name_not_found", host=host, error=str(error))
            raise OutwardFailed(f"No address is found for the name {host}.") from error

    def _tls(self) -> ssl.SSLContext:
        """Return what checks certificates: reading all authorities takes 20 ms, so it is done once."""
        if self._secure is None:
            self._secure = httpx.create_ssl_context()
        return self._secure


class _Network(httpcore.AnyIOBackend):
    """Connects to hosts whose addresses it has checked, and to no other address."""

    def __init__(self, allowed: Allowed, look_up: Callable[[str], Awaitable[Sequence[str]]]) -> None:
        self._allowed, self._look_up = allowed, look_up

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        last: Exception = httpcore.ConnectError("it has no address")
        for address in (await self.addresses(host))[:_TRIED]:
            try:
                stream = await super().connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
                continue
            # The kernel connects to an address of the machine itself from that same address. It may be a public one, at
            # which a firewall lets nobody else reach what listens there.
            if ip_address(stream.get_extra_info("client_addr")[0]) == address:
                try:
                    self._check(address, host, LOOPBACK)
                except OutwardRefused:
                    await stream.aclose()
                    raise
            return stream
        raise last

    async def addresses(self, host: str) -> list[Address]:
        """Return the addresses of a host; raises OutwardRefused unless all of them may be reached.

        If only the public ones of several were used, a name that leads inside the network would seem to work.
        """
        try:
            found = [ip_address(host)]
        except ValueError:
            found = [ip_address(text) for text in await self._look_up(host)]
        for address in found:
            self._check(address, host, kind_of(address))
        return found

    def _check(self, address: Address, host: str, kind: str | None) -> None:
        try:
            check(address, host, kind, self._allowed)
        except OutwardRefused:
            logs.event(log, logging.WARNING, "outward_refused", host=host, address=str(address))
            raise


def _location(response: httpcore.Response) -> bytes | None:
    """Return where an answer redirects to; None if it does not."""
    if response.status not in _REDIRECTS:
        return None
    return next((value for name, value in response.headers if name.lower() == b"location"), None)


def _answer(url: Url, response: httpcore.Response) -> Answer:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}

    async def raw() -> AsyncGenerator[bytes, None]:
        async for chunk in response.aiter_stream():
            yield chunk

    return Answer(url, response.status, headers, raw)


def _named(url: Url, error: Exception) -> str:
    """Say what went wrong with a connection: the texts of httpcore are for programmers, and some are empty."""
    if isinstance(error, httpcore.ConnectTimeout):
        return f"{url.host} cannot be reached in time."
    if isinstance(error, httpcore.ConnectError):
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return f"The certificate of {url.host} is not valid."
        return f"{url.host} cannot be reached."
    if isinstance(error, httpcore.ProtocolError):
        return f"{url.host} sends an answer that is not valid or breaks off."
    return f"The connection to {url.host} broke."
