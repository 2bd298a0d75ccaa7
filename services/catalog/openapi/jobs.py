"""Jobs and dumps in the document: their schemas, examples and routes. Pure functions."""

from dataclasses import asdict
from typing import Any

from services.catalog.openapi import job_results
from services.catalog.openapi.requests import WORDS
from services.catalog.openapi.schemas import Schema, no_errors, one_error, reference
from services.catalog.routes.dumps import RESTORING
from services.catalog.routes.jobs import LIMIT, LIMIT_MAX, shown_kinds
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
        "JobKind": _kind(),
        "JobKinds": {
            "type": "object",
            "description": "The jobs that can be requested by name.",
            "required": ["data", "errors", "problems"],
            "properties": {"data": {"type": "array", "items": reference("JobKind")}, **no_errors()},
        },
        "ResultOfJob": job_results.result(_FILE, _restored(), _difference()),
        "Jobs": {
            "type": "object",
            "description": "Jobs, the latest first.",
            "required": ["data", "errors", "problems"],
            "properties": {"data": {"type": "array", "items": reference("Job")}, **no_errors()},
        },
        "EndedJob": {
            "type": "object",
            "description": "The job that has ended, and why it cannot be cancelled.",
            "required": ["data", "errors", "problems"],
            "properties": {"data": {"type": "array", "items": reference("Job")}, **one_error()},
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
            verified={
                "type": "boolean",
                "description": "Whether each file has its SHA-256: it was read back when it was stored, and is "
                "compared at each use.",
            },
            files=_closed("Its files.", json=_FILE_OR_NOT, rdb=_FILE_OR_NOT),
        ),
        "RestoredDump": _closed(
            "The restored catalog.",
            message={"type": "string"},
            details=_restored(),
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
                },
                "difference": _difference(),
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


def _restored() -> Schema:
    return _closed(
        "The source of the catalog.",
        filename={"type": "string"},
        itemsRestored={"type": "integer", "minimum": 0},
        format={"enum": ["JSON", "RDB"]},
        source={"enum": [backend.source for backend in BACKENDS.values()]},
        optional={
            "itemsSkipped": {"type": "integer", "minimum": 0, "description": "Entries that were left out."},
            "dryRun": {"type": "boolean", "description": "Whether nothing was changed."},
        },
    )


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
    return {**asdict(record), "progress": None}


def cancelling() -> dict[str, Any]:
    """Return a job that is about to stop."""
    running = {"status": "running", "ended_at": None, "result": None, "cancelled_by": "cms"}
    return {**example(), **running}


def cancelled() -> dict[str, Any]:
    """Return a job that never began."""
    ended = {"status": "cancelled", "started_at": None, "attempts": 0, "result": None, "cancelled_by": "cms"}
    return {**example(), **ended}


def example_of_kind() -> dict[str, Any]:
    """Return a job that runs by itself."""
    [kind] = (kind for kind in shown_kinds() if kind["name"] == "expire")
    last = {"id": example()["id"], "status": "done", "queued_at": example()["queued_at"]}
    return {**kind, "cron": "15 4 * * *", "next_date": "2026-03-02T04:15:00.000+00:00", "last": last}


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
    return {"timestamp": _STAMP, "records": 59, "latest": True, "verified": True, "files": files}


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
        _parameter(
            "query",
            "results",
            {"type": "string", "enum": WORDS, "default": "true"},
            "false leaves out the results, which can be long: each is null.",
        ),
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
            # A default would be sent by generated clients, also to jobs that do not take it.
            schema = {key: value for key, value in schema.items() if key != "default"}
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
            "description": "What is done is there also while an action or an import runs, and after an action has "
            "failed. That of a cancelled job is what was done until then; null for nothing that is known.",
            "oneOf": [reference("ResultOfJob"), {"type": "null"}],
        },
        "error": error,
        "progress": {
            "oneOf": [
                _closed(
                    "How many entries of how many the present run has looked at. null if it is not known how many.",
                    done={"type": "integer", "minimum": 0},
                    count={"type": ["integer", "null"], "minimum": 0},
                ),
                {"type": "null"},
            ],
            "description": "How far the present run is. null if it does not run, or if that is not known.",
        },
        "cancelled_by": {
            "type": ["string", "null"],
            "description": "The name of the token that has cancelled the job. While it runs, it stops soon.",
        },
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


def _kind() -> Schema:
    text: Schema = {"type": "string"}
    last = _closed("The run that was requested last.", id=text, status={"enum": list(STATUSES)}, queued_at=text)
    return _closed(
        "A job that can be requested.",
        name={"enum": [*kinds.BY_NAME]},
        about={**text, "description": "What it does, in a sentence."},
        arguments={"type": "object", "description": "The JSON schema of its arguments."},
        cron={"type": ["string", "null"], "description": "When it runs by itself, in UTC. null for never."},
        next_date={**_MOMENT, "description": "When it runs by itself next. null if no worker runs, or for never."},
        last={"oneOf": [last, {"type": "null"}]},
    )


def _difference() -> Schema:
    count: Schema = {"type": "integer", "minimum": 0}
    names: Schema = {"type": "array", "items": {"type": "string"}}
    return _closed(
        "With dry_run: what a restore would change. The lists name the first 100 entries of each kind.",
        added_count={**count, "description": "Entries that come: the catalog does not have them."},
        added=names,
        removed_count={**count, "description": "Entries that go: the dump does not have them."},
        removed=names,
        changed_count={**count, "description": "Entries that get another file or other fields."},
        changed=names,
        replaced_count={**count, "description": "Those of them that get another file."},
        same_count={**count, "description": "Entries that stay as they are."},
    )


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
