"""The answers in the document: each status with its headers, its shape and an example. Pure functions."""

from dataclasses import replace
from typing import Any

from services.catalog.answers import DELETED
from services.catalog.openapi import (
    about,
    actions,
    archives,
    caches,
    events,
    imports,
    jobs,
    signatures,
    status,
    tickets,
    webhooks,
)
from services.catalog.openapi.schemas import Schema, reference
from services.catalog.routes import usage
from services.catalog.routes.folders import shown
from services.catalog.search.folders import Folder
from services.catalog.settings import CatalogSettings
from services.core.assets import identity, media_types, names
from services.core.assets.entries import Entry, already_exists
from services.core.assets.quotas import Quota
from services.core.dumps import naming
from services.core.errors import (
    BadDump,
    DumpDamaged,
    DumpError,
    DumpsUnlisted,
    EntryChanged,
    FileTooLarge,
    Forbidden,
    JobEnded,
    NoDumpName,
    NoEntry,
    NotSigning,
    SignatureMismatch,
    Subject,
    TadaError,
    TicketUsed,
    TooManyRequests,
    Unauthorized,
    Unavailable,
)
from services.core.serving.envelope import envelope
from services.core.state import entry_json
from services.core.state.usage import Used
from services.core.storage.backends import BACKENDS, DEFAULT

Answer = dict[str, Any]

BODY = {400: "Refused", 413: "TooLarge"}
DOWN = {503: "Unavailable"}
ONE = {404: "NotFound", **DOWN}
SEVERAL = {200: "PartlyWritten", **BODY, **DOWN}
FILES = {200: "FilesPartlyWritten", 400: "FilesRefused", 413: "FilesTooLarge", **DOWN}
"""Answers that many operations share: operations with a body, with Redis, about one entry, about several entries, about
several files."""

_WRITTEN = ("X-Purge", "X-Change")
"""The headers of an answer to a write."""
_TRASH_ID = "1772357400000000"
_DIFFERS = {"information": {"then": None, "now": "Photo: A. Person"}}
_MOMENT = "2026-03-01T09:30:00.000+00:00"


def header_components() -> dict[str, Schema]:
    """Return every named header of the document."""
    return {
        "X-Request-Id": _header("string", "The id of the request in the log."),
        "X-Purge": {
            **_header(
                "string",
                "done: the public sees the change. queued: the public will see it when the caches can be reached.",
            ),
            "schema": {"type": "string", "enum": ["done", "queued"]},
        },
        "X-Change": {
            **_header("string", "The number of the change, for GET /nodes. Absent if nothing has changed."),
            "required": False,
        },
        "Content-Disposition": _header("string", "attachment, with the name of the file."),
        "Location": _header("string", "The path of the job."),
        "ETag": _header("string", "Send it back as If-None-Match, or to change the entry only as it is: as If-Match."),
        "Link": {**_header("string", 'The next page, as <…>; rel="next". Absent on the last page.'), "required": False},
        "X-Next-Cursor": {
            **_header("string", "The cursor of the next page. Absent on the last page."),
            "required": False,
        },
        "Retry-After": _header("integer", "Seconds to wait before trying again."),
        "WWW-Authenticate": _header("string", "Bearer"),
        "RateLimit": {
            **_header("string", "How many requests each limit still allows, and when there will be more."),
            "required": False,
        },
        "RateLimit-Policy": {**_header("string", "The limits for this client."), "required": False},
    }


