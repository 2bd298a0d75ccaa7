"""Addresses with a version (`?v=`), and the tags of answers: what browsers and CDNs may keep."""

from collections.abc import Callable
from hashlib import md5

import httpx

from tests.processes.system import System

YEAR = "public, max-age=31536000, immutable, s-maxage=60, stale-while-revalidate=60, stale-if-error=2592000"
USUAL = "public, max-age=60, stale-while-revalidate=60, stale-if-error=2592000"


def kept(answer: httpx.Response) -> str:
    return answer.headers["cache-control"]


def tags(*paths: str) -> list[str]:
    return ["tada", *(f"tada-{md5(path.encode(), usedforsecurity=False).hexdigest()[:12]}" for path in paths)]


def assert_tags(answer: httpx.Response, *paths: str) -> None:
    assert answer.headers["cache-tag"].split(",") == tags(*paths)
    assert answer.headers["surrogate-key"].split(" ") == tags(*paths)
    assert "x-fingerprint" not in answer.headers


def test_the_address_of_an_entry_with_its_version_is_good_for_a_year(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    address = entry["versioned_url"].replace(entry["base_url"], "/assets/media")
    version = address.partition("?v=")[2]
    assert version == entry["signature"][:12]
    for client in (system.edge, system.api):
        for _ in range(2):  # A miss and a hit.
            assert kept(client.get(address)) == YEAR
    first, again = (system.edge.get(f"/assets/media/optimise/90x0/DEV/{name}.webp{q}") for q in (f"?v={version}", ""))
    assert (kept(first), kept(again), again.headers["x-cache-status"]) == (YEAR, USUAL, "HIT")
    # Beside arguments, on a part and on a validation.
    assert kept(system.edge.get(f"{address}&width=50&download=1")) == YEAR
    original = f"/assets/media/original/DEV/{name}.jpg?v={version}"
    assert kept(system.edge.get(original, headers={"Range": "bytes=0-9"})) == YEAR
    known = system.edge.get(address, headers={"If-None-Match": system.edge.get(address).headers["etag"]})
    assert (known.status_code, kept(known)) == (304, YEAR)


def test_a_version_that_is_not_that_of_the_answer_changes_nothing(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    path, old = f"/assets/media/full/DEV/{name}.webp", entry["signature"][:12]
    assert kept(system.edge.get(f"{path}?v={old}")) == YEAR
    for wrong in ("", old[:11], f"{old}0", old.upper(), f"{old}-0.5-0.5", "1", f"{old}%20", f"x&v={old}"):
        assert kept(system.edge.get(f"{path}?v={wrong}")) == USUAL, wrong
    # Other bytes, and another focal point, make other renditions.
    new = system.replace(entry["uuid"], f"{name}.jpg", photos["flower.jpg"])
    assert kept(system.edge.get(f"{path}?v={old}")) == USUAL
    assert kept(system.edge.get(f"{path}?v={new['signature'][:12]}")) == YEAR
    pointed = system.api.patch(f"/catalog/{entry['uuid']}", json={"focus_x": 0.25, "focus_y": 0.5}).json()["data"][0]
    assert kept(system.edge.get(f"{path}?v={new['signature'][:12]}")) == USUAL
    assert pointed["versioned_url"].endswith(f"?v={new['signature'][:12]}-0.25-0.5")
    assert kept(system.edge.get(f"{path}?{pointed['versioned_url'].partition('?')[2]}")) == YEAR


def test_nothing_that_may_change_is_good_for_a_year(system: System, photos: dict[str, bytes], name: str) -> None:
    path = f"/assets/media/full/DEV/{name}.webp"
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    v = f"v={entry['signature'][:12]}"
    original = f"/assets/media/original/DEV/{name}.jpg?{v}"
    missing = system.edge.get(f"/assets/media/full/DEV/{name}-missing.webp?{v}")
    redirect = system.edge.get(f"/assets/media/original/DEV/{name}.webp?{v}")
    assert (missing.status_code, redirect.status_code) == (404, 302)
    assert redirect.headers["location"].endswith(f".jpg?{v}")
    signed = system.edge.get(f"{path}?{v}&expires=9999999999")
    assert not any("immutable" in kept(answer) for answer in (missing, redirect, signed))
    for _ in range(2):
        beyond = system.edge.get(original, headers={"Range": "bytes=99999999-"})
        assert (beyond.status_code, kept(beyond)) == (416, "no-store")
    system.api.patch(f"/catalog/{entry['uuid']}", json={"expiration_date": "2099-01-01T00:00:00Z"})
    assert kept(system.edge.get(f"{path}?{v}")) == "public, max-age=60"
    system.api.patch(f"/catalog/{entry['uuid']}", json={"expiration_date": None, "expired": True})
    placeholder = system.edge.get(f"{path}?{v}")
    assert (placeholder.status_code, kept(placeholder)) == (404, "public, max-age=1")


def test_every_answer_for_an_asset_has_its_tags(system: System, photos: dict[str, bytes], name: str) -> None:
    stem = f"/DEV/shop/{name}"
    paths = ("/DEV/", "/DEV/shop/", stem)
    before = system.edge.get(f"/assets/media/full{stem}.webp")
    entry = system.upload(f"{name}.jpg", photos["china.jpg"], destination="shop")
    for _ in range(2):  # A miss and a hit.
        picture = system.edge.get(f"/assets/media/optimise/80x0/image{stem}.webp?x=1")
        original = system.api.get(f"/assets/media/original{stem}.jpg")
        redirect = system.edge.get(f"/assets/media/full{stem}.jpg")
        page = system.edge.get(f"/catalog/{entry['uuid']}")
        known = system.edge.get(picture.url.raw_path.decode(), headers={"If-None-Match": picture.headers["etag"]})
        part = system.edge.get(f"/assets/media/original{stem}.jpg", headers={"Range": "bytes=0-1"})
        found = [before, picture, original, redirect, page, known, part]
        assert [answer.status_code for answer in found] == [404, 200, 200, 302, 200, 304, 206]
        for answer in found:
            assert_tags(answer, *paths)
    assert_tags(system.edge.get("/catalog"))
    system.api.patch(f"/catalog/{entry['uuid']}", json={"expired": True})
    assert_tags(system.edge.get(f"/assets/media/full{stem}.webp"), *paths)
    system.api.patch(f"/file/{entry['uuid']}", json={"expired": False, "destination": "moved"})
    moved = system.edge.get(f"/assets/media/full{stem}.webp")
    assert moved.status_code == 301
    assert_tags(moved, *paths)


def test_a_cdn_may_keep_for_longer_what_it_is_purged_of(
    make_system: Callable[..., System], photos: dict[str, bytes], name: str
) -> None:
    system = make_system(CDN_SECONDS="86400", CDN_TAGS="shop-2", CDN_VARNISH="http://127.0.0.1:9")
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    path = f"/assets/media/full/DEV/{name}.webp"
    answer = system.edge.get(path)
    assert kept(answer) == USUAL.replace("max-age=60", "max-age=60, s-maxage=86400")
    assert answer.headers["cache-tag"].split(",")[0] == "shop-2"
    versioned = system.edge.get(f"{path}?v={entry['signature'][:12]}")
    assert kept(versioned) == YEAR.replace("s-maxage=60", "s-maxage=86400")
    assert kept(system.edge.get("/assets/media/full/DEV/none.webp")) == "public, max-age=1, s-maxage=60"
    for page in ("", f"/{entry['uuid']}", f"/{'0' * 32}"):
        assert "s-maxage" not in kept(system.edge.get(f"/catalog{page}"))
