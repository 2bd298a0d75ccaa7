"""A `Reader` of an open file: by position, so that reading and writing do not affect each other."""

import os


class Opened:
    """Reads a file by its descriptor. The size is that of the moment."""

    def __init__(self, file: int) -> None:
        self._file = file
        self.size = os.fstat(file).st_size

    def up_to(self, start: int, length: int) -> bytes:
        """Return the bytes at a position, fewer or none where the file ends."""
        if not 0 <= start < self.size:
            return b""  # Files name positions that no system call takes.
        data = os.pread(self._file, length, start)
        while data and len(data) < length and (more := os.pread(self._file, length - len(data), start + len(data))):
            data += more
        return data
