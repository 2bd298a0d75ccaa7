"""Measure `tada upload` beside what the service takes: python -m tests.programs.uploading [FILES] [ROUNDS]

The other side sends bodies that are ready, in requests of one file each, from sockets that do nothing else. Both sides
send different files of 100 kB over as many connections, in turns, on the machine of the service.
"""

import json
import os
import queue
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from PIL import Image

from tests.processes.system import System
from tools.stack.plan import ROOT

CONNECTIONS = 6
BOUNDARY = "a-boundary-that-no-picture-has"


def pictures(folder: Path, count: int) -> list[Path]:
    """Make JPEG files of 100 kB that differ in a comment."""
    noise = np.random.default_rng(1).integers(0, 255, (100, 150, 3), np.uint8)
    first = folder / "first.jpg"
    Image.fromarray(noise).resize((640, 430)).save(first, quality=88)
    photo = first.read_bytes()
    first.unlink()
    made = []
    for number in range(count):
        path = folder / f"{number:06}.jpg"
        path.write_bytes(photo[:2] + b"\xff\xfe\x00\x0a" + str(number).encode().rjust(8) + photo[2:])
        made.append(path)
    return made


def request(file: Path, destination: str) -> bytes:
    fields = {"namespace": "DEV", "destination": destination}
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    parts.append(f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{file.name}"\r\n\r\n')
    body = "".join(parts).encode() + file.read_bytes() + f"\r\n--{BOUNDARY}--\r\n".encode()
    head = (
        "POST /file?on_conflict=skip HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def bare(port: int, files: list[Path], destination: str) -> float:
    """Return the seconds that ready requests take."""
    waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    for file in files:
        waiting.put(request(file, destination))
    refused = []

    def send() -> None:
        with socket.create_connection(("127.0.0.1", port)) as connection, connection.makefile("rb") as answers:
            while not waiting.empty():
                try:
                    connection.sendall(waiting.get_nowait())
                except queue.Empty:
                    return
                status, length = answers.readline(), 0
                while header := answers.readline().strip().lower():
                    name, _, value = header.partition(b":")
                    length = int(value) if name == b"content-length" else length
                answers.read(length)
                if b" 200 " not in status:
                    refused.append(status)

    threads = [threading.Thread(target=send) for _ in range(CONNECTIONS)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not refused, refused[0]
    return time.monotonic() - began


def command(port: int, folder: Path, destination: str, count: int) -> float:
    """Return the seconds that the command takes, with its start."""
    environment = {
        "TADA_URL": f"http://127.0.0.1:{port}",
        "PYTHONPATH": str(ROOT / "clients/python/src"),
        "XDG_STATE_HOME": str(folder.parent / "state"),
        "TADA_CONFIG": str(folder.parent / "none"),
    }
    arguments = ["upload", str(folder), "--to", f"/DEV/{destination}", "--parallel", str(CONNECTIONS), "--json"]
    began = time.monotonic()
    ran = subprocess.run(
        [sys.executable, "-m", "tada_client.cli", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    seconds = time.monotonic() - began
    assert json.loads(ran.stdout)["stored"] == count, ran.stderr
    return seconds


def main(count: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "photos"
        folder.mkdir()
        files = pictures(folder, count)
        system = System(Path(name) / "system", {}, replicas=1)
        system.start()
        try:
            ratios = []
            for number in range(rounds):
                ready = bare(system.ports.api, files, f"bare-{number}")
                system.wait_until_described(within=600)
                told = command(system.ports.api, folder, f"command-{number}", count)
                system.wait_until_described(within=600)
                ratios.append(ready / told)
                print(f"bare {count / ready:.0f}/s, tada {count / told:.0f}/s: {ready / told:.2f}", flush=True)
            print(f"median of {rounds}: {statistics.median(ratios):.2f}")
        finally:
            system.stop()


if __name__ == "__main__":
    main(*(int(given) for given in (*sys.argv[1:], *("2000", "5")[len(sys.argv) - 1 :])))
