"""The routes that tell what has happened: the feed of all events, and the history of an asset."""

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.catalog.context import Context, context
from services.catalog.feed import frames
from services.catalog.feed.feed import Feed
from services.catalog.feed.listener import Listener
from services.catalog.feed.trail import CURSOR, NOW, Trail
from services.catalog.feed.wanted import Wanted
from services.catalog.middleware.auth import check_again, principal_of
from services.catalog.routes.arguments import folders_of, limit_of
from services.catalog.tokens import Principal
from services.core.assets import freshness, identity, media_types
from services.core.assets.events import KINDS, Kind
from services.core.errors import BadRequest, Forbidden, NoEntry, TadaError
from services.core.observing import logs
from services.core.serving.envelope import envelope
from services.core.serving.request_log import LEFT
from services.core.serving.web import JsonResponse
from services.core.state import cancellation

log = logging.getLogger(__name__)

LIMIT, LIMIT_MAX = 100, 1000
"""Events on one page."""
ID = r"[0-9]{1,16}"
LAST_ID = "Last-Event-ID"
_CHECK_SECONDS = 1.0
"""How often it is asked, at most, whether a client may still be told."""
_SEND_SECONDS = 60.0
"""For how long a client may take nothing of what it is sent."""


async def get_events(request: Request) -> Response:
    """Answer with the events after one: as they come to a client that accepts a stream, otherwise a page of them."""
    ctx, query = context(request), request.query_params
    limit = limit_of(query.get("limit", ""), LIMIT_MAX) or LIMIT
    wanted, after = _wanted(query, principal_of(request)), _after(request)
    if request.method == "GET" and _accepts_stream(request):
        return _Stream(ctx.feed, Listener(ctx.feed, wanted, after), partial(check_again, request))
    return await _page(ctx, wanted, after, limit)


async def get_history(request: Request) -> Response:
    """Answer with what has happened to an asset, the last event first. It may be deleted."""
    ctx, query = context(request), request.query_params
    limit, cursor = limit_of(query.get("limit", ""), LIMIT_MAX) or LIMIT, query.get("cursor", "")
    uuid = identity.canonical(request.path_params["uuid"])
    if uuid is None:
        raise NoEntry(request.path_params["uuid"])
    if cursor and not re.fullmatch(CURSOR, cursor):
        raise BadRequest(f"{cursor!r} is not a valid cursor.", "Send the X-Next-Cursor of the previous page.")
    trail = Trail.at(cursor) if cursor else await _trail_of(ctx, uuid)
    _need_right(request, trail)
    found = await ctx.history.read(trail, limit)
    if not trail.path:
        raise NoEntry(uuid)
    _need_right(request, trail)
    headers = {"x-next-cursor": found.cursor} if found.cursor else {}
    data = [event.shape for event in found.events]
    return _answer(data, headers, complete=found.is_complete, since=found.since)


async def _page(ctx: Context, wanted: Wanted, after: int | None, limit: int) -> Response:
    if after is None:
        found, is_reset = await ctx.feed.latest(), True
    else:
        found = await ctx.feed.after(after)
        is_reset = not found.is_gapless
        if is_reset and after:
            found = await ctx.feed.latest()
    taken = [held.event for held in found.held if wanted.takes(held.event)]
    is_cut = len(taken) > limit
    position = taken[limit - 1].number if is_cut else found.position
    return _answer(
        [event.shape for event in taken[:limit]],
        last=str(position),
        reset=is_reset,
        more=is_cut or not found.is_last,
        purged=frames.caches(ctx.feed.reached),
    )


async def _trail_of(ctx: Context, uuid: str) -> Trail:
    """Return where the history of an asset begins."""
    try:
        return Trail(NOW, (await ctx.entries.get(uuid)).unique_name)
    except NoEntry:
        return Trail(NOW, uuid=uuid)


def _need_right(request: Request, trail: Trail) -> None:
    if trail.path:
        _need_namespace(principal_of(request), trail.path.split("/")[1])


def _need_namespace(principal: Principal, namespace: str) -> None:
    if not principal.may_use(namespace):
        allowed = ", ".join(sorted(principal.namespaces or ()))
        raise Forbidden(f"The token {principal.name!r} may not see namespace {namespace!r}.", f"It may see: {allowed}.")


def _wanted(query: QueryParams, principal: Principal) -> Wanted:
    kinds = [kind for kind in query.getlist("kind") if kind]
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        raise BadRequest(f"{unknown[0]!r} is not a kind of event.", f"Use some of: {', '.join(KINDS)}.")
    folders, uuid = folders_of(query), query.get("uuid", "")
    for folder in folders:
        _need_namespace(principal, folder.split("/")[1])
    wanted = identity.canonical(uuid) if uuid else ""
    if wanted is None:
        raise BadRequest(f"{uuid!r} is not a uuid.", "Send the uuid of an entry.")
    return Wanted(frozenset(map(Kind, kinds)), tuple(folders), wanted, principal.namespaces)


def _after(request: Request) -> int | None:
    """Return the id of the last event that the client has seen. A client that connects again says it in a header, with
    the address that it had before."""
    text = request.headers.get(LAST_ID) or request.query_params.get("after", "")
    if not text:
        return None
    if not re.fullmatch(ID, text):
        raise BadRequest(
            f"{text[:32]!r} is not the id of an event.", "Send the id of the last event that you have seen, or 0."
        )
    return int(text)


def _accepts_stream(request: Request) -> bool:
    kinds = (kind.partition(";")[0].strip().lower() for kind in request.headers.get("accept", "").split(","))
    return media_types.EVENTS in kinds


def _answer(data: list[dict[str, Any]], headers: dict[str, str] | None = None, **more: Any) -> Response:
    return JsonResponse(envelope(data, **more), headers={**freshness.NEVER, **(headers or {})})


class _Stream(Response):
    """Sends a listener what it is to be sent, until it leaves, takes nothing any more, or has to connect again.

    `check` raises TadaError when it may not be told any more.
    """

    media_type = media_types.EVENTS

    def __init__(self, feed: Feed, listener: Listener, check: Callable[[], Awaitable[None]]) -> None:
        super().__init__(headers={**freshness.NEVER, "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._feed, self._listener, self._check = feed, listener, check

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._feed.listening():
            first = await self._listener.first()
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            sending = asyncio.create_task(self._send_all(first, send))
            leaving = asyncio.create_task(_disconnected(receive))
            try:
                await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
                if not sending.done():
                    scope[LEFT] = True
            finally:
                await cancellation.end([sending, leaving])
        if not sending.cancelled():
            sending.result()

    async def _send_all(self, first: bytes, send: Send) -> None:
        try:
            await _send(first, send)
            checked = time.monotonic()
            async with aclosing(self._listener.following()) as rest:
                async for said in rest:
                    if time.monotonic() - checked > _CHECK_SECONDS:
                        await self._check()
                        checked = time.monotonic()
                    await _send(said, send)
        except TadaError as error:
            logs.event(log, logging.INFO, "listener_refused", error=error.message)
        except TimeoutError:  # The server closes the connection of an answer without an end.
            logs.event(log, logging.WARNING, "listener_stalled", seconds=_SEND_SECONDS)
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send(body: bytes, send: Send) -> None:
    async with asyncio.timeout(_SEND_SECONDS):
        await send({"type": "http.response.body", "body": body, "more_body": True})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
