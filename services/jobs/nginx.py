"""The two nginx tiers, as far as purging goes: exact keys, the inner tier first."""

import asyncio
from collections.abc import Iterable

import aiohttp
from yarl import URL

TOKEN_HEADER = "X-Purge-Token"  # noqa: S105 - the name of the header, no token
_TIMEOUT = aiohttp.ClientTimeout(total=5, connect=1)
_PURGED, _NOT_CACHED = 200, 404


class PurgeFailed(Exception):
    """A node did not purge: it is down, or refuses the token."""


class Tiers:
    """All nodes of both tiers. One connection pool, kept open."""

    def __init__(self, cache_nodes: tuple[str, ...], edge_nodes: tuple[str, ...], token: str) -> None:
        self._cache_nodes, self._edge_nodes, self._token = cache_nodes, edge_nodes, token
        self._session: aiohttp.ClientSession | None = None

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

    async def purge(self, cache_keys: Iterable[str]) -> None:
        """Remove keys from both tiers; raises PurgeFailed.

        The cache tier comes first: an edge purged before it would fill itself again from what is still there.
        """
        cache_keys = list(cache_keys)
        await self._purge(self._cache_nodes, cache_keys)
        await self._purge(self._edge_nodes, cache_keys)

    async def purge_edge(self, cache_keys: Iterable[str]) -> None:
        """Remove keys from the edge alone; raises PurgeFailed."""
        await self._purge(self._edge_nodes, list(cache_keys))

    async def _purge(self, nodes: tuple[str, ...], cache_keys: list[str]) -> None:
        await asyncio.gather(*(self._purge_one(node, key) for node in nodes for key in cache_keys))

    async def _purge_one(self, node: str, cache_key: str) -> None:
        assert self._session
        try:
            # The key exactly as it is: another spelling would be another key, and "not cached" its answer.
            async with self._session.get(URL(f"{node}/purge{cache_key}", encoded=True)) as answer:
                if answer.status not in (_PURGED, _NOT_CACHED):
                    raise PurgeFailed(f"{node} answered {answer.status} to the purge of {cache_key}")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise PurgeFailed(f"{node} cannot be reached: {error or 'timeout'}") from error
