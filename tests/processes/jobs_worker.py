"""A jobs worker as a process of its own."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.processes.containers import read
from tests.processes.redis_server import RedisServer
from tools.stack import children
from tools.stack.plan import ROOT
from tools.stack.ports import free_ports

_, *CHECK = read(ROOT / "services/jobs/Dockerfile")[""].health


class JobsWorker:
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
