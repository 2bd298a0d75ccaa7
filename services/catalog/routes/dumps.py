"""The routes for dumps. The jobs worker makes and restores dumps: the routes request a job and wait for its result.

All answers, also errors, have the shape of the older service.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any, BinaryIO

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from services.catalog.answers import PURGE_HEADER
from services.catalog.bodies import need_no_body
from services.catalog.context import Context, context
from services.catalog.middleware.auth import principal_of
from services.catalog.routes import jobs
from services.catalog.uploads.spool import spool_path
from services.core.assets import freshness
from services.core.assets.entries import parse_bool
from services.core.dumps import naming
from services.core.dumps.naming import LATEST, Kind
from services.core.dumps.retention import latest_of
from services.core.errors import BadRequest, DumpError, DumpsUnlisted, JobCancelled, NoDumpName, StorageDown, TooLarge
from services.core.jobs.log import told
from services.core.serving.envelope import envelope
from services.core.serving.web import JsonResponse
from services.core.storage import ListingUnsupported, ObjectMissing

CREATING = ("filename", "format")
"""The arguments of create-dump."""
RESTORING = ("dry_run", "skip_invalid")
"""The arguments of restore-dump, beside the name."""
_CHUNK = 256 * 1024


async def create_dump(request: Request) -> Response:
    """Make a dump by a job; answer with its files."""
    given = {name: request.query_params[name] for name in CREATING if name in request.query_params}
    return await _answer_of_job(request, "create_dump", given, ("message", "files", "timestamp"))


async def restore_dump(request: Request) -> Response:
    """Restore a dump by a job, the latest if none is named; answer with what was restored."""
    given: dict[str, Any] = {
        "filename": request.path_params.get("filename") or request.query_params.get("filename") or LATEST
    }
    try:
        for name in RESTORING:
            if name in request.query_params:
                given[name] = parse_bool(name, request.query_params[name])
    except BadRequest as error:
        return refusal(error)
    return await _answer_of_job(request, "restore_dump", given, ("message", "details", "skipped", "difference"))


async def _answer_of_job(request: Request, name: str, given: dict[str, Any], shown: tuple[str, ...]) -> Response:
    """Request a job and answer with the `shown` parts of its result. If it takes longer, answer with the path of the
    job."""
    ctx = context(request)
    try:
        await need_no_body(request)  # It may be meant to choose a dump.
        record = await ctx.queue.put(name, given, principal_of(request).name)
    except (BadRequest, TooLarge, DumpError) as error:
        return refusal(error)
    record = await ctx.jobs.wait(record.id, ctx.settings.dump_wait_seconds)
    if record.status == "cancelled":
        return _refusal_of_job(told(JobCancelled(record.cancelled_by)))
    if record.result is not None:
        headers = dict(freshness.NEVER)
        if "purged" in record.result:
            headers[PURGE_HEADER] = "done" if record.result["purged"] else "queued"
        return JsonResponse({part: record.result[part] for part in shown if part in record.result}, headers=headers)
    if record.status == "failed" and record.error is not None:
        return _refusal_of_job(record.error)
    status_url = jobs.address_of(ctx, record)
    body = {
        "message": f"The job is {record.status}. Its status_url shows its state.",
        "job": {"id": record.id, "status": record.status, "status_url": status_url},
    }
    headers = {"location": status_url, "retry-after": str(jobs.POLL_SECONDS), **freshness.NEVER}
    return JsonResponse(body, 202, headers=headers)


def _refusal_of_job(error: Mapping[str, Any]) -> Response:
    """Answer with the error of a job: errors about the dump have the three parts already."""
    details, hint = error.get("details"), error.get("hint")
    said = {
        "error": error["message"] if details else "The dump could not be handled",
        "details": details or error["message"],
        "suggestion": hint or "Try again; the log of the jobs worker says more",
    }
    return _refused(said, error["status"])


def refusal(error: BadRequest | TooLarge | DumpError) -> Response:
    """Answer with an error in the shape of these routes."""
    if isinstance(error, DumpError):
        return _refused(error.said(), error.status)
    said = {"error": "The request has to be changed", "details": error.message, "suggestion": error.hint or ""}
    return _refused(said, error.status)


def _refused(said: Mapping[str, str], status: int) -> Response:
    later = {"retry-after": str(jobs.POLL_SECONDS)} if status == 503 else {}
    return JsonResponse(said, status, headers={**freshness.NEVER, "x-content-type-options": "nosniff", **later})


async def list_dumps(request: Request) -> Response:
    """Answer with all dumps and their numbers of entries. The first one is the one that `latest` names."""
    store = context(request).dumps
    try:
        found = sorted(await store.kept(), key=lambda dump: dump.order, reverse=True)
    except ListingUnsupported:
        return refusal(DumpsUnlisted())
    latest = latest_of(found)
    data = [
        {
            "timestamp": dump.stamp,
            "records": await store.records(dump),
            "latest": dump == latest,
            "verified": dump.is_verified,
            "files": {
                kind: None if size is None else {"filename": naming.filename_of(dump.stamp, kind), "size": size}
                for kind, size in zip(naming.KINDS, (dump.json_size, dump.rdb_size), strict=True)
            },
        }
        for dump in found
    ]
    return JsonResponse(envelope(data), headers=freshness.NEVER)


async def get_dump(request: Request) -> Response:
    """Answer with a file of a dump as an attachment; errors have the shape of the dump routes."""
    ctx = context(request)
    try:
        filename, file = await _fetched(ctx, request.path_params["filename"], request.query_params.get("format", ""))
    except DumpError as error:
        return refusal(error)
    kind: Kind = "json" if filename.endswith(".json") else "rdb"
    headers = {
        "content-disposition": f'attachment; filename="{filename}"',
        "content-length": str(os.fstat(file.fileno()).st_size),
        "x-content-type-options": "nosniff",
        **freshness.NEVER,
    }
    return StreamingResponse(_content(file), media_type=naming.MEDIA_TYPES[kind], headers=headers)


async def _fetched(ctx: Context, asked: str, kind: str) -> tuple[str, BinaryIO]:
    """Fetch a file to the spool, open it, and remove its name there. Returns the name of the dump file, too."""
    if kind not in ("", *naming.KINDS):
        raise NoDumpName("Invalid dump format", f"{kind!r} is not a format of naming.", "Use format=json or format=rdb")
    kinds = [known for known in naming.KINDS if kind in ("", known)]
    if asked != LATEST:
        kinds = [naming.parse(asked)[1]]
    path = spool_path(ctx.storage.spool, ctx.process.name)
    try:
        for wanted in kinds:
            with suppress(ObjectMissing):
                if asked == LATEST:
                    named = await ctx.dumps.fetch_latest(wanted, path) or f"{LATEST}.{wanted}"
                else:
                    await ctx.dumps.fetch(asked, path)
                    named = asked
                return named, path.open("rb")
        raise naming.missing(kinds[0], asked, ctx.dumps.backend)
    except OSError as error:
        raise StorageDown(f"The dump cannot be put into the spool: {error.strerror}.") from error
    finally:
        path.unlink(missing_ok=True)


async def _content(file: BinaryIO) -> AsyncIterator[bytes]:
    with file:
        while chunk := await asyncio.to_thread(file.read, _CHUNK):
            yield chunk
