"""The retired objects in Redis: earlier versions of assets, and the trash. See `assets/retired` for what they are.

A write retires an object in the same step in which an entry stops referring to it (see `compare_and_set`), and takes it
back in the step in which an entry refers to it again. So an object is never without an owner, whenever a process dies.
An object that is let go becomes a leftover like any other.
"""

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import orjson

from services.core.assets import reading
from services.core.assets.entries import Entry
from services.core.assets.reading import NotUnderstood
from services.core.assets.retired import Retired
from services.core.state import commands, entry_json, keys
from services.core.state.compare_and_set import leftover_of
from services.core.state.connection import Redis
from services.core.state.script import Script
from services.core.state.stale_claims import Leftover

_PAGE = 500
_RECORD = re.compile(rb"([0-9]{1,16}) ([0-9]{1,16}|[0-9a-f-]{36}) ([0-9]{1,15}) (\S+) (\{.*\})", re.DOTALL)
"""The group is a deletion, or an entry key: not that of the record if the asset has been moved since."""
STEP = 100
"""Records that one step settles: 3 to 7 ms of Redis' time."""
EXAMINED_MAX = 10_000
"""Deleted assets that are read for one page: none of a full trash may be wanted."""


def read(raw: bytes) -> Retired:
    """Read a record."""
    number, group, _, _, entry = raw.split(b" ", 4)
    return Retired(int(number), group.decode(), entry_json.read(entry))


def understood(storage_key: bytes, raw: bytes) -> Retired | None:
    """Read a record that may come from anywhere; None unless it fits together and belongs to its storage key."""
    parts = _RECORD.fullmatch(raw)
    if parts is None:
        return None
    number, group, version, entry_key, written = parts.groups()
    try:
        entry = reading.read(orjson.loads(written), "")
    except (NotUnderstood, orjson.JSONDecodeError):
        return None
    told = (entry.storage_key.encode(), str(entry.version).encode(), entry.key.encode())
    if told != (storage_key, version, entry_key):
        return None
    return Retired(int(number), group.decode(), entry)


@dataclass(frozen=True, slots=True)
class TrashPage:
    """A part of the trash, the last deletions first. `before` is for the next page, None on the last one."""

    found: list[Retired]
    before: int | None


@dataclass(frozen=True, slots=True)
class TrashSize:
    """How many assets the trash has, and the number of the last deletion among them, 0 without any."""

    count: int
    last: int


@dataclass(frozen=True, slots=True)
class Indexed:
    """A retired version as the index has it."""

    group: str
    number: int
    storage_key: str

    @property
    def deletion(self) -> int | None:
        """The number of the deletion of its asset; None if the asset exists, as far as the index knows."""
        return int(self.group) if self.group.isdigit() else None


class Again(StrEnum):
    """What has become of an object that was to be retired again."""

    RETIRED = "retired"
    ENTRY = "entry"
    """An entry refers to it."""
    RECORD = "record"
    """There is another record of it."""
    OTHER = "other"
    """There are other bytes under its key."""


