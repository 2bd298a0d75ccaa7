"""The routes that take and remove files, one or several at a time."""

import time
from collections.abc import Collection, Iterator
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.catalog import answers, bulk
from services.catalog.bodies import (
    CHANGE_FIELDS,
    UPLOAD_FIELDS,
    check_deletion,
    check_patch,
    form_warnings,
    namespace_of,
    place_in,
    read_json_list,
    read_json_object,
    text_list,
    without_place,
)
from services.catalog.context import context
from services.catalog.middleware.auth import principal_of
from services.catalog.routes import changes, undo
from services.catalog.uploads.conflicts import OnConflict, read_on_conflict
from services.catalog.uploads.described import WAITS, described, lacks_facts
from services.catalog.uploads.duplicates import duplicates
from services.catalog.uploads.forms import Form
from services.catalog.uploads.given import NO_OBJECT, fields_of, lost_meta, need_files, to_webp
from services.catalog.uploads.spool import RefusedFile, SpooledFile
from services.catalog.uploads.uploads import Replacement, Wish
from services.core.assets import entries, moves
from services.core.assets.entries import Entry
from services.core.assets.names import AssetName
from services.core.errors import (
    BadRequest,
    NamespaceForbidden,
    NoNamespace,
    NoUuids,
    OtherNamespace,
    Subject,
    UnevenLists,
)
from services.core.state.compare_and_set import Commit

_NO_META = f"meta is the text {NO_OBJECT!r}, which had no effect. Send it as JSON: JSON.stringify(entry.meta)."
_NO_FACTS_YET = "Written. Some facts are not found yet: GET /catalog/{uuid} has them as soon as they are."


async def post_file(request: Request) -> Response:
    """Upload one file."""
    ctx, on_conflict, waits = context(request), read_on_conflict(request.query_params), _waits_for_facts(request)
    async with ctx.form(request, "file", 1) as form:
        need_files(form, "file")
        [result] = await ctx.uploads.create(form.files, wish_of(request, form, on_conflict))
        outcome = bulk.of_one(result, Subject(file=form.files[0].given_name))
        _warn(outcome, form, UPLOAD_FIELDS)
    facts = partial(_describe, request, outcome) if waits else None
    return await answers.written(request, outcome, meanwhile=facts, **await duplicates_of(request, outcome))


async def post_files(request: Request) -> Response:
    """Upload several files that share their fields; each succeeds or fails by itself."""
    ctx, on_conflict, waits = context(request), read_on_conflict(request.query_params), _waits_for_facts(request)
    async with ctx.form(request, "files", ctx.settings.payload_max_files) as form:
        need_files(form, "files")
        wish = wish_of(request, form, on_conflict)
        if wish.filename and len(form.files) > 1:
            raise BadRequest("One filename cannot name several files.", "Leave it out, or use POST /file.")
        results = await ctx.uploads.create(form.files, wish)
        named = [Subject(file=file.given_name, index=at) for at, file in enumerate(form.files)]
        outcome = bulk.of(named, results)
        _warn(outcome, form, UPLOAD_FIELDS)
    facts = partial(_describe, request, outcome) if waits else None
    told = await duplicates_of(request, outcome)
    return await answers.written(request, outcome, of_files=True, meanwhile=facts, **told)


async def patch_file(request: Request) -> Response:
    """Replace the file of an asset, or give it another path; change its fields."""
    uuid = request.path_params["uuid"]
    if not _is_form(request):
        given = await read_json_object(request, '{"expired": true}')
        named = Subject(uuid=uuid, namespace=namespace_of(given))
        return await answers.written(request, await bulk.one(_change(request, uuid, given, strict=True), named))
    with bulk.about(Subject(uuid=uuid)):
        outcome = await _patch_by_form(request, uuid)
    return await answers.written(request, outcome)


