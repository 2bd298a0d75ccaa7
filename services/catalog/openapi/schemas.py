"""The shapes in the document of what the service shows: entries, errors and answers. Pure functions."""

from typing import Any, get_type_hints

from services.catalog.answers import DELETED
from services.catalog.uploads.duplicates import NAMED_MAX
from services.core.assets import identity, names
from services.core.assets.addresses import SHOWN
from services.core.assets.entries import IF_KNOWN, Entry
from services.core.errors import TadaError

Schema = dict[str, Any]

UNIQUE_NAME = f"^{names.UNIQUE_NAME}$"
SHA256 = "^[0-9a-f]{64}$"
UUID: Schema = {"type": "string", "pattern": f"^(?:{identity.SPELLING})$"}
"""In any spelling. An entry shows it as it was stored, so no format is said of it."""

_TYPES: dict[Any, Schema] = {
    str: {"type": "string"},
    str | None: {"type": ["string", "null"]},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    int | None: {"type": ["integer", "null"]},
    float | None: {"type": ["number", "null"]},
    list[str]: {"type": "array", "items": {"type": "string"}},
    dict[str, Any]: {"type": "object"},
}
SHARE: Schema = {"minimum": 0, "maximum": 1}
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
    "versioned_url": {
        "format": "uri-reference",
        "description": (
            "public_url with v, which says what the asset contains now. Browsers may keep its answer for a year."
        ),
    },
    "external_id": {"description": "A text of the client, such as its own id."},
    "expired": {"description": "An expired asset is no longer delivered."},
    "expiration_date": {"format": "date-time", "description": "From then on, the asset is expired. null for never."},
    "information": {"description": "A text of the client."},
    "original_mimetype": {"description": "The media type of the stored bytes."},
    "mimetype": {"description": "The media type that full delivers."},
    "signature": {"pattern": SHA256, "description": "SHA-256 of the stored bytes, in hex."},
    "size": {"minimum": 0, "description": "Length of the stored bytes, without the metadata that was removed."},
    "original_size": {"minimum": 0, "description": "Length of the uploaded bytes."},
    "destination": {"description": "The folders below the namespace. If there are none, the namespace itself."},
    "uploaded_date": {"format": "date-time", "description": "When the entry was created."},
    "updated_date": {"format": "date-time", "description": "When the entry last changed."},
    "converted": {"description": "Whether the asset is delivered as WebP (toWebp)."},
    "storage_key": {"description": "The key of the bytes in the storage."},
    "focus_x": {**SHARE, "description": "Focal point of cuts, from the left of the upright picture. null for none."},
    "focus_y": {**SHARE, "description": "The same from above. Both are numbers, or both are null."},
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
    "visible_from": {
        "format": "date-time",
        "description": "Before it, the asset is not delivered. null for no such date.",
    },
    "title": {"description": "A text of the client: what people call it."},
    "alt": {"description": "A text of the client: what it shows, for people who do not see it."},
    "caption": {"description": "A text of the client: what stands below it."},
    "credit": {"description": "A text of the client: who made it."},
    "tags": {"description": "Words of the client, in its order."},
    "meta": {"description": "An object of the client's own, which TADA does not read."},
    "original_signature": {
        "pattern": SHA256,
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


_WRITTEN = "The written entries in their current state, and the errors. A list that succeeded in part has both."
_TEXT_OF_ERROR: Schema = {"type": "string", "description": "The text of an error, as the older service had it."}
_ERROR_OF_FILES: Schema = {"anyOf": [{"$ref": "#/components/schemas/FileError"}, _TEXT_OF_ERROR]}
"""Of one file among several, or of the whole request."""
_TRASH_ID: Schema = {"type": "string", "pattern": "^[0-9]{1,16}$", "description": "What names it in the trash."}
_ENDS_DATE: Schema = {
    "type": "string",
    "format": "date-time",
    "description": "From then on, it cannot be brought back for certain.",
}


def components() -> dict[str, Schema]:
    """Return every named schema of what the service shows."""
    return {
        "Entry": entry(),
        "ChangedEntry": entry(
            catalogItemUrl={
                "type": "string",
                "format": "uri-reference",
                "description": "The public address of the entry.",
            }
        ),
        "DeletedEntry": _deleted(),
        **_undone(),
        "Problem": _problem(),
        "FileError": _file_error(),
        "Answer": _of_uploads(_answer(_WRITTEN)),
        "ChangedAnswer": _answer("The changed entry.", item="ChangedEntry"),
        "DeletedAnswer": _answer("The deleted entry.", item="DeletedEntry"),
        "FilesAnswer": _of_uploads(_answer(_WRITTEN, error=_ERROR_OF_FILES)),
        "DeletedFilesAnswer": _answer(
            "The deleted entries, and the errors. A list that succeeded in part has both.",
            item="DeletedEntry",
            error=_ERROR_OF_FILES,
        ),
        "Page": _answer("One entry in data.", data={"minItems": 1, "maxItems": 1}, errors={"maxItems": 0}),
        "SearchResult": _search_result(),
        "Folder": _folder(),
        "Folders": _answer(
            "Folders in the order of their paths.",
            item="Folder",
            errors={"maxItems": 0},
            folder={**reference("Folder"), "description": "The folder that they are in."},
            current=_CURRENT,
            cursor=_CURSOR,
        ),
        "Issuer": _issuer(),
        "Auth": _answer("At most one issuer.", item="Issuer", data={"maxItems": 1}, errors={"maxItems": 0}),
        "NamespaceUsage": _usage(),
        "Usage": _answer(
            "Namespaces in the order of their names.",
            item="NamespaceUsage",
            errors={"maxItems": 0},
            complete={
                "type": "boolean",
                "description": "false while everything is counted, after an upgrade: the numbers are too small then.",
            },
        ),
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
    }


def _of_uploads(answer: Schema) -> Schema:
    """Return the shape of an answer to uploads, which may name duplicates."""
    named = {"of": {**UUID, "description": "The upload."}, "uuid": UUID, "unique_name": {"type": "string"}}
    answer["properties"]["duplicates"] = {
        "type": "array",
        "description": f"Entries with the bytes of an upload, up to {NAMED_MAX} for each. Absent if none is known.",
        "minItems": 1,
        "items": {"type": "object", "required": list(named), "properties": named, "additionalProperties": False},
    }
    return answer


def _deleted() -> Schema:
    """Return the shape of a deleted entry, which may be in the trash."""
    shape = entry(message={"const": DELETED["message"], "description": "The same for each entry."})
    shape["properties"]["trash"] = {
        "type": "object",
        "description": "How it can be brought back. Absent if it cannot.",
        "required": ["id", "ends_date"],
        "properties": {"id": _TRASH_ID, "ends_date": _ENDS_DATE},
        "additionalProperties": False,
    }
    return shape


def _undone() -> dict[str, Schema]:
    """Return the schemas of what can be brought back."""
    moment: Schema = {"type": "string", "format": "date-time"}
    replaced = {**moment, "description": "When another file took its place."}
    differs: Schema = {
        "type": "object",
        "description": "The fields in which the present version differs.",
        "additionalProperties": {
            "type": "object",
            "required": ["then", "now"],
            "properties": {"then": {}, "now": {}},
            "additionalProperties": False,
        },
    }
    total = {"type": "integer", "minimum": 0, "description": "All deleted assets, also those of other namespaces."}
    nothing_wrong: Schema = {"maxItems": 0}
    return {
        "Version": entry(replaced_date=replaced),
        "ComparedVersion": entry(replaced_date=replaced, differs=differs),
        "TrashedEntry": entry(
            id=_TRASH_ID,
            deleted_date={**moment, "description": "When it was deleted."},
            ends_date=_ENDS_DATE,
        ),
        "Versions": _answer("Earlier versions, the last one first.", item="Version", errors=nothing_wrong),
        "ComparedVersions": _answer("An earlier version.", item="ComparedVersion", errors=nothing_wrong),
        "Trash": _answer("Deleted assets.", item="TrashedEntry", errors=nothing_wrong, total=total),
        "Trashed": _answer("A deleted asset.", item="TrashedEntry", errors=nothing_wrong),
    }


def reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def error_codes() -> list[str]:
    """Return the code of every error."""

    def below(kind: type[TadaError]) -> set[str]:
        return {kind.code}.union(*(below(child) for child in kind.__subclasses__()))

    return sorted(below(TadaError) | {"method_not_allowed"})


def entry(**beside: Schema) -> Schema:
    """Return the shape of an entry, with what some answers show beside its fields."""
    types = {**get_type_hints(Entry), **dict.fromkeys(SHOWN, str)}
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


def one_error() -> dict[str, Schema]:
    """Return the two lists of errors of an answer that has one."""
    return _errors(_TEXT_OF_ERROR, {"minItems": 1})


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
                "description": "Fields of a form that are unknown or repeated; and what follows the write and is not "
                "done yet: the purge of the caches (see X-Purge), or the facts that the request waits for.",
            },
            **more,
        },
    }


