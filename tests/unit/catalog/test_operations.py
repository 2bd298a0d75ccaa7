"""Every operation is refused without a token unless it says that it is public; what is not declared is not there."""

import hashlib
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.catalog.app import make_app
from services.catalog.keyring import Keyring
from services.catalog.middleware.auth import Authentication
from services.catalog.operations import Operation, hot, operations, routes
from services.catalog.operations.operation import places, with_slash
from services.catalog.settings import CatalogSettings
from services.catalog.tokens import Role, parse_tokens

TOKEN = "token-of-the-tests"
GIVEN: dict[str, Any] = {
    "media_token": TOKEN,
    "route_catalog_get": "/list",
    "route_file_post": "/media",
    "route_files_post": "/medias",
    # Whatever a request needs of Redis fails at once: all that is looked at here comes before it.
    "redis_url": "unix:///nowhere/redis",
}
PUBLIC = {
    ("GET", "/catalog"),
    ("GET", "/catalog/search"),
    ("GET", "/catalog/folders"),
    ("GET", "/catalog/{uuid:entry}"),
    ("GET", "/readiness-check"),
    ("GET", "/auth"),
    ("OPTIONS", "/tus"),
    # The ticket in the address says what is allowed.
    ("GET", "/catalog/archives"),
    *((method, "/direct/tus") for method in ("OPTIONS", "POST")),
    *((method, "/direct/tus/{upload}") for method in ("HEAD", "PATCH", "DELETE")),
    ("GET", "/openapi.json"),
    ("GET", "/api-docs"),
    ("GET", "/api-docs/"),
    ("POST", "/direct"),
    *(("GET", f"/api-docs/{part}") for part in ("swagger-ui.js", "swagger-ui.css", "start.js")),
    ("GET", "/"),
    ("GET", "/library"),
    ("GET", "/library/"),
    ("GET", "/library/picker.js"),
    ("GET", "/library/signed-in"),
    ("GET", "/library/{version}/{name:path}"),
}
"""Whoever adds one here has decided that everybody may ask for it."""
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE")


@pytest.fixture
def settings(tmp_path: Path) -> CatalogSettings:
    return CatalogSettings(data_folder_path=tmp_path, **GIVEN)


