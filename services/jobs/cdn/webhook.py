"""A program of the operator that purges a CDN which TADA does not know: it is sent the tags, signed as webhooks are.

The body is `{"everything": false, "tags": ["tada-53361ca23f85", …]}`. `everything` is true if one of the tags is that
of the installation. Any answer of 2xx says that the program has purged them, or will by all means.
"""

import secrets
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

import orjson

from services.core.assets import media_types
from services.core.webhooks.signing import signed_headers
from services.jobs.cdn.target import NotPurged, Pace, check
from services.jobs.http import Server, Unreachable

SECONDS = 20.0
CONNECT_SECONDS = 5.0


class Webhook:
    name = "webhook"
    tags_at_once = 500
    pace = Pace(20, 0.2)

    def __init__(self, address: str, secret: str, everything: str) -> None:
        self._server = Server(address, CONNECT_SECONDS, open_end=True)
        self._secret, self._everything = secret, everything
        parts = urlsplit(address)
        self._who, self._path = parts.netloc, "" if parts.path else "/"

    async def purge(self, tags: Sequence[str]) -> None:
        body = orjson.dumps({"everything": self._everything in tags, "tags": tags})
        message = f"purge_{secrets.token_hex(12)}"
        headers = {
            "Content-Type": media_types.JSON,
            **signed_headers(message, int(time.time()), body, [self._secret]),
        }
        try:
            answer = await self._server.ask("POST", self._path, headers, body, seconds=SECONDS)
        except Unreachable as error:
            raise NotPurged(f"{self._who} cannot be reached: {error}") from error
        check(answer, self._who)

    async def close(self) -> None:
        self._server.close()
