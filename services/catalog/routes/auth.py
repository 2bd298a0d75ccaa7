"""GET /auth: how a page lets people log in."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.catalog.context import context
from services.catalog.oidc.settings import OidcSettings
from services.core.assets import freshness
from services.core.serving.envelope import envelope
from services.core.serving.web import JsonResponse


async def get_auth(request: Request) -> Response:
    """Answer with the issuer in `data`. Without one there are no logins: `data` is empty."""
    return JsonResponse(envelope(shown(context(request).settings)), headers=freshness.NEVER)


def shown(settings: OidcSettings) -> list[dict[str, Any]]:
    """Return what the answer has of the settings: nothing of it is secret."""
    if not settings.oidc_issuer:
        return []
    return [{"issuer": settings.oidc_issuer, "client_id": settings.oidc_audience, "scopes": settings.oidc_scopes}]
