"""The shape of the API's answers: `{"data": […], "errors": […]}`, once the caches show what was written."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from starlette.responses import Response

from services.core import caching
from services.core.catalog import Catalog, Change
from services.core.entries import Entry
from services.core.web import JsonResponse

PURGE_HEADER = "x-purge"
_QUEUED = (
    "Written. The caches are not purged yet: they may show what was before until the jobs worker gets to it. "
    "The purge is queued and cannot be lost."
)


async def written(
    catalog: Catalog,
    wait: float,
    entries: Sequence[Entry],
    changes: Sequence[Change | None],
    errors: Sequence[dict[str, Any]] = (),
) -> Response:
    """Answer a write, after the caches are purged for its changes or `wait` seconds have passed."""
    waiting = [catalog.purged(change, wait) for change in changes if change is not None]
    purged = all(await asyncio.gather(*waiting))
    body: dict[str, Any] = {"data": [asdict(entry) for entry in entries], "errors": list(errors)}
    if not purged:
        body["warnings"] = [_QUEUED]
    headers = {PURGE_HEADER: "done" if purged else "queued", **caching.NEVER}
    return JsonResponse(body, 200 if entries else 400, headers=headers)
