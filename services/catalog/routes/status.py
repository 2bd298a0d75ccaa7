"""GET /status: how the processes of the services and the queue of jobs are, for operators.

What other services know comes from their reports in Redis (see `core/probes/reports`).
"""

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.catalog.context import context
from services.core.assets import freshness
from services.core.assets.entries import timestamp
from services.core.jobs.queue import Queued
from services.core.probes import reports
from services.core.probes.reports import Report
from services.core.serving.envelope import envelope
from services.core.serving.web import JsonResponse


async def get_status(request: Request) -> Response:
    """Answer with what is known now. A process that has died is shown for ten minutes."""
    ctx = context(request)
    said = shown(await reports.reports(ctx.client), await ctx.queue.state(), time.time())
    return JsonResponse(envelope([said]), headers=freshness.NEVER)


def shown(found: Iterable[Report], queued: Queued, now: float) -> dict[str, Any]:
    """Return the status as it is answered."""
    return {
        "date": date(now),
        "processes": [_process(report, now) for report in found],
        "queue": {"waiting": queued.waiting, "running": queued.running, "oldest_date": queued.oldest},
    }


def date(seconds: float | None) -> str | None:
    return None if seconds is None else timestamp(datetime.fromtimestamp(seconds, UTC))


def _process(report: Report, now: float) -> dict[str, Any]:
    alive = report.is_alive(now)
    free, total = report.disk or (None, None)
    return {
        "service": report.service,
        "process": report.process,
        "started_date": date(report.started),
        "seen_date": date(report.at),
        "alive": alive,
        "ready": alive and all(said == "ok" for said in report.said.values()),
        "redis": report.said.get("redis", ""),
        "storage": report.said.get("storage", ""),
        "failing_seconds": {name: round(seconds, 1) for name, seconds in report.failing.items()},
        "disk_free": free,
        "disk_total": total,
    }
