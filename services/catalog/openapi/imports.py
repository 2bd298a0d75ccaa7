"""Imports in the document: their body and their job. Pure functions."""

from typing import Any

from services.catalog.imports.items import ITEMS_MAX
from services.catalog.imports.records import IMPORT
from services.catalog.openapi import jobs
from services.catalog.openapi.requests import WORDS, settable
from services.catalog.openapi.schemas import Schema, reference
from services.catalog.settings import CatalogSettings
from services.catalog.uploads.conflicts import OnConflict
from services.core.assets import media_types
from services.core.outward.urls import LENGTH_MAX

_URL = "https://cms.example.com/cat.jpg"


def body(settings: CatalogSettings) -> dict[str, Any]:
    """Return the body with the items of an import."""
    item = {"url": _URL, "namespace": settings.namespaces_allowed[0], "destination": "products", "tags": ["cat"]}
    return {
        "required": True,
        "description": f"Each file has {settings.payload_max_size} bytes at most. An item may also be sent alone.",
        "content": {media_types.JSON: {"schema": reference("Import"), "example": {"items": [item]}}},
    }


def components(settings: CatalogSettings) -> dict[str, Schema]:
    """Return the named schemas."""
    return {"Import": _import(), "ImportItem": _item(settings)}


def example_of_job() -> dict[str, Any]:
    """Return an import that waits."""
    return {
        **jobs.example(),
        "id": f"{IMPORT}-5f0c2d9a41b3e687",
        "name": IMPORT,
        "arguments": {"count": 1},
        "status": "queued",
        "started_at": None,
        "ended_at": None,
        "attempts": 0,
        "result": None,
    }


def _import() -> Schema:
    return {
        "type": "object",
        "description": "Files to import.",
        "required": ["items"],
        "properties": {
            "items": {"type": "array", "minItems": 1, "maxItems": ITEMS_MAX, "items": reference("ImportItem")}
        },
        "additionalProperties": False,
    }


def _item(settings: CatalogSettings) -> Schema:
    url = {
        "type": "string",
        "format": "uri",
        "pattern": "^https?://",
        "maxLength": LENGTH_MAX,
        "description": "The address of the file. It must be public, or allowed by OUTWARD_ALLOWED.",
        "examples": [_URL],
    }
    text: Schema = {"type": ["string", "null"]}
    fields = settable()
    return {
        **fields,
        "type": "object",
        "description": "One file, and what its asset is to be like.",
        "required": ["url", "namespace"],
        "properties": {
            "url": url,
            "namespace": {"enum": list(settings.namespaces_allowed), "description": "The first folder of the path."},
            "destination": {**text, "description": "Folders below the namespace, at most ten, such as products/2026."},
            "filename": {
                **text,
                "description": "The name of the file. By default the one that the server gives it, or the last part "
                "of the address. It must have no path and no control characters.",
            },
            "toWebp": {
                "anyOf": [{"type": "boolean"}, {"enum": [*WORDS, "", None]}],
                "description": "If false, the name and the type stay, as for POST /file.",
            },
            "on_conflict": {
                "enum": [*OnConflict],
                "description": "What to do if the path is taken, as on_conflict of POST /file.",
            },
            **fields["properties"],
        },
        "additionalProperties": False,
    }
