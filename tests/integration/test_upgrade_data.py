"""What the version before has left in Redis (commit 37f0eee) is taken up by this one: key by key, as it was spelled."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import orjson
import pytest
from pydantic import SecretStr
from redis.exceptions import RedisError

from services.core.assets import identity
from services.core.assets.facts import NO_FACTS
from services.core.dumps.stores import open_dumps
from services.core.errors import AlreadyExists
from services.core.jobs.log import JobLog
from services.core.jobs.queue import JobQueue
from services.core.probes.pulse import Pulse
from services.core.spool import prepare
from services.core.state import cancellation, keys, stream
from services.core.state.changes import ChangeLog
from services.core.state.connection import Redis, connect
from services.core.state.progress import Progress
from services.core.state.retired import RetiredObjects
from services.core.storage import open_storage
from services.jobs.describe.describer import Describer, consumer
from services.jobs.queue.kinds import Tools
from services.jobs.queue.worker import make_worker
from services.jobs.settings import JobsSettings
from services.jobs.upkeep.expire import expire
from services.jobs.upkeep.older_entries import name_older_entries
from tests.processes.redis_server import RedisServer
from tests.support.catalogs import CatalogUser, an_entry
from tests.support.receivers import unheard
from tests.support.waits import eventually

pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated close:DeprecationWarning")

CAT, DOG = "5b4c967a-ea2d-54ee-8e83-e8ad8b65eff8", "01239d64-4559-5cef-a0b2-350b9670434c"
"""What the version before has derived from the paths: uuids of version 5."""
REVISION = "1764460800000-3"


def entry(uuid: str, base: str, **more: object) -> bytes:
    """Return an entry as it was stored before: with every field that there was, in their order."""
    return orjson.dumps(
        {
            "uuid": uuid,
            "version": 2,
            "namespace": "DEV",
            "public_url": f"https://media.example.com/assets/media/full/DEV/{base}.webp",
            "unique_name": f"/DEV/{base}.webp",
            "filename": f"{base}.webp",
            "original_filename": f"{base}.png",
            "base_url": "https://media.example.com/assets/media",
            "base_host": "media.example.com",
            "external_id": None,
            "expired": False,
            "expiration_date": None,
            "information": "Été",
            "original_mimetype": "image/png",
            "mimetype": "image/webp",
            "signature": "5e" * 32,
            "size": 1234,
            "original_size": 1300,
            "destination": "",
            "uploaded_date": "2025-11-30T00:00:00.000+00:00",
            "updated_date": "2025-11-30T00:00:00.000+00:00",
            "converted": True,
            "storage_key": f"DEV/{base}.webp",
            "focus_x": None,
            "focus_y": None,
            "width": None,
            "height": None,
            "blurhash": None,
            "dominant_color": None,
            **more,
        }
    )


@pytest.fixture
async def before(client: Redis) -> Redis:
    """A Redis as the version before has left it, in the middle of things."""
    cat = entry(CAT, "cat")
    dog = entry(DOG, "dog", expiration_date="2026-01-01T00:00:00.000+00:00")
    await client.hset("tada:entries", mapping={CAT: cat, DOG: dog})  # type: ignore[misc]
    await client.zadd("tada:order", {CAT: 1, DOG: 2})
    await client.zadd("tada:expiry", {DOG: 1767225600})
    await client.mset({"tada:sequence": 2, "tada:revision": REVISION})
    dead, gone = "host-17-0a1b2c3d", "dc2c9a6c-9d8c-5d3b-8f2f-6f0a0c7d0003"
    await client.hset(  # type: ignore[misc]
        "tada:claims",
        mapping={
            "DEV/killed.webp": f"{dead} {gone}",
            "DEV/old.webp": f"obsolete {gone} {entry(gone, 'old').decode()}",
            "DEV/busy.webp": f"host-18-00000000 {gone}",
        },
    )
    await client.set("tada:alive:host-18-00000000", b"1", ex=60)
    fields = {"uuid": DOG, "unique_name": "/DEV/dog.webp", "obsolete": "", "request_id": "r", "traceparent": ""}
    await client.xadd("tada:changes", fields, id=REVISION)  # type: ignore[arg-type]
    await client.xgroup_create("tada:changes", "purgers", id="0")
    await client.xadd("tada:undescribed", {"uuid": CAT})
    await client.xadd("tada:undescribed", {"uuid": DOG})
    await client.xgroup_create("tada:undescribed", "describers", id="0")
    await client.xreadgroup("describers", dead, {"tada:undescribed": ">"}, count=1)
    asked_at = time.time() - 60
    for job, status in (("sync-done", "done"), ("expire-asked", "queued")):
        record: dict[str, object] = {
            "id": job,
            "name": job.partition("-")[0],
            "asked_by": "cms",
            "arguments": {},
            "status": status,
            "queued_at": "2099-11-30T00:00:00.000+00:00",
            "started_at": None,
            "ended_at": None,
            "retry_at": None,
            "attempts": 0,
            "result": None,
            "error": None,
            "request_id": job,
        }
        await client.set(f"tada:job:{job}", orjson.dumps(record), ex=3600)
        await client.zadd("tada:job-log", {job: asked_at + (status == "queued")})
    await client.rpush("tada:job-done:sync-done", "1")  # type: ignore[misc]
    now_ms = int(asked_at * 1000)
    passed_on = {"request_id": "expire-asked", "traceparent": ""}
    asked: dict[str, object] = {"t": None, "f": "expire", "a": [], "k": {"tada_origin": passed_on}, "et": now_ms}
    await client.set("arq:job:expire-asked", orjson.dumps(asked), ex=3600)
    await client.zadd("tada:jobs", {"expire-asked": now_ms})
    return client


@pytest.fixture
async def tools(server: RedisServer, before: Redis, tmp_path: Path) -> AsyncIterator[Tools]:
    settings = JobsSettings(
        redis_url=SecretStr(server.url), data_folder_path=tmp_path / "data", purge_token=SecretStr("token-of-the-tests")
    )
    storage = open_storage(settings)
    prepare(storage.spool)
    await storage.open()
    user = CatalogUser(before)
    dumps, progress = open_dumps(settings, storage), Progress(before)
    async with user.process.alive():
        yield Tools(
            settings,
            before,
            user.process,
            user.entries,
            RetiredObjects(before),
            user.claims,
            user.doubts,
            user.reaper(storage),
            storage,
            dumps,
            user.reducer(storage),
            user.sight(storage),
            progress,
            user.warmer(),
            unheard,
        )
    user.close()
    await storage.close()


def named_keys() -> list[str]:
    """Return a pattern for each key of the table in `keys`, and for what `…` stands for there."""
    rows = [line.split("|")[1] for line in (keys.__doc__ or "").splitlines() if line.startswith("| `")]
    names = [name for row in rows for name in re.findall(r"`([^`]+)`", row)]
    prefixes = [name.rpartition(":")[0] for name in names if not name.startswith("…")]
    full = [f"{prefix}{name[1:]}" for name in names if name.startswith("…") for prefix in prefixes]
    return [re.sub(r"\\\{\w+\\\}", ".+", re.escape(name)) for name in [*names, *full]]


async def unnamed(client: Redis) -> list[str]:
    found = [key.decode() for key in await client.keys()]
    return [key for key in found if not any(re.fullmatch(name, key) for name in named_keys())]


async def test_every_key_is_named_in_one_place(before: Redis) -> None:
    await before.set("tada:unheard-of", 1)
    assert await unnamed(before) == ["tada:unheard-of"]


async def test_entries_are_listed_and_changed_and_numbers_only_grow(before: Redis) -> None:
    entries = CatalogUser(before).entries
    found = [raw async for raws in entries.scan() for raw in raws]
    assert found == [entry(CAT, "cat"), entry(DOG, "dog", expiration_date="2026-01-01T00:00:00.000+00:00")]
    cat = await entries.get(CAT)
    assert (cat.information, cat.version, cat.facts) == ("Été", 2, NO_FACTS)
    assert await entries.revision() == REVISION
    _, commit = await entries.delete(CAT, lambda old: None)
    assert commit.number > int(REVISION.partition("-")[0]) * 1000, "in microseconds"
    assert await entries.revision() == str(commit.number)
    assert [change.number for change in await ChangeLog(before).from_(0, 10)] == [commit.number]


async def test_entries_keep_the_uuid_that_clients_know_and_are_found_by_that_of_this_version_too(before: Redis) -> None:
    entries = CatalogUser(before).entries
    for spelling in (CAT, CAT.upper(), CAT.replace("-", "")):
        assert (await entries.get(spelling)).uuid == CAT
    assert await name_older_entries(before) == 2
    assert (await entries.get(identity.asset_uuid("/DEV/cat.webp"))).uuid == CAT
    with pytest.raises(AlreadyExists) as refused:
        await entries.create(an_entry("cat"), None)
    assert refused.value.subject.uuid == CAT, "there is one entry for a path"
    assert await unnamed(before) == []


async def test_what_has_expired_meanwhile_is_marked(before: Redis) -> None:
    entries = CatalogUser(before).entries
    assert [one.uuid for one in await expire(entries)] == [DOG]
    assert (await entries.get(DOG)).expired
    assert not await before.exists("tada:expiry")


async def test_the_claims_of_the_dead_are_settled_and_those_of_the_living_left(tools: Tools, before: Redis) -> None:
    folder = tools.settings.data_folder_path / "DEV"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("killed.webp", "old.webp", "busy.webp"):
        (folder / name).write_bytes(b"bytes")
    assert await tools.reaper.settle_all() == 2
    assert await before.hkeys("tada:claims") == [b"DEV/busy.webp"]  # type: ignore[misc]
    assert [path.name for path in folder.iterdir()] == ["busy.webp"]


async def test_what_was_to_be_described_is_and_what_a_dead_worker_had_too(
    tools: Tools, before: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "LOST_SECONDS", 0.1)
    queue = JobQueue(before, JobLog(before))
    describer = Describer(tools.entries, ChangeLog(before), tools.sight, queue, tools.warmer)
    task = asyncio.create_task(consumer(before, tools.process, describer).run())

    async def all_are_tried() -> bool:
        return not await before.xlen("tada:undescribed")

    await eventually(all_are_tried)
    await cancellation.end([task])


async def test_jobs_are_known_and_one_that_is_in_the_queue_is_run(server: RedisServer, tools: Tools) -> None:
    log = JobLog(tools.client)
    assert [record.id async for record in log.latest()] == ["expire-asked", "sync-done"]
    assert (await log.wait("sync-done", 0)).status == "done"
    own = connect(server.url)
    worker = make_worker(own, tools, Pulse(20))
    task = asyncio.create_task(worker.async_run())

    async def is_done() -> bool:
        return (await log.get("expire-asked")).status == "done"

    try:
        await eventually(is_done)
        assert await unnamed(tools.client) == []
        record = await log.get("expire-asked")
        assert (record.asked_by, record.request_id, record.attempts) == ("cms", "expire-asked", 1)
    finally:
        await cancellation.end([task])
        with suppress(RedisError, OSError, asyncio.CancelledError):
            await worker.close()
        await own.aclose()
