"""People who log in, beside programs, at a whole catalog service."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from services.catalog.settings import CatalogSettings
from services.core.state.connection import Redis
from tests.processes.redis_server import RedisServer
from tests.support.issuer import AUDIENCE, TestIssuer
from tests.support.pictures import RED, encoded, marked
from tests.support.problems import problem
from tests.support.service import running

PHOTO = encoded(marked((64, 48), RED), "JPEG")


@pytest.fixture
def issuer() -> Iterator[TestIssuer]:
    made = TestIssuer()
    yield made
    made.stop()


@pytest.fixture
async def http(
    server: RedisServer, client: Redis, tmp_path: Path, issuer: TestIssuer
) -> AsyncIterator[httpx.AsyncClient]:
    folder = tmp_path / "data"
    folder.mkdir()
    settings = CatalogSettings(
        redis_url=server.url,
        data_folder_path=folder,
        namespaces_allowed=("DEV", "SHOP"),
        purge_wait_seconds=0,
        media_token="s3cret",
        oidc_issuer=issuer.address,
        oidc_audience=AUDIENCE,
        oidc_groups_claim="realm_access.roles",
        oidc_roles="editors=write:DEV;admins=admin:*",
    )
    async with running(settings, client) as made:
        yield made


def bearer(issuer: TestIssuer, *groups: str) -> dict[str, str]:
    return {"authorization": f"Bearer {issuer.token(realm_access={'roles': groups})}"}


async def upload(http: httpx.AsyncClient, headers: dict[str, str], namespace: str = "DEV") -> httpx.Response:
    form = {"namespace": namespace, "filename": "cat.jpg"}
    return await http.post("/file", files={"file": ("cat.jpg", PHOTO)}, data=form, headers=headers)


async def test_a_person_does_what_the_groups_may_do(http: httpx.AsyncClient, issuer: TestIssuer) -> None:
    editor = bearer(issuer, "editors")
    made = await upload(http, editor)
    assert made.status_code == 200, made.text
    [event] = (await http.get("/events", params={"after": "0"}, headers=editor)).json()["data"]
    assert event["who"] == "oidc:anna"
    assert (await upload(http, editor, "SHOP")).status_code == 403
    assert (await http.get("/jobs", headers=editor)).status_code == 403
    assert (await http.get("/jobs", headers=bearer(issuer, "admins"))).status_code == 200
    assert (await upload(http, bearer(issuer, "visitors"))).status_code == 403
    assert problem(await upload(http, {}))["code"] == "unauthorized"
    assert (await http.get("/jobs", headers={"authorization": "Bearer s3cret"})).status_code == 200
    assert (await http.get("/catalog")).status_code == 200


async def test_a_page_is_told_how_to_log_in(http: httpx.AsyncClient, issuer: TestIssuer) -> None:
    answer = await http.get("/auth")
    assert answer.json()["data"] == [
        {"issuer": issuer.address, "client_id": AUDIENCE, "scopes": "openid profile email"}
    ]
    assert answer.headers["cache-control"] == "no-store"


async def test_without_its_issuer_only_people_have_to_wait(server: RedisServer, client: Redis, tmp_path: Path) -> None:
    away = TestIssuer()
    away.stop()
    folder = tmp_path / "data"
    folder.mkdir()
    settings = CatalogSettings(
        redis_url=server.url,
        data_folder_path=folder,
        media_token="s3cret",
        oidc_issuer=away.address,
        oidc_audience=AUDIENCE,
        oidc_roles="editors=write:DEV",
        purge_wait_seconds=0,
    )
    async with running(settings, client) as http:
        assert (await upload(http, {"authorization": "Bearer s3cret"})).status_code == 200
        refused = await upload(http, {"authorization": f"Bearer {away.token()}"})
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "10")
        assert problem(refused)["code"] == "issuer_away"
        assert (await upload(http, {"authorization": "Bearer wrong"})).status_code == 401


@pytest.mark.parametrize("media_token", ["s3cret", ""])
async def test_a_ticket_is_made_by_no_person(
    server: RedisServer, client: Redis, tmp_path: Path, issuer: TestIssuer, media_token: str
) -> None:
    """It could not end with the right of the person to make it."""
    settings = CatalogSettings(
        redis_url=server.url,
        data_folder_path=tmp_path,
        media_token=media_token,
        oidc_issuer=issuer.address,
        oidc_audience=AUDIENCE,
        oidc_groups_claim="realm_access.roles",
        oidc_roles="editors=write:DEV",
    )
    async with running(settings, client) as http:
        refused = await http.post("/tickets", json={"namespace": "DEV"}, headers=bearer(issuer, "editors"))
        assert (refused.status_code, problem(refused)["message"]) == (403, "A ticket is made with a token.")
