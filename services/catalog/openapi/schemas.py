"""The shapes in the document: entries, errors, answers and what a client may send. Pure functions."""

from collections.abc import Iterable
from typing import Any, get_type_hints

from services.catalog.answers import DELETED
from services.catalog.bodies import DELETION_FIELDS
from services.catalog.settings import CatalogSettings
from services.core.assets import identity, media_types, names
from services.core.assets.addresses import ADDRESSES
from services.core.assets.entries import FOCUS, IF_KNOWN, SETTABLE, TEXT_BYTES, Entry
from services.core.assets.reading import SHOWN_BESIDE
from services.core.errors import TadaError

Schema = dict[str, Any]

MAX_ITEMS = 1000
UNIQUE_NAME = f"^{names.UNIQUE_NAME}$"
_SHA256 = "^[0-9a-f]{64}$"
UUID: Schema = {"type": "string", "pattern": f"^(?:{identity.SPELLING})$"}
"""In any spelling. An entry shows it as it was stored, so no format is said of it."""
WORDS = ["true", "false", "1", "0", "yes", "no", "on", "off"]

_TYPES: dict[Any, Schema] = {
    str: {"type": "string"},
    str | None: {"type": ["string", "null"]},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    int | None: {"type": ["integer", "null"]},
    float | None: {"type": ["number", "null"]},
}
_SHARE: Schema = {"minimum": 0, "maximum": 1}
_ENTRY: dict[str, Schema] = {
    "uuid": {
        **UUID,
        "description": (
            "One path, one asset, one uuid: the MD5 of unique_name. An entry that was restored from the older service "
            "keeps the uuid that it had there, in its spelling."
        ),
    },
    "version": {"minimum": 1, "description": "Begins with 1, and grows by 1 with each replaced file."},
    "namespace": {"description": "The first folder of the path."},
    "public_url": {"format": "uri-reference", "description": "The public address of the asset, as full or original."},
    "unique_name": {"pattern": UNIQUE_NAME, "description": "The path: /{namespace}/{destination…}/{filename}."},
    "filename": {"description": "The name under which it is delivered: cat.webp."},
    "original_filename": {"description": "The name under which it was uploaded, made safe: cat.jpg."},
    "base_url": {"format": "uri-reference", "description": "The beginning of all public addresses of assets."},
    "base_host": {"description": "The host in base_url. Empty if base_url has no host."},
    "external_id": {"description": "A text of the client, such as its own id."},
    "expired": {"description": "An expired asset is no longer delivered."},
    "expiration_date": {"format": "date-time", "description": "From then on, the asset is expired. null for never."},
    "information": {"description": "A text of the client."},
    "original_mimetype": {"description": "The media type of the stored bytes."},
    "mimetype": {"description": "The media type that full delivers."},
    "signature": {"pattern": _SHA256, "description": "SHA-256 of the stored bytes, in hex."},
    "size": {"minimum": 0, "description": "Length of the stored bytes, without the metadata that was removed."},
    "original_size": {"minimum": 0, "description": "Length of the uploaded bytes."},
    "destination": {"description": "The folders below the namespace. If there are none, the namespace itself."},
    "uploaded_date": {"format": "date-time", "description": "When the entry was created."},
    "updated_date": {"format": "date-time", "description": "When the entry last changed."},
    "converted": {"description": "Whether the asset is delivered as WebP (toWebp)."},
    "storage_key": {"description": "The key of the bytes in the storage."},
    "focus_x": {**_SHARE, "description": "Focal point of cuts, from the left of the upright picture. null for none."},
    "focus_y": {**_SHARE, "description": "The same from above. Both are numbers, or both are null."},
    "width": {
        "minimum": 1,
        "description": "Pixels of the upright picture. null if not known yet, or if it cannot be known.",
    },
    "height": {"minimum": 1, "description": "Pixels of the upright picture. null like width."},
    "blurhash": {"description": "A blurred preview in a few characters. null like width."},
    "dominant_color": {
        "pattern": "^#[0-9a-f]{6}$",
        "description": "The most frequent colour. null like width.",
        "examples": ["#a1b2c3"],
    },
    "content_date": {
        "format": "date-time",
        "description": "When the delivered bytes last changed: Last-Modified. null in entries that are older than this "
        "field.",
    },
    "original_signature": {
        "pattern": _SHA256,
        "description": "SHA-256 of the file that was uploaded to the older service. Absent in other entries.",
    },
    "original_version": {
        "minimum": 1,
        "description": "The version of that file. Absent in other entries.",
    },
    "stored_mimetype": {
        "description": "The media type of the stored bytes, if they are what the older service delivered and not the "
        "upload. Absent in other entries.",
    },
}