async def patch_files(request: Request) -> Response:
    """Replace the files of several entries: `uuids` and as many `files`; as JSON, change fields of several."""
    if not _is_form(request):
        return await answers.written(request, await changes.change_several(request), of_files=True)
    ctx = context(request)
    async with ctx.form(request, "files", ctx.settings.payload_max_files) as form:
        uuids = text_list("uuids", form.fields.pop("uuids", ""))
        _need_as_many(uuids, form)
        pairs = list(zip(uuids, form.files, strict=True))
        wanted = [_replacement(request, form, uuid, file) for uuid, file in pairs]
        namespace = namespace_of(form.fields)
        named = [
            Subject(file=file.given_name, uuid=uuid, index=at, namespace=namespace)
            for at, (uuid, file) in enumerate(pairs)
        ]
        outcome = bulk.of(named, await ctx.uploads.replace(wanted))
        _warn(outcome, form, CHANGE_FIELDS)
    return await answers.written(request, outcome, of_files=True)


async def delete_file(request: Request) -> Response:
    """Delete an entry, its stored bytes and its cached copies."""
    uuid = request.path_params["uuid"]
    check = partial(changes.check_right, request)
    outcome = await bulk.one(context(request).entries.delete(uuid, check), Subject(uuid=uuid))
    return await answers.written(request, outcome, beside=_deleted(request, outcome))


async def delete_files(request: Request) -> Response:
    """Delete several entries with their bytes: a list of `{namespace, uuids}`."""
    example = '[{"namespace": "DEV", "uuids": ["…"]}]'
    items = await read_json_list(request, example)
    for item in items:
        check_deletion(item)
    stored = context(request).entries

    def steps() -> Iterator[tuple[Subject, bulk.Step]]:
        for at, namespace, uuid in asked:

            def check(entry: Entry, namespace: object = namespace) -> None:
                changes.check_right(request, entry)
                if namespace is not None and entry.namespace != namespace:
                    raise OtherNamespace(
                        f"Entry {entry.uuid} is not in namespace {namespace!r}.",
                        f"Send its namespace {entry.namespace!r}, or no namespace.",
                    )

            named = Subject(uuid=uuid, index=at, namespace=str(namespace) if namespace is not None else None)
            yield named, partial(stored.delete, uuid, check)

    asked = [
        (at, item.get("namespace"), uuid)
        for at, item in enumerate(items)
        for uuid in [*text_list("uuids", item.get("uuids", [])), *text_list("uuid", item.get("uuid", []))]
    ]
    if not asked:
        raise NoUuids("The list has no uuid.", f"Send {example}.")
    outcome = await bulk.each(steps())
    return await answers.written(request, outcome, beside=_deleted(request, outcome), of_files=True)


def _deleted(request: Request, outcome: bulk.Outcome) -> list[dict[str, Any]]:
    """Return what the answer shows beside each deleted entry: a message, and how it is brought back, if it can be."""
    days = context(request).settings.trash_days
    return [
        {**answers.DELETED, **({"trash": undo.trash_dates(commit.number, days)} if commit.is_trashed else {})}
        for commit in outcome.commits
    ]


async def _change(request: Request, uuid: str, given: dict[str, Any], *, strict: bool) -> tuple[Entry, Commit | None]:
    """Change the settable fields of an asset and its path, as far as `given` has them."""
    place = place_in(given)
    if place is None:
        return await changes.change_fields(request, uuid, given, strict=strict)
    others, now = without_place(given), time.time()
    fields = entries.parse_fields(others)

    def step(entry: Entry) -> tuple[Entry, AssetName]:
        changes.check_right(request, entry)
        check_patch(entry, others, strict=strict)
        return entries.with_fields(entry, fields, now), moves.renamed(entry, place.destination, place.filename)

    return await context(request).moves.change(uuid, step)