def components(settings: CatalogSettings) -> dict[str, Answer]:
    """Return every named answer of the document."""
    entry = example(settings)
    whole = envelope([entry])
    unknown = NoEntry(_other()).about(Subject(index=1, namespace=settings.namespaces_allowed[0]))
    changed = {**entry, "catalogItemUrl": f"{settings.catalog_url}/{entry['uuid']}"}
    deleted = {**entry, **DELETED}
    version = {"replaced_date": _MOMENT, **entry}
    trashed = {"id": _TRASH_ID, "deleted_date": _MOMENT, "ends_date": "2026-03-31T09:30:00.000+00:00", **entry}
    cat = Subject(file="cat.jpg")
    first = replace(cat, index=0)
    too_large = FileTooLarge(settings.payload_max_size).about(first)
    taken = already_exists(_entry_of_cat(settings)).about(first)
    return {
        "Written": _answer("Written.", "Answer", whole, *_WRITTEN),
        "Uploaded": {**_answer("Catalogued.", "Answer", whole, *_WRITTEN), "links": _links()},
        "MadeTicket": _answer("Made.", "TicketAnswer", envelope([tickets.example_of_ticket(settings)])),
        "UploadedByPage": _answer(
            "Catalogued.", "PageUploadAnswer", envelope([tickets.seen_by_page(entry)]), *_WRITTEN
        ),
        "MadeArchive": _answer("Made.", "ArchiveAnswer", envelope([archives.example()], not_found=[]), "Location"),
        "Zip": {
            "description": "The files, as they were uploaded, by their paths. MISSING.txt in it names those that are "
            "not there, and why.",
            "headers": _headers("Content-Disposition"),
            "content": {media_types.ZIP: {}},
        },
        "Signatures": _answer(
            "Signed.", "SignedAddresses", envelope([signatures.example(settings, entry["unique_name"])])
        ),
        "EntryChanged": _refusal("The entry is not the one of If-Match.", EntryChanged()),
        "NotSigning": _refusal(
            "Addresses are not signed here, or the catalog service has no key.",
            NotSigning(
                "Addresses cannot be signed here: the catalog service has no key.",
                "Set URL_SIGNING_KEYS for the catalog service, as for the transform service.",
            ),
        ),
        "TicketRefused": _refusal("The ticket does not allow this.", TicketUsed()),
        "Changed": _answer("Changed.", "ChangedAnswer", envelope([changed]), *_WRITTEN),
        "Deleted": _answer("Deleted.", "DeletedAnswer", envelope([deleted]), *_WRITTEN),
        "PartlyWritten": _answer(
            "Written, all or in part: see errors.", "Answer", envelope([entry], [unknown]), *_WRITTEN
        ),
        "FilesPartlyWritten": _answer(
            "Written, all or in part: see errors.",
            "FilesAnswer",
            envelope([entry], [unknown], of_files=True),
            *_WRITTEN,
        ),
        "FilesPartlyDeleted": _answer(
            "Deleted, all or in part: see errors.",
            "DeletedFilesAnswer",
            envelope([deleted], [unknown], of_files=True),
            *_WRITTEN,
        ),
        "FilesRefused": _answer(
            "The request is not valid, or nothing of it succeeded.",
            "FilesRefusal",
            envelope([], [taken], of_files=True),
        ),
        "FilesTooLarge": _answer(
            "All files are too large, or their namespace has no room for them, or the body is too large.",
            "FilesRefusal",
            envelope([], [too_large], of_files=True),
        ),
        "Removed": _answer("Done.", "Removal", envelope([], removed=12), *_WRITTEN),
        "Entry": _answer("The entry.", "Page", whole, "ETag"),
        "Versions": _answer("The earlier versions.", "Versions", envelope([version])),
        "ComparedVersion": _answer("The version.", "ComparedVersions", envelope([{**version, "differs": _DIFFERS}])),
        "Trash": _answer("Deleted assets.", "Trash", envelope([trashed], total=1), "X-Next-Cursor"),
        "Trashed": _answer("The deleted asset.", "Trashed", envelope([trashed])),
        "Bytes": {
            "description": "The bytes, as an attachment.",
            "headers": _headers("Content-Disposition"),
            "content": {media_types.BYTES: {}},
        },
        "Damaged": _refusal(
            "The bytes in the storage are not those of the catalog.",
            SignatureMismatch(
                f"The stored bytes of {entry['unique_name']} do not match the catalog.", "Upload it again."
            ),
        ),
        "List": {
            "description": "The entries, or a page of them, in the order of creation.",
            "headers": _headers("ETag", "Link", "X-Next-Cursor"),
            "content": {
                media_types.JSON: {"schema": {"type": "array", "items": reference("Entry")}, "example": [entry]}
            },
        },
        "SearchResult": _answer(
            "A page of the entries that are found.",
            "SearchResult",
            envelope(
                [entry],
                total=1,
                total_exact=True,
                current=True,
                facets={"type": [{"value": entry["original_mimetype"], "count": 1}]},
                facets_exact=True,
                cursor=None,
            ),
        ),
        "Folders": _answer(
            "A page of the folders.",
            "Folders",
            envelope(
                [_folder_example("/DEV/shop", 3, 3)], folder=_folder_example("/DEV", 1, 4), current=True, cursor=None
            ),
        ),
        "DryRun": _answer(
            "What would be done (dry_run).", "ActionPreview", envelope([entry], dry_run=True, count=1, not_found=[])
        ),
        "Acting": _answer(
            "The job is in the queue.",
            "ActionAsked",
            envelope([actions.example_of_job()], dry_run=False, count=12, not_found=[]),
            "Location",
            "Retry-After",
        ),
        "Importing": _answer(
            "The job has begun.", "Jobs", envelope([imports.example_of_job()]), "Location", "Retry-After"
        ),
        "Auth": _answer(
            "The issuer of logins. Without one, data is empty.",
            "Auth",
            envelope([{"issuer": "https://login.example.com", "client_id": "tada", "scopes": "openid profile email"}]),
        ),
        "Usage": _answer(
            "The namespaces that the token may use.",
            "Usage",
            envelope(
                [usage.shown(entry["namespace"], Used(48_213_000, 1000, 96_426, 2), Quota(10 * 1024**3))], complete=True
            ),
        ),
        "NotModified": {"description": "The client's copy is still current.", "headers": _headers("ETag")},
        "Refused": _refusal("The request is not valid.", already_exists(_entry_of_cat(settings)).about(cat)),
        "Unauthorized": _refusal("No valid bearer token.", Unauthorized(), "WWW-Authenticate"),
        "Forbidden": _refusal(
            "The token does not allow this, or not in this namespace.",
            Forbidden("The token 'cms' may not write in namespace 'PROD'.", "It may write in: DEV."),
        ),
        "NotFound": _refusal("The entry does not exist, or its file is gone.", NoEntry(_other())),
        "TooLarge": _refusal(
            "The body is too large, or its namespace has no room for it (quota_exceeded).",
            FileTooLarge(settings.payload_max_size).about(cat),
        ),
        "TooMany": _refusal(
            "A rate limit is exceeded.",
            TooManyRequests("Too many requests: 100 in 30 s are allowed.", "Try again in 3 seconds.", 3),
            "Retry-After",
            "RateLimit",
            "RateLimit-Policy",
        ),
        "Unavailable": _refusal(
            "Redis or the storage cannot be reached. Nothing was done: try again.",
            Unavailable("The catalog cannot be reached right now.", "Try again in a moment."),
            "Retry-After",
        ),
        "Dump": {
            "description": "The file, as an attachment.",
            "headers": _headers("Content-Disposition"),
            "content": {kind: {} for kind in naming.MEDIA_TYPES.values()},
        },
        "Dumps": _answer("The dumps.", "Dumps", envelope([jobs.kept_dump()])),
        "NoListOfDumps": _dump_refusal("The storage cannot list its dumps.", DumpsUnlisted()),
        "NoDumpName": _dump_refusal(
            "The name is not that of a dump, or the route does not take an argument or the body.",
            NoDumpName("Invalid dump filename", "'x' is not the name of a dump.", "Use a name such as latest"),
        ),
        "TooLargeForDumps": _dump_refusal(
            "The route takes no body, and this one is too large to be read.",
            DumpError(
                "The request has to be changed", "The JSON body has more than 1048576 bytes.", "Send it without one."
            ),
        ),
        "NoDump": _dump_refusal("The dump does not exist.", naming.missing("json", naming.LATEST, BACKENDS[DEFAULT])),
        "DumpNotDone": _dump_refusal(
            "The job was cancelled, or a dump of no entries would take the place of one that has some.",
            DumpError("The dump could not be handled", "The job was cancelled by cms.", "Ask for it again."),
        ),
        "DamagedDump": _dump_refusal(
            "The file in the storage is not the one that was stored.",
            DumpDamaged("Dump file is damaged", "Its SHA-256 is different", naming.OTHER),
        ),
        "BadDump": _dump_refusal(
            "The dump cannot be restored. Nothing was changed.",
            BadDump("Dump cannot be restored", "dump_20250812T143052.json: it is not a list", naming.OTHER),
        ),
        "DumpUnavailable": {
            **_dump_refusal(
                "Redis or the storage cannot be reached.",
                DumpError("The dump could not be handled", "The storage does not answer.", "Try again later."),
            ),
            "headers": _headers("Retry-After"),
        },
        "CreatedDump": _answer("Stored.", "CreatedDump", jobs.created_dump()),
        "RestoredDump": {
            **_answer("Restored, or what would be restored (dry_run).", "RestoredDump", jobs.restored_dump()),
            # Nothing is purged where nothing was changed.
            "headers": {**_headers(), "X-Purge": {**header_components()["X-Purge"], "required": False}},
        },
        "WaitingDump": _answer("The job takes longer.", "WaitingDump", jobs.waiting_dump(), "Location", "Retry-After"),
        "Nodes": _answer("The nodes.", "Nodes", caches.nodes()),
        "Forms": _answer("The copies.", "Forms", caches.forms(entry["uuid"])),
        "Events": {"description": "The events.", "headers": _headers(), "content": events.answers()["Events"]},
        "History": {
            "description": "The events of the asset, the last one first.",
            "headers": _headers("X-Next-Cursor"),
            "content": events.answers()["History"],
        },
        "Jobs": _answer("The jobs.", "Jobs", envelope([jobs.example()])),
        "JobKinds": _answer("The jobs.", "JobKinds", envelope([jobs.example_of_kind()])),
        "Status": _answer("The status.", "StatusAnswer", envelope([status.example()])),
        "Asked": _answer("The job is in the queue.", "Jobs", envelope([jobs.example()]), "Location", "Retry-After"),
        "Cancelled": _answer("The job has ended.", "Jobs", envelope([jobs.cancelled()])),
        "Cancelling": _answer("The job stops soon.", "Jobs", envelope([jobs.cancelling()]), "Location", "Retry-After"),
        "JobEnded": _answer(
            "The job had ended already.",
            "EndedJob",
            envelope([jobs.example()], [JobEnded(jobs.example()["id"], "done")]),
        ),
        "Webhooks": _answer("The webhooks.", "Webhooks", envelope([webhooks.example()])),
        "WebhookWithSecret": _answer("The webhook.", "WebhooksWithSecret", envelope([webhooks.example_with_secret()])),
        "DeadLetters": _answer("A page.", "DeadLetters", envelope([webhooks.example_of_letter()], cursor=None)),
        "Replayed": _answer("They wait again.", "Replayed", envelope([], replayed=1, left=0)),
        "DeadLettersRemoved": _answer("They are gone.", "DeadLettersRemoved", envelope([], removed=1)),
        "Ready": _answer("Redis and the storage answer.", "Readiness", {"ready": True, "redis": "ok", "storage": "ok"}),
        "NotReady": _answer(
            "Redis or the storage does not answer.",
            "Readiness",
            {"ready": False, "redis": "does not answer", "storage": "ok"},
            "Retry-After",
        ),
        "About": _answer("The sender, and the service.", "About", envelope([about.example(settings)])),
        "Document": {
            "description": "The document.",
            "headers": _headers("ETag"),
            "content": {media_types.JSON: {"schema": {"type": "object"}}},
        },
        "Page": {
            "description": "The page.",
            "headers": _headers("ETag"),
            "content": {media_types.HTML: {"schema": {"type": "string"}}},
        },
    }


