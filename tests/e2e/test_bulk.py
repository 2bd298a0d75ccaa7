"""Several entries at a time, and entries without their files."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
import redis

from services.core.assets.facts import FACTS
from services.core.state import entry_json, keys
from tests.processes.system import System
from tests.support.catalogs import many
from tests.support.pdfs import pdf
from tests.support.problems import problem, problems

UNKNOWN = "00000000-0000-5000-8000-000000000000"


@pytest.fixture
def three(system: System, photos: dict[str, bytes], name: str) -> list[dict[str, Any]]:
    return [system.upload(f"{name}-{at}.jpg", photos["china.jpg"]) for at in range(3)]


def test_several_files_are_replaced_in_their_order(
    system: System, photos: dict[str, bytes], three: list[dict[str, Any]]
) -> None:
    uuids = [three[2]["uuid"], UNKNOWN, three[0]["uuid"]]
    files = [("files", (f"{at}.jpg", photos["flower.jpg"] + bytes([at]))) for at in range(3)]
    answer = system.api.patch("/files", files=files, data={"uuids": ",".join(uuids), "information": "all"})
    assert answer.status_code == 200, answer.text
    replaced = answer.json()["data"]
    assert [entry["uuid"] for entry in replaced] == [three[2]["uuid"], three[0]["uuid"]]
    assert {(entry["version"], entry["information"]) for entry in replaced} == {(2, "all")}
    assert replaced[1]["signature"] == hashlib.sha256(photos["flower.jpg"] + b"\2").hexdigest()
    assert [error["uuid"] for error in problems(answer)] == [UNKNOWN]
    original = system.edge.get(f"/assets/media/original{three[0]['unique_name'].replace('.webp', '.jpg')}")
    assert original.content == photos["flower.jpg"] + b"\2"


def test_uuids_and_files_must_match_in_number(
    system: System, photos: dict[str, bytes], three: list[dict[str, Any]]
) -> None:
    answer = system.api.patch(
        "/files", files=[("files", ("a.jpg", photos["flower.jpg"]))], data={"uuids": f"{three[0]['uuid']},{UNKNOWN}"}
    )
    assert answer.status_code == 400
    assert "2 uuids and 1 files" in problem(answer)["message"]
    assert system.api.get(f"/catalog/{three[0]['uuid']}").json()["data"] == [three[0]]


@pytest.mark.parametrize("route", ["/files", "/catalog"])
def test_fields_of_several_entries_change_one_by_one(system: System, three: list[dict[str, Any]], route: str) -> None:
    changes = [
        {"uuid": three[1]["uuid"], "expired": True},
        {"uuid": UNKNOWN, "expired": True},
        {"uuid": three[0]["uuid"], "expiration_date": "whenever"},
        {"uuid": three[2]["uuid"], "information": "two"},
    ]
    answer = system.api.patch(route, json=changes)
    assert answer.status_code == 200
    assert [entry["uuid"] for entry in answer.json()["data"]] == [three[1]["uuid"], three[2]["uuid"]]
    assert [error["uuid"] for error in problems(answer)] == [UNKNOWN, three[0]["uuid"]]
    assert system.edge.get(f"/assets/media/full{three[1]['unique_name']}").status_code == 404
    nothing = system.api.patch(route, json=[changes[1]])
    assert nothing.status_code == 400
    assert nothing.json()["data"] == []


def test_every_error_of_a_list_says_which_item_why_and_what_to_do(
    system: System, photos: dict[str, bytes], three: list[dict[str, Any]]
) -> None:
    paper, taken = pdf(), three[0]
    failed = {
        "uuid": [
            problem(system.api.patch("/catalog", json=[{"uuid": UNKNOWN, "expired": True}])),
            problem(system.api.patch("/files", json=[{"uuid": taken["uuid"], "version": 9}])),
            problem(system.api.patch("/files", json=[{"uuid": taken["uuid"]}])),
            problem(system.api.request("DELETE", "/files", json=[{"uuid": UNKNOWN}])),
            problem(system.api.request("DELETE", "/files", json=[{"namespace": "PROD", "uuid": taken["uuid"]}])),
        ],
        "file": problems(
            system.api.post(
                "/files",
                files=[
                    ("files", (name, content))
                    for name, content in (
                        (taken["original_filename"], photos["china.jpg"]),
                        ("a.png", paper),
                        ("b.jpg", b""),
                        ("c/d.pdf", paper),
                    )
                ],
                data={"namespace": "DEV"},
            )
        ),
    }
    assert [error["code"] for error in failed["uuid"]] == [
        *("not_found", "bad_request", "bad_request", "not_found", "bad_request")
    ]
    assert [error["code"] for error in failed["file"]] == [
        *("already_exists", "type_unauthorized", "bad_request", "bad_request")
    ]
    for label, found in failed.items():
        for error in found:
            about = {"unique_name", "uuid"} if error["code"] == "already_exists" else {label}
            assert error.keys() == {label, "code", "message", "hint", "index"} | about
            assert all(value for name, value in error.items() if name != "index")
    assert [error["index"] for error in failed["file"]] == [0, 1, 2, 3]
    unfit = system.api.patch("/files", files=[("files", ("a.pdf", paper))], data={"uuids": taken["uuid"]})
    assert problem(unfit)["code"] == "not_replaceable"
    assert (problem(unfit)["file"], problem(unfit)["uuid"]) == ("a.pdf", taken["uuid"])


def test_several_files_are_deleted(system: System, three: list[dict[str, Any]]) -> None:
    one, two, left = (entry["uuid"] for entry in three)
    answer = system.api.request(
        "DELETE",
        "/files",
        json=[
            {"namespace": "DEV", "uuids": f"{one}, {UNKNOWN}"},
            {"namespace": "DEV", "uuid": two},
            {"namespace": "PROD", "uuids": [left]},
        ],
    )
    assert answer.status_code == 200
    assert [entry["uuid"] for entry in answer.json()["data"]] == [one, two]
    assert [error["uuid"] for error in problems(answer)] == [UNKNOWN, left]
    stored = system.stored_files()
    assert [entry["storage_key"] in stored for entry in three] == [False, False, True]


@pytest.mark.parametrize("body", [[], {}, [1], [{}], [{"uuids": 3}], [{"namespace": "DEV"}], "text"])
def test_a_list_that_is_none_is_refused(system: System, body: object) -> None:
    answer = system.api.request("DELETE", "/files", json=body)
    assert answer.status_code == 400
    assert problem(answer)["hint"]
    if body not in ([{"uuids": 3}], [{"namespace": "DEV"}]):
        assert system.api.patch("/catalog", json=body).status_code == 400


def test_an_entry_can_leave_and_its_file_stay_and_come_back(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    entry = system.upload(f"{name}.jpg", photos["china.jpg"], destination="stays", external_id="5")
    path = f"/assets/media/full/DEV/stays/{name}.webp"
    assert system.edge.get(path).status_code == 200
    left = system.api.delete(f"/catalog/{entry['uuid']}")
    assert (left.status_code, left.json()["data"]) == (200, [{**entry, "message": "Item deleted"}])
    assert system.edge.get(path).status_code == 404
    assert system.stored_files()[entry["storage_key"]] == entry["signature"]

    back = system.api.post("/catalog", json=entry)
    assert back.status_code == 201, back.text
    [adopted] = back.json()["data"]
    dates = {date: adopted[date] for date in ("uploaded_date", "updated_date", "content_date")}
    assert adopted == {**entry, **dates, **dict.fromkeys(FACTS)}
    assert system.described(entry["uuid"]) == {**entry, **dates}
    assert system.edge.get(path).status_code == 200
    assert system.edge.get(f"/assets/media/original/DEV/stays/{name}.jpg").content == photos["china.jpg"]
    again = system.api.post("/catalog", json=entry)
    assert again.status_code == 400
    assert problem(again)["message"] == "File already exists in catalog, please use patch instead."


def test_a_file_put_into_the_storage_can_be_catalogued_by_its_path_alone(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    stored = system.stack.data / "storage" / "DEV" / f"{name}.webp"
    stored.parent.mkdir(parents=True, exist_ok=True)
    stored.write_bytes(photos["astronaut.png"])
    [entry] = system.api.post("/catalog", json={"unique_name": f"/DEV/{name}.webp"}).json()["data"]
    assert entry["original_filename"] == f"{name}.png"
    assert entry["signature"] == hashlib.sha256(photos["astronaut.png"]).hexdigest()
    assert system.edge.get(f"/assets/media/full/DEV/{name}.webp").status_code == 200


@pytest.mark.parametrize(
    ("entry", "status", "advice"),
    [
        ({}, 400, "unique_name"),
        ({"unique_name": "/DEV/../x.webp"}, 400, "unique_name"),
        ({"unique_name": "/DEV/not-there.webp"}, 404, "upload it"),
        ({"unique_name": "/OTHER/x.webp"}, 403, "DEV"),
        ({"unique_name": "/DEV/known.webp", "signature": "0" * 64}, 400, "SHA-256"),
        ({"unique_name": "/DEV/known.png"}, 400, "name"),
        ({"unique_name": "/DEV/known.webp", "version": 0}, 400, "begin with 1"),
        ({"unique_name": "/DEV/known.webp", "original_filename": "other.jpg"}, 400, "one and the same"),
        ({"unique_name": "/DEV/text.webp"}, 400, "Store an image"),
        ({"unique_name": "/DEV/cut.webp"}, 400, "The JPEG file cannot be drawn: it is cut short"),
        ({"unique_name": "/DEV/empty.pdf"}, 400, "The PDF file cannot be drawn: it is damaged"),
    ],
)
def test_a_file_that_is_not_what_is_said_is_not_catalogued(
    system: System, photos: dict[str, bytes], entry: dict[str, Any], status: int, advice: str
) -> None:
    folder = system.stack.data / "storage" / "DEV"
    folder.mkdir(parents=True, exist_ok=True)
    photo = photos["china.jpg"]
    files = {"known.webp": photo, "known.png": photo, "text.webp": b"?", "cut.webp": photo[:9000]}
    files["empty.pdf"] = b"%PDF-1.4\n%%EOF\n"
    for file, content in files.items():
        (folder / file).write_bytes(content)
    answer = system.api.post("/catalog", json=entry)
    error = problem(answer)
    assert (answer.status_code, advice in f"{error['message']} {error.get('hint', '')}") == (status, True), error
    for file in files:
        (folder / file).unlink()  # Refusing it has left it where it was.


def test_the_whole_catalog_can_be_emptied_at_one_instant(
    make_system: Callable[..., System], photos: dict[str, bytes]
) -> None:
    system = make_system()
    uploaded = [system.upload(f"e{at}.jpg", photos["china.jpg"]) for at in range(5)]
    for entry in uploaded:
        assert system.edge.get(f"/assets/media/full{entry['unique_name']}?width=40").status_code == 200
    system.edge.get("/catalog")
    answer = system.api.delete("/catalog")
    assert answer.status_code == 200
    assert answer.json() == {"data": [], "errors": [], "problems": [], "removed": 5}
    assert answer.headers["x-purge"] == "done"
    for client in (system.api, system.edge):
        assert client.get("/catalog").json() == []
    for entry in uploaded:
        assert system.edge.get(f"/assets/media/full{entry['unique_name']}?width=40").status_code == 404
        assert entry["storage_key"] in system.stored_files()
    assert system.api.delete("/catalog").json()["removed"] == 0
    system.upload("e0.jpg", photos["flower.jpg"])
    assert system.edge.get("/assets/media/original/DEV/e0.jpg").content == photos["flower.jpg"]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("filterByKey=namespace&filterByValue=DEV", "filterByKey"),
        ("namespace=DEV", "namespace"),
        ("confirm=", "confirm"),
        ("confirm=all", "confirm"),
        ("confirm=-1", "confirm"),
        ("confirm=1e2", "confirm"),
        ("confirm=%D9%A1", "confirm"),
        ("confirm=1&confirm=1", "confirm"),
    ],
)
def test_emptying_the_catalog_takes_no_other_word(
    system: System, photos: dict[str, bytes], name: str, query: str, named: str
) -> None:
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    refused = system.api.delete(f"/catalog?{query}")
    assert refused.status_code == 400, refused.text
    assert f"'{named}'" in refused.text or f"{named} must be" in refused.text
    assert system.api.get(f"/catalog/{entry['uuid']}").status_code == 200


def test_more_than_a_hundred_entries_are_removed_only_by_their_number(make_system: Callable[..., System]) -> None:
    system = make_system()
    with redis.Redis(port=system.ports.redis) as client:
        for at, entry in enumerate(many(101)):
            client.hset(keys.ENTRIES, entry.key, entry_json.write(entry))
            client.zadd(keys.ORDER, {entry.key: at})
    for query in ("", "?confirm=100", "?confirm=0", "?confirm=999999999999999"):
        refused = system.api.delete(f"/catalog{query}")
        assert refused.status_code == 400, query
        assert "101 entries" in refused.text, query
        assert "confirm=101" in refused.text, query
    assert system.api.delete("/catalog?confirm=101").json()["removed"] == 101


def test_a_deletion_that_says_more_than_it_can_mean_deletes_nothing(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    chosen = {"namespace": "DEV", "uuids": [entry["uuid"]]}
    for more in ({"dry_run": True}, {"filterByKey": "information"}, {"older_than": "2020-01-01"}):
        refused = system.api.request("DELETE", "/files", json=[chosen, {**chosen, **more}])
        assert refused.status_code == 400, refused.text
        assert next(iter(more)) in refused.text
        assert system.api.get(f"/catalog/{entry['uuid']}").status_code == 200
    assert system.api.request("DELETE", "/files", json=[entry]).json()["data"][0]["uuid"] == entry["uuid"]
