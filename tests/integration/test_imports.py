"""Imports with a real Redis and a real server from which the files come: requests, results, and what is interrupted."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from services.catalog.imports import importer as module
from services.catalog.imports import records
from services.catalog.imports.importer import GROUP
from services.catalog.imports.items import ITEMS_MAX, Item, read_item
from services.catalog.imports.records import Imports
from services.catalog.settings import CatalogSettings
from services.core.jobs.log import JobLog
from services.core.outward.addresses import Allowed
from services.core.state import keys, stream
from services.core.state.changes import ChangeLog
from services.core.state.connection import Redis
from tests.processes.redis_server import RedisServer
from tests.processes.source import Source, answer, redirect, source
from tests.support.pictures import BLUE, RED, encoded, marked
from tests.support.problems import problem
from tests.support.service import running
from tests.support.waits import eventually

PHOTO, OTHER_PHOTO = (encoded(marked((64, 48), colour), "JPEG") for colour in (RED, BLUE))
ALL, LIMITED, READER = "of-all-namespaces", "of-one-namespace", "r3ader"


def settings_of(server: RedisServer, folder: Path, **more: Any) -> CatalogSettings:
    lines = [
        f"{token}:{role}:{namespaces}:{hashlib.sha256(token.encode()).hexdigest()}"
        for token, role, namespaces in ((ALL, "admin", "*"), (LIMITED, "write", "PROD"), (READER, "read", "*"))
    ]
    given = {"payload_max_size": 10_000, "outward_allowed": ("127.0.0.1",), "import_seconds": 5, **more}
    return CatalogSettings(
        redis_url=server.url,
        data_folder_path=folder,
        namespaces_allowed=("DEV", "PROD"),
        purge_wait_seconds=0,
        media_tokens=";".join(lines),
        **given,
    )


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left or delayed is taken up soon."""
    monkeypatch.setattr(stream, "LOST_SECONDS", 0.3)
    monkeypatch.setattr(stream, "_RENEW_SECONDS", 0.1)
    monkeypatch.setattr(module, "_REST_SECONDS", 0.1)


@pytest.fixture
async def photos() -> AsyncIterator[Source]:
    async with source() as made:
        made.say = lambda path: answer(PHOTO, content_type="image/jpeg")
        yield made


