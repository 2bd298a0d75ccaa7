"""The route that signs addresses of an asset, where the public gets signed ones alone."""

import logging
import time
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

from services.catalog import signatures
from services.catalog.bodies import read_json_object
from services.catalog.context import Context, context
from services.catalog.middleware.auth import principal_of
from services.catalog.routes.changes import check_right
from services.catalog.settings import CatalogSettings
from services.catalog.signatures import Rules, Unsigned
from services.core.assets import freshness, identity
from services.core.assets.entries import Entry, timestamp
from services.core.errors import BadRequest, NotSigning, Subject, TadaError
from services.core.observing import logs
from services.core.serving.envelope import envelope
from services.core.serving.web import JsonResponse
from services.core.state import entry_json

log = logging.getLogger(__name__)


async def post_signatures(request: Request) -> Response:
    """Answer with signed addresses of an asset, in the order of the request; with none if one of them is refused."""
    ctx = context(request)
    settings = ctx.settings
    asked = signatures.read(await read_json_object(request, signatures.EXAMPLE))
    entry = await ctx.entries.get(request.path_params["uuid"])
    check_right(request, entry)
    _need_keys(settings)
    others = await _free(ctx, signatures.other_names(entry))
    rules = Rules(settings.assets_url, settings.allowed_forms, settings.side_max)
    found: list[Unsigned] = []
    refused: list[TadaError] = []
    for index, text in enumerate(asked.addresses):
        try:
            found.append(signatures.unsigned(text, entry, others, rules))
        except BadRequest as error:
            refused.append(error.about(Subject(index=index)))
    if refused:
        return JsonResponse(envelope([], refused), 400, headers=freshness.NEVER)
    ends = int(time.time()) + asked.expires_in if asked.expires_in else None
    _note(request, entry, len(found), ends)
    shown = [
        {
            "address": text,
            "url": one.sign(settings.assets_url, settings.signing_keys[0], str(ends or "")),
            "ends_date": timestamp(datetime.fromtimestamp(ends, UTC)) if ends else None,
        }
        for text, one in zip(asked.addresses, found, strict=True)
    ]
    return JsonResponse(envelope(shown), headers=freshness.NEVER)


def _need_keys(settings: CatalogSettings) -> None:
    if not settings.signed_urls:
        raise NotSigning(
            "Addresses are not signed here: the public gets them without a signature, and a signature would never end.",
            "Set SIGNED_URLS=true for all services and the gateway, and URL_SIGNING_KEYS for catalog and transform.",
        )
    if not settings.signing_keys:
        raise NotSigning(
            "Addresses cannot be signed here: the catalog service has no key.",
            "Set URL_SIGNING_KEYS for the catalog service, as for the transform service.",
        )


async def _free(ctx: Context, names: list[str]) -> list[str]:
    """Return those of some names that no asset has."""
    raws = await ctx.reader.read([identity.entry_key(name) for name in names])
    return [
        name for name, raw in zip(names, raws, strict=True) if raw is None or entry_json.read(raw).unique_name != name
    ]


def _note(request: Request, entry: Entry, count: int, ends: int | None) -> None:
    by = principal_of(request).name
    logs.event(log, logging.INFO, "addresses_signed", by=by, unique_name=entry.unique_name, count=count, ends=ends)
