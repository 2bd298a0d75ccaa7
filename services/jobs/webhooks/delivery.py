"""The delivery of one webhook: events are taken from the log, and sent in lanes, side by side.

It keeps nothing of its own that must not be lost. If its worker dies, another one begins with what waits in Redis: what
was being sent is sent again. A worker that was frozen, and does not know yet that another one delivers, can only send
an event once more: see `Waiting.take` and `Waiting.settle`.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from redis.exceptions import RedisError

from services.core.observing import logs
from services.core.state import cancellation
from services.core.state.cancellation import is_cancelled
from services.core.state.changes import ChangeLog
from services.core.webhooks.held import GAP, Held
from services.core.webhooks.waiting import WAITING_MAX, Waiting
from services.core.webhooks.webhook import Webhook
from services.jobs import metrics
from services.jobs.webhooks.newest import Newest
from services.jobs.webhooks.verdict import Answer, Verdict, judge

log = logging.getLogger(__name__)

SIDE_BY_SIDE = 8
"""Events that are sent to one receiver at the same time. After a failure half as many, after a success one more."""
ROUSED_AFTER = 10
"""After so many failures one after the other, a success tells that the receiver was away and is back: what waits for a
later attempt is sent at once then."""
LOOK_SECONDS = 1.0
"""How often it is looked up whether others, such as a replay, have added something."""
_AT_ONCE = 200
"""Changes that are taken from the log together."""

_PURGE_SECONDS = 3.0
"""How long events wait until no cache that can be reached serves the state before them: usually some milliseconds."""

Purged = Callable[[int, float], Awaitable[bool]]
"""Waits for that: see `Progress.purged`."""
Post = Callable[[Webhook, Held], Awaitable[Answer]]
"""Sends an event to the receiver of a webhook."""


class Delivery:
    """Delivers the events of `webhook`, which may be exchanged for a changed one."""

    def __init__(
        self,
        webhook: Webhook,
        waiting: Waiting,
        changes: ChangeLog,
        newest: Newest,
        purged: Purged,
        post: Post,
        pauses: Sequence[float],
    ) -> None:
        self.webhook = webhook
        self._waiting, self._changes, self._newest, self._purged = waiting, changes, newest, purged
        self._post, self._pauses = post, pauses
        self._news = asyncio.Event()
        self._sent: dict[int, asyncio.Task[None]] = {}
        self._side_by_side = SIDE_BY_SIDE
        self._failures = 0
        self._rests_until = 0.0
        self._interrupted_until = 0.0
        self._is_gone = False

    # From the log

    async def take(self) -> None:
        """Take events from the log until cancelled, or until the webhook was deleted; raises RedisError."""
        position = await self._waiting.position()
        while position is not None and not is_cancelled():
            news = await self._changes.news(position, _AT_ONCE)
            if news.position == position:
                await self._newest.after(position, LOOK_SECONDS)
                # Redis may have lost what was noted last: a replica has taken over.
                position = await self._waiting.position()
                continue
            wanted = [Held.of(event) for event in news.events if self.webhook.wants(event)]
            before = news.events[0].number - 1 if news.events else news.position
            if not news.is_gapless and before > position:
                logs.event(log, logging.WARNING, "webhook_gap", webhook=self.webhook.id, position=position)
                wanted = [Held.own(GAP, before), *wanted]
            if wanted:
                await self._purged(news.position, _PURGE_SECONDS)
                wanted = _within(WAITING_MAX - await self._waiting.count(), wanted)
            if await self._waiting.take(position, news.position, wanted, time.time()):
                metrics.WEBHOOK_DELIVERIES.labels("dead").inc(sum(bool(held.reason) for held in wanted))
                position = news.position
                self._news.set()
            else:
                position = await self._waiting.position()

    # To the receiver

    async def send(self) -> None:
        """Send what waits until cancelled, or until the receiver is gone; raises RedisError."""
        self._rests_until = await self._waiting.rests_until()
        self._is_gone = await self._waiting.is_gone()
        try:
            while not is_cancelled() and not self._is_gone:
                self._news.clear()
                pause = await self._begin()
                try:
                    async with asyncio.timeout(pause):
                        await self._news.wait()
                except TimeoutError:
                    continue
        finally:
            await cancellation.end(list(self._sent.values()))

    async def _begin(self) -> float:
        """Begin to send as many events as can be sent now; return after how many seconds to look again."""
        now = time.time()
        free = self._side_by_side - len(self._sent)
        if free <= 0:
            return LOOK_SECONDS
        if now < self._rests_until and not self._sent:  # What these have been answered may not be noted yet.
            self._rests_until = await self._waiting.rests_until()  # A client may have ended the rest.
        if now < (until := max(self._rests_until, self._interrupted_until)):
            return min(until - now, LOOK_SECONDS)
        found, later = await self._waiting.due(now, free + len(self._sent))
        for held in [one for one in found if one.number not in self._sent][:free]:
            task = self._sent[held.number] = asyncio.create_task(self._attempt(held))
            task.add_done_callback(lambda _, number=held.number: self._ended(number))  # type: ignore[misc]
        return LOOK_SECONDS if later is None else min(max(later - now, 0.0), LOOK_SECONDS)

    def _ended(self, number: int) -> None:
        task = self._sent.pop(number)
        if not task.cancelled() and (error := task.exception()):
            # The event still waits, and is sent again.
            self._interrupted_until = time.time() + LOOK_SECONDS
            unknown = None if isinstance(error, RedisError) else error
            logs.event(
                log,
                logging.ERROR if unknown else logging.WARNING,
                "webhook_interrupted",
                exc_info=unknown,
                webhook=self.webhook.id,
                error=str(error),
            )
        self._news.set()

    async def _attempt(self, held: Held) -> None:
        begun = time.monotonic()
        answer = await self._post(self.webhook, held)
        metrics.WEBHOOK_SECONDS.observe(time.monotonic() - begun)
        now = time.time()
        verdict = judge(held, answer, now, self._pauses, random.random())  # noqa: S311 - spreads attempts
        self._learn(verdict, now)
        await self._waiting.settle(
            verdict.held,
            verdict.outcome,
            verdict.attempt,
            now,
            at=verdict.at,
            rests_until=verdict.rests_until,
            gone=verdict.gone,
        )
        self._is_gone = self._is_gone or verdict.gone
        if verdict.outcome == "delivered":
            if self._failures >= ROUSED_AFTER:
                await self._waiting.rouse(now)
            self._failures = 0

    def _learn(self, verdict: Verdict, now: float) -> None:
        """Count and log an attempt, and adapt to how the receiver does."""
        metrics.WEBHOOK_DELIVERIES.labels(verdict.outcome).inc()
        if verdict.outcome == "delivered":
            self._side_by_side = min(self._side_by_side + 1, SIDE_BY_SIDE)
            return
        self._side_by_side = max(self._side_by_side // 2, 1)
        self._failures += 1
        self._rests_until = max(self._rests_until, verdict.rests_until or 0.0)
        logs.event(
            log,
            logging.ERROR if verdict.outcome == "dead" or verdict.gone else logging.WARNING,
            "webhook_gone" if verdict.gone else f"webhook_{'dead_letter' if verdict.outcome == 'dead' else 'failed'}",
            webhook=self.webhook.id,
            host=urlsplit(self.webhook.address).hostname,
            change=verdict.held.id,
            status=verdict.attempt.status,
            text=verdict.attempt.text,
            attempts=verdict.held.attempts,
            again_in=round(verdict.at - now, 1) if verdict.outcome == "again" else None,
        )


def _within(room: int, events: list[Held]) -> list[Held]:
    """Return events, those for which there is no room as dead letters."""
    reason = f"{WAITING_MAX} events wait already"
    return [held if at < room else replace(held, reason=reason) for at, held in enumerate(events)]
