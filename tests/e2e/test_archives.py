"""Many files in one ZIP, at the internal entry of a whole system."""

import io
from collections.abc import Callable
from typing import Any
from zipfile import ZipFile

import httpx
import pytest

from tests.processes.system import System
from tests.support.pdfs import pdf
from tests.support.problems import problem


def made(system: System, **chosen: Any) -> str:
    """Return the address of an archive."""
    answer = system.api.post("/catalog/archives", json=chosen)
    assert answer.status_code == 201, answer.text
    [said] = answer.json()["data"]
    assert answer.headers["location"] == said["url"]
    return str(said["url"])


def members(answer: httpx.Response) -> dict[str, bytes]:
    assert answer.status_code == 200, answer.text
    found = ZipFile(io.BytesIO(answer.content))
    assert found.testzip() is None
    return {name: found.read(name) for name in found.namelist()}


def test_the_files_of_a_search_or_of_a_list_are_one_zip(system: System, photos: dict[str, bytes], name: str) -> None:
    content = photos["china.jpg"]
    entry = system.upload(f"{name}.jpg", content, destination=name)
    leaflet = system.upload(f"{name}.pdf", pdf("one"), destination=f"{name}/below")
    whole = {f"DEV/{name}/{name}.jpg": content, f"DEV/{name}/below/{name}.pdf": pdf("one")}
    url = made(system, search={"folder": f"/DEV/{name}"})
    head = system.api.head(url)
    assert (head.status_code, head.headers["content-type"]) == (200, "application/zip")
    answer = system.api.get(url)
    assert members(answer) == {f"DEV/{name}/{name}.jpg": content}
    assert answer.headers["content-disposition"].startswith('attachment; filename="files-')
    assert (answer.headers["cache-control"], answer.headers["x-content-type-options"]) == ("no-store", "nosniff")
    assert "content-encoding" not in answer.headers

    used = system.api.get(url)
    assert (used.status_code, problem(used)["code"]) == (403, "ticket_not_valid")
    assert members(system.api.get(made(system, search={"folder": f"/DEV/{name}", "recursive": True}))) == whole
    assert members(system.api.get(made(system, uuids=[entry["uuid"], leaflet["uuid"], entry["uuid"].upper()]))) == whole


def test_files_that_are_gone_are_named_and_the_others_are_there(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    stays, goes, moves = (
        system.upload(f"{name}-{which}.jpg", photos["flower.jpg"]) for which in ("stays", "goes", "moves")
    )
    unknown = "00000000-0000-5000-8000-000000000000"
    uuids = [stays["uuid"], goes["uuid"], moves["uuid"], unknown]
    answer = system.api.post("/catalog/archives", json={"uuids": uuids})
    assert answer.json()["not_found"] == [unknown]
    assert answer.json()["data"][0]["count"] == 3
    system.api.delete(f"/file/{goes['uuid']}")
    system.api.patch(f"/file/{moves['uuid']}", json={"destination": name})
    found = members(system.api.get(answer.json()["data"][0]["url"]))
    assert list(found) == [f"DEV/{name}/{name}-moves.jpg", f"DEV/{name}-stays.jpg", "MISSING.txt"]
    assert f"/DEV/{name}-goes.webp: It was deleted." in found["MISSING.txt"].decode()


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({}, "An archive needs either search or uuids."),
        ({"uuids": [], "search": {}}, "An archive needs either search or uuids."),
        ({"uuids": []}, "uuids has no uuid."),
        ({"uuids": ["cat"]}, "'cat' is not a uuid."),
        ({"search": {"limit": 5}}, "A search in JSON does not take the argument 'limit'."),
        ({"search": {}, "format": "webp"}, "An archive has no field 'format'."),
    ],
)
def test_what_is_no_choice_of_files_is_refused(system: System, chosen: dict[str, Any], message: str) -> None:
    answer = system.api.post("/catalog/archives", json=chosen)
    assert (answer.status_code, problem(answer)["message"]) == (400, message)


@pytest.mark.parametrize(
    "chosen", [{"uuids": ["00000000-0000-5000-8000-000000000000"]}, {"search": {"folder": "/DEV/no-such-folder"}}]
)
def test_there_is_no_archive_of_no_file(system: System, chosen: dict[str, Any]) -> None:
    answer = system.api.post("/catalog/archives", json=chosen)
    assert (answer.status_code, problem(answer)["message"]) == (404, "There is no file for the archive.")


def test_only_a_ticket_opens_an_archive(system: System) -> None:
    assert system.api.get("/catalog/archives").status_code == 400
    for ticket in ("x", "é" * 500, "A" * 43):
        assert problem(system.api.get("/catalog/archives", params={"ticket": ticket}))["code"] == "ticket_not_valid"
    assert system.edge.get("/catalog/archives?ticket=x").status_code in (400, 404)
    assert system.edge.post("/catalog/archives", json={"search": {}}).status_code == 405


def test_a_reader_sees_that_an_archive_is_cut(make_system: Callable[..., System]) -> None:
    system = make_system()
    for at in range(4):
        system.upload(f"large-{at}.pdf", pdf("x") + bytes([at]) * 9_000_000)
    url = made(system, search={"type": "application/pdf"})
    with system.api.stream("GET", url) as answer:
        pieces = answer.iter_bytes()
        next(pieces)
        system.kill("catalog")
        with pytest.raises(httpx.RemoteProtocolError):
            list(pieces)
    system.start("catalog")
    # Somebody who leaves in the middle does not keep others out, and the address is still good.
    for _ in range(6):
        with system.api.stream("GET", url) as answer:
            next(answer.iter_bytes())
    assert len(members(system.api.get(url))) == 4
