"""Uploads, replacements, deletions and their undoing without a pause, while Redis, catalog and jobs are killed.

    python -m tests.programs.soak_undo [CHANGES]          (10000; `make soak-changes`)

Several clients change the same assets. In the end, every file that was acknowledged must be there, as an asset, an
earlier version or in the trash. The storage must have exactly the files of these, and each must come back byte for
byte.
"""

import hashlib
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count, cycle
from pathlib import Path
from typing import Any

import httpx
import orjson
import redis

from services.core.state import keys
from tests.processes.system import System
from tests.support.pdfs import pdf
from tests.support.waits import wait_until

SETTINGS = {"KEEP_VERSIONS": "100", "TRASH_DAYS": "30", "PURGE_WAIT_SECONDS": "0.01"}
CLIENTS = 4
CHANGES_OF_AN_ASSET = 80
"""Fewer than there are versions of one asset: nothing is let go because of their number."""
PARTS = ("redis", "catalog", "jobs")
DOWN_SECONDS = (0.0, 0.5)
CHANGES_BETWEEN = (10, 40)
"""So many changes are acknowledged before the next part is killed."""
MENDED_WITHIN = 60


@dataclass(slots=True)
class Seen:
    """What the storm has counted: changes that were acknowledged, and others.

    `acknowledged` are the SHA-256 of files that somebody was told are stored.
    """

    changes: int = 0
    failed: int = 0
    kills: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    acknowledged: set[str] = field(default_factory=set)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class UndoStorm:
    def __init__(self, system: System, changes: int, seed: int = 1) -> None:
        self._system, self._changes, self._random = system, changes, random.Random(seed)
        self._over, self._lock = threading.Event(), threading.Lock()
        self._contents = count(1)
        self.seen = Seen()

    def run(self) -> None:
        """Change and kill until enough changes are acknowledged, then wait until nothing is left to be deleted."""
        with ThreadPoolExecutor(CLIENTS + 1) as pool:
            clients = [pool.submit(self._client, number) for number in range(CLIENTS)]
            killer = pool.submit(self._kill)
            try:
                for client in clients:
                    client.result()
            finally:
                self._over.set()
            killer.result()
        self._system.reap()
        wait_until(lambda: sorted(self._system.stored_files()) == sorted(self.owned()), MENDED_WITHIN)

    def owned(self) -> list[str]:
        """Return the storage key of each entry and of each retired object: one that has two owners is there twice."""
        with redis.Redis(port=self._system.ports.redis) as client:
            entries = [orjson.loads(raw)["storage_key"] for raw in client.hvals(keys.ENTRIES)]
            return [*entries, *(key.decode() for key in client.hkeys(keys.RETIRED))]

    def _client(self, number: int) -> None:
        chance = random.Random(number)
        with httpx.Client(base_url=str(self._system.api.base_url), timeout=30) as client:
            while self.seen.changes < self._changes and not self._over.is_set():
                name = f"undo{self.seen.changes // CHANGES_OF_AN_ASSET}"
                try:
                    kind, done = self._change(client, chance, name)
                except (httpx.HTTPError, KeyError, IndexError):  # No answer, or that of a part that is down.
                    kind, done = "", False
                with self._lock:
                    self.seen.changes += done
                    self.seen.failed += not done
                    self.seen.kinds[kind] = self.seen.kinds.get(kind, 0) + done
                if not done:
                    time.sleep(0.05)

    def _change(self, client: httpx.Client, chance: random.Random, name: str) -> tuple[str, bool]:
        """Make one change of an asset that fits what there is; return its kind, and whether it was acknowledged."""
        found = client.get(
            "/catalog", params={"filterByKey": "unique_name", "filterByValue": f"/DEV/{name}.pdf"}
        ).json()
        if not found:
            trash = client.get("/catalog/trash", params={"limit": 5}).json()["data"]
            trash = [one for one in trash if one["filename"] == f"{name}.pdf"]
            if trash and chance.random() < 0.7:
                return "undelete", self._is_done(client.post(f"/catalog/trash/{chance.choice(trash)['id']}/restore"))
            return "upload", self._send(client, "POST", "/file", name)
        uuid = found[0]["uuid"]
        kind = chance.choices(("replace", "restore", "delete", "for good"), (5, 3, 2, 1))[0]
        if kind == "restore":
            versions = client.get(f"/catalog/{uuid}/versions").json()["data"]
            wanted = chance.choice(versions)["version"]
            return kind, self._is_done(client.post(f"/catalog/{uuid}/versions/{wanted}/restore"))
        if kind == "delete":
            return kind, self._is_done(client.delete(f"/file/{uuid}"))
        if kind == "for good":
            return kind, self._delete_for_good(client, f"{name}-{next(self._contents)}")
        return kind, self._send(client, "PATCH", f"/file/{uuid}", name)

    def _send(self, client: httpx.Client, method: str, path: str, name: str) -> bool:
        content = pdf(str(next(self._contents)))
        answer = client.request(
            method,
            path,
            files={"file": (f"{name}.pdf", content)},
            data={"namespace": "DEV"} if method == "POST" else {},
        )
        if self._is_done(answer):
            with self._lock:
                self.seen.acknowledged.add(digest(content))
        return self._is_done(answer)

    def _delete_for_good(self, client: httpx.Client, name: str) -> bool:
        """Upload an asset of its own, delete it, and then delete it for good."""
        file = {"file": (f"{name}.pdf", pdf(name))}
        uuid = client.post("/file", files=file, data={"namespace": "DEV"}).json()["data"][0]["uuid"]
        trash_id = client.delete(f"/file/{uuid}").json()["data"][0]["trash"]["id"]
        return self._is_done(client.delete(f"/catalog/trash/{trash_id}"))

    def _is_done(self, answer: httpx.Response) -> bool:
        return answer.status_code == 200

    def _kill(self) -> None:
        try:
            self._kill_in_turn()
        finally:
            self._over.set()  # If a part does not start again, nobody waits for it.

    def _kill_in_turn(self) -> None:
        for part in cycle(PARTS):
            wanted = self.seen.changes + self._random.randint(*CHANGES_BETWEEN)
            while self.seen.changes < wanted:
                if self._over.wait(self._random.uniform(0.001, 0.02)):
                    return
            self._system.kill(part)
            self.seen.kills += 1
            time.sleep(self._random.uniform(*DOWN_SECONDS))
            self._system.start(part, wait_for_nodes=False)


