"""The OpenAPI document of the catalog API: the schemas that its operations name. Pure.

Its `paths` are made of the declarations in `services/catalog/operations`; they are below API_PREFIX, which is the
server's address. `tests/e2e/test_openapi.py` holds the document against a running service.
"""

from collections.abc import Mapping
from typing import Any

from services.catalog.openapi import answers, jobs, schemas
from services.catalog.settings import CatalogSettings

VERSION = "1.0.0"
"""Of TADA, its API and its chart: one number. The first part changes when an existing client has to."""

_ABOUT = """\
TADA takes files in, keeps a catalog of them, and delivers them transformed on demand.

Answers to requests that write are `{"data": […], "errors": […]}`. An error has a `code` for programs, a `message` \
for people and, where the client can act, a `hint`. A list of which a part succeeds is answered 200 with both filled; \
one of which nothing succeeds, 400. Every `GET` is answered for `HEAD` too, without the body."""


def document(settings: CatalogSettings, paths: Mapping[str, Mapping[str, Any]], *, protected: bool) -> dict[str, Any]:
    """Return the document of the operations at `paths`; `protected` says whether a token is configured."""
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
        "paths": paths,
        "components": components,
    }
