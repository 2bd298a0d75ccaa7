"""The shape in the document of what GET /about says. Pure functions."""

from typing import Any

from services.catalog.openapi.schemas import Schema, no_errors
from services.catalog.routes.about import shown
from services.catalog.settings import CatalogSettings
from services.catalog.tokens import Principal, Role

_TEXT: Schema = {"type": "string"}
_TEXTS: Schema = {"type": "array", "items": _TEXT}
_COUNT: Schema = {"type": "integer", "minimum": 0}


def _object(description: str, properties: dict[str, Schema]) -> Schema:
    return {
        "type": "object",
        "description": description,
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
    }


def schemas() -> dict[str, Schema]:
    """Return every named schema of the answer."""
    sender = {
        "name": {**_TEXT, "description": "The name of the token; anybody, if no token is configured."},
        "role": {**_TEXT, "enum": [role.name.lower() for role in Role if role is not Role.PUBLIC]},
        "namespaces": {
            "type": ["array", "null"],
            "items": _TEXT,
            "description": "Where the token may write. null for everywhere.",
        },
    }
    service = {
        "sender": _object("Who has sent the request.", sender),
        "namespaces": {**_TEXTS, "description": "Where files can be uploaded (NAMESPACES_ALLOWED)."},
        "media_types": {**_TEXTS, "description": "What can be uploaded (VALID_MIMETYPES)."},
        "payload_max_size": {**_COUNT, "description": "Bytes that a file may have."},
        "keep_versions": {**_COUNT, "description": "How many earlier versions of an asset can be brought back."},
        "trash_days": {**_COUNT, "description": "For how many days a deleted asset can be brought back."},
        "presets": {
            "type": "object",
            "additionalProperties": _TEXT,
            "description": "Sizes that have a name, such as 200x200?fit=contain.",
        },
        "assets_path": {**_TEXT, "description": "Where the internal entry has the assets, after API_PREFIX."},
        "assets_url": {**_TEXT, "description": "The beginning of all public addresses of assets."},
        "signed_urls": {
            "type": "boolean",
            "description": "Whether the public gets only what signed addresses ask for (SIGNED_URLS).",
        },
        "signs_addresses": {
            "type": "boolean",
            "description": "Whether the service signs addresses: POST /catalog/{uuid}/signatures.",
        },
    }
    answer = {
        "type": "object",
        "description": "One object in data.",
        "required": ["data", "errors", "problems"],
        "properties": {
            "data": {
                "type": "array",
                "items": {"$ref": "#/components/schemas/Service"},
                "minItems": 1,
                "maxItems": 1,
            },
            **no_errors(),
        },
    }
    return {"Service": _object("The sender, and what the service takes.", service), "About": answer}


def example(settings: CatalogSettings) -> dict[str, Any]:
    """Return what an editor is told."""
    return shown(settings, Principal("editor", Role.WRITE, frozenset(settings.namespaces_allowed[:1])))
