"""What the catalog service answers about caches: whether they have a change, and what they may keep."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from services.catalog.settings import CatalogSettings
from services.core.assets import freshness, identity
from services.core.assets.freshness import GENERATION_HEADER
from services.core.state import keys, progress
from services.core.state.connection import Redis
from services.core.state.progress import Reached
from tests.processes.redis_server import RedisServer
from tests.support.pictures import RED, encoded, marked
from tests.support.problems import problem
from tests.support.service import nodes_that_have_all, running
from tests.support.waits import eventually

PHOTO, OTHER = (encoded(marked((size, 48), RED), "JPEG") for size in (64, 32))
UUID, NOBODY = identity.asset_uuid("/DEV/cat.webp"), identity.asset_uuid("/DEV/nobody.webp")
TOLD = {"data", "errors", "problems"}


@pytest.fixture
def waits() -> float:
    """For how long the service waits for the caches."""
    return 9.0


@pytest.fixture
async def http(tmp_path: Path, server: RedisServer, client: Redis, waits: float) -> AsyncIterator[httpx.AsyncClient]:
    settings = CatalogSettings(
        redis_url=server.url, data_folder_path=tmp_path, namespaces_allowed=("DEV",), purge_wait_seconds=waits
    )
    async with running(settings, client) as made:
        yield made


@pytest.fixture
async def gateway(client: Redis) -> AsyncIterator[None]:
    async with nodes_that_have_all(client):
        yield


async def upload(http: httpx.AsyncClient) -> httpx.Response:
    form = {"namespace": "DEV", "filename": "cat.jpg"}
    return await http.post("/file", files={"file": ("cat.jpg", PHOTO)}, data=form)


def stored(folder: Path) -> set[str]:
    return {path.name for path in (folder / "DEV").rglob("*") if path.is_file()}


async def revision(client: Redis) -> int:
    return int(await client.get(keys.REVISION) or 0)


# Whether the caches have a change


@pytest.mark.usefixtures("gateway")
async def test_a_write_is_done_when_all_nodes_have_it(http: httpx.AsyncClient, tmp_path: Path) -> None:
    for answer in (
        await upload(http),
        await http.patch(f"/file/{UUID}", files={"file": ("cat.jpg", OTHER)}),
        await http.patch(f"/catalog/{UUID}", json={"information": "new"}),
        await http.delete(f"/file/{UUID}"),
    ):
        assert answer.status_code == 200, answer.text
        assert answer.headers["x-purge"] == "done"
        assert answer.json().keys() == TOLD
        assert answer.headers["x-accel-expires"] == "0"
    assert stored(tmp_path) == set(), "and nothing is left behind"


@pytest.mark.usefixtures("gateway")
async def test_a_write_that_changes_nothing_is_done(http: httpx.AsyncClient, client: Redis) -> None:
    await upload(http)
    before = await revision(client)
    answer = await http.patch(f"/catalog/{UUID}", json={})
    assert await revision(client) == before
    assert answer.headers.get("x-purge", "done") == "done"


@pytest.mark.parametrize("waits", [0.1])
async def test_a_write_is_queued_when_nobody_says_that_they_have_it_in_time(http: httpx.AsyncClient) -> None:
    started = time.monotonic()
    answer = await upload(http)
    assert 0.05 < time.monotonic() - started < 5
    assert (answer.status_code, answer.headers["x-purge"]) == (200, "queued")
    [warning] = answer.json()["warnings"]
    assert "cannot be lost" in warning


async def test_a_write_is_queued_at_once_when_a_node_is_away(http: httpx.AsyncClient, client: Redis) -> None:
    task = asyncio.create_task(upload(http))

    async def is_written() -> bool:
        return bool(await revision(client))

    await eventually(is_written)
    logged = await revision(client)
    started = time.monotonic()
    await progress.tell(client, Reached(logged, 0, logged))
    assert (await task).headers["x-purge"] == "queued"
    assert time.monotonic() - started < 5


async def test_several_changes_are_done_when_the_last_one_is(http: httpx.AsyncClient, client: Redis) -> None:
    files = [("files", (f"cat-{at}.jpg", PHOTO)) for at in range(3)]
    task = asyncio.create_task(http.post("/files", files=files, data={"namespace": "DEV"}))

    async def are_written() -> bool:
        return await client.xlen(keys.CHANGES) == 3

    await eventually(are_written)
    first, second, third = [int(one.partition(b"-")[0]) for one, _ in await client.xrange(keys.CHANGES)]
    for number in (first, second):
        await progress.tell(client, Reached(third, number, number))
    done, _ = await asyncio.wait({task}, timeout=0.1)
    assert not done
    await progress.tell(client, Reached(third, third, third))
    assert (await task).headers["x-purge"] == "done"


# What the caches may keep


@pytest.mark.usefixtures("gateway")
@pytest.mark.parametrize(
    "path", ["/catalog", "/catalog?utm_source=x", f"/catalog/{UUID}", f"/catalog/{NOBODY}", "/catalog?limit=1"]
)
async def test_a_redis_that_is_behind_what_a_cache_knows_is_not_answered_from(
    http: httpx.AsyncClient, client: Redis, path: str
) -> None:
    await upload(http)
    known = await revision(client)
    for generation, status in ((0, None), (known, None), (known + 1, 503)):
        answer = await http.get(path, headers={GENERATION_HEADER: str(generation)})
        assert answer.status_code == status or (status is None and answer.status_code in (200, 404))
    assert {name: answer.headers[name] for name in freshness.NEVER} == freshness.NEVER
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["data"] == []


@pytest.mark.usefixtures("gateway")
@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/catalog", True),
        ("/catalog?utm_source=x&a=b", True),
        ("/catalog?limit=&filterByKey=&filterByValue=", True),
        ("/catalog?limit=10", False),
        ("/catalog?cursor=0", True),
        ("/catalog?cursor=1", False),
        ("/catalog?filterByKey=namespace&filterByValue=DEV", False),
    ],
)
async def test_the_tiers_may_keep_the_whole_list_alone(http: httpx.AsyncClient, path: str, kept: bool) -> None:
    await upload(http)
    for headers, may_be_kept in (({GENERATION_HEADER: "1"}, kept), ({GENERATION_HEADER: "0"}, kept), ({}, False)):
        answer = await http.get(path, headers=headers)
        assert answer.status_code == 200
        assert (answer.headers["x-accel-expires"] != "0") is may_be_kept
        whole = await http.get("/catalog")
        assert (answer.content == whole.content) is ("cursor=1" not in path)


@pytest.mark.usefixtures("gateway")
@pytest.mark.parametrize("path", ["/catalog", f"/catalog/{UUID}"])
async def test_after_a_change_of_the_settings_every_answer_has_the_new_address_and_no_cache_an_old_one(
    tmp_path: Path, server: RedisServer, http: httpx.AsyncClient, client: Redis, path: str
) -> None:
    await upload(http)
    as_a_cache = {GENERATION_HEADER: str(await revision(client))}
    before = await http.get(path, headers=as_a_cache)
    assert b'"public_url":"/assets/media/full/DEV/cat.webp"' in before.content
    assert before.headers["x-accel-expires"] != "0"
    async with running(
        CatalogSettings(
            redis_url=server.url,
            data_folder_path=tmp_path,
            public_url="https://media.example.com",
            api_prefix="/prefix",
        ),
        client,
    ) as other:
        assert await revision(client) > int(as_a_cache[GENERATION_HEADER]), "all pages in the caches are stale"
        as_a_cache = {GENERATION_HEADER: str(await revision(client))}
        headers = {**as_a_cache, "if-none-match": before.headers["etag"]}
        after = await other.get(path, headers=headers)
        assert after.status_code == 200, "who has the old address does not keep it"
        assert b'"public_url":"https://media.example.com/prefix/assets/media/full/DEV/cat.webp"' in after.content
        assert (
            b'"base_url":"https://media.example.com/prefix/assets/media","base_host":"media.example.com"'
            in after.content
        )
        assert after.headers["x-accel-expires"] != "0"
    left = await http.get(path, headers={**as_a_cache, "if-none-match": after.headers["etag"]})
    assert left.status_code == 200, "who has the new address does not take it for the old one"
    assert left.content == before.content, "a process that has not been started anew yet"
    assert left.headers["x-accel-expires"] == "0"


@pytest.mark.usefixtures("gateway")
async def test_a_filter_by_an_address_compares_with_what_is_shown(http: httpx.AsyncClient) -> None:
    await upload(http)
    for key, value in (
        ("public_url", "/assets/media/full/DEV/cat.webp"),
        ("base_url", "/assets/media"),
        ("base_host", ""),
    ):
        answer = await http.get("/catalog", params={"filterByKey": key, "filterByValue": value})
        assert [entry["uuid"] for entry in answer.json()] == [UUID], key
    assert (await http.get("/catalog", params={"filterByKey": "public_url", "filterByValue": "x"})).json() == []


@pytest.mark.parametrize(
    ("query", "name"),
    [
        (f"filterByValue={'A' * 8190}", "filterByValue"),
        ("filterByValue=DEV", "filterByValue"),
        (f"filterByKey={'k' * 65}&filterByValue=DEV", "filterByKey"),
        (f"filterByKey=namespace&filterByValue={'%C3%A9' * 513}", "filterByValue"),
    ],
    ids=["8190 bytes", "no field", "a long field", "a long value"],
)
async def test_a_list_that_nobody_needs_is_refused_and_not_kept(http: httpx.AsyncClient, query: str, name: str) -> None:
    answer = await http.get(f"/catalog?{query}", headers={GENERATION_HEADER: "0"})
    assert answer.status_code == 400
    error = problem(answer)
    assert error["code"] == "bad_request"
    assert error["message"].startswith(name)
    assert answer.headers["x-accel-expires"] == "0"
