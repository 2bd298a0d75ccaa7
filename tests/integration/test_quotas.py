"""Quotas as clients meet them, with local files and with a backend that replaces files in place."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.catalog.settings import CatalogSettings
from services.core.state import keys
from services.core.state.connection import Redis
from tests.processes.distant_backend import TOKEN, Backend
from tests.processes.redis_server import RedisServer
from tests.support.pictures import BLUE, RED, encoded, marked
from tests.support.problems import problem, problems
from tests.support.service import running
from tests.support.tus import beginning
from tests.support.waits import eventually

SMALL, LARGE = encoded(marked((64, 48), RED), "JPEG"), encoded(marked((640, 480), BLUE), "JPEG")
ALL, SHOP = "media", "shop-reader"
LINE = f"shop:read:SHOP:{hashlib.sha256(SHOP.encode()).hexdigest()}"


@pytest.fixture(params=["local", "distant-in-place"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, Any]]:
    if request.param == "local":
        yield {}
        return
    backend = Backend(tmp_path / "backend", "--in-place")
    backend.start()
    yield {
        "delegated_storage_method": "DISTANT_BACKEND",
        "delegated_storage_host": backend.url,
        "delegated_storage_token": TOKEN,
    }
    backend.stop()


@pytest.fixture
async def http(
    server: RedisServer, client: Redis, tmp_path: Path, storage: dict[str, Any]
) -> AsyncIterator[httpx.AsyncClient]:
    folder = tmp_path / "data"
    folder.mkdir()
    settings = CatalogSettings(
        redis_url=server.url,
        data_folder_path=folder,
        namespaces_allowed=("DEV", "SHOP"),
        quotas=f"DEV={2 * len(LARGE)}:3,SHOP=:1",
        media_token=ALL,
        media_tokens=LINE,
        purge_wait_seconds=0,
        **storage,
    )
    async with running(settings, client, ALL) as made:
        yield made


async def upload(http: httpx.AsyncClient, name: str, content: bytes, **more: str) -> httpx.Response:
    return await http.post(
        "/file", files={"file": (name, content)}, data={"namespace": "DEV", "filename": name, **more}
    )


async def usage(http: httpx.AsyncClient, token: str = ALL) -> dict[str, dict[str, Any]]:
    answer = await http.get("/usage", headers={"authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["complete"]) == (200, True)
    return {one["namespace"]: one for one in answer.json()["data"]}


def files_in(tmp_path: Path) -> list[Path]:
    places = (tmp_path / "data" / "DEV", tmp_path / "data" / "SHOP", tmp_path / "backend")
    return [path for place in places for path in place.rglob("*.jpg*")]


async def test_what_has_no_room_is_refused_and_leaves_nothing(
    http: httpx.AsyncClient, client: Redis, tmp_path: Path
) -> None:
    uuid = (await upload(http, "cat.jpg", LARGE, toWebp="false")).json()["data"][0]["uuid"]
    assert (await upload(http, "dog.jpg", SMALL, toWebp="false")).status_code == 200
    before, there = await usage(http), files_in(tmp_path)
    refused = await upload(http, "cow.jpg", LARGE, toWebp="false")
    assert refused.status_code == 413
    has = len(LARGE) + len(SMALL)
    assert problem(refused) == {
        "code": "quota_exceeded",
        "message": f"Namespace 'DEV' has {has} of {2 * len(LARGE)} bytes, and {len(LARGE)} more are needed.",
        "hint": "Delete what is not needed, also earlier versions and the trash, or have QUOTAS raised.",
        "file": "cow.jpg",
    }
    replacing = await http.patch(f"/file/{uuid}", files={"file": ("cat.jpg", LARGE + SMALL + LARGE)})
    assert (replacing.status_code, problem(replacing)["code"]) == (413, "quota_exceeded")

    async def is_settled() -> bool:
        return await client.hlen(keys.CLAIMS) == 0  # type: ignore[misc,no-any-return]

    await eventually(is_settled)
    assert files_in(tmp_path) == there
    assert await usage(http) == before
    assert (await http.delete(f"/file/{uuid}")).status_code == 200
    assert (await upload(http, "cow.jpg", LARGE)).status_code == 200


@pytest.mark.parametrize("storage", [{}])
async def test_a_resumable_upload_without_room_is_refused_before_its_bytes_are_sent(http: httpx.AsyncClient) -> None:
    made = await http.post("/tickets", json={"namespace": "DEV", "max_size": 10 * len(LARGE)})
    page = f"/direct/tus?ticket={made.json()['data'][0]['ticket']}"
    for path in ("/tus", "/tus?on_conflict=rename", page):
        refused = await http.post(path, headers=beginning(2 * len(LARGE) + 1))
        assert (refused.status_code, problem(refused)["code"]) == (413, "quota_exceeded"), path
    # What replaces a file, or is skipped, may need no room.
    for path in ("/tus?on_conflict=replace", "/tus?on_conflict=skip"):
        assert (await http.post(path, headers=beginning(2 * len(LARGE) + 1))).status_code == 201
    # The use of the ticket is free.
    assert (await http.post(page, headers=beginning(len(LARGE)))).status_code == 201


@pytest.mark.parametrize("storage", [{}])
async def test_of_uploads_at_once_only_those_succeed_that_fit(http: httpx.AsyncClient, tmp_path: Path) -> None:
    made = await asyncio.gather(*(upload(http, f"cat{at}.jpg", LARGE) for at in range(6)))
    assert sorted(one.status_code for one in made) == [200] * 2 + [413] * 4
    assert (await usage(http))["DEV"]["bytes"] == 2 * len(LARGE)
    assert len(list((tmp_path / "data" / "DEV").iterdir())) == 2


@pytest.mark.parametrize("storage", [{}])
async def test_of_several_files_in_a_form_each_is_refused_by_itself(http: httpx.AsyncClient) -> None:
    parts = [("files", (f"{name}.jpg", SMALL)) for name in "abcd"]
    made = await http.post("/files", files=parts, data={"namespace": "DEV"})
    assert (made.status_code, len(made.json()["data"])) == (200, 3)
    assert [(one["code"], one["file"]) for one in problems(made)] == [("quota_exceeded", "d.jpg")]
    refused = await http.post("/files", files=[("files", ("e.jpg", SMALL))], data={"namespace": "DEV"})
    assert (refused.status_code, problem(refused)["code"]) == (413, "quota_exceeded")


@pytest.mark.parametrize("storage", [{}])
async def test_a_token_sees_its_namespaces_and_a_stored_file_is_adopted_only_if_it_fits(
    http: httpx.AsyncClient, tmp_path: Path
) -> None:
    assert (await usage(http, SHOP)).keys() == {"SHOP"}
    assert (await usage(http)).keys() == {"DEV", "SHOP"}
    assert (await usage(http, SHOP))["SHOP"] == {
        "namespace": "SHOP",
        "assets": 0,
        "bytes": 0,
        "retired_files": 0,
        "retired_bytes": 0,
        "quota_assets": 1,
        "quota_bytes": None,
    }
    stored = tmp_path / "data" / "SHOP"
    stored.mkdir()
    for name, status in (("one.webp", 201), ("two.webp", 413)):
        (stored / name).write_bytes(encoded(marked((64, 48), RED), "WEBP"))
        assert (await http.post("/catalog", json={"unique_name": f"/SHOP/{name}"})).status_code == status
        assert (stored / name).exists()


@pytest.mark.parametrize("storage", [{"trash_days": 30}])
async def test_a_file_of_the_trash_that_is_adopted_needs_no_more_room(http: httpx.AsyncClient) -> None:
    uuid = (await upload(http, "cat.jpg", LARGE, toWebp="false")).json()["data"][0]["uuid"]
    assert (await http.delete(f"/file/{uuid}")).status_code == 200
    assert (await upload(http, "dog.jpg", LARGE, toWebp="false")).status_code == 200
    before = (await usage(http))["DEV"]
    assert before["retired_bytes"] == len(LARGE)
    adopted = await http.post("/catalog", json={"unique_name": "/DEV/cat.jpg"})
    assert adopted.status_code == 201, adopted.text
    assert (await usage(http))["DEV"] == before | {
        "assets": 2,
        "bytes": 2 * len(LARGE),
        "retired_files": 0,
        "retired_bytes": 0,
    }
