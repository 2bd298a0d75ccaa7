"""The document is valid, and says of every route what the application has, and of nothing else."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.applications import Starlette
from starlette.routing import Route

from services.catalog import openapi
from services.catalog.app import make_app
from services.catalog.openapi import answers, delivery
from services.catalog.operations import operations, paths
from services.catalog.routes import docs_page
from services.catalog.settings import CatalogSettings
from services.core.assets.addresses import Addresses
from services.core.assets.entries import IF_KNOWN, SETTABLE
from services.core.errors import TadaError
from services.core.state import entry_json
from tests.support.entries import MakeEntry

METHODS = {"get", "post", "patch", "delete", "put", "head", "options", "trace"}
RENAMED = {
    "api_prefix": "/prefix",
    "route_file_post": "/media",
    "route_files_post": "/medias",
    "route_catalog_get": "/list",
    "healthcheck_route": "/alive",
    "media_token": "secret-token",
}
SETTINGS = pytest.mark.parametrize("given", [{}, RENAMED], ids=["usual", "renamed, with a token"])


def settings_of(given: dict[str, Any], folder: Path) -> CatalogSettings:
    return CatalogSettings(data_folder_path=folder, **given)


def document_of(given: dict[str, Any], folder: Path) -> dict[str, Any]:
    settings, protected = settings_of(given, folder), "media_token" in given
    return openapi.document(settings, paths(operations(settings), protected=protected), protected=protected)


def described(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (path, method): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    }


def routes_of(app: Starlette) -> set[tuple[str, str]]:
    """Return every path with its methods, but for the parts of the page and what has a slash at its end.

    HEAD goes with GET, as the document says of all; elsewhere it is an operation of its own.
    """
    routes = [route for route in app.routes if isinstance(route, Route)]
    assert len(routes) > 10
    routes = [route for route in routes if not re.search(r"/$|^/(?:api-docs|library)/", route.path)]
    return {
        (route.path_format, method.lower())
        for route in routes
        for method in (route.methods or ())
        if method != "HEAD" or "GET" not in (route.methods or ())
    }


@SETTINGS
def test_document_is_valid(given: dict[str, Any], tmp_path: Path) -> None:
    document = json.loads(json.dumps(document_of(given, tmp_path)))
    assert document["openapi"].startswith("3.1.")
    assert [str(error) for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


@SETTINGS
def test_routes_and_document_are_the_same(given: dict[str, Any], tmp_path: Path) -> None:
    app = make_app(settings_of(given, tmp_path))
    found = described(document_of(given, tmp_path))
    own = {place for place, operation in found.items() if operation["tags"] != [delivery.TAG]}
    assert own == routes_of(app)
    assert len(found) == len(own) + 3


@pytest.mark.parametrize("name", ["DEV/cat.webp", "DEV/shop/2026/cat.webp", "a@2/b_c-d/cat.jpg"])
def test_names_in_addresses_are_unique_names_without_their_slash(name: str, tmp_path: Path) -> None:
    [schema] = [
        parameter["schema"]
        for operation in described(document_of({}, tmp_path)).values()
        for parameter in operation.get("parameters", [])
        if operation["operationId"] == "getWhole" and parameter["name"] == "name"
    ]
    assert re.search(schema["pattern"], name)
    for wrong in (f"/{name}", name.rpartition(".")[0], name.rpartition("/")[2], f"{name}/", f"x y/{name}"):
        assert not re.search(schema["pattern"], wrong), wrong


@SETTINGS
def test_every_example_is_of_its_schema(given: dict[str, Any], tmp_path: Path) -> None:
    document = document_of(given, tmp_path)
    checked = 0
    for place in _places(document):
        for example in [place["example"]] if "example" in place else place.get("examples", []):
            schema = place.get("schema", place)
            validator = Draft202012Validator(
                {**schema, "components": document["components"]}, format_checker=FormatChecker()
            )
            assert [error.message for error in validator.iter_errors(example)] == [], example
            checked += 1
    assert checked > 20


@SETTINGS
def test_every_error_that_is_shown_has_a_hint(given: dict[str, Any], tmp_path: Path) -> None:
    shown = [
        error
        for place in _places(document_of(given, tmp_path))
        if isinstance(place.get("example"), dict)
        for error in place["example"].get("problems", [])
    ]
    assert len(shown) > 6
    for error in shown:
        assert {"code", "message", "hint"} <= error.keys()


def _places(value: object) -> list[dict[str, Any]]:
    """Return everything in the document that may have an example."""
    if isinstance(value, list):
        return [place for item in value for place in _places(item)]
    if not isinstance(value, dict):
        return []
    inner = [place for name, item in value.items() if name not in ("example", "examples") for place in _places(item)]
    return [value, *inner] if {"example", "examples"} & value.keys() and "properties" not in value else inner


def test_an_entry_is_of_its_schema(make_entry: MakeEntry, tmp_path: Path) -> None:
    schemas = document_of({}, tmp_path)["components"]["schemas"]
    shown = entry_json.shown(make_entry(expired=True, information="said"), Addresses("/assets/media"))
    assert list(schemas["Entry"]["properties"]) == [*shown, *IF_KNOWN]
    assert all(schema.get("description") for schema in schemas["Entry"]["properties"].values())
    Draft202012Validator(schemas["Entry"]).validate(shown)
    Draft202012Validator(schemas["Entry"]).validate({**shown, "original_signature": "5e" * 32, "original_version": 1})


def test_every_settable_field_can_be_sent(tmp_path: Path) -> None:
    schemas = document_of({}, tmp_path)["components"]["schemas"]
    for name in ("Changes", "ChangeOfOne", "Adoption", "Upload", "Uploads", "Replacement", "Replacements"):
        assert set(SETTABLE) <= {
            field for field, schema in schemas[name]["properties"].items() if not schema.get("readOnly")
        }


def test_every_error_code_is_said(tmp_path: Path) -> None:
    def below(kind: type[TadaError]) -> list[type[TadaError]]:
        return [kind, *(found for child in kind.__subclasses__() for found in below(child))]

    codes = document_of({}, tmp_path)["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]
    assert {kind.code for kind in below(TadaError) if kind.__module__.startswith("services.core")} <= set(codes)


def test_only_writing_dumps_undo_jobs_and_webhooks_need_a_token_and_only_where_one_is_configured(
    tmp_path: Path,
) -> None:
    for given, protected in (({}, False), (RENAMED, True)):
        document = document_of(given, tmp_path)
        assert ("securitySchemes" in document["components"]) == protected
        for (path, method), operation in described(document).items():
            private_parts = ("/get-dump/", "/versions", "/trash", "/events", "/history", "/forms")
            elsewhere = any(part in path for part in private_parts) or path.endswith("/dumps")
            private = (
                method not in ("get", "options")
                or elsewhere
                or path.startswith(("/job", "/status", "/usage", "/webhooks", "/about", "/nodes"))
            )
            private = private and not path.startswith("/direct")
            assert ("security" in operation) == (protected and private), path
            assert ("401" in operation["responses"]) == (protected and private), path


def test_operations_have_names_of_their_own(tmp_path: Path) -> None:
    found = described(document_of(RENAMED, tmp_path))
    names = [operation["operationId"] for operation in found.values()]
    assert len(set(names)) == len(names)
    assert "`GET /catalog/{uuid}`" in found["/list/{uuid}", "get"]["description"]


def test_integers_that_are_large_have_room_in_generated_clients(tmp_path: Path) -> None:
    schemas = document_of({}, tmp_path)["components"]["schemas"]
    assert schemas["Entry"]["properties"]["size"]["format"] == "int64"
    assert "format" not in schemas["WantedTicket"]["properties"]["uses"]


def test_everything_named_is_used(tmp_path: Path) -> None:
    document = document_of(RENAMED, tmp_path)
    text = json.dumps(document)
    for kind in ("schemas", "responses", "headers"):
        for name in document["components"][kind]:
            assert f'"#/components/{kind}/{name}"' in text, f"{kind}/{name}"


def test_the_prefix_is_the_address_of_the_server(tmp_path: Path) -> None:
    assert document_of({}, tmp_path)["servers"] == [{"url": "/"}]
    assert document_of(RENAMED, tmp_path)["servers"] == [{"url": "/prefix"}]
    assert "/prefix/assets/media/full/" in answers.example(settings_of(RENAMED, tmp_path))["public_url"]


def test_no_token_is_in_the_document(tmp_path: Path) -> None:
    assert "secret-token" not in json.dumps(document_of(RENAMED, tmp_path))


def test_the_page_names_nothing_elsewhere(tmp_path: Path) -> None:
    found = {operation.path for operation in operations(settings_of({}, tmp_path))}
    assert {"/openapi.json", "/api-docs", "/api-docs/", "/api-docs/start.js"} <= found
    assert "//" not in docs_page._HTML + docs_page._JAVASCRIPT
    assert 'src="/' not in docs_page._HTML
    assert 'href="/' not in docs_page._HTML
    assert "http" not in docs_page._POLICY
