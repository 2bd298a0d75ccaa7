"""`make run`: the whole system in the foreground. Its logs are joined, and it stops as a whole.

    python -m tools.stack.run [--background FD]

With --background its log goes to a file, and FD gets what `make run` announces when everything answers.
"""

import fcntl
import json
import os
import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path

from gateway.nginx import render
from tools.stack import s3, variables
from tools.stack.joined_log import JoinedLog
from tools.stack.log_file import LogFile
from tools.stack.plan import LOOPBACK, PlanError, Stack
from tools.stack.processes import Processes
from tools.stack.watch import Watch

STOP_WITHIN = 15
"""Seconds. Requests in flight may take ten of them."""


def log_of(data: Path) -> Path:
    """Return the file with the log of a system in the background."""
    return data / "run" / "tada.log"


def processes_of(data: Path) -> Path:
    """Return the file with the processes of a system: how each is asked whether it answers, by its name."""
    return data / "run" / "processes.json"


def main(announce_to: int | None = None) -> int:
    if announce_to is not None:
        sys.stdout = sys.stderr = LogFile(log_of(variables.data_folder(os.environ)))
    for name, meant in variables.near_misses(os.environ).items():
        print(f"make run does not read {name}. If {meant} is meant, rename it.", file=sys.stderr)
    try:
        stack = variables.stack(os.environ)
        variables.check_ports(stack)
        lock = _lock(stack.data)
        stack.sockets.mkdir(mode=0o700)
        plan = stack.processes()
        _write_targets(stack)
        processes_of(stack.data).write_text(json.dumps({process.name: process.ready for process in plan}))
    except PlanError as error:
        print(f"TADA cannot start: {error}", file=sys.stderr)
        return 2
    log = JoinedLog(max(len(process.name) for process in plan))
    try:
        problem = _run(stack, Processes(plan, log.open), log, announce_to)
    finally:
        shutil.rmtree(stack.sockets, ignore_errors=True)
        if stack.s3_port:
            s3.remove_sockets(stack.s3_port)
        lock.close()
    with suppress(OSError):  # Its terminal may be closed.
        print(problem or "TADA has stopped.", file=sys.stderr if problem else sys.stdout, flush=True)
    return 1 if problem else 0


def _run(stack: Stack, processes: Processes, log: JoinedLog, announce_to: int | None) -> str:
    """Run everything until a signal comes, then stop it. Return the problem if it stopped for another reason."""

    def announce() -> None:
        log.print(_announcement(stack, in_background=announce_to is not None))
        if announce_to is not None:
            tell(announce_to, _announcement(stack, in_background=True))

    watch = Watch(processes, log, announce)
    watch.take_signals()
    try:
        return watch.run()
    finally:
        names, ended = processes.names, processes.ended()
        hanging = processes.end(signal.SIGTERM, *names, within=STOP_WITHIN)
        log.close()
        for name in names:
            how = f"had ended with {ended[name]}" if name in ended else "killed" if name in hanging else "stopped"
            log.say("system", f"{name} {how}")


def tell(descriptor: int, announcement: str) -> None:
    """Write the announcement to the pipe of `make start`, and close it. Nobody may read there any more."""
    with suppress(OSError), os.fdopen(descriptor, "w") as waiting:  # It writes when it is closed.
        waiting.write(announcement)


def _write_targets(stack: Stack) -> None:
    """Write the addresses of all metrics for the `file_sd_configs` of Prometheus."""
    targets = [
        {"targets": [f"{LOOPBACK}:{port}"], "labels": {"process": name, "service": name.partition(".")[0]}}
        for name, port in stack.metrics_ports().items()
    ]
    (stack.data / "run" / "prometheus-targets.json").write_text(json.dumps(targets, indent=2))


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


def _announcement(stack: Stack, *, in_background: bool) -> str:
    """Return the addresses of everything."""
    ends = "'make stop' stops it, and 'make logs' shows its log." if in_background else "Ctrl-C stops it."
    settings = render.read(stack.settings)
    routes, prefix = render.routes(settings), settings["API_PREFIX"].rstrip("/")
    return f"""
TADA is ready.
  public edge      {stack.edge_url}{routes["PUBLIC_ASSETS"]}/…   {stack.edge_url}{routes["PUBLIC_CATALOG"]}
  library          {stack.api_url}{prefix}/library   (the page for people, in a browser)
  internal entry   {stack.api_url}   (uploads and the whole API)
  upload entry     {stack.upload_url}{routes["PUBLIC_DIRECT"]}   (uploads of pages with a ticket)
{_documents(stack, prefix)}  cache tier       http://localhost:{stack.ports.cache}
{_storage(stack)}  data             {stack.data}
Try it:
  curl -F file=@cat.jpg -F namespace=DEV {stack.api_url}/file
{ends} 'kill -HUP {os.getpid()}' makes it read its tokens again.
"""


def _documents(stack: Stack, prefix: str) -> str:
    return f"  documents        {stack.api_url}{prefix}/docs/\n" if "DOCS_DIR" in stack.settings else ""


def _storage(stack: Stack) -> str:
    if not stack.s3_port:
        return ""
    return f"  S3               http://localhost:{stack.s3_port}   (its keys: {stack.s3_keys_file})\n"


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[2]) if sys.argv[1:2] == ["--background"] else None))