def example(settings: CatalogSettings) -> dict[str, Any]:
    """Return an entry as an upload of cat.jpg makes it, as JSON."""
    return entry_json.shown(_entry_of_cat(settings), settings.addresses)


def _entry_of_cat(settings: CatalogSettings) -> Entry:
    namespace, kind = settings.namespaces_allowed[0], media_types.JPEG
    name = names.name_asset(namespace, "products", "cat.jpg", kind, frozenset({kind}), converted=True)
    return Entry(
        uuid=identity.asset_uuid(name.unique_name),
        version=1,
        namespace=namespace,
        unique_name=name.unique_name,
        filename=name.filename,
        original_filename=name.original_filename,
        external_id="shop-4711",
        expired=False,
        expiration_date=None,
        information=None,
        original_mimetype=kind,
        mimetype=media_types.WEBP,
        signature="9f" * 32,
        size=48213,
        original_size=48213,
        destination=name.destination,
        uploaded_date=_MOMENT,
        updated_date=_MOMENT,
        converted=True,
        storage_key=names.plain_storage_key(name.unique_name),
        width=1600,
        height=1067,
        blurhash="LGF5?xYk^6#M@-5c,1J5@[or[Q6.",
        dominant_color="#a1b2c3",
        content_date=_MOMENT,
        alt="A grey cat on a red sofa",
        tags=["cat", "indoors"],
    )


