"""What takes several requests, and what is done when one fails. Pure: these generators yield what to send, and are
given what came back, so that both clients do the same.

A `Flow` yields requests and is given what they mean. `attempts` makes of it what a client carries out: requests, of
which it is given the answers, pauses, and files of which it is given the digest.
"""

import hashlib
import random
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from tada_client import names, operations
from tada_client.errors import (
    AlreadyExists,
    Conflict,
    NotFound,
    NotReached,
    Refused,
    ServiceFailed,
    TadaError,
    Unavailable,
)
from tada_client.models import Entry, Fields, Job, OnConflict, Trashed, Upload
from tada_client.retries import Retries
from tada_client.wire import Answer, Progress, Request, Source, result

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: float


@dataclass(frozen=True, slots=True)
class Digest:
    """The digest of a file, which takes a while to read."""

    file: Source


Flow = Generator[Request[Any] | Pause | Digest, Any, T]
Attempts = Generator[Request[Any] | Pause | Digest, Answer | str | None, T]


def single(request: Request[T]) -> Flow[T]:
    answer: T = yield request
    return answer


def attempts(flow: Flow[T], retries: Retries, chance: random.Random) -> Attempts[T]:
    """Carry out a flow, with each request tried again as `retries` allows it.

    Whoever sends a request throws NotReached into this if no answer comes.
    """
    given: Any = None
    failed: TadaError | None = None
    while True:
        try:
            step = flow.send(given) if failed is None else flow.throw(failed)
        except StopIteration as end:
            done: T = end.value
            return done
        given, failed = None, None
        if isinstance(step, Pause | Digest):
            given = yield step
            continue
        try:
            given = yield from _tried(step, retries, chance)
        except TadaError as error:
            failed = error


def _tried(request: Request[T], retries: Retries, chance: random.Random) -> Attempts[T]:
    attempt = 0
    while True:
        attempt += 1
        try:
            answer = yield request
            assert isinstance(answer, Answer)
            return result(request, answer)
        except TadaError as error:
            pause = retries.pause(attempt, error, request.repeatable, chance.random())
            if pause is None:
                raise
        yield Pause(pause)


# Uploading

RESUMABLE_FROM = 8 << 20
"""A file of so many bytes is sent in an upload that can be resumed. Smaller ones cost less in one form."""


@dataclass(frozen=True, slots=True)
class Sending:
    """A file with where it goes, and how."""

    file: Source
    namespace: str
    destination: str
    fields: Fields
    to_webp: bool | None = None
    progress: Progress | None = None
    resumable_from: int = RESUMABLE_FROM


def upload(sending: Sending, on_conflict: OnConflict, resume: "Resume | None" = None) -> Flow[Upload]:
    """Upload a file, in a form or in an upload that can be resumed, by its size."""
    file = sending.file
    if file.size >= sending.resumable_from:
        resumed = yield from _resumable(sending, on_conflict, resume)
        if resumed is not None:
            return resumed
    sent: Upload = yield operations.upload(
        file,
        sending.namespace,
        sending.destination,
        on_conflict,
        sending.fields,
        to_webp=sending.to_webp,
        progress=sending.progress,
    )
    return sent


class Resume:
    """Where an upload that was begun can be found again; somebody may keep it beyond the program."""

    def __init__(self, path: str = "") -> None:
        self.path = path

    def keep(self, path: str) -> None:
        self.path = path


_PAUSES = (0.5, 1, 2, 4, 8, 8, 8)
"""Before an upload that broke off is continued. Each advance begins them anew."""


def _resumable(sending: Sending, on_conflict: OnConflict, resume: Resume | None) -> Flow[Upload | None]:
    """Return None where the service has no such uploads."""
    file, kept = sending.file, resume or Resume()
    path, offset, uuid = kept.path, 0, ""
    if path:
        try:
            offset, uuid = yield operations.tus_offset(path)
        except NotFound:
            path = ""
    if not path:
        try:
            path = yield operations.tus_begin(
                file, sending.namespace, sending.destination, on_conflict, sending.fields, sending.to_webp
            )
        except ServiceFailed as error:
            if error.status == 501:
                return None
            raise
        kept.keep(path)
    failures = 0
    while not uuid:
        try:
            uuid = yield operations.tus_send(path, file, offset, sending.progress)
            break
        except (NotReached, Unavailable, Conflict) as error:
            if failures == len(_PAUSES):
                raise
            yield Pause(max(_PAUSES[failures], error.retry_after or 0))
        except Refused:
            kept.keep("")  # It has ended.
            raise
        before = offset
        offset, uuid = yield operations.tus_offset(path)
        failures = 0 if offset > before else failures + 1
    kept.keep("")
    entry: Entry = yield operations.entry(uuid)
    return Upload(entry, "stored")


