"""A service that is told to end has ended all that it does beside its requests."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from starlette.applications import Starlette

from services.catalog.app import make_app as make_catalog
from services.catalog.settings import CatalogSettings
from services.core.state.connection import Redis
from services.transform.app import make_app as make_transform
from services.transform.settings import TransformSettings
from tests.processes.redis_server import RedisServer

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
