"""GET /catalog/get-dump/{filename}: a file of a dump, brought from where dumps are kept, and checked, then sent."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import BinaryIO

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from services.catalog.context import Context, context
from services.catalog.spool import spool_path
from services.core import caching, dumps
from services.core.dumps import LATEST, Kind
from services.core.errors import DumpError, NoDumpName, StorageDown
from services.core.storage import ObjectMissing
from services.core.web import JsonResponse

_CHUNK = 256 * 1024


async def get_dump(request: Request) -> Response:
    """Answer with a file of a dump as an attachment; errors have the shape that the dump routes have."""
    ctx = context(request)
    try:
        filename, file = await _fetched(ctx, request.path_params["filename"], request.query_params.get("format", ""))
    except DumpError as error:
        headers = {**caching.NEVER, "x-content-type-options": "nosniff"}
        return JsonResponse(error.said(), error.status, headers=headers)
    kind: Kind = "json" if filename.endswith(".json") else "rdb"
    headers = {
        "content-disposition": f'attachment; filename="{filename}"',
        "content-length": str(os.fstat(file.fileno()).st_size),
        "x-content-type-options": "nosniff",
        **caching.NEVER,
    }
    return StreamingResponse(_content(file), media_type=dumps.MEDIA_TYPES[kind], headers=headers)


async def _fetched(ctx: Context, asked: str, kind: str) -> tuple[str, BinaryIO]:
    """Bring a file into the spool and open it; no name leads to it any more then. Returns its name, too."""
    if kind not in ("", *dumps.KINDS):
        raise NoDumpName("Invalid dump format", f"{kind!r} is not a format of dumps.", "Use format=json or format=rdb")
    kinds = [known for known in dumps.KINDS if kind in ("", known)]
    if asked != LATEST:
        kinds = [dumps.parse(asked)[1]]
    path = spool_path(ctx.storage.spool, ctx.catalog.owner)
    try:
        for wanted in kinds:
            with suppress(ObjectMissing):
                if asked == LATEST:
                    named = await ctx.dumps.fetch_latest(wanted, path) or f"{LATEST}.{wanted}"
                else:
                    await ctx.dumps.fetch(asked, path)
                    named = asked
                return named, path.open("rb")
        raise dumps.missing(kinds[0], asked, ctx.dumps.source)
    except OSError as error:
        raise StorageDown(f"The dump cannot be put into the spool: {error.strerror}.") from error
    finally:
        path.unlink(missing_ok=True)


async def _content(file: BinaryIO) -> AsyncIterator[bytes]:
    with file:
        while chunk := await asyncio.to_thread(file.read, _CHUNK):
            yield chunk
