"""Requests to servers outside, to addresses that clients have given. Nothing inside the network is reached by them.

The name of a host is looked up once, every address that it leads to is checked, and the connection is made to a checked
one: a name service that answers otherwise a moment later has no effect. Each redirect is checked in the same way.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.core.errors import NoSource, OutwardFailed
from services.core.outward import urls
from services.core.outward.addresses import Allowed
from services.core.outward.answer import Answer
from services.core.outward.lookup import Hosts, Resolve, look_up

if TYPE_CHECKING:
    from services.core.outward.connection import Connections

_REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may take: seconds from its beginning to the end of the answer, and redirects that are
    followed."""

    seconds: float
    redirects: int = 0


class Outward:
    """Sends requests, each over a connection of its own. `resolve` takes the place of the name service in tests."""

    def __init__(self, allowed: Allowed, resolve: Resolve = look_up) -> None:
        self._allowed, self._hosts = allowed, Hosts(allowed, resolve)
        self._connections: Connections | None = None

    async def check(self, address: str) -> None:
        """Look where an address leads now, without a request; raises OutwardRefused and OutwardFailed."""
        url = urls.read(address, self._allowed)
        await self._hosts.addresses(url.host)

    def close(self) -> None:
        self._hosts.close()

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
        from services.core.outward import connection

        self._connections = connections = self._connections or connection.Connections(self._hosts)
        assert method == "GET" or not limits.redirects
        url = urls.read(address, self._allowed)
        try:
            async with asyncio.timeout(limits.seconds) as deadline, AsyncExitStack() as stack:
                for left in range(limits.redirects, -1, -1):
                    exchange = connections.exchange(method, url, headers or {}, body)
                    answer = await stack.enter_async_context(exchange)
                    location = _location(answer)
                    if location is None or not limits.redirects:
                        break
                    if not left:
                        raise NoSource(
                            f"{url.host} redirects more than {limits.redirects} times.",
                            "Send the address at which the file is.",
                        )
                    await stack.aclose()
                    url = urls.redirected(url, location.encode("latin-1"), self._allowed)
                yield answer
        except TimeoutError:
            if not deadline.expired():
                raise
            raise OutwardFailed(f"{url.host} has not answered in full after {limits.seconds:g} s.") from None
        except connection.ERRORS as error:
            raise OutwardFailed(connection.named(url, error)) from error


def _location(answer: Answer) -> str | None:
    """Return where an answer redirects to; None if it does not."""
    return answer.headers.get("location") if answer.status in _REDIRECTS else None
