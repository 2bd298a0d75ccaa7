"""GET /about: what the sender of a request may do here, and what the service takes."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.catalog.context import context
from services.catalog.middleware.auth import principal_of
from services.catalog.settings import CatalogSettings
from services.catalog.tokens import Principal
from services.core.assets import freshness
from services.core.serving.envelope import envelope
from services.core.serving.web import JsonResponse


async def get_about(request: Request) -> Response:
    """Answer with the owner of the token, and with the settings that a client has to know."""
    said = shown(context(request).settings, principal_of(request))
    return JsonResponse(envelope([said]), headers=freshness.NEVER)


def shown(settings: CatalogSettings, sender: Principal) -> dict[str, Any]:
    """Return what is said of the service to a sender."""
    return {
        "sender": {
            "name": sender.name,
            "role": sender.role.name.lower(),
            "namespaces": None if sender.namespaces is None else sorted(sender.namespaces),
        },
        "namespaces": list(settings.namespaces_allowed),
        "media_types": list(settings.valid_mimetypes),
        "payload_max_size": settings.payload_max_size,
        "keep_versions": settings.keep_versions,
        "trash_days": settings.trash_days,
        "presets": settings.presets,
        "assets_path": settings.route_file_get,
        "assets_url": settings.assets_url,
        "signed_urls": settings.signed_urls,
        "signs_addresses": settings.signs_addresses,
    }
