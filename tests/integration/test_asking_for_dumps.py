"""What POST /catalog/create-dump passes on to the jobs worker."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.catalog.settings import CatalogSettings
from services.core.state.connection import Redis
from tests.processes.redis_server import RedisServer
from tests.support.service import running


@pytest.fixture
async def http(tmp_path: Path, server: RedisServer, client: Redis) -> AsyncIterator[httpx.AsyncClient]:
    settings = CatalogSettings(redis_url=server.url, data_folder_path=tmp_path, dump_wait_seconds=0)
    async with running(settings, client) as made:
        yield made


@pytest.mark.parametrize(
    ("query", "arguments"),
    [
        ("", {}),
        ("?format=json", {"format": "json"}),
        ("?filename=before-the-move", {"filename": "before-the-move"}),
        ("?filename=before.rdb&format=rdb", {"filename": "before.rdb", "format": "rdb"}),
    ],
)
async def test_the_job_gets_the_name_and_the_format(
    http: httpx.AsyncClient, query: str, arguments: dict[str, Any]
) -> None:
    asked = await http.post(f"/catalog/create-dump{query}")
    assert asked.status_code == 202
    job = await http.get(asked.json()["job"]["status_url"])
    assert job.json()["data"][0]["arguments"] == arguments


@pytest.mark.parametrize(
    "query",
    ["?filename=../x", "?filename=latest", "?filename=a.json&format=rdb", "?format=csv", "?name=x", "?filename="],
)
async def test_what_cannot_be_is_refused_in_the_shape_of_the_dump_routes(http: httpx.AsyncClient, query: str) -> None:
    asked = await http.post(f"/catalog/create-dump{query}")
    assert asked.status_code == 400
    assert asked.json().keys() == {"error", "details", "suggestion"}
    assert all(asked.json().values())
    assert (await http.get("/jobs")).json()["data"] == []
