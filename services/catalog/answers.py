"""The shape of the API's answers: `{"data": […], "errors": […]}`, sent when the caches show what was written."""

import asyncio
import logging
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.catalog.bulk import Outcome
from services.catalog.context import context
from services.catalog.middleware.auth import principal_of
from services.core.assets import freshness
from services.core.observing import logs
from services.core.serving.web import JsonResponse

log = logging.getLogger(__name__)

PURGE_HEADER = "x-purge"
_QUEUED = (
    "Written. The caches are not purged yet: they may show the old state until the jobs worker purges them. "
    "The purge is queued and cannot be lost."
)


async def written(request: Request, outcome: Outcome, *, status: int = 200, **more: Any) -> Response:
    """Answer a write when no cache serves the old state, or when the time limit for that has passed.

    `status` is that of a success; if nothing succeeded, the answer is 400. Logs who did what.
    """
    ctx = context(request)
    logs.event(
        log,
        logging.INFO,
        "written",
        by=principal_of(request).name,
        action=f"{request.method} {request.url.path}",
        uuids=",".join(entry.uuid for entry in outcome.entries),
        failed=len(outcome.errors),
    )
    wait = ctx.settings.purge_wait_seconds
    last = max((commit.number for commit in outcome.commits), default=0)
    purged, _ = await asyncio.gather(ctx.progress.purged(last, wait), ctx.leftovers.clear(outcome.commits, wait))
    body: dict[str, Any] = {"data": [asdict(entry) for entry in outcome.entries], "errors": outcome.errors, **more}
    if not purged:
        body["warnings"] = [_QUEUED]
    if outcome.errors and not outcome.entries:
        return JsonResponse(body, 400, headers=freshness.NEVER)
    headers = {PURGE_HEADER: "done" if purged else "queued", **freshness.NEVER}
    return JsonResponse(body, status, headers=headers)
