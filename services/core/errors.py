"""Every error that a service can answer with, and its status.

TadaError
├── BadRequest            400  the client must change the request
│   ├── AlreadyExists     400  the path is taken
│   ├── TypeUnauthorized  400  the media type is not allowed, or the bytes are something else
│   ├── NotReplaceable    400  a file of another type cannot replace this one
│   ├── WrongContentType  400  the Content-Type names neither a form nor JSON
│   ├── NoFile            400  the form has no file
│   ├── NoNamespace       400  the form has no namespace
│   ├── NoUuids           400  the request names no entry
│   ├── UnevenLists       400  a form has not as many files as uuids
│   ├── OtherNamespace    400  the entry is in another namespace than the request says
│   ├── BadMetadata       400  the Upload-Metadata of a resumable upload cannot be understood
│   ├── CatalogReplaced   400  the rest of a list that was begun before the whole catalog was replaced
│   ├── OutwardRefused    400  an address outside that is not valid, or that TADA may not reach
│   └── NoSource          400  a server outside does not send the file at an address
├── Unauthorized          401  the bearer token is missing or wrong
├── Forbidden             403  the token does not allow this
│   ├── NamespaceForbidden     the namespace is not in NAMESPACES_ALLOWED
│   └── TicketRefused          the ticket of a page does not allow the upload
│       ├── TicketInvalid      it was not made here, or its maker may not write any more
│       ├── TicketEnded        its time is over
│       └── TicketUsed         as many files as it allows have been uploaded, or are being uploaded
├── NotFound              404  no such thing, or its file is gone
│   └── NoEntry           404  the catalog has no entry with this uuid
├── Stalled               408  nothing of a body came for too long
├── NotSigning            409  addresses are not signed here
├── WrongOffset           409  the bytes do not begin where a resumable upload goes on
├── JobEnded              409  a job that has ended cannot be cancelled
├── JobCancelled          409  the job was cancelled before it was done
├── EntryChanged          412  the entry is not the one that the client has read (If-Match)
├── WrongVersion          412  another version of the tus protocol
├── NotABody              415  the body of a PATCH is not a part of a resumable upload
├── TooLarge              413  a body with more than it may have
│   ├── FileTooLarge      413  a file with more bytes than PAYLOAD_MAX_SIZE
│   └── QuotaExceeded     413  the namespace has no room for it (QUOTAS)
├── Undecodable           422  the stored bytes cannot be rendered
│   └── TooSlow           422  rendering it was ended because it took too long
├── UploadBusy            423  another request writes to the resumable upload
├── TooManyRequests       429  a rate limit is used up
├── ChecksumMismatch      460  the received bytes are not those of the checksum (a status of tus)
├── NotSupported          501  the storage does not allow this
├── NoRoom                507  the open resumable uploads have all the room that they may have
├── SignatureMismatch     500  the stored bytes are not those of the catalog
├── DumpError                  about a dump of the catalog; the dump routes answer it in their own shape
│   ├── NoDumpName        400  what was asked for is not the name of a dump
│   ├── DumpMissing       404  there is no such dump
│   ├── EmptyDump         409  a dump without entries would take the place of one that has some
│   ├── DumpsUnlisted     501  the storage has no list of its dumps
│   ├── BadDump           422  a dump that cannot be restored: nothing was changed
│   │   └── BadEntries         not all of its entries can be understood
│   └── DumpDamaged       500  a dump in the storage is not the one that was stored
├── WorkerDied            500  the worker was killed too often while it ran a job
├── TookTooLong           500  a job was ended because it took too long
├── Unreadable            500  an item of the queue is not a job
├── OutwardFailed         502  a server outside cannot be reached, is too slow, or sends what is not valid
└── Unavailable           503  a dependency is down or the service is full: try again
    ├── IssuerAway        503  the issuer of logins cannot be asked
    ├── NoWorker          503  no jobs worker has answered a question
    ├── NoIndex           503  the index of the search is being made
    ├── Behind            503  Redis lacks a change that the caches know of: it lags, or has lost changes
    └── StorageDown       503  the storage cannot be reached, fails, or sends an answer that is not valid
        ├── StorageRefused     the storage refuses the credentials: an operator must act
        ├── StorageLost        the storage is not the one that the catalog belongs to: an operator must act
        └── BucketMissing      the storage has no such bucket: an operator must act

An error without a code of its own has the code of what it is a kind of: it only has another text in `errors`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Subject:
    """What an error is about, as far as it is known.

    `file` is the name of an uploaded file as the client sent it, `uuid` is spelled as the client sent it. `index` is
    the position in the list of the request, from 0. `namespace` is the one that the request names.
    """

    file: str | None = None
    uuid: str | None = None
    unique_name: str | None = None
    index: int | None = None
    namespace: str | None = None

    def known(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value is not None}


class TadaError(Exception):
    """An error with what went wrong (`message`) and, if the client can act, what to do (`hint`)."""

    status = 500
    code = "internal_error"
    retry_after: int | None = None
    subject = Subject()

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def about(self, named: Subject) -> Self:
        """Return this error with what the request named, as far as it does not say so itself.

        It is a copy, because others may have the same error.
        """
        made = type(self).__new__(type(self), *self.args)
        vars(made).update(vars(self))
        made.subject = replace(named, **self.subject.known())
        return made

    def public(self) -> dict[str, str]:
        """Return what the client may see of this error, without its subject."""
        answer = {"code": self.code, "message": self.message}
        if self.hint:
            answer["hint"] = self.hint
        return answer


class BadRequest(TadaError):
    status = 400
    code = "bad_request"


class AlreadyExists(BadRequest):
    code = "already_exists"

    def __init__(self, unique_name: str, uuid: str, there: str = "") -> None:
        """`there` describes the asset that has the path: its uploaded name and type."""
        super().__init__(
            "File already exists in catalog, please use patch instead.",
            f"{there or 'Another file'} is at {unique_name}. PATCH /file/{uuid} replaces it; another name keeps both.",
        )
        self.subject = Subject(unique_name=unique_name, uuid=uuid)


class TypeUnauthorized(BadRequest):
    code = "type_unauthorized"

    def __init__(self, media_type: str, hint: str) -> None:
        super().__init__(f"File type {media_type} unauthorized.", hint)


class NotReplaceable(BadRequest):
    code = "not_replaceable"


class WrongContentType(BadRequest):
    pass


class NoFile(BadRequest):
    pass


class NoNamespace(BadRequest):
    pass


class NoUuids(BadRequest):
    pass


class UnevenLists(BadRequest):
    pass


class OtherNamespace(BadRequest):
    pass


class CatalogReplaced(BadRequest):
    code = "catalog_replaced"

    def __init__(self) -> None:
        super().__init__(
            "The whole catalog has been replaced since this list was begun.", "Begin again, without a cursor."
        )


class OutwardRefused(BadRequest):
    code = "outward_refused"


class NoSource(BadRequest):
    code = "no_source"


class BadMetadata(BadRequest):
    code = "bad_metadata"


class Unauthorized(TadaError):
    status = 401
    code = "unauthorized"

    def __init__(self) -> None:
        super().__init__("This route needs a valid bearer token.", "Send the header 'Authorization: Bearer <token>'.")


class Forbidden(TadaError):
    status = 403
    code = "forbidden"


class NamespaceForbidden(Forbidden):
    code = "namespace_forbidden"

    def __init__(self, namespace: str, allowed: tuple[str, ...]) -> None:
        super().__init__(f"Namespace {namespace!r} is not allowed.", f"Use one of: {', '.join(allowed)}.")


class TicketRefused(Forbidden):
    code = "ticket_refused"

    def __init__(self, message: str) -> None:
        super().__init__(message, "Ask for a new one where you got it.")


class TicketInvalid(TicketRefused):
    code = "ticket_not_valid"

    def __init__(self) -> None:
        super().__init__("The ticket is not valid.")


class TicketEnded(TicketRefused):
    code = "ticket_ended"

    def __init__(self) -> None:
        super().__init__("The ticket has ended.")


class TicketUsed(TicketRefused):
    code = "ticket_used"

    def __init__(self) -> None:
        super().__init__("The ticket is used up.")


class NotFound(TadaError):
    status = 404
    code = "not_found"


class NoEntry(NotFound):
    def __init__(self, uuid: str) -> None:
        super().__init__(f"No entry {uuid} in the catalog.", "GET /catalog lists all entries.")
        self.subject = Subject(uuid=uuid)


class TooLarge(TadaError):
    status = 413
    code = "too_large"


class FileTooLarge(TooLarge):
    def __init__(self, limit: int) -> None:
        """`limit` is in bytes."""
        super().__init__(f"The file has more than {limit} bytes.", "Send a smaller file, or raise PAYLOAD_MAX_SIZE.")
        self.limit = limit


class QuotaExceeded(TooLarge):
    code = "quota_exceeded"

    def __init__(self, namespace: str, what: str, used: int, allowed: int, needed: int) -> None:
        """`what` is counted: bytes or assets."""
        super().__init__(
            f"Namespace {namespace!r} has {used} of {allowed} {what}, and {needed} more are needed.",
            "Delete what is not needed, also earlier versions and the trash, or have QUOTAS raised."
            if what == "bytes"
            else "Delete assets that are not needed, or have QUOTAS raised.",
        )
        self.subject = Subject(namespace=namespace)


class Stalled(TadaError):
    status = 408
    code = "stalled"


class WrongOffset(TadaError):
    status = 409
    code = "wrong_offset"

    def __init__(self, given: int, offset: int) -> None:
        super().__init__(
            f"The upload is at offset {offset}, not at {given}.", "Ask for its offset with HEAD, and go on from there."
        )


class JobEnded(TadaError):
    status = 409
    code = "job_ended"

    def __init__(self, job_id: str, status: str) -> None:
        super().__init__(
            f"The job {job_id} has ended already: {status}.", "Its result says what was done. There is nothing to stop."
        )


class JobCancelled(TadaError):
    status = 409
    code = "job_cancelled"

    def __init__(self, who: str | None) -> None:
        super().__init__(f"The job was cancelled by {who}.", "Its result says what was done. Ask for the rest again.")


class EntryChanged(TadaError):
    status = 412
    code = "entry_changed"

    def __init__(self) -> None:
        super().__init__(
            "The entry has changed since it was read: nothing was written.",
            "Read it again, and send the change with its ETag in If-Match.",
        )


class WrongVersion(TadaError):
    status = 412
    code = "wrong_version"


class NotABody(TadaError):
    status = 415
    code = "not_a_body"


class UploadBusy(TadaError):
    status = 423
    code = "upload_busy"
    retry_after = 2

    def __init__(self) -> None:
        super().__init__(
            "Another request writes to this upload.", "Try again in a moment: HEAD tells from where to go on."
        )


class ChecksumMismatch(TadaError):
    status = 460
    code = "checksum_mismatch"


class NotSigning(TadaError):
    status = 409
    code = "not_signing"


class NotSupported(TadaError):
    status = 501
    code = "not_supported"


class NoRoom(TadaError):
    status = 507
    code = "no_room"
    retry_after = 60

    def __init__(self, message: str) -> None:
        super().__init__(message, "Try again later, or send the file to POST /file.")


class Undecodable(TadaError):
    status = 422
    code = "undecodable"


class TooSlow(Undecodable):
    code = "too_slow"


class TooManyRequests(TadaError):
    status = 429
    code = "too_many_requests"

    def __init__(self, message: str, hint: str, retry_after: int) -> None:
        super().__init__(message, hint)
        self.retry_after = retry_after


class SignatureMismatch(TadaError):
    code = "signature_mismatch"


class DumpError(TadaError):
    code = "dump_error"

    def __init__(self, message: str, details: str, suggestion: str) -> None:
        super().__init__(message, suggestion)
        self.details = details
        self.suggestion = suggestion

    def __str__(self) -> str:
        return f"{self.message}: {self.details}"

    def public(self) -> dict[str, str]:
        return {**super().public(), "details": self.details}

    def said(self) -> dict[str, str]:
        """Return the error as the dump routes answer it."""
        return {"error": self.message, "details": self.details, "suggestion": self.suggestion}


class NoDumpName(DumpError):
    status = 400
    code = "no_dump_name"


class DumpMissing(DumpError):
    status = 404
    code = "dump_missing"


class EmptyDump(DumpError):
    status = 409
    code = "empty_dump"

    def __init__(self, details: str, suggestion: str) -> None:
        super().__init__("No dump was made", details, suggestion)

    @classmethod
    def instead_of_latest(cls) -> "EmptyDump":
        return cls(
            "The catalog is empty, and the latest dump at the distant backend has entries. It would not be the "
            "latest any more.",
            "Restore that dump. If the catalog is empty on purpose, remove the dumps at the backend first",
        )

    @classmethod
    def instead_of(cls, stem: str) -> "EmptyDump":
        return cls(
            f"The catalog is empty, and the dump {stem} may have entries. It would be replaced.",
            "Restore that dump. If the catalog is empty on purpose, give the new dump another name",
        )


class DumpsUnlisted(DumpError):
    status = 501
    code = "dumps_unlisted"

    def __init__(self) -> None:
        super().__init__(
            "Dumps cannot be listed",
            "The distant backend keeps the dumps and does not offer a list of them.",
            "GET /catalog/get-dump/latest gives the latest one",
        )


class BadDump(DumpError):
    status = 422
    code = "bad_dump"


class BadEntries(BadDump):
    """`entries` has a text for each entry of the file that is named. There may be a hundred thousand."""

    code = "bad_entries"

    def __init__(self, filename: str, entries: Sequence[str], details: str) -> None:
        super().__init__(
            "Dump cannot be restored",
            details,
            "Nothing was changed. Mend these entries, or restore all others with skip_invalid=true",
        )
        self.entries = entries
        self.filename = filename

    def __str__(self) -> str:
        return f"{self.message}: {self.filename}: {self.entries[0]} (of {len(self.entries)} such entries)"


class DumpDamaged(DumpError):
    code = "dump_damaged"


class WorkerDied(TadaError):
    code = "worker_died"


class TookTooLong(TadaError):
    code = "took_too_long"


class Unreadable(TadaError):
    code = "unreadable"


class OutwardFailed(TadaError):
    status = 502
    code = "outward_failed"


class Unavailable(TadaError):
    status = 503
    code = "unavailable"
    retry_after = 2


class IssuerAway(Unavailable):
    code = "issuer_away"

    def __init__(self, retry_after: int) -> None:
        super().__init__("The issuer of logins does not answer, so this login cannot be checked.", "Try again later.")
        self.retry_after = retry_after


class NoWorker(Unavailable):
    code = "no_worker"

    def __init__(self) -> None:
        super().__init__(
            "No jobs worker has answered, so nobody knows what the caches have.",
            "Check whether a jobs worker runs, and try again. Changes are not lost: they wait in the log.",
        )


class NoIndex(Unavailable):
    code = "no_index"

    def __init__(self) -> None:
        super().__init__("The index of the search is being made.", "Try again in a moment. GET /catalog lists all.")


class Behind(Unavailable):
    code = "behind"

    def __init__(self) -> None:
        super().__init__("The catalog does not have the latest changes yet.", "Try again in a moment.")


class StorageDown(Unavailable):
    code = "storage_down"
    asked = True
    """False if the storage was not asked, because it failed just before."""

    def __init__(self, message: str, hint: str | None = "Try again later.") -> None:
        super().__init__(message, hint)


class StorageRefused(StorageDown):
    code = "storage_refused"
    retry_after = 30


class StorageLost(StorageDown):
    code = "storage_lost"
    retry_after = 30
    asked = False


class BucketMissing(StorageDown):
    code = "bucket_missing"
    retry_after = 30

    def __init__(self) -> None:
        super().__init__("The storage has no such bucket: check S3_BUCKET_NAME and S3_REGION.")
