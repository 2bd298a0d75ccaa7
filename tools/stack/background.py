"""`make start`, `make stop`, `make status` and `make logs`: the system of `make run` in the background.

python -m tools.stack.background start|stop|status|logs
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tools.stack import ready, run, variables
from tools.stack.plan import ROOT
from tools.stack.running import Running, Several, chosen, is_running, systems

STOP_WITHIN = run.STOP_WITHIN + 10
"""Seconds in which a system that was asked to stop has stopped."""
_SHOWN = 200
_OF_A_FAILURE = 20
"""Lines of the log."""
_NONE = "TADA does not run."


def start() -> int:
    """Start a system, and wait until all of it answers, or has ended; return the exit status."""
    data = variables.data_folder(os.environ)
    if any(system.data == data for system in systems()):
        print(f"TADA runs already, on {data}. 'make status' shows it, and 'make stop' stops it.")
        return 0
    log = run.log_of(data)
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        out = log.open("a")
    except OSError as error:
        print(f"TADA cannot start: {log} cannot be written ({error.strerror})", file=sys.stderr)
        return 2
    readable, writable = os.pipe()
    with out:
        begun = out.tell()
        process = subprocess.Popen(
            [sys.executable, "-m", "tools.stack.run", "--background", str(writable)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            pass_fds=[writable],
            start_new_session=True,
        )
    os.close(writable)
    try:
        with os.fdopen(readable) as said:
            announcement = said.read()
    except KeyboardInterrupt:
        print("TADA goes on starting. 'make status' shows it, and 'make stop' stops it.")
        return 1
    if announcement:
        print(announcement)
        return 0
    status = process.wait()
    print("".join(_lines_after(log, begun)[-_OF_A_FAILURE:]), end="", file=sys.stderr)
    print(f"TADA did not start. The whole log is {log}", file=sys.stderr)
    return status or 1


def stop(system: Running) -> int:
    """Stop a system, and wait until it has ended; return the exit status."""
    with suppress(ProcessLookupError):
        os.kill(system.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_WITHIN
    while is_running(system.pid):
        if time.monotonic() > deadline:
            print(f"TADA (pid {system.pid}) has not stopped within {STOP_WITHIN} s. See {run.log_of(system.data)}")
            return 1
        time.sleep(0.05)
    print("TADA has stopped.")
    return 0


def status(system: Running) -> int:
    """Say of each process whether it answers; the exit status is 0 if all do."""
    print(f"TADA runs (pid {system.pid}) on {system.data}")
    planned: dict[str, str] = json.loads(run.processes_of(system.data).read_text())
    answers = {name: ready.answers(address) for name, address in planned.items()}
    width = max(map(len, answers))
    for name, does in answers.items():
        print(f"  {name:{width}}  {'answers' if does else 'does not answer'}")
    return 0 if all(answers.values()) else 1


def logs(system: Running) -> int:
    """Show the end of the log, and what comes, until Ctrl-C."""
    log = run.log_of(system.data)
    if not log.exists():
        print(f"There is no {log}: this TADA was started by make run, which shows its log itself.")
        return 1
    with suppress(KeyboardInterrupt):
        subprocess.run(["tail", "-n", str(_SHOWN), "-F", str(log)], check=False)
    return 0


COMMANDS: dict[str, Callable[[Running], int]] = {"stop": stop, "status": status, "logs": logs}


def main(command: str) -> int:
    if command == "start":
        return start()
    try:
        system = chosen(os.environ)
    except Several as several:
        print(several.choose(command))
        return 2
    if system is None:
        print(_NONE)
        return 0 if command == "stop" else 1
    return COMMANDS[command](system)


def _lines_after(log: Path, position: int) -> list[str]:
    with log.open(errors="replace") as file:
        file.seek(position)
        return file.readlines()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
