"""GET /readiness-check: 200 only when Redis and the storage answer."""

from starlette.requests import Request
from starlette.responses import Response

from services.catalog.context import context
from services.core.assets import freshness
from services.core.serving.web import JsonResponse


async def readiness(request: Request) -> Response:
    """Answer 200 or 503 with the state of each dependency."""
    state = await context(request).health.ask()
    headers = dict(freshness.NEVER) if state.ready else {**freshness.NEVER, "retry-after": "2"}
    return JsonResponse(state.answer(), 200 if state.ready else 503, headers=headers)
