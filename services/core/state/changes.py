"""The log of changes: what the scripts in lua/ write, in the same step as the entries, read by position.

A change has a number (see lua/log_change.lua): later changes have higher ones. The log is a stream that keeps the last
`KEPT` of them. A reader knows the number of its last change, and asks for later ones. Readers remove nothing from the
log, so there can be any number of readers, and one that dies loses nothing.

With each change the log has the *event* that clients are told of. A move is two changes for the gateway and one event.
"""

import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from services.core.assets.events import Event, Happened, Kind
from services.core.state import keys
from services.core.state.connection import Redis

KEPT = 50_000
"""Changes that the log keeps: 21 to 26 MB, 41 MB if all of them have long texts, and at 200 changes a second four
minutes. A node of the gateway saves its position every half minute, so it can always continue from there."""
_MICROSECONDS = 1_000_000
WRITES: dict[str, str | int] = {
    "entries": keys.ENTRIES,
    "order": keys.ORDER,
    "expiry": keys.EXPIRY,
    "uuids": keys.UUIDS,
    "revision": keys.REVISION,
    "changes": keys.CHANGES,
    "moved": keys.MOVED,
    "old_paths": keys.OLD_PATHS,
    "usage": keys.USAGE,
    "kept": KEPT,
}
"""What every script that changes the catalog has in common."""
REPLACES: dict[str, str | int] = {
    **WRITES,
    "epoch": keys.EPOCH,
    "aside": keys.ASIDE,
    "read_seconds": keys.ASIDE_READ_SECONDS,
    "aside_seconds": keys.ASIDE_SECONDS,
}
"""The additional keys of the scripts that put the whole catalog aside."""


@dataclass(frozen=True, slots=True)
class _Change:
    number: int
    request_id: str
    traceparent: str


@dataclass(frozen=True, slots=True)
class EntryWritten(_Change):
    """An entry is new, has another file, other fields, or another path.

    `also` are the paths from which the asset was moved: what is answered there has changed, too.
    """

    uuid: str
    unique_name: str
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EntryDeleted(_Change):
    """An entry is gone, or has another path now. `original_name` is the path under which its upload was delivered.

    `also` is as in EntryWritten.
    """

    uuid: str
    unique_name: str
    original_name: str
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EntryDescribed(_Change):
    """Facts about an entry's picture are known: only what the catalog shows has changed, not what is delivered."""

    uuid: str
    unique_name: str


@dataclass(frozen=True, slots=True)
class CatalogReplaced(_Change):
    """The whole catalog was replaced (restored or emptied), or its public addresses have changed."""


Change = EntryWritten | EntryDeleted | EntryDescribed | CatalogReplaced

WRITTEN, DELETED, DESCRIBED = "written", "deleted", "described"
"""The kinds of an entry's changes as the log has them; the scripts that replace the catalog name theirs."""


_EVENTS = {WRITTEN: Kind.CHANGED, DELETED: Kind.DELETED, DESCRIBED: Kind.DESCRIBED}
"""The events of changes that the version before has written. All others are of the whole catalog."""


@dataclass(frozen=True, slots=True)
class News:
    """The next events after a position, and the position after them: there may be changes without an event.

    `is_last` says that there were no later changes. If the log no longer has the change at the position that was given,
    `is_gapless` is False: events may be missing before these, or Redis has lost changes.
    """

    events: list[Event]
    position: int
    is_gapless: bool
    is_last: bool


def number_of(text: str | bytes) -> int:
    """Return the number of a change from the text of a revision or of an entry of the stream, such as `1764…-0`."""
    return int(bytes(text).partition(b"-")[0] if isinstance(text, bytes) else text.partition("-")[0])


def age(number: int, now: float) -> float:
    """Return the seconds since a change was made."""
    return max(0.0, now - number / _MICROSECONDS)


def token() -> str:
    """Return a unique mark of one call: a script that is sent twice finds it in the log."""
    return secrets.token_urlsafe(8)


