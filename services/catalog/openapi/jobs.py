"""Jobs and dumps in the document: their schemas, examples and routes. Pure functions."""

from dataclasses import asdict
from typing import Any

from services.catalog.openapi.requests import WORDS
from services.catalog.openapi.schemas import Schema, no_errors, reference
from services.catalog.routes.dumps import RESTORING
from services.catalog.routes.jobs import LIMIT, LIMIT_MAX
from services.core.assets import media_types
from services.core.dumps import naming
from services.core.jobs import kinds
from services.core.jobs.log import STATUSES, Record
from services.core.storage.backends import BACKENDS

_STAMP = "20250812T143052"
_FILE: Schema = {
    "type": "object",
    "required": ["filename", "size"],
    "properties": {
        "filename": {"type": "string", "pattern": f"^{naming.FILENAME}$"},
        "size": {"type": "integer", "minimum": 0, "description": "Bytes."},
        "records": {"type": "integer", "minimum": 0, "description": "Entries."},
    },
    "additionalProperties": False,
}
_NAME: Schema = {"type": "string", "pattern": f"^{naming.STEM_OR_FILENAME}$", "maxLength": naming.NAME_MAX}
_FILE_OR_NOT: Schema = {"oneOf": [_FILE, {"type": "null"}]}
_MOMENT: Schema = {"type": ["string", "null"], "format": "date-time"}


def schemas() -> dict[str, Schema]:
    """Return the named schemas."""
    return {
        "Job": _job(),
        "ArgumentsOfJob": _job_arguments(),
        "Jobs": {
            "type": "object",
            "description": "Jobs, the latest first.",
            "required": ["data", "errors", "problems"],
            "properties": {"data": {"type": "array", "items": reference("Job")}, **no_errors()},
        },
        "CreatedDump": _closed(
            "The files of a dump.",
            message={"type": "string"},
            files={
                "type": "object",
                "description": "JSON and RDB of the same instant, or the only one that was asked for.",
                "minProperties": 1,
                "properties": {"json": _FILE, "rdb": _FILE},
                "additionalProperties": False,
            },
            timestamp={"type": "string", "description": "The UTC second that names the files."},
        ),
        "Dumps": _closed(
            "Dumps. The first one is the one that `latest` names.",
            data={"type": "array", "items": reference("KeptDump")},
            **no_errors(),
        ),
        "KeptDump": _closed(
            "One dump. A missing file is null.",
            timestamp={"type": "string", "description": "The UTC second that names the files."},
            records={
                "type": ["integer", "null"],
                "minimum": 0,
                "description": "Number of entries. null if it is not recorded.",
            },
            latest={"type": "boolean", "description": "Whether `latest` names it."},
            files=_closed("Its files.", json=_FILE_OR_NOT, rdb=_FILE_OR_NOT),
        ),
        "RestoredDump": _closed(
            "The restored catalog.",
            message={"type": "string"},
            details=_closed(
                "The source of the catalog.",
                filename={"type": "string"},
                itemsRestored={"type": "integer", "minimum": 0},
                format={"enum": ["JSON", "RDB"]},
                source={"enum": [backend.source for backend in BACKENDS.values()]},
                optional={
                    "itemsSkipped": {"type": "integer", "minimum": 0, "description": "Entries that were left out."},
                    "dryRun": {"type": "boolean", "description": "Whether nothing was changed."},
                },
            ),
            optional={
                "skipped": {
                    "type": "array",
                    "description": "The entries that were left out. With dry_run or skip_invalid.",
                    "items": _closed(
                        "An entry that cannot be understood.",
                        index={"type": "integer", "minimum": 1, "description": "Its place in the dump."},
                        uuid={"type": "string"},
                        unique_name={"type": "string"},
                        reason={"type": "string"},
                    ),
                }
            },
        ),
        "WaitingDump": _closed(
            "The job has not ended yet.",
            message={"type": "string"},
            job=_closed(
                "The job.",
                id={"type": "string"},
                status={"enum": list(STATUSES)},
                status_url={"type": "string", "format": "uri-reference"},
            ),
        ),
    }


def example() -> dict[str, Any]:
    """Return a job that is done."""
    record = Record(
        "expire-5f0c2d9a41b3e687",
        "expire",
        "cms",
        status="done",
        queued_at="2026-03-01T09:30:00.000+00:00",
        started_at="2026-03-01T09:30:00.041+00:00",
        ended_at="2026-03-01T09:30:00.060+00:00",
        attempts=1,
        result={"interface": kinds.INTERFACE_VERSION, "expired_count": 0, "expired": [], "seconds": 0.012},
    )
    return asdict(record)


def created_dump() -> dict[str, Any]:
    return {
        "message": "Dump files created and uploaded successfully",
        "files": {
            "json": {"filename": naming.filename_of(_STAMP, "json"), "size": 52341, "records": 59},
            "rdb": {"filename": naming.filename_of(_STAMP, "rdb"), "size": 18432},
        },
        "timestamp": _STAMP,
    }


def kept_dump() -> dict[str, Any]:
    sizes = {"json": 52341, "rdb": 18432}
    files = {kind: {"filename": naming.filename_of(_STAMP, kind), "size": sizes[kind]} for kind in naming.KINDS}
    return {"timestamp": _STAMP, "records": 59, "latest": True, "files": files}


