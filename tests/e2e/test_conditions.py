"""Conditions, ranges and what varies, as clients speak HTTP: at the edge and at the internal entry."""

import time
from typing import Any

import httpx
import pytest

from tests.processes.system import System

LATER, EARLIER = "Fri, 01 Jan 2100 00:00:00 GMT", "Sat, 01 Jan 2000 00:00:00 GMT"


@pytest.fixture
def asset(system: System, photos: dict[str, bytes], name: str) -> dict[str, Any]:
    return system.upload(f"{name}.jpg", photos["china.jpg"])


def forms(entry: dict[str, Any]) -> list[str]:
    original = entry["unique_name"].replace(".webp", ".jpg")
    return [f"/assets/media/original{original}", f"/assets/media/optimise/60x0{entry['unique_name']}"]


def test_the_first_condition_decides_and_a_later_date_is_no_older_copy(system: System, asset: dict[str, Any]) -> None:
    for path in forms(asset):
        for client in (system.edge, system.edge, system.api):
            whole = client.get(path)
            etag, date = whole.headers["etag"], whole.headers["last-modified"]
            for headers, status in (
                ({"If-Modified-Since": date}, 304),
                ({"If-Modified-Since": LATER}, 304),
                ({"If-Modified-Since": EARLIER}, 200),
                ({"If-None-Match": etag, "If-Modified-Since": EARLIER}, 304),
                ({"If-None-Match": '"other"', "If-Modified-Since": LATER}, 200),
                ({"If-Match": etag, "If-Unmodified-Since": EARLIER}, 200),
                ({"If-Match": '"other"', "If-Unmodified-Since": LATER}, 412),
                ({"If-Unmodified-Since": EARLIER}, 412),
            ):
                answer = client.get(path, headers=headers)
                assert (path, headers, answer.status_code) == (path, headers, status)


def test_a_change_of_no_byte_leaves_both_validators_good(
    system: System, asset: dict[str, Any], photos: dict[str, bytes]
) -> None:
    before = [system.edge.get(path).headers for path in forms(asset)]
    time.sleep(1.1)
    assert system.api.patch(f"/catalog/{asset['uuid']}", json={"information": "a caption"}).status_code == 200
    files = {"file": ("again.jpg", photos["china.jpg"])}
    assert system.api.patch(f"/file/{asset['uuid']}", files=files).json()["data"][0]["version"] == 2
    for path, headers in zip(forms(asset), before, strict=True):
        for client in (system.edge, system.api):
            for condition in (
                {"If-Modified-Since": headers["last-modified"]},
                {"If-None-Match": headers["etag"], "If-Modified-Since": headers["last-modified"]},
            ):
                assert client.get(path, headers=condition).status_code == 304, condition


def test_two_versions_within_a_second_are_never_mixed(
    system: System, asset: dict[str, Any], photos: dict[str, bytes]
) -> None:
    [path, _] = forms(asset)
    first = system.edge.get(path).headers
    files = {"file": ("other.jpg", photos["flower.jpg"])}
    assert system.api.patch(f"/file/{asset['uuid']}", files=files).status_code == 200
    for client in (system.edge, system.edge, system.api):
        for condition in (first["last-modified"], first["etag"]):
            answer = client.get(path, headers={"Range": "bytes=100-", "If-Range": condition})
            assert (answer.status_code, answer.content) == (200, photos["flower.jpg"])
        assert client.get(path, headers={"If-Modified-Since": first["last-modified"]}).status_code == 200
        current = client.get(path).headers
        part = client.get(path, headers={"Range": "bytes=100-199", "If-Range": current["etag"]})
        assert (part.status_code, part.content) == (206, photos["flower.jpg"][100:200])


@pytest.mark.parametrize(
    "ranges", ["0-0,2-2", ",".join(f"{at}-{at}" for at in range(0, 1400, 2)), "0-,0-,0-", "0-9,-9"]
)
def test_ranges_together_are_no_more_than_the_file(
    system: System, asset: dict[str, Any], photos: dict[str, bytes], ranges: str
) -> None:
    [path, _] = forms(asset)
    for client in (system.edge, system.edge, system.api):
        answer = client.get(path, headers={"Range": f"bytes={ranges}"})
        assert (answer.status_code, answer.content) == (200, photos["china.jpg"])


def test_the_head_of_a_part_is_that_of_the_whole(
    system: System, asset: dict[str, Any], photos: dict[str, bytes]
) -> None:
    [path, _] = forms(asset)
    for client in (system.edge, system.edge, system.api):
        head = client.head(path, headers={"Range": "bytes=0-4"})
        assert (head.status_code, head.headers["content-length"]) == (200, str(len(photos["china.jpg"])))


def listed(client: httpx.Client, path: str, **headers: str) -> httpx.Response:
    return client.get(path, headers={"Accept-Encoding": "gzip", **headers})


def test_pages_of_the_catalog_say_that_they_are_compressed_and_are_not_sent_twice(
    system: System, asset: dict[str, Any], photos: dict[str, bytes], name: str
) -> None:
    for number in range(3):
        system.upload(f"{name}-{number}.jpg", photos["china.jpg"])
    for path in (
        "/catalog",
        "/catalog?limit=2",
        f"/catalog/{asset['uuid']}",
        "/catalog?filterByKey=namespace&filterByValue=DEV",
    ):
        for client in (system.edge, system.edge, system.api):
            whole = listed(client, path)
            again = listed(client, path, **{"If-None-Match": whole.headers["etag"]})
            assert (path, again.status_code, again.content) == (path, 304, b"")
            assert listed(client, path, **{"If-None-Match": '"other"'}).status_code == 200
            for answer in (whole, again, client.head(path)):
                varies = [part.strip().lower() for part in answer.headers["vary"].split(",")]
                assert varies.count("accept-encoding") == 1, answer.headers
            assert len(whole.headers.get_list("x-content-type-options")) == 1
