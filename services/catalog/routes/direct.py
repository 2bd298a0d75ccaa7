"""The route at which a page uploads a file with a ticket. The upload entry of the gateway passes it to the public."""

import logging

from starlette.requests import Request
from starlette.responses import Response

from services.catalog import answers, bulk
from services.catalog.bodies import UPLOAD_FIELDS, form_warnings
from services.catalog.context import context
from services.catalog.metrics import TICKET_UPLOADS
from services.catalog.middleware.auth import act_as
from services.catalog.tickets import using
from services.catalog.tickets.refusals import for_page
from services.catalog.tickets.tickets import Permit
from services.catalog.uploads.forms import Form
from services.catalog.uploads.given import fields_of, need_files
from services.catalog.uploads.spool import SpooledFile
from services.catalog.uploads.writing import BeforeWrite, Written
from services.core.errors import Subject, TadaError, TicketRefused
from services.core.observing import logs, origin
from services.core.state import keys

log = logging.getLogger(__name__)

SHOWN = (
    *("uuid", "version", "public_url", "versioned_url", "filename", "original_filename"),
    *("mimetype", "size", "width", "height", "blurhash", "dominant_color"),
)
"""The fields of the new entry that a page sees."""
UPLOAD_SECONDS = 3600
"""Seconds after the end of the ticket in which an upload that has begun before must be finished."""


async def post_direct(request: Request) -> Response:
    """Upload the file of a page, as its ticket allows."""
    try:
        permit = await permit_of(request)
        with origin.acting_as(permit.principal.name):
            outcome = await _upload(request, permit)
    except TadaError as error:
        TICKET_UPLOADS.labels(result_of(error)).inc()
        if error.status >= 500:
            logs.event(log, logging.ERROR, error.code, message=error.message, path=request.url.path)
        raise for_page(error) from error
    TICKET_UPLOADS.labels("written").inc()
    return await answers.written(request, outcome, shows=SHOWN)


def result_of(error: TadaError) -> str:
    """Return what TICKET_UPLOADS calls an error."""
    if isinstance(error, TicketRefused):
        return "ticket"
    return "failed" if error.status >= 500 else "refused"


async def permit_of(request: Request, *, begun: bool = False) -> Permit:
    """Return what the ticket in the address allows; raises TicketRefused. From here on, its maker is the sender.

    Of an upload that was `begun`, the ticket may have ended meanwhile.
    """
    text = request.query_params.get("ticket", "")
    if not text:
        raise TicketRefused("An upload needs a ticket here: ?ticket=… in its address.")
    permit = await context(request).tickets.open(text, begun=begun)
    act_as(request, permit.principal)
    return permit


async def _upload(request: Request, permit: Permit) -> bulk.Outcome:
    ctx, terms = context(request), permit.terms
    using.check_length(terms, request.headers.get("content-length", ""))
    alive = keys.alive(ctx.process.name)
    async with (
        ctx.tickets.using(permit, alive=alive, lasts=UPLOAD_SECONDS) as before_write,
        ctx.form(request, "file", 1, terms.max_size) as form,
    ):
        need_files(form, "file")
        result = await _written(request, permit, form, before_write)
        outcome = bulk.of_one(result, Subject(file=form.files[0].given_name))
        outcome.warnings += form_warnings(form.fields, form.repeated.keys() - {"tags"}, UPLOAD_FIELDS, ())
    for commit in outcome.commits:
        [entry] = outcome.entries
        ctx.search.uploaded(commit.number, entry.signature, entry.unique_name)
    return outcome


async def _written(request: Request, permit: Permit, form: Form, before_write: BeforeWrite) -> Written | TadaError:
    uploads, terms, [file] = context(request).uploads, permit.terms, form.files
    assert isinstance(file, SpooledFile)  # A form for one file has raised the error of a file that is too large.
    sent = fields_of(form)
    using.check_file(terms, file.size, file.media_type)
    if terms.uuid is None:
        [result] = await uploads.create([file], using.wish(terms, sent, before_write))
    else:
        [result] = await uploads.replace([using.replacement(terms, file, sent, before_write)])
    return result
