"""The routes for jobs: list jobs with their results, and request one. The worker does the work."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.catalog.bodies import read_optional_object
from services.catalog.context import Context, context
from services.catalog.imports.records import IMPORT
from services.catalog.middleware.auth import principal_of
from services.catalog.routes.arguments import limit_of
from services.core.assets import freshness
from services.core.errors import BadRequest, NotFound
from services.core.jobs.kinds import ACT, WARM
from services.core.jobs.log import STATUSES, Record, unknown_job
from services.core.serving.envelope import envelope
from services.core.serving.web import JsonResponse

LIMIT, LIMIT_MAX = 100, 1000
_OWN = (ACT, IMPORT, WARM)
"""Jobs that a token may see if it has asked for them."""
POLL_SECONDS = 2
"""Seconds after which a client should ask again for a job that has not ended."""


async def list_jobs(request: Request) -> Response:
    """Answer with the jobs of the last week, the latest first; `status` and `name` filter them."""
    query = request.query_params
    status, name = query.get("status"), query.get("name", "")
    limit = limit_of(query.get("limit", ""), LIMIT_MAX) or LIMIT
    if status is not None and status not in STATUSES:
        raise BadRequest(f"{status!r} is not a valid status of a job.", f"Use one of: {', '.join(STATUSES)}.")
    found: list[Record] = []
    ctx = context(request)
    async for record in ctx.jobs.latest():
        record = await _current(ctx, record)
        if status in (None, record.status) and name in ("", record.name):
            found.append(record)
        if len(found) == limit:
            break
    return _answer(found)


async def get_job(request: Request) -> Response:
    """Answer with one job. The result of an action or an import that has not ended, or has failed, is what it has done.

    A token that may not see all jobs sees the actions, the imports and the warming that it has asked for.
    """
    ctx, principal, job_id = context(request), principal_of(request), request.path_params["job"]
    record = await ctx.jobs.get(job_id)
    if not principal.may_see_jobs and (record.name not in _OWN or record.asked_by != principal.name):
        raise unknown_job(job_id)
    record = await _current(ctx, record)
    if record.name == ACT and record.result is None:
        progress = await ctx.action_lists.progress(str(record.arguments.get("list_id")))
        record = replace(record, result=progress.answer() if progress else None)
    return _answer([record], headers={} if record.ended else {"retry-after": str(POLL_SECONDS)})


async def post_job(request: Request) -> Response:
    """Put a job into the queue; its arguments are the body, a JSON object, which most jobs do not need."""
    name, arguments = request.path_params["job"], await read_optional_object(request, '{"dry_run": true}')
    if name == ACT:
        raise NotFound("An action is not requested by its name.", "Send it with its entries: POST /catalog/actions.")
    if name == IMPORT:
        raise NotFound("An import is not requested by its name.", "Send it with its items: POST /imports.")
    return await asked(request, name, arguments)


async def asked(request: Request, name: str, arguments: Mapping[str, Any], job_id: str = "", **beside: Any) -> Response:
    """Put a job into the queue for the owner of a request's token, and answer with it; `beside` stands beside it."""
    ctx = context(request)
    record = await ctx.queue.put(name, arguments, principal_of(request).name, job_id)
    return accepted(ctx, record, **beside)


def accepted(ctx: Context, record: Record, **beside: Any) -> Response:
    """Answer with a job that has just been asked for."""
    headers = {"location": address_of(ctx, record), "retry-after": str(POLL_SECONDS)}
    return _answer([record], 202, headers, **beside)


def address_of(ctx: Context, record: Record) -> str:
    """Return the path of a job."""
    return f"{ctx.settings.api_prefix}/jobs/{record.id}"


async def _current(ctx: Context, record: Record) -> Record:
    """Return a record as it is now: that of an import is written when it has ended."""
    return await ctx.imports.current(record) if record.name == IMPORT and not record.ended else record


def _answer(records: list[Record], status: int = 200, headers: dict[str, str] | None = None, **beside: Any) -> Response:
    body = envelope([asdict(record) for record in records], **beside)
    return JsonResponse(body, status, headers={**freshness.NEVER, **(headers or {})})
