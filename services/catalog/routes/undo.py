"""The routes that bring back what a change has ended: earlier versions of assets, and the trash."""

import re
from collections.abc import AsyncIterator, Awaitable
from contextlib import aclosing
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from services.catalog import answers, bulk
from services.catalog.bodies import need_no_body
from services.catalog.context import Context, context
from services.catalog.middleware.auth import principal_of
from services.catalog.routes import changes, jobs
from services.catalog.routes.arguments import UNCONFIRMED_MAX, folders_of, limit_of, number_of
from services.catalog.uploads.moves import is_elsewhere
from services.core.assets import freshness, media_types, retired
from services.core.assets.entries import Entry, timestamp
from services.core.assets.retired import Retired
from services.core.errors import BadRequest, NotFound, Subject
from services.core.serving.envelope import envelope
from services.core.serving.web import JsonResponse
from services.core.state import entry_json
from services.core.state.compare_and_set import Commit, NotRetired
from services.core.storage import ObjectMissing
from services.core.storage.verification import stream_verified, verify

LIMIT, LIMIT_MAX = 100, 1000
"""Deleted assets on one page."""
CURSOR = r"[0-9]{1,16}"
"""The number of a deletion."""


async def list_versions(request: Request) -> Response:
    """Answer with the earlier versions of an asset, the last one first."""
    ctx, entry = context(request), await _entry_of(request)
    found = await ctx.retired.versions(entry.key)
    return _answer([_version(ctx, one) for one in found])


async def get_version(request: Request) -> Response:
    """Answer with an earlier version of an asset, and with the fields in which the present one differs."""
    ctx = context(request)
    entry, found = await _version_of(request)
    return _answer([{**_version(ctx, found), "differs": retired.differences(found.entry, entry)}])


async def get_version_file(request: Request) -> Response:
    """Answer with the bytes of an earlier version."""
    _, found = await _version_of(request)
    return await _file(context(request), found.entry)


async def restore_version(request: Request) -> Response:
    """Make the file of an earlier version that of the next one. The present file becomes an earlier version."""
    await need_no_body(request)
    ctx = context(request)
    entry, found = await _version_of(request)
    await _need_file(ctx, found.entry)
    # The asset may have been moved since.
    restore = ctx.moves.restore if is_elsewhere(found, entry) else ctx.entries.restore_version
    restored = restore(entry.key, found, partial(changes.check_right, request))
    return await answers.written(request, await _undone(restored, Subject(uuid=entry.uuid)))


async def list_trash(request: Request) -> Response:
    """Answer with deleted assets of the namespaces of the token, the last deletions first."""
    ctx, query = context(request), request.query_params
    cursor, folders = query.get("cursor", ""), folders_of(query)
    if cursor and not re.fullmatch(CURSOR, cursor):
        raise BadRequest(f"{cursor!r} is not a valid cursor.", "Send the X-Next-Cursor of the previous page.")
    allowed = principal_of(request).namespaces

    def is_shown(entry: Entry) -> bool:
        is_there = all(entry.unique_name.startswith(folder) for folder in folders)
        return is_there and (allowed is None or entry.namespace in allowed)

    limit = limit_of(query.get("limit", ""), LIMIT_MAX) or LIMIT
    page = await ctx.retired.trash(limit, int(cursor) if cursor else None, is_shown)
    headers = {"x-next-cursor": str(page.before)} if page.before is not None else {}
    total = (await ctx.retired.trash_size()).count
    return _answer([_trashed(ctx, one) for one in page.found], headers, total=total)


async def get_trashed(request: Request) -> Response:
    """Answer with a deleted asset."""
    return _answer([_trashed(context(request), await _trashed_of(request))])


async def get_trashed_file(request: Request) -> Response:
    """Answer with the bytes of a deleted asset."""
    return await _file(context(request), (await _trashed_of(request)).entry)


async def restore_trashed(request: Request) -> Response:
    """Bring back a deleted asset with its earlier versions."""
    await need_no_body(request)
    ctx, found = context(request), await _trashed_of(request)
    await _need_file(ctx, found.entry)
    return await answers.written(request, await _undone(ctx.entries.undelete(found), Subject(uuid=found.entry.uuid)))


