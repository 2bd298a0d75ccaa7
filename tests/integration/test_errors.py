"""What clients of the older service read of errors: its texts, and lists that succeed in part."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.catalog.settings import CatalogSettings
from services.core.state.connection import Redis
from services.core.storage import NewObject, Outcome
from services.core.storage.local import LocalStorage
from tests.processes.redis_server import RedisServer
from tests.support.pdfs import pdf
from tests.support.pictures import RED, encoded, marked
from tests.support.problems import problem, problems
from tests.support.service import nodes_that_have_all, running

PHOTO, OTHER = (encoded(marked((size, 48), RED), "JPEG") for size in (64, 32))
PDF = pdf()
UNKNOWN = "00000000-0000-5000-8000-000000000000"
TOKEN = "token-of-the-tests"
LIMIT = 200 * 1024
LARGE = b"x" * (LIMIT + 1)
TOO_LARGE = "File too large: can not exceeded 200kb"
EXISTS = "File already exists in catalog, please use patch instead."


@pytest.fixture
async def http(tmp_path: Path, server: RedisServer, client: Redis) -> AsyncIterator[httpx.AsyncClient]:
    settings = CatalogSettings(
        redis_url=server.url,
        data_folder_path=tmp_path,
        namespaces_allowed=("DEV", "PROD"),
        purge_wait_seconds=9,
        payload_max_size=LIMIT,
        public_url="https://media.example.com",
        api_prefix="/prefix",
        media_token=TOKEN,
    )
    async with nodes_that_have_all(client), running(settings, client, TOKEN) as made:
        yield made


async def upload(http: httpx.AsyncClient, filename: str, content: bytes = PHOTO, **fields: str) -> dict[str, Any]:
    answer = await http.post("/file", files={"file": (filename, content)}, data={"namespace": "DEV", **fields})
    assert answer.status_code == 200, answer.text
    entry: dict[str, Any] = answer.json()["data"][0]
    return entry


def form_of(*files: tuple[str, bytes]) -> list[tuple[str, tuple[str, bytes]]]:
    return [("files", file) for file in files]


DEV = {"data": {"namespace": "DEV"}}
CASES: dict[str, tuple[str, str, dict[str, Any], int, str]] = {
    "the path is taken": ("POST", "/file", {"files": {"file": ("cat.jpg", PHOTO)}, **DEV}, 400, EXISTS),
    "no file": ("POST", "/file", {"files": {"namespace": (None, "DEV")}}, 400, "No file detected"),
    "no files": ("POST", "/files", {"files": {"namespace": (None, "DEV")}}, 400, "No file detected"),
    "no form": ("POST", "/file", {"json": {"namespace": "DEV"}}, 400, "invalid content-type headers"),
    "no type": ("PATCH", f"/file/{UNKNOWN}", {"content": b"?"}, 400, "invalid content-type headers"),
    "no namespace": ("POST", "/file", {"files": {"file": ("a.jpg", PHOTO)}}, 400, "invalid namespace"),
    "another namespace": (
        *("POST", "/files", {"files": form_of(("a.jpg", PHOTO)), "data": {"namespace": "TEST"}}),
        *(403, "invalid namespace"),
    ),
    "a wrong type": (
        *("POST", "/file", {"files": {"file": ("a.jpg", PDF)}, **DEV}),
        *(400, "File type image/jpeg unauthorized."),
    ),
    "a large file": ("POST", "/file", {"files": {"file": ("a.jpg", LARGE)}, **DEV}, 413, TOO_LARGE),
    "a form that is too large": (
        *("POST", "/file", {"files": {"file": ("a.jpg", LARGE * 10)}, **DEV}),
        *(413, TOO_LARGE),
    ),
    "no uuids": ("PATCH", "/files", {"files": form_of(("a.jpg", PHOTO))}, 400, "No uuids provided"),
    "no uuids to delete": ("DELETE", "/files", {"json": [{"namespace": "DEV"}]}, 400, "No uuids provided"),
    "more uuids than files": (
        *("PATCH", "/files", {"files": form_of(("a.jpg", PHOTO)), "data": {"uuids": f"{UNKNOWN},{UNKNOWN}"}}),
        *(400, "Number of UUIDs and number of files provided different"),
    ),
    "an unknown uuid": (
        *("GET", f"/catalog/{UNKNOWN}", {}),
        *(404, f"Item not found in catalog with namespace undefined and UUID {UNKNOWN}"),
    ),
    "an unknown uuid to delete": (
        *("DELETE", f"/file/{UNKNOWN}", {}),
        *(404, f"Item not found in catalog with namespace undefined and UUID {UNKNOWN}"),
    ),
    "an unknown uuid to replace": (
        *("PATCH", f"/file/{UNKNOWN}", {"files": {"file": ("a.jpg", PHOTO)}, **DEV}),
        *(404, f"Item not found in catalog with namespace DEV and UUID {UNKNOWN}"),
    ),
    "an unknown uuid and fields of a form": (
        *("PATCH", f"/file/{UNKNOWN}", {"files": {"namespace": (None, "DEV"), "expired": (None, "true")}}),
        *(404, f"Item not found in catalog with namespace DEV and UUID {UNKNOWN}"),
    ),
    "an unknown uuid and fields": (
        *("PATCH", f"/catalog/{UNKNOWN}", {"json": {"namespace": "DEV", "expired": True}}),
        *(404, f"Item not found in catalog with namespace DEV and UUID {UNKNOWN}"),
    ),
    "no token": (
        *("DELETE", f"/file/{UNKNOWN}", {"headers": {"authorization": ""}}),
        *(401, "You must be authenticated to do this."),
    ),
    "no route": ("GET", "/nothing", {}, 404, "Not Found: GET /nothing"),
    "no such method": ("PUT", "/file", {}, 405, "Method Not Allowed: PUT /file"),
    "no older text": ("GET", "/catalog?cursor=x", {}, 400, "'x' is not a valid cursor."),
}


@pytest.mark.parametrize("case", CASES)
async def test_an_error_has_the_text_of_the_older_service(http: httpx.AsyncClient, case: str) -> None:
    method, path, sent, status, text = CASES[case]
    await upload(http, "cat.jpg")
    answer = await http.request(method, path, **sent)
    assert (answer.status_code, answer.json()["data"], answer.json()["errors"]) == (status, [], [text])
    assert problem(answer)["hint"]
    assert "index" not in problem(answer)


@pytest.mark.parametrize(
    ("kept", "then", "fields", "text"),
    [
        ("true", ("a.pdf", PDF), {}, "Mimetypes are not the same or conversion not allowed"),
        ("true", ("a.jpg", OTHER), {"toWebp": "false"}, "Mimetypes are not the same or conversion not allowed"),
        ("false", ("a.pdf", PDF), {}, "Replacement not allowed for files without conversion"),
    ],
)
async def test_what_may_not_replace_a_file_is_told_as_before(
    http: httpx.AsyncClient, kept: str, then: tuple[str, bytes], fields: dict[str, str], text: str
) -> None:
    entry = await upload(http, "cat.jpg", toWebp=kept)
    answer = await http.patch(f"/file/{entry['uuid']}", files={"file": then}, data=fields)
    assert (answer.status_code, answer.json()["errors"]) == (400, [text])


OF_ONE: dict[str, tuple[str, dict[str, Any], dict[str, str]]] = {
    "the path is taken": (
        *("POST", {"files": {"file": ("cat.jpg", OTHER)}, **DEV}),
        {"file": "cat.jpg", "uuid": "{uuid}", "unique_name": "/DEV/cat.webp"},
    ),
    "a wrong type": ("POST", {"files": {"file": ("a.jpg", PDF)}, **DEV}, {"file": "a.jpg"}),
    "an empty file": ("POST", {"files": {"file": ("a.jpg", b"")}, **DEV}, {"file": "a.jpg"}),
    "a large file": ("POST", {"files": {"file": ("a.jpg", LARGE)}, **DEV}, {"file": "a.jpg"}),
    "a type that does not fit": ("PATCH", {"files": {"file": ("a.pdf", PDF)}}, {"file": "a.pdf", "uuid": "{uuid}"}),
    "a large file for an entry": (
        *("PATCH", {"files": {"file": ("a.jpg", LARGE)}}),
        {"file": "a.jpg", "uuid": "{uuid}"},
    ),
    "a bad field beside a file": (
        *("PATCH", {"files": {"file": ("a.jpg", OTHER)}, "data": {"expired": "perhaps"}}),
        {"uuid": "{uuid}"},
    ),
    "a bad field of a form": ("PATCH", {"files": {"expired": (None, "perhaps")}}, {"uuid": "{uuid}"}),
    "a bad field": ("PATCH", {"json": {"version": 9}}, {"uuid": "{uuid}"}),
}


@pytest.mark.parametrize("case", OF_ONE)
async def test_an_error_of_one_file_says_what_it_is_about(http: httpx.AsyncClient, case: str) -> None:
    method, sent, about = OF_ONE[case]
    entry = await upload(http, "cat.jpg")
    answer = await http.request(method, "/file" if method == "POST" else f"/file/{entry['uuid']}", **sent)
    names = ("file", "uuid", "unique_name", "index")
    said = {name: value for name, value in problem(answer).items() if name in names}
    assert said == {name: value.format(**entry) for name, value in about.items()}


async def test_an_entry_that_is_deleted_while_its_file_is_replaced_is_told_as_it_was_named(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = await upload(http, "cat.jpg")
    named, put = entry["uuid"].replace("-", "").upper(), LocalStorage.put

    async def deletes_first(storage: LocalStorage, new: Sequence[NewObject]) -> list[Outcome]:
        assert (await http.delete(f"/file/{entry['uuid']}")).status_code == 200
        return await put(storage, new)

    monkeypatch.setattr(LocalStorage, "put", deletes_first)
    answer = await http.patch(f"/file/{named}", files={"file": ("cat.jpg", OTHER)}, data={"namespace": "DEV"})
    assert answer.status_code == 404
    assert answer.json()["errors"] == [f"Item not found in catalog with namespace DEV and UUID {named}"]
    assert (problem(answer)["uuid"], problem(answer)["message"]) == (named, f"No entry {named} in the catalog.")


# Lists


FAILING = {
    "large.jpg": (LARGE, TOO_LARGE, "too_large"),
    "empty.jpg": (b"", "The file 'empty.jpg' is empty.", "bad_request"),
    "wrong.jpg": (PDF, "File type image/jpeg unauthorized.", "type_unauthorized"),
    "cat.jpg": (PHOTO, EXISTS, "already_exists"),
}


@pytest.mark.parametrize("route", ["/files", "/uploads"])
@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("name", FAILING)
async def test_one_file_that_fails_does_not_fail_the_others_wherever_it_stands(
    http: httpx.AsyncClient, name: str, place: int, route: str
) -> None:
    content, text, code = FAILING[name]
    await upload(http, "cat.jpg")
    files = [("a.jpg", PHOTO), ("b.jpg", OTHER)]
    files.insert(place, (name, content))
    answer = await http.post(route, files=form_of(*files), data={"namespace": "DEV"})
    assert answer.status_code == 200, answer.text
    assert [entry["filename"] for entry in answer.json()["data"]] == ["a.webp", "b.webp"]
    [told] = answer.json()["errors"]
    assert (told["message"], told["filename"]) == (text, name)
    said = problem(answer)
    assert (said["code"], said["file"], said["index"]) == (code, name, place)


@pytest.mark.parametrize("name", ["large.jpg", "empty.jpg", "wrong.jpg"])
async def test_one_replacement_that_fails_does_not_fail_the_others(http: httpx.AsyncClient, name: str) -> None:
    entries = [await upload(http, f"{at}.jpg") for at in range(3)]
    content, text, code = FAILING[name]
    files = form_of(("0.jpg", OTHER), (name, content), ("2.jpg", OTHER))
    uuids = ",".join(entry["uuid"] for entry in entries)
    answer = await http.patch("/files", files=files, data={"uuids": uuids})
    assert answer.status_code == 200, answer.text
    assert [(entry["uuid"], entry["version"]) for entry in answer.json()["data"]] == [
        (entries[0]["uuid"], 2),
        (entries[2]["uuid"], 2),
    ]
    assert answer.json()["errors"] == [{"message": text, "filename": name, "uuid": entries[1]["uuid"]}]
    assert problem(answer)["code"] == code


@pytest.mark.parametrize(
    ("names", "status"),
    [
        (["large.jpg"], 413),
        (["large.jpg", "large.jpg"], 413),
        (["large.jpg", "empty.jpg"], 400),
        (["empty.jpg", "wrong.jpg"], 400),
    ],
)
async def test_nothing_that_succeeds_is_413_only_if_all_was_too_large(
    http: httpx.AsyncClient, tmp_path: Path, names: list[str], status: int
) -> None:
    entries = [await upload(http, f"{at}.jpg") for at in range(len(names))]
    files = form_of(*((name, FAILING[name][0]) for name in names))
    created = await http.post("/files", files=files, data={"namespace": "DEV"})
    uuids = ",".join(entry["uuid"] for entry in entries)
    replaced = await http.patch("/files", files=files, data={"uuids": uuids})
    for answer in (created, replaced):
        assert (answer.status_code, answer.json()["data"]) == (status, [])
        assert [error["message"] for error in answer.json()["errors"]] == [FAILING[name][1] for name in names]
        assert [found["index"] for found in problems(answer)] == list(range(len(names)))
    assert len([path for path in (tmp_path / "DEV").rglob("*") if path.is_file()]) == len(entries)
    assert list((tmp_path / ".spool").iterdir()) == []


async def test_one_uuid_among_several_is_told_with_its_namespace(http: httpx.AsyncClient) -> None:
    entry = await upload(http, "cat.jpg")
    unknown = {"namespace": "DEV", "uuid": UNKNOWN}
    wanted = [unknown, {"uuid": UNKNOWN}, {"namespace": "PROD", "uuid": entry["uuid"]}]
    texts = ["UUID not found in namespace DEV", "UUID not found in namespace undefined"]
    deleted = await http.request("DELETE", "/files", json=wanted)
    assert deleted.json()["errors"] == [
        {"message": texts[0], "uuid": UNKNOWN},
        {"message": texts[1], "uuid": UNKNOWN},
        {"message": "UUID not found in namespace PROD", "uuid": entry["uuid"]},
    ]
    changes = [{**item, "information": "x"} for item in wanted[:2]]
    changed = await http.patch("/files", json=changes)
    assert changed.json()["errors"] == [{"message": text, "uuid": UNKNOWN} for text in texts]
    listed = await http.patch("/catalog", json=changes)
    assert listed.json()["errors"] == texts
    files = form_of(("a.jpg", OTHER), ("b.jpg", OTHER))
    replaced = await http.patch("/files", files=files, data={"uuids": f"{UNKNOWN},{entry['uuid']}", "namespace": "DEV"})
    assert replaced.json()["errors"] == [{"message": texts[0], "filename": "a.jpg", "uuid": UNKNOWN}]
    for answer in (deleted, changed, listed, replaced):
        assert [found["index"] for found in problems(answer)] == list(range(len(answer.json()["errors"])))
        assert all(found["uuid"] and found["hint"] for found in problems(answer))


# What an answer shows beside an entry


async def test_a_changed_entry_is_shown_with_its_address_and_may_be_sent_back(http: httpx.AsyncClient) -> None:
    entry = await upload(http, "cat.jpg")
    answer = await http.patch(f"/catalog/{entry['uuid']}", json={"information": "new"})
    [changed] = answer.json()["data"]
    assert changed["catalogItemUrl"] == f"https://media.example.com/prefix/catalog/{entry['uuid']}"
    again = await http.patch(f"/catalog/{entry['uuid']}", json={**changed, "information": "newer"})
    assert (again.status_code, again.json()["data"][0]["information"]) == (200, "newer")
    assert (await http.get(f"/catalog/{entry['uuid']}")).json()["data"][0].keys() == entry.keys()


async def test_a_deleted_entry_is_shown_with_a_message(http: httpx.AsyncClient) -> None:
    entries = [await upload(http, f"{at}.jpg") for at in range(3)]
    answers = [
        await http.delete(f"/file/{entries[0]['uuid']}"),
        await http.delete(f"/catalog/{entries[1]['uuid']}"),
        await http.request("DELETE", "/files", json=[entries[2]]),
    ]
    for answer, entry in zip(answers, entries, strict=True):
        [deleted] = answer.json()["data"]
        assert deleted["message"] == "Item deleted"
        assert deleted["uuid"] == entry["uuid"]
    assert (await http.get("/catalog")).json() == []
