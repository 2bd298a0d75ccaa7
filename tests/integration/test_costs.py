"""What requests cost, counted instead of timed: commands to a real Redis, reads of the storage, syncs, renders.

A number here may get smaller with a good idea. One that gets larger needs a reason.
"""

import asyncio
import hashlib
import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from services.catalog.app import make_app as make_catalog
from services.catalog.settings import CatalogSettings
from services.core import names
from services.core.redis import Redis
from services.core.storage.local import LocalStorage
from services.core.variants import Variants
from services.transform import kept, pipeline
from services.transform.app import make_app as make_transform
from services.transform.settings import TransformSettings
from tests.e2e.system import wait_until
from tests.redis_server import RedisServer
from tests.unit.transform.test_pipeline import RED, encoded, marked

PHOTO = encoded(marked((640, 480), RED), "JPEG")
UUID = names.asset_uuid("/DEV/cat.webp")


class Services:
    """Both services as they are wired, on one Redis and one folder, with all that is counted."""

    def __init__(self, folder: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.counts: Counter[str] = Counter()
        self.count(monkeypatch, pipeline, "render", "renders")
        self.count(monkeypatch, LocalStorage, "_read", "reads")
        self.count(monkeypatch, os, "fsync", "syncs")
        execute = Redis.execute_command

        async def counting_execute(client: Redis, *command: Any, **options: Any) -> Any:
            answer = await execute(client, *command, **options)
            self.counts[command[0]] += 1
            return answer

        monkeypatch.setattr(Redis, "execute_command", counting_execute)
        common = {"redis_url": redis_url, "data_folder_path": folder, "namespaces_allowed": ("DEV",)}
        self.apps: list[Starlette] = [
            make_catalog(CatalogSettings(**common, purge_wait_seconds=0)),
            make_transform(TransformSettings(**common)),
        ]
        self.catalog, self.transform = (
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service.test") for app in self.apps
        )

    def count(self, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, what: str) -> None:
        """Count the calls of a function or a method."""
        original = getattr(owner, name)

        def counting(*args: Any, **options: Any) -> Any:
            self.counts[what] += 1
            return original(*args, **options)

        monkeypatch.setattr(owner, name, counting)

    async def upload(self, filename: str, status: int = 200) -> None:
        form = {"namespace": "DEV", "filename": filename}
        answer = await self.catalog.post("/file", files={"file": ("cat.jpg", PHOTO)}, data=form)
        assert answer.status_code == status, answer.text

    async def get(self, path: str, *, cached: bool = False, status: int = 200, **headers: str) -> httpx.Response:
        """Ask transform for an asset, as the cache tier does or straight."""
        key = {"x-cache-key": f"/assets/media{path}"} if cached else {}
        answer = await self.transform.get(f"/assets/media{path}", headers=key | headers)
        assert answer.status_code == status, answer.text
        return answer

    def spent(self) -> dict[str, int]:
        """Return what has been counted since the last time; the sign of life comes by itself."""
        counts, self.counts = dict(self.counts), Counter()
        counts.pop("SET", None)
        return counts


@pytest.fixture
async def services(
    tmp_path: Path, server: RedisServer, client: Redis, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Services]:
    made = Services(tmp_path, server.url, monkeypatch)
    async with AsyncExitStack() as stack:
        for app in made.apps:
            await stack.enter_async_context(app.router.lifespan_context(app))
        for http in (made.catalog, made.transform):
            await stack.enter_async_context(http)
        await made.upload("cat.jpg")
        # Redis learns each script at its first use.
        await made.get("/full/DEV/cat.webp", cached=True)
        made.spent()
        yield made


async def test_a_rendition_costs_a_read_a_render_and_three_commands(services: Services) -> None:
    await services.get("/optimise/200x0/DEV/cat.webp", cached=True)
    assert services.spent() == {"HMGET": 1, "EVALSHA": 2, "reads": 1, "renders": 1}
    await services.get("/optimise/100x0/DEV/cat.webp")
    assert services.spent() == {"HMGET": 1, "reads": 1, "renders": 1}


async def test_what_many_ask_for_at_the_same_time_is_read_and_rendered_once(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.count(monkeypatch, Variants, "read", "asked")
    render = pipeline.render

    def render_when_all_have_asked(*args: Any) -> Any:
        wait_until(lambda: services.counts["asked"] == 10)
        return render(*args)

    monkeypatch.setattr(pipeline, "render", render_when_all_have_asked)
    await asyncio.gather(*(services.get("/optimise/300x0/DEV/cat.webp") for _ in range(10)))
    assert services.spent() == {"asked": 10, "HMGET": 1, "reads": 1, "renders": 1}


async def test_what_the_client_has_already_costs_a_look_into_the_catalog(services: Services) -> None:
    etag = (await services.get("/full/DEV/cat.webp")).headers["etag"]
    services.spent()
    await services.get("/full/DEV/cat.webp", status=304, **{"if-none-match": etag})
    assert services.spent() == {"HMGET": 1}


async def test_an_original_is_read_once_as_long_as_its_file_is_the_same(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "_SETTLED_NS", -1_000_000_000)
    for spent in ({"HMGET": 1, "reads": 1}, {"HMGET": 1}, {"HMGET": 1}):
        assert (await services.get("/original/DEV/cat.jpg")).content == PHOTO
        assert services.spent() == spent


async def test_what_is_not_there_costs_no_more_than_what_is(services: Services) -> None:
    await services.get("/optimise/200x0/DEV/dog.webp", cached=True, status=404)
    assert services.spent() == {"HMGET": 1, "EVALSHA": 2}


async def test_an_entry_costs_one_command_and_the_whole_list_too(services: Services) -> None:
    assert (await services.catalog.get(f"/catalog/{UUID}")).status_code == 200
    assert services.spent() == {"HMGET": 1}
    await services.catalog.get("/catalog")
    services.spent()
    assert len((await services.catalog.get("/catalog")).json()) == 1
    assert services.spent() == {"GET": 1}


async def test_an_upload_costs_three_commands_and_two_syncs(services: Services) -> None:
    await services.upload("dog.jpg")
    assert services.spent() == {"HGET": 1, "EVALSHA": 2, "syncs": 2}
    found = await services.get("/original/DEV/dog.jpg")
    assert hashlib.sha256(found.content).digest() == hashlib.sha256(PHOTO).digest()


async def test_an_upload_of_what_is_there_already_costs_one_command(services: Services) -> None:
    await services.upload("cat.jpg", status=400)
    assert services.spent() == {"HGET": 1}
