"""A real Varnish in front of the edge is purged of every change, whatever was away meanwhile."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from services.jobs.doctor import cdns
from services.jobs.settings import JobsSettings
from tests.processes.fault_proxy import Faulty
from tests.processes.system import System
from tests.processes.varnish import MISSING, RealVarnish
from tests.support.waits import wait_until
from tools.stack.ports import free_ports

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)
WITHIN = 10.0
"""Seconds: with a pause after a failure, and the lease of a worker that was killed."""


class Behind:
    """A TADA, a Varnish in front of it, and the network between the worker and Varnish."""

    def __init__(self, folder: Path) -> None:
        # Varnish needs the port of the edge, and the worker that of Varnish.
        self._folder = folder
        [unused] = free_ports(1)
        self.network = Faulty(unused)
        settings = {"CDN_SECONDS": "86400", "CDN_VARNISH": f"http://127.0.0.1:{self.network.port}"}
        self.system = System(folder / "system", settings, replicas=1)

    def start(self) -> None:
        self.system.start()
        token = self.system.environment("jobs")["PURGE_TOKEN"]
        self.varnish = RealVarnish(self._folder / "varnish", self.system.ports.edge, token)
        self.network.target = self.varnish.port

    def stop(self) -> None:
        if hasattr(self, "varnish"):
            self.varnish.stop()
        self.network.close()
        self.system.stop()

    def get(self, path: str) -> httpx.Response:
        return self.varnish.client.get(path)

    def kept(self, path: str) -> httpx.Response:
        """Have an answer kept, and return it."""
        self.get(path)
        answer = self.get(path)
        assert answer.headers["x-cdn-cache"] == "HIT"
        return answer


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    made = Behind(tmp_path_factory.mktemp("behind"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


def test_what_varnish_keeps_is_new_after_a_change(behind: Behind, photos: dict[str, bytes], name: str) -> None:
    path, thumb = f"/assets/media/original/DEV/{name}.jpg", f"/assets/media/optimise/90x0/DEV/{name}.webp?quality=50"
    # What was not there, is there.
    missing = behind.kept(path)
    assert missing.status_code == 404
    entry = behind.system.upload(f"{name}.jpg", photos["china.jpg"])
    wait_until(lambda: behind.get(path).status_code == 200, WITHIN)
    # Another asset stays.
    other = f"/assets/media/original/DEV/{name}-other.jpg"
    behind.system.upload(f"{name}-other.jpg", photos["flower.jpg"])
    wait_until(lambda: behind.get(other).status_code == 200, WITHIN)
    behind.kept(other)
    old = behind.kept(thumb)
    assert "s-maxage=86400" in old.headers["cache-control"]
    assert not {"surrogate-key", "cache-tag", "xkey", "age"} & set(old.headers)
    assert behind.kept(path).content == photos["china.jpg"]
    behind.system.replace(entry["uuid"], f"{name}.jpg", photos["flower.jpg"])
    wait_until(lambda: behind.get(path).content == photos["flower.jpg"], WITHIN)
    assert behind.get(thumb).headers["etag"] != old.headers["etag"]
    assert behind.get(other).headers["x-cdn-cache"] == "HIT"
    # A part of it, and a validation.
    part = behind.varnish.client.get(path, headers={"Range": "bytes=0-1"})
    assert (part.status_code, part.content) == (206, photos["flower.jpg"][:2])
    known = behind.varnish.client.get(path, headers={"If-None-Match": behind.get(path).headers["etag"]})
    assert known.status_code == 304
    behind.system.api.delete(f"/file/{entry['uuid']}")
    wait_until(lambda: behind.get(path).status_code == 404, WITHIN)


def test_a_purge_that_varnish_has_missed_is_made_up_for(behind: Behind, photos: dict[str, bytes], name: str) -> None:
    path = f"/assets/media/original/DEV/{name}.jpg"
    entry = behind.system.upload(f"{name}.jpg", photos["china.jpg"])
    wait_until(lambda: behind.kept(path).content == photos["china.jpg"], WITHIN)
    with behind.network.being("down"):
        behind.system.replace(entry["uuid"], f"{name}.jpg", photos["flower.jpg"])
        wait_until(lambda: '"event":"cdn_away"' in behind.system.log("jobs"), WITHIN)
        assert behind.kept(path).content == photos["china.jpg"]
        behind.system.kill("jobs")
    behind.system.start("jobs")
    wait_until(lambda: behind.get(path).content == photos["flower.jpg"], 3 * WITHIN)
    figures = behind.system.internal("jobs", "/metrics").text
    assert f'tada_cdn_oldest_seconds{{cdn="varnish http://127.0.0.1:{behind.network.port}"}} 0.0' in figures


def test_a_visitor_cannot_purge(behind: Behind, photos: dict[str, bytes], name: str) -> None:
    path = f"/assets/media/original/DEV/{name}.jpg"
    behind.system.upload(f"{name}.jpg", photos["china.jpg"])
    wait_until(lambda: behind.kept(path).status_code == 200, WITHIN)
    for headers in ({}, {"X-Purge-Token": ""}, {"X-Purge-Token": "wrong"}):
        refused = behind.varnish.client.request("PURGE", path, headers={**headers, "xkey-purge": "tada"})
        assert refused.status_code == 403
    assert behind.get(path).headers["x-cdn-cache"] == "HIT"
    assert behind.varnish.client.post(path).status_code == 405


async def test_the_doctor_says_whether_varnish_can_be_purged(behind: Behind) -> None:
    address = f"http://127.0.0.1:{behind.network.port}"
    token = behind.system.environment("jobs")["PURGE_TOKEN"]

    async def said(token: str) -> tuple[str, bool]:
        settings = JobsSettings(purge_token=SecretStr(token), cdn_varnish=(address,), cdn_seconds=86400)
        [found] = [finding async for finding in cdns(settings)]
        return found.said, bool(found.mend)

    assert await said(token) == (f"varnish {address} can be purged", False)
    refused = await said("another-token-of-the-worker")
    assert (" answered 403" in refused[0], refused[1]) == (True, True)
    with behind.network.being("down"):
        away = await said(token)
    assert ("cannot be reached" in away[0], away[1]) == (True, True)


def test_another_catalog_purges_everything(behind: Behind, photos: dict[str, bytes], name: str) -> None:
    path = f"/assets/media/original/DEV/{name}.jpg"
    behind.system.upload(f"{name}.jpg", photos["china.jpg"])
    wait_until(lambda: behind.kept(path).status_code == 200, WITHIN)
    count = len(behind.system.api.get("/catalog").json())
    assert behind.system.api.delete(f"/catalog?confirm={count}").status_code == 200
    wait_until(lambda: behind.get(path).status_code == 404, WITHIN)