_CURRENT: Schema = {
    "type": "boolean",
    "description": "Whether the index has every change that was answered before the request.",
}
_CURSOR: Schema = {"type": ["string", "null"], "description": "The cursor of the next page. null on the last page."}


def _folder() -> Schema:
    count: Schema = {"type": "integer", "minimum": 0}
    properties: dict[str, Schema] = {
        "path": {"type": "string", "description": "Such as /DEV/shop. The whole catalog is /."},
        "name": {"type": "string", "description": "The last part of its path."},
        "entries": {**count, "description": "The number of the entries directly in it."},
        "bytes": {**count, "description": "The sum of their size."},
        "all_entries": {**count, "description": "The number of the entries in it and in all folders below it."},
        "all_bytes": {**count, "description": "The sum of their size."},
        "has_folders": {"type": "boolean", "description": "Whether there are folders in it."},
    }
    return {"type": "object", "required": list(properties), "properties": properties, "additionalProperties": False}


def _issuer() -> Schema:
    properties: dict[str, Schema] = {
        "issuer": {"type": "string", "format": "uri", "description": "Where OpenID Connect begins to be discovered."},
        "client_id": {"type": "string"},
        "scopes": {"type": "string", "description": "To ask for, separated by spaces."},
    }
    return {"type": "object", "required": list(properties), "properties": properties, "additionalProperties": False}


