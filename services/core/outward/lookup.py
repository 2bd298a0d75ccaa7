"""Names of hosts: what they lead to, and whether that may be reached."""

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

from services.core.clients import Address
from services.core.errors import OutwardFailed, OutwardRefused
from services.core.observing import logs
from services.core.outward import urls
from services.core.outward.addresses import Allowed, kind_of

log = logging.getLogger(__name__)

_LOOKUPS = 32
"""Names that are looked up at the same time. A thread cannot be stopped, so slow ones have threads of their own: one
receiver of webhooks whose name service does not answer can hold eight of them for half a minute."""

Resolve = Callable[[str], Sequence[str]]
"""Looks a name up and returns all addresses that it leads to; raises OSError."""


def look_up(host: str) -> list[str]:
    """Ask the name service of the system, as every program does."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class Hosts:
    """Looks up hosts, and lets only those addresses pass that may be reached."""

    def __init__(self, allowed: Allowed, resolve: Resolve = look_up) -> None:
        self._allowed, self._resolve = allowed, resolve
        self._lookups = ThreadPoolExecutor(_LOOKUPS, "outward-lookup")

    async def addresses(self, host: str) -> list[Address]:
        """Return the addresses of a host; raises OutwardFailed, and OutwardRefused unless all of them may be reached.

        If only the public ones of several were used, a name that leads inside the network would seem to work.
        """
        try:
            found = [ip_address(host)]
        except ValueError:
            found = [ip_address(text) for text in await self._named(host)]
        for address in found:
            self.check(address, host, kind_of(address))
        return found

    def check(self, address: Address, host: str, kind: str | None) -> None:
        """Raise OutwardRefused unless an address of a kind, to which a host leads, may be reached."""
        try:
            urls.check(address, host, kind, self._allowed)
        except OutwardRefused:
            logs.event(log, logging.WARNING, "outward_refused", host=host, address=str(address))
            raise

    def close(self) -> None:
        self._lookups.shutdown(wait=False, cancel_futures=True)

    async def _named(self, host: str) -> Sequence[str]:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._lookups, self._resolve, host)
        except (OSError, UnicodeError) as error:
            logs.event(log, logging.WARNING, "name_not_found", host=host, error=str(error))
            raise OutwardFailed(f"No address is found for the name {host}.") from error
