"""Sending files to the distant backend: together where the protocol can, else one by one."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import orjson

from services.core.errors import StorageDown, TadaError, TooLarge
from services.core.observing import logs
from services.core.storage.attempts import Interrupted
from services.core.storage.base import NewObject, ObjectExists, Receipt
from services.core.storage.distant import forms
from services.core.storage.distant.client import NO_SUCH_ROUTE, DistantClient, complaint, note
from services.core.storage.distant.forms import Form, Sending

log = logging.getLogger(__name__)

_STORED = (200, 201)
_NOT_TOGETHER = (*NO_SUCH_ROUTE, 409, 413)
"""Answers to several files at once which may be others for each of them alone."""
_AT_ONCE = 4
"""Requests of one call at the same time."""

Outcome = Receipt | ObjectExists | TadaError


async def send(client: DistantClient, single: str, multi: str, new: Sequence[NewObject]) -> list[Outcome]:
    """Store files by the routes `single` and `multi`, and remove their sources; return what became of each."""
    outcomes: dict[int, Outcome] = {}
    places = asyncio.Semaphore(_AT_ONCE)

    async def send_one(sending: Sending) -> list[Sending]:
        """Send files and note what became of them; return what is to be sent in another way."""
        files = [new[number] for number in sending.which]
        path = multi if len(files) > 1 else single
        query = {} if len(files) > 1 else forms.original(files[0].object)
        try:
            async with places:
                status, body = await client.submit(sending.method, path, query, await _form(sending, files))
            if status not in _STORED:
                note(sending.method, path, status, body)
            if len(files) > 1 and status in _NOT_TOGETHER:
                return sending.one_by_one()
            if status == 404 and sending.method == "PATCH":
                # The backend has lost what is to be replaced: so it can be repaired.
                return [sending.as_new()]
            receipts = _receipts(sending, path, status, body)
        except (TadaError, ObjectExists) as error:
            outcomes.update(dict.fromkeys(sending.which, error))
        else:
            for file in files:
                await asyncio.to_thread(file.source.unlink, missing_ok=True)
            outcomes.update(zip(sending.which, receipts, strict=True))
        return []

    waiting = forms.plan(new)
    while waiting:
        again = await asyncio.gather(*(send_one(sending) for sending in waiting))
        waiting = [sending for more in again for sending in more]
    return [outcomes[number] for number in range(len(new))]


async def _form(sending: Sending, files: Sequence[NewObject]) -> Form:
    try:
        if len(files) == 1:
            return await asyncio.to_thread(forms.single, files[0])
        return await asyncio.to_thread(forms.several_replaced if sending.replaces else forms.several, files)
    except FileNotFoundError as error:
        raise StorageDown("The upload was interrupted.", "Send it again.") from error


def _receipts(sending: Sending, path: str, status: int, body: bytes) -> list[Receipt]:
    """Return what the backend says of the files of one request; raises ObjectExists and TadaError."""
    if status == 409 and not sending.replaces:
        raise ObjectExists
    if status == 413:
        raise TooLarge("The storage does not take a file of this size.", "Send a smaller file.")
    if status not in _STORED:
        problem = complaint(sending.method, path, status)
        if isinstance(problem, Interrupted):
            raise StorageDown(f"The storage did not confirm that it has the file: {problem}.")
        raise problem
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise StorageDown("The storage did not confirm that it has the file: its answer is no JSON.") from None
    if len(sending.which) == 1:
        return [_receipt(answer)]
    if isinstance(answer, list) and len(answer) == len(sending.which):
        return [_receipt(item) for item in answer]
    return [Receipt()] * len(sending.which)


def _receipt(item: Any) -> Receipt:
    try:
        return Receipt(forms.version_of(item))
    except ValueError as error:
        logs.event(log, logging.WARNING, "storage_version_ignored", why=str(error))
        return Receipt()
