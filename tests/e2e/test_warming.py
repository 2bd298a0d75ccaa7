"""Renditions are in the caches before they are asked for: after an upload, a replacement and a restore."""

import io
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from PIL import Image

from services.core.addresses.signing import sign
from tests.processes.system import System, get_as_is
from tests.support.pdfs import pdf
from tests.support.pixels import decode
from tests.support.waits import wait_until

PRESETS = "thumb:200x200; card:250x0; hero:800x0"
WARM = "thumb, card?dpr=2, hero"
KEY = "signing-key-" + "5a" * 16
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="300" height="200"><circle cx="90" cy="90" r="80"/></svg>'


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    found = System(tmp_path_factory.mktemp("warm"), {"PRESETS": PRESETS, "WARM": WARM}, edges=2, caches=2)
    try:
        found.start()
        yield found
    finally:
        found.stop()


def taken(photo: bytes) -> bytes:
    """Return a photograph as large as those of a camera."""
    out = io.BytesIO()
    Image.open(io.BytesIO(photo)).resize((2000, 1500)).save(out, "JPEG", quality=85)
    return out.getvalue()


def paths(asset: str) -> list[str]:
    return [f"/assets/media/optimise/{form}" for form in (f"thumb{asset}", f"card{asset}?dpr=2", f"hero{asset}")]


def warmed(system: System, asset: str) -> int:
    return len(re.findall(rf'"event":"warmed","asset":"{re.escape(asset)}"', system.log("jobs")))


def answers(system: System, asset: str) -> list[httpx.Response]:
    """Ask each edge for each form. Call it once: what is not there is made by it."""
    edges = [system.ports.edge, *system.stack.more_edges]
    return [get_as_is(edge, path) for edge in edges for path in paths(asset)]


def states(found: list[httpx.Response]) -> set[tuple[int, str]]:
    return {(answer.status_code, answer.headers["x-cache-status"]) for answer in found}


def sizes(found: list[httpx.Response]) -> list[tuple[int, int]]:
    return [decode(answer.content).size for answer in found]


def done(system: System, name: str, **arguments: object) -> dict[str, object]:
    job = system.client.run_job(name, arguments)
    assert job.status == "done", job
    return dict(job.result or {})


