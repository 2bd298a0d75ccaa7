"""The history of an asset: its events in the log, a page at a time."""

import asyncio
from dataclasses import dataclass

from services.catalog.feed.trail import Trail
from services.core.assets.events import Event, time_of
from services.core.state.changes import ChangeLog

_AT_ONCE = 500
"""Changes that are looked at in one turn of the event loop: 2 ms."""


@dataclass(frozen=True, slots=True)
class Past:
    """A page of a history, the last event first. `since` is how far back the log reaches, None if it is empty.

    It is complete if nothing has happened before it that the log does not have any more.
    """

    events: list[Event]
    since: str | None
    is_complete: bool
    cursor: str | None


class History:
    """Reads one history at a time: a history may need the whole log, a quarter of a second."""

    def __init__(self, changes: ChangeLog) -> None:
        self._log, self._turn = changes, asyncio.Lock()

    async def read(self, trail: Trail, limit: int) -> Past:
        """Follow a trail for up to `limit` events; raises RedisError."""
        async with self._turn:
            first = await self._log.first()
            events, is_end = await self._follow(trail, limit)
            is_complete = trail.is_complete or (is_end and await self._log.is_whole())
        cursor = None if is_end or trail.is_complete else trail.cursor
        return Past(events, None if first is None else time_of(first), is_complete, cursor)

    async def _follow(self, trail: Trail, limit: int) -> tuple[list[Event], bool]:
        """Return the events, and whether the log has no others."""
        events: list[Event] = []
        while len(events) < limit and not trail.is_complete:
            found, first = await self._log.earlier(trail.before, _AT_ONCE, trail.path, trail.uuid)
            if first is None:
                return events, True
            path = trail.path
            for event in found:
                events += [event] if trail.takes(event) else []
                if trail.path != path or len(events) == limit or trail.is_complete:
                    break  # What was left out is needed, or the rest is not.
            else:
                trail.before = min(trail.before, first)
        return events, False
