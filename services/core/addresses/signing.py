"""Signed addresses: HMAC-SHA256 over the form that is asked for and its end. Pure.

The form is the gateway's cache key without what Accept says: one spelling, so that a signature is good for one answer.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable

_OWN = ("signature", "expires")
"""The arguments that signing adds to an address."""
_EXPIRES = re.compile(r"[0-9]{1,12}")


def sign(key: str, form: str, expires: str = "") -> str:
    """Return the signature (hex) of a form such as `/assets/media/optimise/200x0/DEV/cat.webp?quality=80`.

    `expires` is a time in seconds since the epoch, as it is written in the address; empty for no end.
    """
    return hmac.new(key.encode(), f"{form}\n{expires}".encode(), hashlib.sha256).hexdigest()


def with_signature(address: str, key: str, form: str, expires: str = "") -> str:
    """Return an address of a form with its end and its signature."""
    end = f"expires={expires}&" if expires else ""
    return f"{address}{'&' if '?' in address else '?'}{end}signature={sign(key, form, expires)}"


def without_own(query: str) -> str:
    """Return a query without the arguments that signing adds."""
    return "&".join(part for part in query.split("&") if part and part.partition("=")[0].lower() not in _OWN)


def is_valid(keys: Iterable[str], form: str, signature: str, expires: str, now: float) -> bool:
    """Say whether one of the keys has signed a form, and its end has not come."""
    if expires and not (_EXPIRES.fullmatch(expires) and int(expires) > now):
        return False
    return is_signed(keys, form, signature, expires)


def is_signed(keys: Iterable[str], form: str, signature: str, expires: str) -> bool:
    """Say whether one of the keys has signed a form, whether or not its end has come."""
    given = signature.encode()
    # All are tried: how long it takes says nothing of which key it was.
    matches = [hmac.compare_digest(sign(key, form, expires).encode(), given) for key in keys]
    return bool(form) and any(matches)


def kept_until(expires: str, now: float, seconds: int) -> int:
    """Return until when (seconds since the epoch) the gateway may remember a valid signature."""
    most = int(now) + seconds
    return min(most, int(expires) - 1) if expires else most
