"""Reads one file of the distant backend, in several answers if needed: a broken answer is resumed.

The protocol does not require that a backend supports ranges. Without ranges, the whole file is requested and its
beginning is skipped.
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from services.core.errors import StorageDown
from services.core.storage.attempts import Interrupted
from services.core.storage.base import ObjectMissing
from services.core.storage.distant.client import Answer, DistantClient, complain
from services.core.storage.distant.readiness import Readiness

_CONTENT_RANGE = re.compile(r"bytes (?:([0-9]{1,18})-([0-9]{1,18})|\*)/([0-9]{1,18}|\*)")


@dataclass(frozen=True, slots=True)
class Span:
    """What an answer holds: bytes `start` to `end` (not included) of `total`; None for what it does not state."""

    start: int
    end: int | None
    total: int | None


class Reader:
    """A file at an address. All later answers must match the first one."""

    def __init__(
        self,
        client: DistantClient,
        ready: Readiness,
        path: str,
        params: Mapping[str, str],
        not_a_file: tuple[str, ...],
    ) -> None:
        """Types in `not_a_file` cannot be those of the file: they are of error pages, for example of a proxy before the
        backend."""
        self._client, self._ready = client, ready
        self._path, self._params, self._not_a_file = path, params, not_a_file
        self._begun = False
        self._etag: str | None = None
        self._total: int | None = None
        self.headers: Mapping[str, str] = {}
        """Of the first answer."""

    async def open_at(self, start: int, length: int | None) -> AsyncGenerator[bytes, None]:
        """Yield the bytes from `start`; none if that is after the end.

        Raises ObjectMissing, Interrupted, StorageDown.
        """
        async with self._ask(self._asked(start, length)) as answer:
            span = await self._span(answer, start)
            if span is None:
                return
            skip, left = start - span.start, length
            at = span.start
            async for chunk in answer.chunks():
                at += len(chunk)
                wanted = chunk[skip:][:left]
                skip -= min(skip, len(chunk))
                if wanted:
                    yield wanted
                if left is not None:
                    left -= len(wanted)
                    if left == 0:
                        return
            end = span.end if self._total is None else self._total
            if end is not None and at < end:
                raise Interrupted("it sent less than it announced")

    async def size(self) -> int:
        """Return the size of the file. One byte is asked for, so that the connection can be used again."""
        async with self._ask({"Range": "bytes=0-0"}) as answer:
            span = await self._span(answer, 0)
            if span is None:
                return 0
            if span.total is not None:
                if answer.status == 206:
                    await answer.body()
                return span.total
            if answer.status == 206:
                raise StorageDown("The storage does not state the size of a file.")
            return sum([len(chunk) async for chunk in answer.chunks()])

    @asynccontextmanager
    async def _ask(self, headers: Mapping[str, str]) -> AsyncIterator[Answer]:
        try:
            async with self._client.ask("GET", self._path, self._params, headers=headers) as answer:
                yield answer
        except ObjectMissing:
            await self._ready.believe_404()
            raise

    def _asked(self, start: int, length: int | None) -> dict[str, str]:
        if start == 0 and length is None:
            return {}
        last = "" if length is None else str(start + max(length, 1) - 1)
        asked = {"Range": f"bytes={start}-{last}"}
        if self._etag and not self._etag.startswith("W/"):
            asked["If-Range"] = self._etag
        return asked

    async def _span(self, answer: Answer, start: int) -> Span | None:
        """Return the part of the file in the answer, None if `start` is after its end."""
        if answer.status == 404:
            await answer.body()
            raise ObjectMissing(self._params.get("filepath", self._path))
        if answer.status not in (200, 206, 416):
            raise await complain("GET", self._path, answer)
        span = span_of(answer.status, answer.headers)
        if span is None or span.start > start or (answer.status == 206 and span.start != start):
            raise StorageDown("The storage sent a part of a file that was not requested.")
        if answer.status != 416:
            _check_form(answer.headers, self._not_a_file)
        self._check_same(answer, span)
        if answer.status == 416:
            total = self._total if span.total is None else span.total
            if total is not None and total > start:
                raise StorageDown("The storage refuses to send a part of a file that it has.")
            await answer.body()
            return None
        return span

    def _check_same(self, answer: Answer, span: Span) -> None:
        etag = answer.headers.get("etag")
        if not self._begun:
            self._begun, self._etag, self._total, self.headers = True, etag, span.total, answer.headers
        elif _differ(self._etag, etag) or _differ(self._total, span.total):
            raise StorageDown("The file was changed in the storage while it was read.")


def span_of(status: int, headers: Mapping[str, str]) -> Span | None:
    """Return which part of the file an answer holds, None if the answer is not valid."""
    if status == 200:
        length = headers.get("content-length", "")
        size = int(length) if re.fullmatch("[0-9]{1,18}", length) else None
        return Span(0, size, size)
    match = _CONTENT_RANGE.fullmatch(headers.get("content-range", ""))
    total = int(match[3]) if match and match[3] != "*" else None
    if status == 416:
        return Span(0, None, total)
    if match is None or match[1] is None or int(match[2]) < int(match[1]):
        return None
    return Span(int(match[1]), int(match[2]) + 1, total)


def _check_form(headers: Mapping[str, str], not_a_file: tuple[str, ...]) -> None:
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise StorageDown("The storage compresses a file that must be sent without compression.")
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type in not_a_file:
        raise StorageDown(f"The storage sent a page of type {media_type} instead of a file.")


def _differ(known: object, said: object) -> bool:
    return known is not None and said is not None and known != said
