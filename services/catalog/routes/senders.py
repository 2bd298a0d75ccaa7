"""Who sends a resumable upload, and what follows from that: a program with a token, or a page with a ticket.

Both take the same steps (`routes/resumable.py`). A page has its ticket in every address. The upload takes a use of the
ticket when it begins. The use is counted before the entry is written, and is free again if the upload ends without one.
"""

import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response

from services.catalog import bulk
from services.catalog.context import Context, context
from services.catalog.metrics import TICKET_UPLOADS
from services.catalog.middleware.auth import principal_of
from services.catalog.resumable.stated import Stated
from services.catalog.routes import files
from services.catalog.routes.direct import SHOWN, permit_of, result_of
from services.catalog.tickets import using
from services.catalog.tickets.refusals import for_page
from services.catalog.tickets.tickets import Permit
from services.catalog.uploads.conflicts import OnConflict, read_on_conflict
from services.catalog.uploads.given import fields_of
from services.catalog.uploads.spool import SpooledFile
from services.catalog.uploads.uploads import Wish
from services.catalog.uploads.writer import caught
from services.catalog.uploads.writing import BeforeWrite, Written, at_once
from services.core.assets.quotas import Quota
from services.core.errors import TadaError, TicketRefused
from services.core.observing import logs, origin
from services.core.state import keys
from services.core.state.resumable import Intended

log = logging.getLogger(__name__)


class Sender(Protocol):
    """The sender of a request for a resumable upload.

    `owner` is the same for all requests of an upload, and for no other sender. `size_max` is the largest upload, in
    bytes. `query` is what the address of an upload needs. `shows` are the fields of the new entry that the sender may
    see, None for all.
    """

    @property
    def owner(self) -> str: ...

    @property
    def size_max(self) -> int: ...

    @property
    def query(self) -> str: ...

    @property
    def shows(self) -> Collection[str] | None: ...

    def on_conflict(self) -> OnConflict:
        """Return what the sender wants if the path is taken; raises BadRequest."""

    async def check(self, wanted: Stated, length: int) -> None:
        """Raise BadRequest, Forbidden or QuotaExceeded for an upload of `length` bytes that must not begin."""

    async def begun(self, upload_id: str) -> None:
        """Note that an upload has begun; raises TicketUsed."""

    async def make(self, upload_id: str, wanted: Stated, file: SpooledFile, before: BeforeWrite) -> Written | TadaError:
        """Make an entry of the file of an upload."""

    async def told(self, outcome: bulk.Outcome) -> dict[str, Any]:
        """Return what the answer shows beside the new entry."""


class TokenSender:
    """A program with a token."""

    query = ""
    shows = None

    def __init__(self, request: Request) -> None:
        self._request, self.owner = request, f"token {principal_of(request).name}"
        self.size_max = context(request).settings.tus_size_max

    def on_conflict(self) -> OnConflict:
        return read_on_conflict(self._request.query_params)

    async def check(self, wanted: Stated, length: int) -> None:
        await _check_room(context(self._request), self._wish(wanted), length)

    async def begun(self, upload_id: str) -> None:
        """There is nothing to note."""

    async def make(self, upload_id: str, wanted: Stated, file: SpooledFile, before: BeforeWrite) -> Written | TadaError:
        wish = replace(self._wish(wanted), before_write=before)
        [result] = await context(self._request).uploads.create([file], wish)
        return result

    async def told(self, outcome: bulk.Outcome) -> dict[str, Any]:
        return await files.duplicates_of(self._request, outcome)

    def _wish(self, wanted: Stated) -> Wish:
        return files.wish_of(self._request, wanted.form, OnConflict(wanted.on_conflict))


class TicketSender:
    """A page with a ticket."""

    shows = SHOWN

    def __init__(self, request: Request, permit: Permit) -> None:
        self._ctx, self._permit, self.owner = context(request), permit, f"ticket {permit.ticket.id}"
        self.size_max = min(permit.terms.max_size, self._ctx.settings.tus_size_max)
        self.query = f"?ticket={request.query_params['ticket']}"

    def on_conflict(self) -> OnConflict:
        return self._permit.terms.on_conflict

    async def check(self, wanted: Stated, length: int) -> None:
        if self._permit.terms.uuid is None:
            wish = using.wish(self._permit.terms, fields_of(wanted.form), at_once)
            await _check_room(self._ctx, wish, length)
        else:
            using.check_fields(self._permit.terms, wanted.fields)

    async def begun(self, upload_id: str) -> None:
        alive, lasts = keys.resumable(upload_id), self._ctx.settings.tus_hours * 3600
        await self._ctx.tickets.take(self._permit, upload_id, alive=alive, lasts=lasts)

    async def make(self, upload_id: str, wanted: Stated, file: SpooledFile, before: BeforeWrite) -> Written | TadaError:
        tickets = self._ctx.tickets

        async def before_write(intended: Intended) -> None:
            await before(intended)
            await tickets.count(self._permit, upload_id)

        result = await caught(self._made(wanted, file, before_write))
        if not isinstance(result, TicketRefused):  # Counted for every request: see with_ticket.
            TICKET_UPLOADS.labels(result_of(result) if isinstance(result, TadaError) else "written").inc()
        if not isinstance(result, TadaError):
            await tickets.count(self._permit, upload_id)  # If the asset was there already, there was nothing to write.
        elif result.status < 500:
            await tickets.give_back(self._permit, upload_id)
        return result

    async def _made(self, wanted: Stated, file: SpooledFile, before_write: BeforeWrite) -> Written | TadaError:
        uploads, terms, sent = self._ctx.uploads, self._permit.terms, fields_of(wanted.form)
        using.check_file(terms, file.size, file.media_type)
        if terms.uuid is None:
            [result] = await uploads.create([file], using.wish(terms, sent, before_write))
        else:
            [result] = await uploads.replace([using.replacement(terms, file, sent, before_write)])
        return result

    async def told(self, outcome: bulk.Outcome) -> dict[str, Any]:
        for commit in outcome.commits:
            [entry] = outcome.entries
            self._ctx.search.uploaded(commit.number, entry.signature, entry.unique_name)
        return {}


async def _check_room(ctx: Context, wish: Wish, length: int) -> None:
    """Raise QuotaExceeded for a new asset. What may replace another, or be there already, is looked at in the end."""
    if wish.on_conflict in (OnConflict.REFUSE, OnConflict.RENAME):
        await ctx.room.check(wish.namespace, Quota(length, 1))


Step = Callable[[Request, Sender], Awaitable[Response]]


def with_token(step: Step) -> Callable[[Request], Awaitable[Response]]:
    """Return the handler of a step for programs."""

    async def handler(request: Request) -> Response:
        return await step(request, TokenSender(request))

    return handler


def with_ticket(step: Step, *, begun: bool) -> Callable[[Request], Awaitable[Response]]:
    """Return the handler of a step for pages. `begun` says that an upload goes on: its ticket may have ended."""

    async def handler(request: Request) -> Response:
        try:
            permit = await permit_of(request, begun=begun)
            with origin.acting_as(permit.principal.name):
                return await step(request, TicketSender(request, permit))
        except TadaError as error:
            if isinstance(error, TicketRefused):
                TICKET_UPLOADS.labels(result_of(error)).inc()
            if error.status >= 500:
                logs.event(log, logging.ERROR, error.code, message=error.message, path=request.url.path)
            raise for_page(error) from error

    return handler