def upsert(sending: Sending, resume: Resume | None = None) -> Flow[Upload]:
    """Have an asset with these bytes and fields at a path, whatever is there. It may be done again without harm.

    Nothing is sent if the bytes are there already. An asset with other bytes is replaced: it keeps its uuid, and fields
    that are not given.
    """
    digest: str = yield Digest(sending.file)
    there: Entry | None = yield from at_path(sending.namespace, sending.destination, sending.file.name, sending.to_webp)
    if there is None:
        try:
            return (yield from upload(sending, "skip", resume))
        except AlreadyExists as taken:
            there = yield operations.entry(taken.uuid)
    if there.signature == digest:
        return (yield from _with_fields(there, sending.fields))
    return (yield from replace(there, digest, sending))


def _with_fields(entry: Entry, fields: Fields) -> Flow[Upload]:
    wanted = operations.json_fields(fields)
    if any(entry.raw.get(name) != value for name, value in wanted.items()):
        entry = yield operations.change(entry.uuid, fields)
    return Upload(entry, "same")


def digest_of(file: Source) -> str:
    digest = hashlib.sha256()
    with file.open() as opened:
        while piece := opened.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def replace_whole(entry: Entry, sending: Sending) -> Flow[Upload]:
    digest: str = yield Digest(sending.file)
    return (yield from replace(entry, digest, sending))


def replace(entry: Entry, digest: str, sending: Sending) -> Flow[Upload]:
    """Replace the file of an entry. If the answer is lost, look whether it was done before it is done again."""
    failures = 0
    while True:
        try:
            replaced: Upload = yield operations.replace(entry.uuid, sending.file, sending.fields, sending.progress)
            return replaced
        except (NotReached, Unavailable) as error:
            if failures == len(_PAUSES):
                raise
            yield Pause(max(_PAUSES[failures], error.retry_after or 0))
            failures += 1
        now: Entry = yield operations.entry(entry.uuid)
        if now.version > entry.version and (now.signature == digest or digest == ""):
            return Upload(now, "replaced")


def at_path(namespace: str, destination: str, filename: str, to_webp: bool | None = None) -> Flow[Entry | None]:
    """Return the entry at the path that a file will have."""
    paths = names.paths(namespace, destination, filename, to_webp)
    for path in paths:
        try:
            found: Entry = yield operations.entry(names.uuid_of(path))
        except NotFound:
            continue
        # An asset that was moved away is still found by what it was called.
        if found.unique_name in paths:
            return found
    return None


# Others


def wait_for(job: Job, pauses: Iterator[float]) -> Flow[Job]:
    """Return a job when it has ended, however it ended."""
    while not job.has_ended:
        yield Pause(next(pauses))
        job = yield operations.job(job.id)
    return job


def growing(first: float = 0.1, longest: float = 2.0) -> Iterator[float]:
    while True:
        yield first
        first = min(longest, first * 1.5)


def run_job(name: str, arguments: Mapping[str, Any], wait: bool) -> Flow[Job]:
    given = {key: value for key, value in arguments.items() if value not in (None, "")}
    job: Job = yield operations.start_job(name, given)
    return (yield from wait_for(job, growing())) if wait else job


def deleted_at(path_or_uuid: str) -> Flow[Trashed]:
    """Return the asset that was last deleted of a path or with a uuid; raises NotFound."""
    path = names.unique_name(path_or_uuid)
    folder = path.rpartition("/")[0] if path else ""
    request: Request[Any] | None = operations.trash(folder, 500)
    while request is not None:
        page = yield request
        for each in page.items:
            if path_or_uuid in (each.id, each.entry.uuid) or each.entry.unique_name == path:
                found: Trashed = each
                return found
        request = page.next
    raise NotFound(
        f"{path_or_uuid} is not in the trash.",
        code="not_found",
        status=404,
        hint="It may have been deleted for good.",
    )


def warm(uuid: str, wait: bool) -> Flow[Job]:
    job: Job = yield operations.warm(uuid)
    return (yield from wait_for(job, growing())) if wait else job
