"""One request for an asset: read the entry, decide, prepare the answer.

A cache stores the answer under the generation that its request has named (`caching.GENERATION_HEADER`), and nobody asks
for that any more once the entry has changed. So an answer need not be confirmed: it must only not be older than that.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from functools import lru_cache

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from services.core.assets import cache_tags, fingerprint, media_types, names
from services.core.assets import freshness as caching
from services.core.assets.entries import Entry
from services.core.assets.freshness import Lifetimes
from services.core.clients import UNKNOWN, Networks, client
from services.core.errors import NotFound, SignatureMismatch, TadaError, TooSlow, Unavailable, Undecodable
from services.core.observing import logs, metrics
from services.core.serving.web import error_response
from services.core.state import entry_json, reductions
from services.core.state.entry_reader import EntryReader, Read
from services.core.state.rate_limits import StorageGuard
from services.core.storage import ObjectMissing, ReplacesInPlace, Storage, verification
from services.transform import metrics as metrics_of_renders
from services.transform.answer import conditional, disposition, placeholder, ranges
from services.transform.answer.decide import (
    Decision,
    Missing,
    Placeholder,
    Redirect,
    Rendition,
    Stored,
    decide,
    decide_moved,
    with_reduction,
)
from services.transform.answer.disconnect import while_connected
from services.transform.answer.questions import Question
from services.transform.render import formats, pipeline
from services.transform.render.renders import Renders
from services.transform.settings import TransformSettings

log = logging.getLogger(__name__)

IN_MEMORY = 8 * 1024 * 1024
"""Bytes. Larger objects are streamed; what libvips renders is read whole in any case."""
_STORED = "stored"
"""What the limit of reads calls the stored bytes themselves. No plan has this tag."""
_WITH_CONTENT = (200, 206, 304)
_ATTEMPTS = 5
_IN_PLACE_SECONDS = 0.2
"""Between the bytes of a storage that replaces in place and the entry that goes with them there is no more time."""
_SAFE = {"x-content-type-options": "nosniff"}
_NO_SCRIPTS = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"}
"""For types that can carry scripts: whatever is in them, the browser runs it nowhere."""

_parsed = lru_cache(maxsize=1024)(entry_json.read)
_reduction = lru_cache(maxsize=1024)(reductions.read)


@dataclass(frozen=True, slots=True)
class Delivery:
    """The route of everything below /assets/media."""

    settings: TransformSettings
    entries: EntryReader
    moved: EntryReader
    """Of assets that were moved away from where they are asked for."""
    storage: Storage
    renders: Renders
    guard: StorageGuard
    question: Callable[[str, str], Question]
    lifetimes: Lifetimes
    trusted: Networks = ()
    """Proxies whose X-Forwarded-For counts."""

    async def __call__(self, request: Request) -> Response:
        question = self.question(request.scope["path"], request.scope["query_string"].decode("latin-1"))
        response, decision = await self._answer(question, request)
        response.headers.update(cache_tags.headers(self.settings.cdn_tags, question.wanted.name))
        if response.status_code in _WITH_CONTENT and isinstance(decision, Stored | Rendition):
            response.headers.update(_fingerprint(decision.entry))
        return response

    async def _answer(self, question: Question, request: Request) -> tuple[Response, Decision]:
        wanted, known = question.entry_keys, caching.generation(request.headers)
        read = await self.entries.read_all(wanted, known)
        for _ in range(_ATTEMPTS):
            now = time.time()
            decision = self._decide(question, read, now)
            if isinstance(decision, Missing):
                decision = await self._decide_moved(question, known, now)
            try:
                response = await self._prepare(decision, request, now)
            except SignatureMismatch:
                if not isinstance(self.storage, ReplacesInPlace):
                    raise
                # The storage may have been handing out the bytes of the next version.
                await asyncio.sleep(_IN_PLACE_SECONDS)
                fresh = await self.entries.read_all(wanted, known)
                if _same(fresh.raws, read.raws):
                    raise
            else:
                if response is not None:
                    return response, decision
                # The storage has no such object, or has it no more: another version may have taken its place.
                fresh = await self.entries.read_all(wanted, known)
                if _same(fresh.raws, read.raws):
                    return _file_gone(decision), decision
            read = fresh
        raise Unavailable("This asset changes faster than it can be delivered.", "Try again in a moment.")

    def _decide(self, question: Question, read: Read, now: float) -> Decision:
        found = [_parsed(raw) if raw else None for raw in read.raws]
        decision = decide(question.wanted, found, now, self.settings.namespaces_allowed)
        if not isinstance(decision, Rendition):
            return decision
        record = read.reductions[found.index(decision.entry)]
        side_max = formats.side_max(decision.plan.format, self.settings.limits)
        return with_reduction(decision, _reduction(record) if record else None, side_max)

    async def _decide_moved(self, question: Question, known: int, now: float) -> Decision:
        found = [_parsed(raw) if raw else None for raw in await self.moved.read(question.entry_keys, known)]
        return decide_moved(question.wanted, found, now, self.settings.namespaces_allowed)

    async def _prepare(self, decision: Decision, request: Request, now: float) -> Response | None:
        """Make the answer; None when the storage has no such object (any more)."""
        lifetimes = self.lifetimes
        match decision:
            case Missing():
                return error_response(
                    NotFound("There is no asset with this name.", "GET /catalog lists all assets."),
                    {**_SAFE, **caching.negative(lifetimes)},
                )
            case Placeholder(until):
                kept = caching.negative_until(lifetimes, now, until) if until else caching.negative(lifetimes)
                headers = {**_SAFE, **_NO_SCRIPTS, **kept}
                return Response(placeholder.IMAGE, 404, headers, placeholder.MEDIA_TYPE)
            case Redirect(entry, path, moved):
                freshness = caching.positive(lifetimes.brief(), now, entry.expires_at)
                asked_for = request.scope["query_string"].decode("latin-1")
                query = f"?{asked_for}" if asked_for else ""
                location = f"{self.settings.api_prefix}{self.settings.route_file_get}{path}{query}"
                return Response(
                    status_code=301 if moved else 302, headers={"location": location, **_SAFE, **freshness.headers}
                )
            case Rendition(entry, _, Rendition() as reduced):
                if (response := await self._from_reduction(reduced, entry, request, now)) is not None:
                    return response
        freshness = caching.positive(lifetimes, now, decision.entry.expires_at)
        form = conditional.form(decision.plan, pipeline.REVISION) if isinstance(decision, Rendition) else ""
        validators = conditional.validators(decision.entry, form, last_call=freshness.last_call)
        headers = {**validators, **_SAFE, **freshness.headers}
        if conditional.unchanged(request, headers):
            return Response(status_code=304, headers=headers)
        try:
            if isinstance(decision, Rendition):
                return await self._render(decision, request, headers)
            await self.guard.pass_one(decision.entry.uuid, _STORED)
            return await self._stored(decision.entry, request, headers)
        except ObjectMissing:
            return None

    async def _from_reduction(self, wish: Rendition, entry: Entry, request: Request, now: float) -> Response | None:
        """Make the answer from a reduction; None if that is not possible, and the upload is needed."""
        why = "missing"
        try:
            if response := await self._prepare(wish, request, now):
                return response
        except SignatureMismatch:
            why = "damaged"
        except Undecodable:
            why = "undecodable"
        metrics_of_renders.REDUCED.labels(why).inc()
        logs.event(log, logging.WARNING, "reduction_unusable", asset=entry.unique_name, why=why)
        return None

    async def _render(self, wish: Rendition, request: Request, headers: dict[str, str]) -> Response:
        try:
            rendered = await while_connected(request, self.renders.get(wish.entry, wish.plan, self._client(request)))
        except Undecodable as error:
            if wish.plan.reduced and not isinstance(error, TooSlow):
                raise
            # Tried again once a minute, and when it changes: not for everybody who asks.
            lasting = wish.entry.expires_at is None
            return error_response(error, {**_SAFE, **(caching.negative(self.lifetimes) if lasting else caching.NEVER)})
        if wish.plan.reduced:
            metrics_of_renders.REDUCED.labels("made").inc()
        filename = names.with_extension(wish.entry.filename, media_types.KNOWN[rendered.media_type].extensions[0])
        return Response(rendered.content, 200, {**headers, **disposition.inline(filename)}, rendered.media_type)

    def _client(self, request: Request) -> str:
        """Return who asks; UNKNOWN where only the gateway is known, since that asks for everybody."""
        peer = request.client.host if request.client else None
        forwarded = ",".join(request.headers.getlist("x-forwarded-for"))
        name = client(peer, forwarded, self.trusted)
        return UNKNOWN if forwarded and name == client(peer, "", self.trusted) else name

    async def _stored(self, entry: Entry, request: Request, headers: dict[str, str]) -> Response:
        filename = entry.original_filename if entry.stored_mimetype is None else entry.filename
        headers = {**headers, **disposition.inline(filename), "accept-ranges": "bytes"}
        if not media_types.KNOWN[entry.stored_type].raster:
            headers.update(_NO_SCRIPTS)
        try:
            part = ranges.parse(conditional.wanted_range(request, headers), entry.size)
        except ranges.Unsatisfiable:
            refused = {**_SAFE, **caching.NEVER, "content-range": f"bytes */{entry.size}"}
            return Response(status_code=416, headers=refused)
        start, length = part or (0, entry.size)
        if part:
            headers["content-range"] = f"bytes {start}-{start + length - 1}/{entry.size}"
        status = 206 if part else 200
        if entry.size <= IN_MEMORY:
            content = await verification.read_verified(self.storage, entry)
            return Response(content[start : start + length], status, headers, _type_of(content, entry))
        headers["content-length"] = str(length)
        media_type = await self._type_of_large(entry)
        if request.method == "HEAD":
            await verification.verify_size(self.storage, entry)
            return Response(None, status, headers, media_type)
        if part:
            await verification.verify(self.storage, entry)
            body = self.storage.stream(entry.stored, start, length)
        else:
            body = verification.stream_verified(self.storage, entry)
        first = await anext(body)
        return StreamingResponse(_with_cut_logged(first, body, entry), status, headers, media_type)

    async def _type_of_large(self, entry: Entry) -> str:
        """Return the type of stored bytes that are not read whole."""
        if entry.stored_mimetype is None:
            return entry.stored_type
        head = self.storage.stream(entry.stored, 0, media_types.SNIFF_BYTES)
        return _type_of(b"".join([chunk async for chunk in head]), entry)


def _type_of(content: bytes, entry: Entry) -> str:
    """Return the type of stored bytes. A picture that the older service had converted is what its bytes say.

    It is never a type that can carry scripts if the catalog does not say so: the headers are those of its type.
    """
    said = media_types.sniff(content) if entry.stored_mimetype is not None else None
    return said if said and media_types.KNOWN[said].raster else entry.stored_type


async def _with_cut_logged(first: bytes, rest: AsyncGenerator[bytes, None], entry: Entry) -> AsyncIterator[bytes]:
    """Yield a body; say why in the log when it cannot be sent to its end."""
    try:
        async with aclosing(rest):
            yield first
            async for chunk in rest:
                yield chunk
    except (TadaError, ObjectMissing) as error:
        code = error.code if isinstance(error, TadaError) else "file_missing"
        if isinstance(error, SignatureMismatch):
            metrics.SIGNATURE_MISMATCHES.inc()
        logs.event(log, logging.ERROR, code, message=str(error), asset=entry.unique_name, answer="cut")
        raise


def _fingerprint(entry: Entry) -> dict[str, str]:
    """Return the header that says what the answer contains. An address of what has an end is never good for a year."""
    if entry.expires_at is not None:
        return {}
    return {fingerprint.HEADER: fingerprint.fingerprint(entry.signature, entry.focus_x, entry.focus_y)}


def _same(now: list[bytes | None], before: list[bytes | None]) -> bool:
    """Say whether entries are the same, but for facts that are found out after an upload: no answer depends on them."""
    return now == before or list(map(entry_json.without_facts, now)) == list(map(entry_json.without_facts, before))


def _file_gone(decision: Decision) -> Response:
    assert isinstance(decision, Stored | Rendition)
    logs.event(log, logging.ERROR, "file_missing", asset=decision.entry.unique_name, key=decision.entry.storage_key)
    return error_response(NotFound("The file of this asset is not in the storage.", "Upload it again."))