def service(settings: CatalogSettings) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(make_app(settings), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://service.test")


def asked(path: str) -> str:
    """Return a path as a client asks for it."""
    for parameter, value in (("{uuid:entry}", "{uuid}"), ("{uuid}", "6f438dc0-9676-5d65-a2cc-df4eba5d9bcc")):
        path = path.replace(parameter, value)
    path = path.replace("{version:number}", "1").replace("{id:number}", "1")
    return path.replace("{filename}", "latest").replace("{job}", "expire")


async def handler(request: Request) -> Response:
    return Response("reached")


def test_only_these_operations_are_public(settings: CatalogSettings) -> None:
    found = {(one.method, one.path) for one in operations(settings) if one.role is Role.PUBLIC}
    assert found == PUBLIC


async def test_every_other_operation_is_refused_without_a_token_that_has_its_role(settings: CatalogSettings) -> None:
    reader = f"reader:read:*:{hashlib.sha256(b'r3ader').hexdigest()}"
    limited = f"limited:admin:DEV:{hashlib.sha256(b'l1mited').hexdigest()}"
    checked = 0
    async with service(
        settings.model_copy(update={"media_tokens": type(settings.media_token)(f"{reader};{limited}")})
    ) as http:
        for place in with_slash(places(operations(settings))):
            operation, path = place.operation, asked(place.path)
            if operation.role is Role.PUBLIC:
                continue
            for method in (operation.method, *(("HEAD",) if operation.method == "GET" else ())):
                for nobody in (None, "Bearer wrong", f"Basic {TOKEN}"):
                    answer = await http.request(method, path, headers={"authorization": nobody} if nobody else {})
                    assert answer.status_code == 401, (method, path, nobody)
                    assert answer.headers["www-authenticate"] == "Bearer"
                reads = operation.role is Role.READ
                for token in (*(() if reads else ("r3ader",)), *(("l1mited",) if operation.role is Role.ADMIN else ())):
                    answer = await http.request(method, path, headers={"authorization": f"Bearer {token}"})
                    assert answer.status_code == 403, (method, path, token)
                checked += 1
    assert checked > 50


async def test_what_no_operation_declares_is_not_there_whatever_the_token(settings: CatalogSettings) -> None:
    declared = with_slash(places(operations(settings)))
    known = {(place.operation.method, asked(place.path)) for place in declared}
    known |= {("HEAD", path) for method, path in known if method == "GET"}
    elsewhere = (
        "/",
        "/files/x",
        "/jobs/x/y",
        "/catalog/get-dump/x/y",
        "/list/get-dump/x/y",
        "/docs",
        "/file",
        "/metrics",
    )
    async with service(settings) as http:
        for path in (*dict.fromkeys(path for _, path in known), *elsewhere):
            there = any(path == other for _, other in known)
            for method in METHODS:
                if (method, path) in known:
                    continue
                for headers in ({}, {"authorization": f"Bearer {TOKEN}"}):
                    answer = await http.request(method, path, headers=headers)
                    assert answer.status_code == (405 if there else 404), (method, path)


def test_the_routes_are_the_declared_operations_and_each_asks_for_its_role(settings: CatalogSettings) -> None:
    app = make_app(settings)
    assert all(isinstance(route, Route) and isinstance(route.app, Authentication) for route in app.routes)
    found = [
        (method, route.path, route.app._role)
        for route in app.routes
        if isinstance(route, Route) and isinstance(route.app, Authentication)
        for method in (route.methods or set()) - ({"HEAD"} if "GET" in (route.methods or set()) else set())
    ]
    declared = with_slash(places(operations(settings)))
    assert found == [(place.operation.method, place.path, place.operation.role) for place in declared]


def test_an_operation_without_a_role_cannot_be_made() -> None:
    with pytest.raises(TypeError, match="role"):
        Operation("GET", "/everything", handler, document=None)  # type: ignore[call-arg]
    for role in (None, "public", 0):
        with pytest.raises(TypeError, match="expected a Role"):
            Operation("GET", "/everything", handler, role, document=None)  # type: ignore[arg-type]


@pytest.mark.parametrize(("method", "role"), [("GET", Role.READ), ("GET", Role.ADMIN), ("POST", Role.PUBLIC)])
def test_nothing_but_a_public_read_goes_round_the_authorisation(method: str, role: Role) -> None:
    with pytest.raises(ValueError, match="only a public GET"):
        Operation(method, "/everything", handler, role, document=None, hot=True)


def test_a_hot_operation_answers_its_own_paths_alone(settings: CatalogSettings) -> None:
    assert {pattern.partition("(")[0] for pattern in hot(operations(settings))} == {
        *("/catalog/?", "/list/?"),
        *("/catalog/", "/list/"),
    }


def test_of_two_operations_for_one_place_the_first_holds() -> None:
    first = Operation("GET", "/one", handler, Role.ADMIN, document=None, others=("/two", "/one"))
    second = Operation("GET", "/two", handler, Role.PUBLIC, document=None)
    found = places([first, second])
    assert [(place.path, place.operation.role) for place in found] == [("/one", Role.ADMIN), ("/two", Role.ADMIN)]
    assert len(routes([first, second], Keyring(lambda: parse_tokens(TOKEN, "")))) == 4


def test_another_beginning_stands_for_the_first_folder() -> None:
    operation = Operation("GET", "/catalog/get-dump/{filename}", handler, Role.ADMIN, document=None, others=("/a/b",))
    assert [place.path for place in operation.places()] == ["/catalog/get-dump/{filename}", "/a/b/get-dump/{filename}"]
