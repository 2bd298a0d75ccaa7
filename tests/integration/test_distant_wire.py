"""The bytes that go to a distant backend, request by request, and what TADA reads in the answers."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from services.core.assets.addresses import Addresses
from services.core.assets.facts import FACTS
from services.core.dumps.distant import DistantDumps
from services.core.errors import StorageDown
from services.core.spool import prepare
from services.core.state import entry_json
from services.core.storage import ObjectExists, Receipt, StoredObject
from services.core.storage.distant.storage import DistantStorage
from tests.processes.distant_backend import TOKEN, Answering, Asked, Told, answer, settings_for, told
from tests.support.catalogs import an_entry
from tests.support.objects import an_object, new, put, streamed

STORED = answer(201, {})
ADDRESSES = Addresses("https://media.example.com/assets/media")
CAT, DOG = an_object("DEV/cat.webp", version=2), an_object("DEV/dog.webp", version=5)


@pytest.fixture
async def backend() -> AsyncIterator[Told]:
    async with told() as made:
        made.answering = STORED
        yield made


@pytest.fixture
async def storage(backend: Told, tmp_path: Path) -> AsyncIterator[DistantStorage]:
    made = DistantStorage(settings_for(backend.url, tmp_path))
    prepare(made.spool)
    await made.open()
    yield made
    await made.close()


def only(backend: Told) -> Asked:
    [asked] = backend.asked
    return asked


async def several(storage: DistantStorage, objects: list[StoredObject], *, replaces: bool = False) -> list[Any]:
    verb = storage.replace if replaces else storage.put
    return await verb([new(storage, one, one.key.encode()) for one in objects])


# One file


@pytest.mark.parametrize(("replaces", "method"), [(False, "POST"), (True, "PATCH")])
async def test_one_file_goes_as_the_fields_of_its_entry_and_then_itself(
    storage: DistantStorage, backend: Told, replaces: bool, method: str
) -> None:
    entry = an_entry(external_id="7", expired=True, information='"é"\r\n--')
    await put(storage, entry.stored, b"\r\n--meow\x00\xff", replaces=replaces)
    asked = only(backend)
    assert (asked.method, asked.target) == (method, "/file?original=true")
    known = {name: value for name, value in entry.fields.items() if value not in (None, [], {})}
    said = {name: "true" if value is True else str(value) for name, value in known.items()}
    assert asked.fields == {**said, **ADDRESSES.of("/DEV/cat.webp")}
    [part] = asked.files
    assert (part.name, part.filename, part.media_type) == ("file", "cat.webp", "image/jpeg")
    assert part.content == b"\r\n--meow\x00\xff"
    assert int(asked.headers["content-length"]) == len(asked.body)
    assert "transfer-encoding" not in asked.headers


async def test_what_is_null_false_or_empty_is_left_out_of_a_form(storage: DistantStorage, backend: Told) -> None:
    fields: dict[str, Any] = {"external_id": None, "expired": False, "information": "", "size": 0}
    fields |= {"tags": [], "meta": {}}
    await put(storage, an_object(fields=fields), b"meow")
    said = {"unique_name", "filename", "namespace", "version", "size"}
    assert only(backend).fields.keys() == said | ADDRESSES.of("/DEV/cat.webp").keys()


async def test_what_is_nested_goes_as_json(storage: DistantStorage, backend: Told) -> None:
    await put(storage, an_object(fields={"tags": ["é", None, True], "crop": {"x": 1}, "count": 3}), b"meow")
    fields = only(backend).fields
    assert (fields["tags"], fields["crop"], fields["count"]) == ('["é",null,true]', '{"x":1}', "3")


async def test_a_file_that_is_delivered_as_it_is_goes_without_original(storage: DistantStorage, backend: Told) -> None:
    await put(storage, CAT, b"meow")
    assert only(backend).query == {}


async def test_a_file_is_asked_for_as_it_was_stored(storage: DistantStorage, backend: Told) -> None:
    backend.answering = answer(200, b"meow", Content_Type="image/jpeg")
    await storage.read(an_entry(version=3).stored)
    await storage.read(replace(CAT, media_type=""))
    first, second = backend.asked
    assert first.target == "/file?filepath=%2FDEV%2Fcat.webp&version=3&mimetype=image%2Fjpeg&original=true"
    assert second.target == "/file?filepath=%2FDEV%2Fcat.webp&version=2"
    assert first.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("name", ["a b+c&d=e#f?.webp", "é 日本.webp", 'say "cat".webp', "100%25.webp", "a;b.webp"])
async def test_odd_names_arrive_as_they_are(storage: DistantStorage, backend: Told, name: str) -> None:
    odd = an_object(f"DEV/{name}")
    await put(storage, odd, b"meow")
    asked = only(backend)
    assert asked.fields["unique_name"] == f"/DEV/{name}"
    assert asked.fields["filename"] == name
    [header] = [line for line in asked.body.split(b"\r\n") if b"filename=" in line]
    # As browsers do it: UTF-8, and only what would end the name is escaped.
    assert f'filename="{name.replace(chr(34), "%22")}"'.encode() in header
    backend.answering = answer(200, b"meow", Content_Type="image/webp")
    await storage.read(odd)
    assert backend.asked[-1].query["filepath"] == f"/DEV/{name}"


async def test_a_name_cannot_end_the_header_it_is_in(storage: DistantStorage, backend: Told) -> None:
    filename = 'x"\r\nContent-Type: text/html\r\n\r\n<script>'
    await put(storage, an_object(fields={"filename": filename}), b"meow")
    [part] = only(backend).files
    assert (part.media_type, part.content) == ("image/webp", b"meow")


# Several files


async def test_new_files_go_together_with_what_is_known_of_each(storage: DistantStorage, backend: Told) -> None:
    original = an_entry("fox").stored
    assert await several(storage, [CAT, original, DOG]) == [Receipt()] * 3
    asked = only(backend)
    assert (asked.method, asked.target) == ("POST", "/files")
    items = [orjson.loads(asked.fields[f"file_{number}"]) for number in range(3)]
    assert [item["file"] for item in items] == ["cat.webp", "fox.webp", "dog.webp"]
    assert [item["catalogItem"]["unique_name"] for item in items] == ["/DEV/cat.webp", "/DEV/fox.webp", "/DEV/dog.webp"]
    assert [item["catalogItem"]["version"] for item in items] == [2, 1, 5]
    assert [item.get("original") for item in items] == [None, "true", None]
    assert items[1]["catalogItem"]["external_id"] is None
    assert [(part.name, part.filename) for part in asked.files] == [("files", item["file"]) for item in items]
    assert [part.content for part in asked.files] == [b"DEV/cat.webp", b"DEV/fox.webp", b"DEV/dog.webp"]


async def test_files_that_replace_others_go_together_by_their_names(storage: DistantStorage, backend: Told) -> None:
    backend.answering = answer(200, [{"version": 3}, {"version": "6"}])
    fields = {"external_id": "7", "expired": True, "expiration_date": None}
    objects = [
        replace(one, fields={**one.fields, **fields, "information": str(number)})
        for number, one in enumerate((CAT, DOG))
    ]
    assert await several(storage, objects, replaces=True) == [Receipt(3), Receipt(6)]
    asked = only(backend)
    assert (asked.method, asked.target) == ("PATCH", "/files")
    assert asked.fields == {
        "unique_names": "/DEV/cat.webp,/DEV/dog.webp",
        "public_urls": f"{ADDRESSES.assets_url}/full/DEV/cat.webp,{ADDRESSES.assets_url}/full/DEV/dog.webp",
        # What is the same for all; information is not.
        "external_id": "7",
        "expired": "true",
    }
    assert [(part.name, part.filename, part.content) for part in asked.files] == [
        ("files", "cat.webp", b"DEV/cat.webp"),
        ("files", "dog.webp", b"DEV/dog.webp"),
    ]


async def test_what_the_form_of_replacements_cannot_say_goes_alone(storage: DistantStorage, backend: Told) -> None:
    comma = an_object("DEV/a,b.webp")
    original = an_entry("fox").stored
    await several(storage, [CAT, comma, DOG, original], replaces=True)
    sent = {(asked.target, asked.fields.get("unique_name") or asked.fields["unique_names"]) for asked in backend.asked}
    assert sent == {
        ("/files", "/DEV/cat.webp,/DEV/dog.webp"),
        ("/file", "/DEV/a,b.webp"),
        ("/file?original=true", "/DEV/fox.webp"),
    }


async def test_a_hundred_files_are_one_request(storage: DistantStorage, backend: Told) -> None:
    objects = [an_object(f"DEV/{number}.webp") for number in range(201)]
    await several(storage, objects)
    await storage.delete(objects)
    assert sorted(len(asked.files) for asked in backend.asked if asked.method == "POST") == [1, 100, 100]
    deleted = [asked for asked in backend.asked if asked.method == "DELETE"]
    assert [len(asked.json) if asked.path == "/files" else 1 for asked in deleted] == [100, 100, 1]


@pytest.mark.parametrize("status", [404, 405, 409, 413, 501])
@pytest.mark.parametrize(("replaces", "method"), [(False, "POST"), (True, "PATCH")])
async def test_files_that_are_not_taken_together_go_one_by_one(
    storage: DistantStorage, backend: Told, status: int, replaces: bool, method: str
) -> None:
    async def answering(asked: Asked, writer: asyncio.StreamWriter) -> None:
        alone = answer(200, {"version": 9}) if asked.fields.get("unique_name") == "/DEV/cat.webp" else answer(409)
        await (answer(status) if asked.path == "/files" else alone)(asked, writer)

    backend.answering = answering
    cat, dog = await several(storage, [CAT, DOG], replaces=replaces)
    assert cat == Receipt(9)
    assert isinstance(dog, StorageDown if replaces else ObjectExists)
    assert sorted((asked.method, asked.path) for asked in backend.asked) == sorted(
        [(method, "/files"), (method, "/file"), (method, "/file")]
    )


# What is read in an answer


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ({"version": 7}, 7),
        ({"version": "7"}, 7),
        ({"version": None}, None),
        ({"data": "x"}, None),
        ([], None),
        ("stored", None),
        (None, None),
        *(({"version": wrong}, None) for wrong in (0, -1, True, 1.5, "1.5", "seven", 2**53, [1])),
    ],
)
async def test_the_version_of_the_backend_is_taken_over_if_it_is_one(
    storage: DistantStorage, backend: Told, said: Any, version: int | None
) -> None:
    backend.answering = answer(201, said)
    if said is None:
        backend.answering = answer(201, b"null")
    assert await put(storage, CAT, b"meow") == Receipt(version)


@pytest.mark.parametrize("said", [{"version": 7}, [{"version": 7}], [], "stored"])
async def test_of_an_answer_to_several_that_is_not_one_for_each_no_version_is_taken(
    storage: DistantStorage, backend: Told, said: Any
) -> None:
    backend.answering = answer(201, said)
    assert await several(storage, [CAT, DOG]) == [Receipt(), Receipt()]


@pytest.mark.parametrize("answering", [answer(201, b""), answer(201, b"<html>"), answer(202, {}), answer(204)])
async def test_what_is_not_confirmed_is_not_stored(
    storage: DistantStorage, backend: Told, answering: Answering
) -> None:
    backend.answering = answering
    one = new(storage, CAT, b"meow")
    [outcome] = await storage.put([one])
    assert isinstance(outcome, StorageDown)
    assert one.source.exists()


@pytest.mark.parametrize("media_type", ["text/html; charset=utf-8", "application/json"])
async def test_a_page_is_no_file(storage: DistantStorage, backend: Told, media_type: str) -> None:
    backend.answering = answer(200, b"<h1>Log in</h1>", Content_Type=media_type)
    with pytest.raises(StorageDown, match="sent a page"):
        await storage.read(CAT)
    assert await streamed(storage, an_object("DEV/x.svg", "image/svg+xml")) == b"<h1>Log in</h1>"


async def test_what_is_compressed_on_the_way_is_refused(storage: DistantStorage, backend: Told) -> None:
    backend.answering = answer(200, b"\x1f\x8b", Content_Encoding="gzip", Content_Type="image/webp")
    with pytest.raises(StorageDown, match="compresses"):
        await storage.read(CAT)


async def test_redirects_are_not_followed(storage: DistantStorage, backend: Told) -> None:
    """They could lead the token to somebody else."""
    backend.answering = answer(307, b"", Location="/elsewhere")
    with pytest.raises(StorageDown, match="status 307"):
        await storage.read(CAT)
    assert [asked.path for asked in backend.asked] == ["/file"]


# Deleting


async def test_what_is_deleted_is_named_by_its_entry(storage: DistantStorage, backend: Told) -> None:
    backend.answering = answer(200, {"data": [], "errors": []})
    entry = an_entry(version=4)
    await storage.delete([entry.stored])
    await storage.delete([CAT, StoredObject("DEV/dog.webp")])
    one, two = backend.asked
    assert (one.method, one.target, one.headers["content-type"]) == ("DELETE", "/file", "application/json")
    shown = entry_json.shown(entry, ADDRESSES)
    assert one.json == {name: value for name, value in shown.items() if name not in (*FACTS, "versioned_url")}
    assert (two.method, two.target) == ("DELETE", "/files")
    assert [item["unique_name"] for item in two.json] == ["/DEV/cat.webp", "/DEV/dog.webp"]


async def test_errors_in_the_answer_to_a_deletion_are_no_success(storage: DistantStorage, backend: Told) -> None:
    backend.answering = answer(200, {"data": ["/DEV/cat.webp"], "errors": [{"unique_name": "/DEV/dog.webp"}]})
    with pytest.raises(StorageDown, match="has not deleted 1 of 2 files"):
        await storage.delete([CAT, DOG])


# Token and paths


async def test_the_token_goes_with_every_request(storage: DistantStorage, backend: Told) -> None:
    backend.answering = answer(200, {"data": []}, Content_Type="image/webp")
    await storage.ready()
    await storage.read(CAT)
    await put(storage, CAT, b"meow")
    await storage.delete([CAT])
    await storage.delete([CAT, DOG])
    assert [one async for one in storage.list()] == []
    assert len(backend.asked) == 6
    assert {asked.headers["authorization"] for asked in backend.asked} == {f"Bearer {TOKEN}"}


async def test_without_a_token_none_is_sent_and_paths_are_those_of_the_settings(backend: Told, tmp_path: Path) -> None:
    settings = settings_for(
        f"{backend.url}/media/",
        tmp_path,
        delegated_storage_token="",
        delegated_storage_readiness_check="/up",
        delegated_storage_single_path="/one",
        delegated_storage_multi_path="/some/more",
        url_to_get_backup="/give",
        url_to_post_backup="/take",
    )
    storage, dumps = DistantStorage(settings), DistantDumps(settings)
    prepare(storage.spool)
    await storage.open()
    await dumps.open()
    backend.answering = answer(200, {"data": []}, Content_Type="image/webp")
    await storage.ready()
    await storage.read(CAT)
    await several(storage, [CAT, DOG])
    await dumps.fetch_latest("rdb", tmp_path / "dump.rdb")
    await dumps.fetch("dump_20250812T143052.json", tmp_path / "dump.json")
    await dumps.save(tmp_path / "dump.rdb", tmp_path / "dump.json")
    await dumps.close()
    await storage.close()
    assert [(asked.method, asked.target.partition("?filepath")[0]) for asked in backend.asked] == [
        ("GET", "/media/up"),
        ("GET", "/media/one"),
        ("POST", "/media/some/more"),
        ("GET", "/media/give/latest?format=rdb"),
        ("GET", "/media/give/dump_20250812T143052.json"),
        ("POST", "/media/take"),
    ]
    assert not any("authorization" in asked.headers for asked in backend.asked)
