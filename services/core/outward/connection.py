"""One request over one connection, to an address that was checked. It is imported when the first request is made: the
libraries take a tenth of a second of every start, and most installations send no request.

httpcore is used without httpx: it reads no environment, so no proxy, follows nothing, and decodes nothing.
"""

import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import Any

import httpcore
import httpx

from services.core.errors import OutwardRefused
from services.core.outward.addresses import LOOPBACK
from services.core.outward.answer import Answer
from services.core.outward.lookup import Hosts
from services.core.outward.urls import Url

ERRORS = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException)
"""What goes wrong with a connection; see `named`."""
_CONNECT_SECONDS = 5.0
_TRIED = 4
"""Addresses of one name to which a connection is tried."""
_USER_AGENT = "TADA"


class Connections:
    """Each is used for one request."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts
        self._secure: ssl.SSLContext | None = None

    @asynccontextmanager
    async def exchange(
        self, method: str, url: Url, headers: Mapping[str, str], body: bytes | None
    ) -> AsyncIterator[Answer]:
        """Send a request and yield the answer, whose body is not read yet; raises OutwardRefused, OutwardFailed, and
        ERRORS, these also while the body is read."""
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
            network_backend=_Network(self._hosts),
        )
        try:
            async with connection.stream(
                *(method, where),
                headers=list(sent.items()),
                content=body,
                extensions={"timeout": {"connect": _CONNECT_SECONDS}},
            ) as response:
                yield _answer(url, response)
        finally:
            await connection.aclose()

    def _tls(self) -> ssl.SSLContext:
        """Return what checks certificates: reading all authorities takes 20 ms, so it is done once."""
        if self._secure is None:
            self._secure = httpx.create_ssl_context()
        return self._secure


def _answer(url: Url, response: httpcore.Response) -> Answer:
    # The first of several headers of one name counts.
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in reversed(response.headers)}

    async def raw() -> AsyncGenerator[bytes, None]:
        async for chunk in response.aiter_stream():
            yield chunk

    return Answer(url, response.status, headers, raw)


def named(url: Url, error: Exception) -> str:
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


class _Network(httpcore.AnyIOBackend):
    """Connects to hosts whose addresses it has checked, and to no other address."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        last: Exception = httpcore.ConnectError("it has no address")
        for address in (await self._hosts.addresses(host))[:_TRIED]:
            try:
                stream = await super().connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
                continue
            # The kernel connects to an address of the machine itself from that same address. It may be a public one, at
            # which a firewall lets nobody else reach what listens there.
            if ip_address(stream.get_extra_info("client_addr")[0]) == address:
                try:
                    self._hosts.check(address, host, LOOPBACK)
                except OutwardRefused:
                    await stream.aclose()
                    raise
            return stream
        raise last
