"""The limit of uploading, in one of several processes: what is on the disk when an upload is answered.

That is a note in Redis that a file is going to be written, the file, and its entry instead of the note. Each is synced:
the two by Redis (`appendfsync always`), before it answers.
"""

import os
import time
from pathlib import Path

import redis

from tools.bench.load import questions, reply


def upload(client: redis.Redis, content: bytes, folder: Path, name: str) -> None:
    client.set(f"bench:note:{name}", name)
    temporary = folder / f".{name}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
    os.fsync(descriptor)
    os.close(descriptor)
    temporary.rename(folder / name)
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(opened)
    os.close(opened)
    client.rename(f"bench:note:{name}", f"bench:entry:{name}")


if __name__ == "__main__":
    for asked in questions():
        content, folder = Path(asked["source"]).read_bytes(), Path(asked["folder"])
        with redis.Redis(port=asked["redis"]) as client:
            client.ping()
            cpu = time.process_time()
            for name in asked["names"]:
                upload(client, content, folder, name)
            reply({"cpu": time.process_time() - cpu})
