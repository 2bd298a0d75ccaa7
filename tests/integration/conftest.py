"""A real Redis for each module, empty at the start of each test."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from services.core.spool import prepare
from services.core.state import keys
from services.core.state.connection import Redis, connect
from services.core.state.progress import Progress
from services.core.storage.local import LocalStorage
from tests.processes.redis_server import RedisServer
from tests.support.catalogs import CatalogUser
from tests.support.waits import eventually


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    made = RedisServer(tmp_path_factory.mktemp("redis"), "--repl-diskless-sync-delay", "0")
    yield made
    made.stop()


@pytest.fixture
async def client(server: RedisServer) -> AsyncIterator[Redis]:
    made = connect(server.url)
    await made.flushall()
    yield made
    await made.aclose()


@pytest.fixture
async def followed(client: Redis) -> AsyncIterator[Progress]:
    """What a service hears of how far the gateway is."""
    made = Progress(client)
    async with made.following():

        async def listens() -> bool:
            return bool(dict(await client.pubsub_numsub(keys.PROGRESS)).get(keys.PROGRESS.encode()))

        await eventually(listens)
        yield made


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    made = LocalStorage(tmp_path / "data")
    prepare(made.spool)
    return made


@pytest.fixture
async def catalog(client: Redis) -> AsyncIterator[CatalogUser]:
    """A process that works with the catalog, and says that it lives."""
    made = CatalogUser(client)
    async with made.process.alive():
        yield made
    made.close()
