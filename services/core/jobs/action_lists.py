"""The entries that an action is for, from the request that has found them to the job that does it, in Redis.

A list is written once, before its job is requested. Beside it is how far the job is. So a job that was interrupted goes
on where it was. A list that nobody needs any more ends by itself. There is a limit to their number and to their size.
"""

import asyncio
import secrets
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import orjson

from services.core.errors import BadRequest, TooManyRequests
from services.core.state import commands, keys
from services.core.state.connection import Redis

ENTRIES_MAX = 100_000
"""Entries of one action."""
BYTES_MAX = 16 * 1024 * 1024
"""Bytes of a list: 100 000 paths of usual length are 6 MB."""
LISTS_MAX = 10
"""Actions that wait or run at the same time."""
KEPT_SECONDS = 24 * 3600
"""How long an action may wait for a worker, and for its next step."""
_ENDED_SECONDS = 3600
"""How long it is known how an action has ended: a worker that dies before its job has its result asks again."""
NAMED_MAX = 100
"""Entries that a result names, of those that were left alone, and of those that failed."""
_PART = 5000


@dataclass(frozen=True, slots=True)
class Item:
    """An entry: its path, and its dates when the action was asked for, as milliseconds since 1970.

    `found` is the `updated_date` of one that a search has found. It is None if the action is for the asset whatever it
    is by now. Then `uploaded` is the `uploaded_date`, which the asset keeps: one that comes to the path later has
    another.
    """

    unique_name: str
    found: int | None = None
    uploaded: int | None = None

    def to_text(self) -> str:
        found, uploaded = ("" if date is None else date for date in (self.found, self.uploaded))
        return f"{found} {uploaded} {self.unique_name}"

    @classmethod
    def from_text(cls, text: str) -> "Item":
        found, uploaded, name = text.split(" ", 2)
        return cls(name, *(int(date) if date else None for date in (found, uploaded)))


@dataclass(frozen=True, slots=True)
class Told:
    """An entry that an action has not changed, and why."""

    unique_name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an action is: `at` entries of `count` are done, were skipped, or failed.

    `begun` says whether a run has begun with the entries behind `at`: some of them may be done.
    """

    count: int
    at: int = 0
    begun: bool = False
    done_count: int = 0
    skipped_count: int = 0
    skipped: tuple[Told, ...] = ()
    failed_count: int = 0
    failed: tuple[Told, ...] = ()

    def further(self, done: int, skipped: Sequence[Told], failed: Sequence[Told]) -> "Progress":
        """Return the progress after more entries."""
        return replace(
            self,
            at=self.at + done + len(skipped) + len(failed),
            done_count=self.done_count + done,
            skipped_count=self.skipped_count + len(skipped),
            skipped=(*self.skipped, *skipped)[:NAMED_MAX],
            failed_count=self.failed_count + len(failed),
            failed=(*self.failed, *failed)[:NAMED_MAX],
        )

    def answer(self) -> dict[str, Any]:
        """Return what the result of the job has of it."""
        told = asdict(self)
        return {name: told[name] for name in told if name not in ("at", "begun")}

    def to_json(self) -> bytes:
        return orjson.dumps(self)

    @classmethod
    def from_json(cls, raw: bytes) -> "Progress":
        stored = orjson.loads(raw)
        told = {name: tuple(Told(**one) for one in stored[name]) for name in ("skipped", "failed")}
        return cls(**{**stored, **told})


class ActionLists:
    """All methods raise RedisError."""

    def __init__(self, client: Redis) -> None:
        self._redis = client

    async def make(self, items: Sequence[Item]) -> str:
        """Keep a list for a job and return its id; raises BadRequest for one that is too long, and TooManyRequests."""
        texts = await asyncio.to_thread(lambda: [item.to_text() for item in items])
        if len(texts) > ENTRIES_MAX or sum(map(len, texts)) > BYTES_MAX:
            raise too_many()
        now = time.time()
        await self._redis.zremrangebyscore(keys.ACTIONS, "-inf", now)
        if await self._redis.zcard(keys.ACTIONS) >= LISTS_MAX:
            raise TooManyRequests(
                f"{LISTS_MAX} actions wait or run already.", "Send it again when one of them has ended: GET /jobs.", 10
            )
        made = secrets.token_hex(8)
        await self._redis.zadd(keys.ACTIONS, {made: now + KEPT_SECONDS})
        for at in range(0, len(texts), _PART):
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.rpush(keys.action(made), *texts[at : at + _PART])
                pipeline.expire(keys.action(made), KEPT_SECONDS)
                await pipeline.execute()
        await self.note(made, Progress(len(texts)))
        return made

    async def progress(self, list_id: str) -> Progress | None:
        """Return how far an action is; None if its list is not there any more."""
        raw = await self._redis.get(keys.action_progress(list_id))
        return Progress.from_json(raw) if raw else None

    async def items(self, list_id: str, at: int, count: int) -> list[Item]:
        """Return up to `count` entries of a list from a position on."""
        found = await commands.lrange(self._redis, keys.action(list_id), at, at + count - 1)
        return [Item.from_text(raw.decode()) for raw in found]

    async def note(self, list_id: str, progress: Progress) -> None:
        """Note how far an action is, and keep its list for as long as at the beginning."""
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.set(keys.action_progress(list_id), progress.to_json(), ex=KEPT_SECONDS)
            pipeline.expire(keys.action(list_id), KEPT_SECONDS)
            pipeline.zadd(keys.ACTIONS, {list_id: time.time() + KEPT_SECONDS}, xx=True)
            await pipeline.execute()

    async def end(self, list_id: str, known_seconds: int = _ENDED_SECONDS) -> None:
        """Remove the list of an action that has ended. It stays known for a while how far it was."""
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.delete(keys.action(list_id))
            pipeline.zrem(keys.ACTIONS, list_id)
            pipeline.expire(keys.action_progress(list_id), known_seconds)
            await pipeline.execute()


def too_many() -> BadRequest:
    return BadRequest(
        f"An action is for {ENTRIES_MAX} entries at most, and these are more.",
        "Ask for a part at a time: one namespace or folder, or a range of uploaded_after and uploaded_before.",
    )
