"""Taking files in: what an upload becomes, field by field, and what changes it later."""

import hashlib
import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from services.core.assets.facts import FACTS
from tests.processes.system import System
from tests.support.pdfs import pdf
from tests.support.problems import problem, problems

FIELDS = {
    *("uuid", "version", "namespace", "public_url", "unique_name", "filename", "original_filename", "base_url"),
    *("base_host", "external_id", "expired", "expiration_date", "information", "original_mimetype", "mimetype"),
    *("signature", "size", "original_size", "destination", "uploaded_date", "updated_date"),
}
ISO_8601 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d")


def test_an_upload_becomes_an_entry(system: System, photos: dict[str, bytes], name: str) -> None:
    answer = system.api.post(
        "/file", files={"file": (f"{name}.jpg", photos["china.jpg"], "image/jpeg")}, data={"namespace": "DEV"}
    )
    assert answer.status_code == 200
    assert problems(answer) == []
    [entry] = answer.json()["data"]
    assert set(entry) >= FIELDS
    edge = f"http://localhost:{system.ports.edge}"
    assert entry["public_url"] == f"{edge}/assets/media/full/DEV/{name}.webp"
    assert entry["base_url"] == f"{edge}/assets/media"
    assert entry["base_host"] == f"localhost:{system.ports.edge}"
    assert entry["unique_name"] == f"/DEV/{name}.webp"
    assert entry["filename"] == f"{name}.webp"
    assert entry["original_filename"] == f"{name}.jpg"
    assert entry["original_mimetype"] == "image/jpeg"
    assert entry["mimetype"] == "image/webp"
    assert entry["signature"] == hashlib.sha256(photos["china.jpg"]).hexdigest()
    assert entry["size"] == entry["original_size"] == len(photos["china.jpg"])
    assert (entry["version"], entry["namespace"], entry["destination"]) == (1, "DEV", "DEV")
    assert (entry["expired"], entry["expiration_date"], entry["external_id"]) == (False, None, None)
    assert ISO_8601.fullmatch(entry["uploaded_date"])
    assert ISO_8601.fullmatch(entry["updated_date"])
    assert str(uuid.UUID(entry["uuid"])) == entry["uuid"]
    # What is found out about the picture meanwhile is not looked at.
    unknown = dict.fromkeys(FACTS)
    shown = system.api.get(f"/catalog/{entry['uuid']}").json()
    assert [{**one, **unknown} for one in shown["data"]] == [{**entry, **unknown}]
    assert (shown["errors"], shown["problems"]) == ([], [])
    assert {**entry, **unknown} in [{**one, **unknown} for one in system.api.get("/catalog").json()]


@pytest.mark.parametrize("route", ["/file", "/upload"])
def test_fields_may_come_before_or_after_the_file(
    system: System, photos: dict[str, bytes], name: str, route: str
) -> None:
    fields = {
        "namespace": "PROD",
        "destination": "été/2026",
        "filename": f"{name} ünïque.jpg",
        "external_id": "42",
        "information": "a text",
        "expiration_date": "2099-01-31T18:00:00+01:00",
        "expired": "false",
    }
    parts = [(key, (None, value)) for key, value in fields.items()]
    file = ("file", ("upload.jpg", photos["china.jpg"], "image/jpeg"))
    half = len(parts) // 2
    answer = system.api.post(route, files=[*parts[:half], file, *parts[half:]])
    assert answer.status_code == 200, answer.text
    [entry] = answer.json()["data"]
    assert entry["unique_name"] == f"/PROD/ete/2026/{name}_unique.webp"
    assert entry["destination"] == "ete/2026"
    assert entry["original_filename"] == f"{name}_unique.jpg"
    assert entry["external_id"] == "42"
    assert entry["information"] == "a text"
    assert entry["expiration_date"] == "2099-01-31T17:00:00.000+00:00"
    assert system.edge.get(f"/assets/media/full{entry['unique_name']}").status_code == 200


@pytest.mark.parametrize("route", ["/files", "/uploads"])
def test_several_files_succeed_and_fail_one_by_one_in_their_order(
    system: System, photos: dict[str, bytes], name: str, route: str
) -> None:
    system.upload(f"{name}-2.jpg", photos["china.jpg"])
    files = [
        ("files", (f"{name}-1.jpg", photos["china.jpg"])),
        ("files", (f"{name}-2.png", photos["astronaut.png"])),
        ("files", (f"{name}-3.png", photos["coffee.png"])),
        ("files", (f"{name}-4.jpg", b"just text")),
    ]
    answer = system.api.post(route, files=files, data={"namespace": "DEV"})
    assert answer.status_code == 200
    assert [entry["filename"] for entry in answer.json()["data"]] == [f"{name}-1.webp", f"{name}-3.webp"]
    errors = problems(answer)
    assert [error["file"] for error in errors] == [f"{name}-2.png", f"{name}-4.jpg"]
    assert errors[0]["message"] == "File already exists in catalog, please use patch instead."
    again = system.api.post(route, files=files, data={"namespace": "DEV"})
    assert again.status_code == 400
    assert again.json()["data"] == []
    assert len(problems(again)) == 4


