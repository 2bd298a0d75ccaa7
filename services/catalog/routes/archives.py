"""The routes of archives: many files as one ZIP, which a browser can open without a header."""

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from services.catalog import actions
from services.catalog.archives.archives import Archives
from services.catalog.bodies import read_json_object
from services.catalog.context import Context, context
from services.catalog.middleware.auth import principal_of
from services.catalog.routes.actions import need_current
from services.catalog.search.query import SHOWN, parse
from services.core.assets import freshness, media_types
from services.core.assets.entries import timestamp
from services.core.errors import BadRequest
from services.core.observing import logs
from services.core.serving.envelope import envelope
from services.core.serving.web import JsonResponse
from services.core.state import entry_json
from services.core.state.archives import FILES_MAX, KEPT_SECONDS, Archive

log = logging.getLogger(__name__)

PATH = "/catalog/archives"
CHOOSES = ("search", "uuids")
_EXAMPLE = '{"search": {"folder": "/DEV/shop"}}'
_PAGE = 500


async def post_archive(request: Request) -> Response:
    """Make a ticket with which the files that a search finds, or those with some uuids, can be fetched as a ZIP."""
    ctx, principal = context(request), principal_of(request)
    given = await read_json_object(request, _EXAMPLE)
    _check(given)
    ctx.archives.need_room()
    found, not_found = await _chosen(ctx, given)
    ticket = await ctx.archives.make(principal, found)
    logs.event(log, logging.INFO, "archive_asked", by=principal.name, count=len(found))
    url = f"{ctx.settings.api_prefix}{PATH}?ticket={ticket}"
    ends = timestamp(datetime.now(UTC) + timedelta(seconds=KEPT_SECONDS))
    body = envelope([{"url": url, "ends_date": ends, "count": len(found)}], not_found=not_found)
    return JsonResponse(body, 201, headers={**freshness.NEVER, "location": url})


async def get_archive(request: Request) -> Response:
    """Answer with the ZIP of a ticket."""
    ticket = request.query_params.get("ticket", "")
    if not ticket:
        raise BadRequest("The archive has no ticket.", f"POST {PATH} makes one.")
    archives = context(request).archives
    archive = await archives.find(ticket)
    headers = {
        "content-disposition": f'attachment; filename="files-{datetime.now(UTC):%Y%m%d-%H%M%S}.zip"',
        "x-content-type-options": "nosniff",
        **freshness.NEVER,
    }
    if request.method == "HEAD":
        return Response(media_type=media_types.ZIP, headers=headers)
    archives.need_room()
    return _Sent(archives, ticket, archive, headers)


def _check(given: Mapping[str, Any]) -> None:
    if unknown := next((name for name in given if name not in CHOOSES), None):
        raise BadRequest(f"An archive has no field {unknown[:SHOWN]!r}.", f"It takes: {', '.join(CHOOSES)}.")
    if ("search" in given) == ("uuids" in given):
        raise BadRequest("An archive needs either search or uuids.", f"Send one, such as {_EXAMPLE}.")


async def _chosen(ctx: Context, given: Mapping[str, Any]) -> tuple[Sequence[str], list[str]]:
    """Return the paths of the entries, by their order, and the uuids of which there is none."""
    if "uuids" in given:
        return await _named(ctx, actions.uuids_of(given["uuids"]))
    query = parse(actions.arguments_of(given["search"]))
    await need_current(ctx)
    async with ctx.finding:
        found = await ctx.search.named(query, FILES_MAX + 1, None)
    return sorted(item.unique_name for item in found), []


async def _named(ctx: Context, uuids: Sequence[str]) -> tuple[Sequence[str], list[str]]:
    found, not_found = set[str](), []
    for at in range(0, len(uuids), _PAGE):
        part = uuids[at : at + _PAGE]
        for uuid, raw in zip(part, await ctx.reader.read(part), strict=True):
            if raw:
                found.add(entry_json.read(raw).unique_name)
            else:
                not_found.append(uuid)
    return sorted(found), not_found


class _Sent(StreamingResponse):
    """A ZIP that is made while it is sent. If that fails, the connection is cut, and the client sees that it is."""

    def __init__(self, archives: Archives, ticket: str, archive: Archive, headers: dict[str, str]) -> None:
        super().__init__((), media_type=media_types.ZIP, headers=headers)
        self._archives, self._ticket, self._archive = archives, ticket, archive

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._archives.sending(self._ticket, self._archive) as pieces:
            self.body_iterator = pieces
            await super().__call__(scope, receive, send)
