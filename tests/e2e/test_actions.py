"""Actions on what a search finds, as a client asks for them, whatever happens to the worker."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx

from tests.processes.system import System
from tests.support.pdfs import pdf
from tests.support.waits import wait_until

COUNT, AT_ONCE = 500, 50


def upload_many(system: System) -> None:
    """Upload files of which no facts have to be found: the worker has nothing else to do."""
    for start in range(0, COUNT, AT_ONCE):
        files = [("files", (f"leaflet-{at}.pdf", pdf(str(at)))) for at in range(start, start + AT_ONCE)]
        answer = system.api.post("/files", files=files, data={"namespace": "DEV", "destination": "leaflets"})
        assert len(answer.json()["data"]) == AT_ONCE, answer.text


def asked(system: System, method: str, path: str, **given: Any) -> str:
    """Ask for an action and return the path of its job."""
    answer = system.api.request(method, path, **given)
    assert answer.status_code == 202, answer.text
    return answer.headers["location"]


def job(system: System, path: str) -> dict[str, Any]:
    return dict(system.api.get(path).json()["data"][0])


def has_ended(system: System, path: str) -> bool:
    with suppress(httpx.TransportError):
        return job(system, path)["ended_at"] is not None
    return False


def test_many_are_changed_and_deleted_although_the_worker_is_killed(
    make_system: Callable[..., System], photos: dict[str, bytes]
) -> None:
    system = make_system(TRASH_DAYS="30")
    stays = system.upload("cat.jpg", photos["china.jpg"])
    upload_many(system)
    path = asked(system, "PATCH", "/catalog/search?folder=/DEV/leaflets", json={"add_tags": ["old"], "credit": "me"})
    wait_until(lambda: has_ended(system, path), 60)
    changed = job(system, path)
    assert (changed["status"], changed["result"]["done_count"]) == ("done", COUNT)
    assert changed["result"]["purged"]
    found = system.api.get("/catalog/search?tag=old&limit=500").json()
    assert found["total"] == COUNT
    some = found["data"][0]
    assert (some["tags"], some["credit"]) == (["old"], "me")
    served = f"http://127.0.0.1:{system.ports.edge}/assets/media/original{some['unique_name']}"
    assert httpx.get(served).status_code == 200

    assert system.api.delete("/catalog/search?tag=old").status_code == 400
    path = asked(system, "DELETE", f"/catalog/search?tag=old&confirm={COUNT}")
    wait_until(lambda: (job(system, path)["result"] or {}).get("done_count", 0) > 0)
    system.kill("jobs")
    left = len(system.api.get("/catalog").json())
    assert 1 < left <= COUNT, "it was killed in the middle"
    system.start("jobs")
    wait_until(lambda: has_ended(system, path), 60)
    deleted = job(system, path)
    assert (deleted["status"], deleted["attempts"]) == ("done", 2)
    result = deleted["result"]
    assert (result["count"], result["done_count"]) == (COUNT, COUNT)
    assert (result["skipped"], result["failed"], result["purged"]) == ([], [], True)
    assert [entry["uuid"] for entry in system.api.get("/catalog").json()] == [stays["uuid"]]
    assert httpx.get(served).status_code == 404
    trash = system.api.get("/catalog/trash").json()
    assert trash["total"] == COUNT
    answer = system.api.post(f"/catalog/trash/{trash['data'][0]['id']}/restore")
    assert answer.json()["data"][0]["tags"] == ["old"]


def test_the_public_can_ask_for_no_action(make_system: Callable[..., System]) -> None:
    system = make_system()
    edge = f"http://127.0.0.1:{system.ports.edge}"
    given = {"action": "delete", "search": {"namespace": "DEV"}}
    for method, path, body in (
        ("DELETE", "/catalog/search?namespace=DEV", None),
        ("PATCH", "/catalog/search?namespace=DEV", {"expired": True}),
        ("POST", "/catalog/actions", given),
        ("GET", "/catalog/actions", None),
    ):
        answer = httpx.request(method, edge + path, json=body)
        assert answer.status_code in (403, 404, 405), (method, path, answer.status_code)
    assert system.api.get("/jobs").json()["data"] == []
