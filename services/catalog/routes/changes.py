"""The routes that change entries and leave the stored bytes alone."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.catalog import answers, bulk, conditions
from services.catalog.bodies import check_patch, namespace_of, need_no_body, read_json_list, read_json_object
from services.catalog.context import context
from services.catalog.middleware.auth import principal_of
from services.catalog.routes.arguments import UNCONFIRMED_MAX, number_of
from services.core.assets import entries
from services.core.assets.entries import SETTABLE, Entry
from services.core.errors import BadRequest, Subject
from services.core.state.compare_and_set import Commit
from services.core.state.entries import NotConfirmed


async def post_entry(request: Request) -> Response:
    """Catalogue a file that is already in the storage."""
    given = await read_json_object(request, '{"unique_name": "/DEV/cat.webp"}')
    adopted = context(request).uploads.adopt(given, principal_of(request).need_namespace)
    return await answers.written(request, await bulk.one(adopted, Subject()), status=201)


async def patch_entry(request: Request) -> Response:
    """Change fields of an entry."""
    catalog, outcome = context(request).settings.catalog_url, await change_one(request)
    beside = [{"catalogItemUrl": f"{catalog}/{entry.uuid}"} for entry in outcome.entries]
    return await answers.written(request, outcome, beside=beside)


async def patch_entries(request: Request) -> Response:
    """Change fields of several entries: a list of `{uuid, …fields}`."""
    return await answers.written(request, await change_several(request))


async def change_one(request: Request) -> bulk.Outcome:
    """Change the entry that the path names by the JSON object in the body."""
    given = await read_json_object(request, '{"expired": true}')
    uuid = request.path_params["uuid"]
    named = Subject(uuid=uuid, namespace=namespace_of(given))
    check = conditions.expected(request, context(request).addresses)
    return await bulk.one(change_fields(request, uuid, given, strict=True, check=check), named)


async def change_several(request: Request) -> bulk.Outcome:
    """Change entries by the list of JSON objects in the body."""
    items = await read_json_list(request, '[{"uuid": "…", "expired": true}]')
    steps = []
    for at, item in enumerate(items):
        uuid = item.get("uuid")
        if not isinstance(uuid, str) or not uuid:
            raise BadRequest(f"Item {at} of the list has no uuid.", "Each item needs the uuid of its entry.")
        named = Subject(uuid=uuid, index=at, namespace=namespace_of(item))
        steps.append((named, partial(change_fields, request, uuid, item, strict=True)))
    return await bulk.each(steps)


async def delete_entry(request: Request) -> Response:
    """Remove an entry and leave its bytes in the storage."""
    uuid = request.path_params["uuid"]
    check = partial(check_right, request)
    deleted = context(request).entries.delete(uuid, check, keep_bytes=True)
    return await answers.written(request, await bulk.one(deleted, Subject(uuid=uuid)), beside=[answers.DELETED])


async def delete_entries(request: Request) -> Response:
    """Remove all entries at one instant and leave the bytes in the storage. A large number must be confirmed."""
    await need_no_body(request)
    confirmed = number_of(request.query_params.get("confirm"), "confirm", "the number of entries in the catalog")
    try:
        removed, commit = await context(request).entries.clear(confirmed, UNCONFIRMED_MAX)
    except NotConfirmed as error:
        said = "" if confirmed is None else f", not {confirmed}"
        raise BadRequest(
            f"The catalog has {error.count} entries{said}: nothing was removed.",
            f"To remove them all, send confirm={error.count}. A filter is not possible here: "
            "DELETE /files takes a list.",
        ) from None
    outcome = bulk.Outcome(commits=[commit] if commit else [])
    return await answers.written(request, outcome, removed=removed)


async def change_fields(
    request: Request,
    uuid: str,
    given: dict[str, Any],
    *,
    strict: bool,
    check: Callable[[bytes], None] | None = None,
) -> tuple[Entry, Commit | None]:
    """Change the settable fields among `given`; raises NotFound, Forbidden, BadRequest, and what `check` raises."""
    fields = entries.parse_fields(given)
    now = time.time()

    def step(entry: Entry) -> Entry:
        check_right(request, entry)
        check_patch(entry, given, strict=strict)
        if not fields:
            raise BadRequest("Nothing to change.", f"Send a file, or one of {', '.join(SETTABLE)}.")
        return entries.with_fields(entry, fields, now)

    return await context(request).entries.change(uuid, step, check=check)


def check_right(request: Request, entry: Entry) -> None:
    """Raise Forbidden unless the request's token may write in the entry's namespace."""
    principal_of(request).need_namespace(entry.namespace)
