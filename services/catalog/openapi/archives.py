"""Archives in the document: their parameters, bodies and schemas. Pure functions."""

from typing import Any

from services.catalog.openapi import actions
from services.catalog.openapi.schemas import Schema, no_errors, reference
from services.core.assets import media_types
from services.core.state.archives import FILES_MAX

_TICKET: Schema = {"type": "string", "minLength": 1, "maxLength": 64}
TICKET: Schema = {
    "name": "ticket",
    "in": "query",
    "required": True,
    "description": "The ticket of the archive. Its address has it.",
    "schema": _TICKET,
}


def wanted() -> dict[str, Any]:
    """Return the body that chooses the files."""
    example = {"search": {"folder": "/DEV/shop"}}
    return {"required": True, "content": {media_types.JSON: {"schema": reference("WantedArchive"), "example": example}}}


def components() -> dict[str, Schema]:
    """Return the named schemas."""
    properties = actions.chosen()
    return {
        "WantedArchive": {
            "type": "object",
            "description": "Which files: those that a search finds, or those with some uuids.",
            "properties": {**properties, "search": {**properties["search"], "minProperties": 0}},
            "additionalProperties": False,
            "oneOf": [{"required": [name]} for name in properties],
        },
        "Archive": _archive(),
        "ArchiveAnswer": _answer(),
    }


def example() -> dict[str, Any]:
    """Return an archive as the answer shows it."""
    url = f"/catalog/archives?ticket={'A' * 43}"
    return {"url": url, "ends_date": "2026-03-01T09:45:00.000+00:00", "count": 12}


def _archive() -> Schema:
    properties: dict[str, Schema] = {
        "url": {
            "type": "string",
            "format": "uri-reference",
            "description": "The address of the ZIP. Whoever has it can fetch these files, without a token.",
        },
        "ends_date": {"type": "string", "format": "date-time", "description": "Until when it can be fetched."},
        "count": {"type": "integer", "minimum": 1, "maximum": FILES_MAX, "description": "The number of the files."},
    }
    return {"type": "object", "required": list(properties), "properties": properties, "additionalProperties": False}


def _answer() -> Schema:
    properties: dict[str, Schema] = {
        "data": {"type": "array", "items": reference("Archive"), "minItems": 1, "maxItems": 1},
        **no_errors(),
        "not_found": {
            "type": "array",
            "items": {"type": "string"},
            "description": "The uuids of the request that name no entry.",
        },
    }
    return {
        "type": "object",
        "description": "The address of an archive.",
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
    }
