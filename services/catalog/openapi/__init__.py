"""The OpenAPI document of the catalog API: the schemas that its operations name. Pure.

Its `paths` are made of the declarations in `services/catalog/operations`; they are below API_PREFIX, which is the
server's address. `tests/e2e/test_openapi.py` holds the document against a running service.
"""

from collections.abc import Mapping
from typing import Any

from services.catalog.openapi import (
    about,
    actions,
    answers,
    archives,
    caches,
    delivery,
    events,
    imports,
    jobs,
    requests,
    resumable,
    schemas,
    signatures,
    status,
    tickets,
    webhooks,
)
from services.catalog.settings import CatalogSettings

VERSION = "1.0.0"
"""One number for TADA, its API and its chart. Its first part changes if existing clients have to change."""

_NARROW, _WIDEST = 2**31 - 1, 2**63 - 1
_ABOUT = """\
TADA stores files, keeps a catalog of them, and delivers them transformed on demand.

Answers are `{"data": […], "errors": […], "problems": […]}`. The list of all entries, the readiness check, and the \
routes that make, restore and get a dump have shapes of their own. `errors` has a text for each error, as the older \
service had. `problems` has the same errors in the same order: a `code` for programs, a `message` for people, a `hint` \
where the client can act, and what the error is about. If a part of a list succeeds, the answer is 200 with data and \
errors; if nothing succeeds, it is 400, or 413 if all was too large. Every `GET` route also answers `HEAD`, without \
the body."""


def document(settings: CatalogSettings, paths: Mapping[str, Mapping[str, Any]], *, protected: bool) -> dict[str, Any]:
    """Return the document of the operations at `paths`; `protected` says whether a token is configured."""
    components = {
        "schemas": {
            **schemas.components(),
            **requests.components(settings),
            **jobs.schemas(),
            **actions.components(),
            **tickets.components(settings),
            **archives.components(),
            **signatures.components(),
            **(imports.components(settings) if settings.imports else {}),
            **events.components(),
            **caches.schemas(),
            **webhooks.schemas(),
            **about.schemas(),
            **status.schemas(),
        },
        "responses": {**answers.components(settings), **resumable.components(settings)},
        "headers": {**answers.header_components(), **resumable.headers()},
    }
    if protected:
        components["securitySchemes"] = {
            "token": {
                "type": "http",
                "scheme": "bearer",
                "description": "MEDIA_TOKEN, a named one, or one of the issuer (/auth).",
            }
        }
    whole = {
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
            {"name": "resumable", "description": "Uploads in several requests (tus 1.0), for large files."},
            {"name": "catalog", "description": "Entries; the bytes stay as they are."},
            {"name": "tickets", "description": "Uploads of pages, without a token."},
            {"name": "undo", "description": "Earlier versions and deleted assets, which can be brought back."},
            {"name": "events", "description": "What has happened to the assets."},
            {"name": "caches", "description": "What the nodes of the gateway have."},
            {"name": "jobs", "description": "What the worker does, by a schedule or on request."},
            {"name": "webhooks", "description": "Servers that are told of every event."},
            {"name": delivery.TAG, "description": "The files and pictures themselves."},
            {"name": "service", "description": "The service itself."},
        ],
        "paths": {**paths, **delivery.paths(settings)},
        "components": components,
    }
    return {key: _with_widths(part) for key, part in whole.items()}


def _with_widths(part: Any) -> Any:
    """Return a part of the document in which each integer that may need them has 64 bits: generators take 32."""
    if isinstance(part, list | tuple):
        return [_with_widths(one) for one in part]
    if not isinstance(part, dict):
        return part
    inner = {key: part[key] if key in ("example", "examples") else _with_widths(part[key]) for key in part}
    kinds = part.get("type")
    is_integer = kinds == "integer" or (isinstance(kinds, list) and "integer" in kinds)
    return {**inner, "format": "int64"} if is_integer and part.get("maximum", _WIDEST) > _NARROW else inner
