"""The shapes in the document of what a client may send. Pure functions."""

from collections.abc import Iterable

from services.catalog.bodies import DELETION_FIELDS, PLACE
from services.catalog.openapi.schemas import SHA256, SHARE, UNIQUE_NAME, UUID, Schema, entry
from services.catalog.settings import CatalogSettings
from services.core.assets import media_types
from services.core.assets.actions import ADD_TAGS, CHANGES, FIELDS, REMOVE_TAGS
from services.core.assets.descriptions import META_BYTES, META_DEPTH, TAG_LENGTH, TAGS_MAX
from services.core.assets.descriptions import TEXTS as DESCRIBING
from services.core.assets.entries import DATES, FOCUS, SETTABLE, TEXT_BYTES
from services.core.assets.reading import SHOWN_BESIDE

MAX_ITEMS = 1000
WORDS = ["true", "false", "1", "0", "yes", "no", "on", "off"]

_GIVEN: Schema = {"anyOf": [{"type": "number", **SHARE}, {"type": "string", "pattern": r"^(0?\.[0-9]{1,9}|[01])$"}]}
_NONE: Schema = {"enum": [None, "", "null"]}


def _coordinate(start: str, example: float) -> Schema:
    return {
        "description": f"Focal point of cuts, from {start}: 0 to 1. Send both coordinates, "
        "or null or an empty text for both.",
        "anyOf": [_GIVEN, _NONE],
        "examples": [example],
    }


def _date(meaning: str) -> Schema:
    return {
        "description": f"{meaning} ISO 8601, in UTC unless it has an offset. Without a time, the start of that day. "
        "null or empty for none.",
        "type": ["string", "null"],
        # Not beside the type: of a choice of formats, generators make code that cannot be compiled.
        "allOf": [{"anyOf": [{"format": "date-time"}, {"format": "date"}, _NONE]}],
        "examples": ["2027-01-31T18:00:00+01:00"],
    }


_TEXT: Schema = {
    "type": ["string", "number", "null"],
    "maxLength": TEXT_BYTES,
    "description": f"A text of the client, at most {TEXT_BYTES} bytes of UTF-8. null or empty for none.",
}
_TAG_TEXT = f"^[^,]{{0,{TAG_LENGTH}}}(,[^,]{{0,{TAG_LENGTH}}}){{0,{TAGS_MAX - 1}}}$"
_SETTABLE: dict[str, Schema] = {
    "external_id": {**_TEXT, "examples": ["shop-4711"]},
    "expired": {
        "description": "Whether the asset is no longer delivered.",
        "anyOf": [{"type": "boolean"}, {"type": "string", "enum": WORDS}],
        "examples": [True],
    },
    "expiration_date": _date("From then on, the asset is expired."),
    "information": {**_TEXT, "examples": ["Photo: A. Person"]},
    "focus_x": _coordinate("the left", 0.25),
    "focus_y": _coordinate("above", 0.5),
    "visible_from": _date("Before it, the asset is not delivered."),
    "title": {**_TEXT, "examples": ["The cat of the house"]},
    "alt": {**_TEXT, "examples": ["A grey cat on a red sofa"]},
    "caption": {**_TEXT, "examples": ["She sleeps there all day."]},
    "credit": {**_TEXT, "examples": ["Photo: A. Person"]},
    "tags": {
        "description": f"At most {TAGS_MAX} tags of {TAG_LENGTH} characters each, as a list or as one comma separated "
        "text. Each is kept once. null or empty for none.",
        "anyOf": [
            {"type": "array", "maxItems": TAGS_MAX, "items": {"type": "string", "maxLength": TAG_LENGTH}},
            {"type": "string", "pattern": _TAG_TEXT},
            {"type": "null"},
        ],
        "examples": [["cat", "indoors"]],
    },
    "meta": {
        "description": f"An object of the client's own, at most {META_BYTES} bytes as JSON and {META_DEPTH} deep. null "
        "or empty for none.",
        "anyOf": [{"type": "object"}, _NONE],
        "examples": [{"shop": 4711}],
    },
}
_BOTH: Schema = {
    "dependentRequired": {one: [other for other in FOCUS if other != one] for one in FOCUS},
    "allOf": [{"anyOf": [{"properties": dict.fromkeys(FOCUS, kind)} for kind in (_GIVEN, _NONE)]}],
}
"""Both coordinates of the focal point are given, or none."""


