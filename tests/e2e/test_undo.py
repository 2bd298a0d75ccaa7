"""Earlier versions and the trash, on a whole system: what is brought back is delivered again, by both tiers at once."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from hashlib import sha256
from typing import Any

import httpx
import pytest
import redis

from tests.processes.system import System
from tests.support.problems import problem
from tests.support.waits import wait_until

RIGHTS = {"prod": "write:PROD", "dev": "write:DEV", "reader": "read:*"}
"""Of tokens that are the names of their owners."""


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
    assert file.headers["content-disposition"] == f'attachment; filename="{name}.jpg"'
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
    deleted = undoing.api.delete(f"/file/{entry['uuid']}")
    assert deleted.headers["x-purge"] == "done"
    [trash_of_it] = [one["trash"] for one in deleted.json()["data"]]
    assert original(undoing, entry)[0] == 404
    assert undoing.api.get(f"/catalog/{entry['uuid']}").status_code == 404
    trash = undoing.api.get("/catalog/trash").json()
    [trashed] = [one for one in trash["data"] if one["uuid"] == entry["uuid"]]
    assert trash["total"] >= 1
    assert {name: trashed[name] for name in trash_of_it} == trash_of_it
    at = f"/catalog/trash/{trashed['id']}"
    assert undoing.api.get(f"{at}/file").content == photos["china.jpg"]
    answer = undoing.api.post(f"{at}/restore")
    assert answer.headers["x-purge"] == "done"
    again = the_one(answer)
    of_now = ("updated_date", "content_date", "width", "height", "blurhash", "dominant_color")
    assert again == entry | {field: again[field] for field in of_now}
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


def test_a_part_of_the_trash_is_listed(undoing: System, photos: dict[str, bytes], name: str) -> None:
    ids = {}
    for destination in ("a", "a/b", "ab"):
        entry = undoing.upload(f"{name}.jpg", photos["china.jpg"], destination=f"{name}/{destination}")
        ids[destination] = undoing.api.delete(f"/file/{entry['uuid']}").json()["data"][0]["trash"]["id"]

    def found(query: str) -> list[str]:
        return [one["id"] for one in undoing.api.get(f"/catalog/trash?{query}").json()["data"]]

    assert found(f"folder=/DEV/{name}/a") == [ids["a/b"], ids["a"]]
    assert found(f"namespace=DEV&folder=/DEV/{name}") == [ids["ab"], ids["a/b"], ids["a"]]
    assert found(f"namespace=OTHER&folder=/DEV/{name}") == found("namespace=OTHER") == []
    assert undoing.api.get("/catalog/trash?folder=a//b").status_code == 400
    first = undoing.api.get(f"/catalog/trash?folder=/DEV/{name}&limit=2")
    assert found(f"folder=/DEV/{name}&limit=2&cursor={first.headers['x-next-cursor']}") == [ids["a"]]


def test_the_trash_is_emptied_by_a_job_that_leaves_what_is_deleted_later(
    undoing: System, photos: dict[str, bytes], name: str
) -> None:
    for number in range(2):
        entry = undoing.upload(f"{name}-{number}.jpg", photos["china.jpg"])
        undoing.api.delete(f"/file/{entry['uuid']}")
    total = undoing.api.get("/catalog/trash").json()["total"]
    refused = undoing.api.delete(f"/catalog/trash?confirm={total + 1}")
    assert refused.status_code == 400
    assert f"The trash has {total} assets, not {total + 1}" in problem(refused)["message"]
    asked = undoing.api.delete(f"/catalog/trash?confirm={total}")
    assert asked.status_code == 202
    later = undoing.upload(f"{name}-later.jpg", photos["flower.jpg"])
    id_of_later = undoing.api.delete(f"/file/{later['uuid']}").json()["data"][0]["trash"]["id"]
    job = f"/jobs/{asked.json()['data'][0]['id']}"
    wait_until(lambda: undoing.api.get(job).json()["data"][0]["status"] == "done")
    result = undoing.api.get(job).json()["data"][0]["result"]
    assert (result["assets"], result["deleted"]) == (total, total)
    assert [one["id"] for one in undoing.api.get("/catalog/trash").json()["data"]] == [id_of_later]


def test_of_many_who_bring_it_back_at_once_one_does(undoing: System, photos: dict[str, bytes], name: str) -> None:
    entry = undoing.upload(f"{name}.jpg", photos["china.jpg"])
    replaced(undoing, entry, photos["flower.jpg"])

    def at_once(path: str) -> list[int]:
        with ThreadPoolExecutor(8) as pool:
            return sorted(pool.map(lambda _: undoing.api.post(path).status_code, range(8)))

    assert at_once(f"/catalog/{entry['uuid']}/versions/1/restore") == [200, *[404] * 7]
    assert [one["version"] for one in undoing.api.get(f"/catalog/{entry['uuid']}/versions").json()["data"]] == [2]
    trash_id = undoing.api.delete(f"/file/{entry['uuid']}").json()["data"][0]["trash"]["id"]
    first, *others = at_once(f"/catalog/trash/{trash_id}/restore")
    assert first == 200
    assert set(others) <= {400, 404}
    assert original(undoing, entry) == (200, photos["china.jpg"])


def test_who_deletes_for_good_what_somebody_brings_back_is_told_the_truth(
    undoing: System, photos: dict[str, bytes], name: str
) -> None:
    entry = undoing.upload(f"{name}.jpg", photos["china.jpg"])
    for _ in range(8):
        trash_id = undoing.api.delete(f"/file/{entry['uuid']}").json()["data"][0]["trash"]["id"]
        at = f"/catalog/trash/{trash_id}"
        with ThreadPoolExecutor(2) as pool:
            restored, deleted = pool.map(
                lambda step: step().status_code,
                (lambda at=at: undoing.api.post(f"{at}/restore"), lambda at=at: undoing.api.delete(at)),
            )
        assert sorted((restored, deleted)) == [200, 404]
        if restored == 200:
            assert original(undoing, entry) == (200, photos["china.jpg"])
        else:
            assert undoing.api.get(f"/catalog/{entry['uuid']}").status_code == 404
            undoing.upload(f"{name}.jpg", photos["china.jpg"])


def test_a_version_of_another_type_is_delivered_under_its_own_name_again(
    undoing: System, photos: dict[str, bytes], name: str
) -> None:
    entry = undoing.upload(f"{name}.jpg", photos["china.jpg"])
    other = undoing.api.patch(f"/file/{entry['uuid']}", files={"file": ("x.png", photos["astronaut.png"])})
    assert other.status_code == 200
    png = f"/assets/media/original/DEV/{name}.png"
    assert undoing.edge.get(png).content == photos["astronaut.png"]
    again = the_one(undoing.api.post(f"/catalog/{entry['uuid']}/versions/1/restore"))
    assert (again["original_mimetype"], again["original_filename"]) == ("image/jpeg", f"{name}.jpg")
    assert original(undoing, entry) == (200, photos["china.jpg"])
    assert undoing.edge.get(png).status_code == 404


@pytest.mark.parametrize("number", ["0", "9" * 16, "9" * 17, "9" * 5000, "-1", "1.5"])
def test_a_number_that_nothing_has_is_not_found(
    undoing: System, photos: dict[str, bytes], number: str, name: str
) -> None:
    entry = undoing.upload(f"{name}.jpg", photos["china.jpg"])
    for path in (f"/catalog/trash/{number}", f"/catalog/{entry['uuid']}/versions/{number}"):
        assert undoing.api.get(path).status_code == undoing.api.post(f"{path}/restore").status_code == 404, path


def test_what_a_full_redis_or_a_lost_storage_refuses_can_be_done_later(
    undoing: System, photos: dict[str, bytes], name: str
) -> None:
    entry = undoing.upload(f"{name}.jpg", photos["china.jpg"])
    replaced(undoing, entry, photos["flower.jpg"])
    other = undoing.upload(f"{name}-other.jpg", photos["china.jpg"])
    trash_id = undoing.api.delete(f"/file/{other['uuid']}").json()["data"][0]["trash"]["id"]
    steps = {f"/catalog/{entry['uuid']}/versions/1/restore", f"/catalog/trash/{trash_id}/restore"}
    storage = undoing.stack.data / "storage"
    storage.rename(storage.with_name("away"))
    refused = [undoing.api.post(path) for path in steps]
    refused.append(undoing.api.get(f"/catalog/trash/{trash_id}/file"))
    storage.with_name("away").rename(storage)
    for answer in refused:
        assert (answer.status_code, "retry-after" in answer.headers) == (503, True), answer.text
    wait_until(lambda: undoing.api.get("/readiness-check").status_code == 200)
    with redis.Redis(port=undoing.ports.redis) as client:
        client.config_set("maxmemory", 1)
        answered = {path: undoing.api.post(path).status_code for path in steps}
        client.config_set("maxmemory", 0)
    assert set(answered.values()) <= {200, 503}
    for path in steps:
        assert undoing.api.post(path).status_code == (404 if answered[path] == 200 else 200)
    assert original(undoing, entry) == original(undoing, other) == (200, photos["china.jpg"])


def test_a_token_brings_back_only_what_is_of_its_namespaces(
    make_system: Callable[..., System], photos: dict[str, bytes]
) -> None:
    tokens = ";".join(f"{name}:{rights}:{sha256(name.encode()).hexdigest()}" for name, rights in RIGHTS.items())
    system = make_system(NAMESPACES_ALLOWED="DEV,PROD", KEEP_VERSIONS="2", TRASH_DAYS="30", MEDIA_TOKENS=tokens)
    with ExitStack() as clients:
        own, other, reader = (
            clients.enter_context(
                httpx.Client(base_url=system.api.base_url, headers={"authorization": f"Bearer {name}"}, timeout=60)
            )
            for name in RIGHTS
        )
        check_rights(system, own, other, reader, photos)


def check_rights(
    system: System, own: httpx.Client, other: httpx.Client, reader: httpx.Client, photos: dict[str, bytes]
) -> None:
    kept, gone = (
        own.post("/file", files={"file": (f"{name}.jpg", photos["china.jpg"])}, data={"namespace": "PROD"}).json()
        for name in ("kept", "gone")
    )
    kept_uuid, gone_uuid = kept["data"][0]["uuid"], gone["data"][0]["uuid"]
    assert own.patch(f"/file/{kept_uuid}", files={"file": ("a.jpg", photos["flower.jpg"])}).status_code == 200
    trash_id = own.delete(f"/file/{gone_uuid}").json()["data"][0]["trash"]["id"]
    version, trashed = f"/catalog/{kept_uuid}/versions", f"/catalog/trash/{trash_id}"
    for path in (version, f"{version}/1", f"{version}/1/file", trashed, f"{trashed}/file"):
        assert system.api.get(path).status_code == 401, path
        assert (other.get(path).status_code, own.get(path).status_code) == (403, 200), path
        assert reader.get(path).status_code == 200, path
    assert (other.get("/catalog/trash").json()["data"], len(own.get("/catalog/trash").json()["data"])) == ([], 1)
    for method, path in (("POST", f"{version}/1/restore"), ("POST", f"{trashed}/restore"), ("DELETE", trashed)):
        assert other.request(method, path).status_code == reader.request(method, path).status_code == 403, path
    assert own.delete("/catalog/trash").status_code == 403
    assert own.post(f"{version}/1/restore").status_code == own.post(f"{trashed}/restore").status_code == 200


@pytest.mark.parametrize("path", ["/catalog/trash", "/catalog/00000000-0000-4000-8000-000000000001/versions"])
def test_the_public_cannot_read_what_was_deleted(undoing: System, path: str) -> None:
    assert undoing.edge.get(path).status_code == 404