class RetiredObjects:
    """Reads them and lets them go. All methods raise RedisError."""

    def __init__(self, client: Redis) -> None:
        self._redis = client
        own = {
            "retired": keys.RETIRED,
            "versions": keys.VERSIONS,
            "trash": keys.TRASH,
            "claims": keys.CLAIMS,
            "usage": keys.USAGE,
            "counted": keys.USAGE_COUNTED,
        }
        self._let_go = Script(client, "let_go", **own)
        self._take_back = Script(client, "take_back", entries=keys.ENTRIES, **own)
        self._retire_again = Script(client, "retire_again", entries=keys.ENTRIES, **own)

    async def versions(self, group: str) -> list[Retired]:
        """Return the retired versions of a group, the last one first."""
        members = await self._redis.zrangebylex(keys.VERSIONS, f"[{group} ", f"({group}!")
        return await self._known([member.rpartition(b" ")[2].decode() for member in reversed(members)])

    async def trashed(self, number: int) -> Retired | None:
        """Return the asset whose deletion has a number; None if it is not in the trash."""
        members = await self._redis.zrangebyscore(keys.TRASH, number, number)
        found = await self._known([member.decode() for member in members])
        return found[0] if found else None

    async def trash_size(self) -> TrashSize:
        """Return the size of the trash at one instant."""
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.zcard(keys.TRASH)
            pipeline.zrange(keys.TRASH, 0, 0, desc=True, withscores=True)
            count, last = await pipeline.execute()
        return TrashSize(count, int(last[0][1]) if last else 0)

    async def trash(
        self, count: int, before: int | None = None, is_wanted: Callable[[Entry], bool] = lambda _: True
    ) -> TrashPage:
        """Return up to `count` deleted assets that are wanted, the last deletions first, only those before a number if
        it is given. It may have fewer, even none, before the last page: no more than EXAMINED_MAX are looked at."""
        found: list[Retired] = []
        for _ in range(EXAMINED_MAX // _PAGE):
            most = "+inf" if before is None else f"({before}"
            members = await self._redis.zrevrangebyscore(
                keys.TRASH, most, "-inf", start=0, num=_PAGE + 1, withscores=True
            )
            for one in await self._known([member.decode() for member, _ in members[:_PAGE]]):
                if len(found) == count:
                    return TrashPage(found, before)
                before = one.number
                found += [one] if is_wanted(one.entry) else []
            if len(members) <= _PAGE:
                return TrashPage(found, None)
            before = int(members[_PAGE - 1][1])
        return TrashPage(found, before)

    async def trash_until(self, number: int, after: int, count: int) -> list[Retired]:
        """Return up to `count` assets whose deletions have numbers above `after` and up to `number`, the first ones
        first."""
        members = await self._redis.zrangebyscore(keys.TRASH, f"({after}", number, start=0, num=count)
        return await self._known([member.decode() for member in members])

    async def groups(self) -> AsyncIterator[list[Indexed]]:
        """Yield all retired versions by their groups, the first ones of each first; groups that begin meanwhile may be
        left out."""
        group: list[Indexed] = []
        after = "-"
        while members := await self._redis.zrangebylex(keys.VERSIONS, after, "+", start=0, num=_PAGE):
            for member in members:
                found = _indexed(member)
                if group and group[0].group != found.group:
                    yield group
                    group = []
                group.append(found)
            after = f"({members[-1].decode()}"
        if group:
            yield group

    async def let_go(self, storage_key: str, number: int, group: str) -> list[Leftover]:
        """Let an object go, with the earlier versions if it is a deleted asset; return what that leaves behind.

        Nothing happens unless it is still retired since the change with this number, and of this group: its asset may
        have been deleted, or brought back, since somebody has decided this.
        """
        told = await self._let_go(storage_key=storage_key, number=number, of_group=group)
        return [leftover_of(one) for one in told]

    async def retire_again(self, records: Mapping[str, bytes], *, replace: bool) -> list[Again]:
        """Retire up to STEP objects that were retired once, as their records say, in the order of these.

        An object to which an entry refers stays as it is, and one with another record unless it is to be replaced.
        """
        told = [b"%d %s %s" % (replace, key.encode(), raw) for key, raw in records.items()]
        return [Again(one.decode()) for one in await self._retire_again(records=told)] if told else []

    async def take_back_all(self) -> None:
        """End the records of objects to which entries refer again, because the whole catalog has been replaced."""
        cursor = 0
        while True:
            cursor, page = await self._redis.hscan(keys.RETIRED, cursor, count=STEP)
            if page:
                await self._take_back(storage_keys=list(page))
            if not cursor:
                return

    async def _known(self, storage_keys: Sequence[str]) -> list[Retired]:
        raws = await commands.hmget(self._redis, keys.RETIRED, storage_keys) if storage_keys else []
        return [read(raw) for raw in raws if raw is not None]


def _indexed(member: bytes) -> Indexed:
    group, number, _, storage_key = member.decode().split(" ")
    return Indexed(group, int(number), storage_key)