def test_names_are_made_safe(system: System, photos: dict[str, bytes]) -> None:
    entry = system.upload("test name forbidden.jpg", photos["china.jpg"])
    assert entry["filename"] == "test_name_forbidden.webp"
    assert entry["original_filename"] == "test_name_forbidden.jpg"


def test_two_uploads_that_end_in_one_path_are_one_asset(system: System, photos: dict[str, bytes], name: str) -> None:
    system.upload(f"{name}.png", photos["astronaut.png"])
    answer = system.api.post("/file", files={"file": (f"{name}.jpg", photos["china.jpg"])}, data={"namespace": "DEV"})
    assert answer.status_code == 400
    assert problem(answer)["message"] == "File already exists in catalog, please use patch instead."
    assert system.edge.get(f"/assets/media/original/DEV/{name}.png").content == photos["astronaut.png"]


def test_two_uploads_of_one_path_at_the_same_moment_make_one_file(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    def upload(content: bytes, to: str) -> httpx.Response:
        url = f"http://127.0.0.1:{system.ports.api}/file"
        return httpx.post(url, files={"file": (to, content)}, data={"namespace": "DEV"}, timeout=30)

    for turn in range(20):
        path = f"{name}-{turn}.jpg"
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(upload, (photos["china.jpg"], photos["flower.jpg"]), (path, path)))
        assert sorted(answer.status_code for answer in answers) == [200, 400]
        [won] = [answer.json()["data"][0] for answer in answers if answer.status_code == 200]
        stored = {key: sha for key, sha in system.stored_files().items() if f"{name}-{turn}." in key}
        assert stored == {won["storage_key"]: won["signature"]}


