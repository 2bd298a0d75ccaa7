"""A request that writes says nothing that its operation does not know, in its query."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from services.catalog.app import make_app
from services.catalog.middleware.arguments import NAME_MAX, check
from services.catalog.operations import operations
from services.catalog.operations.operation import places, with_slash
from services.catalog.settings import CatalogSettings
from services.core.errors import BadRequest

GIVEN: dict[str, Any] = {"redis_url": "unix:///nowhere/redis", "route_catalog_get": "/list"}
"""Whatever needs Redis fails with 503: what is refused with 400 was refused before."""


@pytest.mark.parametrize(
    ("query", "known"),
    [
        ("", ()),
        ("confirm=101", ("confirm",)),
        ("a=1&b=2", ("a", "b")),
        ("&&", ()),
    ],
)
def test_a_query_of_known_arguments_with_values_passes(query: str, known: tuple[str, ...]) -> None:
    check(query, known, "DELETE /catalog")


@pytest.mark.parametrize(
    ("query", "known", "message", "hint"),
    [
        (
            "filterByKey=namespace&filterByValue=DEV",
            ("confirm",),
            "DELETE /catalog does not take the argument 'filterByKey'.",
            "It takes: confirm.",
        ),
        ("x", (), "DELETE /catalog does not take the argument 'x'.", "It takes no arguments in its address."),
        ("Confirm=1", ("confirm",), "DELETE /catalog does not take the argument 'Confirm'.", "It takes: confirm."),
        ("%63onfirms=1", ("confirm",), "DELETE /catalog does not take the argument 'confirms'.", "It takes: confirm."),
        (";", (), "DELETE /catalog does not take the argument ';'.", "It takes no arguments in its address."),
        ("confirm=1&confirm=2", ("confirm",), "The argument 'confirm' is there twice.", "Send it once."),
        ("confirm", ("confirm",), "The argument 'confirm' has no value.", "Send confirm=…, or leave it out."),
        ("confirm=", ("confirm",), "The argument 'confirm' has no value.", "Send confirm=…, or leave it out."),
        ("confirm=+", ("confirm",), "The argument 'confirm' has no value.", "Send confirm=…, or leave it out."),
    ],
)
def test_what_is_unknown_or_means_nothing_is_refused_by_its_name(
    query: str, known: tuple[str, ...], message: str, hint: str
) -> None:
    with pytest.raises(BadRequest) as refused:
        check(query, known, "DELETE /catalog")
    assert (refused.value.message, refused.value.hint) == (message, hint)


def test_only_an_argument_that_may_be_repeated_may_be_there_twice() -> None:
    check("tag=a&tag=b&q=c", ("tag", "q"), "DELETE /catalog/search", ("tag",))
    with pytest.raises(BadRequest, match="there twice"):
        check("tag=a&q=b&q=c", ("tag", "q"), "DELETE /catalog/search", ("tag",))


def test_a_long_name_is_not_repeated_whole() -> None:
    with pytest.raises(BadRequest) as refused:
        check("x" * 8000, (), "DELETE /catalog")
    assert len(refused.value.message) < NAME_MAX + 100


async def test_every_operation_that_writes_refuses_an_argument_that_it_does_not_declare(tmp_path: Path) -> None:
    settings = CatalogSettings(data_folder_path=tmp_path, **GIVEN)
    transport = httpx.ASGITransport(make_app(settings), raise_app_exceptions=False)
    writing = [place for place in with_slash(places(operations(settings))) if place.operation.writes]
    assert len(writing) > 30
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:3001") as http:
        for place in writing:
            path = place.path.replace("{version:number}", "1").replace("{id:number}", "1")
            path = path.replace("{uuid:entry}", "x").replace("{uuid}", "x").replace("{filename}", "latest")
            for query in ("dry_runs=true", "filterByKey=namespace&filterByValue=DEV"):
                answer = await http.request(place.operation.method, path.replace("{job}", "sync"), params=query)
                assert answer.status_code == 400, (place.operation.method, path, query)
                assert query.partition("=")[0] in answer.text


@pytest.mark.parametrize("body", ['{"namespace": "DEV"}', '[{"uuid": "x"}]', "[]", "null", "namespace=DEV", "{}x"])
@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", "/catalog"), ("DELETE", "/list/"), ("POST", "/catalog/restore-dump"), ("POST", "/catalog/create-dump")],
)
async def test_a_body_that_seems_to_choose_is_refused_where_everything_is_meant(
    tmp_path: Path, method: str, path: str, body: str
) -> None:
    settings = CatalogSettings(data_folder_path=tmp_path, **GIVEN)
    transport = httpx.ASGITransport(make_app(settings), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:3001") as http:
        refused = await http.request(method, path, content=body)
        assert refused.status_code == 400, refused.text
        for nothing in ("", " ", "{}"):
            passed = await http.request(method, path, content=nothing, headers={"content-type": "application/json"})
            assert passed.status_code == 503, passed.text  # It got as far as Redis.


@pytest.mark.parametrize("path", ["/catalog/create-dump", "/catalog/restore-dump", "/catalog/restore-dump/latest"])
async def test_a_body_that_is_too_large_is_refused_in_the_shape_of_the_dump_routes(tmp_path: Path, path: str) -> None:
    app = make_app(CatalogSettings(data_folder_path=tmp_path, **GIVEN))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:3001") as http:
        refused = await http.post(path, content=b" " * 2**21)
        assert refused.status_code == 413
        assert refused.json() == {
            "error": "The request has to be changed",
            "details": "The JSON body has more than 1048576 bytes.",
            "suggestion": "Send it without one.",
        }
        paths = (await http.get("/openapi.json")).json()["paths"]
    documented = paths[path.replace("latest", "{filename}")]["post"]["responses"]
    assert documented["413"]["$ref"].endswith("/TooLargeForDumps")
