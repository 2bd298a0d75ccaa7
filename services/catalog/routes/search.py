"""GET /catalog/search: what the index finds, as it is in Redis now."""

from starlette.requests import Request
from starlette.responses import Response

from services.catalog.context import context
from services.catalog.search.query import parse
from services.core.assets import freshness, identity, media_types
from services.core.serving import envelope
from services.core.state import entry_json
from services.core.state.changes import number_of

CURRENT_SECONDS = 0.2
"""How long a search waits until the index has the changes that were answered before it."""


async def search(request: Request) -> Response:
    """Answer with a page of entries in `data`, their total and the facets.

    Entries that are gone since the index was written are left out.
    """
    ctx = context(request)
    query = parse(request.query_params.multi_items())
    revision = number_of(await ctx.entries.revision())
    is_current = await ctx.search.reached(revision, CURRENT_SECONDS)
    found = await ctx.search.find(query)
    raws = await ctx.entries.raws([identity.entry_key(name) for name in found.names])
    shown = entry_json.list_of(filter(None, raws), ctx.addresses)
    body = envelope.of_entries(
        shown,
        total=found.total,
        total_exact=found.total_exact,
        current=is_current,
        facets={
            name: [{"value": value, "count": count} for value, count in counts] for name, counts in found.facets.items()
        },
        facets_exact=found.facets_exact,
        cursor=found.cursor.to_text() if found.cursor else None,
    )
    return Response(body, media_type=media_types.JSON, headers=freshness.NEVER)
