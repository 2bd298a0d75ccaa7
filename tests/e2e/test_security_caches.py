"""Nobody can put into the caches what others then get, nor find there what was meant for somebody else."""

import itertools
from collections.abc import Callable

import httpx
import pytest

from services.core.assets.cache_tags import CacheTags
from tests.processes.system import System, get_as_is

pytestmark = pytest.mark.usefixtures("silent")

EVIL = "evil.example"
POISON = {
    "X-Forwarded-Host": EVIL,
    "X-Forwarded-Scheme": "nothttps",
    "X-Forwarded-Proto": "gopher",
    "X-Forwarded-Port": "666",
    "X-Forwarded-Prefix": f"//{EVIL}",
    "X-Forwarded-Server": EVIL,
    "X-Forwarded-For": EVIL,
    "X-Host": EVIL,
    "X-Real-IP": EVIL,
    "X-Original-URL": "/catalog",
    "X-Original-Host": EVIL,
    "X-Rewrite-URL": "/catalog",
    "X-HTTP-Method-Override": "DELETE",
    "X-Method-Override": "HEAD",
    "Forwarded": f"host={EVIL};proto=gopher",
    "Host": EVIL,
    "Origin": f"https://{EVIL}",
    "Referer": f"https://{EVIL}",
    "User-Agent": EVIL,
    "Accept": "text/html",
    "Accept-Language": "xx",
    "Accept-Encoding": "br, gzip, zstd",
    "Range": "bytes=0-9",
    "If-Range": '"x"',
    "If-None-Match": "*",
    "If-Match": '"x"',
    "If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT",
    "If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT",
    "Cache-Control": "no-store",
    "Pragma": "no-cache",
    "Authorization": "Bearer guess",
    "Cookie": f"session={EVIL}",
    "X-Cache-Key": "/assets/media/original/DEV/other.jpg",
    # In the future, where a tier would take it for a change that it has not heard of yet.
    "X-Generation": "4611686018427387",
    "X-Stored-Key": "/assets/media/original/DEV/other.jpg",
    "X-Accel-Expires": "31536000",
    "X-Accel-Redirect": "/catalog",
    "X-Edge-Expires": "31536000",
    "X-Request-Id": EVIL,
    "X-Signed-Form": "/",
    "X-Purge-Token": "guess",
    "TE": "trailers",
    "Expect": "100-continue",
    "Connection": "close, X-Generation, X-Cache-Key, Host",
    "Via": f"1.1 {EVIL}",
    "Surrogate-Control": "max-age=9999999",
}
VARYING = {"date", "x-request-id", "x-cache-status", "connection", "keep-alive"}
ADDRESSES: dict[str, Callable[[int], str]] = {
    # The bound is far above what the picture has: as many addresses of the same bytes as are needed.
    "picture": lambda number: f"/assets/media/full/DEV/poisoned.webp?width=20&max_kb={1000 + number}",
    "redirect": lambda number: f"/assets/media/full/DEV/poisoned.jpg?width={number}",
    "nothing": lambda number: f"/assets/media/original/DEV/nothing{number}.jpg",
}
TAGS = CacheTags("tada")
STATUSES = {"picture": 200, "redirect": 302, "nothing": 404}
NUMBERS = itertools.count(1)


def shown(answer: httpx.Response, path: str) -> tuple[int, dict[str, str], bytes]:
    """Return what a client sees of an answer, without what differs from one address to the next."""
    kept = {name: value for name, value in answer.headers.items() if name not in VARYING}
    kept["location"] = kept.get("location", "").replace(path.partition("?")[2], "")
    kept["etag"] = kept.get("etag", "")[:33]
    own = TAGS.of_asset("/" + path.partition("?")[0].split("/", 4)[-1])
    kept |= {name: kept.get(name, "").replace(own, "its own") for name in ("cache-tag", "surrogate-key")}
    return answer.status_code, kept, answer.content


@pytest.fixture(scope="module", autouse=True)
def entry(system: System, photos: dict[str, bytes]) -> dict[str, str]:
    made: dict[str, str] = system.upload("poisoned.jpg", photos["china.jpg"])
    return made


