"""The log of a system in the background: one file, and the one before it, so that a disk does not fill up."""

import io
from contextlib import suppress
from pathlib import Path

LARGEST = 20 * 1024 * 1024
"""Bytes. A file that is larger is put aside, and replaces the one that was put aside before."""


class LogFile(io.TextIOBase):
    """Takes the place of the standard output. Whole lines are written at once."""

    def __init__(self, path: Path, largest: int = LARGEST) -> None:
        self._path, self._largest = path, largest
        self._file = path.open("a", errors="replace")

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        written = self._file.write(text)
        if text.endswith("\n"):
            self._file.flush()
            if self._file.tell() > self._largest:
                self._put_aside()
        return written

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()

    def _put_aside(self) -> None:
        with suppress(OSError):  # Somebody has moved it.
            self._path.replace(self._path.with_name(f"{self._path.name}.1"))
        with suppress(OSError):  # The file from before stays in use. The next line tries again.
            before, self._file = self._file, self._path.open("a", errors="replace")
            before.close()
