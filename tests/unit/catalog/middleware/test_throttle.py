from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from services.catalog.middleware.throttle import Throttle
from services.core.assets.freshness import GENERATION_HEADER
from services.core.clients import Networks
from services.core.state import keys
from services.core.state.rate_limits import Limit, Limiter

ALL, WRITES, OFF = Limit(100, 60_000), Limit(5, 30_000), Limit(0, 30_000)


class FakeRedis:
    """Has `left` units in every bucket, for a test of what is asked and answered; see tests/integration."""

    def __init__(self, left: dict[str, int]) -> None:
        self.left = left
        self.buckets: list[list[str]] = []

    async def evalsha(self, sha: str, count: int, *values: Any) -> list[int]:
        asked = [key.removeprefix(keys.limit("")) for key in values[:count]]
        self.buckets.append(asked)
        left = [self.left[bucket.split(":")[0]] for bucket in asked]
        taken = int(all(left))
        return [taken, *(number for units in left for number in (units - taken, 2_500_000))]


def throttled(
    redis: FakeRedis, all_requests: Limit = ALL, writes: Limit = WRITES, trusted: Networks = ()
) -> httpx.AsyncClient:
    async def done(request: Request) -> Response:
        return PlainTextResponse("done")

    app = Starlette(
        routes=[
            Route(path, done, methods=["GET", "POST", "PATCH", "DELETE"]) for path in ("/file", "/healthy", "/healthy/")
        ],
        middleware=[
            Middleware(
                Throttle,
                limiter=Limiter(redis),  # type: ignore[arg-type]
                all_requests=all_requests,
                writes=writes,
                trusted=trusted,
                exempt={"/healthy"},
            )
        ],
    )
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, client=("127.0.0.1", 1)), base_url="http://t.test")


async def test_reading_counts_once_and_writing_twice() -> None:
    redis = FakeRedis({"all": 9, "writes": 3})
    async with throttled(redis) as http:
        for method in ("GET", "HEAD", "POST", "PATCH", "DELETE"):
            await http.request(method, "/file", headers={"x-forwarded-for": "192.0.2.1"})
    reading, writing = ["all:192.0.2.1"], ["all:192.0.2.1", "writes:192.0.2.1"]
    assert redis.buckets == [reading, reading, writing, writing, writing]


async def test_an_answer_says_what_is_left() -> None:
    async with throttled(FakeRedis({"all": 9, "writes": 3})) as http:
        read, write = await http.get("/file"), await http.post("/file")
    assert (read.status_code, write.status_code) == (200, 200)
    assert read.headers["ratelimit-policy"] == '"all";q=100;w=60'
    assert read.headers["ratelimit"] == '"all";r=8;t=3'
    assert write.headers["ratelimit-policy"] == '"all";q=100;w=60, "writes";q=5;w=30'
    assert write.headers["ratelimit"] == '"all";r=8;t=3, "writes";r=2;t=3'
    assert "retry-after" not in read.headers


async def test_a_refusal_says_when_to_come_back_and_is_kept_by_no_cache() -> None:
    async with throttled(FakeRedis({"all": 9, "writes": 0})) as http:
        answer = await http.post("/file")
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "3"
    assert answer.headers["ratelimit"] == '"all";r=9;t=3, "writes";r=0;t=3'
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-accel-expires"] == "0"
    assert answer.json() == {
        "data": [],
        "errors": ["Too many requests that write: 5 in 30 s are allowed."],
        "problems": [
            {
                "code": "too_many_requests",
                "message": "Too many requests that write: 5 in 30 s are allowed.",
                "hint": "Try again in 3 seconds.",
            }
        ],
    }


async def test_a_client_that_has_written_too_much_may_still_read() -> None:
    async with throttled(FakeRedis({"all": 9, "writes": 0})) as http:
        assert (await http.get("/file")).status_code == 200


@pytest.mark.parametrize("path", ["/healthy", "/healthy/"])
async def test_the_health_check_is_never_limited(path: str) -> None:
    redis = FakeRedis({"all": 0, "writes": 0})
    async with throttled(redis) as http:
        answer = await http.get(path)
        assert (await http.get("/file")).status_code == 429
    assert answer.status_code == 200
    assert "ratelimit" not in answer.headers
    assert len(redis.buckets) == 1


@pytest.mark.parametrize(
    ("all_requests", "writes", "method", "asked"),
    [
        (OFF, OFF, "POST", []),
        (OFF, WRITES, "GET", []),
        (OFF, WRITES, "POST", [["writes:127.0.0.1"]]),
        (ALL, OFF, "POST", [["all:127.0.0.1"]]),
    ],
)
async def test_a_limit_that_is_off_is_not_asked_for(
    all_requests: Limit, writes: Limit, method: str, asked: list[list[str]]
) -> None:
    redis = FakeRedis({"all": 9, "writes": 9})
    async with throttled(redis, all_requests, writes) as http:
        answer = await http.request(method, "/file")
    assert answer.status_code == 200
    assert redis.buckets == asked
    assert ("ratelimit" in answer.headers) is bool(asked)


async def test_what_a_cache_may_give_to_others_carries_no_numbers_of_one_client() -> None:
    redis = FakeRedis({"all": 9})
    async with throttled(redis) as http:
        shared = await http.get("/file", headers={GENERATION_HEADER: "17"})
        redis.left = {"all": 0}
        refused = await http.get("/file", headers={GENERATION_HEADER: "17"})
    assert shared.status_code == 200
    assert "ratelimit" not in shared.headers
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "3")


async def test_several_forwarded_headers_are_one_list() -> None:
    redis = FakeRedis({"all": 9})
    async with throttled(redis) as http:
        await http.get("/file", headers=[("x-forwarded-for", "1.2.3.4"), ("x-forwarded-for", "192.0.2.7")])
    assert redis.buckets == [["all:192.0.2.7"]]
