"""The catalog service in this process, asked without a socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from services.catalog.app import make_app
from services.catalog.settings import CatalogSettings
from services.core.state import cancellation, keys, progress
from services.core.state.connection import Redis
from services.core.state.progress import Reached
from tests.support.waits import eventually


@asynccontextmanager
async def running(settings: CatalogSettings, redis: Redis, token: str = "") -> AsyncIterator[httpx.AsyncClient]:
    """Run a service while the context is open, and yield a client of it. `redis` is a connection to its Redis."""
    app = make_app(settings)

    async def listens() -> bool:
        return bool(dict(await redis.pubsub_numsub(keys.PROGRESS)).get(keys.PROGRESS.encode()))

    headers = {"authorization": f"Bearer {token}"} if token else {}
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://localhost", timeout=60, headers=headers
        ) as made,
    ):
        await eventually(listens)
        yield made


@asynccontextmanager
async def nodes_that_have_all(redis: Redis) -> AsyncIterator[None]:
    """Stand for nodes that have every change at once, and for a worker that says so."""

    async def tell() -> None:
        while not cancellation.is_cancelled():
            logged = int(await redis.get(keys.REVISION) or 0)
            await progress.tell(redis, Reached(logged, logged, logged))
            await asyncio.sleep(0.01)

    task = asyncio.create_task(tell())
    try:
        yield
    finally:
        await cancellation.end([task])
