import asyncio
from types import SimpleNamespace

import pytest
from prometheus_client import REGISTRY
from redis.exceptions import ConnectionError as RedisDown

from services.core.errors import StorageDown
from services.core.probes import health
from services.core.probes.health import Health


class Dependency:
    """Answers as the test says; counts how often it is asked."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.asked = 0
        self.silent = False

    async def __call__(self) -> None:
        self.asked += 1
        await asyncio.sleep(3600 if self.silent else 0)
        if self.error:
            raise self.error


@pytest.fixture
def redis() -> Dependency:
    return Dependency()


@pytest.fixture
def storage() -> Dependency:
    return Dependency()


@pytest.fixture
def asked(redis: Dependency, storage: Dependency) -> Health:
    return Health({"redis": redis, "storage": storage})


async def test_it_is_ready_when_all_answer(asked: Health) -> None:
    assert (await asked.ask()).answer() == {"ready": True, "redis": "ok", "storage": "ok"}


async def test_what_fails_says_why_and_since_when_until_it_is_back(
    asked: Health, redis: Dependency, storage: Dependency, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(health, "time", SimpleNamespace(monotonic=lambda: now))
    redis.error, storage.error = RedisDown("refused"), StorageDown("The bucket is gone.")
    first = await asked.ask()
    failing = {"redis": 0, "storage": 0}
    said = {"redis": "refused", "storage": "The bucket is gone."}
    assert first.answer() == {"ready": False, **said, "failing_seconds": failing}
    now += 30
    storage.error = None
    second = await asked.ask()
    assert second.answer()["failing_seconds"] == {"redis": 30.0}
    labels = {"dependency": "redis"}
    assert REGISTRY.get_sample_value("tada_dependency_failing_seconds", labels) == 30
    assert REGISTRY.get_sample_value("tada_dependency_up", labels) == 0
    redis.error = None
    assert (await asked.ask()).ready
    assert REGISTRY.get_sample_value("tada_dependency_up", labels) == 1
    now += 10
    redis.error = RedisDown("again")
    assert (await asked.ask()).answer()["failing_seconds"] == {"redis": 0}


async def test_one_that_is_silent_does_not_hold_the_answer_up(
    asked: Health, storage: Dependency, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "PATIENCE", 0.05)
    storage.silent = True
    assert (await asked.ask()).said == {"redis": "ok", "storage": "does not answer"}


async def test_many_who_ask_at_once_cost_one_check(asked: Health, redis: Dependency) -> None:
    states = await asyncio.gather(*(asked.ask() for _ in range(50)))
    assert redis.asked == 1
    assert all(state.ready for state in states)
    await asked.ask()
    assert redis.asked == 2


async def test_what_nobody_foresaw_is_not_taken_for_an_outage(asked: Health, redis: Dependency) -> None:
    redis.error = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        await asked.ask()