def _usage() -> Schema:
    count: Schema = {"type": "integer", "minimum": 0}
    limit: Schema = {"type": ["integer", "null"], "minimum": 0}
    properties: dict[str, Schema] = {
        "namespace": {"type": "string"},
        "assets": {**count, "description": "The number of its entries."},
        "bytes": {**count, "description": "The sum of their size."},
        "retired_files": {**count, "description": "The number of its earlier versions and deleted assets that stay."},
        "retired_bytes": {**count, "description": "The sum of their size."},
        "quota_assets": {**limit, "description": "The most entries that it may have. null for any number."},
        "quota_bytes": {**limit, "description": "The most bytes, retired ones included. null for any number."},
    }
    return {"type": "object", "required": list(properties), "properties": properties, "additionalProperties": False}


def _search_result() -> Schema:
    counted: Schema = {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["value", "count"],
            "properties": {"value": {"type": "string"}, "count": {"type": "integer", "minimum": 1}},
        },
    }
    return _answer(
        "Entries as they are now, and numbers of all pages together.",
        errors={"maxItems": 0},
        total={"type": "integer", "minimum": 0, "description": "The number of entries that are found."},
        total_exact={
            "type": "boolean",
            "description": "Whether total counts all entries. Otherwise, it counts only those among the entries that "
            "were uploaded last.",
        },
        current=_CURRENT,
        facets={
            "type": "object",
            "description": "For each requested facet its most frequent values.",
            "additionalProperties": counted,
        },
        facets_exact={"type": "boolean", "description": "The same for the facets."},
        cursor=_CURSOR,
    )


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