class ChangeLog:
    """Reads the log. All methods raise RedisError."""

    def __init__(self, client: Redis) -> None:
        self._redis = client

    async def latest(self) -> Change | None:
        """Return the last change; None when the log is empty."""
        found = await self._redis.xrevrange(keys.CHANGES, count=1)
        return _read(*found[0]) if found else None

    async def from_(self, number: int, count: int) -> list[Change]:
        """Return up to `count` changes from a number on, that one included if the log has it."""
        return _read_all(await self._redis.xrange(keys.CHANGES, min=f"{number}-0", count=count))

    async def news(self, position: int, count: int) -> News:
        """Return the events among the next `count` changes after a position; 0 is before the first change ever."""
        found = await self._redis.xrange(keys.CHANGES, min=f"{position}-0", count=count + 2)
        is_gapless = bool(found) and number_of(found[0][0]) == position
        if is_gapless:
            del found[0]
        elif position == 0:
            is_gapless = await self.is_whole()
        events = [event for one in found[:count] if (event := read_event(*one))]
        reached = number_of(found[:count][-1][0]) if found else position
        return News(events, reached, is_gapless, is_last=len(found) <= count)

    async def earlier(self, before: int, count: int, path: str, uuid: str) -> tuple[list[Event], int | None]:
        """Look at `count` changes before one with a number, the last one first. Return the number of the first change
        that was looked at, None if there is none, and their events that may be about an asset.

        The asset is that at a path or, without one, with a uuid in its one spelling. Events of the whole catalog may be
        about each, and moves about each uuid. All others are not even read: that takes three times as long.
        """
        found = await self._redis.xrevrange(keys.CHANGES, max=str(before - 1), count=count)
        known = path.encode(), uuid.replace("-", "").encode()
        events = [event for one in found if _may_be_about(one[1], *known) and (event := read_event(*one))]
        return events, number_of(found[-1][0]) if found else None

    async def first(self) -> int | None:
        """Return the number of the first change that the log has."""
        found = await self._redis.xrange(keys.CHANGES, count=1)
        return number_of(found[0][0]) if found else None

    async def is_whole(self) -> bool:
        """Say whether nothing has ever been dropped from the log: a reader without a position can begin at its
        start."""
        if not await self._redis.exists(keys.CHANGES):
            return True
        about = await self._redis.xinfo_stream(keys.CHANGES)
        return bool(about["entries-added"] == about["length"])

    async def wait_after(self, number: int, seconds: float) -> bool:
        """Wait up to `seconds` for a change after a number; say whether there is one."""
        return bool(await self._redis.xread({keys.CHANGES: f"{number}-0"}, count=1, block=max(1, int(seconds * 1000))))


def _read_all(found: Iterable[tuple[bytes, dict[bytes, bytes]]]) -> list[Change]:
    return [_read(stream_id, fields) for stream_id, fields in found]


def read_event(stream_id: bytes, fields: dict[bytes, bytes]) -> Event | None:
    """Read the event of a change; None if clients are not told of it."""
    told = fields.get(b"event")
    if told == b"":
        return None
    kind, uuid, path, who, request_id = (
        fields.get(name, b"").decode() for name in (b"kind", b"uuid", b"unique_name", b"who", b"request_id")
    )
    happened = Happened(_EVENTS.get(kind, Kind.CATALOG))
    if told:
        with suppress(ValueError):  # It is of another version.
            happened = Happened.from_text(told)
    if happened.kind is Kind.CATALOG:
        uuid = path = ""
    return Event(number_of(stream_id), happened, uuid, path, who, request_id)


def _may_be_about(fields: dict[bytes, bytes], path: bytes, uuid: bytes) -> bool:
    if fields.get(b"kind", b"").decode() not in _EVENTS:
        return True
    if path:
        return fields.get(b"unique_name") == path
    is_same = fields.get(b"uuid", b"").replace(b"-", b"").lower() == uuid
    return is_same or fields.get(b"event", b"").startswith(b'["asset.moved"')


def _read(stream_id: bytes, fields: dict[bytes, bytes]) -> Change:
    def text(name: bytes) -> str:
        return fields.get(name, b"").decode()

    common = (number_of(stream_id), text(b"request_id"), text(b"traceparent"))
    kind, also = text(b"kind"), tuple(text(b"also").split())
    if kind == WRITTEN:
        return EntryWritten(*common, text(b"uuid"), text(b"unique_name"), also)
    if kind == DELETED:
        return EntryDeleted(*common, text(b"uuid"), text(b"unique_name"), text(b"original_name"), also)
    if kind == DESCRIBED:
        return EntryDescribed(*common, text(b"uuid"), text(b"unique_name"))
    return CatalogReplaced(*common)
