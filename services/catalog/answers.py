"""The answers to requests that write, sent when the caches show what was written."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.catalog.bulk import Outcome
from services.catalog.context import context
from services.catalog.middleware.auth import principal_of
from services.core.assets import freshness
from services.core.errors import TooLarge
from services.core.observing import logs
from services.core.serving.envelope import envelope
from services.core.serving.web import JsonResponse
from services.core.state import entry_json

log = logging.getLogger(__name__)

PURGE_HEADER = "x-purge"
CHANGE_HEADER = "x-change"
"""The number of the change: GET /nodes says of each node whether it has it."""
DELETED = {"message": "Item deleted"}
"""What an answer shows beside a deleted entry."""
_QUEUED = (
    "Written. The caches are not purged yet: they may show the old state until the jobs worker purges them. "
    "The purge is queued and cannot be lost."
)
_QUEUED_FOR_PAGES = "Written. It may take a moment until everybody sees it."


async def written(
    request: Request,
    outcome: Outcome,
    *,
    status: int = 200,
    beside: Sequence[Mapping[str, Any]] = (),
    of_files: bool = False,
    meanwhile: Callable[[], Awaitable[None]] | None = None,
    shows: Collection[str] | None = None,
    **more: Any,
) -> Response:
    """Answer a write when no cache serves the old state, or when the time limit for that has passed.

    `status` is that of a success. If nothing succeeded, the answer is 400, or 413 if all was too large. `beside`
    has what the answer shows beside the fields of each entry. `of_files` says that the failures are of single files.
    `meanwhile` is waited for too, and may change the outcome. `shows` are the fields of an entry that the client, a
    page, may see, if not all. Before any wait, this logs who did what.
    """
    ctx = context(request)
    logs.event(
        log,
        logging.INFO,
        "written",
        by=principal_of(request).name,
        action=f"{request.method} {request.url.path}",
        uuids=",".join(entry.uuid for entry in outcome.entries),
        failed=len(outcome.failures),
    )
    wait = ctx.settings.purge_wait_seconds
    last = max((commit.number for commit in outcome.commits), default=0)
    others = [meanwhile()] if meanwhile else []
    purged, *_ = await asyncio.gather(
        ctx.progress.purged(last, wait), ctx.leftovers.clear(outcome.commits, wait), *others
    )
    queued = _QUEUED if shows is None else _QUEUED_FOR_PAGES
    if warnings := [*outcome.warnings, *([] if purged else [queued])]:
        more["warnings"] = warnings
    pairs = zip(outcome.entries, beside or [{}] * len(outcome.entries), strict=True)
    data = [{**_shown(entry_json.shown(entry, ctx.addresses), shows), **more_of_it} for entry, more_of_it in pairs]
    body = envelope(data, outcome.failures, of_files=of_files, **more)
    if outcome.failures and not outcome.entries:
        is_size = all(isinstance(failure, TooLarge) for failure in outcome.failures)
        return JsonResponse(body, 413 if is_size else 400, headers=freshness.NEVER)
    headers = {PURGE_HEADER: "done" if purged else "queued", **freshness.NEVER}
    if last:
        headers[CHANGE_HEADER] = str(last)
    return JsonResponse(body, status, headers=headers)


def _shown(entry: dict[str, Any], fields: Collection[str] | None) -> dict[str, Any]:
    return entry if fields is None else {name: value for name, value in entry.items() if name in fields}