def components(settings: CatalogSettings) -> dict[str, Schema]:
    """Return every named schema of what a client may send."""
    return {
        "Changes": _changes(),
        "ChangeOfOne": _changes(uuid={**UUID, "description": "The uuid of the entry, in any spelling."}),
        "ChangeOfMany": _change_of_many(),
        "Adoption": _adoption(),
        "Deletion": _deletion(),
        "Upload": _form({"file": _file()}, ["file", "namespace"], settings),
        "DirectUpload": _form({"file": _file()}, ["file"], settings),
        "Uploads": _form({"files": _file_list()}, ["files", "namespace"], settings),
        "Replacement": _with_one_of(_form({"file": _file(), **_place()}, [], None), ("file", *PLACE, *SETTABLE)),
        "Replacements": _form({"uuids": _uuids(), "files": _file_list()}, ["uuids", "files"], None),
    }


def _with_one_of(schema: Schema, names: Iterable[str]) -> Schema:
    """Return the schema of an object that must have at least one of some properties.

    This is in `allOf`: beside properties, generators take `anyOf` for a choice among several shapes.
    """
    return {**schema, "allOf": [*schema.get("allOf", []), {"anyOf": [{"required": [name]} for name in names]}]}


def _changes(**more: Schema) -> Schema:
    shown = entry()["properties"]
    fixed = {name: {**shown[name], "readOnly": True} for name in shown if name not in {*SETTABLE, *more}}
    without_effect = {name: {"readOnly": True} for name in ("toWebp", *SHOWN_BESIDE)}
    said = {
        "type": "object",
        "description": (
            "Fields to change. A whole entry may be sent back: a field that only the service sets is accepted with its "
            "current value, and refused with another value. Fields that only the older service knew may be sent back "
            "too, though they are not named here."
        ),
        "required": list(more),
        "properties": {**more, **{name: _SETTABLE[name] for name in SETTABLE}, **fixed, **without_effect},
        "additionalProperties": False,
        **_BOTH,
    }
    return _with_one_of(said, SETTABLE)


def _change_of_many() -> Schema:
    """Return the schema of a change that is for many entries."""
    said = {
        "type": "object",
        "description": "Fields to set; then tags to remove, and tags to add.",
        "properties": {
            **{name: _SETTABLE[name] for name in FIELDS},
            REMOVE_TAGS: {**_SETTABLE["tags"], "description": "Tags to remove. The others stay."},
            ADD_TAGS: {**_SETTABLE["tags"], "description": "Tags to add. The others stay."},
        },
        "additionalProperties": False,
    }
    return _with_one_of(said, CHANGES)


def _adoption() -> Schema:
    return {
        "type": "object",
        "description": "The known fields of an entry. Fields that follow from the bytes are computed.",
        "required": ["unique_name"],
        "properties": {
            "unique_name": {
                "type": "string",
                "pattern": UNIQUE_NAME,
                "description": "The path of the file in the storage.",
            },
            "original_filename": {"type": ["string", "null"], "description": "The name under which it was uploaded."},
            "signature": {
                "type": ["string", "null"],
                "pattern": SHA256,
                "description": "Refused unless it is the SHA-256 of the bytes.",
            },
            "version": {"type": "integer", "minimum": 1, "maximum": 2**31 - 1, "default": 1},
            **_SETTABLE,
        },
        **_BOTH,
    }


def _deletion() -> Schema:
    named = {"type": "string", "pattern": r"[^\s,]"}
    uuids = {"anyOf": [named, {"type": "array", "minItems": 1, "items": named}]}
    said = {
        "type": "object",
        "description": (
            "Which entries to delete. A whole entry may be sent back, also with fields that only the older service "
            "knew, though they are not named here."
        ),
        "properties": {
            "namespace": {
                "type": ["string", "null"],
                "description": "The entries must be in this namespace. null for any.",
            },
            "uuids": {**uuids, "description": "A list, or one comma separated text."},
            "uuid": {**uuids, "description": "The same as uuids."},
        },
        "propertyNames": {"enum": list(DELETION_FIELDS)},
    }
    return _with_one_of(said, ("uuids", "uuid"))


