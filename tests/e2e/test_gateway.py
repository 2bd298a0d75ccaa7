"""The two tiers: what they keep, what they do when something behind them is gone, and what they never do."""

import collections
import io
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.processes.system import System, get_as_is
from tests.support.problems import problem


def test_the_second_request_is_answered_by_the_edge(system: System, photos: dict[str, bytes], name: str) -> None:
    system.upload(f"{name}.jpg", photos["china.jpg"])
    path = f"/assets/media/optimise/90x0/DEV/{name}.webp"
    first, second = system.edge.get(path), system.edge.get(path)
    assert (first.headers["x-cache-status"], second.headers["x-cache-status"]) == ("MISS", "HIT")
    assert first.content == second.content
    assert system.cache.get(path).headers["x-cache-status"] == "HIT"
    assert system.api.get(path).headers["x-cache-status"] == "HIT"
    assert system.renders(f"/DEV/{name}.webp") == 1


def test_only_what_changes_the_bytes_makes_another_cache_entry(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    system.upload(f"{name}.jpg", photos["china.jpg"])
    groups = [
        [
            f"/assets/media/optimise/90x0/DEV/{name}.webp",
            f"/assets/media/optimise/90x0/DEV/{name}.webp?utm_source=x&v=1",
            f"/assets/media/optimise/090x00/DEV/{name}.webp",
            f"/assets/media/optimise/90x0/image/DEV/{name}.webp",
            f"/assets/media/optimise/90x0/%44EV/{name}.webp",
            f"/assets/media/optimise//90x0/DEV/./x/../{name}.webp",
            f"/assets/media/optimise/90x0/DEV/{name}.webp?width=17&height=3",
            f"/assets/media/optimise/90x0/DEV/{name}.webp?quality=0",
        ],
        [
            f"/assets/media/full/DEV/{name}.webp?width=90&quality=50",
            f"/assets/media/full/DEV/{name}.webp?quality=50&width=90",
            f"/assets/media/full/DEV/{name}.webp?x=y&quality=050&width=0090&height=0",
            f"/assets/media/full/DEV/{name}.webp?width=90&width=91&quality=50",
        ],
        [
            f"/assets/media/original/DEV/{name}.jpg",
            f"/assets/media/original/image/DEV/{name}.jpg",
            f"/assets/media/original/DEV/{name}.jpg?width=90&quality=4&format=avif&crop=smart",
        ],
        # What has no box is not cut, and what has a size is WebP anyhow.
        [
            f"/assets/media/optimise/91x0/DEV/{name}.webp",
            f"/assets/media/optimise/91x0/DEV/{name}.webp?format=webp&fit=fill&crop=smart&dpr=1&max_kb=0",
            f"/assets/media/optimise/91x0/DEV/{name}.webp?fit=contain&crop=0.1,0.9&accept=avif&preset=",
        ],
        [
            f"/assets/media/optimise/90x80/DEV/{name}.webp",
            f"/assets/media/optimise/90x80/DEV/{name}.webp?fit=cover&crop=",
        ],
        # The middle is a point like others: the asset may have a focal point of its own.
        [
            f"/assets/media/optimise/90x80/DEV/{name}.webp?crop=0.5,0.5",
            f"/assets/media/optimise/90x80/DEV/{name}.webp?fit=cover&crop=0.50%2c0.5",
        ],
        [
            f"/assets/media/optimise/90x80/DEV/{name}.webp?format=jpeg&crop=0.1,0.95&dpr=1.5&max_kb=20",
            f"/assets/media/optimise/90x80/DEV/{name}.webp?max_kb=020&dpr=1.5&crop=0.10%2c0.95&Format=jpg&x=y",
        ],
        [
            f"/assets/media/full/DEV/{name}.webp?width=90&height=70&fit=contain",
            f"/assets/media/full/DEV/{name}.webp?fit=contain&crop=smart&height=70&width=090",
        ],
        [
            f"/assets/media/full/DEV/{name}.webp?width=90&height=70&crop=0,1",
            f"/assets/media/full/DEV/{name}.webp?crop=0.00,1.0&height=70&width=090&fit=cover",
        ],
        [f"/assets/media/full/DEV/{name}.webp?dpr=2", f"/assets/media/full/DEV/{name}.webp?dpr=3&fit=fill"],
        [
            f"/assets/media/optimise/92x0/DEV/{name}.webp?blur=2.5",
            f"/assets/media/optimise/92x0/DEV/{name}.webp?Blur=02.50&x=y&format=webp",
        ],
    ]
    for group in groups:
        bodies = set()
        for at, path in enumerate(group):
            answer = get_as_is(system.ports.edge, path)
            assert answer.headers["x-cache-status"] == ("MISS" if at == 0 else "HIT"), path
            bodies.add(answer.content)
        assert len(bodies) == 1
    assert system.renders(f"/DEV/{name}.webp") == len(groups) - 1, "all but the original are rendered, once"


def test_a_question_mark_inside_a_name_meets_no_other_entry(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    system.upload(f"{name}.jpg", photos["china.jpg"])
    system.edge.get(f"/assets/media/full/DEV/{name}.webp?width=50")
    assert get_as_is(system.ports.edge, f"/assets/media/full/DEV/{name}.webp%3Fwidth=50").status_code == 404


def test_a_hundred_requests_at_once_cause_one_render(system: System, photos: dict[str, bytes], name: str) -> None:
    system.upload(f"{name}.jpg", photos["china.jpg"])
    path = f"/assets/media/optimise/555x0/DEV/{name}.webp"
    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(lambda _: httpx.get(f"{system.edge.base_url}{path}", timeout=60), range(100)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert system.renders(f"/DEV/{name}.webp") == 1


def test_what_the_edge_holds_is_served_while_everything_behind_is_down(
    make_system: Callable[..., System], photos: dict[str, bytes], name: str
) -> None:
    system = make_system(EDGE_CACHE_SECONDS="1", CACHE_SECONDS="1")
    system.upload(f"{name}.jpg", photos["china.jpg"])
    path = f"/assets/media/optimise/90x0/DEV/{name}.webp"
    fresh = system.edge.get(path)
    for victim in ("transform", "nginx-cache"):
        system.kill(victim)
        time.sleep(2.1)  # Longer than both tiers may call it fresh.
        statuses: collections.Counter[str] = collections.Counter()
        for _ in range(5):
            answer = system.edge.get(path)
            assert (answer.status_code, answer.content) == (200, fresh.content), victim
            statuses[answer.headers["x-cache-status"]] += 1
        assert statuses["STALE"] + statuses["UPDATING"] > 0, (victim, statuses)
    other = system.edge.get(f"/assets/media/optimise/91x0/DEV/{name}.webp")
    assert other.status_code == 503
    assert other.headers["retry-after"]
    assert problem(other)["hint"]
    system.start("transform", "nginx-cache")
    assert system.edge.get(f"/assets/media/optimise/91x0/DEV/{name}.webp").status_code == 200


def test_an_expiring_asset_is_never_served_stale(
    make_system: Callable[..., System], photos: dict[str, bytes], name: str
) -> None:
    system = make_system()
    end = time.time() + 3
    date = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end))
    system.upload(f"{name}.jpg", photos["china.jpg"], expiration_date=date)
    path = f"/assets/media/optimise/90x0/DEV/{name}.webp"
    assert system.edge.get(path).status_code == 200
    system.kill("transform")
    assert system.edge.get(path).headers["x-cache-status"] == "HIT"
    time.sleep(max(0.0, int(end) - time.time()) + 0.05)
    assert system.edge.get(path).status_code == 503


def test_what_was_cached_is_still_there_after_a_restart(
    make_system: Callable[..., System], photos: dict[str, bytes], name: str
) -> None:
    system = make_system()
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    path = f"/assets/media/original/DEV/{name}.jpg"
    system.edge.get(path)
    for tier in ("nginx-cache", "nginx-edge"):
        system.end(tier)
        system.start(tier)
    for client in (system.edge, system.cache):
        assert client.get(path).headers["x-cache-status"] == "HIT"
    system.replace(entry["uuid"], "x.jpg", photos["flower.jpg"])
    assert system.edge.get(path).content == photos["flower.jpg"]


def test_the_edge_only_reads(system: System, photos: dict[str, bytes]) -> None:
    files = {"file": ("x.jpg", photos["china.jpg"])}
    assert system.edge.post("/file", files=files, data={"namespace": "DEV"}).status_code == 405
    assert system.edge.delete("/catalog").status_code == 405
    assert system.edge.request("PURGE", "/assets/media/full/DEV/x.webp").status_code == 405


@pytest.mark.parametrize("tier", ["edge", "cache", "api"])
def test_what_nginx_itself_refuses_is_json_too(system: System, tier: str) -> None:
    client = getattr(system, tier)
    too_long = client.get(f"/assets/media/full/DEV/{'x' * 20_000}.webp")
    too_much = client.get("/catalog", headers={"X-Long": "x" * 20_000})
    traced = client.request("TRACE", "/catalog")
    for answer, status in ((too_long, 400), (too_much, 400), (traced, 405)):
        assert answer.status_code == status
        assert problem(answer)["hint"]


@pytest.mark.parametrize("tier", ["edge", "cache", "api"])
def test_a_condition_or_a_range_that_cannot_be_met_is_json_too(
    system: System, photos: dict[str, bytes], name: str, tier: str
) -> None:
    system.upload(f"{name}.jpg", photos["china.jpg"])
    path = f"/assets/media/original/DEV/{name}.jpg"
    client = getattr(system, tier)
    size = len(photos["china.jpg"])
    # Both by what comes from behind and by what is kept.
    for _ in range(2):
        changed = client.get(path, headers={"If-Match": '"other"'})
        beyond = client.get(path, headers={"Range": f"bytes={size}-"})
        for answer, status in ((changed, 412), (beyond, 416)):
            assert answer.status_code == status
            assert answer.headers["content-type"] == "application/json"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert problem(answer)["hint"]
        assert beyond.headers["content-range"] == f"bytes */{size}"
        assert client.get(path).content == photos["china.jpg"]


def test_a_reading_request_with_a_long_body_is_refused(system: System) -> None:
    for client, path in ((system.edge, "/catalog"), (system.api, "/assets/media/full/DEV/x.webp")):
        answer = client.request("GET", path, content=bytes(2_000_000))
        assert answer.status_code == 413
        # What is left of the body is not read, and the client is told not to send another request after it.
        assert answer.headers["connection"] == "close"
        assert problem(answer)["hint"]


@pytest.mark.parametrize("path", ["/catalog", "/assets/media/original/DEV/{name}.jpg"])
def test_a_client_of_http_1_0_needs_no_host(system: System, photos: dict[str, bytes], name: str, path: str) -> None:
    system.upload(f"{name}.jpg", photos["china.jpg"])
    for port in (system.ports.edge, system.ports.api):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(f"GET {path.format(name=name)} HTTP/1.0\r\n\r\n".encode())
            assert connection.recv(100).split(b" ")[1] == b"200"


def test_a_method_is_refused_in_json_also_while_the_service_is_down(make_system: Callable[..., System]) -> None:
    system = make_system()
    system.kill("catalog")
    for method in ("TRACE", "PUT"):
        answer = system.api.request(method, "/catalog")
        assert answer.status_code == 503
        assert problem(answer)["hint"]


@pytest.mark.parametrize(
    "path",
    ["/", "/file", "/readiness-check", "/assets", "/catalog/create-dump", "/openapi.json", "/x.jpg", "/index.html"],
)
def test_the_edge_has_nothing_else(system: System, path: str) -> None:
    answer = system.edge.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/json"
    assert problem(answer)["hint"] == "Assets are below /assets/media, the catalog is at /catalog."


def test_a_favicon_costs_nothing(system: System) -> None:
    assert system.edge.get("/favicon.ico").status_code == 204


def test_under_a_prefix_everything_is_below_it(
    make_system: Callable[..., System], photos: dict[str, bytes], name: str
) -> None:
    system = make_system(API_PREFIX="/prefix", PUBLIC_URL="https://media.example.com")
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    assert entry["public_url"] == f"https://media.example.com/prefix/assets/media/full/DEV/{name}.webp"
    assert entry["base_url"] == "https://media.example.com/prefix/assets/media"
    assert entry["base_host"] == "media.example.com"
    path = f"/prefix/assets/media/full/DEV/{name}.webp"
    assert system.edge.get(path).status_code == 200
    assert system.edge.get(path).headers["x-cache-status"] == "HIT"
    assert system.edge.get(path.removeprefix("/prefix")).status_code == 404
    assert system.edge.get("/prefix/catalog").json() == [entry]
    assert system.api.get("/prefix/catalog").json() == [entry]
    assert system.api.get(path).status_code == 200
    redirected = system.edge.get(f"/prefix/assets/media/original/DEV/{name}.webp?x=1")
    assert redirected.headers["location"] == f"/prefix/assets/media/original/DEV/{name}.jpg?x=1"
    assert system.edge.get(f"/prefix/purge{path}").status_code == 403
    system.replace(entry["uuid"], "x.jpg", photos["flower.jpg"])
    assert system.edge.get(f"/prefix/assets/media/original/DEV/{name}.jpg").content == photos["flower.jpg"]


@pytest.mark.parametrize(("prefix", "catalog"), [("", "/catalog"), ("/prefix", "/list")])
def test_a_slash_at_the_end_changes_nothing(
    make_system: Callable[..., System], photos: dict[str, bytes], name: str, prefix: str, catalog: str
) -> None:
    """The older service did not tell /catalog/ from /catalog."""
    system = make_system(API_PREFIX=prefix, ROUTE_CATALOG_GET=catalog)
    form: dict[str, Any] = {"files": {"file": (f"{name}.jpg", photos["china.jpg"])}, "data": {"namespace": "DEV"}}
    [entry] = system.api.post(f"{prefix}/file/", **form).json()["data"]
    entry = system.described(entry["uuid"])
    page = f"{prefix}{catalog}/{entry['uuid']}/"
    for client in (system.api, system.edge):
        assert client.get(f"{prefix}{catalog}/").json() == [entry]
        assert client.get(page).json()["data"] == [entry]
        assert client.get(f"{prefix}{catalog}/{entry['uuid'].upper()}/").json()["data"] == [entry]
    assert system.api.patch(f"{prefix}/file/{entry['uuid']}/", json={"information": "new"}).status_code == 200
    # One cache entry for both, made stale by that change.
    for path in (f"{prefix}{catalog}/?x=1", page):
        for spelling, status in ((path, "MISS"), (path.replace("/?x=1", ""), "HIT"), (path.rstrip("/"), "HIT")):
            answer = system.edge.get(spelling)
            assert (answer.headers["x-cache-status"], spelling) == (status, spelling)
            assert b'"information":"new"' in answer.content
    assert system.kept_addresses() == {"/catalog", f"/catalog/{entry['uuid']}"}
    assert system.api.get(f"{prefix}/readiness-check/").json()["ready"] is True
    assert system.api.get(f"{prefix}/openapi.json/").status_code == 200
    assert system.api.put(f"{prefix}{catalog}/").headers["allow"] == "DELETE, GET, HEAD, PATCH, POST"
    for nothing in ("/file//", "/nothing/"):
        answer = system.api.post(f"{prefix}{nothing}", **form)
        assert (answer.status_code, problem(answer)["code"]) == (404, "not_found")
    assert system.edge.get(f"{prefix}/file/").status_code == 404
    assert system.api.request("DELETE", f"{prefix}/file/{entry['uuid']}/").status_code == 200
    assert system.edge.get(page).status_code == 404


def test_a_size_written_in_another_way_is_refused_or_the_same(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    """What the tiers take for another request must not be the same to the service behind them."""
    system.upload(f"{name}.jpg", photos["china.jpg"])
    for path in (
        f"/assets/media/full/DEV/{name}.webp?width=%32",
        f"/assets/media/full/DEV/{name}.webp?width=+2",
        f"/assets/media/optimise/%EF%BC%92x0/DEV/{name}.webp",
        f"/assets/media/optimise/2x0;/DEV/{name}.webp",
        f"/assets/media/optimise/2x2/DEV/{name}.webp?fit=Contain",
        f"/assets/media/optimise/2x2/DEV/{name}.webp?format=JPEG",
        f"/assets/media/optimise/2x2/DEV/{name}.webp?crop=Smart",
        f"/assets/media/optimise/2x2/DEV/{name}.webp?crop=0.5.0,1",
        f"/assets/media/optimise/2x2/DEV/{name}.webp?crop=10,1",
        f"/assets/media/optimise/2x2/DEV/{name}.webp?dpr=%32",
    ):
        assert get_as_is(system.ports.edge, path).status_code in (400, 404), path
    assert system.renders(f"/DEV/{name}.webp") == 0


def test_of_hundreds_of_forms_all_are_cached_and_all_are_stale_after_one_change(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    """There is no list that could become full."""

    def small(photo: bytes) -> bytes:
        out = io.BytesIO()
        Image.open(io.BytesIO(photo)).resize((64, 48)).save(out, "JPEG")
        return out.getvalue()

    entry = system.upload(f"{name}.jpg", small(photos["china.jpg"]))
    forms = [
        f"/assets/media/optimise/{width}x{height}/DEV/{name}.webp" for width in range(8, 28) for height in range(20)
    ]

    def shown(client: httpx.Client) -> tuple[collections.Counter[str], set[str]]:
        """Return what the cache says to all forms, and which versions they show."""
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(client.get, forms))
        assert {answer.status_code for answer in answers} == {200}
        statuses = collections.Counter(answer.headers["x-cache-status"] for answer in answers)
        return statuses, {answer.headers["etag"][1:33] for answer in answers}

    replaced = entry
    for turn in range(2):
        version = {replaced["signature"][:32]}
        assert shown(system.edge) == ({"MISS": len(forms)}, version), turn
        for client in (system.edge, system.cache):
            assert shown(client) == ({"HIT": len(forms)}, version), turn
        replaced = system.replace(entry["uuid"], "x.jpg", small(photos["flower.jpg"]))
    assert shown(system.cache) == ({"MISS": len(forms)}, {replaced["signature"][:32]})


def test_connections_between_the_tiers_are_kept_open(system: System, photos: dict[str, bytes], name: str) -> None:
    system.upload(f"{name}.jpg", photos["china.jpg"])
    # A connection that is closed after each answer stays in TIME_WAIT, by its port, for a minute.
    before = _connections_to(system.ports.transform)
    for width in range(20, 60):
        assert system.edge.get(f"/assets/media/optimise/{width}x0/DEV/{name}.webp").status_code == 200
    assert len(_connections_to(system.ports.transform) - before) < 5


def _connections_to(port: int) -> set[str]:
    """Return the local addresses of all TCP connections to a local port, those just closed among them."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {local for _, local, remote, *_ in rows if int(remote.rpartition(":")[2], 16) == port}
