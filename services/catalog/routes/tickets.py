"""The route that makes a ticket: with it, a page uploads a file without the token."""

import logging
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.catalog.bodies import read_json_object
from services.catalog.context import context
from services.catalog.metrics import TICKETS
from services.catalog.middleware.auth import principal_of
from services.catalog.tickets import asking
from services.core.assets import freshness
from services.core.assets.entries import Entry, timestamp
from services.core.errors import BadRequest
from services.core.observing import logs
from services.core.serving.envelope import envelope
from services.core.serving.web import JsonResponse

log = logging.getLogger(__name__)

DIRECT = "/direct"
"""The path at which a page uploads."""
EXAMPLE = '{"namespace": "DEV", "destination": "avatars"}'


async def post_ticket(request: Request) -> Response:
    """Make a ticket for a page."""
    ctx, principal = context(request), principal_of(request)
    given = await read_json_object(request, EXAMPLE)
    settings = ctx.settings
    allowed = asking.Allowed(settings.namespaces_allowed, settings.valid_mimetypes, settings.payload_max_size)
    asked = asking.read(given, allowed, await _replaced(request, given))
    principal.need_namespace(asked.terms.namespace)
    text, ticket = await ctx.tickets.make(principal, asked)
    TICKETS.inc()
    logs.event(
        log,
        logging.INFO,
        "ticket_made",
        by=principal.name,
        ticket=ticket.id,
        namespace=asked.terms.namespace,
        expires_in=asked.expires_in,
        uses=asked.terms.uses,
    )
    entry = f"{settings.upload_url}{settings.api_prefix}{DIRECT}"
    shown = {
        "ticket": text,
        "id": ticket.id,
        "ends_date": timestamp(datetime.fromtimestamp(ticket.ends, UTC)),
        "upload_url": f"{entry}?ticket={text}",
        "tus_url": None if settings.backend.replaces_in_place else f"{entry}/tus?ticket={text}",
        "max_size": asked.terms.max_size,
        "media_types": list(asked.terms.media_types or settings.valid_mimetypes),
        "uses": asked.terms.uses,
    }
    return JsonResponse(envelope([shown]), 201, headers=freshness.NEVER)


async def _replaced(request: Request, given: dict[str, Any]) -> Entry | None:
    """Return the asset that the ticket is to replace the file of; raises BadRequest and NoEntry."""
    uuid = given.get("uuid")
    if uuid is None:
        return None
    if not isinstance(uuid, str) or not uuid.strip():
        raise BadRequest("uuid is not a text.", "Send the uuid of an asset, or leave it out.")
    return await context(request).entries.get(uuid.strip())
