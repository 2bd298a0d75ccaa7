"""Which cache keys may hold a form of an asset, and which answers are on their way to a cache.

nginx can only remove an exact key, so a service notes the key of every answer that the cache tier may store (it says
so with the `X-Cache-Key` header) in the step that reads the entry. A change purges all noted keys. An answer made
from the old entry could still be stored after that; it is therefore noted as on its way until it has been sent, and
the purge waits for it and removes it.
"""

import secrets
from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.core import keys
from services.core.redis import Redis, script

KEPT_SECONDS = 62 * 86400
"""How long a key is remembered: longer than any cache keeps an answer that nobody asks for."""
SENDING_SECONDS = 120
"""How long an answer may be on its way; the purge stops waiting for one whose sender has died."""
STORED_SECONDS = 0.05
"""How long an answer that has been sent counts as on its way: the cache may still have to store its end."""


class Variants:
    """The notes in Redis. A group (see keys.path_group) is what is purged together."""

    def __init__(self, client: Redis) -> None:
        self._redis = client
        self._deliver = script(client, "deliver")
        self._sent = script(client, "sent")
        self._under_way = script(client, "underway")

    async def read(self, uuids: list[str], group: str, cache_key: str, answer: str = "") -> list[bytes | None]:
        """Return the stored entries of `uuids`, noting the cache key (if any) and the answer on its way (if any)."""
        found: list[bytes | None] = await self._deliver(
            keys=[keys.ENTRIES, keys.variants(group), keys.sending(group)],
            args=[cache_key, KEPT_SECONDS, answer, SENDING_SECONDS, *uuids],
        )
        return found

    async def sent(self, answer: "Answer") -> None:
        """Note that an answer has been sent."""
        await self._sent(keys=[keys.sending(answer.group)], args=[f"{answer.id} {answer.cache_key}", STORED_SECONDS])

    async def cache_keys(self, groups: list[str]) -> set[str]:
        """Return every cache key noted for the groups."""
        found = await self._redis.sunion([keys.variants(group) for group in groups])  # type: ignore[misc]
        return {key.decode() for key in found}

    async def under_way(self, groups: list[str]) -> dict[str, str]:
        """Return the answers that are on their way, each with its cache key."""
        found = await self._under_way(keys=[keys.sending(group) for group in groups])
        return {member: member.partition(" ")[2] for member in (raw.decode() for raw in found)}


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer that the cache tier may store under `cache_key`; without a key it is not noted at all."""

    id: str
    group: str
    cache_key: str


def new_answer(cache_key: str, group: str) -> Answer:
    return Answer(secrets.token_hex(6) if cache_key else "", group, cache_key)


class NotedAnswer(Response):
    """A response that stays noted as on its way until it has been sent, or cannot be."""

    def __init__(self, response: Response, variants: Variants, answer: Answer) -> None:
        self._response, self._variants, self._answer = response, variants, answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._response(scope, receive, send)
        finally:
            if self._answer.id:
                await self._variants.sent(self._answer)
