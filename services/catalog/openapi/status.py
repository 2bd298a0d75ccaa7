"""The shape in the document of what GET /status says. Pure functions."""

from typing import Any

from services.catalog.openapi.schemas import Schema, no_errors, reference
from services.catalog.routes.status import shown
from services.core.jobs.queue import Queued
from services.core.probes.reports import Report

_TEXT: Schema = {"type": "string"}
_FLAG: Schema = {"type": "boolean"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_BYTES: Schema = {"type": ["integer", "null"], "minimum": 0}
_SECONDS: Schema = {"type": "number", "minimum": 0}
_DATE: Schema = {"type": "string", "format": "date-time"}
_DATE_OR_NOT: Schema = {"type": ["string", "null"], "format": "date-time"}
_NOW = 1772357400.0


def _object(description: str, **properties: Schema) -> Schema:
    return {
        "type": "object",
        "description": description,
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
    }


def schemas() -> dict[str, Schema]:
    """Return every named schema of the answer."""
    return {
        "Process": _object(
            "A process of a service, as it has reported itself. One that has died is shown for ten minutes.",
            service={"enum": ["catalog", "transform", "jobs"]},
            process=_TEXT,
            started_date=_DATE,
            seen_date={**_DATE, "description": "When it last reported."},
            alive={**_FLAG, "description": "Whether that was in the last 20 seconds."},
            ready={**_FLAG, "description": "Whether it reaches Redis and the storage."},
            redis={**_TEXT, "description": "ok, or what is wrong."},
            storage={**_TEXT, "description": "ok, or what is wrong."},
            failing_seconds={
                "type": "object",
                "description": "For each of both that fails, since how many seconds.",
                "additionalProperties": _SECONDS,
            },
            disk_free={**_BYTES, "description": "Free bytes where its files are, or wait. null without such a folder."},
            disk_total=_BYTES,
        ),
        "Status": _object(
            "How the system is.",
            date={**_DATE, "description": "Now, by the clock of the service."},
            processes={"type": "array", "items": reference("Process")},
            queue=_object(
                "The queue of jobs.",
                waiting=_COUNT,
                running=_COUNT,
                oldest_date={**_DATE_OR_NOT, "description": "When the first job that waits was requested."},
            ),
        ),
        "StatusAnswer": {
            "type": "object",
            "description": "One object in data.",
            "required": ["data", "errors", "problems"],
            "properties": {
                "data": {"type": "array", "items": reference("Status"), "minItems": 1, "maxItems": 1},
                **no_errors(),
            },
        },
    }


def example() -> dict[str, Any]:
    """Return the status of a small system."""
    said = {"redis": "ok", "storage": "ok"}
    process = "media-1-4711-9f86d081"
    worker = Report("jobs", process, _NOW - 86400, _NOW - 2, said, {}, (96 * 1024**3, 128 * 1024**3))
    return shown([worker], Queued(0, 0, None), _NOW)
