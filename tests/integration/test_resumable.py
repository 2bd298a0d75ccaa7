"""Resumable uploads (tus 1.0) over HTTP, at each kind of storage: what is durable, what is refused, how much room."""

import asyncio
import base64
import hashlib
import random
import time
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY
from redis.exceptions import ConnectionError as RedisConnectionError

from services.catalog.resumable import receiving
from services.catalog.settings import CatalogSettings
from services.core.assets import parts
from services.core.assets.parts import PREFIX
from services.core.errors import StorageDown
from services.core.state import keys
from services.core.state import resumable as state
from services.core.state.connection import Redis
from services.core.state.entries import Entries
from services.core.state.resumable import ResumableUploads, Run
from services.core.storage import Storage, open_storage
from services.core.storage.local import LocalStorage
from services.jobs.upkeep import resumable as upkeep
from tests.processes.redis_server import RedisServer
from tests.processes.s3_server import BUCKET, KEYS, S3Server
from tests.support.objects import an_object, listed, put
from tests.support.pictures import RED, encoded, marked
from tests.support.problems import problem
from tests.support.service import running
from tests.support.tus import BYTES, VERSION, beginning, begun, cut, metadata, offset_of, sent

PIECE = 600
# Bytes after the end of a JPEG are no part of the picture.
PICTURE = encoded(marked((64, 48), RED), "JPEG") + bytes(range(256)) * 10
SIZE = len(PICTURE)
ROOM = 3 * SIZE


AT_S3 = pytest.mark.parametrize("storage_settings", ["local", "s3"], indirect=True)


@pytest.fixture
def storage_settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    if getattr(request, "param", "local") == "local":
        return {}
    s3: S3Server = request.getfixturevalue("s3_server")
    s3.empty()
    return {
        "delegated_storage_method": "S3",
        "s3_endpoint": s3.url,
        "s3_access_key": KEYS.access,
        "s3_secret_key": KEYS.secret,
        "s3_bucket_name": BUCKET,
    }


@pytest.fixture
def settings(server: RedisServer, tmp_path: Path, storage_settings: dict[str, Any]) -> CatalogSettings:
    (tmp_path / "data").mkdir()
    return CatalogSettings(
        redis_url=server.url,
        data_folder_path=tmp_path / "data",
        namespaces_allowed=("DEV", "PROD"),
        purge_wait_seconds=0,
        tus_room=ROOM,
        **storage_settings,
    )


