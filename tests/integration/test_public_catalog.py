"""What the public sees of the catalog when it does not see all of it: requests as the cache tier sends them."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from services.catalog.settings import CatalogSettings
from services.core.assets import identity
from services.core.assets.entries import Entry
from services.core.state import keys
from services.core.state.connection import Redis
from tests.processes.redis_server import RedisServer
from tests.support.catalogs import CatalogUser, an_entry
from tests.support.problems import problem
from tests.support.service import running

PUBLIC = {"x-public": "1", "x-generation": "1"}


def at(seconds: float) -> str:
    return datetime.fromtimestamp(time.time() + seconds, UTC).isoformat()


def asset(name: str, namespace: str = "DEV", **fields: Any) -> Entry:
    path = f"/{namespace}/{name}.webp"
    own: dict[str, Any] = {
        "uuid": identity.asset_uuid(path),
        "namespace": namespace,
        "unique_name": path,
        "filename": f"{name}.webp",
    }
    return replace(an_entry(name), **own, **fields)


ENTRIES = {
    "shown": asset("shown", external_id="secret", tags=["red", "blue"]),
    "ends": asset("ends", expiration_date=at(3600)),
    "expired": asset("expired", expired=True),
    "past": asset("past", expiration_date=at(-1)),
    "soon": asset("soon", visible_from=at(3600)),
    "elsewhere": asset("elsewhere", "OLD"),
}
DELIVERED = {"shown", "ends"}


@pytest.fixture
async def catalog(client: Redis) -> CatalogUser:
    user = CatalogUser(client)
    for entry in ENTRIES.values():
        await user.entries.create(entry)
    return user


@asynccontextmanager
async def serving(
    server: RedisServer, client: Redis, folder: Path, **settings: Any
) -> AsyncIterator[httpx.AsyncClient]:
    settings = {"namespaces_allowed": ("DEV",), **settings}
    made = CatalogSettings(redis_url=server.url, data_folder_path=folder, **settings)
    async with running(made, client) as http:
        yield http


async def listed(http: httpx.AsyncClient, headers: dict[str, str] = PUBLIC, **query: str) -> list[dict[str, Any]]:
    answer = await http.get("/catalog", params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def names(found: list[dict[str, Any]]) -> set[str]:
    return {one["filename"].removesuffix(".webp") for one in found}


async def test_only_what_can_be_fetched_is_shown_to_the_public_and_everything_inside(
    server: RedisServer, client: Redis, tmp_path: Path, catalog: CatalogUser
) -> None:
    async with serving(server, client, tmp_path / "data", public_catalog="delivered") as http:
        inside: dict[str, str] = {}
        for query in ({}, {"limit": "2"}, {"filterByKey": "converted", "filterByValue": "true"}):
            assert names(await listed(http, PUBLIC, **query)) <= DELIVERED
        assert names(await listed(http)) == names(await listed(http, {"x-generation": "1"})) == DELIVERED
        assert names(await listed(http, inside)) == ENTRIES.keys()
        for name, entry in ENTRIES.items():
            for headers, is_shown in ((PUBLIC, name in DELIVERED), (inside, True)):
                answer = await http.get(f"/catalog/{entry.uuid}", headers=headers)
                assert answer.status_code == (200 if is_shown else 404)
                if is_shown:
                    assert answer.json()["data"][0]["external_id"] == entry.external_id
                else:
                    unknown = await http.get(f"/catalog/{identity.asset_uuid('/DEV/none.webp')}", headers=headers)
                    told = dict.fromkeys(("uuid", "message"), "")  # Both repeat the uuid that was asked for.
                    assert problem(answer) | told == problem(unknown) | told
        first = await http.get("/catalog", headers=PUBLIC)
        again = await http.get("/catalog", headers={**PUBLIC, "if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


async def test_pages_lead_to_all_that_is_shown_once(
    server: RedisServer, client: Redis, tmp_path: Path, catalog: CatalogUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(server, client, tmp_path / "data", public_catalog="delivered") as http:
        cursor, found = "", list[str]()
        while True:
            answer = await http.get("/catalog", params={"limit": "1", "cursor": cursor}, headers=PUBLIC)
            found += [one["filename"] for one in answer.json()]
            if "x-next-cursor" not in answer.headers:
                break
            cursor = answer.headers["x-next-cursor"]
        assert found == ["shown.webp", "ends.webp"]
        whole = await listed(http)
        monkeypatch.setattr(http._transport.app.state.context.public_list, "_most", 10)  # type: ignore[attr-defined]
        await catalog.entries.create(asset("another"))
        assert (await listed(http))[:2] == whole
        assert len(await listed(http)) == 3


@pytest.mark.parametrize("shows", ["true", "delivered"])
async def test_only_some_fields_are_shown_and_no_filter_tells_others(
    server: RedisServer, client: Redis, tmp_path: Path, catalog: CatalogUser, shows: str
) -> None:
    fields = ("filename", "public_url", "tags")
    async with serving(server, client, tmp_path / "data", public_catalog=shows, public_catalog_fields=fields) as http:
        [shown, *_] = await listed(http)
        assert shown == {
            "filename": "shown.webp",
            "public_url": "/assets/media/full/DEV/shown.webp",
            "tags": ["red", "blue"],
        }
        assert len(await listed(http)) == (len(ENTRIES) if shows == "true" else len(DELIVERED))
        page = (await http.get(f"/catalog/{ENTRIES['shown'].uuid}", headers=PUBLIC)).json()["data"]
        assert page == [shown]
        assert await listed(http, filterByKey="tags", filterByValue="red") == [shown]
        assert await listed(http, filterByKey="public_url", filterByValue=shown["public_url"]) == [shown]
        for field in ("external_id", "uuid", "more", "_nothing"):
            for value in ("secret", "null", "nothing"):
                asked = {"filterByKey": field, "filterByValue": value}
                refused = await http.get("/catalog", params=asked, headers=PUBLIC)
                assert refused.status_code == 400
                assert problem(refused) == {
                    "code": "bad_request",
                    "message": f"There is no filter by {field!r}.",
                    "hint": "Filter by one of: filename, public_url, tags.",
                }
        assert (await listed(http, {}, filterByKey="external_id", filterByValue="secret"))[0][
            "filename"
        ] == "shown.webp"


async def test_a_closed_catalog_has_nothing_for_the_public(
    server: RedisServer, client: Redis, tmp_path: Path, catalog: CatalogUser
) -> None:
    async with serving(server, client, tmp_path / "data", public_catalog="false") as http:
        for path in ("/catalog", "/catalog/", "/catalog?limit=1", f"/catalog/{ENTRIES['shown'].uuid}"):
            for method in ("GET", "HEAD"):
                answer = await http.request(method, path, headers=PUBLIC)
                assert answer.status_code == 404
                assert "shown" not in answer.text
                assert (await http.request(method, path)).status_code == 200


async def test_no_copy_of_the_list_or_of_a_page_is_good_after_time_changes_it(
    server: RedisServer, client: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, start = CatalogUser(client), int(time.time()) + 100
    dates = {"soon": {"visible_from": at(100)}, "ends": {"expiration_date": at(200)}, "always": {}}
    for name, date in dates.items():
        await user.entries.create(asset(name, **date))
    async with serving(server, client, tmp_path / "data", public_catalog="delivered") as http:
        assert names(await listed(http)) == {"ends", "always"}
        for seconds, shown in ((0, {"ends", "always"}), (105, {"soon", "ends", "always"}), (205, {"soon", "always"})):
            now = time.time() + seconds if seconds == 0 else start - 100 + seconds
            monkeypatch.setattr(time, "time", lambda now=now: now)
            answer = await http.get("/catalog", headers=PUBLIC)
            assert names(answer.json()) == shown
            kept = answer.headers["x-accel-expires"]
            ends = {0: start, 105: start + 100, 205: None}[seconds]
            if ends is None:
                assert kept == str(30 * 86400)
            else:
                assert now < int(kept.removeprefix("@")) <= ends
            for name in dates:
                page = await http.get(f"/catalog/{asset(name).uuid}", headers=PUBLIC)
                assert (page.status_code == 200) == (name in shown)
            monkeypatch.undo()


async def test_another_view_makes_what_the_caches_have_stale_once(
    server: RedisServer, client: Redis, tmp_path: Path, catalog: CatalogUser
) -> None:
    async def changes() -> int:
        return int(await client.xlen(keys.CHANGES))

    counts = []
    for settings in ({}, {}, {"public_catalog": "false"}, {"public_catalog": "false"}, {"public_catalog": "true"}):
        async with serving(server, client, tmp_path / "data", **settings) as http:
            assert (await http.get("/catalog", headers=PUBLIC)).headers["x-accel-expires"] != "0"
            counts.append(await changes())
    assert counts == [counts[0], counts[0], counts[0] + 1, counts[0] + 1, counts[0] + 2]
    async with (
        serving(server, client, tmp_path / "data", public_catalog="delivered") as old,
        serving(server, client, tmp_path / "data") as new,
    ):
        assert (await old.get("/catalog", headers=PUBLIC)).headers["x-accel-expires"] == "0"
        assert (await new.get("/catalog", headers=PUBLIC)).headers["x-accel-expires"] != "0"


async def test_a_namespace_that_is_no_longer_delivered_leaves_the_caches(
    server: RedisServer, client: Redis, tmp_path: Path, catalog: CatalogUser
) -> None:
    async def changes(**settings: Any) -> int:
        async with serving(server, client, tmp_path / "data", **settings):
            return int(await client.xlen(keys.CHANGES))

    for view, is_other in (("delivered", 1), ("true", 0)):
        both = await changes(public_catalog=view, namespaces_allowed=("DEV", "OLD"))
        assert await changes(public_catalog=view, namespaces_allowed=("OLD", "DEV")) == both
        assert await changes(public_catalog=view, namespaces_allowed=("DEV",)) == both + is_other


@pytest.mark.parametrize(
    "given", [{"public_catalog": "yes"}, {"public_catalog_fields": ("colour",)}, {"public_catalog": "Delivered"}]
)
def test_a_view_that_cannot_be_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CatalogSettings(**given)
