"""Where the index of a process is. Several processes can have the same folder: each takes a file of its own.

The files are numbered. A process takes the first one that no other has, and so the one that it had before a restart,
if it is alone. A file is taken by a lock of the operating system, which ends with the process.
"""

import fcntl
import os
from itertools import count
from pathlib import Path


class Place:
    """One file of a folder, which no other process uses while this is open."""

    def __init__(self, folder: Path) -> None:
        """Take a file; raises OSError if the folder cannot be made or written to.

        What the folder is in is not made: it may be a storage that is away, which must not be made anew.
        """
        folder.mkdir(exist_ok=True)
        for number in count():
            lock = folder / f"{number}.lock"
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                continue
            except BaseException:
                os.close(descriptor)
                raise
            self._descriptor, self._lock = descriptor, lock
            self.path = folder / f"{number}.sqlite"
            return

    @property
    def is_lost(self) -> bool:
        """Say whether the folder was removed or replaced since."""
        try:
            return not os.path.samestat(os.fstat(self._descriptor), self._lock.stat())
        except OSError:
            return True

    def close(self) -> None:
        os.close(self._descriptor)
