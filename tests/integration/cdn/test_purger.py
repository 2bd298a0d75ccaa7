"""A CDN is purged of every change once the gateway has it, whatever fails. The CDN is a double; Redis is real."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

import pytest

from services.core.assets.cache_tags import CacheTags
from services.core.state import keys, progress
from services.core.state.connection import Redis
from services.core.state.progress import Progress, Reached
from services.jobs import metrics
from services.jobs.cdn import figures, purger
from services.jobs.cdn.purger import Purger
from services.jobs.cdn.target import NotPurged, Pace
from tests.support.distribution import for_a_while, log_many
from tests.support.waits import eventually

TAGS = CacheTags("tada")


class Cdn:
    """A CDN that remembers its purges. While it is away, it refuses them."""

    def __init__(self, name: str = "cdn", tags_at_once: int = 3) -> None:
        self.name, self.tags_at_once, self.pace = name, tags_at_once, Pace(1000, 0.0)
        self.calls: list[list[str]] = []
        self.refused = 0
        self.is_away = False
        self.fault: Exception = NotPurged("away")

    @property
    def purged(self) -> list[str]:
        return [tag for call in self.calls for tag in call]

    async def purge(self, tags: Sequence[str]) -> None:
        if self.is_away:
            self.refused += 1
            raise self.fault
        self.calls.append(list(tags))

    async def close(self) -> None: ...


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purger, "AGAIN_SECONDS", 3600.0)
    monkeypatch.setattr(purger, "APART_SECONDS", 0.05)
    monkeypatch.setattr(purger, "IDLE_SECONDS", 0.05)
    monkeypatch.setattr(purger, "_TURN_SECONDS", 0.1)
    monkeypatch.setattr(purger, "pause", lambda failures, retry_after, jitter: 0.02)
    monkeypatch.setattr("services.jobs.cdn.stale._SEEN_SECONDS", 0.0)


@pytest.fixture
async def working(client: Redis, followed: Progress) -> AsyncIterator["Working"]:
    made = Working(client, followed)
    yield made
    await made.end()


class Working:
    """The purgers of workers."""

    def __init__(self, client: Redis, followed: Progress) -> None:
        self._client, self._followed = client, followed
        self._tasks: list[asyncio.Task[None]] = []

    def on(self, *cdns: Cdn) -> None:
        self._tasks += [asyncio.create_task(Purger(self._client, cdn, TAGS, self._followed).run()) for cdn in cdns]

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        self._tasks.clear()


async def gateway_has(client: Redis, reachable: int, everywhere: int | None = None) -> None:
    await progress.tell(client, Reached(reachable, reachable if everywhere is None else everywhere, reachable))


async def until(condition: object) -> None:
    async def holds() -> bool:
        return bool(condition())  # type: ignore[operator]

    await eventually(holds)


def of(*numbers: int) -> list[str]:
    return [TAGS.of_asset(f"/DEV/{number}.webp") for number in numbers]


async def begun(client: Redis, working: Working, *cdns: Cdn) -> None:
    """Have CDNs purged for a log that there is already: a new one is purged of everything, once."""
    [first] = await log_many(client, 1)
    await gateway_has(client, first)
    working.on(*cdns)
    for cdn in cdns:
        await until(lambda cdn=cdn: cdn.calls == [["tada"]])
        cdn.calls.clear()


async def test_a_change_is_purged_when_the_gateway_has_it_and_in_batches(client: Redis, working: Working) -> None:
    cdn = Cdn()
    await begun(client, working, cdn)
    numbers = await log_many(client, 5)
    await for_a_while(lambda: not cdn.calls, 0.3)
    await gateway_has(client, numbers[3])
    await until(lambda: len(cdn.purged) == 4)
    assert cdn.calls == [of(*numbers[:3]), of(numbers[3])]
    await for_a_while(lambda: len(cdn.calls) == 2, 0.2)
    await gateway_has(client, numbers[4])
    await until(lambda: cdn.calls[2:] == [of(numbers[4])])


async def test_a_cdn_that_is_away_delays_no_other_and_is_made_up_for(client: Redis, working: Working) -> None:
    away, other = Cdn("away"), Cdn("other")
    await begun(client, working, away, other)
    away.is_away = True
    numbers = await log_many(client, 2)
    await gateway_has(client, numbers[-1])
    await until(lambda: other.purged == of(*numbers) and away.refused > 2)
    # The worker dies, and another one takes its place. More is changed meanwhile.
    await working.end()
    numbers += await log_many(client, 2)
    await figures.sample(client, ["away", "other"])
    pending = [metrics.CDN_CHANGES.labels(name)._value.get() for name in ("away", "other")]
    assert pending == [4, 2]
    working.on(away, other)
    await gateway_has(client, numbers[-1])
    await until(lambda: other.purged == of(*numbers))
    away.is_away = False
    await until(lambda: away.purged == of(*numbers))
    await figures.sample(client, ["away"])
    assert metrics.CDN_OLDEST.labels("away")._value.get() == 0


async def test_a_fault_of_ours_ends_no_worker(client: Redis, working: Working) -> None:
    cdn = Cdn()
    await begun(client, working, cdn)
    cdn.is_away, cdn.fault = True, TypeError("not as published")
    [number] = await log_many(client, 1)
    await gateway_has(client, number)
    await until(lambda: cdn.refused > 2)
    cdn.is_away = False
    await until(lambda: cdn.purged == of(number))


async def test_what_the_log_has_no_more_is_made_up_for_by_a_purge_of_everything(
    client: Redis, working: Working
) -> None:
    cdn = Cdn()
    await begun(client, working, cdn)
    await working.end()
    numbers = await log_many(client, 3)
    await client.xtrim(keys.CHANGES, minid=f"{numbers[-1]}-0", approximate=False)
    working.on(cdn)
    await gateway_has(client, numbers[-1])
    await until(lambda: cdn.calls == [["tada"]])
    # Redis loses its last changes, and writes others.
    await client.xtrim(keys.CHANGES, maxlen=0, approximate=False)
    [number] = await log_many(client, 1)
    await gateway_has(client, number)
    await until(lambda: cdn.calls == [["tada"], ["tada"]])


async def test_two_workers_purge_once(client: Redis, working: Working) -> None:
    one, other = Cdn("shared"), Cdn("shared")
    await begun(client, working, one)
    working.on(other)
    numbers = await log_many(client, 6)
    await gateway_has(client, numbers[-1])
    await until(lambda: len(one.purged) == 6)
    assert not other.calls


async def test_each_change_is_purged_again_when_all_nodes_have_had_it_for_a_while(
    client: Redis, working: Working, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purger, "AGAIN_SECONDS", 0.2)
    cdn = Cdn()
    await begun(client, working, cdn)
    await until(lambda: cdn.calls == [["tada"]])  # Everything, for the second time.
    cdn.calls.clear()
    numbers = await log_many(client, 2)
    # A node is away: it may go on to answer what it had.
    await gateway_has(client, numbers[-1], numbers[0] - 1)
    await until(lambda: cdn.calls == [of(*numbers)])
    await for_a_while(lambda: len(cdn.calls) == 1, 0.5)
    await gateway_has(client, numbers[-1])
    await until(lambda: cdn.calls == [of(*numbers)] * 2)
    await for_a_while(lambda: len(cdn.calls) == 2, 0.4)


async def test_a_redis_that_goes_away_loses_no_purge(client: Redis, working: Working) -> None:
    cdn = Cdn()
    await begun(client, working, cdn)
    for kind in ("normal", "pubsub"):
        await client.client_kill_filter(_type=kind, skipme=True)
    numbers = await log_many(client, 2)

    async def purged() -> bool:
        await gateway_has(client, numbers[-1])
        return cdn.purged == of(*numbers)

    await eventually(purged)


async def test_changes_that_redis_lost_in_a_failover_are_made_up_for(client: Redis, working: Working) -> None:
    cdn = Cdn()
    await begun(client, working, cdn)
    saved = {key: await client.dump(key) for key in (keys.CDN, keys.CHANGES, keys.REVISION)}
    [number] = await log_many(client, 1)
    await gateway_has(client, number)
    await until(lambda: cdn.purged == of(number))
    # The CDN has what was written then. The node that takes over does not, and does not know of that purge either.
    # Until it has taken over, all calls fail.
    await client.set(keys.CHANGES, "away")

    async def has_failed() -> bool:
        return not await client.exists(keys.lease("cdn:cdn"))

    await eventually(has_failed)
    async with client.pipeline(transaction=True) as pipeline:
        for key, value in saved.items():
            pipeline.restore(key, 0, value or b"", replace=True)
        await pipeline.execute()

    async def made_up_for() -> bool:
        await gateway_has(client, int(await client.get(keys.REVISION) or 0))
        return cdn.calls[1:] == [["tada"]]

    await eventually(made_up_for)