@pytest.fixture
async def http(server: RedisServer, client: Redis, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with running(settings_of(server, tmp_path), client, ALL) as made:
        yield made


def at(server: Source, path: str = "/cat.jpg", **fields: Any) -> dict[str, Any]:
    return {"url": f"http://127.0.0.1:{server.port}{path}", "namespace": "DEV", **fields}


async def imported(http: httpx.AsyncClient, *items: dict[str, Any], token: str = ALL) -> dict[str, Any]:
    """Have files imported, and return the job when it has ended."""
    headers = {"authorization": f"Bearer {token}"}
    asked = await http.post("/imports", json={"items": list(items)}, headers=headers)
    assert asked.status_code == 202, asked.text
    return await eventually_ended(http, asked.headers["location"])


async def names(http: httpx.AsyncClient) -> list[str]:
    return [entry["unique_name"] for entry in (await http.get("/catalog")).json()]


def spooled(folder: Path) -> list[Path]:
    return list(folder.glob(".spool/*.part"))


async def is_tidy(client: Redis, folder: Path) -> bool:
    """Say whether nothing is left of imports but the records of their jobs."""
    return (
        await client.xlen(keys.IMPORTS) == 0
        and not [key async for key in client.scan_iter("tada:import:*")]
        and not spooled(folder)
    )


async def test_each_item_becomes_an_asset_or_a_problem(
    http: httpx.AsyncClient, photos: Source, client: Redis, tmp_path: Path
) -> None:
    answers = {
        "/cat.jpg": answer(PHOTO, content_type="image/png"),
        "/named?x=1": answer(PHOTO, content_disposition="attachment; filename*=UTF-8''%C3%A9t%C3%A9.jpg"),
        "/moved": redirect("/pictures/dog%20one.jpg"),
        "/pictures/dog%20one.jpg": answer(OTHER_PHOTO),
        "/gone.jpg": answer(b"no", 404),
        "/page.jpg": answer(b"<!doctype html><p>Not found", content_type="text/html; charset=utf-8"),
        "/large.jpg": b"HTTP/1.1 200 x\r\ncontent-length: 10001\r\n\r\n",
        "/endless.jpg": b"HTTP/1.1 200 x\r\n\r\n" + PHOTO + b"x" * 10_000,
        "/cut.jpg": answer(PHOTO[:-200]),
        "/inside": redirect("http://10.0.0.1/"),
        "/empty.jpg": answer(b""),
    }
    photos.say = answers.__getitem__
    fields = {"title": "A cat", "tags": ["cat"], "meta": {"a": 1}, "focus_x": 0.5, "focus_y": 0.25}
    job = await imported(
        http,
        at(photos, "/cat.jpg", destination="pets", **fields),
        at(photos, "/named?x=1"),
        at(photos, "/moved", toWebp=False),
        *(at(photos, path) for path in list(answers)[4:]),
        at(photos, "/cat.jpg", destination="pets", on_conflict="skip"),
        at(photos, "/cat.jpg", destination="pets"),
        at(photos, "/cat.jpg", destination="pets", on_conflict="rename", filename="cat.jpg"),
    )
    result = job["result"]
    items = result["items"]
    assert [one["index"] for one in items] == list(range(13))
    assert items[1]["url"] == f"http://127.0.0.1:{photos.port}/named"
    assert [one.get("unique_name") for one in items[:3]] == ["/DEV/pets/cat.webp", "/DEV/ete.webp", "/DEV/moved.jpg"]
    codes = [one["error"]["code"] for one in items[3:10]]
    assert codes == [
        *("no_source", "type_unauthorized", "too_large", "too_large", "bad_request", "outward_refused", "bad_request"),
    ]
    assert items[4]["error"]["message"] == "File type text/html unauthorized."
    assert (job["status"], job["asked_by"], job["arguments"], result["count"]) == ("done", ALL, {"count": 13}, 13)
    entry = (await http.get(f"/catalog/{items[0]['uuid']}")).json()["data"][0]
    assert {name: entry[name] for name in fields} == fields
    assert entry["signature"] == hashlib.sha256(PHOTO).hexdigest()
    # The last three were imported while the first one was, too: which of them found it there is not said.
    assert result["done_count"] + result["failed_count"] == 13
    assert sorted(await names(http))[:2] == ["/DEV/ete.webp", "/DEV/moved.jpg"]
    await eventually(lambda: is_tidy(client, tmp_path))
    told = await ChangeLog(client).from_(0, 100)
    assert {change.request_id.rpartition(".")[0] for change in told} == {job["id"]}


async def test_one_item_can_be_sent_alone_and_what_is_there_is_skipped(http: httpx.AsyncClient, photos: Source) -> None:
    first = await http.post("/imports", json=at(photos))
    assert first.status_code == 202
    job = first.json()["data"][0]
    assert (job["name"], job["status"], job["arguments"]) == ("import", "queued", {"count": 1})

    async def is_there() -> bool:
        return bool(await names(http))

    await eventually(is_there)
    ended = await imported(http, at(photos, on_conflict="skip"), at(photos), at(photos, on_conflict="rename"))
    skipped, refused, renamed = ended["result"]["items"]
    assert (skipped["status"], skipped["existed"]) == ("done", True)
    assert (refused["status"], refused["error"]["code"]) == ("failed", "already_exists")
    assert (renamed["unique_name"], renamed["existed"]) == ("/DEV/cat-2.webp", False)


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({}, "bad_request", "items is not a list"),
    ({"items": []}, "bad_request", "items is not a list"),
    ({"items": [1]}, "bad_request", "items is not a list"),
    ({"items": {}}, "bad_request", "items is not a list"),
    (
        {"items": [{"url": "https://a.example/", "namespace": "DEV"}], "dry_run": True},
        "bad_request",
        "no field 'dry_run'",
    ),
    ({"url": 1, "namespace": "DEV"}, "bad_request", "url is not a text"),
    ({"url": "https://a.example/"}, "bad_request", "no namespace"),
    ({"url": "https://a.example/", "namespace": "NO"}, "namespace_forbidden", "'NO' is not allowed"),
    ({"url": "https://a.example/", "namespace": "DEV", "name": "x"}, "bad_request", "no field 'name'"),
    ({"url": "https://a.example/", "namespace": "DEV", "tags": 1}, "bad_request", "tags"),
    ({"url": "https://a.example/", "namespace": "DEV", "toWebp": "maybe"}, "bad_request", "toWebp"),
    ({"url": "https://a.example/", "namespace": "DEV", "on_conflict": []}, "bad_request", "on_conflict"),
    ({"url": "https://a.example/", "namespace": "DEV", "destination": "../x"}, "bad_request", "not a folder path"),
    ({"url": "https://a.example/", "namespace": "DEV", "filename": "a/b.jpg"}, "bad_request", "has a path in it"),
    ({"url": "https://a.example/", "namespace": "DEV", "filename": 1}, "bad_request", "filename is not a text"),
    ({"url": "https://a.example/", "namespace": "DEV", "title": "x" * 5000}, "bad_request", "title"),
    ({"url": "ftp://a.example/", "namespace": "DEV"}, "outward_refused", "not http or https"),
    ({"url": "http://10.0.0.1/", "namespace": "DEV"}, "outward_refused", "private"),
    ({"url": "http://169.254.169.254/", "namespace": "DEV"}, "outward_refused", "metadata"),
    ({"items": [{"url": "https://a.example/", "namespace": "DEV"}] * (ITEMS_MAX + 1)}, "bad_request", "at most"),
]


