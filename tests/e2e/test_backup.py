"""A lost storage is not taken for a new one, and docs/backup.md is followed from a backup under load to a restore."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from services.core.storage.base import MARK
from tests.processes.system import System
from tests.support.waits import wait_until
from tools.stack.plan import ROOT

DRILL = re.findall(r"```sh drill\n(.+?)```", (ROOT / "docs/backup.md").read_text(), re.DOTALL)


def command(system: System, service: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **system.environment(service)}
    words = [sys.executable, "-m", f"services.{service}", *arguments]
    return subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120)


def write(system: System, photo: bytes, number: int, stop: threading.Event) -> None:
    """Upload, replace and delete, again and again."""
    turn = 0
    with httpx.Client(base_url=f"http://127.0.0.1:{system.ports.api}", timeout=60) as client:
        while not stop.is_set():
            turn += 1
            files = {"file": (f"w{number}-{turn % 7}.jpg", photo + os.urandom(8))}
            with suppress(httpx.TransportError):
                made = client.post("/file", files=files, data={"namespace": "DEV"}).json()["data"]
                for entry in made:
                    client.patch(f"/file/{entry['uuid']}", files=files)
                    if turn % 2:
                        client.delete(f"/file/{entry['uuid']}")


def test_a_backup_under_load_is_restored_as_the_page_says(
    make_system: Callable[..., System], photos: dict[str, bytes], tmp_path: Path
) -> None:
    system = make_system()
    kept = [system.upload(f"kept-{at}.jpg", photos["china.jpg"] + bytes([at])) for at in range(10)]
    stop = threading.Event()
    writers = [
        threading.Thread(target=write, args=(system, photos["flower.jpg"], at, stop), daemon=True) for at in range(3)
    ]
    for writer in writers:
        writer.start()
    try:
        done = command(system, "jobs", "backup", str(tmp_path / "backups"))
    finally:
        stop.set()
        for writer in writers:
            writer.join(60)
    assert done.returncode == 0, done.stderr
    [backup] = (tmp_path / "backups").iterdir()

    everything = system.parts()
    for name in everything:
        system.kill(name)
    place = {
        **os.environ,
        "DATA_DIR": str(system.stack.data),
        "BACKUP": str(backup),
        "API": f"http://127.0.0.1:{system.ports.api}",
    }
    before, after = DRILL
    subprocess.run(["sh", "-ec", before], env=place, check=True, timeout=60)
    # What `make run` makes anew at each start.
    for name in ("run", "cache"):
        shutil.copytree(Path(f"{system.stack.data}.lost") / name, system.stack.data / name, symlinks=True)
    (system.stack.data / "redis").mkdir()
    system.start()
    said = subprocess.run(["sh", "-ec", after], env=place, check=True, capture_output=True, text=True, timeout=60)
    assert '"itemsRestored"' in said.stdout
    listed = system.api.get("/catalog").json()
    assert {entry["unique_name"] for entry in kept} <= {entry["unique_name"] for entry in listed}
    for entry in listed:
        stored = (system.stack.data / "storage" / entry["storage_key"]).read_bytes()
        assert hashlib.sha256(stored).hexdigest() == entry["signature"], entry["unique_name"]
    for at, entry in enumerate(kept):
        shown = system.edge.get(f"/assets/media/original{entry['unique_name']}", follow_redirects=True)
        assert shown.content == photos["china.jpg"] + bytes([at])
    wait_until(lambda: system.api.get("/jobs?name=sync").json()["data"][0]["status"] == "done", 30)
    [job] = system.api.get("/jobs?name=sync").json()["data"]
    assert (job["result"]["missing_count"], job["result"]["checked"]) == (0, len(listed))


@pytest.mark.parametrize("how", ["removed", "emptied"])
def test_a_lost_storage_folder_is_not_taken_for_a_new_one(
    make_system: Callable[..., System], photos: dict[str, bytes], how: str
) -> None:
    system = make_system()
    entry = system.upload("cat.jpg", photos["china.jpg"])
    folder = system.stack.data / "storage"
    assert (folder / MARK).exists()
    for name in ("catalog", "transform", "jobs"):
        system.end(name)
    away = folder.rename(folder.with_name("away"))
    if how == "emptied":
        folder.mkdir()
    with pytest.raises(AssertionError, match="not ready"):
        system.start("catalog", wait_for_nodes=False)
    assert folder.exists() == (how == "emptied"), "nobody makes it anew"
    said = system.api.get("/readiness-check")
    assert (said.status_code, "has lost its mark" in said.text) == (503, True)
    refused = system.api.post("/file", files={"file": ("dog.jpg", photos["china.jpg"])}, data={"namespace": "DEV"})
    assert refused.status_code == 503
    doctor = command(system, "catalog", "doctor")
    assert doctor.returncode == 1
    assert not (folder / ".spool").exists()
    assert "storage_lost" in system.log("catalog")
    # It comes back.
    shutil.rmtree(folder, ignore_errors=True)
    away.rename(folder)
    wait_until(lambda: system.api.get("/readiness-check").status_code == 200, 30)
    system.start("transform", "jobs")
    assert system.edge.get(f"/assets/media/original{entry['unique_name']}").status_code in (200, 302)
    # It is gone for good, and an operator says that it is right.
    shutil.rmtree(folder)
    adopted = command(system, "catalog", "adopt-storage")
    assert adopted.returncode == 0, adopted.stderr
    wait_until(lambda: system.api.get("/readiness-check").status_code == 200, 30)
    system.upload("dog.jpg", photos["china.jpg"])
