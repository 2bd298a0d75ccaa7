"""The routes for jobs: list jobs with their results, request one, and cancel one. The worker does the work."""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.catalog.bodies import need_no_body, read_optional_object
from services.catalog.context import Context, context
from services.catalog.imports.records import IMPORT
from services.catalog.middleware.auth import principal_of
from services.catalog.routes.arguments import limit_of
from services.catalog.routes.status import date
from services.core.assets import freshness
from services.core.assets.entries import parse_bool
from services.core.errors import BadRequest, JobEnded, NotFound, TadaError
from services.core.jobs import kinds, run_progress
from services.core.jobs.kinds import ACT, WARM
from services.core.jobs.log import STATUSES, Record, unknown_job
from services.core.observing import logs
from services.core.probes import reports
from services.core.probes.reports import Report
from services.core.serving.envelope import envelope
from services.core.serving.web import JsonResponse

log = logging.getLogger(__name__)

LIMIT, LIMIT_MAX = 100, 1000
_OWN = (ACT, IMPORT, WARM)
"""Jobs that a token may see if it has asked for them."""
_NEVER = {"cron": None, "next_date": None}
POLL_SECONDS = 2
"""Seconds after which a client should ask again for a job that has not ended."""


async def list_jobs(request: Request) -> Response:
    """Answer with the jobs of the last week, the latest first; `status` and `name` filter them.

    With `results=false` it leaves out their results, which can be long.
    """
    query = request.query_params
    status, name = query.get("status"), query.get("name", "")
    has_results = parse_bool("results", query.get("results", "true"))
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
    return await _with_progress(ctx, found, has_results=has_results)


async def list_job_kinds(request: Request) -> Response:
    """Answer with the jobs that can be requested: what each does and takes, and when it runs by itself."""
    ctx, now = context(request), time.time()
    planned = _planned(await reports.reports(ctx.client), now)
    last = await _last_runs(ctx)
    data = [{**kind, **planned.get(kind["name"], _NEVER), "last": last.get(kind["name"])} for kind in shown_kinds()]
    return JsonResponse(envelope(data), headers=freshness.NEVER)


def shown_kinds() -> list[dict[str, Any]]:
    """Return the jobs that can be requested by name, with the JSON schema of the arguments of each."""
    return [
        {"name": name, "about": kinds.ABOUT[name], "arguments": kinds.KINDS[name].model_json_schema()}
        for name in kinds.BY_NAME
    ]


def _planned(found: Iterable[Report], now: float) -> dict[str, dict[str, Any]]:
    """Return when which job runs by itself, as the workers report it that run."""
    plans = [report.more["schedule"] for report in found if report.is_alive(now) and "schedule" in report.more]
    return {
        name: {"cron": plan["cron"], "next_date": date(plan["next"])} for all_ in plans for name, plan in all_.items()
    }


async def _last_runs(ctx: Context) -> dict[str, dict[str, Any]]:
    """Return how the last run of each job was, of those that are among the latest in the log."""
    found: dict[str, dict[str, Any]] = {}
    looked_at = 0
    async for record in ctx.jobs.latest():
        looked_at += 1
        if record.name not in found:
            found[record.name] = {"id": record.id, "status": record.status, "queued_at": record.queued_at}
        if looked_at == LIMIT_MAX or found.keys() >= set(kinds.BY_NAME):
            break
    return found


async def get_job(request: Request) -> Response:
    """Answer with one job. The result of an action or an import that has not ended, or has failed, is what it has done.

    A token that may not see all jobs sees the actions, the imports and the warming that it has asked for.
    """
    ctx = context(request)
    record = await _current(ctx, await _visible(request))
    return await _one(ctx, record, 200, {} if record.ended else {"retry-after": str(POLL_SECONDS)})


async def cancel_job(request: Request) -> Response:
    """Cancel a job. Answer with it: 200 if it has ended by that, 202 if it stops a moment later.

    A job that has ended answers 409, together with its result. One that was cancelled already answers as the first
    time. Who may see a job may cancel it.
    """
    await need_no_body(request)
    ctx, who, record = context(request), principal_of(request).name, await _visible(request)
    if not record.ended:
        record = await (ctx.imports.cancel(record, who) if record.name == IMPORT else ctx.jobs.cancel(record.id, who))
        logs.event(log, logging.INFO, "job_cancel_asked", job=record.id, by=who)
    if not record.ended:
        headers = {"location": address_of(ctx, record), "retry-after": str(POLL_SECONDS)}
        return await _one(ctx, record, 202, headers)
    if record.status != "cancelled":
        return await _one(ctx, record, 409, error=JobEnded(record.id, record.status))
    return await _one(ctx, record, 200)


async def _visible(request: Request) -> Record:
    """Return the job that a request names; raises NotFound also for one that its token may not see."""
    principal, job_id = principal_of(request), request.path_params["job"]
    record = await context(request).jobs.get(job_id)
    if not principal.may_see_jobs and (record.name not in _OWN or record.asked_by != principal.name):
        raise unknown_job(job_id)
    return record


async def _one(
    ctx: Context, record: Record, status: int, headers: dict[str, str] | None = None, error: TadaError | None = None
) -> Response:
    """Answer with one job, and with what is done of an action that has not written its result."""
    if record.name == ACT and record.result is None:
        progress = await ctx.action_lists.progress(str(record.arguments.get("list_id")))
        record = replace(record, result=progress.answer() if progress else None)
    return await _with_progress(ctx, [record], status, headers, [error] if error else [])


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
    return _answer([{**asdict(record), "progress": None}], 202, headers, **beside)


def address_of(ctx: Context, record: Record) -> str:
    """Return the path of a job."""
    return f"{ctx.settings.api_prefix}/jobs/{record.id}"


async def _current(ctx: Context, record: Record) -> Record:
    """Return a record as it is now: that of an import is written when it has ended."""
    return await ctx.imports.current(record) if record.name == IMPORT and not record.ended else record


async def _with_progress(
    ctx: Context,
    records: list[Record],
    status: int = 200,
    headers: dict[str, str] | None = None,
    errors: Sequence[TadaError] = (),
    *,
    has_results: bool = True,
) -> Response:
    """Answer with jobs, how far those are that run, and who has cancelled those that are about to stop."""
    running = [record.id for record in records if record.status == "running" and record.name != IMPORT]
    progress: dict[str, Any] = {**await run_progress.of(ctx.client, running)}
    cancellers = await ctx.jobs.cancellers(running)
    records = [replace(one, cancelled_by=cancellers.get(one.id, one.cancelled_by)) for one in records]
    progress |= {record.id: _imported(record) for record in records if record.name == IMPORT and not record.ended}
    hidden = {} if has_results else {"result": None}
    return _answer(
        [{**asdict(record), **hidden, "progress": progress.get(record.id)} for record in records],
        status,
        headers,
        errors,
    )


def _imported(record: Record) -> dict[str, int] | None:
    """Return how far an import is, which its result says."""
    said = record.result
    if not said:
        return None
    settled = said["done_count"] + said["failed_count"] + said["cancelled_count"]
    return {"done": settled, "count": said["count"]}


def _answer(
    data: list[dict[str, Any]],
    status: int = 200,
    headers: dict[str, str] | None = None,
    errors: Sequence[TadaError] = (),
    **beside: Any,
) -> Response:
    body = envelope(data, errors, **beside)
    return JsonResponse(body, status, headers={**freshness.NEVER, **(headers or {})})