async def _patch_by_form(request: Request, uuid: str) -> bulk.Outcome:
    ctx = context(request)
    async with ctx.form(request, "file", 1) as form:
        namespace = namespace_of(form.fields)
        if not form.files:
            to_webp(form.fields)  # Without a file it has no effect, but an invalid value is refused.
            changed = _change(request, uuid, fields_of(form), strict=False)
            outcome = await bulk.one(changed, Subject(namespace=namespace))
        else:
            [file] = form.files
            [result] = await ctx.uploads.replace([_replacement(request, form, uuid, file)])
            outcome = bulk.of_one(result, Subject(file=file.given_name, namespace=namespace))
        _warn(outcome, form, CHANGE_FIELDS)
        return outcome


def _warn(outcome: bulk.Outcome, form: Form, known: Collection[str]) -> None:
    overridden = form.repeated.keys() - {"tags"}  # All tags count.
    outcome.warnings += form_warnings(form.fields, overridden, known, outcome.entries)
    if lost_meta(form):
        outcome.warnings.append(_NO_META)


def _need_as_many(uuids: list[str], form: Form) -> None:
    what = f"The form has {len(uuids)} uuids and {len(form.files)} files."
    hint = "Send a field 'uuids', comma separated, and as many parts named 'files', in the same order."
    if not uuids:
        raise NoUuids(what, hint)
    if len(uuids) != len(form.files):
        raise UnevenLists(what, hint)


def _replacement(request: Request, form: Form, uuid: str, file: SpooledFile | RefusedFile) -> Replacement:
    sent = fields_of(form)
    place = place_in(sent)

    def check(entry: Entry) -> None:
        changes.check_right(request, entry)
        check_patch(entry, without_place(sent), strict=False)
        if place and moves.renamed(entry, place.destination, place.filename).unique_name != entry.unique_name:
            raise BadRequest(
                "A new file and another path are two changes.",
                "Send the file first, then destination and filename to PATCH /file/{uuid} without a file.",
            )

    return Replacement(
        uuid,
        file,
        keep_type=to_webp(form.fields) is False,
        fields=entries.parse_fields(sent),
        now=time.time(),
        check=check,
    )


def _is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").lower().startswith("multipart/")


def _waits_for_facts(request: Request) -> bool:
    said = request.query_params.get("wait")
    if said not in (None, *WAITS):
        raise BadRequest(f"wait must be {', '.join(WAITS)}.", "Leave it out to be answered at once.")
    return said is not None


async def _describe(request: Request, outcome: bulk.Outcome) -> None:
    """Wait for the facts about the entries of an outcome, and give it these, or a warning."""
    outcome.entries = await described(context(request).entries, outcome.entries)
    if any(lacks_facts(entry) for entry in outcome.entries):
        outcome.warnings.append(_NO_FACTS_YET)


async def duplicates_of(request: Request, outcome: bulk.Outcome) -> dict[str, Any]:
    """Return what the answer shows beside the uploads: `duplicates`, if other entries have their bytes."""
    ctx, number = context(request), max((commit.number for commit in outcome.commits), default=0)
    for entry in outcome.entries:
        ctx.search.uploaded(number, entry.signature, entry.unique_name)
    found = await duplicates(ctx.search, ctx.entries, outcome.entries, principal_of(request).may_use)
    return {"duplicates": found} if found else {}


def wish_of(request: Request, form: Form, on_conflict: OnConflict) -> Wish:
    """Return the fields of a form that concern all of its files; raises BadRequest and Forbidden."""
    namespace = namespace_of(form.fields)
    if namespace is None:
        raise NoNamespace("The form has no namespace.", "Send a field named 'namespace'.")
    principal_of(request).need_namespace(namespace)
    allowed = context(request).settings.namespaces_allowed
    if namespace not in allowed:
        raise NamespaceForbidden(namespace, allowed)
    return Wish(
        namespace=namespace,
        destination=form.fields.get("destination"),
        filename=form.fields.get("filename") or None,
        to_webp=to_webp(form.fields),
        fields=entries.parse_fields(fields_of(form)),
        on_conflict=on_conflict,
    )
