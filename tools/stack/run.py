"""`make run`: the whole system in the foreground. Its logs are joined, and it stops as a whole."""

import fcntl
import json
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from gateway.nginx import render
from tools.stack import s3
from tools.stack.joined_log import JoinedLog
from tools.stack.plan import LOOPBACK, ROOT, PlanError, Ports, Stack
from tools.stack.processes import Processes

READY_WITHIN = 60
METRICS_PORT = 9100
STOP_WITHIN = 15
"""Seconds. Requests in flight may take ten of them."""


def main() -> int:
    try:
        stack = _plan()
        _check_ports(stack)
        lock = _lock(stack.data)
        stack.sockets.mkdir(mode=0o700)
        plan = stack.processes()
        _write_targets(stack)
    except PlanError as error:
        print(f"TADA cannot start: {error}", file=sys.stderr)
        return 2
    log = JoinedLog(max(len(process.name) for process in plan))
    try:
        problem = _run(stack, Processes(plan, log.open), log)
    finally:
        shutil.rmtree(stack.sockets, ignore_errors=True)
        if stack.s3_port:
            s3.remove_sockets(stack.s3_port)
        lock.close()
    print(problem or "TADA has stopped.", file=sys.stderr if problem else sys.stdout, flush=True)
    return 1 if problem else 0


def _run(stack: Stack, processes: Processes, log: JoinedLog) -> str:
    """Run everything until a signal comes, then stop it. Return the problem if it stopped for another reason."""
    told = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: told.set())
    try:
        for name in processes.plan:
            processes.start(name)
            log.say("system", f"{name} started (pid={processes.pid(name)})")
        return _watch(stack, processes, log, told)
    finally:
        names, ended = processes.names, processes.ended()
        hanging = processes.end(signal.SIGTERM, *names, within=STOP_WITHIN)
        log.close()
        for name in names:
            how = f"had ended with {ended[name]}" if name in ended else "killed" if name in hanging else "stopped"
            log.say("system", f"{name} {how}")


def _watch(stack: Stack, processes: Processes, log: JoinedLog, told: threading.Event) -> str:
    waiting, deadline = list(processes.plan), time.monotonic() + READY_WITHIN
    while not told.wait(0.1):
        for name, status in processes.ended().items():
            return f"TADA has stopped: {name} ended with status {status}. Its last lines above show the reason."
        if waiting:
            waiting = [name for name in waiting if not processes.is_ready(name)]
            if not waiting:
                log.print(_announcement(stack))
            elif time.monotonic() > deadline:
                return f"TADA is not ready after {READY_WITHIN} s: {', '.join(waiting)} did not answer."
    return ""


def _plan() -> Stack:
    environment = os.environ
    bind = environment.get("BIND", "") or LOOPBACK
    if bind not in (LOOPBACK, "localhost") and not environment.get("MEDIA_TOKEN"):
        raise PlanError(f"BIND={bind} lets other machines write. Set MEDIA_TOKEN too")
    workers = environment.get("TRANSFORM_WORKERS", "") or str(os.cpu_count() or 1)
    if not workers.isdecimal() or not 1 <= int(workers) <= 64:
        raise PlanError(f"TRANSFORM_WORKERS: {workers!r} is not a valid number; expected an integer from 1 to 64")
    names = (
        *("API_PREFIX", "PUBLIC_URL", "ROUTE_FILE_GET", "ROUTE_CATALOG_GET", "ORIGINS_ALLOWED"),
        *("CACHE_MAX_SIZE", "GATEWAY_PATIENCE", "HEALTHCHECK_ROUTE", "LOG_FORMAT", "FORMAT_NEGOTIATION", "SIGNED_URLS"),
    )
    settings = {"LOG_FORMAT": "text", **{name: environment[name] for name in names if environment.get(name)}}
    return Stack(
        data=Path(environment.get("DATA_DIR", "") or ROOT / "data").absolute(),
        sockets=Path(tempfile.gettempdir()) / f"tada-{secrets.token_hex(8)}",
        ports=Ports.from_environment(environment),
        bind=bind,
        transform_workers=int(workers),
        settings=settings,
        s3_port=_s3_port(environment),
        metrics_port=_metrics_port(environment, int(workers)),
    )


