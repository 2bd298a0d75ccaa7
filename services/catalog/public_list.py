"""The whole list as the public sees it, kept until anything changes or time changes what is shown."""

import asyncio
import time
from dataclasses import dataclass

from services.catalog.public_view import PublicView
from services.core.assets.addresses import Addresses
from services.core.state import entry_json
from services.core.state.entries import Entries

MOST = 32 * 1024 * 1024
"""Bytes. A longer list is made and sent page by page each time."""


@dataclass(frozen=True, slots=True)
class Whole:
    """The whole list at a revision. It is good until a moment, or as long as the revision is."""

    revision: str
    until: float | None
    body: bytes

    def is_good(self, revision: str, now: float) -> bool:
        return self.revision == revision and (self.until is None or now < self.until)


class PublicList:
    """The first request after a change makes it; requests that come meanwhile wait for it."""

    def __init__(self, entries: Entries, addresses: Addresses, view: PublicView, most: int = MOST) -> None:
        self.view = view
        self._entries, self._addresses, self._most = entries, addresses, most
        self._making = asyncio.Lock()
        self._kept = Whole("", None, b"[]")
        self._too_long = ""
        """The revision at which the list was too long."""

    def shown(self, raw: bytes, now: float) -> bytes | None:
        """Return a stored entry as the public sees it at `now` (seconds since the epoch), None if it does not."""
        return self.view.shown(raw, self._addresses) if self.view.takes(entry_json.read(raw), now) else None

    async def whole(self, revision: str) -> Whole | None:
        """Return the list at a revision, or a newer one; None if it is too long to be kept."""
        async with self._making:
            if self._kept.is_good(revision, time.time()):
                return self._kept
            if revision == self._too_long:
                return None
            made = await self._made(revision)
            if made is None:
                self._kept, self._too_long = Whole("", None, b"[]"), revision
            elif await self._entries.revision() == revision:
                self._kept = made
            return made

    async def _made(self, revision: str) -> Whole | None:
        now, ends, parts, size = time.time(), list[float](), list[bytes](), 0
        async for raws in self._entries.scan():
            for raw in raws:
                entry = entry_json.read(raw)
                if (end := self.view.until(entry, now)) is not None:
                    ends = [min([end, *ends])]
                if self.view.takes(entry, now):
                    parts.append(self.view.shown(raw, self._addresses))
                    size += len(parts[-1])
            if size > self._most:
                return None
        return Whole(revision, min(ends, default=None), b"[" + b",".join(parts) + b"]")