def bring_back_all(system: System) -> set[str]:
    """Bring back every version and every deleted asset, and return the SHA-256 of all files that were there.

    Asserts that each has the bytes that its entry says, before and after.
    """
    found = set()
    for entry in system.api.get("/catalog").json():
        found.add(_delivered(system, entry))
        found |= _bring_back_versions(system, entry)
    for trashed in list(_trash(system)):
        with suppress(IndexError):  # Its path may be taken by one that was brought back before.
            system.api.delete(f"/file/{_living(system, trashed)['uuid']}").raise_for_status()
        assert digest(system.api.get(f"/catalog/trash/{trashed['id']}/file").content) == trashed["signature"]
        answer = system.api.post(f"/catalog/trash/{trashed['id']}/restore")
        assert answer.status_code == 200, answer.text
        found.add(_delivered(system, answer.json()["data"][0]))
        found |= _bring_back_versions(system, answer.json()["data"][0])
    return found


def _bring_back_versions(system: System, entry: dict[str, Any]) -> set[str]:
    """Make each earlier version of an asset the present one, the oldest first."""
    at, found = f"/catalog/{entry['uuid']}/versions", set()
    for version in reversed(system.api.get(at).json()["data"]):
        assert digest(system.api.get(f"{at}/{version['version']}/file").content) == version["signature"]
        answer = system.api.post(f"{at}/{version['version']}/restore")
        assert answer.status_code == 200, answer.text
        assert answer.json()["data"][0]["signature"] == version["signature"]
        found.add(_delivered(system, answer.json()["data"][0]))
    return found


def _delivered(system: System, entry: dict[str, Any]) -> str:
    """Return the SHA-256 of what transform delivers of an asset; no cache is asked."""
    content = system.transform.get(f"/assets/media/original{entry['unique_name']}").content
    assert digest(content) == entry["signature"], entry["unique_name"]
    return entry["signature"]


def _trash(system: System) -> Iterator[dict[str, Any]]:
    cursor: str | None = ""
    while cursor is not None:
        answer = system.api.get("/catalog/trash", params={"limit": 1000, "cursor": cursor})
        yield from answer.json()["data"]
        cursor = answer.headers.get("x-next-cursor")


def _living(system: System, trashed: dict[str, Any]) -> dict[str, Any]:
    """Return the entry at the path of a deleted asset; raises IndexError."""
    asked = {"filterByKey": "unique_name", "filterByValue": trashed["unique_name"]}
    return dict(system.api.get("/catalog", params=asked).json()[0])


def main(changes: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        system = System(Path(folder), SETTINGS)
        try:
            system.start()
            storm, begun = UndoStorm(system, changes), time.monotonic()
            storm.run()
            kinds, kills = storm.seen.kinds, storm.seen.kills
            print(f"{storm.seen.changes} changes in {time.monotonic() - begun:.0f} s, {kills} kills, {kinds}")
            lost = storm.seen.acknowledged - bring_back_all(system)
            print(f"{len(storm.seen.acknowledged)} files acknowledged, {len(lost)} of them lost")
            return 1 if lost else 0
        finally:
            with suppress(AssertionError):
                system.stop()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