@pytest.mark.parametrize("kind", ADDRESSES)
@pytest.mark.parametrize("tier", ["edge", "api"])
def test_no_header_of_one_client_is_seen_by_the_next(system: System, tier: str, kind: str) -> None:
    port = getattr(system.ports, tier)
    untouched = ADDRESSES[kind](next(NUMBERS))
    expected = shown(get_as_is(port, untouched), untouched)
    assert expected[0] == STATUSES[kind]
    for name, value in POISON.items():
        path = ADDRESSES[kind](next(NUMBERS))
        poisoned = get_as_is(port, path, {name: value})
        assert poisoned.status_code < 500, name
        assert EVIL not in poisoned.text if kind != "picture" else True
        reflected = {header for header, said in poisoned.headers.items() if EVIL in said}
        # An entry of the private network takes the id of a request over; neither is kept with an answer.
        assert reflected <= ({"x-request-id"} if tier == "api" else set()), name
        assert shown(get_as_is(port, path), path) == expected, name


def test_a_client_cannot_choose_the_key_under_which_an_answer_is_kept(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    system.upload(f"{name}.jpg", photos["china.jpg"])
    system.upload(f"{name}-other.jpg", photos["flower.jpg"])
    own, other = (f"/assets/media/original/DEV/{name}{end}.jpg" for end in ("", "-other"))
    for client in (system.edge, system.api, system.cache):
        for key in (other, f"{other} {own}", "/catalog"):
            assert client.get(own, headers={"X-Cache-Key": key}).content == photos["china.jpg"]
        assert client.get(other).content == photos["flower.jpg"]
    # Kept under a foreign key, the next answer would survive the change of its own asset.
    [entry] = system.api.get(f"/catalog?filterByKey=unique_name&filterByValue=/DEV/{name}.webp").json()
    system.replace(entry["uuid"], "x.png", photos["coffee.png"])
    for client in (system.edge, system.api, system.cache):
        assert (
            client.get(f"/assets/media/original/DEV/{name}.webp", follow_redirects=True).content == photos["coffee.png"]
        )


CHOSEN = ("", "0", "1", "4611686018427387", "9" * 16, "9" * 40, "-1", "1e15", "0x7fffffffffff", "inf", "x")


@pytest.mark.parametrize("tier", ["edge", "api"])
def test_a_client_cannot_choose_the_generation_under_which_an_answer_is_kept(
    system: System, photos: dict[str, bytes], name: str, tier: str
) -> None:
    entries = {chosen: system.upload(f"{name}-{at}.jpg", photos["china.jpg"]) for at, chosen in enumerate(CHOSEN)}
    port = getattr(system.ports, tier)
    before = system.kept_keys()
    for generation, entry in entries.items():
        chosen = {"X-Generation": generation}
        for form in ("optimise/40x0", "original"):
            path = f"/assets/media/{form}{entry['unique_name']}"
            asked = get_as_is(port, path, chosen)
            seen = (asked.status_code in (200, 302), asked.headers["x-cache-status"])
            assert seen == (True, "MISS"), generation
            plain = get_as_is(port, path)
            assert (plain.content, plain.headers["x-cache-status"]) == (asked.content, "HIT"), (
                "it was kept as any other"
            )
            assert get_as_is(port, path, chosen).headers["x-cache-status"] == "HIT", generation
        for path in ("/catalog", f"/catalog/{entry['uuid']}"):
            answer = get_as_is(port, path, chosen)
            assert answer.status_code == 200, generation
            # The internal entry asks the catalog itself: its answer is for no cache.
            assert tier == "edge" or path != "/catalog" or answer.headers["cache-control"] == "no-cache"
    for key in system.kept_keys() - before:
        number = key.partition(".")[2].partition("/")[0]
        assert 0 < int(number) <= system.revision(), key
    for generation, entry in entries.items():
        system.replace(entry["uuid"], "x.jpg", photos["flower.jpg"])
        for headers in ({"X-Generation": generation}, {}):
            shown = get_as_is(port, f"/assets/media/original/DEV/{entry['original_filename']}", headers)
            assert shown.content == photos["flower.jpg"], generation


def test_who_asks_the_cache_tier_for_a_generation_that_is_not_there_yet_gets_nothing_that_is_kept(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    """Only an edge asks it, on the private network. An answer from before that change is not made nor kept."""
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    ahead = {"X-Generation": str(system.revision() + 60_000_000)}
    for path in (f"/assets/media/original/DEV/{name}.jpg", f"/catalog/{entry['uuid']}", "/catalog"):
        for _ in range(2):
            answer = system.cache.get(path, headers=ahead)
            assert (answer.status_code, answer.headers["x-cache-status"]) == (503, "MISS"), path
            assert answer.headers["retry-after"]
        for generation in ("0", "1", "x", str(system.revision() - 1)):
            assert system.cache.get(path, headers={"X-Generation": generation}).status_code == 200
        assert system.cache.get(path).headers["x-cache-status"] == "HIT", "an older one makes no key of its own"


def test_a_body_with_a_get_changes_nothing_and_is_not_kept(system: System, photos: dict[str, bytes], name: str) -> None:
    system.upload(f"{name}.jpg", photos["china.jpg"])
    path = f"/assets/media/full/DEV/{name}.webp?width=20"
    for client in (system.edge, system.api):
        fat = client.request("GET", path, content=b"width=40&quality=1", headers={"X-HTTP-Method-Override": "POST"})
        assert fat.content == client.get(path).content
    assert system.renders(f"/DEV/{name}.webp") == 1
    for override in ("X-HTTP-Method", "X-HTTP-Method-Override", "X-Method-Override"):
        for method in ("DELETE", "PURGE", "PATCH"):
            assert system.api.get("/catalog", headers={override: method}).status_code == 200
            assert system.edge.get(f"{path}&_method={method}", headers={override: method}).status_code == 200


def test_a_part_or_a_head_that_fills_a_cache_leaves_the_whole(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    system.upload(f"{name}.jpg", photos["china.jpg"])
    path = f"/assets/media/original/DEV/{name}.jpg"
    assert system.edge.get(path, headers={"Range": "bytes=5-9"}).content == photos["china.jpg"][5:10]
    assert system.edge.get(path).content == photos["china.jpg"]
    path = f"/assets/media/full/DEV/{name}.webp?width=31"
    assert system.edge.head(path).content == b""
    assert len(system.edge.get(path).content) > 100
    plain = system.edge.get("/catalog", headers={"Accept-Encoding": "identity"}).content
    for coding in ("br", "gzip", "br;q=0", "*", "zstd"):
        system.edge.get("/catalog?x=1", headers={"Accept-Encoding": coding})
        assert system.edge.get("/catalog", headers={"Accept-Encoding": "identity"}).content == plain, coding
        assert system.edge.get("/catalog", headers={"Accept-Encoding": "gzip"}).content == plain, coding


@pytest.mark.parametrize(
    "tail",
    [
        "/x.css",
        "/x.jpg",
        ";x.css",
        "%2fx.css",
        "%3fx.css",
        "%23x.css",
        "%0ax.css",
        "%00.css",
        ".css",
        "/..%2fx.css",
        "//x.css",
    ],
)
def test_what_is_not_for_the_caches_does_not_get_there_under_the_name_of_a_picture(
    system: System, entry: dict[str, str], tail: str
) -> None:
    for port in (system.ports.edge, system.ports.api):
        for private in (
            "/readiness-check",
            "/jobs",
            "/catalog/get-dump/latest",
            f"/catalog/{entry['uuid']}",
            "/openapi.json",
        ):
            for _ in range(2):
                answer = get_as_is(port, f"{private}{tail}", {"Authorization": "Bearer of-somebody"})
                assert answer.status_code in (400, 401, 404), (private, tail)
                assert answer.headers.get("x-cache-status") in (None, "BYPASS", "MISS"), (private, tail)
                assert answer.headers["content-type"] == "application/json"


def test_no_answer_of_the_api_is_kept_by_a_browser_or_a_proxy_for_long(system: System, entry: dict[str, str]) -> None:
    for path in ("/readiness-check", "/jobs", "/catalog", f"/catalog/{entry['uuid']}", "/nothing"):
        said = system.api.get(path).headers["cache-control"]
        assert "no-store" in said or "no-cache" in said or "max-age=1" in said, path


@pytest.mark.parametrize("change", [str.upper, str.swapcase, str.title])
def test_another_case_of_a_path_is_another_address(system: System, change: Callable[[str], str]) -> None:
    for path in ("/assets/media/full/DEV/poisoned.webp", "/catalog"):
        other = change(path)
        assert system.edge.get(other).status_code == 404, other
        assert system.edge.get(path).status_code == 200
