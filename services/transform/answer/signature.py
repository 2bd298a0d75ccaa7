"""The question of the gateway before it answers: is this address signed?

The edge learns yes or no. Who asks at the internal entry learns what is wrong, too.
"""

import time
from collections.abc import Collection

from starlette.requests import Request
from starlette.responses import Response

from services.core.addresses import signing
from services.core.addresses.signature_fault import Asked, Fault, fault
from services.core.assets import freshness
from services.core.errors import Forbidden
from services.core.serving.web import error_response

_KEPT_SECONDS = 60
"""How long the tiers remember a valid signature at most; a key that is taken away is good for so long."""
_KEPT_IN_AN_OUTAGE_SECONDS = 600
"""For how much longer they go by it while nobody answers that question."""


def explain_signature(request: Request, keys: Collection[str], route: str) -> Response:
    """Answer 204 for a valid signature, 403 with what is wrong for another one. `route` is the path of the assets."""
    form, signature, expires = _given(request)
    asked = Asked(form, signature, expires, request.headers.get("x-asked", ""), route)
    found = fault(keys, asked, time.time())
    if found is None:
        return Response(status_code=204, headers=freshness.NEVER)
    return error_response(_refusal(found, asked))


def _refusal(found: Fault, asked: Asked) -> Forbidden:
    text = f"{asked.form}, a line feed, and {asked.expires or 'nothing'} for expires"
    signed = f"Sign this text, and write the signature as lower-case hex: {text}."
    if not asked.form:
        signed = "This is not an address of an asset, so it has no canonical form. Check its path and its arguments."
    match found:
        case Fault.UNSIGNED:
            return Forbidden("The address is unsigned: it has no signature.", signed)
        case Fault.EXPIRED:
            return Forbidden(
                f"The signature has expired: it was good until {asked.expires}.",
                "expires is the number of seconds since 1970 (UTC), in digits. Sign the address anew.",
            )
        case Fault.NOT_CANONICAL:
            return Forbidden(
                "The signature is of another spelling of the address, or of another text than the one that is signed.",
                signed,
            )
        case Fault.WRONG_KEY:
            return Forbidden("The signature is of a wrong key, or of another address: no key here has made it.", signed)


def _given(request: Request) -> tuple[str, str, str]:
    """Return the form that is signed, the signature and its end, as the gateway says them."""
    form, signature, expires = (
        request.headers.get(name, "") for name in ("x-signed-form", "x-signature", "x-signature-expires")
    )
    return form, signature, expires


def check_signature(request: Request, keys: Collection[str], edge_seconds: int) -> Response:
    """Answer 204 for a valid signature, 403 for another one.

    `edge_seconds` is how long the edge may keep an answer. What has an end is never good beyond it, outage or not.
    """
    form, signature, expires = _given(request)
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
