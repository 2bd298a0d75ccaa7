"""The OpenAPI document of the catalog API, built from the settings. Pure.

It names what a client of the internal entry can ask for; paths are below API_PREFIX, which is the server's address.
`tests/unit/catalog/test_openapi.py` holds it against the routes, `tests/e2e/test_openapi.py` against a running service.
"""

from typing import Any

from services.catalog.openapi import answers, jobs, operations, schemas
from services.catalog.settings import CatalogSettings

VERSION = "1.0.0"
"""Of the API: the first number changes when an existing client has to."""

_ABOUT = """\
TADA takes files in, keeps a catalog of them, and delivers them transformed on demand.

Answers to requests that write are `{"data": […], "errors": […]}`. An error has a `code` for programs, a `message` \
for people and, where the client can act, a `hint`. A list of which a part succeeds is answered 200 with both filled; \
one of which nothing succeeds, 400. Every `GET` is answered for `HEAD` too, without the body."""


def document(settings: CatalogSettings, *, protected: bool) -> dict[str, Any]:
    """Return the document; `protected` says whether a token is configured, so that writes need one."""
    routes = operations.Routes(protected=protected)
    operations.add_files(routes, settings)
    operations.add_catalog(routes, settings)
    for path in ("/upload", settings.route_file_post):
        routes.also(path, "/file", ("post",))
    for path in ("/uploads", settings.route_files_post):
        routes.also(path, "/files", ("post",))
    routes.also(settings.route_catalog_get, "/catalog")
    operations.add_jobs(routes)
    operations.add_service(routes, settings)
    components = {
        "schemas": {**schemas.components(settings), **jobs.schemas()},
        "responses": answers.components(settings),
        "headers": answers.header_components(),
    }
    if protected:
        components["securitySchemes"] = {
            "token": {"type": "http", "scheme": "bearer", "description": "MEDIA_TOKEN, or a named token."}
        }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "TADA",
            "summary": "Transform And Deliver Assets: the catalog API",
            "description": _ABOUT,
            "version": VERSION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": settings.api_prefix or "/"}],
        "tags": [
            {"name": "files", "description": "Assets with their bytes."},
            {"name": "catalog", "description": "Entries; the bytes stay as they are."},
            {"name": "jobs", "description": "What the worker does, by itself or when it is asked to."},
            {"name": "service", "description": "The service itself."},
        ],
        "paths": routes.paths,
        "components": components,
    }
