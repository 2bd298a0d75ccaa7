"""How long it takes until something answers, from the moment it is started."""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace

from tools.bench.system import Bench
from tools.stack.plan import ROOT
from tools.stack.ports import free_ports
from tools.stack.processes import Processes

TIMES = 3


def make_run() -> float:
    """Return the median of the seconds from the start of `make run` to its message that everything answers."""
    return statistics.median(_make_run() for _ in range(TIMES))


def _make_run() -> float:
    names = ("EDGE", "CACHE", "API", "UPLOAD", "CATALOG", "TRANSFORM", "REDIS")
    ports = {f"{name}_PORT": str(port) for name, port in zip(names, free_ports(len(names)), strict=True)}
    with tempfile.TemporaryDirectory(prefix="tada-bench-run-") as folder:
        started = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "tools.stack.run"],
            cwd=ROOT,
            env={**os.environ, **ports, "DATA_DIR": folder},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert process.stdout
        said = next((line for line in process.stdout if "TADA is ready" in line), "")
        seconds = time.monotonic() - started
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert said, "make run did not come up"
    return seconds


def transform_worker(bench: Bench) -> float:
    """Return the median of the seconds from starting one more transform process to its answer."""
    return statistics.median(_transform_worker(bench) for _ in range(TIMES))


def _transform_worker(bench: Bench) -> float:
    [port] = free_ports(1)
    model = bench.process("transform")
    process = replace(
        model,
        environment={**model.environment, "PORT": str(port)},
        ready=f"http://127.0.0.1:{port}/healthz",
    )
    worker = Processes([process], lambda _: (bench.folder / "another.log").open("ab"))
    started = time.monotonic()
    worker.start()
    try:
        worker.wait_ready(within=30)
        return time.monotonic() - started
    finally:
        worker.end(signal.SIGTERM, process.name, within=10)
