"""The rate limits of the API for each client: one for all its requests, one for those that write. Pure ASGI.

Answers carry the fields of draft-ietf-httpapi-ratelimit-headers as of version 10: `RateLimit-Policy` has what is
allowed (q requests in w seconds). `RateLimit` has how many requests are left (r), and in how many seconds there will be
more (t). A refusal has the same seconds in `Retry-After`.
"""

from collections.abc import Collection, Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.core.assets.freshness import GENERATION_HEADER
from services.core.clients import Networks, client
from services.core.errors import TooManyRequests
from services.core.serving.web import error_response
from services.core.state.rate_limits import Limit, Limiter, Verdict

READING = frozenset({"GET", "HEAD", "OPTIONS"})


class Throttle:
    """Lets a request pass while its client is within the limits. Requests for `exempt` paths are not counted."""

    def __init__(
        self,
        app: ASGIApp,
        limiter: Limiter,
        all_requests: Limit,
        writes: Limit,
        trusted: Networks,
        exempt: Collection[str],
    ) -> None:
        self._app = app
        self._limiter = limiter
        self._all = all_requests
        self._writes = writes
        self._trusted = trusted
        self._exempt = exempt

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        limited = self._all.count or self._writes.count
        if scope["type"] != "http" or not limited or scope["path"].removesuffix("/") in self._exempt:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        verdicts = await self._ask(scope, headers)
        fields = rate_limit_fields(verdicts)
        refused = {name: verdict for name, verdict in verdicts.items() if not verdict.allowed}
        if refused:
            answer = error_response(_error(refused))
            answer.headers.update(fields)
            await answer(scope, receive, send)
        elif GENERATION_HEADER in headers:
            # A request of the cache tier: its answer also goes to other clients, with other numbers.
            await self._app(scope, receive, send)
        else:
            await self._app(scope, receive, _with_fields(send, fields))

    async def _ask(self, scope: Scope, headers: Headers) -> dict[str, Verdict]:
        peer = scope["client"][0] if scope.get("client") else None
        name = client(peer, ",".join(headers.getlist("x-forwarded-for")), self._trusted)
        limits = {"all": self._all}
        if scope["method"] not in READING:
            limits["writes"] = self._writes
        verdicts = await self._limiter.take_all({f"{policy}:{name}": limit for policy, limit in limits.items()})
        return dict(zip(limits, verdicts, strict=True))


def rate_limit_fields(verdicts: Mapping[str, Verdict]) -> dict[str, str]:
    """Return the header fields for the verdicts of named policies; none for a request that was not counted."""
    counted = {name: verdict for name, verdict in verdicts.items() if verdict.counted}
    if not counted:
        return {}
    return {
        "ratelimit-policy": ", ".join(
            f'"{name}";q={verdict.limit.count};w={verdict.limit.window_seconds}' for name, verdict in counted.items()
        ),
        "ratelimit": ", ".join(
            f'"{name}";r={verdict.remaining};t={verdict.reset_seconds}' for name, verdict in counted.items()
        ),
    }


def _error(refused: Mapping[str, Verdict]) -> TooManyRequests:
    name, verdict = max(refused.items(), key=lambda item: item[1].retry_after_seconds)
    wait = verdict.retry_after_seconds
    what = "requests that write" if name == "writes" else "requests"
    return TooManyRequests(
        f"Too many {what}: {verdict.limit.count} in {verdict.limit.window_ms / 1000:g} s are allowed.",
        f"Try again in {wait} second{'' if wait == 1 else 's'}.",
        wait,
    )


def _with_fields(send: Send, fields: Mapping[str, str]) -> Send:
    async def send_with_fields(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(fields)
        await send(message)

    return send_with_fields