_GIVEN: Schema = {"anyOf": [{"type": "number", **_SHARE}, {"type": "string", "pattern": r"^(0?\.[0-9]{1,9}|[01])$"}]}
_NONE: Schema = {"enum": [None, "", "null"]}


def _coordinate(start: str, example: float) -> Schema:
    return {
        "description": f"Focal point of cuts, from {start}: 0 to 1. Send both coordinates, "
        "or null or an empty text for both.",
        "anyOf": [_GIVEN, _NONE],
        "examples": [example],
    }


_TEXT: Schema = {
    "type": ["string", "number", "null"],
    "maxLength": TEXT_BYTES,
    "description": f"A text of the client, at most {TEXT_BYTES} bytes of UTF-8. null or empty for none.",
}
_SETTABLE: dict[str, Schema] = {
    "external_id": {**_TEXT, "examples": ["shop-4711"]},
    "expired": {
        "description": "Whether the asset is no longer delivered.",
        "anyOf": [{"type": "boolean"}, {"type": "string", "enum": WORDS}],
        "examples": [True],
    },
    "expiration_date": {
        "description": (
            "ISO 8601, in UTC unless it has an offset. Without a time, the start of that day. null or empty for none."
        ),
        "anyOf": [
            {"type": "string", "format": "date-time"},
            {"type": "string", "format": "date"},
            {"enum": [None, "", "null"]},
        ],
        "examples": ["2027-01-31T18:00:00+01:00"],
    },
    "information": {**_TEXT, "examples": ["Photo: A. Person"]},
    "focus_x": _coordinate("the left", 0.25),
    "focus_y": _coordinate("above", 0.5),
}
_BOTH: Schema = {
    "dependentRequired": {one: [other for other in FOCUS if other != one] for one in FOCUS},
    "allOf": [{"anyOf": [{"properties": dict.fromkeys(FOCUS, kind)} for kind in (_GIVEN, _NONE)]}],
}
"""Both coordinates of the focal point are given, or none."""


_WRITTEN = "The written entries in their current state, and the errors. A list that succeeded in part has both."
_TEXT_OF_ERROR: Schema = {"type": "string", "description": "The text of an error, as the older service had it."}
_ERROR_OF_FILES: Schema = {"anyOf": [{"$ref": "#/components/schemas/FileError"}, _TEXT_OF_ERROR]}
"""Of one file among several, or of the whole request."""