def reference_to(name: str) -> Answer:
    return {"$ref": f"#/components/responses/{name}"}


def _folder_example(path: str, entries: int, all_entries: int) -> dict[str, Any]:
    return shown(Folder(path, entries, entries * 48_213, all_entries, all_entries * 48_213))


def _links() -> dict[str, Any]:
    uuid = {"uuid": "$response.body#/data/0/uuid"}
    return {name: {"operationId": name, "parameters": uuid} for name in ("getEntry", "changeFile", "deleteFile")}


def _other() -> str:
    return identity.asset_uuid("/DEV/products/dog.webp")


def _answer(description: str, schema: str, example: object, *headers: str) -> Answer:
    return {
        "description": description,
        "headers": _headers(*headers),
        "content": _json(reference(schema), example),
    }


def _json(schema: Schema, example: object) -> Schema:
    return {media_types.JSON: {"schema": schema, "example": example}}


def _dump_refusal(description: str, error: DumpError) -> Answer:
    return _answer(description, "DumpRefusal", error.said())


def _refusal(description: str, error: TadaError, *headers: str) -> Answer:
    return _answer(description, "Refusal", envelope([], [error]), *headers)


def _headers(*names: str) -> dict[str, Schema]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in ("X-Request-Id", *names)}


def _header(kind: str, description: str) -> Schema:
    return {"description": description, "required": True, "schema": {"type": kind}}
