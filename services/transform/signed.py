"""The question of the edge before it answers: is this address signed?"""

import time
from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import Response

from services.core import caching
from services.transform import signing

_KEPT_SECONDS = 60
"""How long the edge remembers a valid signature; a key that is taken away is good for so long."""


def check_signature(request: Request, keys: Iterable[str]) -> Response:
    """Answer 204 for a valid signature, 403 for another one."""
    form, signature, expires = (
        request.headers.get(name, "") for name in ("x-signed-form", "x-signature", "x-signature-expires")
    )
    now = time.time()
    if not signing.is_valid(keys, form, signature, expires, now):
        return Response(status_code=403, headers=caching.NEVER)
    until = f"@{signing.kept_until(expires, now, _KEPT_SECONDS)}"
    return Response(status_code=204, headers={"x-accel-expires": until, "x-edge-expires": until})
