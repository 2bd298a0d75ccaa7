"""The routes that ask for an action on many entries. They find the entries, and a job does the work."""

import logging
from contextlib import suppress
from typing import Any

import orjson
from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import Response

from services.catalog import actions
from services.catalog.actions import Asked
from services.catalog.bodies import need_no_body, read_json_object
from services.catalog.context import Context, context
from services.catalog.middleware.auth import principal_of
from services.catalog.routes import jobs
from services.catalog.search.query import Query
from services.catalog.tokens import Principal
from services.core.assets import freshness, identity
from services.core.assets.entries import milliseconds
from services.core.errors import Behind
from services.core.jobs import action_lists
from services.core.jobs.action_lists import ENTRIES_MAX, Item
from services.core.jobs.kinds import ACT
from services.core.observing import logs
from services.core.serving.envelope import envelope
from services.core.serving.web import JsonResponse
from services.core.state.changes import number_of

log = logging.getLogger(__name__)

CURRENT_SECONDS = 2.0
"""How long an action waits until the index has the changes that were answered before it."""
EXAMPLES = 20
"""Entries that a dry run shows."""
_PAGE = 500


async def delete_found(request: Request) -> Response:
    """Delete the assets that a search finds."""
    await need_no_body(request)
    return await _answer(request, actions.of_arguments("delete", request.query_params.multi_items(), {}))


async def change_found(request: Request) -> Response:
    """Change fields of the entries that a search finds."""
    fields = await read_json_object(request, '{"add_tags": ["summer"]}')
    return await _answer(request, actions.of_arguments("change", request.query_params.multi_items(), fields))


async def post_action(request: Request) -> Response:
    """Carry out an action on the entries that a search finds, or on those with some uuids."""
    example = '{"action": "delete", "search": {"tag": "summer"}, "dry_run": true}'
    return await _answer(request, actions.of_body(await read_json_object(request, example)))


async def _answer(request: Request, asked: Asked) -> Response:
    ctx = context(request)
    if asked.query is not None:
        await need_current(ctx)
    async with ctx.finding:
        return await _find_and_ask(request, ctx, asked)


async def need_current(ctx: Context) -> None:
    """Wait until the index has all changes that were answered before; raises Behind."""
    if not await ctx.search.reached(number_of(await ctx.entries.revision()), CURRENT_SECONDS):
        raise Behind


async def _find_and_ask(request: Request, ctx: Context, asked: Asked) -> Response:
    principal = principal_of(request)
    if asked.query is not None:
        items, not_found = await _searched(ctx, principal, asked.query), list[str]()
    else:
        items, not_found = await _named(ctx, principal, asked.uuids)
    about: dict[str, Any] = {"count": len(items), "not_found": not_found}
    if asked.dry_run:
        body = envelope(await _examples(ctx, items), dry_run=True, **about)
        return JsonResponse(body, headers=freshness.NEVER)
    asked.check_confirmed(len(items))
    list_id = await ctx.action_lists.make(items)
    given = {"action": asked.action, "list_id": list_id, "fields": asked.fields, "search": asked.search}
    job_id = f"{ACT}-{list_id}"
    logs.event(log, logging.INFO, "action_asked", by=principal.name, action=asked.action, count=len(items), job=job_id)
    try:
        return await jobs.asked(request, ACT, given, job_id, dry_run=False, **about)
    except BaseException:
        with suppress(RedisError):  # It ends by itself then.
            if not await ctx.queue.has(job_id):
                await ctx.action_lists.end(list_id)
        raise


async def _searched(ctx: Context, principal: Principal, query: Query) -> list[Item]:
    """Return the entries that a search finds, without those of namespaces in which the token may not write.

    Raises NoIndex, and BadRequest if there are too many.
    """
    found = await ctx.search.named(query, ENTRIES_MAX + 1, principal.namespaces)
    if len(found) > ENTRIES_MAX:
        raise action_lists.too_many()
    return found


async def _named(ctx: Context, principal: Principal, uuids: tuple[str, ...]) -> tuple[list[Item], list[str]]:
    """Return the entries with these uuids, and the uuids that the token finds no entry by."""
    found: dict[str, Item] = {}
    not_found = []
    for at in range(0, len(uuids), _PAGE):
        part = uuids[at : at + _PAGE]
        for uuid, raw in zip(part, await ctx.reader.read(part), strict=True):
            entry = orjson.loads(raw) if raw else {}
            name = entry.get("unique_name", "")
            if name and principal.may_use(_namespace(name)):
                found[name] = Item(name, uploaded=milliseconds(entry.get("uploaded_date")))
            else:
                not_found.append(uuid)
    return list(found.values()), not_found


async def _examples(ctx: Context, items: list[Item]) -> list[Any]:
    raws = await ctx.entries.raws([identity.entry_key(item.unique_name) for item in items[:EXAMPLES]])
    return [orjson.loads(ctx.addresses.fill(raw)) for raw in raws if raw]


def _namespace(unique_name: str) -> str:
    return unique_name.split("/", 2)[1]
