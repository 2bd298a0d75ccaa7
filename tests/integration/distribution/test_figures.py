"""What is counted and said of a purge."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from services.core.observing import logs, origin
from services.core.state.changes import ChangeLog
from services.core.state.connection import Redis
from services.core.state.entries import Entries
from services.core.state.progress import Progress
from services.jobs import metrics
from tests.processes.gateway_nodes import Machine, Worker
from tests.support.distribution import LONG, done, log_many, write
from tests.support.waits import eventually


async def test_a_purge_is_counted_and_said_in_the_log_of_its_request(
    worker: Worker, followed: Progress, entries: Entries, cache: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    await followed.purged(await write(entries), LONG)
    caplog.clear()
    counted = {result: metrics.PURGES.labels(result)._value.get() for result in ("done", "queued")}
    request_ids = []
    note = logs.event

    def noting(*given: object, **fields: object) -> None:
        if "purged" in given:
            request_ids.append(origin.request_id.get())
        note(*given, **fields)  # type: ignore[arg-type]

    logs.event = noting  # type: ignore[assignment]
    try:
        with origin.working_for("request-of-cat"):
            assert await followed.purged(await write(entries, "cat"), LONG) is True
        cache.is_down = True
        with origin.working_for("request-of-dog"):
            assert await followed.purged(await write(entries, "dog"), LONG) is False
        cache.is_down = False
        assert await done(followed, (await ChangeLog(worker.distributor._redis).latest()).number)  # type: ignore[union-attr]
    finally:
        logs.event = note
    said = [record.__dict__["tada"] for record in caplog.records if record.getMessage() == "purged"]
    assert [(line["asset"], line["everywhere"]) for line in said] == [("/DEV/cat.webp", True), ("/DEV/dog.webp", False)]
    assert request_ids == ["request-of-cat", "request-of-dog"]
    for result in ("done", "queued"):
        assert metrics.PURGES.labels(result)._value.get() == counted[result] + 1


async def test_what_was_purged_before_a_worker_started_is_not_counted_by_it(
    make_worker: Callable[[], Worker], followed: Progress, entries: Entries
) -> None:
    for at in range(5):
        await write(entries, f"cat-{at}")
    before = metrics.PURGES.labels("done")._value.get()
    async with make_worker().working():
        # The first one may have been written before the worker had begun.
        for _ in range(2):
            assert await followed.purged(await write(entries), LONG) is True

        async def is_counted() -> bool:
            # A worker tells those who wait first, and counts then.
            return metrics.PURGES.labels("done")._value.get() > before

        await eventually(is_counted)
    assert before < metrics.PURGES.labels("done")._value.get() <= before + 2


async def test_each_worker_counts_every_change(
    make_worker: Callable[[], Worker], followed: Progress, entries: Entries
) -> None:
    before = metrics.PURGES.labels("done")._value.get()
    async with make_worker().working(), make_worker().working():
        await followed.purged(await write(entries), LONG)
        started = metrics.PURGES.labels("done")._value.get()
        assert started - before <= 2
        for _ in range(50):
            last = await write(entries)
        await followed.purged(last, LONG)

        async def all_are_counted() -> bool:
            return metrics.PURGES.labels("done")._value.get() >= started + 100

        with suppress(TimeoutError):
            await eventually(all_are_counted, within=2)
    assert metrics.PURGES.labels("done")._value.get() >= started + 100


async def test_nodes_and_what_they_lack_are_measured(
    worker: Worker, followed: Progress, client: Redis, entries: Entries, cache: Machine
) -> None:
    def measured() -> tuple[float, float, float, bool]:
        return (
            metrics.NODES.labels("current")._value.get(),
            metrics.NODES.labels("away")._value.get(),
            metrics.CHANGES._value.get(),
            metrics.OLDEST_CHANGE._value.get() > 0,
        )

    async def all_is_well() -> bool:
        return measured() == (2, 0, 0, False)

    async def three_are_lacking() -> bool:
        return measured() == (1, 1, 3, True)

    await followed.purged(await write(entries), LONG)
    await eventually(all_is_well)
    cache.is_down = True
    await log_many(client, 3)
    await eventually(three_are_lacking)
    cache.is_down = False
    await eventually(all_is_well)
