"""docs/disaster.md is followed: Redis is lost, and the storage is lost. That both are lost is test_backup_drill.py."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx

from tests.integration.test_backup_drill import PHOTO, Small, small
from tests.support.waits import wait_until
from tools.stack.plan import ROOT

__all__ = ["small"]
PAGE = (ROOT / "docs/disaster.md").read_text()


def steps(name: str) -> list[str]:
    return re.findall(rf"```sh drill {name}\n(.+?)```", PAGE, re.DOTALL)


def follow(script: str, small: Small, backup: Path) -> str:
    place = {**os.environ, "DATA_DIR": str(small.data), "BACKUP": str(backup), "API": small.api}
    done = subprocess.run(["sh", "-ec", script], env=place, check=True, capture_output=True, text=True, timeout=60)
    return done.stdout


def job(small: Small, said: str) -> dict[str, Any]:
    """Return what came of the job that an answer names."""
    [job_id] = re.findall(r'"id":"(sync-[0-9a-f]+)"', said)

    def record() -> dict[str, Any]:
        [found] = httpx.get(f"{small.api}/jobs/{job_id}", timeout=60).json()["data"]
        return dict(found)

    wait_until(lambda: record()["status"] == "done", 60)
    return dict(record()["result"])


def paths(small: Small) -> set[str]:
    return {entry["unique_name"] for entry in httpx.get(f"{small.api}/catalog", timeout=60).json()}


def test_a_lost_redis_is_restored_from_the_dump_beside_the_files(small: Small, tmp_path: Path) -> None:
    aside, restore = steps("redis")
    assert small.upload("before.png", PHOTO).status_code == 200
    assert httpx.post(f"{small.api}/catalog/create-dump", timeout=60).status_code == 200
    assert small.upload("after.png", PHOTO + b"1").status_code == 200
    small.stop()
    follow(aside, small, tmp_path)
    small.start()
    small.says(200)
    assert paths(small) == set()
    assert (
        "wrong  catalog: it is empty, but the storage has files" in small.command("services.catalog", "doctor").stdout
    )
    found = job(small, follow(restore, small, tmp_path))
    assert paths(small) == {"/DEV/before.webp"}
    # What was uploaded after the dump has lost its entry, not its bytes.
    assert (found["missing_count"], found["unknown_count"]) == (0, 1)
    assert "after" in str(found["unknown"])


def test_a_lost_storage_is_restored_from_the_backup(small: Small, tmp_path: Path) -> None:
    [restore] = steps("storage")
    assert small.upload("before.png", PHOTO).status_code == 200
    assert small.command("services.jobs", "backup", str(tmp_path / "backups")).returncode == 0
    [backup] = (tmp_path / "backups").iterdir()
    assert small.upload("after.png", PHOTO + b"1").status_code == 200
    shutil.rmtree(small.storage)
    assert "has lost its mark" in small.says(503)
    assert small.upload("refused.png", PHOTO + b"2").status_code == 503
    found = job(small, follow(restore, small, backup))
    assert paths(small) == {"/DEV/before.webp", "/DEV/after.webp"}
    assert found["missing_count"] == 1
    assert "after" in str(found["missing"])
    # The one whose file is gone is given it again, under the same address.
    [lost] = [entry for entry in httpx.get(f"{small.api}/catalog").json() if "after" in entry["unique_name"]]
    again = httpx.patch(f"{small.api}/file/{lost['uuid']}", files={"file": ("after.png", PHOTO + b"1")}, timeout=60)
    assert again.status_code == 200, again.text