@pytest.fixture
async def http(
    settings: CatalogSettings, client: Redis, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    monkeypatch.setattr(parts, "PIECE", PIECE)
    monkeypatch.setattr(receiving, "PIECE", PIECE)
    async with running(settings, client) as made:
        yield made


@pytest.fixture
async def storage(settings: CatalogSettings, http: httpx.AsyncClient) -> AsyncIterator[Storage]:
    made = open_storage(settings)
    await made.open()
    yield made
    await made.close()


async def stored_parts(storage: Storage) -> dict[str, int]:
    return await listed(storage, PREFIX)


async def check_nothing_is_left(storage: Storage, client: Redis) -> None:
    assert await stored_parts(storage) == {}
    assert await client.zcard(keys.RESUMABLE) == 0
    assert await client.hlen(keys.RESUMABLE_LENGTHS) == 0  # type: ignore[misc]


async def check_entry(http: httpx.AsyncClient, uuid: str, content: bytes, name: str = "/DEV/cat.webp") -> None:
    [entry] = (await http.get(f"/catalog/{uuid}")).json()["data"]
    assert (entry["unique_name"], entry["signature"]) == (name, hashlib.sha256(content).hexdigest())


@AT_S3
async def test_an_upload_in_pieces_becomes_an_entry(http: httpx.AsyncClient, storage: Storage, client: Redis) -> None:
    path = await begun(http, SIZE, information="by tus", filetype="image/jpeg", destination="shop")
    first = await sent(http, path, 0, PICTURE[:1000])
    assert (first.status_code, first.headers["upload-offset"], first.content) == (204, "1000", b"")
    assert "upload-entry" not in first.headers
    assert sum((await stored_parts(storage)).values()) == 1000
    assert await offset_of(http, path) == 1000
    last = await sent(http, path, 1000, PICTURE[1000:])
    assert (last.status_code, last.headers["upload-offset"], last.content) == (204, str(SIZE), b"")
    assert last.headers["tus-resumable"] == "1.0.0"
    assert last.headers["x-purge"]
    await check_entry(http, last.headers["upload-entry"], PICTURE, "/DEV/shop/cat.webp")
    await check_nothing_is_left(storage, client)
    # A client that lost the answer asks again.
    again = await http.head(path, headers=VERSION)
    told = {name: again.headers[name] for name in ("upload-offset", "upload-length", "upload-entry")}
    assert told == {
        "upload-offset": str(SIZE),
        "upload-length": str(SIZE),
        "upload-entry": last.headers["upload-entry"],
    }
    repeated = await sent(http, path, SIZE, b"")
    assert (repeated.status_code, repeated.headers["upload-entry"]) == (204, last.headers["upload-entry"])
    assert (await sent(http, path, 0, b"x")).status_code == 409
    assert len((await http.get("/catalog")).json()) == 1


@AT_S3
@pytest.mark.parametrize("seed", range(4))
async def test_cut_at_any_byte_an_upload_goes_on_from_what_is_durable(
    http: httpx.AsyncClient, storage: Storage, client: Redis, seed: int
) -> None:
    rolled, app = random.Random(seed), http._transport.app  # type: ignore[attr-defined]
    path, offset, most = await begun(http, SIZE), 0, 0
    while offset < SIZE:
        size = min(rolled.choice((1, 7, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE)), SIZE - offset)
        content = PICTURE[offset : offset + size]
        at = rolled.randrange(size + 1)
        chunks = [content[:at], content[at:]]
        algorithm = rolled.choice(("md5", "sha1", "sha256"))
        checksum = f"{algorithm} {base64.b64encode(hashlib.new(algorithm, content).digest()).decode()}"
        match rolled.choice(("whole", "cut", "cut", "checked", "checked and cut", "damaged", "elsewhere", "too long")):
            case "whole":
                assert (await sent(http, path, offset, content)).status_code == 204
                offset += size
            case "cut":
                await cut(app, path, offset, chunks[:1])
                offset += at
            case "checked":
                answer = await sent(http, path, offset, content, **{"Upload-Checksum": checksum})
                assert answer.status_code == 204, answer.text
                offset += size
            case "checked and cut":
                await cut(app, path, offset, chunks, **{"Upload-Checksum": checksum})
            case "damaged":
                answer = await sent(http, path, offset, content[:-1] + b"?", **{"Upload-Checksum": checksum})
                assert answer.status_code == (460 if content[-1:] != b"?" else 204), answer.text
            case "elsewhere":
                assert (await sent(http, path, offset + 1, b"x")).status_code == 409
            case "too long":
                assert (await sent(http, path, offset, PICTURE[offset:] + b"x")).status_code == 413
        if offset < SIZE:
            assert await offset_of(http, path) == offset
            found = await stored_parts(storage)
            assert sum(found.values()) == offset, "what is stored is what is told"
            most = max(most, len(found))
    assert most <= 3 * (SIZE // PIECE + 1)
    last = await http.head(path, headers=VERSION)
    await check_entry(http, last.headers["upload-entry"], PICTURE)
    await check_nothing_is_left(storage, client)


@AT_S3
async def test_many_small_requests_make_few_parts(http: httpx.AsyncClient, storage: Storage) -> None:
    path = await begun(http, SIZE)
    for offset in range(100):
        assert (await sent(http, path, offset, PICTURE[offset : offset + 1])).status_code == 204
    assert len(await stored_parts(storage)) < 8
    last = await sent(http, path, 100, PICTURE[100:])
    await check_entry(http, last.headers["upload-entry"], PICTURE)


@AT_S3
async def test_a_creation_may_have_the_first_bytes_or_all(
    http: httpx.AsyncClient, storage: Storage, client: Redis
) -> None:
    headers = {**BYTES, "Upload-Length": str(SIZE), "Upload-Metadata": metadata(filename="cat.jpg", namespace="DEV")}
    some = await http.post("/tus/", content=PICTURE[:700], headers=headers)
    assert (some.status_code, some.headers["upload-offset"]) == (201, "700")
    path = f"/tus/{some.headers['location']}"
    crc = base64.b64encode(zlib.crc32(PICTURE[700:]).to_bytes(4, "big")).decode()
    wish = {"Upload-Checksum": f"crc32 {crc}", "Prefer": "return=representation"}
    last = await sent(http, path, 700, PICTURE[700:], **wish)
    assert last.status_code == 200, last.text
    assert last.json()["data"][0]["uuid"] == last.headers["upload-entry"]
    whole = await http.post("/tus?on_conflict=rename", content=PICTURE, headers=headers)
    assert (whole.status_code, whole.headers["upload-offset"]) == (201, str(SIZE))
    await check_entry(http, whole.headers["upload-entry"], PICTURE, "/DEV/cat-2.webp")
    taken = await http.post("/tus", content=PICTURE, headers=headers)
    assert (taken.status_code, problem(taken)["code"]) == (400, "already_exists")
    await check_nothing_is_left(storage, client)


@pytest.mark.parametrize(
    ("given", "content", "code"),
    [
        ({}, b"no picture" * 100, "type_unauthorized"),
        ({"filename": "cat.png"}, PICTURE, "type_unauthorized"),
        ({"filetype": "image/png"}, PICTURE, "type_unauthorized"),
    ],
)
async def test_a_refused_file_ends_its_upload(
    http: httpx.AsyncClient, storage: Storage, client: Redis, given: dict[str, str], content: bytes, code: str
) -> None:
    path = await begun(http, len(content), **given)
    answer = await sent(http, path, 0, content)
    assert (answer.status_code, problem(answer)["code"]) == (400, code)
    assert (await http.head(path, headers=VERSION)).status_code == 404
    await check_nothing_is_left(storage, client)


async def test_room_is_reserved_and_given_back(http: httpx.AsyncClient, storage: Storage, client: Redis) -> None:
    paths = await asyncio.gather(*(begun(http, SIZE) for _ in range(3)))
    told = beginning(1)
    full = await http.post("/tus", headers=told)
    assert (full.status_code, problem(full)["code"], full.headers["retry-after"]) == (507, "no_room", "60")
    assert (await sent(http, paths[0], 0, PICTURE[:900])).status_code == 204
    removed = await http.delete(paths[0], headers=VERSION)
    assert (removed.status_code, removed.content) == (204, b"")
    assert await stored_parts(storage) == {}
    assert (await http.head(paths[0], headers=VERSION)).status_code == 404
    assert (await http.delete(paths[0], headers=VERSION)).status_code == 404
    assert (await http.post("/tus", headers=told)).status_code == 201


async def test_no_more_uploads_are_open_than_may_be(http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "OPEN_MAX", 2)
    answers = await asyncio.gather(*(http.post("/tus", headers=beginning(1)) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 201, 507, 507, 507]


@AT_S3
async def test_an_upload_ends_by_itself(
    http: httpx.AsyncClient, storage: Storage, client: Redis, settings: CatalogSettings
) -> None:
    path = await begun(http, SIZE)
    assert (await sent(http, path, 0, PICTURE[:900])).status_code == 204
    uploads, ends_at = ResumableUploads(client, storage), time.time() + settings.tus_hours * 3600
    assert await upkeep.end_due(uploads, ends_at - 60) == 0
    assert await offset_of(http, path) == 900
    upload_id = path.rpartition("/")[2]
    await client.zadd(keys.RESUMABLE, {upload_id: time.time() - 1})
    assert (await http.head(path, headers=VERSION)).status_code == 404
    assert (await sent(http, path, 900, PICTURE[900:])).status_code == 404
    assert await upkeep.end_due(uploads, time.time()) == 1
    await check_nothing_is_left(storage, client)
    assert not await client.exists(keys.resumable(upload_id), keys.resumable_parts(upload_id))


@AT_S3
async def test_parts_of_no_upload_are_swept(http: httpx.AsyncClient, storage: Storage, client: Redis) -> None:
    path, uploads = await begun(http, SIZE), ResumableUploads(client, storage)
    assert (await sent(http, path, 0, PICTURE[:900])).status_code == 204
    mine = await stored_parts(storage)
    for upload_id in ("0" * 32, path.rpartition("/")[2]):
        await put(storage, an_object(parts.new_key(upload_id, 0, "late")), b"late")
    assert await upkeep.sweep(uploads, storage) == 2
    assert await stored_parts(storage) == mine


async def test_one_request_at_a_time_writes_to_an_upload(
    http: httpx.AsyncClient, storage: Storage, client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, content = await begun(http, SIZE), PICTURE
    answers = await asyncio.gather(*(sent(http, path, 0, content) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers).count(204) >= 1
    assert {answer.status_code for answer in answers} <= {204, 409}
    assert len((await http.get("/catalog")).json()) == 1
    monkeypatch.setattr(state, "BUSY_SECONDS", 0.1)
    other = await begun(http, SIZE, filename="dog.jpg")
    async with ResumableUploads(client, storage).run(other.rpartition("/")[2]):
        for busy in (await sent(http, other, 0, b"x"), await http.delete(other, headers=VERSION)):
            assert (busy.status_code, problem(busy)["code"]) == (423, "upload_busy")
        assert await offset_of(http, other) == 0
    assert (await http.delete(other, headers=VERSION)).status_code == 204


@pytest.mark.parametrize("on_conflict", ["refuse", "replace", "rename", "skip"])
@pytest.mark.parametrize("moment", ["before the entry", "after the entry"])
async def test_the_next_request_finishes_what_a_dead_process_had_begun_once(
    http: httpx.AsyncClient,
    storage: Storage,
    client: Redis,
    monkeypatch: pytest.MonkeyPatch,
    on_conflict: str,
    moment: str,
) -> None:
    if on_conflict in ("replace", "rename"):
        other = {"file": ("cat.jpg", PICTURE + b"another")}
        assert (await http.post("/file", files=other, data={"namespace": "DEV"})).status_code == 200
    path = await begun(http, SIZE, f"?on_conflict={on_conflict}")

    async def dies(*_: Any, **__: Any) -> Any:
        raise ConnectionResetError

    with monkeypatch.context() as patch:
        broken: tuple[type, str] = (Run, "finish") if moment == "after the entry" else (Entries, "put")
        patch.setattr(*broken, dies)
        with pytest.raises(ConnectionResetError):
            await sent(http, path, 0, PICTURE)
    assert await offset_of(http, path) == SIZE
    finished = await sent(http, path, SIZE, b"")
    name = "/DEV/cat-2.webp" if on_conflict == "rename" else "/DEV/cat.webp"
    await check_entry(http, finished.headers["upload-entry"], PICTURE, name)
    entries = (await http.get("/catalog")).json()
    assert len(entries) == (2 if on_conflict == "rename" else 1)
    assert {entry["version"] for entry in entries} == ({2} if on_conflict == "replace" else {1})
    await check_nothing_is_left(storage, client)


@AT_S3
async def test_an_upload_that_lost_a_part_ends(http: httpx.AsyncClient, storage: Storage, client: Redis) -> None:
    path = await begun(http, SIZE)
    assert (await sent(http, path, 0, PICTURE[:900])).status_code == 204
    await storage.delete([an_object(key) for key in await stored_parts(storage)][:1])
    assert (await sent(http, path, 900, PICTURE[900:])).status_code == 404
    assert (await http.head(path, headers=VERSION)).status_code == 404
    await check_nothing_is_left(storage, client)


async def test_a_client_that_sends_nothing_gives_way(http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "IDLE_SECONDS", 0.05)
    path = await begun(http, SIZE)

    async def halting() -> AsyncIterator[bytes]:
        yield PICTURE[:100]
        await asyncio.sleep(0.5)

    answer = await http.patch(path, content=halting(), headers={**BYTES, "Upload-Offset": "0"})
    assert (answer.status_code, problem(answer)["code"]) == (408, "stalled")
    assert await offset_of(http, path) == 100


async def ticket(http: httpx.AsyncClient, **terms: Any) -> str:
    made = await http.post("/tickets", json={"namespace": "DEV", "destination": "avatars", **terms})
    assert made.status_code == 201, made.text
    return f"?ticket={made.json()['data'][0]['ticket']}"


async def test_a_page_uploads_with_a_ticket_what_it_says_and_nothing_else(
    http: httpx.AsyncClient, storage: Storage, client: Redis
) -> None:
    query, other = await ticket(http), await ticket(http)
    for told, status, code in (
        (beginning(SIZE, namespace="PROD"), 400, "bad_request"),
        (beginning(SIZE, tags="mine"), 400, "bad_request"),
        (beginning(10**9), 413, "too_large"),
    ):
        refused = await http.post(f"/direct/tus{query}", headers=told)
        assert (refused.status_code, problem(refused)["code"]) == (status, code)
    address = await begun(http, SIZE, query, "/direct/tus")
    path = address.partition("?")[0]
    assert address == f"{path}{query}"
    # A ticket for one file allows no second one at the same time, and nobody else sees the upload.
    again = await http.post(f"/direct/tus{query}", headers=beginning(SIZE))
    assert (again.status_code, problem(again)["code"]) == (403, "ticket_used")
    assert await client.zcard(keys.RESUMABLE) == 1
    for stranger in (f"{path}{other}", path.removeprefix("/direct")):
        assert (await http.head(stranger, headers=VERSION)).status_code == 404
        assert (await http.delete(stranger, headers=VERSION)).status_code == 404
    for nobody in (path, f"{path}{query[:-2]}"):
        assert (await sent(http, nobody, 0, PICTURE)).status_code == 403

    assert (await sent(http, address, 0, PICTURE[:700])).status_code == 204
    last = await sent(http, address, 700, PICTURE[700:], Prefer="return=representation")
    assert last.status_code == 200, last.text
    [shown] = last.json()["data"]
    assert (shown["uuid"], "storage_key" in shown) == (last.headers["upload-entry"], False)
    await check_entry(http, shown["uuid"], PICTURE, "/DEV/avatars/cat.webp")
    # If that answer is lost, the same is told again.
    again = await sent(http, address, SIZE, b"", Prefer="return=representation")
    assert (again.status_code, again.json()["data"]) == (200, [shown])
    used = await http.post(f"/direct/tus{query}", headers=beginning(SIZE))
    assert (used.status_code, problem(used)["code"]) == (403, "ticket_used")
    await check_nothing_is_left(storage, client)


async def test_of_an_asset_that_is_gone_again_nothing_is_told(http: httpx.AsyncClient) -> None:
    address = await begun(http, SIZE)
    uuid = (await sent(http, address, 0, PICTURE)).headers["upload-entry"]
    assert (await http.delete(f"/file/{uuid}")).status_code == 200
    again = await sent(http, address, SIZE, b"", Prefer="return=representation")
    assert (again.status_code, again.headers["upload-entry"]) == (204, uuid)


def uploads_of_pages(result: str) -> float:
    return REGISTRY.get_sample_value("tada_ticket_uploads_total", {"result": result}) or 0.0


async def test_a_ticket_can_be_used_again_if_its_upload_came_to_nothing(http: httpx.AsyncClient) -> None:
    query = await ticket(http, media_types=["image/jpeg"])
    removed = await begun(http, SIZE, query, "/direct/tus")
    assert (await http.delete(removed, headers=VERSION)).status_code == 204
    counted = [uploads_of_pages(result) for result in ("refused", "written")]
    refused = await begun(http, 1000, query, "/direct/tus")
    assert (await sent(http, refused, 0, b"no picture" * 100)).status_code == 400
    last = await begun(http, SIZE, query, "/direct/tus")
    assert (await sent(http, last, 0, PICTURE)).status_code == 204
    assert [uploads_of_pages(result) for result in ("refused", "written")] == [number + 1 for number in counted]


async def test_a_page_replaces_the_file_of_its_ticket_once(
    http: httpx.AsyncClient, client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    posted = await http.post("/file", files={"file": ("cat.jpg", PICTURE + b"before")}, data={"namespace": "DEV"})
    uuid = posted.json()["data"][0]["uuid"]
    made = await http.post("/tickets", json={"uuid": uuid})
    address = await begun(http, SIZE, f"?ticket={made.json()['data'][0]['ticket']}", "/direct/tus")

    async def dies(*_: Any, **__: Any) -> Any:
        raise ConnectionResetError

    with monkeypatch.context() as patch:
        patch.setattr(Run, "finish", dies)
        with pytest.raises(ConnectionResetError):
            await sent(http, address, 0, PICTURE)
    assert (await http.head(address, headers=VERSION)).headers["upload-entry"] == uuid
    await check_entry(http, uuid, PICTURE)
    [entry] = (await http.get("/catalog")).json()
    assert entry["version"] == 2


async def test_a_lost_answer_of_redis_costs_nothing_that_is_stored(
    http: httpx.AsyncClient, client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, record = await begun(http, SIZE), Run.record

    async def unanswered(*given: Any) -> None:
        await record(*given)
        raise RedisConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(Run, "record", unanswered)
        assert (await sent(http, path, 0, PICTURE[:100])).status_code == 503
    assert await offset_of(http, path) == 100
    last = await sent(http, path, 100, PICTURE[100:])
    await check_entry(http, last.headers["upload-entry"], PICTURE)


async def test_a_storage_that_fails_keeps_the_offset(
    http: httpx.AsyncClient, storage: Storage, client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await begun(http, SIZE)
    assert (await sent(http, path, 0, PICTURE[:100])).status_code == 204

    async def fails(self: LocalStorage, new: Any) -> Any:
        raise StorageDown("It is down.")

    for verb in ("put", "delete"):
        with monkeypatch.context() as patch:
            patch.setattr(LocalStorage, verb, fails)
            assert (await sent(http, path, 100, PICTURE[100:])).status_code in (204, 503)
        assert await offset_of(http, path) in (100, SIZE)
    told = await http.head(path, headers=VERSION)
    await check_entry(http, told.headers["upload-entry"], PICTURE)
    await upkeep.end_due(ResumableUploads(client, storage), time.time())
    await check_nothing_is_left(storage, client)


async def test_a_request_that_was_taken_for_dead_writes_nothing_more(
    http: httpx.AsyncClient, storage: Storage, client: Redis
) -> None:
    path = await begun(http, SIZE)
    lease = keys.lease(f"resumable:{path.rpartition('/')[2]}")

    async def frozen() -> AsyncIterator[bytes]:
        yield PICTURE[:PIECE]
        assert await client.get(lease)
        await client.set(lease, "another")
        yield PICTURE[PIECE:]

    answer = await http.patch(path, content=frozen(), headers={**BYTES, "Upload-Offset": "0"})
    assert (answer.status_code, await client.get(lease)) == (503, b"another")
    assert await offset_of(http, path) == 0
    await client.delete(lease)
    last = await sent(http, path, 0, PICTURE)
    await check_entry(http, last.headers["upload-entry"], PICTURE)
    await check_nothing_is_left(storage, client)
