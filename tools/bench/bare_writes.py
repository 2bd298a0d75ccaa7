"""The limit of uploading: the same bytes written to a new file, fsynced and renamed, by one of several processes."""

import os
import time
from pathlib import Path

from tools.bench.load import questions, reply


def write(content: bytes, folder: Path, name: str) -> None:
    temporary = folder / f".{name}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
    os.fsync(descriptor)
    os.close(descriptor)
    temporary.rename(folder / name)


if __name__ == "__main__":
    for asked in questions():
        content, folder = Path(asked["source"]).read_bytes(), Path(asked["folder"])
        started, cpu = time.perf_counter(), time.process_time()
        for name in asked["names"]:
            write(content, folder, name)
        reply({"seconds": time.perf_counter() - started, "cpu": time.process_time() - cpu})