def settable() -> Schema:
    """Return the part of an object's schema that concerns the fields which a client sets in JSON."""
    return {"properties": _SETTABLE, **_BOTH}


_BOUNDS: dict[str, Schema] = {
    "file": {"minLength": 1},
    "files": {"minItems": 1, "maxItems": 100, "items": {"minLength": 1}},
}
"""Of the files in a form. They are in `allOf`: beside a file, generators make code of them that cannot be compiled."""
_EMPTY: Schema = {"examples": [""]}
"""For an optional field of a form. Pages to try the API fill forms with examples and send them. Such a field must
change nothing."""


def _form(own: dict[str, Schema], required: list[str], new: CatalogSettings | None) -> Schema:
    """Return the schema of a form. A form for `new` assets has their place; another may repeat the fields of the
    entry."""
    place: dict[str, Schema] = {}
    fixed: dict[str, Schema] = {}
    if new is None:
        names = [name for name in entry()["properties"] if name not in {*SETTABLE, *own}]
        fixed = {name: {"type": "string", "readOnly": True} for name in names}
    else:
        place = {
            "namespace": {
                "type": "string",
                "enum": list(new.namespaces_allowed),
                "description": "The first folder of the path.",
                "examples": [new.namespaces_allowed[0]],
            },
            "destination": {
                "type": "string",
                "description": "Folders below the namespace, at most ten, such as products/2026.",
                **_EMPTY,
            },
            "filename": {
                "type": "string",
                "description": "Replaces the name of the uploaded file (cat.jpg). It must have no path and no control "
                "characters.",
                **_EMPTY,
            },
        }
    return {
        "type": "object",
        "description": "Fields may come in any order, before or after the files. Unknown ones have no effect, and are "
        "named in warnings of the answer.",
        "required": required,
        "properties": {
            **own,
            **place,
            "toWebp": {
                "type": "string",
                "enum": ["", *WORDS],
                "description": "If false, the name and the type stay, and full delivers the file as stored. "
                "Without it, a GIF stays a GIF, and CONVERT_TO_WEBP (true by default) decides for other pictures.",
                **_EMPTY,
            },
            "expired": {
                "type": "string",
                "enum": ["", *WORDS],
                "description": f"{_SETTABLE['expired']['description']} Empty is the same as not given.",
                **_EMPTY,
            },
            **{name: {**_SETTABLE[name], **_EMPTY} for name in DATES},
            "external_id": {**_SETTABLE["external_id"], "type": "string", **_EMPTY},
            "information": {**_SETTABLE["information"], "type": "string", **_EMPTY},
            **{name: {**_SETTABLE[name], **_EMPTY} for name in FOCUS},
            **{name: {**_SETTABLE[name], "type": "string", **_EMPTY} for name in DESCRIBING},
            "tags": {
                "type": "string",
                "pattern": _TAG_TEXT,
                "description": f"{_SETTABLE['tags']['description']} A list is sent as JSON, or as one field for each "
                "tag.",
                **_EMPTY,
            },
            "meta": {**_SETTABLE["meta"], "description": f"{_SETTABLE['meta']['description']} As JSON.", **_EMPTY},
            **fixed,
        },
        **_BOTH,
        "allOf": [
            *_BOTH["allOf"],
            {"anyOf": [{"properties": {name: _BOUNDS[name] for name in own if name in _BOUNDS}}]},
        ],
    }


def _place() -> dict[str, Schema]:
    """Return what gives an asset another path."""
    return {
        "destination": {
            "type": "string",
            "description": "Moves the asset to other folders below its namespace, without a file; / for none. Empty is "
            "the same as not given.",
            **_EMPTY,
        },
        "filename": {
            "type": "string",
            "description": "Renames the asset, without a file. The extension is the one that it has, or none. Empty is "
            "the same as not given.",
            **_EMPTY,
        },
    }


def _file() -> Schema:
    # OpenAPI 3.1 says contentMediaType; many tools still know a file by format alone.
    return {"type": "string", "format": "binary", "contentMediaType": media_types.BYTES}


def _file_list() -> Schema:
    return {"type": "array", "items": _file()}


def _uuids() -> Schema:
    return {"type": "string", "description": "Comma separated. One for each file, in the same order."}
