"""Rate limits as clients meet them, through the real gateway."""

import itertools
from collections.abc import Callable
from uuid import UUID, uuid4

import httpx
import pytest

from tests.processes.system import REPLICAS, System
from tests.support.problems import problem
from tools.stack.ports import free_ports

MakeSystem = Callable[..., System]


def refused(answers: list[httpx.Response]) -> list[bool]:
    return [answer.status_code == 429 for answer in answers]


def test_two_replicas_refuse_together_and_forged_addresses_change_nothing(make_system: MakeSystem) -> None:
    system = make_system(start=False, RATE_LIMIT="4", RATE_LIMIT_WINDOW_MS="600000")
    [port] = free_ports(1)
    system.add("catalog-b", "catalog", PORT=str(port))
    system.start()
    numbers = itertools.count(1)

    def ask() -> httpx.Response:
        return system.api.get("/catalog", headers={"X-Forwarded-For": f"192.0.2.{next(numbers)}"})

    first = ask()
    assert first.headers["ratelimit-policy"] == '"all";q=4;w=600'
    assert first.headers["ratelimit"] == '"all";r=3;t=150'
    seen = {"X-Forwarded-For": "127.0.0.1"}  # As the gateway would say it.
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as other:
        assert refused([ask(), other.get("/catalog", headers=seen), ask(), ask()]) == [False, False, False, True]
        answer = other.get("/catalog", headers=seen)
        assert (answer.status_code, problem(answer)["code"]) == (429, "too_many_requests")
        assert 0 < int(answer.headers["retry-after"]) <= 150
        # Those whose addresses were forged have all of theirs left.
        assert other.get("/catalog", headers={"X-Forwarded-For": "192.0.2.1"}).headers["ratelimit"] == '"all";r=3;t=150'
    assert not any(refused([system.api.get("/readiness-check") for _ in range(10)]))


def test_a_visitor_of_the_edge_has_a_budget_of_its_own_and_takes_none_from_others(make_system: MakeSystem) -> None:
    system = make_system(RATE_LIMIT="3", RATE_LIMIT_WINDOW_MS="600000", TRUSTED_PROXIES="127.0.0.1")
    asked = [
        system.edge.get(f"/catalog/{uuid4()}", headers={"X-Forwarded-For": "1.2.3.4, 203.0.113.9"}) for _ in range(5)
    ]
    assert [answer.status_code for answer in asked] == [404, 404, 404, 429, 429]
    assert all("ratelimit" not in answer.headers for answer in asked[:3])
    assert system.edge.get("/catalog", headers={"X-Forwarded-For": "1.2.3.4"}).status_code == 200
    # Cached: nobody is asked, nothing is counted.
    cached = [system.edge.get("/catalog", headers={"X-Forwarded-For": "203.0.113.9"}) for _ in range(5)]
    assert not any(refused(cached))


def test_writes_have_a_limit_of_their_own(make_system: MakeSystem, photos: dict[str, bytes]) -> None:
    system = make_system(MEDIA_API_RATE_LIMIT="2", MEDIA_API_RATE_LIMIT_WINDOW_MS="600000")
    system.upload("a.jpg", photos["china.jpg"])
    system.upload("b.jpg", photos["china.jpg"])
    answer = system.api.post("/file", files={"file": ("c.jpg", b"\xff\xd8\xff" + bytes(9_000_000))})
    assert answer.status_code == 429
    assert answer.headers["ratelimit"].startswith('"writes";r=0;t=')
    assert len(system.api.get("/catalog").json()) == 2


def test_an_address_is_read_from_the_storage_so_often_and_delivered_from_the_caches_as_often_as_asked(
    make_system: MakeSystem, photos: dict[str, bytes]
) -> None:
    system = make_system(DELEGATED_STORAGE_RATE_LIMIT="2", DELEGATED_STORAGE_RATE_LIMIT_WINDOW="600000")
    entry = system.upload("a.jpg", photos["china.jpg"])

    def ask() -> httpx.Response:
        return system.edge.get("/assets/media/optimise/100x0/DEV/a.webp")

    assert ask().status_code == 200
    assert ask().status_code == 200, "from a cache, which is not counted"
    for photo in ("flower.jpg", "china.jpg"):
        answer = system.api.patch(f"/file/{entry['uuid']}", files={"file": ("a.jpg", photos[photo])})
        assert answer.status_code == 200
        last = ask()
    assert last.status_code == 429
    assert int(last.headers["retry-after"]) > 0
    assert system.edge.get("/assets/media/optimise/120x0/DEV/a.webp").status_code == 200
    # A refusal is not remembered by a cache: the same address is asked again.
    assert (ask().status_code, ask().headers["x-cache-status"]) == (429, "MISS")


def test_the_limit_that_the_older_service_shipped_shows_a_page_with_six_sizes_of_a_picture(
    make_system: MakeSystem, photos: dict[str, bytes]
) -> None:
    system = make_system(DELEGATED_STORAGE_RATE_LIMIT="5", DELEGATED_STORAGE_RATE_LIMIT_WINDOW="30000")
    system.upload("a.jpg", photos["china.jpg"])
    paths = [f"/assets/media/optimise/{width}x0/DEV/a.webp" for width in (100, 110, 120, 130, 140, 150)]
    paths += ["/assets/media/full/DEV/a.webp", "/assets/media/original/DEV/a.jpg"]
    assert [system.edge.get(path).status_code for path in paths] == [200] * 8


@pytest.mark.parametrize("path", ["/catalog", f"/catalog/{UUID(int=1)}"])
def test_without_redis_the_limit_is_not_what_fails(make_system: MakeSystem, path: str) -> None:
    system = make_system(RATE_LIMIT="2", RATE_LIMIT_WINDOW_MS="600000")
    system.kill("redis")
    answers = [system.api.get(path) for _ in range(5)]
    assert {answer.status_code for answer in answers} == {503}
    assert system.log("catalog").count('"event":"limits_off"') == REPLICAS, "each process says it once"
    system.start("redis")
