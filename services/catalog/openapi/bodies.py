"""Parameters and bodies of the routes in the document, with examples. Pure functions."""

from typing import Any

from services.catalog.bodies import ENTRY_FIELDS
from services.catalog.openapi import answers, schemas
from services.catalog.openapi.requests import MAX_ITEMS, WORDS
from services.catalog.openapi.schemas import Schema, reference
from services.catalog.routes import folders, undo
from services.catalog.routes.arguments import NUMBER_MAX, PLACES
from services.catalog.routes.listing import CURSOR, FILTER_VALUE_MAX, LIMIT_MAX
from services.catalog.search import colours, query
from services.catalog.search.row import MISSING
from services.catalog.search.words import PART_MIN
from services.catalog.settings import CatalogSettings
from services.catalog.uploads.conflicts import OnConflict
from services.catalog.uploads.described import WAIT_SECONDS, WAITS
from services.core.assets import media_types, names
from services.core.dumps import naming

Body = dict[str, Any]

_DATES = {
    "uploaded": "uploaded",
    "updated": "updated",
    "expires": "with an expiration_date",
    "visible": "with a visible_from",
}
"""What the dates of query.DATES say of an entry."""

UUID: Schema = {
    "name": "uuid",
    "in": "path",
    "required": True,
    "description": "The uuid of an entry: with dashes or without, in any case.",
    "schema": schemas.UUID,
}
VERSION: Schema = {
    "name": "version",
    "in": "path",
    "required": True,
    "description": "The number of an earlier version.",
    "schema": {"type": "integer", "minimum": 1, "maximum": 10**16 - 1},
}
TRASH_ID: Schema = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "The id of a deleted asset in the trash.",
    "schema": {"type": "integer", "minimum": 1, "maximum": 10**16 - 1},
}
IF_NONE_MATCH: Schema = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The ETag of the client's copy: answered 304 while the copy is current.",
    "schema": {"type": "string"},
}
IF_MATCH: Schema = {
    "name": "If-Match",
    "in": "header",
    "description": "The ETag of the entry that the client has read: answered 412, and nothing is written, if the entry "
    "is another one by now.",
    "schema": {"type": "string"},
}


def _text(longest: int) -> Schema:
    return {"type": "string", "maxLength": longest}


def list_parameters() -> tuple[Schema, ...]:
    """Return the parameters that select a part of the list."""
    page = {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX}
    return (
        _query(
            "filterByKey",
            {"type": "string", "enum": ["", *ENTRY_FIELDS]},
            "A field of the entries. A field that only the older service knew is possible too, if an entry has it.",
        ),
        _query(
            "filterByValue",
            _text(FILTER_VALUE_MAX),
            "The value of that field, such as a text, true, null or 12. It requires filterByKey.",
        ),
        _query("limit", page, "Maximum number of entries of a page. It may have fewer. Without it, all are listed."),
        _query("cursor", {"type": "string", "pattern": f"^(?:{CURSOR})?$"}, "X-Next-Cursor of the previous page."),
        IF_NONE_MATCH,
    )


