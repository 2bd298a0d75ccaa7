"""The caches in the document: the schemas and examples of what their nodes have. Pure functions."""

from typing import Any

from services.catalog.openapi.schemas import Schema, no_errors, reference
from services.catalog.routes.arguments import CHANGE
from services.core.serving.envelope import envelope
from services.core.storage.backends import BACKENDS, DEFAULT

_NUMBER: Schema = {"type": "string", "pattern": f"^{CHANGE}$"}
_DATE: Schema = {"type": "string", "format": "date-time"}
_DATE_OR_NOT: Schema = {"type": ["string", "null"], "format": "date-time"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_CHANGE, _DAY = "1772357400000000", "2026-03-01T09:30:00.000+00:00"


def change_parameter() -> Schema:
    """Return the parameter that names a change."""
    return {
        "name": "change",
        "in": "query",
        "required": False,
        "description": "The X-Change of a write. By default the last change of the catalog.",
        "schema": {"type": "string", "pattern": f"^(?:{CHANGE})?$"},
    }


def schemas() -> dict[str, Schema]:
    """Return the named schemas."""
    node: dict[str, Schema] = {
        "tier": {"enum": ["edge", "cache"]},
        "node": {"type": "string", "description": "Host and port, as the jobs worker reaches it."},
        "away_since": {**_DATE_OR_NOT, "description": "Since when it does not answer. null if it does."},
        "problem": {"type": ["string", "null"], "description": "Why it does not answer."},
    }
    return {
        "Node": _closed(
            "A node of the gateway, as a jobs worker sees it.",
            **node,
            position={**_NUMBER, "description": "The last change that it has; 0 if that is not known yet."},
            has_change={"type": "boolean", "description": "Whether it serves nothing from before the change."},
            seconds={
                "type": ["number", "null"],
                "minimum": 0,
                "description": "How long after the change it had it. null if it has not, or if it was long ago.",
            },
        ),
        "Nodes": _closed(
            "The nodes, those of the edge first.",
            data={"type": "array", "items": reference("Node")},
            **no_errors(),
            change={**_NUMBER, "description": "The change that is asked for."},
            newest={**_NUMBER, "description": "The last change that the jobs worker knows."},
        ),
        "Form": _closed(
            "One copy of an asset.",
            address={"type": "string", "description": "Its canonical address: everything that changes the bytes."},
            bytes=_COUNT,
            status={"type": "integer", "description": "The status of the stored answer."},
            stored_date={**_DATE, "description": "When it was stored, or last confirmed by the tier behind."},
            valid_until={**_DATE, "description": "Until when it is served without asking the tier behind."},
            hits={**_COUNT, "description": "Answers from it since the last change, or since counted_since."},
        ),
        "NodeForms": _closed(
            "What a node has stored of an asset.",
            **node,
            counted_since={**_DATE_OR_NOT, "description": "When the node was started."},
            complete={"type": "boolean", "description": "Whether it has no other copies."},
            forms={
                "type": ["array", "null"],
                "items": reference("Form"),
                "description": "In the order of their addresses. null if the node does not answer.",
            },
        ),
        "Reduction": _closed(
            "What small forms are made from.",
            storage_key={"type": "string"},
            bytes=_COUNT,
            mimetype={"type": "string"},
            signature={"type": "string", "description": "The SHA-256 of its bytes."},
            pictures={
                "type": "array",
                "description": "Its pictures, the largest first.",
                "items": _closed("One of them.", width=_COUNT, height=_COUNT),
            },
        ),
        "Forms": _closed(
            "The nodes, those of the edge first.",
            data={"type": "array", "items": reference("NodeForms")},
            **no_errors(),
            storage={"enum": [backend.source for backend in BACKENDS.values()], "description": "Where its file is."},
            reduction={"oneOf": [reference("Reduction"), {"type": "null"}], "description": "null if there is none."},
            warmed={
                "type": "array",
                "items": {"type": "string"},
                "description": "The forms that are made before they are asked for (WARM).",
            },
        ),
    }


def nodes() -> dict[str, Any]:
    """Return an example of nodes."""
    node = {"tier": "edge", "node": "10.0.0.7:8080", "away_since": None, "problem": None}
    known = {"position": _CHANGE, "has_change": True, "seconds": 0.0021}
    return envelope([{**node, **known}], change=_CHANGE, newest=_CHANGE)


def forms(uuid: str) -> dict[str, Any]:
    """Return an example of copies."""
    form = {
        "address": f"/catalog/{uuid}",
        "bytes": 812,
        "status": 200,
        "stored_date": _DAY,
        "valid_until": "2026-03-01T09:31:00.000+00:00",
        "hits": 3,
    }
    node = {"tier": "edge", "node": "10.0.0.7:8080", "away_since": None, "problem": None}
    told = {**node, "counted_since": _DAY, "complete": True, "forms": [form]}
    return envelope([told], storage=BACKENDS[DEFAULT].source, reduction=None, warmed=["thumb"])


def _closed(description: str, **properties: Schema) -> Schema:
    return {
        "type": "object",
        "description": description,
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
    }