def components(settings: CatalogSettings) -> dict[str, Schema]:
    """Return every named schema of the document."""
    return {
        "Entry": _entry(),
        "ChangedEntry": _entry(
            catalogItemUrl={
                "type": "string",
                "format": "uri-reference",
                "description": "The public address of the entry.",
            }
        ),
        "DeletedEntry": _entry(message={"const": DELETED["message"], "description": "The same for each entry."}),
        "Problem": _problem(),
        "FileError": _file_error(),
        "Answer": _answer(_WRITTEN),
        "ChangedAnswer": _answer("The changed entry.", item="ChangedEntry"),
        "DeletedAnswer": _answer("The deleted entry.", item="DeletedEntry"),
        "FilesAnswer": _answer(_WRITTEN, error=_ERROR_OF_FILES),
        "DeletedFilesAnswer": _answer(
            "The deleted entries, and the errors. A list that succeeded in part has both.",
            item="DeletedEntry",
            error=_ERROR_OF_FILES,
        ),
        "Page": _answer("One entry in data.", data={"minItems": 1, "maxItems": 1}, errors={"maxItems": 0}),
        "Refusal": _answer("Nothing was done.", data={"maxItems": 0}, errors={"minItems": 1}),
        "FilesRefusal": _answer(
            "Nothing was done.", error=_ERROR_OF_FILES, data={"maxItems": 0}, errors={"minItems": 1}
        ),
        "DumpRefusal": {
            "description": "What went wrong with a dump.",
            "type": "object",
            "required": ["error", "details", "suggestion"],
            "properties": {name: {"type": "string"} for name in ("error", "details", "suggestion")},
            "additionalProperties": False,
        },
        "Removal": _answer(
            "All entries are gone.",
            data={"maxItems": 0},
            errors={"maxItems": 0},
            removed={"type": "integer", "minimum": 0, "description": "How many entries were removed."},
        ),
        "Readiness": _readiness(),
        "Changes": _changes(),
        "ChangeOfOne": _changes(uuid={**UUID, "description": "The uuid of the entry, in any spelling."}),
        "Adoption": _adoption(),
        "Deletion": _deletion(),
        "Upload": _form({"file": _file()}, ["file", "namespace"], settings),
        "Uploads": _form({"files": _file_list()}, ["files", "namespace"], settings),
        "Replacement": _with_one_of(_form({"file": _file()}, [], None), ("file", *SETTABLE)),
        "Replacements": _form({"uuids": _uuids(), "files": _file_list()}, ["uuids", "files"], None),
    }


def _with_one_of(schema: Schema, names: Iterable[str]) -> Schema:
    """Return the schema of an object that must have at least one of some properties.

    This is in `allOf`: beside properties, generators take `anyOf` for a choice among several shapes.
    """
    return {**schema, "allOf": [*schema.get("allOf", []), {"anyOf": [{"required": [name]} for name in names]}]}


def reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def error_codes() -> list[str]:
    """Return the code of every error."""

    def below(kind: type[TadaError]) -> set[str]:
        return {kind.code}.union(*(below(child) for child in kind.__subclasses__()))

    return sorted(below(TadaError) | {"method_not_allowed"})


def _entry(**beside: Schema) -> Schema:
    types = {**get_type_hints(Entry), **dict.fromkeys(ADDRESSES, str)}
    return {
        "type": "object",
        "description": "One asset of the catalog.",
        "required": [*(name for name in _ENTRY if name not in IF_KNOWN), *beside],
        "properties": {**{name: {**_TYPES[types[name]], **said} for name, said in _ENTRY.items()}, **beside},
    }


def _problem() -> Schema:
    return {
        "type": "object",
        "description": "An error, for programs and with more help than its text in errors.",
        "required": ["code", "message"],
        "properties": {
            "code": {
                "type": "string",
                "enum": error_codes(),
                "description": "For programs. It stays the same in later versions.",
            },
            "message": {"type": "string", "description": "For people: what went wrong."},
            "hint": {"type": "string", "description": "For people: what to do."},
            "details": {"type": "string", "description": "For people: more about a dump."},
            "file": {"type": "string", "description": "The name of the file of a form that failed, as it was sent."},
            "uuid": {
                "type": "string",
                "description": "The entry that failed, as it was named, or the entry that has the path.",
            },
            "unique_name": {"type": "string", "description": "The path that is taken."},
            "index": {
                "type": "integer",
                "minimum": 0,
                "description": "Its position in the list of the request: among the files of a form, or the items of a "
                "JSON list.",
            },
        },
    }


def _file_error() -> Schema:
    return {
        "type": "object",
        "description": "An error of one file among several.",
        "required": ["message"],
        "properties": {
            "message": {"type": "string", "description": "The text of the error."},
            "filename": {"type": "string", "description": "The name of the file, as it was sent."},
            "uuid": {"type": "string", "description": "The uuid of the entry."},
        },
    }


def no_errors() -> dict[str, Schema]:
    """Return the two lists of errors of an answer that has none."""
    return _errors(_TEXT_OF_ERROR, {"maxItems": 0})


