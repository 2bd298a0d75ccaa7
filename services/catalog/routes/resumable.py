"""The steps of resumable uploads (tus 1.0), whoever sends them. `middleware/tus.py` adds the version to each answer."""

import time
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import Response

from services.catalog import answers, bulk, metrics
from services.catalog.context import context
from services.catalog.resumable import protocol, stated
from services.catalog.resumable.finishing import Finisher
from services.catalog.resumable.receiving import Receiver
from services.catalog.resumable.stated import Stated
from services.catalog.routes.senders import Sender
from services.catalog.uploads.spool import SpooledFile
from services.catalog.uploads.writing import BeforeWrite, Written
from services.core.assets import freshness
from services.core.errors import NotFound, NotSupported, Subject, TadaError, WrongOffset
from services.core.state.resumable import Run, Upload, unknown
from services.core.storage import ObjectMissing, ReplacesInPlace

ENTRY_HEADER = "upload-entry"
"""Names the entry that an upload has become, by its uuid."""
_WITH_BODY = "return=representation"
"""In the header Prefer (RFC 7240): the client wants the entry as POST /file answers it. tus wants no body otherwise."""
_Result = TypeVar("_Result")


async def discover(request: Request) -> Response:
    """Tell what the service can do."""
    return Response(status_code=204, headers=protocol.discovery(context(request).settings.tus_size_max))


async def begin(request: Request, sender: Sender) -> Response:
    """Open an upload. The request may have the first bytes of the file."""
    protocol.check_version(request.headers)
    ctx, now = context(request), time.time()
    if isinstance(ctx.storage, ReplacesInPlace):
        raise NotSupported(
            "A distant backend has no place for parts of files, so uploads cannot be resumed.",
            "Send the whole file to POST /file.",
        )
    length = protocol.length(request.headers, sender.size_max)
    wanted = stated.read(request.headers.get("upload-metadata", ""), sender.owner, sender.on_conflict())
    await sender.check(wanted, length)
    takes = protocol.has_body(request.headers)
    checksum = protocol.checksum(request.headers)
    if takes:
        protocol.check_body(request.headers)
        protocol.check_fits(request.headers, length)
    ends_at = int(now) + ctx.settings.tus_hours * 3600
    upload = await ctx.resumable.open(length, ends_at, wanted.stored(), ctx.settings.tus_room)
    metrics.RESUMABLE.labels("opened").inc()
    written = None
    try:
        await sender.begun(upload.id)
        if takes:
            upload, written = await _continued(request, sender, upload, 0, checksum)
    except BaseException:
        # The client does not know the address of the upload.
        with suppress(TadaError, RedisError):
            await ctx.resumable.end(upload.id)
        raise
    answer = await _answer(request, sender, upload, written, 201)
    # Relative: it is right behind any proxy, whatever that does to the path.
    base = request.url.path.rstrip("/").rpartition("/")[2]
    path = upload.id if request.url.path.endswith("/") else f"{base}/{upload.id}"
    answer.headers["location"] = f"{path}{sender.query}"
    return answer


async def tell(request: Request, sender: Sender) -> Response:
    """Tell how much of an upload has been received. If all is there and no entry was made of it yet, make it."""
    protocol.check_version(request.headers)
    upload = await _own(request, sender, request.path_params["upload"])
    if upload.is_whole and upload.uuid is None:
        async with context(request).resumable.run(upload.id) as run:
            upload = await _own(request, sender, upload.id)
            if upload.uuid is None:
                written = await _finished(request, sender, run, upload)
                upload = replace(upload, uuid=written[0].uuid)
    headers = {
        **_told(upload),
        "upload-length": str(upload.length),
        "upload-metadata": Stated.of(upload.stated).metadata,
    }
    return Response(status_code=200, headers=headers)


async def go_on(request: Request, sender: Sender) -> Response:
    """Take the next bytes of an upload. With the last ones it becomes an entry."""
    protocol.check_version(request.headers)
    protocol.check_body(request.headers)
    offset, checksum = protocol.offset(request.headers), protocol.checksum(request.headers)
    upload = await _own(request, sender, request.path_params["upload"])
    upload, written = await _continued(request, sender, upload, offset, checksum)
    return await _answer(request, sender, upload, written, 204)


