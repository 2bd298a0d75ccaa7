"""A lost storage is not taken for a new one, and docs/backup.md is followed from a backup under load to a restore.

The services run as processes of their own; there is no gateway, so changes of the catalog stay queued for it.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.core.storage.base import MARK
from tests.support.pictures import RED, encoded, marked
from tests.support.waits import wait_until
from tools.stack import children
from tools.stack.plan import ROOT
from tools.stack.ports import free_ports

DRILL = re.findall(r"```sh drill\n(.+?)```", (ROOT / "docs/backup.md").read_text(), re.DOTALL)
PHOTO = encoded(marked((64, 48), RED), "PNG")


class Small:
    """Redis, catalog and jobs on a data folder."""

    def __init__(self, data: Path) -> None:
        self.data, self.storage = data, data / "storage"
        self._redis_port, port = free_ports(2)
        self.api = f"http://127.0.0.1:{port}"
        self.environment = {
            **os.environ,
            "REDIS_URL": f"redis://127.0.0.1:{self._redis_port}",
            "DATA_FOLDER_PATH": str(self.storage),
            "PORT": str(port),
            "PURGE_WAIT_SECONDS": "0",
            "PURGE_TOKEN": "token-of-the-tests",
            "NGINX_SERVICE": "http://127.0.0.1:9",
            "NGINX_EDGE_SERVICE": "http://127.0.0.1:9",
        }
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        (self.data / "redis").mkdir(parents=True, exist_ok=True)
        redis = ["redis-server", "--port", str(self._redis_port), "--dir", str(self.data / "redis"), "--save", ""]
        services = [[sys.executable, "-m", f"services.{name}"] for name in ("catalog", "jobs")]
        for words in ([*redis, "--appendonly", "yes", "--repl-diskless-sync-delay", "0"], *services):
            with (self.data.parent / "log").open("ab") as log:
                self._running.append(
                    children.start(words, self.environment, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
                )

    def stop(self) -> None:
        for process in reversed(self._running):
            process.terminate()
            process.wait(30)
        self._running = []

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", *arguments]
        return subprocess.run(
            words, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False, timeout=120
        )

    def says(self, status: int) -> str:
        """Wait until the readiness check answers with a status; return what it says."""

        def answered() -> bool:
            with suppress(httpx.TransportError):
                return httpx.get(f"{self.api}/readiness-check", timeout=10).status_code == status
            return False

        wait_until(answered, 60)
        return httpx.get(f"{self.api}/readiness-check", timeout=10).text

    def upload(self, name: str, content: bytes) -> httpx.Response:
        return httpx.post(f"{self.api}/file", files={"file": (name, content)}, data={"namespace": "DEV"}, timeout=60)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Small]:
    made = Small(tmp_path / "data")
    made.start()
    made.says(200)
    yield made
    made.stop()


class Writer(threading.Thread):
    """Uploads, replaces and deletes assets of its own, again and again."""

    def __init__(self, small: Small, number: int) -> None:
        super().__init__(daemon=True)
        self._api, self._number, self._ended = small.api, number, threading.Event()
        self.done, self.wrong = 0, ""

    def run(self) -> None:
        uuids: dict[str, str] = {}
        with httpx.Client(base_url=self._api, timeout=60) as client:
            while not self._ended.is_set():
                name = f"w{self._number}-{self.done % 7}.png"
                files = {"file": (name, PHOTO + os.urandom(8))}
                if name not in uuids:
                    answer = client.post("/file", files=files, data={"namespace": "DEV"})
                elif self.done % 3:
                    answer = client.patch(f"/file/{uuids[name]}", files=files)
                else:
                    answer = client.delete(f"/file/{uuids.pop(name)}")
                if answer.status_code != 200:
                    self.wrong = f"{answer.request.method} {answer.status_code}: {answer.text}"
                    return
                if answer.request.method == "POST":
                    uuids[name] = answer.json()["data"][0]["uuid"]
                self.done += 1

    def end(self) -> None:
        self._ended.set()
        self.join(60)
        assert not self.is_alive()
        assert self.wrong == ""


def test_a_backup_under_load_is_restored_as_the_page_says(small: Small, tmp_path: Path) -> None:
    kept = {f"/DEV/kept-{at}.webp" for at in range(10)}
    for at in range(10):
        assert small.upload(f"kept-{at}.png", PHOTO + bytes([at])).status_code == 200
    writers = [Writer(small, at) for at in range(3)]
    for writer in writers:
        writer.start()
    try:
        wait_until(lambda: all(writer.done >= 21 for writer in writers))
        begun = sum(writer.done for writer in writers)
        done = small.command("services.jobs", "backup", str(tmp_path / "backups"))
        assert sum(writer.done for writer in writers) > begun
    finally:
        for writer in writers:
            writer.end()
    assert done.returncode == 0, done.stderr
    [backup] = (tmp_path / "backups").iterdir()
    small.stop()
    before, after = DRILL
    place = {**os.environ, "DATA_DIR": str(small.data), "BACKUP": str(backup), "API": small.api}
    subprocess.run(["sh", "-ec", before], env=place, check=True, timeout=60)
    small.start()
    small.says(200)
    doctor = small.command("services.catalog", "doctor")
    assert "wrong  catalog: it is empty, but the storage has files" in doctor.stdout
    said = subprocess.run(["sh", "-ec", after], env=place, check=True, capture_output=True, text=True, timeout=120)
    assert '"itemsRestored"' in said.stdout
    listed = httpx.get(f"{small.api}/catalog", timeout=60).json()
    assert kept <= {entry["unique_name"] for entry in listed}
    for entry in listed:
        stored = (small.storage / entry["storage_key"]).read_bytes()
        assert hashlib.sha256(stored).hexdigest() == entry["signature"], entry["unique_name"]

    [job_id] = re.findall(r'"id":"(sync-[0-9a-f]+)"', said.stdout)

    def job() -> dict[str, Any]:
        [found] = httpx.get(f"{small.api}/jobs/{job_id}", timeout=60).json()["data"]
        return dict(found)

    wait_until(lambda: job()["status"] == "done", 60)
    assert (job()["result"]["missing_count"], job()["result"]["checked"]) == (0, len(listed))


def test_a_lost_storage_folder_is_not_taken_for_a_new_one(small: Small) -> None:
    assert small.upload("cat.png", PHOTO).status_code == 200
    assert (small.storage / MARK).exists()
    small.stop()
    away = small.storage.rename(small.storage.with_name("away"))
    small.start()
    assert "has lost its mark" in small.says(503)
    assert small.upload("dog.png", PHOTO).status_code == 503
    doctor = small.command("services.catalog", "doctor")
    assert "wrong  storage: STANDALONE: The storage has lost its mark" in doctor.stdout, doctor.stdout
    assert "adopt-storage" in doctor.stdout
    assert not small.storage.exists(), "nobody makes it anew"
    assert "storage_lost" in (small.data.parent / "log").read_text()
    # It comes back.
    away.rename(small.storage)
    small.says(200)
    # It is gone for good, and an operator says that it is right.
    shutil.rmtree(small.storage)
    small.says(503)
    adopted = small.command("services.catalog", "adopt-storage")
    assert adopted.returncode == 0, adopted.stderr
    small.says(200)
    assert small.upload("dog.png", PHOTO).status_code == 200
