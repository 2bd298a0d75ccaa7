"""The texts in `errors`: those of the older service, because clients of it read them. Pure.

Where the older service had a text for a case, it stands here, or it is already the message of the error (AlreadyExists,
TypeUnauthorized, NotReplaceable). All other errors are told by their own message.
"""

from services.core.errors import (
    FileTooLarge,
    NamespaceForbidden,
    NoEntry,
    NoFile,
    NoNamespace,
    NoUuids,
    OtherNamespace,
    TadaError,
    Unauthorized,
    UnevenLists,
    WrongContentType,
)

_TEXTS: dict[type[TadaError], str] = {
    FileTooLarge: "File too large: can not exceeded {size}",
    NamespaceForbidden: "invalid namespace",
    NoEntry: "Item not found in catalog with namespace {namespace} and UUID {uuid}",
    NoFile: "No file detected",
    NoNamespace: "invalid namespace",
    NoUuids: "No uuids provided",
    OtherNamespace: "UUID not found in namespace {namespace}",
    Unauthorized: "You must be authenticated to do this.",
    UnevenLists: "Number of UUIDs and number of files provided different",
    WrongContentType: "invalid content-type headers",
}
_TEXTS_OF_ONE_AMONG_SEVERAL: dict[type[TadaError], str] = {
    **_TEXTS,
    NoEntry: "UUID not found in namespace {namespace}",
}
_UNNAMED = "undefined"
"""What the older service wrote for a namespace that the request does not name."""
_UNITS = {"gb": 1024**3, "mb": 1024**2, "kb": 1024}


def text(error: TadaError) -> str:
    """Return what `errors` says of an error."""
    subject = error.subject
    texts = _TEXTS if subject.index is None else _TEXTS_OF_ONE_AMONG_SEVERAL
    older = texts.get(type(error))
    if older is None:
        return error.message
    size = _size(error.limit) if isinstance(error, FileTooLarge) else None
    return older.format(namespace=subject.namespace or _UNNAMED, uuid=subject.uuid, size=size)


def _size(limit: int) -> str:
    """Write a number of bytes as PAYLOAD_MAX_SIZE is written: 10mb."""
    unit, factor = next(((unit, factor) for unit, factor in _UNITS.items() if limit % factor == 0), ("b", 1))
    return f"{limit // factor}{unit}"