def _errors(error: Schema, bounds: Schema) -> dict[str, Schema]:
    return {
        "errors": {"type": "array", "items": error, **bounds},
        "problems": {
            "type": "array",
            "items": reference("Problem"),
            "description": "What errors has, in the same order.",
            **bounds,
        },
    }


def _answer(
    description: str,
    *,
    item: str = "Entry",
    error: Schema | None = None,
    data: Schema | None = None,
    errors: Schema | None = None,
    **more: Schema,
) -> Schema:
    return {
        "type": "object",
        "description": description,
        "required": ["data", "errors", "problems", *more],
        "properties": {
            "data": {"type": "array", "items": reference(item), **(data or {})},
            **_errors(error or _TEXT_OF_ERROR, errors or {}),
            "warnings": {
                "type": "array",
                "items": {"type": "string"},
                "description": "The entry was written, but the caches are not purged yet: see X-Purge.",
            },
            **more,
        },
    }


def _readiness() -> Schema:
    said = {"type": "string", "description": "ok, or what is wrong."}
    return {
        "type": "object",
        "required": ["ready", "redis", "storage"],
        "properties": {
            "ready": {"type": "boolean"},
            "redis": said,
            "storage": said,
            "failing_seconds": {
                "type": "object",
                "description": "For each dependency that is not ok, the seconds since when its "
                "checks fail. Absent if all are ok.",
                "additionalProperties": {"type": "number"},
            },
        },
    }


def _changes(**more: Schema) -> Schema:
    entry = _entry()["properties"]
    fixed = {name: {**entry[name], "readOnly": True} for name in entry if name not in {*SETTABLE, *more}}
    without_effect = {name: {"readOnly": True} for name in ("toWebp", *SHOWN_BESIDE)}
    said = {
        "type": "object",
        "description": (
            "Fields to change. A whole entry may be sent back: a field that only the service sets is accepted with its "
            "current value, and refused with another value."
        ),
        "required": list(more),
        "properties": {**more, **{name: _SETTABLE[name] for name in SETTABLE}, **fixed, **without_effect},
        "additionalProperties": False,
        **_BOTH,
    }
    return _with_one_of(said, SETTABLE)


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
                "pattern": _SHA256,
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
        "properties": {
            "namespace": {
                "type": ["string", "null"],
                "description": "The entries must be in this namespace. null for any.",
            },
            "uuids": {**uuids, "description": "A list, or one comma separated text."},
            "uuid": {**uuids, "description": "The same as uuids."},
        },
        # An entry that was read may be sent back.
        "propertyNames": {"enum": list(DELETION_FIELDS)},
    }
    return _with_one_of(said, ("uuids", "uuid"))


_EMPTY: Schema = {"examples": [""]}
"""For an optional field of a form. Pages to try the API fill forms with examples and send them. Such a field must
change nothing."""


def _form(own: dict[str, Schema], required: list[str], new: CatalogSettings | None) -> Schema:
    """Return the schema of a form. A form for `new` assets has their place; another may repeat the fields of the
    entry."""
    place: dict[str, Schema] = {}
    fixed: dict[str, Schema] = {}
    if new is None:
        fixed = {name: {"type": "string", "readOnly": True} for name in _ENTRY if name not in SETTABLE}
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
        "description": "Fields may come in any order, before or after the files. Unknown ones are ignored.",
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
            "expiration_date": {**_SETTABLE["expiration_date"], **_EMPTY},
            "external_id": {**_SETTABLE["external_id"], "type": "string", **_EMPTY},
            "information": {**_SETTABLE["information"], "type": "string", **_EMPTY},
            **{name: {**_SETTABLE[name], **_EMPTY} for name in FOCUS},
            **fixed,
        },
        **_BOTH,
    }


def _file() -> Schema:
    # OpenAPI 3.1 says contentMediaType; many tools still know a file by format alone.
    return {"type": "string", "format": "binary", "contentMediaType": media_types.BYTES, "minLength": 1}


def _file_list() -> Schema:
    return {"type": "array", "minItems": 1, "maxItems": 100, "items": _file()}


def _uuids() -> Schema:
    return {"type": "string", "description": "Comma separated. One for each file, in the same order."}
