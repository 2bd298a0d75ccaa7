"""Starts, watches and stops the processes of a plan: for `make run`, the tests and the bench."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import BinaryIO

from tools.stack import children, ready
from tools.stack.plan import ROOT, Process

Output = Callable[[str], BinaryIO]
"""Opens the file for the log of a process, by its name. It is closed after the start of the process."""


class NotReady(Exception):
    """A process has ended, or does not answer in time. The message names it."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name} {why}")
        self.name = name


class Processes:
    """The processes of a plan by their names. Each has a session of its own, so Ctrl-C does not reach it.

    They end with the process that has started them, also if that is killed.
    """

    def __init__(self, plan: Iterable[Process], output: Output) -> None:
        self.plan = {process.name: process for process in plan}
        self._output = output
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def names(self) -> list[str]:
        """The names of the processes that were started, and not killed or stopped since."""
        return list(self._running)

    def pid(self, name: str) -> int:
        return self._running[name].pid

    def start(self, *names: str) -> None:
        """Start processes by name, all of the plan by default."""
        for name in names or self.plan:
            process = self.plan[name]
            with self._output(name) as log:
                self._running[name] = children.start(
                    process.command,
                    process.environment,
                    cwd=ROOT,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )

    def ended(self) -> dict[str, int]:
        """Return the statuses of processes that have ended by themselves."""
        return {name: status for name, process in self._running.items() if (status := process.poll()) is not None}

    def is_ready(self, name: str) -> bool:
        return ready.answers(self.plan[name].ready)

    def wait_ready(self, *names: str, within: float) -> None:
        """Wait until processes answer, all of the plan by default; raises NotReady."""
        deadline = time.monotonic() + within
        for name in names or self.plan:
            while not self.is_ready(name):
                status = self._running[name].poll()
                if status is not None:
                    raise NotReady(name, f"ended with {status}")
                if time.monotonic() > deadline:
                    raise NotReady(name, f"is not ready after {within:g} s")
                time.sleep(0.01)

    def send(self, number: signal.Signals, *names: str) -> None:
        """Send a signal to processes and to all that they have started."""
        for name in names:
            os.killpg(self.pid(name), number)

    def kill(self, *names: str) -> None:
        """Kill processes at once, as `kill -9` does, with all that they have started."""
        self.send(signal.SIGKILL, *names)
        for name in names:
            self._running.pop(name).wait()

    def end(self, number: signal.Signals, *names: str, within: float) -> list[str]:
        """Ask processes to end; return the names of those that did not, and had to be killed.

        If a process had ended by itself, the processes that it has left behind are killed.
        """
        asked = {name: self._running.pop(name) for name in names}
        left = {name for name, process in asked.items() if process.poll() is not None}
        for name in asked.keys() - left:
            os.killpg(asked[name].pid, signal.SIGCONT)
            asked[name].send_signal(number)
        deadline, hanging = time.monotonic() + within, []
        for name, process in asked.items():
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                hanging.append(name)
            if name in hanging or name in left:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        return hanging
