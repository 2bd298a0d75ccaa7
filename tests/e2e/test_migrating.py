"""docs/migrating.md, followed from the files of an older installation to a running TADA, in three storages."""

import hashlib
import io
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from PIL import Image

from tests.processes.distant_backend import TOKEN, Backend
from tests.processes.s3_server import BUCKET, S3Server
from tests.support.migrating_page import block_after
from tests.support.older_installation import Files, catalog_of
from tests.support.waits import wait_until
from tools.stack import children
from tools.stack.plan import ROOT, Ports
from tools.stack.ports import free_ports

OF_CLIENTS = "the-token-of-clients"


def commands(words: str) -> list[str]:
    """Return the commands of the block that follows some words of the page."""
    return block_after("Data", words).splitlines()


@pytest.fixture(scope="module")
def files() -> Files:
    def picture(colour: str) -> bytes:
        made = io.BytesIO()
        Image.new("RGB", (64, 48), colour).save(made, "WEBP")
        return made.getvalue()

    return {
        "/DEV/cat.webp": picture("red"),
        "/DEV/shop/2025/hero.webp": picture("green"),
        "/NEWS/a.webp": picture("blue"),
    }


class Installation:
    """The files that an operator of the older service has, and where the page is followed."""

    def __init__(self, folder: Path, files: Files) -> None:
        self.folder, self.files, self.catalog = folder, files, catalog_of(files)
        self.media = folder / "media"
        (folder / "dump.json").write_bytes(orjson.dumps(self.catalog))

    def settings(self, **settings: str) -> None:
        lines = [f"{name}={value}\n" for name, value in settings.items()]
        common = f"NAMESPACES=DEV,NEWS\nMEDIA_TOKEN={OF_CLIENTS}\nNODE_ENV=production\nREDIS_SERVICE=redis-service\n"
        (self.folder / "older.env").write_text(common + "".join(lines))

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self._here(command), capture_output=True, text=True, timeout=60, check=False)

    @contextmanager
    def running(self, command: str, environment: dict[str, str]) -> Iterator[None]:
        with (self.folder / "log").open("wb") as log:
            process = children.start(self._here(command), environment, stdout=log, stderr=log)
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)

    def _here(self, command: str) -> list[str]:
        said = re.sub(r"make migrate ARGS='(.*?)'", r"$PY -m tools.migrate \1", command)
        said = said.replace("make run", "$PY -m tools.stack.run").replace("$PY", sys.executable)
        said = said.replace("/srv/media", str(self.media)).replace("data/storage", str(self.folder / "data/storage"))
        path = f"export PYTHONPATH={ROOT}"
        return ["bash", "-c", f"cd {self.folder}; {path}; {said}"]


@pytest.fixture(params=["folder", "S3", "distant backend"])
def installation(
    request: pytest.FixtureRequest, tmp_path: Path, files: Files, s3_server: S3Server
) -> Iterator[tuple[Installation, list[str]]]:
    """Yield an older installation, and the commands of the page for its storage."""
    made = Installation(tmp_path, files)
    if request.param == "folder":
        for unique_name, content in files.items():
            path = made.media / unique_name.removeprefix("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        made.settings(DUMP_FOLDER_PATH="")
        yield made, commands("**Files in a folder**")
    elif request.param == "S3":
        s3_server.empty()
        for unique_name, content in files.items():
            s3_server.client.put_object(Bucket=BUCKET, Key=unique_name.removeprefix("/"), Body=content)
        made.settings(**s3_server.environment())
        yield made, commands("**S3.**")
    else:
        backend = Backend(tmp_path / "backend")
        backend.start()
        try:
            _fill(backend, made)
            made.settings(
                DELEGATED_STORAGE_METHOD="DISTANT_BACKEND",
                DELEGATED_STORAGE_HOST=backend.url,
                DELEGATED_STORAGE_TOKEN=TOKEN,
            )
            yield made, commands("**Distant backend.**")
        finally:
            backend.stop()


def _fill(backend: Backend, installation: Installation) -> None:
    """Send files and a dump to a backend, as the older service does."""
    with httpx.Client(base_url=backend.url, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        for entry in installation.catalog:
            fields = {name: str(value) for name, value in entry.items() if value is not None}
            file = (entry["filename"], installation.files[entry["unique_name"]], entry["mimetype"])
            client.post("/file", data=fields, files={"file": file}).raise_for_status()
        dump = {
            "dump": ("dump_20261129T210000.rdb", b"REDIS0011"),
            "catalog": ("dump_20261129T210000.json", orjson.dumps(installation.catalog)),
        }
        client.post("/save-dump", files=dump).raise_for_status()


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def catalog(api: httpx.Client) -> list[dict[str, Any]]:
    with suppress(httpx.TransportError):
        answer = api.get("/catalog")
        if answer.status_code == 200:
            found: list[dict[str, Any]] = answer.json()
            return found
    return []


def test_the_page_leads_from_an_older_installation_to_a_running_tada(
    installation: tuple[Installation, list[str]],
) -> None:
    made, [look, do] = installation
    before = tree(made.folder / "media")
    looked = made.run(look)
    assert (looked.returncode, "Nothing was changed" in looked.stdout or "stay at" in looked.stdout) == (0, True)
    assert not (made.folder / "tada.env").exists()
    assert all(name in looked.stdout for name in made.files)
    done = made.run(do)
    assert done.returncode == 0, done.stdout + done.stderr
    assert tree(made.folder / "media") == before

    ports = Ports(*free_ports(7))
    environment = {**os.environ, "DATA_DIR": str(made.folder / "data"), "METRICS_PORT": "0"}
    environment |= {name: str(port) for name, port in ports.by_variable().items()}
    start = "; ".join(commands("Then start TADA"))
    with (
        made.running(start, environment),
        httpx.Client(
            base_url=f"http://127.0.0.1:{ports.api}", headers={"Authorization": f"Bearer {OF_CLIENTS}"}
        ) as api,
        httpx.Client(base_url=f"http://127.0.0.1:{ports.edge}", timeout=60) as edge,
    ):
        wait_until(lambda: len(catalog(api)) == len(made.files), within=60)
        wait_until(lambda: edge.get("/assets/media/original/DEV/none.webp").status_code == 404, within=60)
        assert {entry["unique_name"]: entry["uuid"] for entry in catalog(api)} == {
            entry["unique_name"]: entry["uuid"] for entry in made.catalog
        }
        for entry in made.catalog:
            for path in ("original", "full"):
                answer = edge.get(f"/assets/media/{path}{entry['unique_name']}")
                assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp"), answer.text
                assert hashlib.sha256(answer.content).hexdigest() == entry["signature"]
        first, second, _ = made.catalog
        new = made.files["/NEWS/a.webp"]
        answer = api.patch(f"/file/{first['uuid']}", files={"file": ("cat.webp", new, "image/webp")})
        assert answer.status_code == 200, answer.text
        assert edge.get(f"/assets/media/original{first['unique_name']}").content == new
        assert api.request("DELETE", f"/file/{second['uuid']}").status_code == 200
        assert edge.get(f"/assets/media/full{second['unique_name']}").status_code == 404
