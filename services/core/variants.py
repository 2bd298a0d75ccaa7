"""Which cache keys may hold a form of an asset, and which answers are on their way to a cache.

nginx can only remove an exact key, so a service notes the key of every answer that the cache tier may store (the tier
names it with the `X-Cache-Key` header); a change purges all noted keys. An answer made from the old entry could still
be stored after that. So an answer is made first and then confirmed: in one step it is noted as on its way and the
entries are read again. If they have changed it is made anew; if they have not, every later purge knows of it, waits
until it has been stored, and removes it.
"""

import asyncio
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from redis.exceptions import RedisError

from services.core import keys
from services.core.reading import EntryReader
from services.core.redis import Redis, script

KEPT_SECONDS = 62 * 86400
"""How long the key of content is remembered: longer than any cache keeps an answer that nobody asks for."""
KEPT_BRIEF_SECONDS = 150
"""The same for an answer without content (a 404, a redirect), which caches keep for a minute. Anybody can ask for names
and arguments without end, so these are noted apart, where they cannot crowd out content."""
SENDING_SECONDS = 120
"""How long an answer may be on its way; the purge stops waiting for one whose sender has died."""
_AGAIN_SECONDS = 0.5
STORED_SECONDS = 0.05
"""How long an answer that has been sent counts as on its way: the cache may still have to store its end."""
KEYS_MAX = 2000
"""Cache keys of one group. Further forms are delivered and not cached: what can be cached can be purged in time."""
BRIEF_KEYS_MAX = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer that the cache tier would store under `cache_key`; without a key no cache is asking."""

    id: str
    group: str
    cache_key: str


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What the catalog says when an answer is about to leave. One that is not `noted` must not be cached."""

    noted: bool
    raws: list[bytes | None]


def new_answer(cache_key: str, group: str) -> Answer:
    """Return an answer for a purge group (see keys.path_group)."""
    return Answer(secrets.token_hex(6), group, cache_key)


class Variants:
    """The notes in Redis."""

    def __init__(self, client: Redis) -> None:
        self._redis = client
        self._entries = EntryReader(client)
        self._confirm = script(client, "confirm")
        self._sent = script(client, "sent")
        self._forget = script(client, "forget")
        self._under_way = script(client, "underway")
        self._withdrawals: set[asyncio.Task[None]] = set()

    async def read(self, uuids: Sequence[str]) -> list[bytes | None]:
        """Return the stored entries, in one round trip that others may share."""
        return await self._entries.read(uuids)

    async def confirm(self, answer: Answer, uuids: Sequence[str]) -> Confirmation:
        """Note that an answer is about to leave, and return the stored entries as they are at this moment."""
        brief = keys.is_brief(answer.group)
        try:
            noted, *raws = await self._confirm(
                keys=[keys.ENTRIES, keys.variants(answer.group), keys.sending(answer.group)],
                args=[
                    answer.cache_key,
                    KEPT_BRIEF_SECONDS if brief else KEPT_SECONDS,
                    answer.id,
                    SENDING_SECONDS,
                    BRIEF_KEYS_MAX if brief else KEYS_MAX,
                    *uuids,
                ],
            )
        except (RedisError, asyncio.CancelledError):
            # Redis may have noted it, or be about to: one that hangs does later what it was told before.
            self._withdraw(answer)
            raise
        return Confirmation(bool(noted), raws)

    async def sent(self, answer: Answer) -> None:
        """Note that an answer has been sent, or will not be; with Redis away, as soon as it is back."""
        try:
            await self._note_sent(answer)
        except (RedisError, asyncio.CancelledError) as error:
            self._withdraw(answer)
            if isinstance(error, asyncio.CancelledError):
                raise

    async def _note_sent(self, answer: Answer) -> None:
        await self._sent(keys=[keys.sending(answer.group)], args=[f"{answer.id} {answer.cache_key}", STORED_SECONDS])

    def _withdraw(self, answer: Answer) -> None:
        """Have purges not wait for an answer of which it is not known what Redis has noted."""
        task = asyncio.create_task(self._until_heard(answer))
        self._withdrawals.add(task)
        task.add_done_callback(self._withdrawals.discard)

    async def _until_heard(self, answer: Answer) -> None:
        # Twice: what a Redis that hung was told before may be done after the first.
        for _ in range(2):
            heard = False
            while not heard:
                await asyncio.sleep(_AGAIN_SECONDS)
                with suppress(RedisError):
                    await self._note_sent(answer)
                    heard = True

    async def cache_keys(self, groups: list[str]) -> set[str]:
        """Return every cache key noted for the groups."""
        found = await self._redis.zunion([keys.variants(group) for group in groups])
        return {key.decode() for key in found}

    async def forget(self, groups: list[str]) -> None:
        """Drop the notes of the groups once their keys have been purged from every node."""
        await self._forget(keys=[keys.variants(group) for group in groups], args=[SENDING_SECONDS])

    async def under_way(self, groups: list[str]) -> dict[str, str]:
        """Return the answers that are on their way, each with its cache key."""
        found = await self._under_way(keys=[keys.sending(group) for group in groups])
        return {member: member.partition(" ")[2] for member in (raw.decode() for raw in found)}
