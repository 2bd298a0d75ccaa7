"""Uploads whose bytes are those of other entries: which ones the answer names."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.catalog.search import reading
from services.catalog.search import search as module
from services.catalog.settings import CatalogSettings
from services.catalog.uploads.duplicates import NAMED_MAX
from services.core.state.connection import Redis
from tests.processes.redis_server import RedisServer
from tests.support.pictures import BLUE, RED, encoded, marked
from tests.support.service import running
from tests.support.waits import eventually

FIRST, OTHER = (encoded(marked((64, 48), colour), "JPEG") for colour in (RED, BLUE))
ALL, LIMITED = "of-all-namespaces", "of-one-namespace"


def settings_of(server: RedisServer, folder: Path, **more: Any) -> CatalogSettings:
    lines = [
        f"{token}:write:{namespaces}:{hashlib.sha256(token.encode()).hexdigest()}"
        for token, namespaces in ((ALL, "*"), (LIMITED, "PROD"))
    ]
    return CatalogSettings(
        redis_url=server.url,
        data_folder_path=folder,
        namespaces_allowed=("DEV", "PROD"),
        purge_wait_seconds=0,
        media_tokens=";".join(lines),
        **more,
    )


async def is_searched(http: httpx.AsyncClient) -> bool:
    return (await http.get("/catalog/search")).status_code == 200


async def is_current(http: httpx.AsyncClient) -> bool:
    return bool((await http.get("/catalog/search")).json()["current"])


@pytest.fixture
async def http(server: RedisServer, client: Redis, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    service: AbstractAsyncContextManager[httpx.AsyncClient] = running(settings_of(server, tmp_path), client, ALL)
    async with service as made:
        await eventually(lambda: is_searched(made))
        yield made


async def upload(http: httpx.AsyncClient, name: str, body: bytes = FIRST, **form: str) -> dict[str, Any]:
    """Upload a picture and return the answer."""
    token = form.pop("token", ALL)
    answer = await http.post(
        "/file",
        files={"file": (name, body)},
        data={"namespace": "DEV", **form},
        headers={"authorization": f"Bearer {token}"},
    )
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    return said


def uuid_of(body: dict[str, Any]) -> str:
    return str(body["data"][0]["uuid"])


def named(body: dict[str, Any]) -> set[str]:
    """Return the paths of the duplicates that an answer names."""
    assert "duplicates" not in body or all(other["of"] == uuid_of(body) for other in body["duplicates"])
    return {other["unique_name"] for other in body.get("duplicates", ())}


@pytest.mark.parametrize("gathered", [0.0, 60.0], ids=["of the index", "of the last second"])
async def test_an_upload_is_told_of_entries_with_the_same_bytes(
    http: httpx.AsyncClient, gathered: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GATHER_SECONDS", gathered)
    first = await upload(http, "first.jpg")
    assert "duplicates" not in first
    assert named(await upload(http, "other.jpg", OTHER)) == set()
    if not gathered:
        assert (await http.get("/catalog/search")).json()["current"]
    second = await upload(http, "second.jpg", destination="shop")
    other = {"of": uuid_of(second), "uuid": uuid_of(first), "unique_name": "/DEV/first.webp"}
    assert second["duplicates"] == [other]
    assert named(await upload(http, "third.jpg")) == {"/DEV/first.webp", "/DEV/shop/second.webp"}


async def test_files_of_one_form_are_told_of_each_other(http: httpx.AsyncClient) -> None:
    files = [("files", (f"{name}.jpg", FIRST)) for name in ("a", "b")]
    answer = await http.post("/files", files=files, data={"namespace": "DEV"})
    [first, second] = answer.json()["data"]
    assert answer.json()["duplicates"] == [
        {"of": one["uuid"], "uuid": other["uuid"], "unique_name": other["unique_name"]}
        for one, other in ((first, second), (second, first))
    ]


async def test_uploads_skipped_together_do_not_trouble_the_next(http: httpx.AsyncClient) -> None:
    await upload(http, "a.jpg")
    files = [("files", ("a.jpg", FIRST))] * 2
    skipped = await http.post("/files", params={"on_conflict": "skip"}, files=files, data={"namespace": "DEV"})
    assert skipped.status_code == 200, skipped.text
    assert (await http.get("/catalog/search")).json()["current"]
    assert named(await upload(http, "b.jpg", OTHER)) == set()


async def test_of_uploads_at_once_at_least_one_is_told_of_the_other(http: httpx.AsyncClient) -> None:
    for turn in range(5):
        body = FIRST + bytes([turn])
        both = await asyncio.gather(*(upload(http, f"{name}{turn}.jpg", body) for name in "ab"))
        assert any(named(answer) for answer in both)


async def test_what_is_deleted_or_replaced_is_named_no_more(http: httpx.AsyncClient) -> None:
    first, second = await upload(http, "first.jpg"), await upload(http, "second.jpg")
    assert (await http.delete(f"/file/{uuid_of(first)}")).status_code == 200
    assert named(await upload(http, "third.jpg")) == {"/DEV/second.webp"}
    replaced = await http.patch(f"/file/{uuid_of(second)}", files={"file": ("second.jpg", OTHER)})
    assert replaced.status_code == 200
    assert named(await upload(http, "fourth.jpg")) == {"/DEV/third.webp"}
    assert (await http.get("/catalog/search")).json()["current"]
    assert named(await upload(http, "fifth.jpg")) == {"/DEV/third.webp", "/DEV/fourth.webp"}


async def test_a_token_of_one_namespace_is_not_told_of_others(http: httpx.AsyncClient) -> None:
    await upload(http, "secret.jpg")
    assert named(await upload(http, "mine.jpg", namespace="PROD", token=LIMITED)) == set()
    assert named(await upload(http, "again.jpg", namespace="PROD", token=LIMITED)) == {"/PROD/mine.webp"}
    assert named(await upload(http, "all.jpg")) == {"/DEV/secret.webp", "/PROD/mine.webp", "/PROD/again.webp"}


async def test_very_many_in_another_namespace_hide_none(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GATHER_SECONDS", 0.0)
    monkeypatch.setattr(reading, "SAME_MAX", 2)
    for number in range(4):
        await upload(http, f"{number}.jpg")
    await upload(http, "mine.jpg", namespace="PROD", token=LIMITED)
    await eventually(lambda: is_current(http))
    assert named(await upload(http, "again.jpg", namespace="PROD", token=LIMITED)) == {"/PROD/mine.webp"}


async def test_few_of_very_many_are_named(http: httpx.AsyncClient) -> None:
    for number in range(NAMED_MAX + 3):
        last = await upload(http, f"{number}.jpg")
    assert len(last["duplicates"]) == NAMED_MAX


async def test_without_an_index_an_upload_is_answered_without_them(
    server: RedisServer, client: Redis, tmp_path: Path
) -> None:
    async with running(settings_of(server, tmp_path, search_index_max=64 * 1024), client, ALL) as http:
        await upload(http, "first.jpg")
        assert "duplicates" not in await upload(http, "second.jpg")
        assert (await http.get("/catalog/search")).status_code == 503
