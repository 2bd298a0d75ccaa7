"""The list of all entries as one body, kept until anything changes."""

import asyncio

from services.core.assets.addresses import Addresses
from services.core.state import entry_json
from services.core.state.entries import Entries

MOST = 32 * 1024 * 1024
"""Bytes: some 40 000 entries. A longer list is read from Redis and sent page by page each time."""


class WholeList:
    """The first request after a change makes it; requests that come meanwhile wait for it.

    Every change gives the catalog a new revision, and each request reads the revision. So the kept list is never older
    than a new answer would be.
    """

    def __init__(self, entries: Entries, addresses: Addresses, most: int = MOST) -> None:
        self._entries, self._addresses, self._most = entries, addresses, most
        self._making = asyncio.Lock()
        self._revision, self._body = "", b""
        self._too_long = ""
        """The revision at which the list was too long."""

    async def body(self, revision: str) -> bytes | None:
        """Return the list at a revision, or a newer one; None if it is too long to be kept."""
        if revision == self._revision:
            return self._body
        async with self._making:
            if revision == self._revision:
                return self._body
            if revision == self._too_long:
                return None
            return await self._made(revision)

    async def _made(self, revision: str) -> bytes | None:
        pages, size = [], 0
        async for raws in self._entries.scan():
            pages.append(entry_json.list_of(raws, self._addresses))
            size += len(pages[-1])
            if size > self._most:
                self._too_long = revision
                self._revision, self._body = "", b""
                return None
        body = b"[" + b",".join(page for page in pages if page) + b"]"
        if await self._entries.revision() == revision:
            self._revision, self._body = revision, body
        return body
