"""The health of each jobs worker is its own: two workers, asked as the image's HEALTHCHECK asks."""

import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.processes.jobs_worker import JobsWorker
from tests.processes.redis_server import RedisServer
from tests.support.waits import wait_until


@pytest.fixture
def workers(server: RedisServer, tmp_path: Path) -> Iterator[list[JobsWorker]]:
    made = [JobsWorker(server, tmp_path) for _ in range(2)]
    yield made
    for worker in made:
        worker.stop()


def test_a_frozen_worker_is_not_healthy_because_another_one_is(workers: list[JobsWorker]) -> None:
    first, second = workers
    for worker in workers:
        wait_until(worker.is_healthy, within=30)
    first.process.send_signal(signal.SIGSTOP)
    assert not first.is_healthy()
    assert second.is_healthy()
    first.process.send_signal(signal.SIGCONT)
    wait_until(first.is_healthy)
    second.process.kill()
    second.process.wait()
    assert first.is_healthy()
    assert not second.is_healthy()


def test_a_worker_without_redis_is_healthy_and_not_ready(workers: list[JobsWorker], server: RedisServer) -> None:
    for worker in workers:
        wait_until(worker.is_healthy, within=30)
    server.process.kill()
    server.process.wait()
    try:
        for worker in workers:
            assert httpx.get(f"http://127.0.0.1:{worker.port}/readyz").status_code == 503
            assert worker.is_healthy(), "a restart of the worker would not bring Redis back"
    finally:
        server.start()
