"""GET /catalog and GET /catalog/{uuid} for the public, where it does not see the whole catalog.

An entry that is not shown is answered like one that does not exist. What is shown may change by time alone: no copy of
an answer is good after that moment.
"""

import hashlib
import time
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from services.catalog.context import Context, context
from services.catalog.public_view import is_public
from services.catalog.routes import listing
from services.catalog.routes.listing import WHOLE, Query
from services.core.assets import cache_tags, freshness, identity, media_types
from services.core.assets.freshness import Lifetimes
from services.core.errors import BadRequest, Behind, NoEntry, NotFound
from services.core.serving import envelope
from services.core.serving.web import Answer, error_response, matches
from services.core.state import entry_json
from services.core.state.changes import number_of

_BROWSER_SECONDS = 1


def by_sender(public: Answer, internal: Answer) -> Answer:
    """Return a handler that answers the public, which comes through the caches, in another way than others."""

    async def answer(request: Request) -> Response:
        return await (public if is_public(request.headers) else internal)(request)

    return answer


async def get_entry(request: Request) -> Response:
    """Answer with one entry in `data`."""
    ctx = context(request)
    view, asked, now = ctx.public_list.view, request.path_params["uuid"], time.time()
    uuid = identity.canonical(asked)
    if view.is_closed or uuid is None:
        return error_response(NoEntry(asked), freshness.negative(ctx.lifetimes))
    read = await ctx.reader.read_all([uuid], freshness.generation(request.headers))
    raw = read.raws[0]
    entry = entry_json.read(raw) if raw else None
    until = view.until(entry, now) if entry else None
    is_kept = read.addresses == ctx.shown_as and (entry is None or entry.is_named(uuid))
    if raw is None or entry is None or not view.takes(entry, now):
        kept = freshness.negative_until(ctx.lifetimes, now, until) if until else freshness.negative(ctx.lifetimes)
        return error_response(NoEntry(asked), kept if is_kept else freshness.NEVER)
    shown = view.shown(raw, ctx.addresses)
    headers = _kept(ctx, now, until, entry.unique_name) if is_kept else freshness.ASK_FIRST
    return _answer(request, envelope.of_entry(shown), headers)


async def get_list(request: Request) -> Response:
    """Answer with the bare list, or a part of it, in creation order. The tiers store only the whole list."""
    ctx = context(request)
    view, query = ctx.public_list.view, Query.parse(request.query_params)
    if view.is_closed:
        closed = NotFound("The catalog is not public.", "Ask the internal entry, or whoever runs this service.")
        return error_response(closed, freshness.negative(ctx.lifetimes))
    if query.key is not None and query.key not in view.filters:
        raise BadRequest(
            f"There is no filter by {query.key!r}.", f"Filter by one of: {', '.join(sorted(view.filters))}."
        )
    revision, addresses = await ctx.entries.revision_and_addresses()
    if number_of(revision) < freshness.generation(request.headers):
        raise Behind
    if query == WHOLE and (whole := await ctx.public_list.whole(revision)):
        is_kept = addresses == ctx.shown_as
        return _answer(request, whole.body, _kept(ctx, time.time(), whole.until) if is_kept else freshness.ASK_FIRST)
    if query.limit is None:
        parts = _parts(ctx, query)
        first = await anext(parts)  # Before the answer begins: the catalog of a cursor may be gone.
        return StreamingResponse(_joined(first, parts), media_type=media_types.JSON, headers=freshness.ASK_FIRST)
    now = time.time()

    def pick(raw: bytes) -> bytes | None:
        return _picked(ctx, query, raw, now)

    page, cursor = await listing.one_page(ctx.entries, query, query.limit, ctx.addresses, pick)
    headers = {**freshness.ASK_FIRST, **(listing.next_page(ctx, query, cursor) if cursor else {})}
    return _answer(request, b"[" + b",".join(page) + b"]", headers)


def _picked(ctx: Context, query: Query, raw: bytes, now: float) -> bytes | None:
    """Return a stored entry, with all fields, as it is shown, None if it is not or does not match.

    The filter comes first, because it reads few of the entries that do not match. Its field is one that is shown.
    """
    return ctx.public_list.shown(raw, now) if query.takes(raw, ctx.addresses) else None


async def _parts(ctx: Context, query: Query) -> AsyncIterator[bytes]:
    """Yield the chosen entries a page at a time, and nothing else last."""
    async for raws in ctx.entries.scan(query.after, query.epoch):
        now = time.time()
        picked = (_picked(ctx, query, raw, now) for raw in map(entry_json.with_all_fields, raws))
        yield b",".join(shown for shown in picked if shown is not None)
    yield b""


async def _joined(first: bytes, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield b"[" + first
    is_first = not first
    async for part in parts:
        if part:
            yield part if is_first else b"," + part
            is_first = False
    yield b"]"


def _kept(ctx: Context, now: float, until: float | None, unique_name: str | None = None) -> dict[str, str]:
    """Return how long caches may keep an answer that is good until a moment, and its tags."""
    tags = cache_tags.headers(ctx.settings.cdn_tags, unique_name)
    if until is None:
        return {**freshness.listed(ctx.lifetimes), **tags}
    bounds = Lifetimes(ctx.lifetimes.cache, ctx.lifetimes.edge, _BROWSER_SECONDS)
    return {**freshness.positive(bounds, now, until).headers, **tags}


def _answer(request: Request, body: bytes, headers: dict[str, str]) -> Response:
    etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    if matches(request, etag):
        return Response(status_code=304, headers={"etag": etag, **headers})
    return Response(body, media_type=media_types.JSON, headers={"etag": etag, **headers})
