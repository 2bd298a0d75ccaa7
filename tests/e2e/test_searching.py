"""A search finds what the catalog has, whatever dies meanwhile."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import httpx
import pytest

from tests.processes.system import System
from tests.support.waits import wait_until

CLIENTS, CHANGES = 4, 150
WORDS = ("summer", "winter", "été")
FOLDERS = ("some", "some/deep", "some/other")


def searched(system: System, **arguments: str) -> Iterator[dict[str, Any]]:
    """Yield everything that a search finds, page by page."""
    cursor: str | None = ""
    while cursor is not None:
        body = system.api.get("/catalog/search", params={**arguments, "limit": "100", "cursor": cursor}).json()
        assert body["current"]
        yield from body["data"]
        cursor = body["cursor"]


def facet(body: dict[str, Any], name: str) -> dict[str, int]:
    return {one["value"]: one["count"] for one in body["facets"][name]}


def is_ready(system: System) -> bool:
    with suppress(httpx.TransportError):
        answer = system.api.get("/catalog/search")
        return answer.status_code == 200 and bool(answer.json()["current"])
    return False


@pytest.mark.parametrize("victim", ["catalog", "redis", "jobs"])
def test_after_a_kill_a_search_finds_what_the_catalog_has(
    make_system: Callable[..., System], photos: dict[str, bytes], victim: str
) -> None:
    system = make_system()
    url = f"http://127.0.0.1:{system.ports.api}"
    answered = threading.Semaphore(0)

    def change(client: httpx.Client, chance: random.Random, mine: list[str], name: str) -> None:
        if mine and chance.random() < 0.2:
            client.delete(f"/file/{mine.pop()}")
        elif mine and chance.random() < 0.4:
            fields = {"information": chance.choice(WORDS), "tags": chance.sample(WORDS, 2)}
            client.patch(f"/catalog/{chance.choice(mine)}", json=fields)
        else:
            files, form = (
                {"file": (f"{name}.jpg", photos["china.jpg"])},
                {"namespace": "DEV", "destination": chance.choice(FOLDERS)},
            )
            answer = client.post("/file", files=files, data=form)
            if answer.status_code == 200:
                mine.append(answer.json()["data"][0]["uuid"])

    def work(number: int) -> None:
        chance, mine = random.Random(number), list[str]()
        with httpx.Client(base_url=url, timeout=30) as client:
            for step in range(CHANGES):
                with suppress(httpx.TransportError):
                    change(client, chance, mine, f"{number}-{step}")
                answered.release()

    with ThreadPoolExecutor(CLIENTS) as pool:
        workers = [pool.submit(work, number) for number in range(CLIENTS)]
        for _ in range(CLIENTS * CHANGES // 3):
            answered.acquire()
        system.kill(victim)
        system.start(victim)
        for worker in workers:
            worker.result()
    wait_until(lambda: is_ready(system))
    system.wait_until_described()
    listed = system.api.get("/catalog").json()
    assert len(listed) > CHANGES // 5
    by_name = {entry["unique_name"]: entry for entry in listed}
    assert {entry["unique_name"]: entry for entry in searched(system)} == by_name
    for word in WORDS:
        wanted = {name for name, entry in by_name.items() if word in (entry["information"], *entry["tags"])}
        found = searched(system, q=word, folder="/DEV/some", recursive="true")
        assert {entry["unique_name"] for entry in found} == wanted
    counted = system.api.get("/catalog/search", params={"facets": "folder,tag,type"}).json()
    assert (counted["total"], counted["total_exact"], counted["facets_exact"]) == (len(listed), True, True)
    assert facet(counted, "tag") == Counter(tag for entry in listed for tag in entry["tags"])
    assert facet(counted, "folder") == Counter(entry["unique_name"].rpartition("/")[0] for entry in listed)
    assert facet(counted, "type") == {"image/jpeg": len(listed)}
    folder = system.api.get("/catalog/folders", params={"parent": "/DEV/some"}).json()["folder"]
    assert (folder["all_entries"], folder["all_bytes"]) == (len(listed), sum(entry["size"] for entry in listed))


def test_the_public_cannot_search(make_system: Callable[..., System]) -> None:
    system = make_system()
    for path in ("/catalog/search", "/catalog/folders"):
        assert system.api.get(path).status_code in (200, 503)
        assert httpx.get(f"http://127.0.0.1:{system.ports.edge}{path}").status_code == 404
