"""GET /catalog and GET /catalog/{uuid}: the stored JSON as it is, streamed, and parsed only to be filtered."""

import hashlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlencode

import orjson
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from services.catalog.arguments import limit_of
from services.catalog.context import context
from services.core import caching, keys
from services.core.caching import Lifetimes
from services.core.catalog import PAGE, Catalog, no_entry
from services.core.errors import BadRequest
from services.core.variants import new_answer
from services.core.web import NotedAnswer, error_response, matches, uncached

LIMIT_MAX = 10_000
CURSOR = r"[0-9]{1,15}(?:\.(?:0|[0-9]{1,15}-[0-9]{1,15}))?"
"""A creation number and the generation of the catalog that it belongs to; without one, the live one."""


@dataclass(frozen=True, slots=True)
class Query:
    """What part of the list is asked for. `after` is the creation number that the last page ended with.

    `generation` is the one that page was of (see Catalog.page), empty for the live one.
    """

    key: str | None
    value: str
    limit: int | None
    after: int
    generation: str = ""

    @classmethod
    def parse(cls, given: QueryParams) -> "Query":
        """Read the query arguments, of several the first; raises BadRequest for those that cannot be."""
        first = dict(reversed(given.multi_items()))
        limit, cursor = limit_of(first.get("limit", ""), LIMIT_MAX, "a page size"), first.get("cursor", "")
        if cursor and not re.fullmatch(CURSOR, cursor):
            raise BadRequest(f"cursor {cursor!r} is none.", "Send the X-Next-Cursor of the page before.")
        after, _, generation = cursor.partition(".")
        return cls(
            key=first.get("filterByKey") or None,
            value=first.get("filterByValue", "") if first.get("filterByKey") else "",
            limit=limit,
            after=int(after or 0),
            generation=generation,
        )

    def takes(self, raw: bytes) -> bool:
        """Say whether a stored entry is asked for."""
        return self.key is None or _as_text(orjson.loads(raw).get(self.key)) == self.value

    def next_url(self, path: str, cursor: str) -> str:
        asked = {"filterByKey": self.key, "filterByValue": self.value or None, "limit": self.limit}
        return f"{path}?{urlencode({**{k: v for k, v in asked.items() if v is not None}, 'cursor': cursor})}"


WHOLE = Query(key=None, value="", limit=None, after=0)


async def get_entry(request: Request) -> Response:
    """Answer with one entry in `data`."""
    ctx = context(request)
    uuid = request.path_params["uuid"].lower()
    cache_key = request.headers.get(caching.CACHE_KEY_HEADER, "")
    [raw] = await ctx.variants.read([uuid])
    if not cache_key:
        return _page(request, uuid, raw, ctx.lifetimes)
    group = keys.entry_group(uuid)
    answer = new_answer(cache_key, group if raw else keys.brief(group))
    confirmed = await ctx.variants.confirm(answer, [uuid])
    if bool(confirmed.raws[0]) != bool(raw):
        # It came or went this very moment. Noted as the other kind, it must not be kept.
        return NotedAnswer(uncached(_page(request, uuid, confirmed.raws[0], ctx.lifetimes)), ctx.variants, answer)
    response = _page(request, uuid, confirmed.raws[0], ctx.lifetimes)
    return NotedAnswer(response if confirmed.noted else uncached(response), ctx.variants, answer)


def _page(request: Request, uuid: str, raw: bytes | None, lifetimes: Lifetimes) -> Response:
    if raw is None:
        return error_response(no_entry(uuid), caching.negative(lifetimes))
    etag = f'"{hashlib.blake2b(raw, digest_size=12).hexdigest()}"'
    headers = {"etag": etag, **caching.listed(lifetimes)}
    if matches(request, etag):
        return Response(status_code=304, headers=headers)
    return Response(b'{"data":[' + raw + b'],"errors":[]}', media_type="application/json", headers=headers)


async def get_list(request: Request) -> Response:
    """Answer with the bare list, or a part of it, in creation order.

    The tiers keep the whole list alone. Of filters and pages there is no end, and each would have to be purged.
    """
    ctx = context(request)
    query = Query.parse(request.query_params)
    cache_key = request.headers.get(caching.CACHE_KEY_HEADER, "")
    if not cache_key or query != WHOLE:
        return await _list(request, query, caching.ASK_FIRST)
    answer = new_answer(cache_key, keys.LIST_GROUP)
    # Noted before anything is read: what changes from here on purges this answer.
    await ctx.variants.confirm(answer, [])
    try:
        response = await _list(request, query, caching.listed(ctx.lifetimes))
    except BaseException:
        await ctx.variants.sent(answer)
        raise
    return NotedAnswer(response, ctx.variants, answer)


async def _list(request: Request, query: Query, cache_headers: dict[str, str]) -> Response:
    ctx = context(request)
    asked = hashlib.blake2b(str(query).encode(), digest_size=6).hexdigest()
    revision = await ctx.catalog.revision()
    etag = f'"{revision}-{asked}"'
    headers = {"etag": etag, **cache_headers}
    if matches(request, etag):
        return Response(status_code=304, headers=headers)
    if query.limit is not None:
        page, cursor = await one_page(ctx.catalog, query, query.limit)
        if cursor is not None:
            headers["x-next-cursor"] = cursor
            headers["link"] = (
                f'<{query.next_url(f"{ctx.settings.api_prefix}{ctx.settings.route_catalog_get}", cursor)}>; rel="next"'
            )
        return Response(b"[" + b",".join(page) + b"]", media_type="application/json", headers=headers)
    if query == WHOLE and request.method == "GET" and (whole := await ctx.whole_list.body(revision)) is not None:
        return Response(whole, media_type="application/json", headers=headers)
    pages = ctx.catalog.scan(query.after, query.generation)
    first = await anext(pages, None)  # Before the answer begins: a cursor may be of a generation that is gone.
    body = _whole_list(first, pages, query) if request.method == "GET" else _nothing()
    return StreamingResponse(body, media_type="application/json", headers=headers)


async def _whole_list(
    raws: list[bytes] | None, pages: AsyncIterator[list[bytes]], query: Query
) -> AsyncIterator[bytes]:
    separator = b"["
    while raws is not None:
        taken = [raw for raw in raws if query.takes(raw)] if query.key else raws
        if taken:
            yield separator + b",".join(taken)
            separator = b","
        raws = await anext(pages, None)
    yield b"[]" if separator == b"[" else b"]"


async def one_page(catalog: Catalog, query: Query, limit: int) -> tuple[list[bytes], str | None]:
    """Return up to `limit` entries and the cursor of the next page, None when there is none."""
    found: list[bytes] = []
    page = await catalog.page(query.after, min(PAGE, limit), query.generation)
    while page.after is not None:
        found += [raw for raw in page.raws if query.takes(raw)]
        if len(found) == limit:
            return found, f"{page.after}.{page.generation}" if page.after < page.last else None
        page = await catalog.page(page.after, min(PAGE, limit - len(found)), page.generation, page.last)
    return found, None


async def _nothing() -> AsyncIterator[bytes]:
    yield b""


def _as_text(value: object) -> str:
    """Write a value as a query argument says it: true, null, 12, text."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()
