"""Sends files to the distant backend: together if the protocol allows it, or else one by one."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import orjson

from services.core.errors import StorageDown, TadaError, TooLarge
from services.core.observing import logs
from services.core.storage.attempts import Interrupted
from services.core.storage.base import NewObject, ObjectExists, Outcome, Receipt
from services.core.storage.distant import forms
from services.core.storage.distant.client import NO_SUCH_ROUTE, DistantClient, complaint, note
from services.core.storage.distant.forms import Form, Submission

log = logging.getLogger(__name__)

_STORED = (200, 201)
_NOT_TOGETHER = (*NO_SUCH_ROUTE, 409, 413)
"""Statuses for several files that may be different for each file alone."""
_AT_ONCE = 4
"""Requests of one call at the same time."""


class Sender:
    """Sends files by the routes `single` and `multi`."""

    def __init__(self, client: DistantClient, single: str, multi: str) -> None:
        self._client, self._single, self._multi = client, single, multi

    async def send(self, new: Sequence[NewObject], *, replaces: bool) -> list[Outcome]:
        """Store files and remove their sources; return one outcome for each, in order.

        `replaces` says that their assets have files already.
        """
        outcomes: dict[int, Outcome] = {}
        places = asyncio.Semaphore(_AT_ONCE)

        async def submit(submission: Submission) -> list[Submission]:
            """Send files and note their outcomes; return files that must be sent in another way."""
            files = [new[number] for number in submission.which]
            path = self._multi if len(files) > 1 else self._single
            query = {} if len(files) > 1 else forms.original(files[0].object)
            try:
                async with places:
                    form = await _form(submission, files)
                    status, body = await self._client.submit(submission.method, path, query, form)
                if status not in _STORED:
                    note(submission.method, path, status, body)
                if len(files) > 1 and status in _NOT_TOGETHER:
                    return submission.one_by_one()
                if status == 404 and submission.method == "PATCH":
                    # The backend has lost the file that is to be replaced. Sending the new one as new repairs that.
                    return [submission.as_new()]
                receipts = _receipts(submission, path, status, body)
            except (TadaError, ObjectExists) as error:
                outcomes.update(dict.fromkeys(submission.which, error))
            else:
                for file in files:
                    await asyncio.to_thread(file.source.unlink, missing_ok=True)
                outcomes.update(zip(submission.which, receipts, strict=True))
            return []

        waiting = forms.plan(new, replaces=replaces)
        while waiting:
            again = await asyncio.gather(*(submit(submission) for submission in waiting))
            waiting = [submission for more in again for submission in more]
        return [outcomes[number] for number in range(len(new))]


async def _form(submission: Submission, files: Sequence[NewObject]) -> Form:
    try:
        if len(files) == 1:
            return await asyncio.to_thread(forms.single, files[0])
        return await asyncio.to_thread(forms.several_replaced if submission.replaces else forms.several, files)
    except FileNotFoundError as error:
        raise StorageDown("The upload was interrupted.", "Send it again.") from error


def _receipts(submission: Submission, path: str, status: int, body: bytes) -> list[Receipt]:
    """Return the backend's answer about the files of one request; raises ObjectExists and TadaError."""
    if status == 409 and not submission.replaces:
        raise ObjectExists
    if status == 413:
        raise TooLarge("The storage refuses a file of this size.", "Send a smaller file.")
    if status not in _STORED:
        problem = complaint(submission.method, path, status)
        if isinstance(problem, Interrupted):
            raise StorageDown(f"The storage did not confirm that it has the file: {problem}.")
        raise problem
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise StorageDown("The storage did not confirm that it has the file: its answer is not JSON.") from None
    if len(submission.which) == 1:
        return [_receipt(answer)]
    if isinstance(answer, list) and len(answer) == len(submission.which):
        return [_receipt(item) for item in answer]
    return [Receipt()] * len(submission.which)


def _receipt(item: Any) -> Receipt:
    try:
        return Receipt(forms.version_of(item))
    except ValueError as error:
        logs.event(log, logging.WARNING, "storage_version_ignored", why=str(error))
        return Receipt()
