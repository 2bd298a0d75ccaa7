"""Nodes that are doubles, workers with short pauses, and who waits for them; with a real Redis."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from services.core.state import progress
from services.core.state.connection import Redis
from services.core.state.entries import Entries
from services.core.state.progress import Progress
from services.jobs.purge import distribution
from tests.processes.gateway_nodes import Machine, Names, Worker
from tests.processes.redis_server import RedisServer


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the worker does each second or so it does more often here."""
    monkeypatch.setattr(distribution, "AGAIN_SECONDS", 0.02)
    monkeypatch.setattr(distribution, "ASK_SECONDS", 0.1)
    monkeypatch.setattr(distribution, "NAMES_SECONDS", 0.05)
    monkeypatch.setattr(distribution, "BLOCK", 0.1)
    monkeypatch.setattr(distribution, "_REST_SECONDS", 0.02)
    monkeypatch.setattr(progress, "TOLD_SECONDS", 0.1)


@pytest.fixture
async def dns(monkeypatch: pytest.MonkeyPatch) -> Names:
    made = Names()
    made.known = {"cache": ["127.0.0.2"], "edge": ["127.0.0.3"]}
    # Redis is reached by its address, and asks nobody.
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", made)
    return made


@pytest.fixture
def machines() -> dict[str, Machine]:
    """Machines by their addresses; those of the names are a cache and an edge."""
    addresses = [f"http://127.0.0.{number}:80" for number in range(2, 6)]
    return {address: Machine(address) for address in addresses}


@pytest.fixture
def cache(machines: dict[str, Machine]) -> Machine:
    return machines["http://127.0.0.2:80"]


@pytest.fixture
def edge(machines: dict[str, Machine]) -> Machine:
    return machines["http://127.0.0.3:80"]


@pytest.fixture
def make_worker(server: RedisServer, client: Redis, dns: Names, machines: dict[str, Machine]) -> Callable[[], Worker]:
    return lambda: Worker(client, ["http://cache", "http://edge"], machines)


@pytest.fixture
async def worker(make_worker: Callable[[], Worker], followed: Progress) -> AsyncIterator[Worker]:
    made = make_worker()
    async with made.working():
        yield made


@pytest.fixture
def entries(client: Redis) -> Entries:
    return Entries(client)
