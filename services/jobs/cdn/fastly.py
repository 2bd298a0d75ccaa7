"""Fastly: POST /service/{id}/purge with surrogate keys. A token with the scope purge_select suffices.

Limits (docs.fastly.com): 256 keys in a call. The API has a limit of calls too, which depends on the contract: it says
so with 429, and Fastly-RateLimit-Reset says when it ends. The purge is a hard one: after a soft one, the old bytes
could be answered once more.
"""

import time
from collections.abc import Sequence

import orjson

from services.core.assets import media_types
from services.jobs.cdn.target import NotPurged, Pace, check
from services.jobs.http import Server, Unreachable

API = "https://api.fastly.com"
SECONDS = 20.0
CONNECT_SECONDS = 5.0
_RESET = "fastly-ratelimit-reset"


class Fastly:
    name = "fastly"
    tags_at_once = 256
    pace = Pace(20, 1.0)

    def __init__(self, service: str, token: str, api: str = API) -> None:
        self._server = Server(api, CONNECT_SECONDS)
        self._path = f"/service/{service}/purge"
        self._headers = {"Fastly-Key": token, "Content-Type": media_types.JSON, "Accept": media_types.JSON}

    async def purge(self, tags: Sequence[str]) -> None:
        body = orjson.dumps({"surrogate_keys": tags})
        try:
            answer = await self._server.ask("POST", self._path, self._headers, body, seconds=SECONDS)
        except Unreachable as error:
            raise NotPurged(f"Fastly cannot be reached: {error}") from error
        reset = answer.headers.get(_RESET, "")
        check(answer, "Fastly", float(reset) - time.time() if reset.isdecimal() else None)

    async def close(self) -> None:
        self._server.close()
