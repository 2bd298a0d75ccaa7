"""The webhooks that there are, in Redis."""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from services.core.assets.entries import timestamp
from services.core.errors import BadRequest, NotFound
from services.core.state import commands, keys
from services.core.state.connection import Redis
from services.core.state.script import Script
from services.core.webhooks import signing
from services.core.webhooks.waiting import Waiting
from services.core.webhooks.webhook import Webhook

WEBHOOKS_MAX = 20
"""Webhooks that clients can register. Each has room for what waits for it."""
_FIXED_MAX = 2 * WEBHOOKS_MAX
_AGAIN = 10


class Registry:
    """All methods raise RedisError."""

    def __init__(self, client: Redis) -> None:
        self._redis = client
        self._register = Script(client, "webhook_register", webhooks=keys.WEBHOOKS, changes=keys.CHANGES)
        self._change = Script(client, "webhook_change", webhooks=keys.WEBHOOKS)

    def waiting(self, webhook_id: str) -> Waiting:
        """Return what waits for a webhook."""
        return Waiting(self._redis, webhook_id)

    async def all(self) -> list[Webhook]:
        """Return all webhooks, in the order in which they were made."""
        found = await commands.hgetall(self._redis, keys.WEBHOOKS)
        return sorted(map(Webhook.from_json, found.values()), key=lambda webhook: (webhook.created_date, webhook.id))

    async def count(self) -> int:
        return await commands.hlen(self._redis, keys.WEBHOOKS)

    async def get(self, webhook_id: str) -> Webhook:
        """Return a webhook; raises NotFound."""
        return Webhook.from_json(await self._raw(webhook_id))

    async def add(self, webhook: Webhook) -> Webhook:
        """Add a webhook of a client, with a new id and secret, and return it; raises BadRequest if there are too many.

        It gets the events from now on.
        """
        made = replace(webhook, id=secrets.token_hex(8), secret=signing.new_secret(), created_date=timestamp())
        fixed = sum(other.fixed for other in await self.all())
        if not await self._put(made, WEBHOOKS_MAX + fixed):
            raise BadRequest(f"There are {WEBHOOKS_MAX} webhooks already.", "Delete one of them first: GET /webhooks.")
        return made

    async def change(self, webhook_id: str, change: Callable[[Webhook], Webhook], *, revived: bool = False) -> Webhook:
        """Change a webhook and return it; raises NotFound, and BadRequest for a fixed one.

        `revived` says that all that waits is tried now, although its receiver has answered that it is gone, or asked
        for a rest.
        """
        for _ in range(_AGAIN):
            raw = await self._raw(webhook_id)
            wanted = change(_changeable(Webhook.from_json(raw)))
            state = keys.webhook(webhook_id, "state")
            if await self._change(
                state=state, id=webhook_id, expected=raw, wanted=wanted.to_json(), revived=int(revived)
            ):
                if revived:
                    await self.waiting(webhook_id).rouse(time.time())
                return wanted
        raise BadRequest("Others change this webhook at the same time.", "Send it again.")

    async def remove(self, webhook_id: str) -> Webhook:
        """Remove a webhook with all that waits for it; raises NotFound, and BadRequest for a fixed one."""
        found = _changeable(await self.get(webhook_id))
        await self._forget(webhook_id)
        return found

    async def with_fixed(self, addresses: Sequence[str]) -> list[Webhook]:
        """Return all webhooks, after those of the setting WEBHOOKS are as it says."""
        found = {webhook.id: webhook for webhook in await self.all()}
        named = {made.id: made for made in (Webhook.of_setting(address, timestamp()) for address in addresses)}
        for webhook in list(found.values()):
            if webhook.fixed and webhook.id not in named:
                await self._forget(found.pop(webhook.id).id)
        for webhook_id, webhook in named.items():
            if webhook_id not in found:
                await self._put(webhook, _FIXED_MAX)
                found[webhook_id] = webhook
        return list(found.values())

    async def _raw(self, webhook_id: str) -> bytes:
        raw = await commands.hget(self._redis, keys.WEBHOOKS, webhook_id)
        if raw is None:
            raise NotFound(f"There is no webhook {webhook_id}.", "GET /webhooks lists all.")
        return raw

    async def _put(self, webhook: Webhook, most: int) -> bool:
        state = keys.webhook(webhook.id, "state")
        return bool(await self._register(state=state, id=webhook.id, record=webhook.to_json(), most=most))

    async def _forget(self, webhook_id: str) -> None:
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.hdel(keys.WEBHOOKS, webhook_id)
            pipeline.delete(*(keys.webhook(webhook_id, part) for part in keys.WEBHOOK_PARTS))
            await pipeline.execute()


def _changeable(webhook: Webhook) -> Webhook:
    if webhook.fixed:
        raise BadRequest(f"The webhook {webhook.id} is named by the setting WEBHOOKS.", "Change the setting.")
    return webhook
