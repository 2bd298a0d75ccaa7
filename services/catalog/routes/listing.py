"""GET /catalog and GET /catalog/{uuid}: the stored JSON, streamed, and parsed only to be filtered."""

import hashlib
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from urllib.parse import urlencode

import orjson
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from services.catalog.bodies import ENTRY_FIELDS
from services.catalog.conditions import tag_of
from services.catalog.context import Context, context
from services.catalog.routes.arguments import limit_of
from services.core.assets import cache_tags, freshness, identity, media_types
from services.core.assets.addresses import SHOWN, Addresses
from services.core.errors import BadRequest, Behind, NoEntry
from services.core.near_names import nearest
from services.core.serving import envelope
from services.core.serving.web import error_response, matches
from services.core.state import entry_json
from services.core.state.changes import number_of
from services.core.state.entries import PAGE, Entries

LIMIT_MAX = 10_000
BYTES_MAX = 12 * 1024 * 1024
"""A page ends with the part of the list that reaches so many bytes, below its limit too: it is held in memory. A
page of LIMIT_MAX usual entries, 0.9 kB each, fits."""
EXAMINED_MAX = 10_000
"""Entries that are read for one page: a filter may match none of a million."""
CURSOR = r"[0-9]{1,15}(?:\.[0-9]{1,16}(?:-[0-9]{1,15})?)?"
"""A creation number and the epoch of its catalog. Without an epoch, it is the live catalog."""
FILTER_KEY_MAX, FILTER_VALUE_MAX = 64, 512
"""Characters."""


Pick = Callable[[bytes], bytes | None]


@dataclass(frozen=True, slots=True)
class Query:
    """The requested part of the list. `after` is the creation number that the last page ended with.

    `epoch` is that of the catalog of that page (see Entries.page), empty for the live one.
    """

    key: str | None
    value: str
    limit: int | None
    after: int
    epoch: str = ""

    @classmethod
    def parse(cls, given: QueryParams) -> "Query":
        """Read the query arguments. If one is given several times, the first counts. Raises BadRequest for an invalid
        value."""
        first = dict(reversed(given.multi_items()))
        limit, cursor = limit_of(first.get("limit", ""), LIMIT_MAX), first.get("cursor", "")
        if cursor and not re.fullmatch(CURSOR, cursor):
            raise BadRequest(f"{cursor!r} is not a valid cursor.", "Send the X-Next-Cursor of the previous page.")
        after, _, epoch = cursor.partition(".")
        key, value = first.get("filterByKey", ""), first.get("filterByValue", "")
        if value and not key:
            raise BadRequest(
                "filterByValue needs filterByKey.",
                "Send filterByKey with the name of the field that must have the value.",
            )
        for name, text, most in (("filterByKey", key, FILTER_KEY_MAX), ("filterByValue", value, FILTER_VALUE_MAX)):
            if len(text) > most:
                raise BadRequest(f"{name} has {len(text)} characters.", f"Send {most} at most.")
        return cls(key=key or None, value=value, limit=limit, after=int(after or 0), epoch=epoch)

    def takes(self, raw: bytes, addresses: Addresses) -> bool:
        """Say whether a stored entry, shown with these addresses, matches the filter."""
        if self.key is None:
            return True
        if self.key in SHOWN:
            raw = addresses.fill(raw)
        if self.key == "uuid" and (wanted := identity.canonical(self.value)):
            low = raw.lower()
            if wanted.encode() not in low and wanted.replace("-", "").encode() not in low:
                return False
            return identity.canonical(orjson.loads(raw)["uuid"]) == wanted
        # Most entries do not contain the value, and parsing one costs ten times as much as searching it. Only a field
        # that an entry does not have counts as null without being written. Of a list or an object, the value is the
        # JSON, and not a text in it.
        is_text = self.value != "null" and not self.value.startswith(("[", "{"))
        if is_text and orjson.dumps(self.value)[1:-1] not in raw:
            return False
        found = orjson.loads(raw).get(self.key)
        return _as_text(found) == self.value or (isinstance(found, list) and self.value in found)

    def next_url(self, path: str, cursor: str) -> str:
        asked = {"filterByKey": self.key, "filterByValue": self.value or None, "limit": self.limit}
        return f"{path}?{urlencode({**{k: v for k, v in asked.items() if v is not None}, 'cursor': cursor})}"


