"""The two nginx tiers, as far as purging goes: exact keys, the inner tier first, every node of both.

A node is named by its address as configured. A name may stand for several machines (a headless service): each address
that it has at that moment is purged, and the node has been purged when all of them have.
"""

import asyncio
import logging
import socket
import time
from collections.abc import Collection, Iterable
from urllib.parse import SplitResult, urlsplit

from services.core import logs
from services.jobs.purging import Node, PurgeFailed

log = logging.getLogger(__name__)

_ADDRESSES_SECONDS = 1.0
"""How long the addresses of a name are remembered."""


class Tiers:
    """All nodes of both tiers. Connections are kept open."""

    def __init__(self, cache_nodes: tuple[str, ...], edge_nodes: tuple[str, ...], token: str) -> None:
        self.cache_nodes, self.edge_nodes, self._token = cache_nodes, edge_nodes, token
        self._away: set[str] = set()
        self._addresses: dict[str, tuple[float, list[str]]] = {}
        self._nodes: dict[str, Node] = {}

    async def close(self) -> None:
        for node in self._nodes.values():
            node.close()

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

    async def _purge_address(self, address: str, cache_keys: list[str]) -> None:
        if address not in self._nodes:
            self._nodes[address] = Node(address, self._token)
        await self._nodes[address].purge(cache_keys)

    async def _resolve(self, node: str) -> list[str]:
        """Return where each machine is that a node's name stands for; raises PurgeFailed when there is none."""
        until, known = self._addresses.get(node, (0.0, []))
        if time.monotonic() < until:
            return known
        name = urlsplit(node)
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(name.hostname or "", name.port or name.scheme, type=socket.SOCK_STREAM)
        except OSError as error:
            raise PurgeFailed(f"{node} cannot be found: {error.strerror}") from error
        hosts = sorted({(str(entry[4][0]), int(entry[4][1])) for entry in found})
        addresses = [_at(name, host, port) for host, port in hosts]
        # A certificate is for the name.
        addresses = [node] if name.scheme == "https" else addresses
        self._addresses[node] = (time.monotonic() + _ADDRESSES_SECONDS, addresses)
        return addresses


def _at(name: SplitResult, host: str, port: int) -> str:
    return name._replace(netloc=f"[{host}]:{port}" if ":" in host else f"{host}:{port}").geturl()