def restored_dump() -> dict[str, Any]:
    return {
        "message": "Successfully restored catalog from JSON dump",
        "details": {
            "filename": naming.filename_of(_STAMP, "json"),
            "itemsRestored": 59,
            "format": "JSON",
            "source": "local",
        },
    }


def waiting_dump() -> dict[str, Any]:
    job_id = "create_dump-5f0c2d9a41b3e687"
    return {
        "message": "The job is running. Its status_url shows its state.",
        "job": {"id": job_id, "status": "running", "status_url": f"/jobs/{job_id}"},
    }


def list_parameters() -> tuple[Schema, ...]:
    """Return the parameters that filter the jobs."""
    count = {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT}
    return (
        _parameter("query", "status", {"enum": list(STATUSES)}, "Only jobs with this status."),
        _parameter("query", "name", {"type": "string"}, "Only jobs with this name, such as sync."),
        _parameter("query", "limit", count, "Maximum number of jobs."),
    )


def id_parameter() -> Schema:
    return _parameter("path", "job", {"type": "string"}, "The id of a job.", example()["id"])


def name_parameter() -> Schema:
    return _parameter("path", "job", {"enum": [*kinds.BY_NAME]}, "The name of a job.", "expire")


def arguments() -> dict[str, Any]:
    """Return the body that requests a job. Its arguments depend on the name of the job."""
    return {
        "required": False,
        "description": "The arguments of the job. Most jobs take none. See docs/jobs.md.",
        "content": {media_types.JSON: {"schema": reference("ArgumentsOfJob"), "example": {}}},
    }


def _job_arguments() -> Schema:
    """Return one shape for the arguments of all jobs: generators make one class of it."""
    taken: dict[str, Schema] = {}
    for job in kinds.BY_NAME:
        for name, schema in kinds.KINDS[job].model_json_schema()["properties"].items():
            before = taken.get(name, {}).get("description")
            said = f"For {job}: {schema['description']}"
            taken[name] = {**schema, "description": f"{before} {said}" if before else said}
    taken["filename"] = {**_NAME, "description": taken["filename"]["description"]}
    return {
        "type": "object",
        "description": "Each job takes its own arguments, and refuses others.",
        "properties": taken,
        "additionalProperties": False,
    }


def new_dump() -> tuple[Schema, ...]:
    """Return the parameters that name a new dump and choose its format."""
    fields = kinds.CreateDumpArguments.model_fields
    return (
        _parameter("query", "filename", _NAME, str(fields["filename"].description)),
        _parameter("query", "format", {"enum": [*naming.KINDS]}, str(fields["format"].description)),
    )


def which_dump(place: str) -> Schema:
    """Return the parameter that names a dump."""
    schema = {**_NAME, "pattern": f"^(?:{naming.FILENAME}|{naming.LATEST})$", "maxLength": naming.FILENAME_MAX}
    about = "The name of a file, or latest. If a JSON is missing or bad, its RDB is used."
    return _parameter(place, "filename", schema, about, naming.LATEST if place == "path" else None)


def choice_of_restore() -> tuple[Schema, ...]:
    """Return the parameters that say how a dump is restored."""
    fields = kinds.RestoreArguments.model_fields
    words = {"type": "string", "enum": WORDS}
    return tuple(_parameter("query", name, words, str(fields[name].description)) for name in RESTORING)


def _job() -> Schema:
    text = {"type": "string"}
    error = {
        "type": ["object", "null"],
        "description": "Why the job, or its last attempt, failed.",
        "required": ["code", "message", "status"],
        "properties": {"code": text, "message": text, "hint": text, "details": text, "status": {"type": "integer"}},
    }
    properties: dict[str, Schema] = {
        "id": text,
        "name": {
            **text,
            "description": "It can be unknown if another program put it into the queue: the job has failed then.",
        },
        "asked_by": {
            **text,
            "description": "The name of a token, or schedule, restore or upgrade, or queue for another program.",
        },
        "arguments": {"type": "object"},
        "status": {"enum": list(STATUSES)},
        "queued_at": {"type": "string", "format": "date-time"},
        "started_at": _MOMENT,
        "ended_at": _MOMENT,
        "retry_at": {**_MOMENT, "description": "When the next attempt begins."},
        "attempts": {"type": "integer", "minimum": 0},
        "result": {
            "type": ["object", "null"],
            "description": "Its fields are in docs/jobs.md. What is done is there also while an action or an import "
            "runs, and after an action has failed.",
        },
        "error": error,
        "request_id": {
            **text,
            "description": "Id of the request that asked for the job. Log lines of its runs have it.",
        },
    }
    return {
        "type": "object",
        "description": "One job and its result.",
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
    }


def _closed(description: str, optional: dict[str, Schema] | None = None, **properties: Schema) -> Schema:
    return {
        "type": "object",
        "description": description,
        "required": list(properties),
        "properties": {**properties, **(optional or {})},
        "additionalProperties": False,
    }


def _parameter(place: str, name: str, schema: Schema, description: str, example: object = None) -> Schema:
    """Return a parameter. An optional one has no example: pages to try the API would send it."""
    shown = {} if example is None else {"example": example}
    required = place == "path"
    return {"name": name, "in": place, "required": required, "description": description, "schema": schema, **shown}