WHOLE = Query(key=None, value="", limit=None, after=0)


async def get_entry(request: Request) -> Response:
    """Answer with one entry in `data`."""
    ctx = context(request)
    asked = request.path_params["uuid"]
    uuid = identity.canonical(asked)
    read = await ctx.reader.read_all([uuid], freshness.generation(request.headers)) if uuid else None
    raw = read.raws[0] if read else None
    if uuid is None or read is None or raw is None:
        return error_response(NoEntry(asked), freshness.negative(ctx.lifetimes))
    # Changes of a moved asset do not concern the page of a uuid that it had before, so no cache may keep that.
    kept = _kept(ctx, read.addresses, raw) if _is_named(raw, uuid) else freshness.ASK_FIRST
    return _page(request, entry_json.list_of([raw], ctx.addresses), kept)


def _is_named(raw: bytes, uuid: str) -> bool:
    """Say whether a uuid, in its one spelling, is one of an entry; nearly always it is the one that is stored first."""
    return raw.startswith(b'{"uuid":"%s"' % uuid.encode()) or entry_json.read(raw).is_named(uuid)


def _kept(ctx: Context, addresses: str, raw: bytes | None = None) -> dict[str, str]:
    """Return how long caches may keep an answer with the addresses of this process, and its tags: those of the asset on
    the page of an entry. They may not keep it if they have other addresses."""
    if addresses != ctx.shown_as:
        return freshness.ASK_FIRST
    unique_name = orjson.loads(raw)["unique_name"] if raw else None
    return {**freshness.listed(ctx.lifetimes), **cache_tags.headers(ctx.settings.cdn_tags, unique_name)}


def _page(request: Request, shown: bytes, cache_headers: dict[str, str]) -> Response:
    etag = tag_of(shown)
    headers = {"etag": etag, **cache_headers}
    if matches(request, etag):
        return Response(status_code=304, headers=headers)
    return Response(envelope.of_entry(shown), media_type=media_types.JSON, headers=headers)


async def get_list(request: Request) -> Response:
    """Answer with the bare list, or a part of it, in creation order.

    The tiers store only the whole list, because the number of possible filters and pages has no limit.
    """
    ctx = context(request)
    query = Query.parse(request.query_params)
    revision, addresses = await ctx.entries.revision_and_addresses()
    if number_of(revision) < freshness.generation(request.headers):
        raise Behind
    await _check_key(ctx.entries, query)
    is_kept = freshness.GENERATION_HEADER in request.headers and query == WHOLE
    # The fields are part of it: a version with other fields has other bodies for the same revision.
    asked = hashlib.blake2b(f"{query} {ctx.addresses.assets_url} {ENTRY_FIELDS}".encode(), digest_size=6).hexdigest()
    etag = f'"{revision}-{asked}"'
    headers = {"etag": etag, **(_kept(ctx, addresses) if is_kept else freshness.ASK_FIRST)}
    if matches(request, etag):
        return Response(status_code=304, headers=headers)
    if query.limit is not None:
        page, cursor = await one_page(ctx.entries, query, query.limit, ctx.addresses)
        if cursor is not None:
            headers |= next_page(ctx, query, cursor)
        shown = ctx.addresses.fill(b",".join(page))
        return Response(b"[" + shown + b"]", media_type=media_types.JSON, headers=headers)
    if query == WHOLE and request.method == "GET" and (whole := await ctx.whole_list.body(revision)) is not None:
        return Response(whole, media_type=media_types.JSON, headers=headers)
    pages = ctx.entries.scan(query.after, query.epoch)
    first = await anext(pages, None)  # Before the answer begins: the catalog of a cursor may be gone.
    body = _whole_list(first, pages, query, ctx.addresses) if request.method == "GET" else _nothing()
    return StreamingResponse(body, media_type=media_types.JSON, headers=headers)