def test_after_an_upload_and_a_replacement_every_edge_has_every_form(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    asset = f"/DEV/{name}.webp"
    entry = system.upload(f"{name}.jpg", taken(photos["china.jpg"]))
    wait_until(lambda: warmed(system, asset) == 1)
    assert system.renders(asset) == 3, "the second edge got them from the cache tier"
    before = answers(system, asset)
    assert states(before) == {(200, "HIT")}
    assert sizes(before) == [(200, 200), (500, 375), (800, 600)] * 2

    system.replace(entry["uuid"], "x.jpg", taken(photos["flower.jpg"]))
    wait_until(lambda: warmed(system, asset) == 2)
    after = answers(system, asset)
    assert states(after) == {(200, "HIT")}
    assert not {answer.content for answer in before} & {answer.content for answer in after}
    # The same file again is another version.
    system.replace(entry["uuid"], "x.jpg", taken(photos["flower.jpg"]))
    wait_until(lambda: warmed(system, asset) == 3)
    assert states(answers(system, asset)) == {(200, "HIT")}


@pytest.mark.parametrize(("file", "content"), [("logo.svg", SVG), ("menu.pdf", pdf("menu"))])
def test_what_is_drawn_is_warm_too(system: System, name: str, file: str, content: bytes) -> None:
    asset = f"/DEV/{name}-{file}"
    system.upload(f"{name}-{file}", content)
    wait_until(lambda: warmed(system, asset) == 1)
    found = answers(system, asset)
    assert states(found) == {(200, "HIT")}
    assert {answer.headers["content-type"] for answer in found} == {"image/webp"}


def test_the_job_warms_a_folder(system: System, photos: dict[str, bytes], name: str) -> None:
    inside, outside = f"/DEV/{name}/cat.webp", f"/DEV/{name}2/cat.webp"
    for folder in (name, f"{name}2"):
        entry = system.upload("cat.jpg", photos["china.jpg"], destination=folder)
        wait_until(lambda folder=folder: warmed(system, f"/DEV/{folder}/cat.webp") == 1)
        # Which makes every copy stale.
        assert system.api.patch(f"/catalog/{entry['uuid']}", json={"information": "new"}).status_code == 200
    system.wait_until_purged()
    result = done(system, "warm", folder=f"/DEV/{name}")
    assert (result["checked"], result["warmed_count"], result["failed_count"]) == (1, 1, 0)
    assert result["forms"] == ["thumb", "card?dpr=2", "hero"]
    assert states(answers(system, inside)) == {(200, "HIT")}
    assert (200, "MISS") in states(answers(system, outside))
    assert 'tada_warm_waiting{reason="job"} 0.0' in system.internal("jobs", "/metrics").text
    refused = system.api.post("/jobs/warm", json={"folder": "/DEV/../x"})
    assert refused.status_code == 400


def test_after_a_restore_everything_is_warm(make_system: Callable[..., System], photos: dict[str, bytes]) -> None:
    system = make_system(PRESETS=PRESETS, WARM=WARM)
    for base in ("cat", "dog"):
        system.upload(f"{base}.jpg", taken(photos["china.jpg"]))
    assert system.api.post("/catalog/create-dump").status_code == 200
    # Everything is stale after it, and only the job can have made it anew.
    assert system.api.post("/catalog/restore-dump").status_code == 200

    def job() -> list[dict[str, Any]]:
        return [found for found in system.api.get("/jobs?name=warm").json()["data"] if found["status"] == "done"]

    wait_until(lambda: len(job()) == 1)
    [found] = job()
    assert (found["asked_by"], found["result"]["warmed_count"]) == ("restore", 2)
    for base in ("cat", "dog"):
        assert states(answers(system, f"/DEV/{base}.webp")) == {(200, "HIT")}


def test_signed_and_negotiated_forms_are_warm_for_those_who_may_see_them(
    make_system: Callable[..., System], photos: dict[str, bytes]
) -> None:
    system = make_system(
        PRESETS="thumb:90x90",
        WARM="thumb,thumb?accept=avif,thumb?accept=plain&dpr=2",
        SIGNED_URLS="true",
        URL_SIGNING_KEYS=KEY,
        FORMAT_NEGOTIATION="true",
        API_PREFIX="/shop",
    )
    system.upload("cat.jpg", photos["china.jpg"])
    wait_until(lambda: warmed(system, "/DEV/cat.webp") == 1)
    form = "/assets/media/optimise/thumb/DEV/cat.webp"
    for query, accept, media_type in (
        ("", "image/webp,*/*", "image/webp"),
        ("", "image/avif,image/webp,image/*", "image/avif"),
        ("dpr=2&", "image/png,image/*;q=0.8", "image/jpeg"),
    ):
        signature = sign(KEY, f"{form}{'?' if query else ''}{query[:-1]}")
        found = get_as_is(system.ports.edge, f"/shop{form}?{query}signature={signature}", {"Accept": accept})
        assert (found.status_code, found.headers["x-cache-status"]) == (200, "HIT")
        assert found.headers["content-type"] == media_type
    # Only the worker needs no signature.
    token = system.environment("jobs")["PURGE_TOKEN"]
    for given, status in (("", 403), (token[:-1], 403), (token, 200)):
        assert get_as_is(system.ports.edge, f"/shop{form}", {"X-Purge-Token": given}).status_code == status


def test_a_transform_service_that_is_away_keeps_nobody_from_uploading(
    make_system: Callable[..., System], photos: dict[str, bytes]
) -> None:
    system = make_system(PRESETS=PRESETS, WARM=WARM)
    system.kill("transform")
    system.upload("cat.jpg", photos["china.jpg"])
    started = time.monotonic()
    system.upload("dog.jpg", photos["flower.jpg"])
    assert time.monotonic() - started < 5, "its facts are there, and its answer said that the caches have the change"
    system.start("transform")
    for base in ("cat", "dog"):
        wait_until(lambda base=base: warmed(system, f"/DEV/{base}.webp") == 1, 60)
    # On a slow machine the worker has given up before the service was there.
    assert done(system, "warm")["warmed_count"] == 2
    for base in ("cat", "dog"):
        assert states(answers(system, f"/DEV/{base}.webp")) == {(200, "HIT")}