async def test_nothing_is_imported_if_one_item_is_not_valid(http: httpx.AsyncClient, client: Redis) -> None:
    for body, code, message in WRONG:
        sent = body if "url" not in body else {"items": [{"url": "https://a.example/", "namespace": "DEV"}, body]}
        refused = await http.post("/imports", json=sent)
        said = problem(refused)
        assert (refused.status_code, said["code"]) in ((400, code), (403, code)), body
        assert message in said["message"], body
        assert said.get("index") == (1 if "url" in body else None), body
    assert await client.keys("tada:import*") == [keys.IMPORTS.encode()]
    assert await client.xlen(keys.IMPORTS) == 0


async def test_a_token_imports_only_where_it_may_write_and_sees_only_its_imports(
    http: httpx.AsyncClient, photos: Source
) -> None:
    limited, reader = ({"authorization": f"Bearer {token}"} for token in (LIMITED, READER))
    assert (await http.post("/imports", json=at(photos), headers=reader)).status_code == 403
    refused = await http.post("/imports", json=at(photos), headers=limited)
    assert (refused.status_code, problem(refused)["code"]) == (403, "forbidden")
    job = await imported(http, at(photos, namespace="PROD"), token=LIMITED)
    assert (job["asked_by"], job["result"]["done_count"]) == (LIMITED, 1)
    other = await imported(http, at(photos))
    assert (await http.get(f"/jobs/{other['id']}", headers=limited)).status_code == 404
    assert [one["id"] for one in (await http.get("/jobs?name=import")).json()["data"]] == [other["id"], job["id"]]
    assert (await http.post("/jobs/import", json={})).status_code == 404


async def test_the_number_of_files_that_wait_is_bounded(
    http: httpx.AsyncClient, photos: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "WAITING_MAX", 1)
    refused = await http.post("/imports", json={"items": [at(photos), at(photos)]})
    assert (refused.status_code, problem(refused)["code"]) == (429, "too_many_requests")
    assert int(refused.headers["retry-after"]) > 0


async def test_a_server_that_fails_for_a_while_is_tried_again(http: httpx.AsyncClient, photos: Source) -> None:
    failing = True
    photos.say = lambda path: answer(b"", 503) if failing else answer(PHOTO)
    asked = await http.post("/imports", json=at(photos))
    path = asked.headers["location"]

    async def job() -> dict[str, Any]:
        found: dict[str, Any] = (await http.get(path)).json()["data"][0]
        return found

    async def is_retrying() -> bool:
        [item] = (await job())["result"]["items"]
        return item["status"] == "retrying" and item["error"]["code"] == "outward_failed"

    await eventually(is_retrying)
    assert (await job())["status"] == "running"
    assert [one["id"] for one in (await http.get("/jobs?status=running")).json()["data"]] == [(await job())["id"]]
    failing = False

    async def is_done() -> bool:
        return (await job())["status"] == "done"

    await eventually(is_done, 10)
    assert (await job())["result"]["done_count"] == 1