def search_parameters() -> tuple[Schema, ...]:
    """Return the parameters of a search. Each may be empty, which is the same as absent: forms send them so."""
    number: Schema = {"type": "integer", "minimum": 0, "maximum": NUMBER_MAX}
    date: Schema = {"type": "string", "format": "date-time"}
    truth: Schema = {"type": "string", "enum": ["", *WORDS]}
    text = _text(query.TEXT_MAX)
    types = _choice(*media_types.KNOWN, *(alias for kind in media_types.KNOWN.values() for alias in kind.aliases))
    sides = {"min": "at least", "max": "at most"}
    return (
        _query(
            "q",
            text,
            f"Words, or parts of words of {PART_MIN} characters or more; at most {query.WORDS_MAX}. An entry that is "
            "found has all of them. A text without letters and digits is refused.",
        ),
        _query("namespace", {**_pattern(names.SEGMENT), **text}, "Only entries of this namespace."),
        _query(
            "folder",
            {**_pattern(f"/*{names.SEGMENT}(?:/{names.SEGMENT})*/*"), **text},
            "Only entries of this folder, such as /DEV/shop. It must be in the namespace, if there is one.",
        ),
        _query(
            "recursive",
            truth,
            "Whether folders below the folder belong to it. The default is true for a namespace, and false for a "
            "folder.",
        ),
        _query(
            "tag", _several(text), "Only entries with this tag. If it is there several times, with all of the tags."
        ),
        _query("type", _several(types), "Only files of this type. If it is there several times, of one of the types."),
        *(
            _query(f"{side}_{column}", number, f"Only entries whose {column} is {sides[side]} this.")
            for column in query.RANGES
            for side in sides
        ),
        _query("orientation", _choice(*query.ORIENTATIONS), "Only pictures of this shape."),
        _query(
            "color",
            _pattern("|".join((*colours.NAMES, colours.CODE))),
            f"Only pictures of a colour: {', '.join(colours.NAMES)}, or one like it: #a1b2c3.",
        ),
        _query("expired", truth, "Only entries that are expired now, or only the others."),
        _query("missing", _choice(*MISSING), "Only entries in which this field is empty."),
        *(
            _query(
                f"{column}_{side}",
                date,
                f"Only entries {does} {side} this. The moment itself counts as after. A date is its start in UTC.",
            )
            for column, does in _DATES.items()
            for side in ("after", "before")
        ),
        _query("external_id", text, "Only entries with exactly this external_id."),
        _query("signature", _pattern(query.SIGNATURE), "Only entries with these stored bytes: their SHA-256."),
        _query(
            "facets",
            {**_pattern(query.FACET_LIST), **text},
            f"What is counted, separated by commas: {', '.join(query.FACETS)}.",
        ),
        _query(
            "sort",
            _choice(*(f"{way}{name}" for name in query.SORTS for way in ("-", ""))),
            f"The order; with a minus, the reverse. The default is {query.DEFAULT_SORT}. An order by a date that not "
            "every entry has needs a bound of that date, such as expires_after.",
        ),
        _query(
            "limit",
            {"type": "integer", "minimum": 1, "maximum": query.LIMIT_MAX},
            f"Maximum number of entries of a page. It may have fewer. The default is {query.LIMIT}.",
        ),
        _query(
            "cursor",
            {**_pattern(query.CURSOR), **_text(query.CURSOR_MAX)},
            "cursor of the previous page. It belongs to the sort of that page.",
        ),
    )


def folder_parameters() -> tuple[Schema, ...]:
    """Return the parameters that name a folder and a page of those in it."""
    return (
        _query(
            "parent",
            _pattern(f"/|/*{names.SEGMENT}(?:/{names.SEGMENT})*/*"),
            "The folder, such as /DEV/shop. The default is /, in which the namespaces are.",
        ),
        _query(
            "namespace",
            _pattern(names.SEGMENT),
            "The namespace that the parent is in. Without a parent, it is the folder of this namespace.",
        ),
        _query(
            "limit",
            {"type": "integer", "minimum": 1, "maximum": folders.LIMIT_MAX},
            f"Maximum number of folders of a page. The default is {folders.LIMIT}.",
        ),
        _query("cursor", _pattern(names.SEGMENT), "cursor of the previous page."),
    )


def _pattern(expression: str) -> Schema:
    """Return the schema of a text that is empty or matches an expression."""
    return {"type": "string", "pattern": f"^(?:{expression})?$"}


def _choice(*known: str) -> Schema:
    return {"type": "string", "enum": ["", *known]}


def _several(item: Schema) -> Schema:
    return {"type": "array", "items": item, "maxItems": query.REPEATED_MAX}


def trash_parameters() -> tuple[Schema, ...]:
    """Return the parameters that select a part of the trash."""
    page = {"type": "integer", "minimum": 1, "maximum": undo.LIMIT_MAX}
    namespace, folder = map(_pattern, PLACES.values())
    return (
        _query("namespace", namespace, "Only assets of this namespace."),
        _query("folder", folder, "Only assets of this folder and those below it, such as /DEV/shop."),
        _query("limit", page, f"Maximum number of assets of a page: {undo.LIMIT} by default. It may have fewer."),
        _query("cursor", _pattern(undo.CURSOR), "X-Next-Cursor of the previous page."),
    )