def next_page(ctx: Context, query: Query, cursor: str) -> dict[str, str]:
    """Return the headers that lead to the next page."""
    address = query.next_url(f"{ctx.settings.api_prefix}{ctx.settings.route_catalog_get}", cursor)
    return {"x-next-cursor": cursor, "link": f'<{address}>; rel="next"'}


async def _check_key(entries: Entries, query: Query) -> None:
    """Raise BadRequest for a filter by a field that neither this service nor an entry has.

    The catalog is read up to an entry that has it: an unknown field costs as much as a filter that matches nothing.
    """
    if query.key is None or query.key in ENTRY_FIELDS:
        return
    written = orjson.dumps(query.key) + b":"
    async for raws in entries.scan(0, query.epoch):
        if any(written in raw and query.key in orjson.loads(raw) for raw in raws):
            return
    meant = nearest(query.key, ENTRY_FIELDS)
    raise BadRequest(
        f"No entry has a field {query.key!r}.",
        f"Did you mean {meant!r}?" if meant else f"Filter by one of: {', '.join(ENTRY_FIELDS)}.",
    )


async def _whole_list(
    raws: list[bytes] | None, pages: AsyncIterator[list[bytes]], query: Query, addresses: Addresses
) -> AsyncIterator[bytes]:
    separator = b"["
    while raws is not None:
        raws = list(map(entry_json.with_all_fields, raws))
        taken = [raw for raw in raws if query.takes(raw, addresses)] if query.key else raws
        if taken:
            yield separator + addresses.fill(b",".join(taken))
            separator = b","
        raws = await anext(pages, None)
    yield b"[]" if separator == b"[" else b"]"


async def one_page(
    entries: Entries, query: Query, limit: int, addresses: Addresses, pick: Pick | None = None
) -> tuple[list[bytes], str | None]:
    """Return up to `limit` entries as they are stored, and the cursor of the next page, None on the last page.

    `pick` returns what the page has of a stored entry, None if it is left out; without it, the filter decides.

    A page ends when its entries have BYTES_MAX bytes, and after EXAMINED_MAX entries were read, even if few matched.
    """
    found: list[bytes] = []
    examined, size, start = 0, 0, query.after
    is_sparse = query.key is not None or pick is not None
    take = pick or (lambda raw: raw if query.takes(raw, addresses) else None)
    most = PAGE if is_sparse else min(PAGE, limit)
    page = await entries.page(start, most, query.epoch)
    while (end := page.after) is not None:
        raws = map(entry_json.with_all_fields, page.raws)
        taken = [(at, shown) for at, raw in enumerate(raws, 1) if (shown := take(raw)) is not None]
        room = limit - len(found)
        if len(taken) > room:
            # A cursor marks the end of what was read: read again, up to the last entry that fits.
            page = await entries.page(start, taken[room - 1][0], page.epoch, page.last)
            continue
        found += [raw for _, raw in taken]
        examined += len(page.raws)
        size += sum(len(raw) for _, raw in taken)
        if len(found) == limit or size >= BYTES_MAX or examined >= EXAMINED_MAX:
            return found, f"{end}.{page.epoch}" if end < page.last else None
        start, most = end, PAGE if is_sparse else min(PAGE, limit - len(found))
        page = await entries.page(start, most, page.epoch, page.last)
    return found, None


async def _nothing() -> AsyncIterator[bytes]:
    yield b""


def _as_text(value: object) -> str:
    """Write a value as in a query argument: true, null, 12, text."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()
