"""What tests of the distribution do to a catalog, and wait for."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from services.core.state import keys
from services.core.state.connection import Redis
from services.core.state.entries import Entries
from services.core.state.progress import Progress
from services.jobs import metrics
from services.jobs.purge.node import Batch
from tests.processes.gateway_nodes import Machine, Worker
from tests.support.catalogs import an_entry
from tests.support.waits import eventually

LONG = 20.0
"""Seconds: longer than anything takes here that ends at all."""


async def write(entries: Entries, base: str = "cat") -> int:
    """Create an entry or change it; return the number of the change."""
    entry = an_entry(base)
    if await entries.raw(entry.key) is None:
        return (await entries.create(entry, None)).number
    _, change = await entries.change(entry.uuid, lambda old: replace(old, version=old.version + 1))
    assert change is not None
    return change.number


async def log_many(client: Redis, count: int) -> list[int]:
    """Log changes of so many entries, as many writers would in little time."""
    seconds, microseconds = await client.time()
    first = max(seconds * 1_000_000 + microseconds, int(await client.get(keys.REVISION) or 0) + 1)
    numbers = list(range(first, first + count))
    for at in range(0, count, 1000):
        async with client.pipeline(transaction=True) as pipeline:
            for number in numbers[at : at + 1000]:
                what = {"kind": "written", "uuid": f"uuid-{number}", "unique_name": f"/DEV/{number}.webp"}
                pipeline.xadd(keys.CHANGES, what, id=f"{number}-0")  # type: ignore[arg-type]
            pipeline.set(keys.REVISION, numbers[min(at + 1000, count) - 1])
            await pipeline.execute()
    return numbers


async def reach(position: int, *reached: Machine) -> None:
    """Wait until machines have all changes up to one, and serve from their caches."""

    async def have_it() -> bool:
        return all(machine.position >= position and machine.current for machine in reached)

    await eventually(have_it)


async def done(followed: Progress, number: int) -> bool:
    """Say whether all nodes get a change, however long that takes."""
    deadline = time.monotonic() + 10
    while not await followed.purged(number, 0.05):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.02)  # While a node is away it is known at once that not all have it.
    return True


def premature(machine: Machine, last: int) -> list[Batch]:
    """Return what told a machine that it is up to date when there was more."""
    return [batch for batch in machine.batches if batch.is_last and batch.to < last]


def resets() -> float:
    return metrics.RESETS._value.get()  # type: ignore[no-any-return]


async def for_a_while(condition: Callable[[], bool], seconds: float = 0.5) -> None:
    """Look for some rounds of everything whether a condition goes on to hold."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert condition()
        await asyncio.sleep(0.01)


async def frozen(
    worker: Worker,
    machine: Machine,
    begin: Callable[[], Awaitable[object]],
    held: Callable[[Batch], bool] = lambda batch: True,
) -> None:
    """Have a worker held up at the moment when it sends something to a machine, once something has begun."""
    node = worker.nodes[machine.address]
    node.held = held
    node.before.clear()
    await begin()
    async with asyncio.timeout(10):
        await node.held_up.wait()
