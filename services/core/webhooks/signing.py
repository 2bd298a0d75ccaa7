"""Signatures of webhooks as Standard Webhooks 1.0 specifies them: HMAC-SHA256, a secret for each receiver. Pure."""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable

PREFIX = "whsec_"
_KEY_BYTES = (24, 64)
"""The shortest and the longest key that the specification allows."""
_NEW_KEY_BYTES = 32


def new_secret() -> str:
    """Return a secret as people are given it: `whsec_` and the key in base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_NEW_KEY_BYTES)).decode()


def key_of(secret: str) -> bytes:
    """Return the key of a secret; raises ValueError."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        key = b""
    least, most = _KEY_BYTES
    if not secret.startswith(PREFIX) or not least <= len(key) <= most:
        raise ValueError(f"expected {PREFIX} and {least} to {most} bytes in base64")
    return key


def signed_headers(message: str, timestamp: int, body: bytes, of_secrets: Iterable[str]) -> dict[str, str]:
    """Return the three headers of a message: its id, the seconds since 1970 of this attempt, and a signature with each
    secret. The id must not have a dot."""
    content = b"%s.%d.%s" % (message.encode(), timestamp, body)
    digests = (hmac.digest(key_of(secret), content, hashlib.sha256) for secret in of_secrets)
    return {
        "webhook-id": message,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests),
    }
