"""Facts about pictures, as whoever uploads and whoever looks sees them."""

import json
from collections.abc import Callable
from typing import Any

import redis

from services.core.assets import identity
from services.core.assets.facts import FACTS
from services.core.state import keys
from tests.processes.system import System
from tests.support.hostile_files import png_header, undecodable_jpeg
from tests.support.pdfs import pdf
from tests.support.waits import wait_until

CHINA = {"width": 640, "height": 427, "dominant_color": "#eef2f9"}


def public(system: System, uuid: str) -> dict[str, Any]:
    [found] = system.edge.get(f"/catalog/{uuid}").json()["data"]
    return dict(found)


def listed(system: System, uuid: str) -> dict[str, Any]:
    [found] = [entry for entry in system.edge.get("/catalog").json() if entry["uuid"] == uuid]
    return dict(found)


def test_a_picture_is_described_a_moment_after_its_upload_and_again_when_it_is_replaced(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    form = {"files": {"file": (f"{name}.jpg", photos["china.jpg"])}, "data": {"namespace": "DEV"}}
    [uploaded] = system.api.post("/file", **form).json()["data"]  # type: ignore[arg-type]
    assert [uploaded[fact] for fact in FACTS] == [None] * 4
    uuid = uploaded["uuid"]
    # What the tiers keep of the page and of the list is purged when the facts come.
    for show in (public, listed):
        show(system, uuid)
        wait_until(lambda show=show: show(system, uuid)["width"] is not None)  # type: ignore[misc]
        found = show(system, uuid)
        assert CHINA.items() <= found.items()
        assert {**found, **dict.fromkeys(FACTS)} == uploaded, "nothing else has changed"
    replaced = system.replace(uuid, "x.png", photos["astronaut.png"])
    assert [replaced[fact] for fact in FACTS] == [None] * 4
    wait_until(lambda: public(system, uuid)["width"] == 512)
    assert public(system, uuid)["blurhash"] != found["blurhash"]


def test_facts_make_no_rendition_stale(system: System, photos: dict[str, bytes], name: str) -> None:
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    path = f"/assets/media/optimise/64x0/DEV/{name}.webp"
    first = system.edge.get(path)
    wait_until(lambda: system.edge.get(path).headers["x-cache-status"] == "HIT")
    with redis.Redis(port=system.ports.redis) as client:
        # As if its facts came only now.
        key = identity.entry_key(entry["unique_name"])
        client.hset(keys.ENTRIES, key, json.dumps({**entry, **dict.fromkeys(FACTS)}))
        client.xadd(keys.UNDESCRIBED, {"uuid": key})
    assert system.described(entry["uuid"]) == entry
    for tier in (system.cache, system.edge):
        now = tier.get(path)
        assert now.headers["x-cache-status"] == "HIT"
        assert (now.content, now.headers["etag"]) == (first.content, first.headers["etag"])
        assert now.headers["last-modified"] == first.headers["last-modified"]
    assert system.renders(f"/DEV/{name}.webp") == 1


def test_a_hostile_file_stays_without_facts_and_holds_nothing_up(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    bomb = system.upload(f"{name}-bomb.png", png_header(30_000, 30_000))
    odd = system.upload(f"{name}-odd.jpg", undecodable_jpeg(photos["china.jpg"]))
    paper = system.upload(f"{name}.pdf", pdf())
    drawing = system.upload(f"{name}.svg", b'<svg xmlns="http://www.w3.org/2000/svg" width="4cm" viewBox="0 0 2 1"/>')
    assert [[entry[fact] for fact in FACTS] for entry in (bomb, odd, paper)] == [[None] * 4] * 3
    assert [drawing[fact] for fact in FACTS] == [151, 76, None, None]
    assert CHINA.items() <= system.upload(f"{name}.jpg", photos["china.jpg"]).items()
    for entry in (bomb, odd):
        assert system.log("jobs").count(f'"event":"undescribed","asset":"{entry["unique_name"]}"') == 1


def test_facts_are_in_dumps_and_a_dump_without_them_is_described_once_it_is_restored(
    make_system: Callable[..., System], photos: dict[str, bytes]
) -> None:
    system = make_system()
    entry = system.upload("cat.jpg", photos["china.jpg"])
    assert CHINA.items() <= entry.items()

    def described() -> bool:
        jobs = system.api.get("/jobs?name=describe").json()["data"]
        return bool(jobs) and all(job["status"] == "done" for job in jobs)

    stamp = system.api.post("/catalog/create-dump").json()["timestamp"]
    [dumped] = system.api.get(f"/catalog/get-dump/dump_{stamp}.json").json()
    assert dumped == entry
    assert system.api.post("/catalog/restore-dump").status_code == 200
    assert system.api.get("/catalog").json() == [entry]
    wait_until(described)
    older = {field: value for field, value in entry.items() if field not in (*FACTS, "focus_x", "focus_y")}
    folder = system.stack.data / "storage" / "dumps"
    (folder / "dump_20200101T000000.json").write_text(json.dumps([older]))
    assert system.api.post("/catalog/restore-dump/dump_20200101T000000.json").status_code == 200
    wait_until(lambda: system.api.get("/catalog").json() == [entry])
    asked = system.api.get("/jobs?name=describe").json()["data"]
    assert {job["asked_by"] for job in asked} == {"restore"}
    wait_until(described)
    after_older, after_whole = [
        job["result"]["described_count"] for job in system.api.get("/jobs?name=describe").json()["data"]
    ]
    assert after_whole == 0  # Its facts were in the dump.
    assert after_older in (0, 1)  # The worker's own describer may have been faster than the job.
