"""Looks after the processes of a running system: starts again what has ended by itself, and passes signals on."""

import os
import signal
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress

from tools.stack.joined_log import JoinedLog
from tools.stack.processes import Processes
from tools.stack.restarts import RESTARTS_MAX, Restarts

READY_WITHIN = 60
_LOOKS_EACH = 0.1
"""Seconds between two looks at the processes."""
_LEFT_BEHIND_WITHIN = 1
"""Seconds. The processes that an ended process leaves behind are killed at once."""
_RELOADS = "catalog"
"""The service that reads something again at SIGHUP: its tokens."""


class Watch:
    """Watches the processes of a system until somebody says stop. `ready` is called once, when all have answered.

    A process that ends while the system starts ends the system: its settings are wrong, and stay wrong.
    """

    def __init__(self, processes: Processes, log: JoinedLog, ready: Callable[[], None]) -> None:
        self._processes, self._log, self._ready = processes, log, ready
        # A signal sets these. An Event would be wrong: its lock may be held by the thread that the signal interrupts.
        self._told_to_stop = self._hung_up = False
        self._has_started = False
        self._unready: dict[str, float] = {}
        """Processes that have not answered yet, with the time at which that is said."""
        self._due: dict[str, float] = {}
        """Processes that are started again, with the time at which that happens."""
        self._restarts: defaultdict[str, Restarts] = defaultdict(Restarts)

    def take_signals(self) -> None:
        """Stop at SIGINT and SIGTERM, and when the terminal is closed. Any other SIGHUP reloads the tokens."""
        had_terminal = _has_terminal()

        def hang_up(*_: object) -> None:
            if had_terminal and not _has_terminal():
                stop()
            else:
                self._hung_up = True

        def stop(*_: object) -> None:
            self._told_to_stop = True

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop)
        signal.signal(signal.SIGHUP, hang_up)

    def run(self) -> str:
        """Start all processes and watch them. Return the problem if they cannot go on, or an empty text."""
        for name in self._processes.plan:
            self._start(name)
        while not self._told_to_stop:
            problem = self._look_for_ended() or self._look_for_unready()
            if problem:
                return problem
            for name in [name for name, due in self._due.items() if due <= time.monotonic()]:
                del self._due[name]
                self._start(name)
            if self._hung_up:
                self._hung_up = False
                self._reload()
            time.sleep(_LOOKS_EACH)
        return ""

    def _start(self, name: str) -> None:
        self._processes.start(name)
        self._unready[name] = time.monotonic() + READY_WITHIN
        self._log.say("system", f"{name} started (pid={self._processes.pid(name)})")

    def _look_for_ended(self) -> str:
        for name, status in self._processes.ended().items():
            said = f"{name} ended with status {status}"
            pause = self._restarts[name].after_end(time.monotonic()) if self._has_started else None
            if pause is None:
                often = f" again, after {RESTARTS_MAX} restarts within a minute" if self._has_started else ""
                return f"TADA has stopped: {said}{often}. Its last lines above show the reason."
            self._processes.end(signal.SIGTERM, name, within=_LEFT_BEHIND_WITHIN)
            self._unready.pop(name, None)
            self._due[name] = time.monotonic() + pause
            self._log.say("system", f"{said}; it is started again in {pause:g} s")
        return ""

    def _look_for_unready(self) -> str:
        for name in [name for name in self._unready if self._processes.is_ready(name)]:
            del self._unready[name]
            if self._has_started:
                self._log.say("system", f"{name} is ready again")
        late = [name for name, deadline in self._unready.items() if deadline <= time.monotonic()]
        if not self._has_started:
            if late:
                return f"TADA is not ready after {READY_WITHIN} s: {', '.join(late)} did not answer."
            if not self._unready:
                self._has_started = True
                self._ready()
        for name in late:
            self._unready[name] += READY_WITHIN
            self._log.say(
                "system", f"{name} has not answered for {READY_WITHIN} s; its lines above may show the reason"
            )
        return ""

    def _reload(self) -> None:
        # One that is starting reads its tokens anyhow, and may not know the signal yet.
        able = set(self._processes.names) - self._processes.ended().keys() - self._unready.keys()
        for name in sorted(name for name in able if name.partition(".")[0] == _RELOADS):
            with suppress(ProcessLookupError):
                self._processes.send(signal.SIGHUP, name)
            self._log.say("system", f"{name} reads its tokens again")


def _has_terminal() -> bool:
    """Return whether this process has a terminal that is still open."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
