"""The folders of the catalog, as a client is answered."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.catalog.settings import CatalogSettings
from services.core.errors import NoIndex
from services.core.state.connection import Redis
from services.core.state.entries import Entries
from tests.processes.redis_server import RedisServer
from tests.support.catalogs import an_entry
from tests.support.problems import problem
from tests.support.service import running
from tests.support.waits import eventually


@pytest.fixture
async def http(tmp_path: Path, server: RedisServer, client: Redis) -> AsyncIterator[httpx.AsyncClient]:
    async with running(CatalogSettings(redis_url=server.url, data_folder_path=tmp_path), client) as made:
        yield made


async def folders(http: httpx.AsyncClient, text: str = "") -> dict[str, Any]:
    """Return the answer once there is an index."""
    path = f"/catalog/folders?{text}"

    async def is_answered() -> bool:
        answer = await http.get(path)
        if answer.status_code != 503:
            return True
        assert (problem(answer)["code"], bool(answer.headers["retry-after"])) == (NoIndex.code, True)
        return False

    await eventually(is_answered)
    answer = await http.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    body: dict[str, Any] = answer.json()
    assert body["errors"] == body["problems"] == []
    return body


def folder(path: str, entries: int, all_entries: int, size: int = 1234) -> dict[str, Any]:
    return {
        "path": path,
        "name": path.rpartition("/")[2],
        "entries": entries,
        "bytes": entries * size,
        "all_entries": all_entries,
        "all_bytes": all_entries * size,
        "has_folders": all_entries > entries,
    }


async def test_a_folder_is_answered_with_those_directly_in_it(client: Redis, http: httpx.AsyncClient) -> None:
    entries = Entries(client)
    for at, place in enumerate((None, "shop", "shop", "shop/2026/summer", "shop2")):
        await entries.create(an_entry(f"cat-{at}", folder=place), None)
    root = await folders(http)
    assert root["folder"] == folder("/", 0, 5)
    assert root["data"] == [folder("/DEV", 1, 5)]
    assert (root["current"], root["cursor"]) == (True, None)
    for text in ("parent=/DEV", "parent=DEV/", "namespace=DEV", "parent=/DEV&namespace=DEV"):
        inside = await folders(http, text)
        assert inside["folder"] == folder("/DEV", 1, 5)
        assert inside["data"] == [folder("/DEV/shop", 2, 3), folder("/DEV/shop2", 1, 1)]
    assert (await folders(http, "parent=/DEV/shop"))["data"] == [folder("/DEV/shop/2026", 0, 1)]
    nothing = await folders(http, "parent=/DEV/sho")
    assert (nothing["folder"], nothing["data"]) == (folder("/DEV/sho", 0, 0), [])


async def test_each_change_is_counted_when_it_was_answered(client: Redis, http: httpx.AsyncClient) -> None:
    entries, entry = Entries(client), an_entry("cat", folder="shop")
    await entries.create(entry, None)
    assert (await folders(http, "parent=/DEV"))["data"] == [folder("/DEV/shop", 1, 1)]
    await entries.change(entry.uuid, lambda old: replace(old, size=9))
    assert (await folders(http, "parent=/DEV"))["data"] == [folder("/DEV/shop", 1, 1, 9)]
    await entries.delete(entry.uuid, lambda old: None)
    gone = await folders(http)
    assert (gone["folder"], gone["data"]) == (folder("/", 0, 0), [])


async def test_pages_have_every_folder_once(client: Redis, http: httpx.AsyncClient) -> None:
    entries = Entries(client)
    for at in range(7):
        await entries.create(an_entry("cat", folder=f"a/f{at}"), None)
    seen, cursor = [], ""
    while cursor is not None:
        page = await folders(http, f"parent=/DEV/a&limit=3&cursor={cursor}")
        seen.append([one["name"] for one in page["data"]])
        cursor = page["cursor"]
    assert seen == [["f0", "f1", "f2"], ["f3", "f4", "f5"], ["f6"]]


async def test_what_cannot_be_right_is_refused(http: httpx.AsyncClient) -> None:
    answer = await http.get("/catalog/folders?folder=/DEV")
    assert answer.status_code == 400
    assert "parent" in problem(answer)["hint"]