async def test_what_fails_for_long_is_given_up(
    http: httpx.AsyncClient, photos: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TRIED_SECONDS", 0.5)
    photos.say = lambda _: answer(b"", 503)
    [item] = (await imported(http, at(photos)))["result"]["items"]
    assert (item["status"], item["error"]["status"]) == ("failed", 502)


async def test_an_item_that_fails_by_a_fault_of_ours_does_not_stop_the_others(
    http: httpx.AsyncClient, photos: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = read_item

    def broken(given: dict[str, Any], allowed: Allowed) -> Item:
        if given["url"].endswith("/bad.jpg"):
            raise ZeroDivisionError
        return real(given, allowed)

    monkeypatch.setattr(module, "read_item", broken)
    job = await imported(http, *(at(photos, path) for path in ("/bad.jpg", "/a.jpg", "/bad.jpg", "/b.jpg", "/bad.jpg")))
    assert [one["status"] for one in job["result"]["items"]] == ["failed", "done", "failed", "done", "failed"]
    assert job["result"]["items"][0]["error"]["code"] == "internal_error"


@pytest.mark.parametrize("method", ["settle", "end"])
async def test_an_item_whose_process_is_killed_after_its_upload_makes_one_asset(
    http: httpx.AsyncClient, photos: Source, monkeypatch: pytest.MonkeyPatch, client: Redis, tmp_path: Path, method: str
) -> None:
    """The process loses Redis at the moment at which it would note what it has done; the next one takes the item."""
    real, lost = getattr(Imports, method), 2

    async def fails(self: Imports, *args: Any) -> Any:
        nonlocal lost
        if lost:
            lost -= 1
            raise RedisConnectionError
        return await real(self, *args)

    monkeypatch.setattr(Imports, method, fails)
    job = await imported(http, *(at(photos, on_conflict="rename") for _ in range(3)))
    made = [(one["status"], one["unique_name"], one["existed"]) for one in job["result"]["items"]]
    assert sorted(name for _, name, _ in made) == ["/DEV/cat-2.webp", "/DEV/cat-3.webp", "/DEV/cat.webp"]
    assert sorted(await names(http)) == sorted(name for _, name, _ in made)
    await eventually(lambda: is_tidy(client, tmp_path))


async def test_a_process_that_was_taken_for_dead_uploads_nothing(
    http: httpx.AsyncClient, photos: Source, client: Redis
) -> None:
    """The item is taken by another process while this one fetches it."""
    taken = asyncio.Event()

    def say(path: str) -> bytes:
        taken.set()
        return answer(PHOTO)

    photos.say, photos.pause = say, 0.3
    asked = await http.post("/imports", json=at(photos, on_conflict="rename"))
    job_id = asked.json()["data"][0]["id"]
    await taken.wait()
    await client.hset(keys.import_items(job_id), "0:owner", "another process")
    await asyncio.sleep(0.4)
    assert await names(http) == []

    async def is_there() -> bool:
        return await names(http) == ["/DEV/cat.webp"]

    await eventually(is_there)  # It takes the item again, because that other process does not exist.


async def eventually_ended(http: httpx.AsyncClient, path: str) -> dict[str, Any]:
    """Return the job at a path when it has ended."""

    async def job() -> dict[str, Any]:
        found: dict[str, Any] = (await http.get(path)).json()["data"][0]
        return found

    async def has_ended() -> bool:
        return (await job())["ended_at"] is not None

    await eventually(has_ended, 20)
    return await job()


async def cancel(http: httpx.AsyncClient, path: str, token: str = ALL) -> tuple[int, dict[str, Any]]:
    """Cancel the job at a path; return the status of the answer, and the job."""
    answered = await http.post(f"{path}/cancel", headers={"authorization": f"Bearer {token}"})
    return answered.status_code, (answered.json()["data"] or [{}])[0]


async def test_a_cancelled_import_ends_at_once_and_what_is_being_fetched_is_not_uploaded(
    http: httpx.AsyncClient, photos: Source, client: Redis, tmp_path: Path
) -> None:
    fetched = asyncio.Event()

    def say(path: str) -> bytes:
        fetched.set()
        return answer(PHOTO)

    first = await imported(http, at(photos, "/first.jpg"))
    photos.say, photos.pause = say, 0.3
    items = [at(photos, f"/{number}.jpg") for number in range(10)]
    asked = await http.post("/imports", json={"items": items})
    path = asked.headers["location"]
    await fetched.wait()
    answers = await asyncio.gather(cancel(http, path), cancel(http, path))
    assert {status for status, _ in answers} <= {200, 202}
    job = await eventually_ended(http, path)
    assert (job["status"], job["result"]["cancelled_count"], job["result"]["done_count"]) == ("cancelled", 10, 0)
    assert {one["status"] for one in job["result"]["items"]} == {"cancelled"}
    await eventually(lambda: is_tidy(client, tmp_path))
    assert await names(http) == [first["result"]["items"][0]["unique_name"]]
    status, ended = await cancel(http, f"/jobs/{first['id']}")
    assert (status, ended["status"], ended["result"]) == (409, "done", first["result"])


async def test_an_upload_of_a_cancelled_import_that_has_begun_is_done(
    http: httpx.AsyncClient, photos: Source, client: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go, real = asyncio.Event(), asyncio.Event(), Imports.begin

    async def begin(self: Imports, *args: Any) -> bool:
        found = await real(self, *args)
        begun.set()
        await go.wait()
        return found

    monkeypatch.setattr(Imports, "begin", begin)
    asked = await http.post("/imports", json={"items": [at(photos, f"/{number}.jpg") for number in range(10)]})
    path = asked.headers["location"]
    await begun.wait()
    status, job = await cancel(http, path)
    assert (status, job["status"], job["cancelled_by"]) == (202, "running", job["asked_by"])
    go.set()

    job = await eventually_ended(http, path)
    assert job["status"] == "cancelled"
    result = job["result"]
    made = [one["unique_name"] for one in result["items"] if one["status"] == "done"]
    assert 1 <= len(made) < 10
    assert result["done_count"] + result["cancelled_count"] == 10
    assert sorted(await names(http)) == sorted(made)
    await eventually(lambda: is_tidy(client, tmp_path))


async def test_an_item_that_is_taken_up_while_its_import_is_cancelled_is_not_uploaded(
    http: httpx.AsyncClient, photos: Source, client: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The import ends between the first and the second step of taking the item up, or after that, if it is one step."""
    first = await imported(http, at(photos, "/first.jpg"))
    looked, go, taken, connected = asyncio.Event(), asyncio.Event(), Imports.take, client.connection_pool.get_connection
    steps: ContextVar[list[str] | None] = ContextVar("steps", default=None)

    async def take(self: Imports, *args: str) -> Any:
        reset = steps.set([])
        found = await taken(self, *args)
        steps.reset(reset)
        looked.set()
        await go.wait()
        return found

    async def get_connection(*args: Any, **options: Any) -> Any:
        if (done := steps.get()) is not None:
            done.append("step")
            if len(done) == 2:
                looked.set()
                await go.wait()
        return await connected(*args, **options)

    monkeypatch.setattr(Imports, "take", take)
    monkeypatch.setattr(client.connection_pool, "get_connection", get_connection)
    asked = await http.post("/imports", json=at(photos))
    await looked.wait()
    status, job = await cancel(http, asked.headers["location"])
    assert (status, job["status"]) == (200, "cancelled")
    go.set()
    await eventually(lambda: is_tidy(client, tmp_path))
    assert await names(http) == [first["result"]["items"][0]["unique_name"]]


async def test_who_has_asked_for_an_import_may_cancel_it_and_no_other_token_without_the_role(
    http: httpx.AsyncClient, photos: Source
) -> None:
    photos.pause = 0.3
    asked = await http.post("/imports", json={"items": [at(photos, f"/{number}.jpg") for number in range(3)]})
    path = asked.headers["location"]
    assert (await cancel(http, path, LIMITED))[0] == 404
    assert (await cancel(http, path, READER))[0] == 403
    own = await http.post("/imports", json=at(photos, namespace="PROD"), headers={"authorization": f"Bearer {LIMITED}"})
    status, job = await cancel(http, own.headers["location"], LIMITED)
    assert status in (200, 202)
    assert job["cancelled_by"] == job["asked_by"]
    assert (await cancel(http, path))[0] in (200, 202)


async def test_an_item_that_its_processes_die_of_is_given_up(
    server: RedisServer, client: Redis, tmp_path: Path, photos: Source
) -> None:
    async with running(settings_of(server, tmp_path, imports=False), client, ALL) as http:
        assert (await http.post("/imports", json=at(photos))).status_code == 404
    await client.xgroup_create(keys.IMPORTS, GROUP, id="0", mkstream=True)
    await Imports(client, JobLog(client)).add([at(photos)], ALL)
    for name in ("first", "second", "third"):
        await client.xreadgroup(GROUP, name, {keys.IMPORTS: ">"}, count=1)
        await asyncio.sleep(0.01)
        await client.xautoclaim(keys.IMPORTS, GROUP, name, min_idle_time=1, count=1)
    async with running(settings_of(server, tmp_path), client, ALL) as http:

        async def is_given_up() -> bool:
            [job] = (await http.get("/jobs")).json()["data"]
            return bool(job["status"] == "done" and job["result"]["items"][0]["error"]["code"] == "worker_died")

        await eventually(is_given_up)
    assert photos.connections == 0
