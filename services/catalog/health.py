"""GET /readiness-check: 200 only when Redis and the storage answer."""

import asyncio

from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import Response

from services.catalog.context import context
from services.core import caching
from services.core.errors import TadaError
from services.core.web import JsonResponse

_PATIENCE = 2.0


async def readiness(request: Request) -> Response:
    """Answer 200 or 503 with the state of each dependency."""
    ctx = context(request)
    checks = {"redis": ctx.catalog.revision(), "storage": ctx.storage.check()}
    results = await asyncio.gather(
        *(asyncio.wait_for(check, _PATIENCE) for check in checks.values()), return_exceptions=True
    )
    state = {name: _say(result) for name, result in zip(checks, results, strict=True)}
    ready = all(said == "ok" for said in state.values())
    headers = dict(caching.NEVER) if ready else {**caching.NEVER, "retry-after": "2"}
    return JsonResponse({"ready": ready, **state}, 200 if ready else 503, headers=headers)


def _say(result: object) -> str:
    if isinstance(result, TimeoutError):
        return "does not answer"
    if isinstance(result, RedisError | TadaError):
        return str(result)
    if isinstance(result, BaseException):
        raise result
    return "ok"
