"""What waits for one webhook, in Redis: from the log of changes until it is delivered, or is a dead letter.

Events are taken from the log by position, together with the position after them: a worker that dies loses none, and two
that take the same ones take them once. Then they are in *lanes*. An event waits behind those that have a path in common
with it, so the events of an asset are sent in their order, also when it is moved. Different lanes are independent. What
waits for a receiver that is away is not in the log, which keeps only the last changes.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from services.core.state import commands, keys
from services.core.state.connection import Redis
from services.core.state.script import Script
from services.core.webhooks.held import Attempt, Held

WAITING_MAX = 10_000
"""Events that wait for one webhook. With the usual 0.8 kB each, 12 MB in Redis."""
DEAD_MAX = 10_000
"""Dead letters that are kept of one webhook. The first ones make room for others."""
_PAGE = 200
_LANES = ("lanes", "order", "due", "numbers", "waiting")
_ALL = (*_LANES, "state", "dead")

Outcome = Literal["delivered", "again", "dead"]


@dataclass(frozen=True, slots=True)
class State:
    """How a webhook is. Times are seconds since 1970. `dropped` counts dead letters for which there was no room."""

    waiting: int = 0
    oldest: float | None = None
    next_attempt: float | None = None
    dead_letters: int = 0
    dropped: int = 0
    gone: str | None = None
    success: dict[str, Any] | None = None
    failure: dict[str, Any] | None = None

    @property
    def is_failing(self) -> bool:
        """Whether the last attempt that has ended was a failure."""
        return self.failure is not None and (self.success is None or self.failure["date"] > self.success["date"])


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter, by its id."""

    id: str
    held: Held


class Waiting:
    """What waits for the webhook with an id. All methods raise RedisError."""

    def __init__(self, client: Redis, webhook_id: str) -> None:
        self._redis = client
        self._keys = {part: keys.webhook(webhook_id, part) for part in keys.WEBHOOK_PARTS}
        lanes, everything = ({part: self._keys[part] for part in parts} for parts in (_LANES, _ALL))
        self._take = Script(client, "webhook_take", **everything, dead_max=DEAD_MAX)
        self._due = Script(client, "webhook_due", **lanes)
        self._settle = Script(client, "webhook_settle", **everything, dead_max=DEAD_MAX)
        self._replay = Script(client, "webhook_replay", **everything)
        self._rouse = Script(client, "webhook_rouse", due=self._keys["due"])

    async def position(self) -> int | None:
        """Return the number of the last change that was taken; None if the webhook was deleted."""
        found = await commands.hget(self._redis, self._keys["state"], "position")
        return None if found is None else int(found)

    async def count(self) -> int:
        return await commands.hlen(self._redis, self._keys["waiting"])

    async def take(self, after: int, position: int, events: Sequence[Held], now: float) -> bool:
        """Have events wait that are in the log after one position up to another, in their order.

        One with a reason is a dead letter at once. Says whether they were still to be taken.
        """
        told = orjson.dumps([held.entered(bool(held.reason)) for held in events])
        return bool(await self._take(expected=after, position=position, now=_ms(now), events=told))

    async def due(self, now: float, count: int) -> tuple[list[Held], float | None]:
        """Return up to `count` events that can be sent now, and when the next later one can, None if there is none."""
        *found, later = await self._due(now=_ms(now), count=count)
        return [Held.from_value(value) for value in found], float(later) / 1000 if later else None

    async def settle(
        self,
        held: Held,
        outcome: Outcome,
        attempt: Attempt,
        now: float,
        *,
        at: float = 0.0,
        rests_until: float | None = None,
        gone: bool = False,
    ) -> None:
        """Note what came of an attempt: whether the event is delivered, is sent again at a time, or is a dead letter.

        Until `rests_until` nothing else is sent to the receiver either, and nothing at all once it is gone.
        """
        await self._settle(
            number=held.member,
            outcome=outcome,
            now=_ms(now),
            at=_ms(at),
            rest=held.rest(),
            attempt=orjson.dumps(attempt),
            rests_until="" if rests_until is None else _ms(rests_until),
            gone=attempt.date if gone else "",
        )

    async def rouse(self, now: float) -> int:
        """Have everything that is to be sent later sent now; return how many lanes that are."""
        return int(await self._rouse(now=_ms(now)))

    async def rests_until(self) -> float:
        """Return until when nothing is sent, 0 if there is no such time."""
        found = await commands.hget(self._redis, self._keys["state"], "rests_until")
        return int(found) / 1000 if found else 0.0

    async def is_gone(self) -> bool:
        """Say whether the receiver has answered that it is gone."""
        return await commands.hexists(self._redis, self._keys["state"], "gone")

    async def revive(self) -> None:
        """Have a webhook tried again whose receiver is gone."""
        await self._redis.hdel(self._keys["state"], "gone")  # type: ignore[misc]

    async def state(self) -> State:
        """Return how the webhook is."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.hgetall(self._keys["state"])
            pipeline.zcard(self._keys["numbers"])
            pipeline.zrange(self._keys["numbers"], 0, 0)
            pipeline.zrange(self._keys["due"], 0, 0, withscores=True)
            pipeline.xlen(self._keys["dead"])
            noted, waiting, oldest, due, dead = await pipeline.execute()
        told = {name.decode(): value for name, value in noted.items()}
        rests_until = int(told.get("rests_until", 0)) / 1000
        return State(
            waiting,
            int(oldest[0]) / 1e6 if oldest else None,
            max(due[0][1] / 1000, rests_until) if due else None,
            dead,
            int(told.get("dropped", 0)),
            told["gone"].decode() if "gone" in told else None,
            orjson.loads(told["success"]) if "success" in told else None,
            orjson.loads(told["failure"]) if "failure" in told else None,
        )

    # Dead letters

    async def letters(self, count: int, after: str = "") -> list[Letter]:
        """Return up to `count` dead letters after the one with an id, the first ones first."""
        found = await self._redis.xrange(self._keys["dead"], min=f"({after}" if after else "-", count=count)
        return [_letter(*one) for one in found]

    async def all_letters(self) -> AsyncIterator[list[Letter]]:
        """Yield the dead letters that there are now, page by page. One that dies again meanwhile is not among them."""
        last = await self._redis.xrevrange(self._keys["dead"], count=1)
        at = "-"
        while last and (found := await self._redis.xrange(self._keys["dead"], at, last[0][0], count=_PAGE)):
            yield [_letter(*one) for one in found]
            at = f"({found[-1][0].decode()}"

    async def letter(self, letter_id: str) -> Letter | None:
        """Return a dead letter; None if there is none with this id."""
        found = await self._redis.xrange(self._keys["dead"], min=letter_id, max=letter_id)
        return _letter(*found[0]) if found else None

    async def replay(self, letters: Sequence[Letter], now: float) -> int:
        """Have dead letters wait again as if they had never been sent; return how many do."""
        told = orjson.dumps([(letter.id, *letter.held.anew().entered()) for letter in letters])
        return int(await self._replay(now=_ms(now), letters=told))

    async def remove_letters(self) -> int:
        """Remove all dead letters that there are now, and return how many."""
        return int(await self._redis.xtrim(self._keys["dead"], maxlen=0, approximate=False))


def _letter(letter_id: bytes, fields: dict[bytes, bytes]) -> Letter:
    return Letter(letter_id.decode(), Held.from_value(fields[b"value"]))


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