def _s3_port(environment: Mapping[str, str]) -> int | None:
    """Return the port of the S3 server, or None for no server; raises PlanError."""
    storage = environment.get("STORAGE", "")
    if storage not in ("", "local", "s3"):
        raise PlanError(f"STORAGE: {storage!r} is not a valid storage; expected local or s3")
    if storage != "s3":
        return None
    text = environment.get("S3_PORT", "") or str(s3.PORT)
    if not (text.isdecimal() and 0 < int(text) <= 65536 - s3.PORTS):
        raise PlanError(f"S3_PORT: {text!r} is not a valid port; expected a port with {s3.PORTS - 1} more above it")
    return int(text)


def _metrics_port(environment: Mapping[str, str], transform_workers: int) -> int | None:
    """Return the first port for metrics, or None for no ports; raises PlanError."""
    text = environment.get("METRICS_PORT", "") or str(METRICS_PORT)
    if not (text.isdecimal() and int(text) + transform_workers + 3 < 65536):
        raise PlanError(
            f"METRICS_PORT: {text!r} is not a valid port; expected one with a port for each process above it, or 0"
        )
    return int(text) or None


def _write_targets(stack: Stack) -> None:
    """Write the addresses of all metrics for the `file_sd_configs` of Prometheus."""
    targets = [
        {"targets": [f"{LOOPBACK}:{port}"], "labels": {"process": name, "service": name.partition(".")[0]}}
        for name, port in stack.metrics_ports().items()
    ]
    (stack.data / "run" / "prometheus-targets.json").write_text(json.dumps(targets, indent=2))


def _check_ports(stack: Stack) -> None:
    """Raise PlanError for a port that is in use. The message names the variable that changes it."""
    taken: dict[int, str] = {}
    wanted = list(stack.ports.by_variable().items())
    if stack.s3_port:
        wanted += [("S3_PORT", stack.s3_port + offset) for offset in range(s3.PORTS)]
    wanted += [("METRICS_PORT", port) for port in stack.metrics_ports().values()]
    for variable, port in wanted:
        if port in taken:
            raise PlanError(f"{variable} and {taken[port]} are both {port}: choose two different ports")
        taken[port] = variable
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError as error:
                raise PlanError(
                    f"port {port} cannot be used ({error.strerror}); choose another: make run {variable}={port + 1000}"
                ) from None


def _lock(data: Path) -> "_Lock":
    """Lock a data folder against a second system; raises PlanError."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        return _Lock(data / "lock")
    except BlockingIOError:
        raise PlanError(f"another TADA uses {data}; stop it, or set another DATA_DIR") from None
    except OSError as error:
        raise PlanError(f"DATA_DIR {data} cannot be used ({error.strerror})") from None


class _Lock:
    def __init__(self, path: Path) -> None:
        self._file = path.open("w")
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def close(self) -> None:
        self._file.close()


def _announcement(stack: Stack) -> str:
    """Return the addresses of everything."""
    routes = render.routes(render.read(stack.settings))
    return f"""
TADA is ready.
  public edge      {stack.edge_url}{routes["PUBLIC_ASSETS"]}/…   {stack.edge_url}{routes["PUBLIC_CATALOG"]}
  internal entry   {stack.api_url}   (uploads and the whole API)
  cache tier       http://localhost:{stack.ports.cache}
{_storage(stack)}  data             {stack.data}
Try it:
  curl -F file=@cat.jpg -F namespace=DEV {stack.api_url}/file
Ctrl-C stops it.
"""


def _storage(stack: Stack) -> str:
    if not stack.s3_port:
        return ""
    return f"  S3               http://localhost:{stack.s3_port}   (its keys: {stack.s3_keys_file})\n"


if __name__ == "__main__":
    sys.exit(main())
