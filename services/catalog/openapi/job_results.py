"""The results of jobs in the document: one shape for all jobs, of which generators make one class. Pure."""

from services.catalog.openapi.schemas import Schema
from services.core.storage.backends import BACKENDS

_TEXT: Schema = {"type": "string"}
_MAYBE: Schema = {"type": ["string", "null"]}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_TRUTH: Schema = {"type": "boolean"}


def result(file: Schema, restored: Schema, difference: Schema) -> Schema:
    """Return the shape; of parts that answers about dumps have, too."""
    return {
        "type": "object",
        "description": "Each job has its own fields. While `interface` is the same, more may be added.",
        "properties": {
            "interface": {"type": "integer", "description": "The number of this interface."},
            "seconds": {"type": "number", "minimum": 0, "description": "How long it took."},
            **_of_all_entries(),
            **_of_sync(),
            "expired_count": _said(_COUNT, "expire", "entries that have expired"),
            "expired": _said(_entries(), "expire", "the first of them"),
            "described_count": _said(_COUNT, "describe", "entries that have got facts"),
            "undescribed_count": _said(_COUNT, "describe", "entries that have got none"),
            "undescribed": _said(_entries(), "describe", "the first of them"),
            "side": _said(_COUNT, "reduce", "the setting REDUCTION_SIDE"),
            "bytes": _said(_COUNT, "reduce", "those of all reductions"),
            "made_count": _said(_COUNT, "reduce", "reductions that were made"),
            "folder": _said(_MAYBE, "warm", "the folder, empty for all, null for one asset"),
            "uuid": _said(_MAYBE, "warm", "the one asset, null for a folder"),
            "unique_name": _said(_MAYBE, "warm", "its path"),
            "forms": _said({"type": "array", "items": _TEXT}, "warm", "what each asset is warmed in"),
            "warmed_count": _said(_COUNT, "warm", "assets of which every node has every form"),
            "action": _said(_TEXT, "act", "change or delete"),
            "purged": _said(
                _TRUTH, "act and restore_dump", "whether every node of the gateway had all changes in time"
            ),
            "items": _said({"type": "array", "items": _item()}, "import", "what is known of each"),
            **_of_trash(),
            "delivered": _said(_TRUTH, "test_webhook", "whether the receiver took the event"),
            "status": _said({"type": ["integer", "null"]}, "test_webhook", "the status that it answered"),
            "text": _said(
                {"type": ["string", "null"]}, "test_webhook", "the beginning of its answer, or why there is none"
            ),
            **_of_dumps(file, restored),
            "difference": _said(difference, "restore_dump with dry_run", "what a restore would change"),
        },
    }


def _of_all_entries() -> dict[str, Schema]:
    return {
        "checked": _said(_COUNT, "sync, describe, reduce and warm", "entries that were looked at"),
        "count": _said(_COUNT, "act, import and reduce", "entries of the action, items of the import, or reductions"),
        "done_count": _said(_COUNT, "act and import", "how many are done"),
        "skipped_count": _said(_COUNT, "act", "entries that were left alone"),
        "skipped": _said(_entries(), "act and restore_dump", "the first entries that were left alone or left out"),
        "cancelled_count": _said(_COUNT, "import", "how many were not imported, because it was cancelled"),
        "failed_count": _said(_COUNT, "reduce, warm, act and import", "how many failed"),
        "failed": _said(_entries(), "reduce, warm and act", "the first of them"),
        "removed_count": _said(_COUNT, "sync and reduce", "entries, or reductions, that were removed"),
        "dry_run": _said(_TRUTH, "sync and empty_trash", "whether nothing was changed"),
    }


def _of_sync() -> dict[str, Schema]:
    return {
        "listed": _said({**_COUNT, "type": ["integer", "null"]}, "sync", "files in the list; null if there is none"),
        "missing_count": _said(_COUNT, "sync", "entries without a file"),
        "missing": _said(_entries(), "sync", "the first of them"),
        "unknown_count": _said(_COUNT, "sync", "files without an entry"),
        "unknown": _said({"type": "array", "items": _TEXT}, "sync", "the first of them"),
        "late_count": _said(_COUNT, "sync", "files of failed uploads that were removed"),
        "stopped": _said({"type": ["string", "null"]}, "sync", "why it was stopped"),
    }


def _of_trash() -> dict[str, Schema]:
    return {
        "assets": _said(_COUNT, "empty_trash", "deleted assets that cannot be brought back any more"),
        "versions": _said(_COUNT, "empty_trash", "versions that cannot be brought back any more"),
        "deleted": _said(_COUNT, "empty_trash", "files that are deleted already"),
        "old_paths": _said(_COUNT, "empty_trash", "forgotten addresses"),
    }


def _of_dumps(file: Schema, restored: Schema) -> dict[str, Schema]:
    files = {"type": "object", "properties": {"json": file, "rdb": file}, "additionalProperties": False}
    source = {"enum": [backend.source for backend in BACKENDS.values()]}
    return {
        "message": _said(_TEXT, "create_dump, publish and restore_dump", "what was done"),
        "files": _said(files, "create_dump and publish", "the files of the dump"),
        "timestamp": _said(_TEXT, "create_dump and publish", "the UTC second that names them"),
        "source": _said(source, "create_dump and publish", "the kind of storage"),
        "pruned": _said(
            {"type": "array", "items": _TEXT}, "create_dump and publish", "the timestamps of dumps that were deleted"
        ),
        "details": _said(restored, "restore_dump", "the source of the catalog"),
        "completed": _said(_COUNT, "restore_dump", "entries in which something was missing"),
        "renamed": _said(_COUNT, "restore_dump", "entries that got another uuid"),
        "retired_count": _said(
            {**_COUNT, "type": ["integer", "null"]}, "restore_dump", "versions and deleted assets that are back"
        ),
        "fallback": _said({"type": ["string", "null"]}, "restore_dump", "why the RDB was used"),
    }


def _entries() -> Schema:
    entry = {
        "type": "object",
        "required": ["reason"],
        "properties": {
            "index": {"type": "integer", "minimum": 1, "description": "Its place in the dump."},
            "uuid": {"type": ["string", "null"]},
            "unique_name": {"type": ["string", "null"]},
            "reason": _TEXT,
        },
    }
    return {"type": "array", "items": entry}


def _item() -> Schema:
    error = {"code": _TEXT, "message": _TEXT, "hint": _TEXT, "status": {"type": "integer"}}
    return {
        "type": "object",
        "required": ["index", "url", "status"],
        "properties": {
            "index": {"type": "integer", "minimum": 0, "description": "Its place in the request."},
            "url": {"type": "string", "description": "Its address without what stands after the ?."},
            "status": {"enum": ["waiting", "running", "retrying", "done", "failed", "cancelled"]},
            "uuid": _TEXT,
            "unique_name": _TEXT,
            "existed": {"type": "boolean", "description": "Whether the asset was there."},
            "error": {"type": "object", "required": ["code", "message"], "properties": error},
        },
    }


def _said(schema: Schema, jobs: str, meaning: str) -> Schema:
    return {**schema, "description": f"Of {jobs}: {meaning}."}
