"""Events in the document: their parameters, schemas and examples. Pure functions."""

from typing import Any

from services.catalog.feed.frames import Reason
from services.catalog.feed.trail import CURSOR
from services.catalog.openapi.schemas import Schema, no_errors, reference
from services.catalog.routes.arguments import PLACES
from services.catalog.routes.events import ID, LAST_ID, LIMIT, LIMIT_MAX
from services.catalog.search.query import REPEATED_MAX
from services.core.assets import identity, media_types
from services.core.assets.events import BYTES_MAX, KINDS, Event, Happened, Kind
from services.core.serving.envelope import envelope

_MOMENT = 1_772_357_400_000_000
_ID: Schema = {"type": "string", "pattern": f"^{ID}$"}
_SOME: Schema = {"type": ["object", "null"]}


def page_parameters() -> tuple[Schema, ...]:
    """Return the parameters that select a page of a history."""
    return (
        _limit(),
        _query("cursor", {"type": "string", "pattern": f"^(?:{CURSOR})?$"}, "X-Next-Cursor of the previous page."),
    )


def feed_parameters() -> tuple[Schema, ...]:
    """Return the parameters that select events. Each may be empty, which is the same as absent."""
    after: Schema = {"type": "string", "pattern": f"^(?:{ID})?$"}
    kinds: Schema = {"type": "array", "items": {"type": "string", "enum": ["", *KINDS]}, "maxItems": REPEATED_MAX}
    namespace, folder = ({"type": "string", "pattern": f"^(?:{pattern})$"} for pattern in PLACES.values())
    return (
        _query(
            "after",
            after,
            "The id of the last event that the client has seen: only later ones. 0: all that the log has. Without it, "
            "only events that come from now on.",
        ),
        _query("kind", kinds, "Only events of this kind. If it is there several times, of one of the kinds."),
        _query("namespace", namespace, "Only events of assets in this namespace, and of the whole catalog."),
        _query("folder", folder, "The same for a folder and those below it, such as /DEV/shop."),
        _query("uuid", {"type": "string", "pattern": f"^(?:{identity.SPELLING})?$"}, "The same for one asset."),
        _limit(),
        {
            "name": LAST_ID,
            "in": "header",
            "description": "As after, and instead of it. A client of a stream sends it when it connects again.",
            "schema": after,
        },
    )


def components() -> dict[str, Schema]:
    """Return the named schemas."""
    ended = {
        "everywhere": {**_ID, "description": "Up to this change, no cache serves anything older."},
        "reachable": {**_ID, "description": "The same for the caches that can be reached now."},
    }
    return {
        "Event": _closed(_EVENT, "One change of the catalog, as it is told."),
        "Events": _page(
            last={**_ID, "description": "Where to continue: send it as after."},
            reset={
                "type": "boolean",
                "description": "Whether there may be earlier events that the client has not seen, and that nobody can "
                "tell any more. Then read the list of the entries anew.",
            },
            more={"type": "boolean", "description": "Whether there are later events already."},
            purged=_closed(ended, "How far the caches are."),
        ),
        "History": _page(
            complete={"type": "boolean", "description": "Whether nothing has happened before that the log has not."},
            since={"type": ["string", "null"], "format": "date-time", "description": "How far back the log reaches."},
        ),
    }


def answers() -> dict[str, Any]:
    """Return the contents of the answers, by their names."""
    shape = _example().shape
    caches = {"everywhere": shape["id"], "reachable": shape["id"]}
    feed = envelope([shape], last=shape["id"], reset=False, more=False, purged=caches)
    history = envelope([shape], complete=True, since=shape["time"])
    return {
        "Events": {
            media_types.JSON: {"schema": reference("Events"), "example": feed},
            media_types.EVENTS: {
                "schema": {
                    "type": "string",
                    "description": "For a client that accepts it: server-sent events, without an end. `change` has an "
                    f"Event; `reset` has a reason ({' or '.join(Reason)}), and says as reset in JSON; `purged` says "
                    "how far the caches are.",
                }
            },
        },
        "History": {media_types.JSON: {"schema": reference("History"), "example": history}},
    }


_EVENT: dict[str, Schema] = {
    "id": {**_ID, "description": "Later events have higher ones."},
    "kind": {"type": "string", "enum": [*KINDS], "description": "What has happened."},
    "time": {"type": "string", "format": "date-time", "description": "When."},
    "uuid": {"type": ["string", "null"], "description": "The asset, as it is named then. null for the whole catalog."},
    "unique_name": {"type": ["string", "null"], "description": "Its path then. null for the whole catalog."},
    "before": {
        **_SOME,
        "description": "The fields that have changed, as they were. null if there was nothing, or if it is not known. "
        f"With after, it has {BYTES_MAX} bytes at most: what is longer is a text that ends with an ellipsis.",
    },
    "after": {**_SOME, "description": "The same fields then."},
    "who": {
        "type": ["string", "null"],
        "description": "The name of the token that has asked for it, or a job, such as job:expire.",
    },
    "request_id": {"type": ["string", "null"], "description": "The id of the request in the logs."},
}


def _example() -> Event:
    path = "/DEV/products/cat.webp"
    happened = Happened(Kind.CHANGED, {"alt": None}, {"alt": "A grey cat on a red sofa"})
    return Event(_MOMENT, happened, identity.asset_uuid(path), path, "cms", "5f0c2d9a41b3e687")


def _limit() -> Schema:
    page = {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX}
    return _query("limit", page, f"Maximum number of events of a page: {LIMIT} by default. It may have fewer.")


def _page(**more: Schema) -> Schema:
    events = {"type": "array", "items": reference("Event")}
    return _closed({"data": events, **no_errors(), **more}, "Events.")


def _closed(properties: dict[str, Schema], description: str) -> Schema:
    return {
        "type": "object",
        "description": description,
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
    }


def _query(name: str, schema: Schema, description: str) -> Schema:
    return {"name": name, "in": "query", "description": description, "schema": schema}
