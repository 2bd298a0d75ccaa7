"""Webhooks in the document: their parameters, bodies, schemas and examples. Pure functions."""

from typing import Any

from services.catalog.openapi.schemas import Schema, no_errors, reference
from services.catalog.routes.webhooks import IDS_MAX, LETTER_ID, LIMIT, LIMIT_MAX
from services.core.assets import identity, media_types, names
from services.core.assets.events import KINDS
from services.core.outward.urls import LENGTH_MAX
from services.core.webhooks import webhook
from services.core.webhooks.held import GAP

ID: Schema = {
    "name": "webhook",
    "in": "path",
    "required": True,
    "description": "The id of a webhook.",
    "schema": {"type": "string"},
    "example": "5f0c2d9a41b3e687",
}
_DATE: Schema = {"type": ["string", "null"], "format": "date-time"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_MOMENT = "2026-03-01T09:30:00.000+00:00"
_NUMBER = "1772357400000000"


def body(schema: str) -> dict[str, Any]:
    """Return the body that registers or changes a webhook."""
    examples = {
        "WantedWebhook": {"address": "https://cms.example.com/tada", "kinds": ["asset.deleted"], "folder": "/DEV/shop"},
        "ChangeOfWebhook": {"active": False},
    }
    return _body(schema, examples[schema], required=True)


def choice_of_letters() -> dict[str, Any]:
    """Return the body that chooses dead letters."""
    return _body("ChoiceOfLetters", {"ids": ["1772357400000-0"]}, required=False)


def page_parameters() -> tuple[Schema, ...]:
    """Return the parameters of a page of dead letters."""
    limit = {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT}
    cursor = {"type": "string", "pattern": f"^(?:{LETTER_ID})?$"}
    return (
        {"name": "limit", "in": "query", "description": "Maximum number of dead letters.", "schema": limit},
        {"name": "cursor", "in": "query", "description": "The cursor of the previous page.", "schema": cursor},
    )


def schemas() -> dict[str, Schema]:
    """Return the named schemas."""
    return {
        "WantedWebhook": _fields(required=["address"]),
        "ChangeOfWebhook": _fields(required=[]),
        "ChoiceOfLetters": _closed(
            "Which dead letters are sent again. Without ids, all.",
            {
                "ids": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": IDS_MAX,
                    "items": {"type": "string", "pattern": f"^{LETTER_ID}$"},
                },
            },
            [],
        ),
        "Webhook": _webhook(),
        "WebhookWithSecret": _webhook(
            secret={"type": "string", "description": "It signs the events. It is shown only in this answer."}
        ),
        "Attempt": _closed(
            "The end of an attempt to send an event.",
            {
                "date": {"type": "string", "format": "date-time"},
                "event": {"type": "string", "description": "The id of the event."},
                "status": {"type": ["integer", "null"], "description": "That of the answer. null if there was none."},
                "text": {"type": "string", "description": "The beginning of the answer, or why there was none."},
            },
        ),
        "DeadLetter": _letter(),
        "Webhooks": _answer("Webhooks.", "Webhook"),
        "WebhooksWithSecret": _answer("A webhook with its secret.", "WebhookWithSecret", minItems=1, maxItems=1),
        "DeadLetters": _answer(
            "Dead letters, the first ones first.",
            "DeadLetter",
            more={"cursor": {"type": ["string", "null"], "description": "The cursor of the next page."}},
        ),
        "Replayed": _answer(
            "Dead letters wait again.",
            "DeadLetter",
            more={
                "replayed": {**_COUNT, "description": "How many."},
                "left": {**_COUNT, "description": "How many dead letters there are still."},
            },
            maxItems=0,
        ),
        "DeadLettersRemoved": _answer(
            "They are gone.", "DeadLetter", more={"removed": {**_COUNT, "description": "How many."}}, maxItems=0
        ),
    }


def example() -> dict[str, Any]:
    """Return a webhook whose receiver is away."""
    failure = {"date": _MOMENT, "event": _NUMBER, "status": 503, "text": "Down for maintenance"}
    return {
        "id": ID["example"],
        "address": "https://cms.example.com/tada",
        "kinds": [],
        "namespaces": [],
        "folder": "/DEV/shop",
        "description": "",
        "active": True,
        "fixed": False,
        "created_date": _MOMENT,
        "old_secret_until": None,
        "gone_date": None,
        "waiting": 3,
        "oldest_date": _MOMENT,
        "next_attempt_date": _MOMENT,
        "dead_letters": 1,
        "dropped": 0,
        "last_success": None,
        "last_failure": failure,
    }


