"""Actions on many entries in the document: their parameters, bodies and schemas. Pure functions."""

from typing import Any

from services.catalog.actions import UUIDS_MAX
from services.catalog.openapi import bodies, jobs, schemas
from services.catalog.openapi.requests import WORDS
from services.catalog.openapi.schemas import Schema, no_errors, reference
from services.catalog.routes.actions import EXAMPLES
from services.catalog.routes.arguments import NUMBER_MAX
from services.catalog.search.query import CHOOSING
from services.core.assets import media_types
from services.core.assets.actions import ACTIONS
from services.core.jobs import kinds
from services.core.jobs.action_lists import Progress

_CONFIRM = "The number of entries, as the answer to a dry run says it."


def choosing_parameters() -> tuple[Schema, ...]:
    """Return the parameters of a search that choose the entries of an action. An empty value is refused."""
    return tuple(
        {**parameter, "schema": _filled(parameter["schema"])}
        for parameter in bodies.search_parameters()
        if parameter["name"] in CHOOSING
    )


def dry_run() -> Schema:
    about = "If true, nothing is changed: the answer says how many entries it would be, and shows some of them."
    return {"name": "dry_run", "in": "query", "description": about, "schema": {"type": "string", "enum": WORDS}}


def change_of_many() -> dict[str, Any]:
    """Return the body with a change."""
    return _body("ChangeOfMany", {"add_tags": ["summer"], "remove_tags": ["spring"]})


def action() -> dict[str, Any]:
    """Return the body with an action and its entries."""
    return _body("ActionOnMany", {"action": "delete", "search": {"tag": ["summer"]}, "dry_run": True})


def components() -> dict[str, Schema]:
    """Return the named schemas."""
    return {
        "ActionOnMany": _action(),
        "ActionPreview": _answer("What an action would be for.", True, "Entry", maxItems=EXAMPLES),
        "ActionAsked": _answer("The job that does it.", False, "Job", minItems=1, maxItems=1),
    }


def example_of_job() -> dict[str, Any]:
    """Return an action that runs."""
    list_id = "5f0c2d9a41b3e687"
    arguments = {"action": "delete", "list_id": list_id, "fields": {}, "search": {"tag": ["summer"]}}
    return {
        **jobs.example(),
        "id": f"{kinds.ACT}-{list_id}",
        "name": kinds.ACT,
        "arguments": arguments,
        "status": "running",
        "ended_at": None,
        "result": {**Progress(12, done_count=4).answer(), "skipped": [], "failed": []},
    }


def chosen() -> dict[str, Schema]:
    """Return what chooses entries in a body: a search, or their uuids."""
    search = {
        "type": "object",
        "description": "The arguments of a search, as texts, numbers, true and false. One that may be there several "
        "times is a list or one value.",
        "properties": {
            one["name"]: {**_as_json(one["schema"]), "description": one["description"]} for one in choosing_parameters()
        },
        "minProperties": 1,
        "additionalProperties": False,
    }
    uuids = {
        "type": "array",
        "description": "The entries themselves, whatever they are by now.",
        "minItems": 1,
        "maxItems": UUIDS_MAX,
        "items": schemas.UUID,
    }
    return {"search": search, "uuids": uuids}


def _action() -> Schema:
    return {
        "type": "object",
        "description": "An action, and for which entries. It takes either search or uuids. The action change needs "
        "fields, and delete takes none.",
        "required": ["action"],
        "properties": {
            "action": {"enum": [*ACTIONS], "description": "What is done."},
            **chosen(),
            "fields": {**reference("ChangeOfMany"), "description": "The change."},
            "dry_run": {"type": "boolean", "description": dry_run()["description"]},
            "confirm": {"type": ["integer", "null"], "minimum": 0, "maximum": NUMBER_MAX, "description": _CONFIRM},
        },
        "additionalProperties": False,
        "allOf": [
            {"oneOf": [{"required": ["search"]}, {"required": ["uuids"]}]},
            {
                "oneOf": [
                    {"properties": {"action": {"const": "change"}}, "required": ["fields"]},
                    {"properties": {"action": {"const": "delete"}}, "not": {"required": ["fields"]}},
                ]
            },
        ],
    }


def _answer(description: str, is_dry_run: bool, item: str, **bounds: int) -> Schema:
    properties: dict[str, Schema] = {
        "data": {"type": "array", "items": reference(item), **bounds},
        **no_errors(),
        "count": {"type": "integer", "minimum": 0, "description": "For how many entries the action is."},
        "not_found": {
            "type": "array",
            "items": {"type": "string"},
            "description": "The uuids of the request that name no entry in which the token may write.",
        },
        "dry_run": {"const": is_dry_run, "description": "Whether nothing is changed."},
    }
    return {
        "type": "object",
        "description": description,
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
    }


def _body(schema: str, example: object) -> dict[str, Any]:
    return {"required": True, "content": {media_types.JSON: {"schema": reference(schema), "example": example}}}


def _filled(schema: Schema) -> Schema:
    """Return the schema of an argument without its empty value."""
    if "items" in schema:
        return {**schema, "items": _filled(schema["items"]), "minItems": 1}
    if "enum" in schema:
        return {**schema, "enum": [value for value in schema["enum"] if value != ""]}
    if "pattern" in schema:
        return {**schema, "pattern": schema["pattern"].replace(")?$", ")$")}
    return {**schema, "pattern": r"\S"} if schema.get("type") == "string" else schema


def _as_json(schema: Schema) -> Schema:
    if "items" in schema:
        return {"anyOf": [schema["items"], schema]}
    return {"type": "boolean"} if schema.get("enum") == WORDS else schema
