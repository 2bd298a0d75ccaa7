"""CONVERT_TO_WEBP: what an upload without toWebp says."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from services.catalog.app import make_app
from services.catalog.settings import CatalogSettings
from tests.processes.redis_server import RedisServer
from tests.support.pictures import RED, encoded, marked

PHOTO, OTHER = (encoded(marked((size, 48), RED), "JPEG") for size in (64, 32))


@asynccontextmanager
async def service(folder: Path, server: RedisServer, *, convert_to_webp: bool) -> AsyncIterator[httpx.AsyncClient]:
    settings = CatalogSettings(
        redis_url=server.url,
        data_folder_path=folder,
        namespaces_allowed=("DEV",),
        purge_wait_seconds=0,
        convert_to_webp=convert_to_webp,
    )
    app = make_app(settings)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http,
    ):
        yield http


@pytest.mark.parametrize(
    ("default", "given", "media_type"),
    [
        (True, None, "image/webp"),
        (True, "", "image/webp"),
        (True, "false", "image/jpeg"),
        (False, None, "image/jpeg"),
        (False, "", "image/jpeg"),
        (False, "true", "image/webp"),
    ],
)
@pytest.mark.usefixtures("client")
async def test_an_upload_that_does_not_say_follows_the_setting(
    tmp_path: Path, server: RedisServer, default: bool, given: str | None, media_type: str
) -> None:
    form = {"namespace": "DEV", **({} if given is None else {"toWebp": given})}
    async with service(tmp_path, server, convert_to_webp=default) as http:
        answer = await http.post("/file", files={"file": ("cat.jpg", PHOTO)}, data=form)
        [entry] = answer.json()["data"]
    assert (answer.status_code, entry["mimetype"]) == (200, media_type)
    assert entry["filename"] == ("cat.webp" if media_type == "image/webp" else "cat.jpg")


@pytest.mark.usefixtures("client")
async def test_a_replacement_follows_the_entry(tmp_path: Path, server: RedisServer) -> None:
    async with service(tmp_path, server, convert_to_webp=False) as http:
        form = {"namespace": "DEV", "toWebp": "true"}
        answer = await http.post("/file", files={"file": ("cat.jpg", PHOTO)}, data=form)
        [entry] = answer.json()["data"]
        replaced = await http.patch(f"/file/{entry['uuid']}", files={"file": ("dog.jpg", OTHER)})
    assert (replaced.status_code, replaced.json()["data"][0]["mimetype"]) == (200, "image/webp")