def example_with_secret() -> dict[str, Any]:
    return {**example(), "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}


def example_of_letter() -> dict[str, Any]:
    """Return an event that was given up."""
    path = "/DEV/shop/cat.webp"
    event = {
        "id": _NUMBER,
        "kind": KINDS[0],
        "time": "2026-03-01T09:30:00.000000+00:00",
        "uuid": identity.asset_uuid(path),
        "unique_name": path,
        "before": None,
        "after": {"version": 1, "mimetype": media_types.WEBP, "size": 48213, "signature": "9f" * 32},
        "who": "cms",
        "request_id": "5f0c2d9a41b3e6875f0c2d9a41b3e687",
    }
    return {
        "id": "1772616600000-0",
        "died_date": "2026-03-04T09:30:00.000+00:00",
        "reason": "13 attempts in 72 hours have failed",
        "attempts": 13,
        "first_attempt_date": _MOMENT,
        "last_attempt": example()["last_failure"],
        "event": event,
    }


def _fields(required: list[str]) -> Schema:
    """Return what a client says of a webhook."""
    said = {name: field.description for name, field in webhook.Fields.model_fields.items()}
    segment = {"type": "string", "pattern": f"^{names.SEGMENT}$"}
    shapes: dict[str, Schema] = {
        "address": {"type": "string", "format": "uri", "minLength": 1, "maxLength": LENGTH_MAX},
        "kinds": {"type": "array", "items": {"enum": list(KINDS)}, "maxItems": len(KINDS)},
        "namespaces": {"type": "array", "items": segment, "maxItems": webhook.NAMESPACES_MAX},
        "folder": {
            "type": ["string", "null"],
            "pattern": rf"^(?:/?{names.SEGMENT})?(?:/{names.SEGMENT})*/?$",
            "maxLength": webhook.FOLDER_MAX,
        },
        "description": {"type": "string", "maxLength": webhook.DESCRIPTION_MAX},
        "active": {"type": "boolean"},
    }
    properties = {name: {**shape, "description": said[name]} for name, shape in shapes.items()}
    return _closed("What is said of a webhook.", properties, required)


def _webhook(**more: Schema) -> Schema:
    list_of_texts: Schema = {"type": "array", "items": {"type": "string"}}
    attempt: Schema = {"oneOf": [reference("Attempt"), {"type": "null"}]}
    return _closed(
        "A webhook, and how it is.",
        {
            "id": {"type": "string", "pattern": f"^{webhook.ID}$"},
            "address": {"type": "string"},
            "kinds": list_of_texts,
            "namespaces": list_of_texts,
            "folder": {"type": ["string", "null"]},
            "description": {"type": "string"},
            "active": {"type": "boolean"},
            "fixed": {
                "type": "boolean",
                "description": "Whether the setting WEBHOOKS names it. It cannot be changed then.",
            },
            "created_date": {"type": "string", "format": "date-time"},
            "old_secret_until": {**_DATE, "description": "Until then, events are also signed with the secret before."},
            "gone_date": {
                **_DATE,
                "description": "When the receiver answered 410: nothing is sent until `active: true`.",
            },
            "waiting": {**_COUNT, "description": "Events that wait."},
            "oldest_date": {**_DATE, "description": "When the first of them happened."},
            "next_attempt_date": {**_DATE, "description": "When the next of them is sent. It may be in the past."},
            "dead_letters": _COUNT,
            "dropped": {**_COUNT, "description": "Dead letters for which there was no room. They cannot be replayed."},
            "last_success": attempt,
            "last_failure": attempt,
            **more,
        },
    )


def _letter() -> Schema:
    text: Schema = {"type": "string"}
    fields: Schema = {"type": ["object", "null"]}
    optional: Schema = {"type": ["string", "null"]}
    return _closed(
        "An event that could not be delivered.",
        {
            "id": text,
            "died_date": {"type": "string", "format": "date-time"},
            "reason": text,
            "attempts": _COUNT,
            "first_attempt_date": _DATE,
            "last_attempt": {"oneOf": [reference("Attempt"), {"type": "null"}]},
            "event": _closed(
                "The event, as it is in `data` of the body that is sent.",
                {
                    "id": text,
                    "kind": {"enum": [*KINDS, GAP]},
                    "time": {"type": "string", "format": "date-time"},
                    "uuid": optional,
                    "unique_name": optional,
                    "before": fields,
                    "after": fields,
                    "who": optional,
                    "request_id": optional,
                },
            ),
        },
    )


def _answer(description: str, item: str, more: dict[str, Schema] | None = None, **bounds: int) -> Schema:
    properties = {"data": {"type": "array", "items": reference(item), **bounds}, **no_errors(), **(more or {})}
    return _closed(description, properties)


def _closed(about: str, properties: dict[str, Schema], required: list[str] | None = None) -> Schema:
    """Return an object that has only these properties; all of them are required unless it is said."""
    return {
        "type": "object",
        "description": about,
        **({} if required == [] else {"required": list(properties) if required is None else required}),
        "properties": properties,
        "additionalProperties": False,
    }


def _body(schema: str, example: object, *, required: bool) -> dict[str, Any]:
    return {"required": required, "content": {media_types.JSON: {"schema": reference(schema), "example": example}}}
