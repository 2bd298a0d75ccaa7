"""GET /usage: what each namespace has, and what it may have."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.catalog.context import context
from services.catalog.middleware.auth import principal_of
from services.core.assets import freshness
from services.core.assets.quotas import NO_QUOTA, Quota
from services.core.serving.envelope import envelope
from services.core.serving.web import JsonResponse
from services.core.state.usage import Used


async def get_usage(request: Request) -> Response:
    """Answer with the namespaces that the token may use. `complete` is false while everything is still counted."""
    ctx, principal = context(request), principal_of(request)
    counts = await ctx.room.counts()
    namespaces = sorted({*ctx.settings.namespaces_allowed, *counts.of})
    found = [
        shown(namespace, counts.of.get(namespace, Used()), ctx.settings.quotas.get(namespace, NO_QUOTA))
        for namespace in namespaces
        if principal.may_use(namespace)
    ]
    return JsonResponse(envelope(found, complete=counts.is_complete), headers=freshness.NEVER)


def shown(namespace: str, used: Used, quota: Quota) -> dict[str, Any]:
    """Return a namespace as it is answered."""
    return {
        "namespace": namespace,
        "assets": used.assets,
        "bytes": used.bytes,
        "retired_files": used.retired,
        "retired_bytes": used.retired_bytes,
        "quota_assets": quota.assets,
        "quota_bytes": quota.bytes,
    }
