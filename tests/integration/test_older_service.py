"""The catalog service on a catalog that was restored from the older service: clients go on as before."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
import pytest

from services.catalog.settings import CatalogSettings
from services.core.assets import media_types
from services.core.dumps.stores import open_dumps
from services.core.state.connection import Redis
from services.core.storage import open_storage
from services.jobs.dumps.restore import restore_dump
from tests.processes.redis_server import RedisServer
from tests.support.catalogs import CatalogUser
from tests.support.older_service import OlderDump, OlderFile, converted, every_oddity, picture
from tests.support.service import nodes_that_have_all, running

NEW = {"JPEG": picture("JPEG", 80), "PNG": picture("PNG", 80), "WEBP": picture("WEBP", 80)}
CONVERTED = [file for file in every_oddity() if file.entry["mimetype"] == "image/webp"]


def put_into(folder: Path, file: OlderFile) -> None:
    path = folder / file.key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(file.stored)


@pytest.fixture
async def http(tmp_path: Path, server: RedisServer, client: Redis) -> AsyncIterator[httpx.AsyncClient]:
    """The service with a restored catalog and the files of the older service."""
    older = OlderDump()
    (tmp_path / "dumps").mkdir()
    (tmp_path / "dumps" / "dump_20250812T143052.json").write_bytes(older.json)
    for file in older.files:
        put_into(tmp_path, file)
    settings = CatalogSettings(
        redis_url=server.url,
        data_folder_path=tmp_path,
        namespaces_allowed=("DEV",),
        valid_mimetypes=tuple(media_types.KNOWN),
        purge_wait_seconds=9,
    )
    user = CatalogUser(client)
    async with nodes_that_have_all(client), running(settings, client) as made, user.process.alive():
        storage = open_storage(settings)
        await restore_dump(client, user.process, open_dumps(settings, storage))
        yield made


async def shown(http: httpx.AsyncClient, uuid: str) -> dict[str, Any]:
    answer = await http.get(f"/catalog/{uuid}")
    assert answer.status_code == 200, answer.text
    [entry] = answer.json()["data"]
    return dict(entry)


async def test_every_old_uuid_answers_on_get_patch_and_delete(http: httpx.AsyncClient) -> None:
    for file in every_oddity():
        uuid = file.entry["uuid"]
        assert (await shown(http, uuid))["uuid"] == uuid
        changed = await http.patch(f"/catalog/{uuid.upper()}", json={"information": "seen"})
        assert (changed.status_code, changed.json()["data"][0]["uuid"]) == (200, uuid), changed.text
        deleted = await http.delete(f"/file/{uuid}")
        assert (deleted.status_code, deleted.json()["data"][0]["uuid"]) == (200, uuid), deleted.text
        assert (await http.get(f"/catalog/{uuid}")).status_code == 404
    assert (await http.get("/catalog")).json() == []


@pytest.mark.parametrize("kind", NEW)
@pytest.mark.parametrize("older", CONVERTED, ids=lambda older: older.entry["unique_name"])
async def test_every_picture_can_be_replaced_by_every_kind_of_picture(
    http: httpx.AsyncClient, tmp_path: Path, older: OlderFile, kind: str
) -> None:
    uuid = older.entry["uuid"]
    before = await shown(http, uuid)
    answer = await http.patch(f"/file/{uuid}", files={"file": (f"new.{kind.lower()}", NEW[kind])})
    assert answer.status_code == 200, answer.text
    [entry] = answer.json()["data"]
    kept = ("uuid", "unique_name", "public_url", "filename", "mimetype", "external_id", "destination")
    assert {name: entry[name] for name in kept} == {name: before[name] for name in kept}
    assert (entry["version"], entry["original_mimetype"]) == (before["version"] + 1, f"image/{kind.lower()}")
    assert not {"original_signature", "original_version", "stored_mimetype"} & entry.keys()
    assert (tmp_path / entry["storage_key"]).read_bytes() == NEW[kind]


async def test_public_addresses_are_those_that_clients_have_stored(http: httpx.AsyncClient) -> None:
    for file in every_oddity():
        stored = urlsplit(file.entry["public_url"]).path.replace("//", "/")
        assert (await shown(http, file.entry["uuid"]))["public_url"] == stored


@pytest.mark.parametrize("name", ["jpg.jpg", "wave.gif"])
async def test_what_was_not_converted_takes_its_own_type_alone(http: httpx.AsyncClient, name: str) -> None:
    [raw] = [file.entry["uuid"] for file in every_oddity() if file.entry["unique_name"] == f"/DEV/raw/{name}"]
    refused = await http.patch(f"/file/{raw}", files={"file": ("new.png", NEW["PNG"])})
    assert (refused.status_code, refused.json()["errors"]) == (
        400,
        ["Replacement not allowed for files without conversion"],
    )
    new = {"jpg.jpg": NEW["JPEG"], "wave.gif": picture("GIF", 80)}[name]
    assert (await http.patch(f"/file/{raw}", files={"file": (name, new)})).status_code == 200


async def test_an_upload_to_a_path_of_the_older_service_is_refused_with_its_uuid(http: httpx.AsyncClient) -> None:
    form = {"namespace": "DEV", "destination": "random"}
    answer = await http.post("/file", files={"file": ("jpg.jpg", NEW["JPEG"])}, data=form)
    assert answer.json()["errors"] == ["File already exists in catalog, please use patch instead."]
    assert answer.json()["problems"][0]["uuid"] == "e080a953-5300-427b-bd39-6e235d8238a2"


async def test_a_whole_entry_that_a_client_has_from_the_older_service_may_be_sent_back(http: httpx.AsyncClient) -> None:
    for file in every_oddity():
        whole = {**file.entry, "information": "new"}
        answer = await http.patch(f"/catalog/{file.entry['uuid']}", content=orjson.dumps(whole))
        assert answer.status_code == 200, answer.text
        assert answer.json()["data"][0]["information"] == "new"
        answer = await http.patch("/catalog", content=orjson.dumps([{**whole, "information": "newer"}]))
        assert answer.json()["errors"] == []


async def test_entries_of_the_older_service_can_be_catalogued_one_by_one(
    http: httpx.AsyncClient, tmp_path: Path
) -> None:
    before = {file.entry["uuid"]: await shown(http, file.entry["uuid"]) for file in every_oddity()}
    assert (await http.delete("/catalog")).status_code == 200
    for file in every_oddity():
        put_into(tmp_path, file)
        answer = await http.post("/catalog", content=orjson.dumps(file.entry))
        assert answer.status_code == 201, answer.text
        [entry] = answer.json()["data"]
        now = {name: entry[name] for name in ("uploaded_date", "updated_date", "content_date")}
        assert entry == {**before[file.entry["uuid"]], **now}


async def test_a_uuid_that_another_entry_has_is_refused(http: httpx.AsyncClient, tmp_path: Path) -> None:
    other = converted("/DEV/other.webp", "other.jpg", uuid="e080a953-5300-427b-bd39-6e235d8238a2")
    put_into(tmp_path, other)
    answer = await http.post("/catalog", content=orjson.dumps(other.entry))
    assert answer.status_code == 400
    assert "/DEV/random/jpg.webp" in answer.json()["errors"][0]
