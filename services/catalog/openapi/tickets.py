"""Tickets in the document: their parameters, bodies, schemas and answers. Pure functions."""

from typing import Any

from services.catalog.openapi import bodies, requests
from services.catalog.openapi.schemas import UUID, Schema, entry, no_errors, reference
from services.catalog.routes.direct import SHOWN
from services.catalog.settings import CatalogSettings
from services.catalog.tickets.asking import EXPIRES_IN, EXPIRES_IN_MAX, OF_FILE, OF_NEW, USES_MAX
from services.catalog.tickets.ticket import TEXT_MAX
from services.catalog.uploads.conflicts import OnConflict
from services.core.assets import media_types

_TO_WEBP: Schema = {
    "description": "Whether a picture is delivered as WebP.",
    "anyOf": [{"type": "boolean"}, {"type": "string", "enum": requests.WORDS}],
}
_TICKET: Schema = {"type": "string", "pattern": r"^t1\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}$", "maxLength": TEXT_MAX}
TICKET: Schema = {
    "name": "ticket",
    "in": "query",
    "required": True,
    "description": "The ticket that allows the upload.",
    "schema": _TICKET,
}


def wanted(settings: CatalogSettings) -> dict[str, Any]:
    """Return the body that says what a ticket is to allow."""
    example = {
        "namespace": settings.namespaces_allowed[0],
        "destination": "avatars",
        "max_size": min(5_000_000, settings.payload_max_size),
        "on_conflict": OnConflict.RENAME,
    }
    return {
        "required": True,
        "content": {media_types.JSON: {"schema": reference("WantedTicket"), "example": example}},
    }


def form(settings: CatalogSettings) -> dict[str, Any]:
    """Return the form with which a page uploads."""
    return bodies.form("DirectUpload", settings)


def components(settings: CatalogSettings) -> dict[str, Schema]:
    """Return the named schemas."""
    return {
        "WantedTicket": _wanted(settings),
        "Ticket": _ticket(),
        "TicketAnswer": _answer("The ticket.", "Ticket"),
        "PageUpload": _of_page(),
        "PageUploadAnswer": _answer("What a page sees of the new asset.", "PageUpload"),
    }


def example_of_ticket(settings: CatalogSettings) -> dict[str, Any]:
    """Return a ticket as the answer shows it. No key has sealed it."""
    text = f"t1.eyJpZCI6IiJ9.{'A' * 43}"
    return {
        "ticket": text,
        "id": "c2l4dGVlbl9jaGFy",
        "ends_date": "2026-03-01T09:45:00.000+00:00",
        "upload_url": f"{settings.upload_url}{settings.api_prefix}/direct?ticket={text}",
        "tus_url": f"{settings.upload_url}{settings.api_prefix}/direct/tus?ticket={text}",
        "max_size": settings.payload_max_size,
        "media_types": list(settings.valid_mimetypes),
        "uses": 1,
    }


def seen_by_page(shown: dict[str, Any]) -> dict[str, Any]:
    """Return what a page sees of an entry."""
    return {name: shown[name] for name in SHOWN}


def _wanted(settings: CatalogSettings) -> Schema:
    text: Schema = {"type": ["string", "null"]}
    allowed = list(settings.valid_mimetypes)
    named = {name: {"required": [name], "properties": {name: {"type": "string"}}} for name in ("namespace", "uuid")}
    nothing: Schema = {"type": "null"}
    settable = requests.settable()
    return {
        "type": "object",
        "description": "What the page may upload: a new asset in a namespace, or the next file of the asset with a "
        "uuid, which takes no destination, filename and on_conflict. null is the same as not given.",
        "properties": {
            "namespace": {"enum": [*settings.namespaces_allowed, None], "description": "The first folder of the path."},
            "destination": {
                **text,
                "description": "The folder below the namespace. With destination in may_set, the page may choose one "
                "below it.",
            },
            "filename": {**text, "description": "The name of the file. Without it, the page names it."},
            "uuid": {**UUID, "type": ["string", "null"], "description": "The asset whose file is replaced."},
            "max_size": {
                "type": ["integer", "null"],
                "minimum": 1,
                "maximum": settings.payload_max_size,
                "description": "Bytes of the largest file. The default is PAYLOAD_MAX_SIZE.",
            },
            "media_types": {
                "type": ["array", "null"],
                "minItems": 1,
                "items": {"enum": allowed},
                "description": "Media types that may be uploaded. By default all that the service takes.",
            },
            "fields": {
                **settable,
                "type": ["object", "null"],
                "properties": {"toWebp": _TO_WEBP, **settable["properties"]},
                "additionalProperties": False,
                "description": "Values that the asset gets.",
            },
            "may_set": {
                "type": ["array", "null"],
                "items": {"enum": list(OF_NEW)},
                "description": "Fields that the page may set, also if the ticket has a value of them.",
            },
            "on_conflict": {
                "enum": [*OnConflict, None],
                "description": "What to do if the path is taken, as for POST /file. The default is refuse.",
            },
            "expires_in": {
                "type": ["integer", "null"],
                "minimum": 1,
                "maximum": EXPIRES_IN_MAX,
                "description": f"Seconds in which an upload can begin. The default is {EXPIRES_IN}.",
            },
            "uses": {
                "type": ["integer", "null"],
                "minimum": 1,
                "maximum": USES_MAX,
                "description": "How many files can be uploaded. The default is 1.",
            },
        },
        "additionalProperties": False,
        "allOf": [
            {"anyOf": list(named.values())},
            {
                "if": named["uuid"],
                "then": {
                    "properties": {
                        **dict.fromkeys(("destination", "filename", "on_conflict"), nothing),
                        "may_set": {"items": {"enum": list(OF_FILE)}},
                    }
                },
            },
        ],
    }


def _ticket() -> Schema:
    properties: dict[str, Schema] = {
        "ticket": {**_TICKET, "description": "The ticket. Whoever has it can read what it allows."},
        "id": {"type": "string", "description": "The name of the ticket in the log."},
        "ends_date": {"type": "string", "format": "date-time", "description": "Until when an upload can begin."},
        "upload_url": {
            "type": "string",
            "format": "uri-reference",
            "description": "The address for POST /direct at the upload entry, with the ticket.",
        },
        "tus_url": {
            "type": ["string", "null"],
            "format": "uri-reference",
            "description": "The address for resumable uploads there. null if the storage has no place for them.",
        },
        "max_size": {"type": "integer", "minimum": 1, "description": "Bytes of the largest file."},
        "media_types": {"type": "array", "items": {"type": "string"}, "description": "What may be uploaded."},
        "uses": {"type": "integer", "minimum": 1, "description": "How many files can be uploaded."},
    }
    return {"type": "object", "required": list(properties), "properties": properties, "additionalProperties": False}


def _of_page() -> Schema:
    shown = entry()["properties"]
    return {
        "type": "object",
        "description": "What a page sees of an asset.",
        "required": list(SHOWN),
        "properties": {name: shown[name] for name in SHOWN},
        "additionalProperties": False,
    }


def _answer(description: str, item: str) -> Schema:
    properties: dict[str, Schema] = {
        "data": {"type": "array", "items": reference(item), "minItems": 1, "maxItems": 1},
        **no_errors(),
    }
    return {
        "type": "object",
        "description": description,
        "required": list(properties),
        "properties": {
            **properties,
            "warnings": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Fields of the form that are unknown or repeated, and a purge that is queued.",
            },
        },
        "additionalProperties": False,
    }
