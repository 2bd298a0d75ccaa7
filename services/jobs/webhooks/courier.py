"""Delivers the events of all webhooks. One worker does it at a time, by a lease; the others wait to take it over."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from redis.exceptions import RedisError

from services.core.observing import logs
from services.core.state import cancellation
from services.core.state.cancellation import is_cancelled
from services.core.state.changes import ChangeLog
from services.core.state.connection import Redis
from services.core.state.leases import LeaseLost, Leases
from services.core.webhooks.registry import Registry
from services.core.webhooks.webhook import Webhook
from services.jobs.webhooks.delivery import Delivery, Post, Purged
from services.jobs.webhooks.newest import Newest

log = logging.getLogger(__name__)

_LEASE = "webhooks"
_LOOK_SECONDS = 1.0
"""How often it is looked up which webhooks there are. It takes so long to notice a new one."""
_AGAIN_SECONDS = 0.5


@dataclass(slots=True)
class _Served:
    delivery: Delivery
    tasks: list["asyncio.Task[None]"] = field(default_factory=list)


class Courier:
    """Delivers the webhooks that clients have registered, and those at `fixed` addresses."""

    def __init__(
        self, client: Redis, fixed: Sequence[str], purged: Purged, post: Post, pauses: Sequence[float]
    ) -> None:
        self._fixed, self._purged, self._post, self._pauses = fixed, purged, post, pauses
        self._registry, self._changes, self._leases = Registry(client), ChangeLog(client), Leases(client)
        self._revived: set[str] = set()

    async def run(self) -> None:
        """Work until cancelled. If Redis goes away, the work continues when it is back."""
        while not is_cancelled():
            try:
                if await self._is_needed():
                    await self._take_turn()
            except RedisError as error:
                logs.event(log, logging.WARNING, "redis_down", error=str(error))
            except LeaseLost:
                logs.event(log, logging.WARNING, "lease_lost", lease=_LEASE)
            if not is_cancelled():
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _is_needed(self) -> bool:
        return bool(self._fixed) or await self._registry.count() > 0

    async def _take_turn(self) -> None:
        token = secrets.token_hex(8)
        if not await self._leases.take(_LEASE, token):
            return
        try:
            async with self._leases.kept([_LEASE], token):
                await self._serve()
                if is_cancelled():  # redis-py may have taken it for its own time-out.
                    raise asyncio.CancelledError
        finally:
            with suppress(RedisError):  # It ends by itself then.
                await self._leases.give_up(_LEASE, token)

    async def _serve(self) -> None:
        """Deliver until there is no webhook any more."""
        newest, served = Newest(self._changes), dict[str, _Served]()
        following = asyncio.create_task(_keep_on(newest.follow))
        try:
            while not is_cancelled():
                wanted = {webhook.id: webhook for webhook in await self._wanted()}
                ended = [task for one in served.keys() - wanted.keys() for task in served.pop(one).tasks]
                await cancellation.end(ended)
                for webhook_id, webhook in wanted.items():
                    if webhook_id in served:
                        served[webhook_id].delivery.webhook = webhook
                    else:
                        served[webhook_id] = self._begin(webhook, newest)
                if not wanted and not await self._is_needed():
                    return
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            await cancellation.end([following, *(task for one in served.values() for task in one.tasks)])

    async def _wanted(self) -> list[Webhook]:
        """Return the webhooks to deliver. A fixed one whose receiver is gone is tried again when a worker starts."""
        found = []
        for webhook in await self._registry.with_fixed(self._fixed):
            waiting = self._registry.waiting(webhook.id)
            if webhook.fixed and webhook.id not in self._revived:
                await waiting.revive()
                self._revived.add(webhook.id)
            if webhook.active and not await waiting.is_gone():
                found.append(webhook)
        return found

    def _begin(self, webhook: Webhook, newest: Newest) -> _Served:
        waiting = self._registry.waiting(webhook.id)
        made = self._changes, newest, self._purged, self._post, self._pauses
        delivery = Delivery(webhook, waiting, *made)
        work = (delivery.take, delivery.send)
        return _Served(delivery, [asyncio.create_task(_keep_on(one)) for one in work])


async def _keep_on(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Repeat one kind of work, independently of the others: what fails for one webhook ends no other."""
    while not is_cancelled():
        try:
            await work()
        except RedisError as error:
            logs.event(log, logging.WARNING, "redis_down", error=str(error))
        except Exception as error:  # noqa: BLE001 - a receiver must not end the delivery to others
            logs.event(log, logging.ERROR, "webhook_broken", exc_info=error, error=str(error))
        if not is_cancelled():
            await asyncio.sleep(_AGAIN_SECONDS)
