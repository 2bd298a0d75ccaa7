"""The health of each jobs worker is its own: two workers, asked as the image's HEALTHCHECK asks."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.processes.containers import read
from tests.processes.redis_server import RedisServer
from tests.support.waits import wait_until
from tools.stack import children
from tools.stack.plan import ROOT
from tools.stack.ports import free_ports

_, *CHECK = read(ROOT / "services/jobs/Dockerfile")[""].health


class Worker:
    def __init__(self, server: RedisServer, folder: Path) -> None:
        [self.port] = free_ports(1)
        self._environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "REDIS_URL": server.url,
            "DATA_FOLDER_PATH": str(folder),
            "PURGE_TOKEN": "token-of-the-tests",
            "METRICS_PORT": str(self.port),
        }
        self.process = children.start(
            [sys.executable, "-m", "services.jobs"], self._environment, stderr=subprocess.DEVNULL
        )

    def is_healthy(self) -> bool:
        ended = subprocess.run([sys.executable, *CHECK], env=self._environment, capture_output=True, timeout=10)
        return ended.returncode == 0

    def stop(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()


@pytest.fixture
def workers(server: RedisServer, tmp_path: Path) -> Iterator[list[Worker]]:
    made = [Worker(server, tmp_path) for _ in range(2)]
    yield made
    for worker in made:
        worker.stop()


def test_a_frozen_worker_is_not_healthy_because_another_one_is(workers: list[Worker]) -> None:
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


def test_a_worker_without_redis_is_healthy_and_not_ready(workers: list[Worker], server: RedisServer) -> None:
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
