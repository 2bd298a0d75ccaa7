"""Earlier versions and the trash, on a whole system: what is brought back is delivered again, by both tiers at once."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.processes.system import System
from tests.support.problems import problem


@pytest.fixture(scope="module")
def undoing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    made = System(tmp_path_factory.mktemp("undoing"), {"KEEP_VERSIONS": "2", "TRASH_DAYS": "30"})
    try:
        made.start()
        yield made
    finally:
        made.stop()


def original(system: System, entry: dict[str, Any]) -> tuple[int, bytes]:
    answer = system.edge.get(f"/assets/media/original{entry['unique_name'].replace('.webp', '.jpg')}")
    return answer.status_code, answer.content


def replaced(system: System, entry: dict[str, Any], content: bytes) -> dict[str, Any]:
    answer = system.api.patch(f"/file/{entry['uuid']}", files={"file": ("cat.jpg", content)})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["data"][0]
    return found


def the_one(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    [found] = answer.json()["data"]
    return dict(found)


def test_an_earlier_version_is_listed_compared_fetched_and_restored(
    undoing: System, photos: dict[str, bytes], name: str
) -> None:
    first, second = photos["china.jpg"], photos["flower.jpg"]
    entry = undoing.upload(f"{name}.jpg", first)
    after = replaced(undoing, entry, second)
    assert original(undoing, entry) == (200, second)
    at = f"/catalog/{entry['uuid']}/versions"
    assert the_one(undoing.api.get(at))["signature"] == entry["signature"]
    differs = the_one(undoing.api.get(f"{at}/1"))["differs"]
    assert differs["signature"] == {"then": entry["signature"], "now": after["signature"]}
    file = undoing.api.get(f"{at}/1/file")
    assert (file.content, file.headers["content-type"], file.headers["cache-control"]) == (
        first,
        "application/octet-stream",
        "no-store",
    )
    answer = undoing.api.post(f"{at}/1/restore")
    assert answer.headers["x-purge"] == "done"
    assert the_one(answer)["version"] == 3
    assert original(undoing, entry) == (200, first)
    assert the_one(undoing.api.get(at))["version"] == 2
    gone = undoing.api.post(f"{at}/1/restore")
    assert gone.status_code == 404
    assert "no version 1" in problem(gone)["message"]


def test_a_deleted_asset_leaves_every_cache_and_comes_back(
    undoing: System, photos: dict[str, bytes], name: str
) -> None:
    entry = undoing.upload(f"{name}.jpg", photos["china.jpg"])
    assert original(undoing, entry) == (200, photos["china.jpg"])
    assert undoing.api.delete(f"/file/{entry['uuid']}").headers["x-purge"] == "done"
    assert original(undoing, entry)[0] == 404
    assert undoing.api.get(f"/catalog/{entry['uuid']}").status_code == 404
    trash = undoing.api.get("/catalog/trash").json()
    [trashed] = [one for one in trash["data"] if one["uuid"] == entry["uuid"]]
    assert trash["total"] >= 1
    at = f"/catalog/trash/{trashed['id']}"
    assert undoing.api.get(f"{at}/file").content == photos["china.jpg"]
    answer = undoing.api.post(f"{at}/restore")
    assert answer.headers["x-purge"] == "done"
    assert the_one(answer) == {**entry, "updated_date": the_one(answer)["updated_date"]} | {
        fact: the_one(answer)[fact] for fact in ("width", "height", "blurhash", "dominant_color")
    }
    assert original(undoing, entry) == (200, photos["china.jpg"])
    assert undoing.api.post(f"{at}/restore").status_code == 404


def test_the_path_of_a_deleted_asset_may_be_taken(undoing: System, photos: dict[str, bytes], name: str) -> None:
    entry = undoing.upload(f"{name}.jpg", photos["china.jpg"])
    undoing.api.delete(f"/file/{entry['uuid']}")
    [trashed] = [one for one in undoing.api.get("/catalog/trash").json()["data"] if one["uuid"] == entry["uuid"]]
    undoing.upload(f"{name}.jpg", photos["flower.jpg"])
    refused = undoing.api.post(f"/catalog/trash/{trashed['id']}/restore")
    assert refused.status_code == 400
    assert problem(refused)["code"] == "already_exists"
    assert original(undoing, entry) == (200, photos["flower.jpg"])


def test_a_deleted_asset_can_be_deleted_for_good(undoing: System, photos: dict[str, bytes], name: str) -> None:
    entry = undoing.upload(f"{name}.jpg", photos["china.jpg"])
    undoing.api.delete(f"/file/{entry['uuid']}")
    [trashed] = [one for one in undoing.api.get("/catalog/trash").json()["data"] if one["uuid"] == entry["uuid"]]
    assert the_one(undoing.api.delete(f"/catalog/trash/{trashed['id']}"))["uuid"] == entry["uuid"]
    assert undoing.api.get(f"/catalog/trash/{trashed['id']}").status_code == 404
    claimed = undoing.api.post("/catalog", json={"unique_name": entry["unique_name"]})
    assert claimed.status_code == 404


@pytest.mark.parametrize("path", ["/catalog/trash", "/catalog/00000000-0000-4000-8000-000000000001/versions"])
def test_the_public_cannot_read_what_was_deleted(undoing: System, path: str) -> None:
    assert undoing.edge.get(path).status_code == 404
