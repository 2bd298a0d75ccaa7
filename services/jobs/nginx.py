"""The two nginx tiers, as far as purging goes: exact keys, the inner tier first, every node of both.

A node is named by its address as configured. A name may stand for several machines (a headless service): each address
that it has at that moment is purged, and the node has been purged when all of them have.
"""

import asyncio
import logging
import socket
import time
from collections.abc import Collection, Iterable

import aiohttp
from yarl import URL

from services.core import logs

log = logging.getLogger(__name__)

TOKEN_HEADER = "X-Purge-Token"  # noqa: S105 - the name of the header, no token
_TIMEOUT = aiohttp.ClientTimeout(total=5, connect=1)
_PURGED, _NOT_CACHED = 200, 404
_ADDRESSES_SECONDS = 1.0
"""How long the addresses of a name are remembered."""


class PurgeFailed(Exception):
    """A node did not purge: it is down, cannot be found, or refuses the token."""


class Tiers:
    """All nodes of both tiers. One connection pool, kept open."""

    def __init__(self, cache_nodes: tuple[str, ...], edge_nodes: tuple[str, ...], token: str) -> None:
        self.cache_nodes, self.edge_nodes, self._token = cache_nodes, edge_nodes, token
        self._session: aiohttp.ClientSession | None = None
        self._away: set[str] = set()
        self._addresses: dict[str, tuple[float, list[URL]]] = {}

    async def open(self) -> None:
        self._session = aiohttp.ClientSession(
            headers={TOKEN_HEADER: self._token},
            timeout=_TIMEOUT,
            connector=aiohttp.TCPConnector(limit=64, limit_per_host=32),
            skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent"),
        )

    async def close(self) -> None:
        if self._session:
            await self._session.close()

    async def purge(self, cache_keys: Iterable[str]) -> set[str]:
        """Remove keys from both tiers; return the nodes that have missed it.

        The cache tier comes first: an edge purged before it would fill itself again from what is still there. A node
        that is away holds nobody up: who has missed a purge is not asked again until it has made up for it.
        """
        cache_keys = list(cache_keys)
        missed = await self._purge(self.cache_nodes, cache_keys)
        return missed | await self._purge(self.edge_nodes, cache_keys)

    async def purge_edge(self, cache_keys: Iterable[str]) -> set[str]:
        """Remove keys from the edge alone; return the nodes that have missed it."""
        return await self._purge(self.edge_nodes, list(cache_keys))

    async def make_up(self, node: str, cache_keys: Collection[str]) -> bool:
        """Remove keys from a node that has missed their purge; say whether that could be done."""
        try:
            await self.ask(node, cache_keys)
        except PurgeFailed:
            return False
        return True

    async def ask(self, node: str, cache_keys: Collection[str]) -> None:
        """Remove keys from one node, whatever is known of it; raises PurgeFailed."""
        for address in await self._resolve(node):
            await self._purge_address(address, list(cache_keys))

    def is_back(self, node: str) -> None:
        """Note that a node has nothing to make up for."""
        if node in self._away:
            self._away.discard(node)
            logs.event(log, logging.INFO, "node_back", node=node)

    async def _purge(self, nodes: tuple[str, ...], cache_keys: list[str]) -> set[str]:
        if not cache_keys:
            return set()
        done = await asyncio.gather(*(self._purge_node(node, cache_keys) for node in nodes))
        return {node for node, purged in zip(nodes, done, strict=True) if not purged}

    async def _purge_node(self, node: str, cache_keys: list[str]) -> bool:
        if node in self._away:
            return False
        try:
            addresses = await self._resolve(node)
            await asyncio.gather(*(self._purge_address(address, cache_keys) for address in addresses))
        except PurgeFailed as error:
            self._away.add(node)
            logs.event(log, logging.ERROR, "node_away", node=node, error=str(error))
            return False
        return True

    async def _purge_address(self, address: URL, cache_keys: list[str]) -> None:
        first, *others = cache_keys
        # Alone, so that one who is away is asked once and not for every key.
        await self._purge_one(address, first)
        await asyncio.gather(*(self._purge_one(address, key) for key in others))

    async def _purge_one(self, address: URL, cache_key: str) -> None:
        assert self._session
        try:
            # The key exactly as it is: another spelling would be another key, and "not cached" its answer.
            async with self._session.get(URL(f"{address}/purge{cache_key}", encoded=True)) as answer:
                if answer.status not in (_PURGED, _NOT_CACHED):
                    raise PurgeFailed(f"{address} answered {answer.status} to the purge of {cache_key}")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise PurgeFailed(f"{address} cannot be reached: {error or 'timeout'}") from error

    async def _resolve(self, node: str) -> list[URL]:
        """Return where each machine is that a node's name stands for; raises PurgeFailed when there is none."""
        until, known = self._addresses.get(node, (0.0, []))
        if time.monotonic() < until:
            return known
        name = URL(node)
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(name.host or "", name.port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise PurgeFailed(f"{node} cannot be found: {error.strerror}") from error
        addresses = [name.with_host(host) for host in sorted({str(entry[4][0]) for entry in found})]
        # A certificate is for the name.
        addresses = [name] if name.scheme == "https" else addresses
        self._addresses[node] = (time.monotonic() + _ADDRESSES_SECONDS, addresses)
        return addresses
