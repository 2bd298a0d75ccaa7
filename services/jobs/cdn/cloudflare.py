"""Cloudflare: POST /zones/{zone}/purge_cache with tags. A token with the permission Cache Purge suffices.

Limits (developers.cloudflare.com/cache/how-to/purge-cache): 100 tags in a call; 5 calls a minute on the plan Free, 300
on Pro, 600 on Business and 3000 on Enterprise, in a bucket of 25 or more.
"""

from collections.abc import Sequence

import orjson

from services.core.assets import media_types
from services.jobs.cdn.target import NotPurged, Pace, check
from services.jobs.http import Server, Unreachable

API = "https://api.cloudflare.com/client/v4"
SECONDS = 20.0
CONNECT_SECONDS = 5.0
_BURST = 25


class Cloudflare:
    name = "cloudflare"
    tags_at_once = 100

    def __init__(self, zone: str, token: str, calls_per_minute: int, api: str = API) -> None:
        self.pace = Pace(_BURST, 60 / calls_per_minute)
        self._server = Server(api, CONNECT_SECONDS)
        self._path = f"/zones/{zone}/purge_cache"
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": media_types.JSON}

    async def purge(self, tags: Sequence[str]) -> None:
        body = orjson.dumps({"tags": tags})
        try:
            answer = await self._server.ask("POST", self._path, self._headers, body, seconds=SECONDS)
        except Unreachable as error:
            raise NotPurged(f"Cloudflare cannot be reached: {error}") from error
        check(answer, "Cloudflare")
        try:
            success = orjson.loads(answer.body)["success"]
        except (ValueError, TypeError, KeyError):
            success = False
        if success is not True:
            raise NotPurged(f"Cloudflare has not purged: {answer.body[:200].decode('utf-8', 'replace')}", "refused")

    async def close(self) -> None:
        self._server.close()
