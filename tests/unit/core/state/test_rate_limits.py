"""The limiter without a Redis: what a limit is, and what happens when nobody answers. See tests/integration."""

import asyncio
import logging
import time
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisDown
from redis.exceptions import ReadOnlyError

from services.core.errors import TooManyRequests
from services.core.state import keys, rate_limits
from services.core.state.rate_limits import Limit, Limiter, StorageGuard, Verdict

FIVE = Limit(5, 30_000)


class FakeRedis:
    """Answers the script with what it is told to, and counts how often it is asked."""

    def __init__(self, answer: list[int] | Exception | None) -> None:
        self.answer = answer
        self.asked: list[tuple[list[str], list[int]]] = []

    async def evalsha(self, sha: str, count: int, *values: Any) -> list[int]:
        self.asked.append((list(values[:count]), list(values[count:])))
        if self.answer is None:
            await asyncio.sleep(60)
        if isinstance(self.answer, Exception):
            raise self.answer
        assert self.answer is not None
        return self.answer


def limiter(redis: FakeRedis) -> Limiter:
    return Limiter(redis)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("limit", "step", "window"),
    [
        (Limit(5, 30_000), 6_000_000, 30),
        (Limit(7, 30_000), 4_285_715, 30),
        (Limit(1, 1), 1000, 1),
        (Limit(1_000_000, 1), 1, 1),
        (Limit(1, 86_400_000), 86_400_000_000, 86_400),
        (Limit(10, 1500), 150_000, 2),
    ],
)
def test_units_become_free_evenly_and_never_too_early(limit: Limit, step: int, window: int) -> None:
    assert (limit.step, limit.window_seconds) == (step, window)


@pytest.mark.parametrize(("count", "window_ms"), [(-1, 1000), (1, 0), (0, 0), (1, -1)])
def test_a_limit_that_cannot_be_is_refused(count: int, window_ms: int) -> None:
    with pytest.raises(ValueError, match="expected a count"):
        Limit(count, window_ms)


async def test_without_a_limit_redis_is_not_asked() -> None:
    redis = FakeRedis(AssertionError("asked"))
    assert await limiter(redis).take("api:x", Limit(0, 1000)) == Verdict(Limit(0, 1000))
    assert redis.asked == []


async def test_several_limits_are_one_question_and_those_that_are_off_are_no_part_of_it() -> None:
    redis = FakeRedis([1, 4, 6_000_000, 1, 1])
    verdicts = await limiter(redis).take_all({"a": FIVE, "b": Limit(0, 1), "c": Limit(2, 10)})
    assert redis.asked == [([keys.limit("a"), keys.limit("c")], [5, 6_000_000, 2, 5000])]
    assert verdicts == [
        Verdict(FIVE, True, True, 4, 6),
        Verdict(Limit(0, 1)),
        Verdict(Limit(2, 10), True, True, 1, 1),
    ]


async def test_of_two_limits_only_the_exceeded_one_refuses() -> None:
    within, over = await limiter(FakeRedis([0, 3, 2_000_000, 0, 1_000_001])).take_all({"a": FIVE, "b": FIVE})
    assert (within.allowed, within.remaining, within.retry_after_seconds) == (True, 3, 0)
    assert (over.allowed, over.remaining, over.retry_after_seconds) == (False, 0, 2)


@pytest.mark.parametrize(
    "failure", [RedisDown("refused"), ReadOnlyError("a replica"), OSError("no route"), TimeoutError(), None]
)
async def test_a_failing_redis_limits_nothing_and_holds_nobody_up(failure: Exception | None) -> None:
    redis = FakeRedis(failure)
    asking = limiter(redis)
    started = time.monotonic()
    for _ in range(50):
        assert await asking.take("api:x", FIVE) == Verdict(FIVE)
    assert time.monotonic() - started < 0.2
    assert len(redis.asked) == 1


async def test_an_outage_and_its_end_are_one_log_line_each(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(rate_limits, "PAUSE", 0.02)
    redis = FakeRedis(RedisDown("refused"))
    asking = limiter(redis)
    for _ in range(4):
        await asking.take("api:x", FIVE)
        await asyncio.sleep(0.025)
    assert len(redis.asked) == 4
    assert caplog.messages == ["limits_off"]
    redis.answer = [1, 4, 6_000_000]
    assert (await asking.take("api:x", FIVE)).counted
    assert (await asking.take("api:x", FIVE)).counted
    assert caplog.messages == ["limits_off", "limits_on"]


async def test_one_request_alone_tries_whether_redis_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    redis = FakeRedis(RedisDown("refused"))
    asking = limiter(redis)
    monkeypatch.setattr(rate_limits, "PAUSE", 0.02)
    await asking.take("api:x", FIVE)
    await asyncio.sleep(0.025)
    monkeypatch.setattr(rate_limits, "PAUSE", 60)
    redis.answer = None
    await asyncio.gather(*(asking.take("api:x", FIVE) for _ in range(20)))
    assert len(redis.asked) == 2


async def test_a_mistake_in_the_code_is_not_taken_for_an_outage() -> None:
    with pytest.raises(KeyError):
        await limiter(FakeRedis(KeyError("oops"))).take("api:x", FIVE)


async def test_the_storage_is_guarded_for_each_form_of_an_asset() -> None:
    redis = FakeRedis([1, 0, 6_000_000])
    guard = StorageGuard(limiter(redis), FIVE)
    await guard.pass_one("some-uuid", "200x0")
    assert redis.asked[0][0] == [keys.limit("storage:some-uuid:200x0")]
    redis.answer = [0, 0, 5_000_001]
    with pytest.raises(TooManyRequests) as caught:
        await guard.pass_one("some-uuid", "200x0")
    assert caught.value.retry_after == 6
