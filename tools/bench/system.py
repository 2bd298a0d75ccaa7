"""The system that is measured: the processes of `make run`, on ports of their own, and the limits beside them."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import httpx

from tools.bench.measuring import resident_mb, sessions
from tools.stack import ready
from tools.stack.plan import ALLOCATOR, LOOPBACK, ROOT, PlanError, Ports, Process, Stack

START_WITHIN = 30
STOP_WITHIN = 20


class Bench:
    """Starts processes, knows what they use, and stops them all."""

    def __init__(self, folder: Path, workers: int) -> None:
        *ports, self.static_port, self.app_port = free_ports(8)
        self.folder = folder
        self.static = folder / "static"
        self.static.mkdir(parents=True)
        self.ports = Ports(*ports)
        self.stack = Stack(
            data=folder / "data",
            sockets=folder / "s",
            ports=self.ports,
            transform_workers=workers,
            # Others may be at work on the machine: a render that waits for longer is slow, and no failure.
            settings={"LOG_FORMAT": "json", "RENDER_WAIT_SECONDS": "10"},
        )
        self.stack.sockets.mkdir()
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._plan = {process.name: process for process in self.stack.processes()}
        self._serve_static_files()
        self.edge = (LOOPBACK, self.ports.edge)
        self.api = httpx.Client(base_url=f"http://{LOOPBACK}:{self.ports.api}", timeout=60)
        self.public = httpx.Client(base_url=f"http://{LOOPBACK}:{self.ports.edge}", timeout=60)

    def start(self) -> float:
        """Start the system; return how many seconds it took until everything answered."""
        started = time.monotonic()
        for process in self._plan.values():
            self._start(process)
        for process in self._plan.values():
            self._wait_for(process)
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
        self._start(process)
        self._wait_for(process)

    def stop_app(self) -> None:
        if "app" in self._running:
            self._stop("app")

    def stop(self) -> None:
        self.api.close()
        self.public.close()
        for name in reversed(list(self._running)):
            self._running[name].terminate()
        for name in list(self._running):
            self._stop(name)

    def leaders(self, *names: str) -> list[int]:
        """Return the processes by name, all of the system by default, with whatever they have started."""
        return [self._running[name].pid for name in names or self._plan]

    def memory(self) -> dict[str, float]:
        """Return the MB that each process of the system holds, the largest of those that have workers."""
        return {
            name: max(resident_mb(pid) for pid, _ in sessions([process.pid]))
            for name, process in self._running.items()
            if name in self._plan
        }

    def process(self, name: str) -> Process:
        return self._plan[name]

    @property
    def purge_token(self) -> str:
        return self._plan["jobs"].environment["PURGE_TOKEN"]

    def upload(self, name: str, photo: Path) -> None:
        form = {"namespace": "DEV", "filename": f"{name}.jpg"}
        self.api.post("/file", files={"file": (photo.name, photo.read_bytes())}, data=form).raise_for_status()

    def url(self, port: int, path: str) -> str:
        return f"http://{LOOPBACK}:{port}{path}"

    def _serve_static_files(self) -> None:
        """Have the edge's nginx serve a folder too, with everything that is set for all of its servers."""
        config = self.stack.data / "run/edge/edge.conf"
        server = (
            f"server {{ listen {LOOPBACK}:{self.static_port} backlog=4096; location / {{ root {self.static}; }} }}\n}}"
        )
        config.write_text(config.read_text().rstrip().removesuffix("}") + server)

    def _start(self, process: Process) -> None:
        with (self.folder / f"{process.name}.log").open("ab") as log:
            self._running[process.name] = subprocess.Popen(
                process.command,
                env=process.environment,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _wait_for(self, process: Process) -> None:
        deadline = time.monotonic() + START_WITHIN
        while not ready.answers(process.ready):
            log = self.folder / f"{process.name}.log"
            alive = self._running[process.name].poll() is None
            if not alive or time.monotonic() > deadline:
                raise PlanError(f"{process.name} is not ready: {log.read_text()[-2000:]}")
            time.sleep(0.01)

    def _stop(self, name: str) -> None:
        process = self._running.pop(name)
        process.terminate()
        try:
            process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


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

    def close(self) -> None:
        for process in self._processes:
            assert process.stdin
            process.stdin.close()
            process.wait(STOP_WITHIN)

    def __len__(self) -> int:
        return len(self._processes)


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind((LOOPBACK, 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()
