"""Uploads whose path is taken, and what `on_conflict` makes of them: at every kind of storage, with a real Redis."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.catalog.settings import CatalogSettings
from services.core.assets import identity
from services.core.state import keys
from services.core.state.connection import Redis
from services.core.state.entries import Entries
from tests.processes.distant_backend import TOKEN, Backend
from tests.processes.redis_server import RedisServer
from tests.support.pictures import BLUE, GREEN, RED, encoded, marked
from tests.support.problems import problem, problems
from tests.support.service import running
from tests.support.storages import opened
from tests.support.waits import eventually

FIRST, SECOND, THIRD = (encoded(marked((64, 48), colour), "JPEG") for colour in (RED, GREEN, BLUE))
WEBP = encoded(marked((64, 48), RED), "WEBP")
PATH = "/DEV/cat.webp"
AT_ONCE = 6
Files = Sequence[tuple[str, bytes]]


@pytest.fixture(params=["local", "distant-versions", "distant-in-place"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """The settings of a storage."""
    if request.param == "local":
        yield {}
        return
    options = ("--in-place",) if request.param == "distant-in-place" else ("--keep-versions", "2")
    backend = Backend(tmp_path / "backend", *options)
    backend.start()
    yield {
        "delegated_storage_method": "DISTANT_BACKEND",
        "delegated_storage_host": backend.url,
        "delegated_storage_token": TOKEN,
    }
    backend.stop()


@pytest.fixture
def strips() -> bool:
    """Whether the service removes metadata."""
    return False


@pytest.fixture
def trash_days() -> int:
    return 0


@pytest.fixture
def settings(
    server: RedisServer, tmp_path: Path, storage: dict[str, Any], strips: bool, trash_days: int
) -> CatalogSettings:
    return CatalogSettings(
        redis_url=server.url,
        data_folder_path=tmp_path / "data",
        namespaces_allowed=("DEV",),
        purge_wait_seconds=0,
        use_stripmetadata=strips,
        trash_days=trash_days,
        **storage,
    )


@pytest.fixture
async def http(settings: CatalogSettings, client: Redis) -> AsyncIterator[httpx.AsyncClient]:
    settings.data_folder_path.mkdir()
    async with running(settings, client) as made:
        yield made


async def upload(http: httpx.AsyncClient, content: bytes, on_conflict: str = "", **more: str) -> httpx.Response:
    said = {"on_conflict": on_conflict} if on_conflict else {}
    form = {"namespace": "DEV", "filename": "cat.jpg", **more}
    return await http.post("/file", params=said, files={"file": ("upload", content)}, data=form)


async def upload_all(http: httpx.AsyncClient, files: Files, on_conflict: str) -> httpx.Response:
    parts = [("files", file) for file in files]
    return await http.post("/files", params={"on_conflict": on_conflict}, files=parts, data={"namespace": "DEV"})


def entries_of(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def entry_of(answer: httpx.Response) -> dict[str, Any]:
    [found] = entries_of(answer)
    assert problems(answer) == []
    return found


async def listed(http: httpx.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await http.get("/catalog")).json()
    return found


async def need_all_bytes(settings: CatalogSettings, client: Redis, http: httpx.AsyncClient) -> None:
    """Check that the storage has what every entry says, and that nothing else was left."""
    shown = await listed(http)
    async with opened(settings) as storage:
        for one in shown:
            entry = await Entries(client).get(one["uuid"])
            assert hashlib.sha256(await storage.read(entry.stored)).hexdigest() == entry.signature

    async def is_settled() -> bool:
        return await client.hlen(keys.CLAIMS) == 0  # type: ignore[misc,no-any-return]

    await eventually(is_settled)
    if not settings.delegated_storage_host:
        stored = {path.name for path in (settings.data_folder_path / "DEV").rglob("*") if path.is_file()}
        assert stored == {one["storage_key"].rpartition("/")[2] for one in shown}


@pytest.mark.parametrize("on_conflict", ["", "refuse"])
async def test_without_a_wish_a_taken_path_is_refused_and_named(http: httpx.AsyncClient, on_conflict: str) -> None:
    first = entry_of(await upload(http, FIRST))
    answer = await upload(http, SECOND, on_conflict)
    assert answer.status_code == 400
    told = problem(answer)
    assert (told["code"], told["uuid"], told["unique_name"]) == ("already_exists", first["uuid"], PATH)
    assert answer.json()["errors"] == ["File already exists in catalog, please use patch instead."]
    assert await listed(http) == [first]


@pytest.mark.parametrize("on_conflict", ["skip", "replace", "rename"])
async def test_a_wish_changes_nothing_where_the_path_is_free(
    settings: CatalogSettings, client: Redis, http: httpx.AsyncClient, on_conflict: str
) -> None:
    entry = entry_of(await upload(http, FIRST, on_conflict, information="new"))
    assert (entry["unique_name"], entry["version"], entry["information"]) == (PATH, 1, "new")
    await need_all_bytes(settings, client, http)


async def test_the_same_bytes_are_skipped_and_nothing_is_written(
    settings: CatalogSettings, client: Redis, http: httpx.AsyncClient
) -> None:
    first = entry_of(await upload(http, FIRST, information="kept"))
    revision = await client.get(keys.REVISION)
    answer = await upload(http, FIRST, "skip", information="not taken over")
    assert entry_of(answer) == first
    assert answer.headers["x-purge"] == "done"
    assert await client.get(keys.REVISION) == revision
    await need_all_bytes(settings, client, http)


async def test_other_bytes_are_not_skipped_but_refused(http: httpx.AsyncClient) -> None:
    first = entry_of(await upload(http, FIRST))
    answer = await upload(http, SECOND, "skip")
    assert (answer.status_code, problem(answer)["uuid"]) == (400, first["uuid"])
    assert await listed(http) == [first]


@pytest.mark.parametrize("strips", [True])
async def test_the_same_file_is_skipped_though_metadata_was_removed_from_it(http: httpx.AsyncClient) -> None:
    picture = marked((64, 48), RED)
    exif = picture.getexif()
    exif[0x010E] = "a text"
    tagged = encoded(picture, "JPEG", exif=exif)
    first = entry_of(await upload(http, tagged))
    assert first["size"] < first["original_size"]
    assert entry_of(await upload(http, tagged, "skip")) == first


async def test_a_replacement_is_the_next_version_and_keeps_what_is_not_said(
    settings: CatalogSettings, client: Redis, http: httpx.AsyncClient
) -> None:
    first = entry_of(await upload(http, FIRST, information="old", external_id="42"))
    second = entry_of(await upload(http, SECOND, "replace", information="new"))
    assert (second["uuid"], second["unique_name"], second["version"]) == (first["uuid"], PATH, 2)
    assert second["signature"] == hashlib.sha256(SECOND).hexdigest()
    assert (second["information"], second["external_id"]) == ("new", "42")
    assert second["uploaded_date"] == first["uploaded_date"]
    await need_all_bytes(settings, client, http)


async def test_what_cannot_replace_the_file_is_refused(
    settings: CatalogSettings, client: Redis, http: httpx.AsyncClient
) -> None:
    first = entry_of(await upload(http, WEBP, filename="cat.webp", toWebp="false"))
    answer = await upload(http, SECOND, "replace")
    assert (answer.status_code, problem(answer)["code"]) == (400, "not_replaceable")
    assert (problem(answer)["uuid"], problem(answer)["unique_name"]) == (first["uuid"], PATH)
    assert await listed(http) == [first]
    await need_all_bytes(settings, client, http)


@pytest.mark.parametrize("on_conflict", ["refuse", "skip"])
async def test_among_several_files_each_that_is_refused_names_what_is_there(
    http: httpx.AsyncClient, on_conflict: str
) -> None:
    first = entry_of(await upload(http, FIRST))
    png = encoded(marked((64, 48), RED), "PNG")
    answer = await upload_all(http, [("dog.jpg", FIRST), ("cat.png", png)], on_conflict)
    assert [one["filename"] for one in entries_of(answer)] == ["dog.webp"]
    told = {name: problem(answer)[name] for name in ("code", "uuid", "unique_name", "file", "index")}
    assert told == {
        "code": "already_exists",
        "uuid": first["uuid"],
        "unique_name": PATH,
        "file": "cat.png",
        "index": 1,
    }
    [text] = answer.json()["errors"]
    assert (text["filename"], text["uuid"]) == ("cat.png", first["uuid"])


async def test_a_taken_name_gets_the_next_number(
    settings: CatalogSettings, client: Redis, http: httpx.AsyncClient
) -> None:
    made = [entry_of(await upload(http, content, "rename")) for content in (FIRST, SECOND, THIRD)]
    assert [one["unique_name"] for one in made] == [PATH, "/DEV/cat-2.webp", "/DEV/cat-3.webp"]
    assert [one["original_filename"] for one in made] == ["cat.jpg", "cat-2.jpg", "cat-3.jpg"]
    assert [one["uuid"] for one in made] == [identity.asset_uuid(one["unique_name"]) for one in made]
    assert await listed(http) == made
    await need_all_bytes(settings, client, http)


async def test_files_of_one_form_are_renamed_beside_each_other(
    settings: CatalogSettings, client: Redis, http: httpx.AsyncClient
) -> None:
    await upload(http, FIRST)
    answer = await upload_all(http, [("cat.jpg", SECOND), ("dog.jpg", FIRST), ("cat.jpg", THIRD)], "rename")
    assert [one["filename"] for one in entries_of(answer)] == ["cat-2.webp", "dog.webp", "cat-3.webp"]
    await need_all_bytes(settings, client, http)


async def test_a_form_may_have_new_files_and_replacements(
    settings: CatalogSettings, client: Redis, http: httpx.AsyncClient
) -> None:
    await upload(http, FIRST)
    answer = await upload_all(http, [("dog.jpg", FIRST), ("cat.jpg", SECOND), ("cat.jpg", THIRD)], "replace")
    assert [(one["filename"], one["version"]) for one in entries_of(answer)] == [("dog.webp", 1), ("cat.webp", 2)]
    assert (problem(answer)["code"], problem(answer)["index"]) == ("already_exists", 2)
    await need_all_bytes(settings, client, http)


async def test_a_form_skips_what_is_there_and_stores_the_rest(
    settings: CatalogSettings, client: Redis, http: httpx.AsyncClient
) -> None:
    first = entry_of(await upload(http, FIRST))
    answer = await upload_all(http, [("dog.jpg", SECOND), ("cat.jpg", FIRST)], "skip")
    assert [one["filename"] for one in entries_of(answer)] == ["dog.webp", "cat.webp"]
    assert entries_of(answer)[1] == first
    await need_all_bytes(settings, client, http)


@pytest.mark.parametrize("there", [False, True])
async def test_of_the_same_file_twice_in_a_form_the_second_is_skipped(
    settings: CatalogSettings, client: Redis, http: httpx.AsyncClient, there: bool
) -> None:
    if there:
        await upload(http, FIRST)
    answer = await upload_all(http, [("cat.jpg", FIRST), ("cat.jpg", FIRST), ("cat.jpg", SECOND)], "skip")
    [entry] = await listed(http)
    assert entries_of(answer) == [entry, entry]
    assert (problem(answer)["code"], problem(answer)["index"]) == ("already_exists", 2)
    await need_all_bytes(settings, client, http)


async def test_the_same_damaged_file_twice_in_a_form_is_refused_twice(http: httpx.AsyncClient) -> None:
    answer = await upload_all(http, [("cat.jpg", FIRST[:600]), ("cat.jpg", FIRST[:600])], "skip")
    assert answer.status_code == 400
    [first, second] = problems(answer)
    assert (first["message"], first["index"], second["index"]) == (second["message"], 0, 1)
    assert first["code"] != "already_exists"


async def test_uploads_at_once_with_different_wishes_leave_what_they_were_answered(
    settings: CatalogSettings, client: Redis, http: httpx.AsyncClient
) -> None:
    wishes = ["", "refuse", "skip", "replace", "rename", "replace", "rename", "skip"]
    contents = [(FIRST, SECOND, THIRD)[at % 3] for at in range(len(wishes))]
    made = await asyncio.gather(*map(partial(upload, http), contents, wishes))
    for wish, answer in zip(wishes, made, strict=True):
        if answer.status_code != 200:
            assert (answer.status_code, problem(answer)["code"]) == (400, "already_exists")
            assert wish != "replace"
    written = [entry_of(answer) for answer in made if answer.status_code == 200]
    versions = sorted({one["version"] for one in written if one["unique_name"] == PATH})
    assert versions == list(range(1, len(versions) + 1))
    shown = {one["unique_name"]: one["version"] for one in await listed(http)}
    assert shown == dict.fromkeys((one["unique_name"] for one in written), 1) | {PATH: versions[-1]}
    await need_all_bytes(settings, client, http)


async def test_uploads_at_once_that_rename_all_succeed(
    settings: CatalogSettings, client: Redis, http: httpx.AsyncClient
) -> None:
    made = await asyncio.gather(*(upload(http, FIRST, "rename") for _ in range(AT_ONCE)))
    assert len({entry_of(answer)["unique_name"] for answer in made}) == AT_ONCE
    await need_all_bytes(settings, client, http)


@pytest.mark.parametrize(("storage", "trash_days"), [({}, 30)])
@pytest.mark.parametrize("at_once", [1, AT_ONCE])
async def test_names_of_deleted_assets_are_given_again(
    settings: CatalogSettings, client: Redis, http: httpx.AsyncClient, at_once: int
) -> None:
    for content in (FIRST, SECOND, THIRD):
        await upload(http, content, "rename")
    deleted = await listed(http)
    for one in deleted:
        assert (await http.delete(f"/file/{one['uuid']}")).status_code == 200
    made = [entry_of(one) for one in await asyncio.gather(*(upload(http, FIRST, "rename") for _ in range(at_once)))]
    names = {one["unique_name"] for one in made}
    assert len(names) == at_once
    assert PATH in names

    async def is_settled() -> bool:
        return await client.hlen(keys.CLAIMS) == 0  # type: ignore[misc,no-any-return]

    await eventually(is_settled)
    stored = {f"DEV/{path.name}" for path in (settings.data_folder_path / "DEV").iterdir()}
    assert stored == {one["storage_key"] for one in [*deleted, *made]}


async def test_uploads_at_once_that_replace_all_succeed_one_after_the_other(
    settings: CatalogSettings, client: Redis, http: httpx.AsyncClient
) -> None:
    made = await asyncio.gather(*(upload(http, content, "replace") for content in (FIRST, SECOND, THIRD)))
    assert sorted(entry_of(answer)["version"] for answer in made) == [1, 2, 3]
    await need_all_bytes(settings, client, http)


async def test_uploads_at_once_of_the_same_bytes_that_skip_make_one_entry(
    settings: CatalogSettings, client: Redis, http: httpx.AsyncClient
) -> None:
    made = await asyncio.gather(*(upload(http, FIRST, "skip") for _ in range(AT_ONCE)))
    [entry] = await listed(http)
    assert all(entry_of(answer) == entry for answer in made)
    await need_all_bytes(settings, client, http)


@pytest.mark.parametrize("said", ["overwrite", "Skip"])
@pytest.mark.parametrize("path", ["/file", "/files"])
async def test_an_unknown_wish_is_refused(http: httpx.AsyncClient, path: str, said: str) -> None:
    part = path.removeprefix("/")
    answer = await http.post(
        path, params={"on_conflict": said}, files={part: ("cat.jpg", FIRST)}, data={"namespace": "DEV"}
    )
    assert answer.status_code == 400
    assert "refuse, skip, replace, rename" in problem(answer)["message"]
    assert await listed(http) == []