async def remove(request: Request, sender: Sender) -> Response:
    """End an upload, and remove what has been received of it."""
    protocol.check_version(request.headers)
    upload = await _own(request, sender, request.path_params["upload"])
    async with context(request).resumable.run(upload.id):
        upload = await _own(request, sender, upload.id)
        if upload.uuid:
            raise NotFound(f"The upload has become the entry {upload.uuid}.", "DELETE /file/{uuid} deletes an asset.")
        await context(request).resumable.end(upload.id)
    metrics.RESUMABLE.labels("removed").inc()
    return Response(status_code=204, headers=freshness.NEVER)


async def _own(request: Request, sender: Sender, upload_id: str) -> Upload:
    """Return an upload as it is now; raises NotFound also for one that another client has begun."""
    upload = await context(request).resumable.get(upload_id)
    if Stated.of(upload.stated).owner != sender.owner:
        raise unknown(upload.id)
    return upload


async def _continued(
    request: Request, sender: Sender, upload: Upload, offset: int, checksum: protocol.Checksum | None
) -> tuple[Upload, Written | None]:
    """Receive the body. Return the upload as it is then, and what was written if it has become an entry."""
    ctx = context(request)
    if offset != upload.offset:
        raise WrongOffset(offset, upload.offset)
    protocol.check_fits(request.headers, upload.length - offset)
    if upload.uuid:
        return upload, None
    async with ctx.resumable.run(upload.id) as run:
        upload = await _own(request, sender, upload.id)
        if offset != upload.offset:
            raise WrongOffset(offset, upload.offset)
        receiver = Receiver(run, ctx.storage, ctx.process.name, upload, checksum)
        upload = replace(upload, offset=await _whole(request, upload, receiver.take(request.stream())))
        if not upload.is_whole or upload.uuid:
            return upload, None
        written = await _finished(request, sender, run, upload)
        return replace(upload, uuid=written[0].uuid), written


async def _finished(request: Request, sender: Sender, run: Run, upload: Upload) -> Written:
    ctx, wanted = context(request), Stated.of(upload.stated)

    async def make(file: SpooledFile, before_write: BeforeWrite) -> Written | TadaError:
        result = await sender.make(upload.id, wanted, file, before_write)
        return result.about(Subject(file=file.given_name)) if isinstance(result, TadaError) else result

    finisher = Finisher(ctx.resumable, ctx.entries, ctx.storage, ctx.process.name)
    return await _whole(request, upload, finisher.finish(run, upload, make))


async def _whole(request: Request, upload: Upload, step: Awaitable[_Result]) -> _Result:
    """Return what a step returns. If a part is missing, the upload can never become whole: end it."""
    try:
        return await step
    except ObjectMissing:
        await context(request).resumable.end(upload.id)
        raise unknown(upload.id) from None


def _told(upload: Upload) -> dict[str, str]:
    return {
        **freshness.NEVER,
        "upload-offset": str(upload.offset),
        "upload-expires": protocol.expires(upload.ends_at),
        **({ENTRY_HEADER: upload.uuid} if upload.uuid else {}),
    }


async def _answer(request: Request, sender: Sender, upload: Upload, written: Written | None, status: int) -> Response:
    """Answer with the offset of an upload, and with the entry that it has become."""
    told = _told(upload)
    with_body = _WITH_BODY in request.headers.get("prefer", "").replace(" ", "").lower()
    if written is None and upload.uuid and with_body:
        written = await _written_before(request, upload.uuid)
    if written is None:
        return Response(status_code=status, headers=told)
    outcome = bulk.of_one(written, Subject(file=Stated.of(upload.stated).given_name))
    answer = await answers.written(request, outcome, shows=sender.shows, **await sender.told(outcome))
    told[answers.PURGE_HEADER] = answer.headers[answers.PURGE_HEADER]
    if not with_body:
        return Response(status_code=status, headers=told)
    answer.status_code = 200 if status == 204 else status
    answer.headers.update({**told, "preference-applied": _WITH_BODY})
    return answer


async def _written_before(request: Request, uuid: str) -> Written | None:
    """Return the entry that an upload has become, for a client that has not got the answer, if it is still there."""
    try:
        return await context(request).entries.get(uuid), None
    except NotFound:
        return None
