"""The system that is measured: the processes of `make run`, on ports of their own, and the limits beside them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import httpx

from tools.bench.measuring import resident_mb, sessions
from tools.stack.plan import ALLOCATOR, LOOPBACK, ROOT, PlanError, Ports, Process, Stack
from tools.stack.ports import free_ports
from tools.stack.processes import NotReady, Processes

START_WITHIN = 30
STOP_WITHIN = 20


class Bench:
    """Starts processes, knows what they use, and stops them all."""

    def __init__(self, folder: Path, workers: int) -> None:
        *ports, self.static_port, self.app_port = free_ports(9)
        self.folder = folder
        self.static = folder / "static"
        self.static.mkdir(parents=True)
        self.ports = Ports(*ports)
        self.stack = Stack(
            data=folder / "data",
            sockets=folder / "s",
            ports=self.ports,
            transform_workers=workers,
            # Other programs may use the machine: a render that waits for longer is slow, not a failure.
            settings={"LOG_FORMAT": "json", "RENDER_WAIT_SECONDS": "10"},
        )
        self.stack.sockets.mkdir()
        self._processes = Processes(self.stack.processes(), lambda name: self._log(name).open("ab"))
        self._system = list(self._processes.plan)
        self._serve_static_files()
        self.edge = (LOOPBACK, self.ports.edge)
        self.api = httpx.Client(base_url=f"http://{LOOPBACK}:{self.ports.api}", timeout=60)
        self.public = httpx.Client(base_url=f"http://{LOOPBACK}:{self.ports.edge}", timeout=60)

    def start(self) -> float:
        """Start the system; return how many seconds it took until everything answered."""
        started = time.monotonic()
        self._start(*self._system)
        return time.monotonic() - started

    def start_app(self, file: Path | None, key: str) -> None:
        """Start the bare ASGI app on a file and a key of Redis; the one before is stopped."""
        self.stop_app()
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "BENCH_PORT": str(self.app_port),
            "BENCH_FILE": str(file or ""),
            "BENCH_KEY": key,
            "BENCH_REDIS": f"redis://{LOOPBACK}:{self.ports.redis}",
        }
        path = "/file" if file else "/redis"
        command = [sys.executable, "-m", "tools.bench.bare_app"]
        process = Process("app", command, environment, f"http://{LOOPBACK}:{self.app_port}{path}")
        self._processes.plan["app"] = process
        self._start("app")

    def stop_app(self) -> None:
        if "app" in self._processes.names:
            self._processes.end(signal.SIGTERM, "app", within=STOP_WITHIN)

    def stop(self) -> None:
        self.api.close()
        self.public.close()
        self._processes.end(signal.SIGTERM, *reversed(self._processes.names), within=STOP_WITHIN)

    def leaders(self, *names: str) -> list[int]:
        """Return the processes by name, all of the system by default, with their child processes."""
        return [self._processes.pid(name) for name in names or self._system]

    def memory(self) -> dict[str, float]:
        """Return the MB that each process of the system holds, the largest of those that have workers."""
        return {
            name: max(resident_mb(pid) for pid, _ in sessions([self._processes.pid(name)])) for name in self._system
        }

    def process(self, name: str) -> Process:
        return self._processes.plan[name]

    @property
    def purge_token(self) -> str:
        return self._processes.plan["jobs"].environment["PURGE_TOKEN"]

    def upload(self, name: str, photo: Path) -> None:
        form = {"namespace": "DEV", "filename": f"{name}.jpg"}
        self.api.post("/file", files={"file": (photo.name, photo.read_bytes())}, data=form).raise_for_status()

    def url(self, port: int, path: str) -> str:
        return f"http://{LOOPBACK}:{port}{path}"

    def _serve_static_files(self) -> None:
        """Make the edge's nginx serve a folder too, with the settings of all its servers."""
        config = self.stack.data / "run/edge/edge.conf"
        server = (
            f"server {{ listen {LOOPBACK}:{self.static_port} backlog=4096; location / {{ root {self.static}; }} }}\n}}"
        )
        config.write_text(config.read_text().rstrip().removesuffix("}") + server)

    def _start(self, *names: str) -> None:
        self._processes.start(*names)
        try:
            self._processes.wait_ready(*names, within=START_WITHIN)
        except NotReady as error:
            raise PlanError(f"{error}: {self._log(error.name).read_text()[-2000:]}") from None

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"


class Crew:
    """As many processes of one limit as are asked for, each with its own share of the work."""

    def __init__(self, module: str, count: int) -> None:
        self._processes = [
            subprocess.Popen(
                [sys.executable, "-m", f"tools.bench.{module}"],
                cwd=ROOT,
                env={**os.environ, **ALLOCATOR},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
            for _ in range(count)
        ]

    def ask(self, questions: Sequence[str]) -> list[str]:
        """Give each process a line, all at once, and return their answers when the last one is there."""
        assert len(questions) == len(self._processes)
        for process, question in zip(self._processes, questions, strict=True):
            assert process.stdin
            process.stdin.write(question + "\n")
            process.stdin.flush()
        answers = []
        for process in self._processes:
            assert process.stdout
            answers.append(process.stdout.readline())
        assert all(answers), "a process of a limit has ended"
        return answers

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            assert process.stdin
            process.stdin.close()
            process.wait(STOP_WITHIN)

    def __len__(self) -> int:
        return len(self._processes)
