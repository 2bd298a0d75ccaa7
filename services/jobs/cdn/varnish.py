"""Varnish with the module xkey: a PURGE request, as gateway/varnish/tada.vcl takes it, to every machine of a name.

A machine that does not answer has the others of its name purged again, which does no harm. Machines that are known by
names of their own are targets of their own, and do not wait for each other.
"""

from collections.abc import Sequence

from services.jobs.cdn.target import NotPurged, Pace, check
from services.jobs.http import Server, Unreachable
from services.jobs.purge.addresses import UnknownName, resolve
from services.jobs.purge.node import TOKEN_HEADER

SECONDS = 10.0


class Varnish:
    tags_at_once = 100
    """A header of Varnish has 8 kB."""
    pace = Pace(1000, 0.0)

    def __init__(self, address: str, token: str) -> None:
        self.name = f"varnish {address}"
        self._address, self._token = address, token
        self._servers: dict[str, Server] = {}

    async def purge(self, tags: Sequence[str]) -> None:
        try:
            found = await resolve(self._address)
        except UnknownName as error:
            raise NotPurged(str(error)) from error
        for gone in self._servers.keys() - set(found):
            self._servers.pop(gone).close()
        failure: NotPurged | None = None
        for machine in found:
            try:
                await self._purge(machine, tags)
            except NotPurged as error:
                failure = error
        if failure:
            raise failure

    async def _purge(self, machine: str, tags: Sequence[str]) -> None:
        headers = {TOKEN_HEADER: self._token, "xkey-purge": " ".join(tags)}
        server = self._servers.setdefault(machine, Server(machine))
        try:
            answer = await server.ask("PURGE", "/", headers, seconds=SECONDS)
        except Unreachable as error:
            raise NotPurged(f"{machine} cannot be reached: {error}") from error
        check(answer, machine)

    async def close(self) -> None:
        for server in self._servers.values():
            server.close()
