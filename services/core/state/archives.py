"""Archives that somebody may fetch, in Redis: which files are in each. They end by themselves.

An archive is found by a ticket of random letters, and kept under a digest of it. So whoever reads Redis has no ticket.
"""

import hashlib
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from services.core.errors import BadRequest, NotFound, TicketInvalid, TooManyRequests
from services.core.state import keys
from services.core.state.connection import Redis

FILES_MAX = 20_000
"""Files of one archive. Its list of contents is in memory until its end."""
BYTES_MAX = 4 * 1024 * 1024
"""Bytes of their paths."""
WAITING_MAX = 32
"""Archives that are known at the same time."""
KEPT_SECONDS = 15 * 60
"""How long an archive can be fetched."""
_TICKET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Archive:
    """The paths of its files, and for whom it was made.

    `token` is a digest of the token of the sender; None for somebody who has logged in, and has none. `maker` is the
    name of the sender. `namespaces` are those of which the sender may see all files, None for all.
    """

    maker: str
    token: str | None
    namespaces: tuple[str, ...] | None
    unique_names: tuple[str, ...]

    def to_json(self) -> bytes:
        return orjson.dumps(self)

    @classmethod
    def from_json(cls, raw: bytes) -> "Archive":
        stored = orjson.loads(raw)
        lists = {name: None if stored[name] is None else tuple(stored[name]) for name in ("namespaces", "unique_names")}
        return cls(**{**stored, **lists})


class ArchiveRecords:
    """Reads and writes them. All methods raise RedisError."""

    def __init__(self, client: Redis) -> None:
        self._redis = client

    async def make(self, archive: Archive) -> str:
        """Keep an archive and return its ticket; raises NotFound, BadRequest and TooManyRequests."""
        check_count(archive.unique_names)
        raw, ticket, now = archive.to_json(), secrets.token_urlsafe(_TICKET_BYTES), time.time()
        if len(raw) > BYTES_MAX:
            raise too_many()
        await self._redis.zremrangebyscore(keys.ARCHIVES, "-inf", now)
        if await self._redis.zcard(keys.ARCHIVES) >= WAITING_MAX:
            raise TooManyRequests(
                f"{WAITING_MAX} archives wait to be fetched already.", "Fetch them, or try again in some minutes.", 60
            )
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.zadd(keys.ARCHIVES, {_digest(ticket): now + KEPT_SECONDS})
            pipeline.set(keys.archive(_digest(ticket)), raw, ex=KEPT_SECONDS)
            await pipeline.execute()
        return ticket

    async def find(self, ticket: str) -> Archive:
        """Return the archive of a ticket; raises TicketInvalid if there is none any more."""
        raw: bytes | None = await self._redis.get(keys.archive(_digest(ticket)))
        if raw is None:
            raise TicketInvalid
        return Archive.from_json(raw)

    async def end(self, ticket: str) -> None:
        """Forget an archive that has been fetched."""
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.zrem(keys.ARCHIVES, _digest(ticket))
            pipeline.delete(keys.archive(_digest(ticket)))
            await pipeline.execute()


def check_count(unique_names: Sequence[str]) -> None:
    """Raise NotFound for an archive of no file, and BadRequest for one of too many."""
    if not unique_names:
        raise NotFound("There is no file for the archive.", "Choose files that exist, or another search.")
    if len(unique_names) > FILES_MAX:
        raise too_many()


def too_many() -> BadRequest:
    return BadRequest(
        f"These are too many files for one archive: {FILES_MAX} are allowed.",
        "Ask for one folder after the other.",
    )


def _digest(ticket: str) -> str:
    return hashlib.sha256(ticket.encode()).hexdigest()