async def delete_trashed(request: Request) -> Response:
    """Delete a deleted asset for good, before its time."""
    await need_no_body(request)
    ctx, found = context(request), await _trashed_of(request)
    left = await ctx.retired.let_go(found.entry.storage_key, found.number, found.group)
    if not left:  # Somebody has just brought it back, or deleted it.
        raise _gone()
    await ctx.leftovers.clear([Commit(0, let_go=tuple(left))], ctx.settings.purge_wait_seconds)
    return _answer([_trashed(ctx, found)])


async def empty_trash(request: Request) -> Response:
    """Have a job delete all of the trash for good. A large number must be confirmed."""
    await need_no_body(request)
    ctx = context(request)
    confirmed = number_of(request.query_params.get("confirm"), "confirm", "the number of assets in the trash")
    size = await ctx.retired.trash_size()
    if size.count != confirmed if confirmed is not None else size.count > UNCONFIRMED_MAX:
        said = "" if confirmed is None else f", not {confirmed}"
        raise BadRequest(
            f"The trash has {size.count} assets{said}: nothing was deleted.",
            f"To delete them all for good, send confirm={size.count}.",
        )
    return await jobs.asked(request, "empty_trash", {"up_to": str(size.last)})


def trash_dates(number: int, days: int) -> dict[str, str]:
    """Return how an asset is found in the trash, by the number of its deletion: its id, and until when it is there."""
    return {"id": str(number), "ends_date": timestamp(retired.ends(number, days))}


async def _undone(step: Awaitable[bulk.Change], named: Subject) -> bulk.Outcome:
    try:
        return await bulk.one(step, named)
    except NotRetired:
        raise _gone() from None


async def _entry_of(request: Request) -> Entry:
    """Return the entry that the path names; raises NotFound, and Forbidden for one of another namespace."""
    entry = await context(request).entries.get(request.path_params["uuid"])
    changes.check_right(request, entry)
    return entry


async def _version_of(request: Request) -> tuple[Entry, Retired]:
    """Return an entry, and the earlier version of it that the path names; raises NotFound and Forbidden."""
    ctx, wanted = context(request), request.path_params["version"]
    entry = await _entry_of(request)
    for found in await ctx.retired.versions(entry.key):
        if found.entry.version == wanted:
            return entry, found
    raise NotFound(
        f"There is no version {wanted} of {entry.uuid} that can be brought back.",
        f"GET /catalog/{entry.uuid}/versions lists those that can.",
    )


async def _trashed_of(request: Request) -> Retired:
    """Return the deleted asset that the path names; raises NotFound, and Forbidden for that of another namespace."""
    found = await context(request).retired.trashed(request.path_params["id"])
    if found is None:
        raise _gone()
    changes.check_right(request, found.entry)
    return found


def _gone() -> NotFound:
    return NotFound("It cannot be brought back any more.", "GET /catalog/trash lists the deleted assets that can.")


async def _need_file(ctx: Context, entry: Entry) -> None:
    """Read a whole file before an entry refers to it; raises NotFound and SignatureMismatch."""
    try:
        await verify(ctx.storage, entry)
    except ObjectMissing:
        raise _file_gone(entry) from None


async def _file(ctx: Context, entry: Entry) -> Response:
    body = stream_verified(ctx.storage, entry)
    try:
        first = await anext(body)
    except ObjectMissing:
        raise _file_gone(entry) from None

    async def whole() -> AsyncIterator[bytes]:
        async with aclosing(body):
            yield first
            async for chunk in body:
                yield chunk

    headers = {
        "content-length": str(entry.size),
        "content-disposition": f'attachment; filename="{entry.original_name.rpartition("/")[2]}"',
        "x-content-type-options": "nosniff",
        **freshness.NEVER,
    }
    return StreamingResponse(whole(), media_type=media_types.BYTES, headers=headers)


def _file_gone(entry: Entry) -> NotFound:
    return NotFound(f"The storage has no file {entry.storage_key}.", "It cannot be brought back.")


def _version(ctx: Context, found: Retired) -> dict[str, Any]:
    return {"replaced_date": timestamp(found.ended), **entry_json.shown(found.entry, ctx.addresses)}


def _trashed(ctx: Context, found: Retired) -> dict[str, Any]:
    dates = {"deleted_date": timestamp(found.ended), **trash_dates(found.number, ctx.settings.trash_days)}
    return {**dates, **entry_json.shown(found.entry, ctx.addresses)}


def _answer(data: list[dict[str, Any]], headers: dict[str, str] | None = None, **more: Any) -> Response:
    return JsonResponse(envelope(data, **more), headers={**freshness.NEVER, **(headers or {})})
