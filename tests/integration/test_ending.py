"""A service that is told to end has ended all that it does beside its requests."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from starlette.applications import Starlette

from services.catalog.app import make_app as make_catalog
from services.catalog.settings import CatalogSettings
from services.core.errors import Unavailable
from services.core.state.connection import Redis
from services.core.state.entries import Entries
from services.core.storage import StoredObject
from services.core.storage.local import LocalStorage
from services.transform.app import make_app as make_transform
from services.transform.settings import TransformSettings
from tests.processes.redis_server import RedisServer
from tests.support.pdfs import pdf
from tests.support.pictures import RED, encoded, marked
from tests.support.sandboxes import Children
from tests.support.service import running

APPS: dict[str, Callable[[dict[str, Any]], Starlette]] = {
    "catalog": lambda given: make_catalog(CatalogSettings(**given)),
    "transform": lambda given: make_transform(TransformSettings(**given)),
}


@pytest.mark.parametrize("name", APPS)
async def test_nothing_goes_on_when_the_client_of_redis_swallows_the_cancellation(
    name: str, server: RedisServer, client: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = APPS[name]({"redis_url": server.url, "data_folder_path": tmp_path, "namespaces_allowed": ("DEV",)})
    before, asking, execute = asyncio.all_tasks(), asyncio.Event(), Redis.execute_command

    async def swallows(one: Redis, *command: Any, **options: Any) -> Any:
        if command[0] != "GET" or not started:
            return await execute(one, *command, **options)
        asking.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise RedisConnectionError("Connection closed") from None

    monkeypatch.setattr(Redis, "execute_command", swallows)
    started = False
    async with app.router.lifespan_context(app):
        started = True
        await asking.wait()
    assert asyncio.all_tasks() <= before


@pytest.fixture
def deleting(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """A delete in the storage hangs, and says so."""
    begun = asyncio.Event()

    async def hangs(one: LocalStorage, objects: Sequence[StoredObject]) -> None:
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(LocalStorage, "delete", hangs)
    return begun


async def test_what_an_answer_did_not_wait_for_is_ended_too(
    server: RedisServer, client: Redis, tmp_path: Path, deleting: asyncio.Event
) -> None:
    settings = CatalogSettings(
        redis_url=server.url, data_folder_path=tmp_path, namespaces_allowed=("DEV",), purge_wait_seconds=0
    )
    photo, before = encoded(marked((64, 48), RED), "JPEG"), asyncio.all_tasks()
    async with running(settings, client) as http:
        uploaded = await http.post("/file", files={"file": ("cat.jpg", photo)}, data={"namespace": "DEV"})
        [entry] = uploaded.json()["data"]
        assert (await http.delete(f"/file/{entry['uuid']}")).status_code == 200
        await deleting.wait()
    assert asyncio.all_tasks() <= before


async def test_what_a_failed_upload_still_discards_is_ended_too(
    server: RedisServer, client: Redis, tmp_path: Path, deleting: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: Any, **__: Any) -> None:
        raise Unavailable("The catalog cannot be reached right now.")

    monkeypatch.setattr(Entries, "put", fails)
    settings = CatalogSettings(redis_url=server.url, data_folder_path=tmp_path, namespaces_allowed=("DEV",))
    photo, before = encoded(marked((64, 48), RED), "JPEG"), asyncio.all_tasks()
    async with running(settings, client) as http:
        answer = await http.post("/file", files={"file": ("cat.jpg", photo)}, data={"namespace": "DEV"})
        assert answer.status_code == 503
        await deleting.wait()
    assert asyncio.all_tasks() <= before


async def test_the_process_that_looks_at_files_is_ended_too(
    server: RedisServer, client: Redis, tmp_path: Path, children: Children
) -> None:
    settings = CatalogSettings(
        redis_url=server.url, data_folder_path=tmp_path, namespaces_allowed=("DEV",), purge_wait_seconds=0
    )
    async with running(settings, client) as http:
        answer = await http.post("/file", files={"file": ("terms.pdf", pdf("terms"))}, data={"namespace": "DEV"})
        assert answer.status_code == 200
        assert len(children()) == 1
    assert children() == set()
