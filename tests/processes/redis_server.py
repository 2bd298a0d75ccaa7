"""A real Redis for one test, or for a module of them."""

import signal
import subprocess
from pathlib import Path
from urllib.parse import quote

import redis

from tests.support.waits import wait_until
from tools.stack import children
from tools.stack.ports import free_ports


class RedisServer:
    """One redis-server that keeps nothing."""

    def __init__(self, folder: Path, *options: str, password: str = "") -> None:
        self.folder, self._options = folder, options
        [self.port] = free_ports(1)
        secret = f":{quote(password)}@" if password else ""
        self.url = f"redis://{secret}127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", ""]
        options += self._options
        self.process = children.start(["redis-server", *options], stdout=subprocess.DEVNULL)
        wait_until(self._answers)

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False

    def stop(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()