def confirm(things: str, unconfirmed_max: int) -> Schema:
    """Return the parameter with the number of things that are to be removed."""
    about = f"The number of {things}. It is required if there are more than {unconfirmed_max}."
    return _query("confirm", {"type": "integer", "minimum": 0, "maximum": NUMBER_MAX}, about)


def dump_parameters() -> tuple[Schema, ...]:
    """Return the parameters that name a file of a dump."""
    filename: Schema = {
        "name": "filename",
        "in": "path",
        "required": True,
        "description": "The name of a file, or latest.",
        "schema": {"type": "string", "pattern": f"^(?:{naming.FILENAME}|{naming.LATEST})$"},
        "example": naming.filename_of("20250812T143052", "json"),
    }
    kinds: Schema = {"type": "string", "enum": [*naming.KINDS]}
    return (filename, _query("format", kinds, "The format of the latest dump. Without it, JSON is preferred to RDB."))


_CHANGING = ("Replacement", "Replacements")
_AS_JSON = " Without files, the fields may come as JSON, as for PATCH /catalog/{uuid} and PATCH /catalog."
_PLACE_AS_JSON = " In JSON, null is the same as no destination or filename, and an empty destination means no folder."


def form(schema: str, settings: CatalogSettings) -> Body:
    """Return a body that has one file or several.

    A change of fields alone may be sent as JSON, too. Only the description says so: for an operation with two media
    types, generators make code that cannot be imported. `PATCH /catalog` takes the same JSON.
    """
    part = "files" if schema.endswith("s") else "file"
    as_json = _AS_JSON if schema in _CHANGING else ""
    as_json += _PLACE_AS_JSON if schema == "Replacement" else ""
    encoding = {part: {"contentType": ", ".join(settings.valid_mimetypes)}}
    return {
        "required": True,
        "description": f"A file has {settings.payload_max_size} bytes at most.{as_json}",
        "content": {media_types.FORM: {"schema": reference(schema), "encoding": encoding}},
    }


def changes() -> Body:
    return _json(reference("Changes"), {"external_id": "shop-4711", "information": "Photo: A. Person"})


def list_of_changes(settings: CatalogSettings) -> Body:
    return _json(_list("ChangeOfOne"), [{"uuid": _uuid(settings), "information": "Photo: A. Person"}])


def deletions(settings: CatalogSettings) -> Body:
    return _json(_list("Deletion"), [{"namespace": settings.namespaces_allowed[0], "uuids": [_uuid(settings)]}])


def adoption(settings: CatalogSettings) -> Body:
    entry = answers.example(settings)
    return _json(reference("Adoption"), {name: entry[name] for name in ("unique_name", "original_filename")})


def _json(schema: Schema, example: object) -> Body:
    return {"required": True, "content": {media_types.JSON: {"schema": schema, "example": example}}}


def _list(schema: str) -> Schema:
    return {"type": "array", "minItems": 1, "maxItems": MAX_ITEMS, "items": reference(schema)}


def _query(name: str, schema: Schema, description: str) -> Schema:
    """Return an optional argument. It has no example: pages to try the API would send it."""
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _uuid(settings: CatalogSettings) -> str:
    return str(answers.example(settings)["uuid"])


ON_CONFLICT = _query(
    "on_conflict",
    {"type": "string", "enum": [*OnConflict]},
    "What to do if the path is taken. refuse: the file is refused, as without this argument. skip: the answer is the "
    "entry that is there if it has the same bytes; others are refused. replace: the file becomes the next version of "
    "the asset, as by PATCH /file/{uuid}. rename: the name gets a number, such as cat-2.webp.",
)
WAIT = _query(
    "wait",
    {"type": "string", "enum": [*WAITS]},
    f"facts: the answer comes when width, height, blurhash and dominant_color are known, or after {WAIT_SECONDS:.0f} "
    "seconds with a warning.",
)
