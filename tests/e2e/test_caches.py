"""What the caches have of an asset is told by node and tier, and goes with a change or a purge."""

import time
from datetime import datetime
from typing import Any

from services.core.assets import identity
from tests.processes.system import System
from tests.support.waits import wait_until

TIERS = ["edge", "cache"]


def nodes(system: System, uuid: str) -> dict[str, dict[str, Any]]:
    """Return what each node has of an asset, by tier."""
    answer = system.api.get(f"/catalog/{uuid}/forms")
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    data = answer.json()["data"]
    assert [node["tier"] for node in data] == TIERS
    return {node["tier"]: node for node in data}


def forms(system: System, uuid: str) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the forms that each tier has, by their addresses."""
    return {tier: {form["address"]: form for form in node["forms"]} for tier, node in nodes(system, uuid).items()}


def hits(system: System, uuid: str, address: str) -> list[int]:
    return [found[address]["hits"] if address in found else -1 for found in forms(system, uuid).values()]


def test_each_tier_names_its_copies_with_their_bytes_and_hits(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    small, original = f"/assets/media/optimise/50x0/DEV/{name}.webp", f"/assets/media/original/DEV/{name}.jpg"
    for _ in range(4):
        assert system.edge.get(small).status_code == 200
    # Another spelling of the same form, and a form that only the cache tier is asked for.
    system.edge.get(f"/assets/media/optimise/050x0/image/DEV/{name}.webp?unknown=1")
    body = system.api.get(original).content
    system.edge.get(f"/catalog/{entry['uuid']}")
    system.edge.get(f"/assets/media/optimise/0x0x0/DEV/{name}.webp")
    wait_until(lambda: hits(system, entry["uuid"], small) == [4, 0])
    wait_until(lambda: hits(system, entry["uuid"], original) == [-1, 0])
    found = forms(system, entry["uuid"])
    page = f"/catalog/{entry['uuid']}"
    assert set(found["edge"]) == {small, page}
    assert set(found["cache"]) == {small, original, page}
    assert found["cache"][original]["bytes"] == len(body)
    assert {form["status"] for tier in TIERS for form in found[tier].values()} == {200}
    # The first walk through a cache takes three seconds at least.
    wait_until(lambda: all(node["complete"] for node in nodes(system, entry["uuid"]).values()))
    now = time.time()
    for tier in TIERS:
        for form in found[tier].values():
            stored, valid = (seconds(form[field]) for field in ("stored_date", "valid_until"))
            assert now - 60 < stored <= now + 1
            assert now < valid <= now + 31 * 86400


def seconds(date: str) -> float:
    return datetime.fromisoformat(date).timestamp()


def test_a_purge_makes_all_copies_stale_and_says_when_each_node_had_it(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    path = f"/assets/media/optimise/50x0/DEV/{name}.webp"
    before = system.edge.get(path)
    assert system.edge.get(path).headers["x-cache-status"] == "HIT"
    wait_until(lambda: all(forms(system, entry["uuid"]).values()))
    answer = system.api.post(f"/catalog/{entry['uuid']}/purge")
    assert (answer.status_code, answer.headers["x-purge"]) == (200, "done")
    stored = system.api.get(f"/catalog/{entry['uuid']}").json()["data"][0]
    assert (answer.json()["data"][0], stored["updated_date"]) == (stored, entry["updated_date"])
    assert forms(system, entry["uuid"]) == {"edge": {}, "cache": {}}
    again = system.edge.get(path)
    assert (again.headers["x-cache-status"], again.content) == ("MISS", before.content)
    told = system.api.get("/nodes", params={"change": answer.headers["x-change"]}).json()
    assert told["change"] == answer.headers["x-change"]
    assert [node["tier"] for node in told["data"]] == TIERS
    assert [node["has_change"] for node in told["data"]] == [True, True]
    assert all(0 <= node["seconds"] < 5 for node in told["data"])
    assert all(int(node["position"]) >= int(told["change"]) for node in told["data"])
    kinds = [event["kind"] for event in system.api.get(f"/catalog/{entry['uuid']}/history").json()["data"]]
    assert set(kinds) <= {"asset.created", "asset.described"}, "nothing has happened to the asset"


def test_a_replacement_says_its_change(system: System, photos: dict[str, bytes], name: str) -> None:
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    answer = system.api.patch(f"/file/{entry['uuid']}", files={"file": ("x.jpg", photos["flower.jpg"])})
    change = answer.headers["x-change"]
    events = system.api.get(f"/catalog/{entry['uuid']}/history").json()["data"]
    assert (change, "asset.replaced") in [(event["id"], event["kind"]) for event in events]
    later = str(int(change) + 10**9)
    told = system.api.get("/nodes", params={"change": later}).json()["data"]
    assert [(node["has_change"], node["seconds"]) for node in told] == [(False, None)] * 2


def test_what_cannot_be_purged(system: System) -> None:
    for method, path in (("GET", "forms"), ("POST", "purge"), ("POST", "warm")):
        answer = system.api.request(method, f"/catalog/{identity.asset_uuid('/DEV/none.webp')}/{path}")
        assert answer.status_code == 404, (path, answer.text)
    for wrong in ("x", "1" * 17, "-1", "1.5"):
        answer = system.api.get("/nodes", params={"change": wrong})
        assert answer.status_code == 400, wrong
    assert system.edge.post("/forms", content="/DEV/cat").status_code == 403
    assert system.cache.post("/forms", content="/DEV/cat").status_code == 403
    assert system.api.post("/forms", content="/DEV/cat").status_code == 403


def test_warming_without_forms_says_what_to_set(system: System, photos: dict[str, bytes], name: str) -> None:
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    assert system.api.get(f"/catalog/{entry['uuid']}/forms").json()["warmed"] == []
    answer = system.api.post(f"/catalog/{entry['uuid']}/warm")
    assert answer.status_code == 202
    job = f"/jobs/{answer.json()['data'][0]['id']}"
    wait_until(lambda: system.api.get(job).json()["data"][0]["status"] == "failed")
    assert "WARM names no forms" in system.api.get(job).json()["data"][0]["error"]["message"]
