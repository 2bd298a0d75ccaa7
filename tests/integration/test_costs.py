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
import redis.asyncio
from starlette.applications import Starlette

from services.catalog.app import make_app as make_catalog
from services.catalog.search.search import Search
from services.catalog.settings import CatalogSettings
from services.core.assets import identity
from services.core.assets.freshness import GENERATION_HEADER
from services.core.state import keys
from services.core.state.connection import Redis
from services.core.state.entry_reader import EntryReader
from services.core.storage.local import LocalStorage
from services.transform.app import make_app as make_transform
from services.transform.render import pipeline
from services.transform.settings import TransformSettings
from tests.processes.redis_server import RedisServer
from tests.support.pictures import RED, encoded, marked
from tests.support.waits import eventually, wait_until

PHOTO = encoded(marked((640, 480), RED), "JPEG")
UUID = identity.asset_uuid("/DEV/cat.webp")
CONNECTING = {"client|setinfo", "subscribe", "ping"}


class Services:
    """Both services as they are wired, on one Redis and one folder, with all that is counted."""

    def __init__(self, folder: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.counts: Counter[str] = Counter()
        self.redis = redis.asyncio.Redis.from_url(redis_url)
        """For looking: its commands are not counted."""
        self.count(monkeypatch, pipeline, "render", "renders")
        self.count(monkeypatch, LocalStorage, "_read", "reads")
        self.count(monkeypatch, os, "fsync", "syncs")
        execute = Redis.execute_command

        async def counting_execute(client: Redis, *command: Any, **options: Any) -> Any:
            answer = await execute(client, *command, **options)
            if client is not self.redis and not _is_of_the_index():
                self.counts[command[0]] += 1
            return answer

        monkeypatch.setattr(Redis, "execute_command", counting_execute)
        common: dict[str, Any] = {"redis_url": redis_url, "data_folder_path": folder, "namespaces_allowed": ("DEV",)}
        self.apps: list[Starlette] = [
            make_catalog(CatalogSettings(**common, purge_wait_seconds=0)),
            make_transform(TransformSettings(**common)),
        ]
        self.catalog, self.transform = (
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") for app in self.apps
        )

    def count(self, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, what: str) -> None:
        """Count the calls of a function or a method."""
        original = getattr(owner, name)

        def counting(*args: Any, **options: Any) -> Any:
            self.counts[what] += 1
            return original(*args, **options)

        monkeypatch.setattr(owner, name, counting)

    async def upload(self, filename: str, status: int = 200, content: bytes = PHOTO) -> None:
        form = {"namespace": "DEV", "filename": filename}
        answer = await self.catalog.post("/file", files={"file": ("cat.jpg", content)}, data=form)
        assert answer.status_code == status, answer.text

    async def get(self, path: str, *, status: int = 200, **headers: str) -> httpx.Response:
        """Ask transform for an asset; without headers as the cache tier does that knows of the last change."""
        answer = await self.transform.get(f"/assets/media{path}", headers=headers or await self.as_a_cache())
        assert answer.status_code == status, answer.text
        return answer

    async def as_a_cache(self) -> dict[str, str]:
        """Return what the cache tier sends that has every change."""
        revision: bytes = await self.redis.get(keys.REVISION) or b"0"
        return {GENERATION_HEADER: revision.decode()}

    async def is_settled(self) -> bool:
        """Say whether what a change has left behind is deleted, and the index of the search has the change."""
        found = await self.catalog.get("/catalog/search")
        is_current = found.status_code == 200 and found.json()["current"]
        return is_current and await self.redis.hlen(keys.CLAIMS) == 0  # type: ignore[misc,no-any-return]

    def spent(self) -> dict[str, int]:
        """Return what has been counted since the last time; the sign of life comes by itself."""
        counts, self.counts = dict(self.counts), Counter()
        counts.pop("SET", None)
        return counts


def _is_of_the_index() -> bool:
    """Say whether this task is the one that follows the log for the search, whatever is asked for."""
    task = asyncio.current_task()
    return task is not None and getattr(task.get_coro(), "__qualname__", "") == Search.run.__qualname__


@pytest.fixture
async def services(
    tmp_path: Path, server: RedisServer, client: Redis, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Services]:
    made = Services(tmp_path, server.url, monkeypatch)
    async with AsyncExitStack() as stack:
        for app in made.apps:
            await stack.enter_async_context(app.router.lifespan_context(app))
        for http in (made.catalog, made.transform, made.redis):
            await stack.enter_async_context(http)
        await made.upload("old.jpg")
        old = f"/file/{identity.asset_uuid('/DEV/old.webp')}"
        assert (await made.catalog.patch(old, json={"filename": "new"})).status_code == 200
        await eventually(made.is_settled)
        await made.upload("cat.jpg")
        # Redis learns each script at its first use.
        await made.get("/full/DEV/cat.webp")
        await made.get("/full/DEV/old.webp", status=301)
        await made.catalog.get("/catalog")
        await made.catalog.get(f"/catalog/{UUID}")
        made.spent()
        yield made


async def test_a_rendition_costs_a_read_a_render_and_one_command(services: Services) -> None:
    for size in (200, 100):
        await services.get(f"/optimise/{size}x0/DEV/cat.webp")
        assert services.spent() == {"EVALSHA": 1, "reads": 1, "renders": 1}


async def test_what_many_ask_for_at_the_same_time_is_read_and_rendered_once(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.count(monkeypatch, EntryReader, "read_all", "asked")
    render = pipeline.render

    def render_when_all_have_asked(*args: Any) -> Any:
        wait_until(lambda: services.counts["asked"] == 10)
        return render(*args)

    monkeypatch.setattr(pipeline, "render", render_when_all_have_asked)
    known = await services.as_a_cache()
    await asyncio.gather(*(services.get("/optimise/300x0/DEV/cat.webp", status=200, **known) for _ in range(10)))
    assert services.spent() == {"asked": 10, "EVALSHA": 1, "reads": 1, "renders": 1}


async def test_what_the_client_has_already_costs_a_look_into_the_catalog(services: Services) -> None:
    etag = (await services.get("/full/DEV/cat.webp")).headers["etag"]
    services.spent()
    await services.get("/full/DEV/cat.webp", status=304, **{"if-none-match": etag})
    assert services.spent() == {"EVALSHA": 1}


async def test_an_original_costs_a_read_and_one_command(services: Services) -> None:
    for _ in range(2):
        assert (await services.get("/original/DEV/cat.jpg")).content == PHOTO
        assert services.spent() == {"EVALSHA": 1, "reads": 1}


@pytest.mark.parametrize(
    ("path", "status", "commands"),
    [
        ("/full/PROD/x.webp", 404, 1),
        ("/full/DEV/cat.jpg", 302, 1),
        # Whether an asset was moved away from there is only asked if there is none.
        ("/optimise/200x0/DEV/dog.webp", 404, 2),
        ("/optimise/200x0/DEV/old.webp", 301, 2),
    ],
)
async def test_what_has_no_content_costs_one_command_or_two(
    services: Services, path: str, status: int, commands: int
) -> None:
    await services.get(path, status=status)
    assert services.spent() == {"EVALSHA": commands}


async def test_what_cannot_be_asked_for_costs_nothing(services: Services) -> None:
    await services.get("/optimise/99999x0/DEV/cat.webp", status=400)
    answer = await services.catalog.get(f"/catalog?filterByValue={'A' * 8000}", headers=await services.as_a_cache())
    assert answer.status_code == 400
    assert services.spent() == {}


@pytest.mark.parametrize(
    ("path", "status", "spent"),
    [
        (f"/catalog/{UUID}", 200, {"EVALSHA": 1}),
        (f"/catalog/{identity.asset_uuid('/DEV/dog.webp')}", 404, {"EVALSHA": 1}),
        ("/catalog", 200, {"MGET": 1}),
        ("/catalog?utm_source=x", 200, {"MGET": 1}),
        # One page, and the question whether there are more.
        ("/catalog?filterByKey=namespace&filterByValue=DEV", 200, {"MGET": 1, "EVALSHA": 2}),
    ],
)
async def test_an_entry_costs_one_command_and_the_whole_list_too(
    services: Services, path: str, status: int, spent: dict[str, int]
) -> None:
    assert (await services.catalog.get("/catalog")).status_code == 200  # It is kept from then on.
    headers = await services.as_a_cache()
    services.spent()
    assert (await services.catalog.get(path, headers=headers)).status_code == status
    assert services.spent() == spent


async def test_what_is_asked_for_leaves_nothing_in_redis(services: Services) -> None:
    media = (
        *("/full/DEV/cat.webp", "/original/DEV/cat.jpg", "/optimise/50x0/DEV/cat.webp", "/full/DEV/cat.jpg?quality=9"),
        *("/full/DEV/dog.webp", "/full/PROD/x.webp", "/optimise/99999x0/DEV/cat.webp", "/nothing/DEV/cat.webp"),
    )
    listed = (
        *("/catalog", "/catalog?x=y", "/catalog?limit=1", "/catalog?filterByKey=namespace&filterByValue=DEV"),
        *("/catalog?filterByValue=x", f"/catalog/{UUID}", "/catalog/nobody"),
    )
    before, headers = await stored(services.redis), await services.as_a_cache()
    await services.redis.config_resetstat()
    for given in ({}, headers):
        for path in media:
            await services.transform.get(f"/assets/media{path}", headers=given)
        for path in listed:
            await services.catalog.get(path, headers=given)
    called = {name.removeprefix("cmdstat_") for name in await services.redis.info("commandstats")}
    # All that Redis was asked to do, in scripts too; `set` is the sign of life.
    assert {"evalsha", "hmget"} <= called
    read = {"evalsha", "hget", "hmget", "hexists", "get", "mget", "zrange", "exists"}
    following = {"xread", "xrange", "xrevrange"}
    assert called <= read | following | {"set", "config|resetstat"} | CONNECTING
    assert await stored(services.redis) == before


async def stored(redis: Redis) -> dict[bytes, bytes | None]:
    """Return all that lies in Redis, but for the signs of life."""
    found = [key async for key in redis.scan_iter() if not key.startswith(keys.alive("").encode())]
    return {key: await redis.dump(key) for key in found}


async def test_an_upload_costs_three_commands_and_two_syncs(services: Services) -> None:
    other = encoded(marked((64, 48), RED), "JPEG")
    await services.upload("dog.jpg", content=other)
    assert services.spent() == {"HGET": 1, "EVALSHA": 2, "syncs": 2}
    found = await services.get("/original/DEV/dog.jpg")
    assert hashlib.sha256(found.content).digest() == hashlib.sha256(other).digest()


async def test_an_upload_of_bytes_that_another_entry_has_reads_that_entry(services: Services) -> None:
    await services.upload("dog.jpg")
    assert services.spent() == {"HGET": 1, "EVALSHA": 2, "HMGET": 1, "syncs": 2}


async def test_an_upload_of_what_is_there_already_costs_one_command(services: Services) -> None:
    await services.upload("cat.jpg", status=400)
    assert services.spent() == {"HGET": 1}
