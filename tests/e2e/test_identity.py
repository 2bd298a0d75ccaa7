"""A uuid is the MD5 of the path. Every route takes it in any spelling, and the caches have one copy for all of them."""

from hashlib import md5

import httpx
import pytest

from tests.processes.system import System
from tests.support.problems import problem

SPELLINGS = {
    "with dashes": lambda uuid: uuid,
    "without dashes": lambda uuid: uuid.replace("-", ""),
    "upper case": lambda uuid: uuid.upper(),
    "upper case without dashes": lambda uuid: uuid.replace("-", "").upper(),
}


@pytest.fixture
def uuid(system: System, photos: dict[str, bytes], name: str) -> str:
    found: str = system.upload(f"{name}.jpg", photos["china.jpg"])["uuid"]
    return found


def status(answer: httpx.Response) -> str:
    return answer.headers["x-cache-status"]


def test_a_uuid_is_the_md5_of_the_path(uuid: str, name: str) -> None:
    digits = md5(f"/DEV/{name}.webp".encode(), usedforsecurity=False).hexdigest()
    assert uuid == "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_route_takes_every_spelling(
    system: System, photos: dict[str, bytes], uuid: str, name: str, spelling: str
) -> None:
    spelled = SPELLINGS[spelling](uuid)
    told = {"information": spelling}
    answers = [
        system.api.get(f"/catalog/{spelled}"),
        system.edge.get(f"/catalog/{spelled}"),
        system.api.patch(f"/catalog/{spelled}", json=told),
        system.api.patch("/catalog", json=[{"uuid": spelled, **told}]),
        system.api.patch(f"/file/{spelled}", files={"file": (f"{name}.jpg", photos["china.jpg"])}),
        system.api.patch("/files", files=[("files", ("x.jpg", photos["china.jpg"]))], data={"uuids": spelled}),
        system.api.get("/catalog", params={"filterByKey": "uuid", "filterByValue": spelled}),
        system.api.request("DELETE", "/files", json=[{"namespace": "DEV", "uuids": [spelled]}]),
    ]
    for answer in answers:
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert [entry["uuid"] for entry in (found if isinstance(found, list) else found["data"])] == [uuid], answer.url
    assert system.api.get(f"/catalog/{spelled}").status_code == 404


def test_one_file_cannot_be_named_twice_in_two_spellings(system: System, photos: dict[str, bytes], uuid: str) -> None:
    files = [("files", ("x.jpg", photos["china.jpg"])), ("files", ("x.jpg", photos["flower.jpg"]))]
    answer = system.api.patch("/files", files=files, data={"uuids": f"{uuid},{uuid.replace('-', '').upper()}"})
    assert (answer.status_code, len(answer.json()["data"]), problem(answer)["index"]) == (200, 1, 1)


def test_all_spellings_are_one_copy_in_the_caches_and_stale_after_one_change(system: System, uuid: str) -> None:
    pages = [f"/catalog/{spell(uuid)}" for spell in SPELLINGS.values()]
    system.edge.get(pages[0])
    assert [status(system.edge.get(page)) for page in pages] == ["HIT"] * 4
    for page in pages:
        assert system.api.patch(page, json={"information": page}).headers["x-purge"] == "done"
        seen = [system.edge.get(other) for other in pages]
        assert [status(answer) for answer in seen] == ["MISS", "HIT", "HIT", "HIT"]
        assert {answer.json()["data"][0]["information"] for answer in seen} == {page}
    assert system.api.request("DELETE", f"/file/{pages[3].removeprefix('/catalog/')}").headers["x-purge"] == "done"
    assert {system.edge.get(page).status_code for page in pages} == {404}


@pytest.mark.parametrize("text", ["cat", "0", "-" * 36, "4952e690-e09713ba-e37c-6b12-b95ff5ce", "g" * 32])
def test_what_is_not_a_uuid_is_not_found_and_not_kept(system: System, text: str) -> None:
    for client in (system.api, system.edge):
        assert client.get(f"/catalog/{text}").status_code == 404
    assert f"/catalog/{text}" not in system.kept_addresses()