def test_a_replacement_is_the_next_version_of_the_same_asset(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    entry = system.upload(f"{name}.jpg", photos["china.jpg"], external_id="7")
    replaced = system.replace(entry["uuid"], "other.png", photos["astronaut.png"])
    kept = ("uuid", "public_url", "unique_name", "filename", "external_id", "uploaded_date")
    assert {key: replaced[key] for key in kept} == {key: entry[key] for key in kept}
    assert replaced["version"] == 2
    assert replaced["original_filename"] == f"{name}.png"
    assert replaced["original_mimetype"] == "image/png"
    assert replaced["signature"] == hashlib.sha256(photos["astronaut.png"]).hexdigest()
    assert system.edge.get(f"/assets/media/original/DEV/{name}.png").content == photos["astronaut.png"]
    assert entry["storage_key"] not in system.stored_files()


def test_a_file_and_fields_can_change_together(system: System, photos: dict[str, bytes], name: str) -> None:
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    answer = system.api.patch(
        f"/file/{entry['uuid']}",
        files={"file": ("x.jpg", photos["flower.jpg"])},
        data={"information": "both", "expired": "true"},
    )
    [changed] = answer.json()["data"]
    assert (changed["version"], changed["information"], changed["expired"]) == (2, "both", True)


def test_an_asset_is_described_by_forms_and_by_json(system: System, photos: dict[str, bytes], name: str) -> None:
    said = {"title": "Été", "alt": "A pagoda", "caption": "At noon", "credit": "A. Person"}
    entry = system.upload(f"{name}.jpg", photos["china.jpg"], **said, tags="pagoda, sky,pagoda", meta='{"shop": 7}')
    described = {**said, "tags": ["pagoda", "sky"], "meta": {"shop": 7}}
    assert {**entry, **described} == entry
    [listed] = system.edge.get(f"/catalog/{entry['uuid']}").json()["data"]
    assert {**listed, **described} == listed
    found = system.edge.get("/catalog", params={"filterByKey": "tags", "filterByValue": "sky"}).json()
    assert entry["uuid"] in [one["uuid"] for one in found]
    fields: dict[str, Any] = {"title": None, "tags": ["red, white"], "meta": {"public_url": "x", "unique_name": "y"}}
    answer = system.api.patch(f"/file/{entry['uuid']}", json=fields)
    [changed] = answer.json()["data"]
    assert {**changed, **described, **fields} == changed
    answer = system.api.patch(f"/file/{entry['uuid']}", files=[(key, (None, "")) for key in ("alt", "tags", "meta")])
    [changed] = answer.json()["data"]
    assert (changed["alt"], changed["tags"], changed["meta"]) == (None, [], {})
    refused: list[dict[str, Any]] = [{"tags": [1]}, {"tags": ["x" * 129]}, {"meta": []}, {"alt": "x" * 4097}]
    for wrong in (*refused, {"meta": {"a": "x" * 5000}}):
        assert system.api.patch(f"/catalog/{entry['uuid']}", json=wrong).status_code == 400, wrong
    assert system.api.get(f"/catalog/{entry['uuid']}").json()["data"][0]["tags"] == []


def test_an_unknown_field_of_a_form_is_named_in_the_answer(system: System, photos: dict[str, bytes], name: str) -> None:
    file = (f"{name}.jpg", photos["china.jpg"], "image/jpeg")
    unknown = "The form has a field 'captoin', which is unknown and had no effect. Did you mean 'caption'?"
    for route, part in (("/file", file), ("/files", (f"{name}-2.jpg", photos["china.jpg"], "image/jpeg"))):
        answer = system.api.post(route, files={route[1:]: part}, data={"namespace": "DEV", "captoin": "x"})
        assert answer.json()["warnings"] == [unknown]
        [entry] = answer.json()["data"]
    form = {"title": "x", "captoin": "x", "unique_name": entry["unique_name"]}
    fields: list[Any] = [(key, (None, value)) for key, value in form.items()]
    for parts in (fields, [*fields, ("file", file)]):
        answer = system.api.patch(f"/file/{entry['uuid']}", files=parts)
        assert answer.status_code == 200, answer.text
        assert answer.json()["warnings"] == [unknown]
    answer = system.api.patch(f"/file/{entry['uuid']}", files={"file": file}, data={"title": "y"})
    assert "warnings" not in answer.json()


@pytest.mark.parametrize("how", ["json file", "form file", "json catalog"])
def test_fields_change_without_a_new_version(system: System, photos: dict[str, bytes], name: str, how: str) -> None:
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    fields: dict[str, Any] = {"external_id": "9", "information": "changed", "expired": True}
    if how == "form file":
        form = [(key, (None, str(value).lower())) for key, value in fields.items()]
        answer = system.api.patch(f"/file/{entry['uuid']}", files=form)
    else:
        answer = system.api.patch(f"/{'file' if how == 'json file' else 'catalog'}/{entry['uuid']}", json=fields)
    assert answer.status_code == 200, answer.text
    [changed] = answer.json()["data"]
    page = f"http://localhost:{system.ports.edge}/catalog/{entry['uuid']}"
    assert changed.pop("catalogItemUrl", None) == (page if how == "json catalog" else None)
    assert changed == {**entry, **fields, "updated_date": changed["updated_date"]}
    assert changed["updated_date"] > entry["updated_date"]


def test_a_later_date_revives_what_its_date_had_expired(system: System, photos: dict[str, bytes], name: str) -> None:
    entry = system.upload(f"{name}.jpg", photos["china.jpg"], expiration_date="2020-01-01", expired="true")
    path = f"/assets/media/full/DEV/{name}.webp"
    assert system.edge.get(path).status_code == 404
    system.api.patch(f"/catalog/{entry['uuid']}", json={"expiration_date": "2099-01-01"})
    assert system.edge.get(path).status_code == 200


@pytest.mark.parametrize(
    ("first", "keep", "then", "keep_then", "message"),
    [
        ("china.jpg", "true", "doc.pdf", "true", "Mimetypes are not the same or conversion not allowed"),
        ("china.jpg", "true", "astronaut.png", "false", "Mimetypes are not the same or conversion not allowed"),
        ("doc.pdf", "true", "drawing.svg", "true", "Mimetypes are not the same or conversion not allowed"),
        ("china.jpg", "false", "astronaut.png", "true", "Replacement not allowed for files without conversion"),
        ("china.jpg", "true", "astronaut.png", "true", None),
        ("china.jpg", "false", "flower.jpg", "true", None),
        ("doc.pdf", "true", "doc.pdf", "true", None),
    ],
)
def test_what_may_replace_what(
    system: System,
    photos: dict[str, bytes],
    name: str,
    first: str,
    keep: str,
    then: str,
    keep_then: str,
    message: str | None,
) -> None:
    contents = {
        **photos,
        "doc.pdf": pdf(),
        "drawing.svg": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    }
    entry = system.upload(first, contents[first], filename=f"{name}.{first[-3:]}", toWebp=keep)
    before = system.stored_files()
    answer = system.api.patch(
        f"/file/{entry['uuid']}", files={"file": (then, contents[then])}, data={"toWebp": keep_then}
    )
    if message is None:
        assert answer.status_code == 200
        assert answer.json()["data"][0]["version"] == 2
    else:
        assert answer.status_code == 400
        assert problem(answer)["message"] == message
        assert system.api.get(f"/catalog/{entry['uuid']}").json()["data"] == [entry]
        assert system.stored_files() == before


def test_deleting_twice_is_not_found(system: System, photos: dict[str, bytes], name: str) -> None:
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    assert system.api.delete(f"/file/{entry['uuid']}").json()["data"] == [{**entry, "message": "Item deleted"}]
    answer = system.api.delete(f"/file/{entry['uuid']}")
    assert answer.status_code == 404
    assert entry["uuid"] in problem(answer)["message"]


def test_readiness_names_what_is_ready(system: System) -> None:
    answer = system.api.get("/readiness-check")
    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "redis": "ok", "storage": "ok"}
