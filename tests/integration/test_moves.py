"""PATCH /file/{uuid} with another destination or filename: at every kind of storage, with a real Redis."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.catalog.settings import CatalogSettings
from services.core.assets import identity
from services.core.state import keys
from services.core.state.connection import Redis
from services.core.state.entries import Entries
from services.core.storage import ObjectMissing, StoredObject
from tests.processes.distant_backend import TOKEN, Backend
from tests.processes.redis_server import RedisServer
from tests.processes.s3_server import S3Server, settings_for
from tests.support.pictures import BLUE, GREEN, RED, encoded, marked
from tests.support.problems import problem, problems
from tests.support.service import running
from tests.support.storages import opened
from tests.support.waits import eventually

FIRST, SECOND, THIRD = (encoded(marked((64, 48), colour), "JPEG") for colour in (RED, GREEN, BLUE))
TOKENS = ";".join(
    f"{name}:{rights}:{hashlib.sha256(name.encode()).hexdigest()}"
    for name, rights in (("dev", "write:DEV"), ("prod", "write:PROD"), ("reader", "read:*"))
)


@pytest.fixture(params=["local", "s3", "distant-versions", "distant-in-place"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """The settings of a storage."""
    if request.param == "local":
        yield {}
        return
    if request.param == "s3":
        server: S3Server = request.getfixturevalue("s3_server")
        server.empty()
        yield settings_for(server.url, tmp_path / "data").model_dump(
            exclude_defaults=True, exclude={"data_folder_path"}
        )
        return
    backend = Backend(tmp_path / "backend", *(["--in-place"] if request.param == "distant-in-place" else []))
    backend.start()
    yield {
        "delegated_storage_method": "DISTANT_BACKEND",
        "delegated_storage_host": backend.url,
        "delegated_storage_token": TOKEN,
    }
    backend.stop()


@pytest.fixture
def more() -> dict[str, Any]:
    """Further settings."""
    return {}


@pytest.fixture
def settings(server: RedisServer, tmp_path: Path, storage: dict[str, Any], more: dict[str, Any]) -> CatalogSettings:
    values: dict[str, Any] = {
        "redis_url": server.url,
        "data_folder_path": tmp_path / "data",
        "namespaces_allowed": ("DEV", "PROD"),
        "purge_wait_seconds": 0,
    }
    return CatalogSettings(**values, **storage, **more)


@pytest.fixture
async def http(settings: CatalogSettings, client: Redis) -> AsyncIterator[httpx.AsyncClient]:
    settings.data_folder_path.mkdir()
    async with running(settings, client) as made:
        yield made


local_alone = pytest.mark.parametrize("storage", ["local"], indirect=True)


async def upload(http: httpx.AsyncClient, content: bytes = FIRST, **more: str) -> dict[str, Any]:
    form = {"namespace": "DEV", "filename": "cat.jpg", **more}
    return entry_of(await http.post("/file", files={"file": ("upload", content)}, data=form))


async def patch(http: httpx.AsyncClient, uuid: str, **change: Any) -> httpx.Response:
    return await http.patch(f"/file/{uuid}", json=change)


def entry_of(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    assert problems(answer) == []
    [found] = answer.json()["data"]
    return dict(found)


async def listed(http: httpx.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await http.get("/catalog")).json()
    return found


async def settled(client: Redis) -> None:
    """Wait until what was left behind is deleted."""

    async def is_settled() -> bool:
        return await client.hlen(keys.CLAIMS) == 0  # type: ignore[misc,no-any-return]

    await eventually(is_settled)


async def need_all_bytes(settings: CatalogSettings, client: Redis, http: httpx.AsyncClient, *gone: str) -> None:
    """Check that the storage has what every entry says, and nothing else, above all not under the keys in `gone`."""
    await settled(client)
    shown = await listed(http)
    async with opened(settings) as storage:
        for one in shown:
            entry = await Entries(client).get(one["uuid"])
            assert hashlib.sha256(await storage.read(entry.stored)).hexdigest() == entry.signature
        for key in gone:
            with pytest.raises(ObjectMissing):
                await storage.read(StoredObject(key, "image/jpeg", fields={"unique_name": f"/{key}"}, converted=True))
        if not settings.delegated_storage_host:
            assert {one.key async for one in storage.list()} == {one["storage_key"] for one in shown}


async def test_an_asset_gets_another_path_and_keeps_everything_else(
    settings: CatalogSettings, client: Redis, http: httpx.AsyncClient
) -> None:
    before = await upload(http, title="Cat", external_id="42")
    after = entry_of(await patch(http, before["uuid"], destination="archive/2026", filename="dog"))
    assert after["unique_name"] == "/DEV/archive/2026/dog.webp"
    assert after["public_url"].endswith("/assets/media/full/DEV/archive/2026/dog.webp")
    assert (after["destination"], after["filename"], after["original_filename"]) == (
        "archive/2026",
        "dog.webp",
        "dog.jpg",
    )
    assert after["uuid"] == identity.asset_uuid("/DEV/archive/2026/dog.webp")
    of_path = {"uuid", "unique_name", "public_url", "versioned_url", "destination", "filename", "original_filename"}
    of_path |= {"storage_key"}
    changed = of_path | {"updated_date", "content_date"}
    assert {name: after[name] for name in after if name not in changed} == {
        name: before[name] for name in before if name not in changed
    }
    assert await listed(http) == [after]
    await need_all_bytes(settings, client, http, before["storage_key"])


async def test_it_is_found_by_its_old_uuid_whose_page_is_kept_by_no_cache(http: httpx.AsyncClient) -> None:
    before = await upload(http)
    after = entry_of(await patch(http, before["uuid"], destination="archive"))
    old, new = await http.get(f"/catalog/{before['uuid']}"), await http.get(f"/catalog/{after['uuid']}")
    assert entry_of(old) == entry_of(new) == after
    assert old.headers["x-accel-expires"] == "0"
    assert old.headers["cache-control"] == "no-cache"
    assert entry_of(await patch(http, before["uuid"], alt="A cat"))["uuid"] == after["uuid"]
    assert (await http.delete(f"/file/{before['uuid']}")).status_code == 200
    assert (await http.get(f"/catalog/{before['uuid']}")).status_code == 404
    assert await listed(http) == []


async def test_fields_and_path_change_in_one_step(client: Redis, http: httpx.AsyncClient) -> None:
    before = await upload(http)
    revision = int(await client.get(keys.REVISION) or 0)
    after = entry_of(await patch(http, before["uuid"], filename="dog.jpg", alt="A dog", tags=["dog"]))
    assert (after["unique_name"], after["alt"], after["tags"]) == ("/DEV/dog.webp", "A dog", ["dog"])
    changes = await client.xrange(keys.CHANGES, min=f"({revision}-0")
    assert [fields[b"kind"] for _, fields in changes] == [b"deleted", b"written"]


async def test_a_new_upload_takes_the_old_path_and_its_uuid(
    settings: CatalogSettings, client: Redis, http: httpx.AsyncClient
) -> None:
    before = await upload(http)
    after = entry_of(await patch(http, before["uuid"], destination="archive"))
    other = await upload(http, SECOND)
    assert other["uuid"] == before["uuid"]
    assert await listed(http) == [after, other]
    await need_all_bytes(settings, client, http)


async def test_there_and_back_again(settings: CatalogSettings, client: Redis, http: httpx.AsyncClient) -> None:
    before = await upload(http)
    for folder in ("a", "b", "a", "DEV"):
        entry_of(await patch(http, before["uuid"], destination=folder))
    [after] = await listed(http)
    assert (after["uuid"], after["unique_name"]) == (before["uuid"], before["unique_name"])
    await need_all_bytes(settings, client, http, "DEV/a/cat.webp", "DEV/b/cat.webp")


async def test_a_taken_path_is_refused_and_named(
    settings: CatalogSettings, client: Redis, http: httpx.AsyncClient
) -> None:
    one, other = await upload(http), await upload(http, SECOND, filename="dog.jpg")
    answer = await patch(http, one["uuid"], filename="dog")
    assert answer.status_code == 400
    told = problem(answer)
    assert (told["code"], told["uuid"], told["unique_name"]) == ("already_exists", other["uuid"], "/DEV/dog.webp")
    assert await listed(http) == [one, other]
    await need_all_bytes(settings, client, http)


async def test_of_two_moves_to_one_path_one_wins_and_the_other_is_told(
    settings: CatalogSettings, client: Redis, http: httpx.AsyncClient
) -> None:
    one, other = await upload(http), await upload(http, SECOND, filename="dog.jpg")
    answers = await asyncio.gather(*(patch(http, entry["uuid"], filename="fox") for entry in (one, other)))
    assert sorted(answer.status_code for answer in answers) == [200, 400]
    assert sum(entry["filename"] == "fox.webp" for entry in await listed(http)) == 1
    await need_all_bytes(settings, client, http)


async def test_moves_replacements_and_changes_at_the_same_time(
    settings: CatalogSettings, client: Redis, http: httpx.AsyncClient
) -> None:
    entry = await upload(http)

    async def replaced(content: bytes) -> httpx.Response:
        return await http.patch(f"/file/{entry['uuid']}", files={"file": ("cat.jpg", content)})

    answers = await asyncio.gather(
        *(patch(http, entry["uuid"], destination=folder) for folder in ("a", "b")),
        *(replaced(content) for content in (SECOND, THIRD)),
        *(patch(http, entry["uuid"], alt=text) for text in ("one", "two")),
    )
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert {answer.status_code for answer in answers[4:]} == {200}
    [after] = await listed(http)
    assert after["alt"] in ("one", "two")
    await need_all_bytes(settings, client, http)


@local_alone
@pytest.mark.parametrize("change", [{"filename": "cat.webp"}, {"filename": "cat"}, {"destination": "DEV"}])
async def test_the_same_name_again_is_no_change(client: Redis, http: httpx.AsyncClient, change: dict[str, str]) -> None:
    before = await upload(http)
    revision = await client.get(keys.REVISION)
    assert entry_of(await patch(http, before["uuid"], **change)) == before
    assert entry_of(await http.patch(f"/file/{before['uuid']}", files={"x": (None, "")}, data=change)) == before
    assert await client.get(keys.REVISION) == revision
    assert entry_of(await patch(http, before["uuid"], **change, alt="A cat"))["alt"] == "A cat"


@local_alone
async def test_a_whole_entry_may_be_sent_back_with_another_place(http: httpx.AsyncClient) -> None:
    before = await upload(http)
    after = entry_of(await http.patch(f"/file/{before['uuid']}", json={**before, "destination": "archive"}))
    assert after["unique_name"] == "/DEV/archive/cat.webp"
    stale = await http.patch(f"/file/{before['uuid']}", json={**before, "alt": "A cat"})
    assert stale.status_code == 400, "who has not seen the move does not take it back"
    assert "cannot be changed" in problem(stale)["message"]


@local_alone
async def test_a_form_moves_too_and_says_nothing_by_empty_fields(http: httpx.AsyncClient) -> None:
    before = await upload(http, destination="shop")
    fields = {"destination": "", "filename": "dog.png.jpg", "alt": "A dog", "expired": ""}
    after = entry_of(await http.patch(f"/file/{before['uuid']}", data=fields, files={"x": (None, "")}))
    assert (after["unique_name"], after["alt"]) == ("/DEV/shop/dog_png.webp", "A dog")
    root = entry_of(await http.patch(f"/file/{after['uuid']}", data={"destination": "/"}, files={"x": (None, "")}))
    assert root["unique_name"] == "/DEV/dog_png.webp"


@local_alone
@pytest.mark.parametrize(
    "change",
    [
        {"filename": "dog.pdf"},
        {"filename": ""},
        {"filename": "../dog.webp"},
        {"filename": 5},
        {"filename": ["dog"]},
        {"destination": "../.."},
        {"destination": "a//b"},
        {"destination": {"a": 1}},
        {"destination": True},
        {"destination": "x" * 100 + "/" + "/".join("abcdefghijk")},
        {"destination": "PROD", "namespace": "PROD"},
        {"filename": "dog", "unique_name": "/DEV/dog.webp"},
        {"filename": "dog", "width": 5},
        {"filename": "dog", "alt": 5.5, "meta": "no object"},
        {"filename": "dog", "unknown": "x"},
    ],
)
async def test_what_is_no_place_is_refused_and_nothing_is_changed(
    http: httpx.AsyncClient, change: dict[str, Any]
) -> None:
    before = await upload(http)
    answer = await http.patch(f"/file/{before['uuid']}", json=change)
    assert answer.status_code == 400, answer.text
    assert await listed(http) == [before]


@local_alone
async def test_a_new_file_and_a_new_path_are_two_changes(http: httpx.AsyncClient) -> None:
    before = await upload(http)
    files = {"file": ("cat.jpg", SECOND)}
    answer = await http.patch(f"/file/{before['uuid']}", files=files, data={"destination": "archive"})
    assert answer.status_code == 400
    assert "two changes" in problem(answer)["message"]
    assert await listed(http) == [before]
    same = {"destination": "DEV", "filename": "cat.webp"}
    assert entry_of(await http.patch(f"/file/{before['uuid']}", files=files, data=same))["version"] == 2


@local_alone
@pytest.mark.parametrize("path", ["/catalog/{}", "/files", "/catalog"])
async def test_other_routes_refuse_it_and_name_the_one(http: httpx.AsyncClient, path: str) -> None:
    before = await upload(http)
    change: Any = {"uuid": before["uuid"], "destination": "archive"}
    answer = await http.patch(path.format(before["uuid"]), json=change if "{}" in path else [change])
    assert answer.status_code == 400
    assert "PATCH /file/{uuid}" in problem(answer)["hint"]
    assert await listed(http) == [before]


@local_alone
async def test_a_missing_file_is_not_moved(settings: CatalogSettings, http: httpx.AsyncClient) -> None:
    before = await upload(http)
    (settings.data_folder_path / before["storage_key"]).unlink()
    answer = await patch(http, before["uuid"], destination="archive")
    assert answer.status_code == 404
    assert await listed(http) == [before]


@local_alone
async def test_a_damaged_file_is_not_moved(settings: CatalogSettings, client: Redis, http: httpx.AsyncClient) -> None:
    before = await upload(http)
    (settings.data_folder_path / before["storage_key"]).write_bytes(SECOND)
    answer = await patch(http, before["uuid"], destination="archive")
    assert answer.status_code == 500
    assert await listed(http) == [before]
    assert await client.hlen(keys.CLAIMS) == 0  # type: ignore[misc]
    assert not (settings.data_folder_path / "DEV/archive").exists() or not any(
        (settings.data_folder_path / "DEV/archive").iterdir()
    )


@local_alone
async def test_a_file_that_the_catalog_does_not_know_stays_at_the_new_path(
    settings: CatalogSettings, http: httpx.AsyncClient
) -> None:
    before = await upload(http)
    unknown = settings.data_folder_path / "DEV/archive/cat.webp"
    unknown.parent.mkdir()
    unknown.write_bytes(b"unknown")
    after = entry_of(await patch(http, before["uuid"], destination="archive"))
    assert after["storage_key"].startswith("DEV/archive/cat.webp.")
    assert unknown.read_bytes() == b"unknown"
    assert (settings.data_folder_path / after["storage_key"]).read_bytes() == FIRST


@local_alone
@pytest.mark.parametrize("more", [{"media_token": "all", "media_tokens": TOKENS}])
async def test_a_token_moves_only_in_its_namespaces(http: httpx.AsyncClient) -> None:
    def saying(token: str) -> dict[str, str]:
        return {"authorization": f"Bearer {token}"}

    http.headers.update(saying("all"))
    uuid = (await upload(http))["uuid"]
    for token, status in (("prod", 403), ("reader", 403), ("nobody", 401), ("dev", 200)):
        answer = await http.patch(f"/file/{uuid}", json={"destination": "archive"}, headers=saying(token))
        assert answer.status_code == status, answer.text


@local_alone
@pytest.mark.parametrize("more", [{"keep_versions": 3}])
async def test_an_earlier_version_from_before_a_move_is_restored(
    settings: CatalogSettings, client: Redis, http: httpx.AsyncClient
) -> None:
    first = await upload(http)
    entry_of(await http.patch(f"/file/{first['uuid']}", files={"file": ("cat.jpg", SECOND)}))
    moved = entry_of(await patch(http, first["uuid"], destination="archive"))
    at = f"/catalog/{moved['uuid']}/versions"
    assert [one["version"] for one in (await http.get(at)).json()["data"]] == [1]
    assert (await http.get(f"{at}/1/file")).content == FIRST
    restored = entry_of(await http.post(f"{at}/1/restore"))
    assert (restored["version"], restored["signature"]) == (3, first["signature"])
    assert restored["storage_key"].startswith("DEV/archive/cat.webp")
    assert (settings.data_folder_path / restored["storage_key"]).read_bytes() == FIRST
    assert [one["version"] for one in (await http.get(at)).json()["data"]] == [2, 1]


@local_alone
@pytest.mark.parametrize("more", [{"keep_versions": 3, "trash_days": 3}])
async def test_a_moved_asset_comes_back_from_the_trash_where_it_was_last(http: httpx.AsyncClient) -> None:
    first = await upload(http)
    entry_of(await http.patch(f"/file/{first['uuid']}", files={"file": ("cat.jpg", SECOND)}))
    moved = entry_of(await patch(http, first["uuid"], destination="archive"))
    await http.delete(f"/file/{moved['uuid']}")
    [trashed] = (await http.get("/catalog/trash")).json()["data"]
    again = entry_of(await http.post(f"/catalog/trash/{trashed['id']}/restore"))
    assert again["unique_name"] == moved["unique_name"]
    assert [one["version"] for one in (await http.get(f"/catalog/{again['uuid']}/versions")).json()["data"]] == [1]
    assert (await http.get(f"/catalog/{first['uuid']}")).status_code == 404


@local_alone
async def test_a_file_at_the_old_path_can_be_catalogued(
    settings: CatalogSettings, client: Redis, http: httpx.AsyncClient
) -> None:
    before = await upload(http)
    entry_of(await patch(http, before["uuid"], destination="archive"))
    await settled(client)
    (settings.data_folder_path / "DEV/cat.webp").write_bytes(SECOND)
    body = {**before, "signature": hashlib.sha256(SECOND).hexdigest()}
    answer = await http.post("/catalog", json=body)
    assert answer.status_code == 201, answer.text
    assert len(await listed(http)) == 2
