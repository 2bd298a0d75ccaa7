"""Joins the logs of several processes to one, each line with its time and the name of the process."""

import os
import sys
import threading
import time
from contextlib import suppress
from typing import BinaryIO

_COLOURS = (36, 33, 32, 35, 34, 31)
"""Of the names, when the output is a terminal: cyan, yellow, green, magenta, blue, red."""


class JoinedLog:
    """Prints whole lines to the standard output. `width` is the length of the longest name."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._lock = threading.Lock()
        self._names: list[str] = []
        self._readers: list[threading.Thread] = []

    def open(self, name: str) -> BinaryIO:
        """Return what a process can write its lines to."""
        if name not in self._names:
            self._names.append(name)
        readable, writable = os.pipe()
        reader = threading.Thread(target=self._read, args=(name, readable), daemon=True)
        self._readers.append(reader)
        reader.start()
        return os.fdopen(writable, "wb")

    def _read(self, name: str, readable: int) -> None:
        with os.fdopen(readable, errors="replace") as lines:
            for line in lines:
                self.say(name, line.rstrip("\n"))

    def say(self, name: str, line: str) -> None:
        """Print a line as if the process of that name had written it."""
        head = f"{time.strftime('%H:%M:%S')} {name:{self._width}} | "
        if sys.stdout.isatty() and name in self._names:
            head = f"\033[{_COLOURS[self._names.index(name) % len(_COLOURS)]}m{head}\033[0m"
        self.print(head + line)

    def print(self, text: str) -> None:
        """Print a message of `make run`. If the terminal is closed, it is thrown away."""
        with self._lock, suppress(OSError):
            print(text, flush=True)

    def close(self) -> None:
        """Wait until everything is printed that processes have written before they ended."""
        for reader in self._readers:
            reader.join(1)
