"""What each process says of itself, in Redis: whether it is ready, and what else only it knows.

Services do not call each other. So each process writes a *report* every few seconds, and the catalog service shows all
of them to operators. A process that ends on purpose takes its report away. That of one that was killed stays for a
while, with the moment of its last sign of life.
"""

import asyncio
import logging
import shutil
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson
from redis.exceptions import RedisError

from services.core.observing import logs
from services.core.probes.health import Health
from services.core.state import cancellation, commands, keys
from services.core.state.connection import Redis

log = logging.getLogger(__name__)

REPORT_SECONDS = 5.0
ASK_SECONDS = 10.0
"""How often a process asks its dependencies, while they are well: the storage may be far away, and cost money."""
ALIVE_SECONDS = 20.0
"""A process without a report for so long does not run, or cannot reach Redis."""
KEPT_SECONDS = 600.0
"""How long a report stays after that. Whoever looks sees what is missing."""

More = Callable[[], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Report:
    """The report of a process. Times are seconds since 1970.

    `said` is what is known of each dependency, and `failing` for how many seconds it has been failing. `disk` has the
    free bytes and all bytes where files are, or where uploads wait; None if there is no such folder. `more` is what
    only this service knows.
    """

    service: str
    process: str
    started: float
    at: float
    said: Mapping[str, str]
    failing: Mapping[str, float] = field(default_factory=dict)
    disk: tuple[int, int] | None = None
    more: Mapping[str, Any] = field(default_factory=dict)

    def is_alive(self, now: float) -> bool:
        return now - self.at < ALIVE_SECONDS


class Reporter:
    """Writes the report of one process. `more` is called each time."""

    def __init__(
        self, client: Redis, service: str, process: str, health: Health, folder: Path, more: More = dict
    ) -> None:
        self._redis, self._health, self._folder, self._more = client, health, folder, more
        self._service, self._process, self._started = service, process, time.time()

    @asynccontextmanager
    async def reporting(self) -> AsyncIterator[None]:
        """Report while the context is open."""
        task = asyncio.create_task(self._keep())
        try:
            yield
        finally:
            await cancellation.end([task])
            await self._health.end()
            with suppress(RedisError):
                await commands.hdel(self._redis, keys.REPORTS, [self._process])

    async def _keep(self) -> None:
        asked = -ASK_SECONDS
        state = None
        while not cancellation.is_cancelled():
            if state is None or not state.ready or time.monotonic() - asked >= ASK_SECONDS:
                state, asked = await self._health.ask(), time.monotonic()
            now = time.time()
            report = Report(
                self._service,
                self._process,
                self._started,
                now,
                state.said,
                state.failing,
                await asyncio.to_thread(_disk, self._folder),
                self._more(),
            )
            try:
                await self._write(report)
            except RedisError as error:
                logs.event(log, logging.WARNING, "report_delayed", error=str(error))
            await asyncio.sleep(REPORT_SECONDS)

    async def _write(self, report: Report) -> None:
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.hset(keys.REPORTS, self._process, orjson.dumps(asdict(report)).decode())
            pipeline.expire(keys.REPORTS, int(KEPT_SECONDS))
            await pipeline.execute()


async def reports(client: Redis) -> list[Report]:
    """Return the reports of all processes, those of one service together; forget those that are too old.

    Raises RedisError.
    """
    oldest = time.time() - KEPT_SECONDS
    raws = await commands.hgetall(client, keys.REPORTS)
    found = {name: _read(raw) for name, raw in raws.items()}
    if old := [name.decode() for name, report in found.items() if report.at < oldest]:
        await commands.hdel(client, keys.REPORTS, old)
    kept = [report for report in found.values() if report.at >= oldest]
    return sorted(kept, key=lambda report: (report.service, report.started))


def _read(raw: bytes) -> Report:
    stored = orjson.loads(raw)
    disk = stored["disk"]
    return Report(**{**stored, "disk": tuple(disk) if disk else None})


def _disk(folder: Path) -> tuple[int, int] | None:
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None
    return usage.free, usage.total
