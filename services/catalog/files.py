"""The routes that take files: POST /file, POST /files, PATCH /file/{uuid}, DELETE /file/{uuid}."""

import time
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.catalog import answers
from services.catalog.bodies import check_patch, read_json_object
from services.catalog.context import context
from services.catalog.forms import MAX_FILES, Form
from services.catalog.uploads import Wish
from services.core import entries
from services.core.catalog import Change
from services.core.entries import Entry
from services.core.errors import BadRequest, TadaError


async def post_file(request: Request) -> Response:
    """Upload one file."""
    ctx = context(request)
    async with ctx.form(request, "file", 1) as form:
        _need_files(form, "file")
        entry, change = await ctx.uploads.create(form.files[0], _wish(form))
    return await answers.written(ctx.catalog, ctx.settings.purge_wait_seconds, [entry], [change])


async def post_files(request: Request) -> Response:
    """Upload several files that share their fields; each succeeds or fails by itself."""
    ctx = context(request)
    created: list[Entry] = []
    changes: list[Change] = []
    errors: list[dict[str, Any]] = []
    async with ctx.form(request, "files", MAX_FILES) as form:
        _need_files(form, "files")
        wish = _wish(form)
        if wish.filename and len(form.files) > 1:
            raise BadRequest("One filename cannot name several files.", "Leave it out, or use POST /file.")
        for file in form.files:
            try:
                entry, change = await ctx.uploads.create(file, wish)
            except TadaError as error:
                if error.status >= 500 and not created:
                    raise
                errors.append({"file": file.given_name, **error.public()})
            else:
                created.append(entry)
                changes.append(change)
    return await answers.written(ctx.catalog, ctx.settings.purge_wait_seconds, created, changes, errors)


async def patch_file(request: Request) -> Response:
    """Replace the file of an entry, change fields of it, or both."""
    ctx = context(request)
    uuid = request.path_params["uuid"]
    now = time.time()
    if not request.headers.get("content-type", "").lower().startswith("multipart/"):
        return await _patch_fields(request, await read_json_object(request), strict=True)
    async with ctx.form(request, "file", 1) as form:
        if not form.files:
            return await _patch_fields(request, form.fields, strict=False)
        current = await ctx.catalog.get(uuid)
        check_patch(current, form.fields, strict=False)
        entry, change = await ctx.uploads.replace(
            uuid,
            form.files[0],
            keep_type=not _convert(form.fields),
            fields=entries.parse_fields(form.fields),
            now=now,
        )
    return await answers.written(ctx.catalog, ctx.settings.purge_wait_seconds, [entry], [change])


async def patch_entry(request: Request) -> Response:
    """Change fields of an entry: PATCH /catalog/{uuid}."""
    return await _patch_fields(request, await read_json_object(request), strict=True)


async def delete_file(request: Request) -> Response:
    """Delete an entry, its stored bytes and its cached copies."""
    ctx = context(request)
    entry, change = await ctx.catalog.delete(request.path_params["uuid"])
    return await answers.written(ctx.catalog, ctx.settings.purge_wait_seconds, [entry], [change])


async def _patch_fields(request: Request, given: dict[str, Any], *, strict: bool) -> Response:
    ctx = context(request)
    now = time.time()
    fields = entries.parse_fields(given)

    def step(entry: Entry) -> Entry:
        check_patch(entry, given, strict=strict)
        if not fields:
            raise BadRequest("Nothing to change.", f"Send a file, or one of {', '.join(entries.SETTABLE)}.")
        return entries.with_fields(entry, fields, now)

    entry, change = await ctx.catalog.change(request.path_params["uuid"], step)
    return await answers.written(ctx.catalog, ctx.settings.purge_wait_seconds, [entry], [change])


def _need_files(form: Form, name: str) -> None:
    if not form.files:
        raise BadRequest("The form has no file.", f"Send it as a file part named {name!r}: curl -F '{name}=@cat.jpg'.")


def _wish(form: Form) -> Wish:
    namespace = form.fields.get("namespace", "").strip()
    if not namespace:
        raise BadRequest("The form has no namespace.", "Send a field named 'namespace'.")
    return Wish(
        namespace=namespace,
        destination=form.fields.get("destination"),
        filename=form.fields.get("filename") or None,
        convert=_convert(form.fields),
        fields=entries.parse_fields(form.fields),
    )


def _convert(fields: dict[str, str]) -> bool:
    return entries.parse_bool("toWebp", fields.get("toWebp") or "true")
