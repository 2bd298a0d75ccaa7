"""The question of the edge before it answers: is this address signed?"""

import time
from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import Response

from services.core.assets import freshness
from services.transform.address import signing

_KEPT_SECONDS = 60
"""How long the tiers remember a valid signature at most; a key that is taken away is good for so long."""
_KEPT_IN_AN_OUTAGE_SECONDS = 600
"""For how much longer they go by it while nobody answers that question."""


def check_signature(request: Request, keys: Iterable[str], edge_seconds: int) -> Response:
    """Answer 204 for a valid signature, 403 for another one.

    `edge_seconds` is how long the edge may keep an answer. What has an end is never good beyond it, outage or not.
    """
    form, signature, expires = (
        request.headers.get(name, "") for name in ("x-signed-form", "x-signature", "x-signature-expires")
    )
    now = time.time()
    if not signing.is_valid(keys, form, signature, expires, now):
        return Response(status_code=403, headers=freshness.NEVER)
    kept = min(_KEPT_SECONDS, edge_seconds)
    until = signing.kept_until(expires, now, kept)
    stale = signing.kept_until(expires, now, kept + _KEPT_IN_AN_OUTAGE_SECONDS) - until
    return Response(
        status_code=204,
        headers={
            "cache-control": f"stale-if-error={stale}",
            "x-accel-expires": f"@{until}",
            "x-edge-expires": f"@{until}",
        },
    )
