"""Resumable uploads in the document: their parameters, bodies and answers. Pure functions."""

from typing import Any

from services.catalog.openapi.schemas import Schema, reference
from services.catalog.resumable import protocol
from services.catalog.resumable.stated import METADATA_MAX
from services.catalog.settings import CatalogSettings
from services.core.assets import media_types
from services.core.errors import (
    ChecksumMismatch,
    NoRoom,
    NotABody,
    NotSupported,
    Stalled,
    TadaError,
    UploadBusy,
    WrongOffset,
    WrongVersion,
)
from services.core.serving.envelope import envelope
from services.core.state.resumable import OPEN_MAX, unknown

_ID = "4f1c2a9be07d43d8a5b6c7d8e9f00112"
_ENTRY = "4ff11851-456d-6c0d-548f-6772ed560240"
REFUSALS = {
    400: "Refused",
    408: "Stalled",
    412: "WrongVersion",
    413: "TooLarge",
    415: "NotABody",
    423: "UploadBusy",
    460: "ChecksumMismatch",
    503: "Unavailable",
}
"""Answers of the operations that take bytes."""
END_REFUSALS = {404: "NoUpload", 412: "WrongVersion", 423: "UploadBusy", 503: "Unavailable"}
HEAD_REFUSALS = dict.fromkeys((400, 404, 412, 423, 503), "HeadRefused")

VERSION: Schema = {
    "name": "Tus-Resumable",
    "in": "header",
    "required": True,
    "description": "The version of tus.",
    "schema": {"type": "string", "enum": [protocol.VERSION]},
    "example": protocol.VERSION,
}
UPLOAD: Schema = {
    "name": "upload",
    "in": "path",
    "required": True,
    "description": "The id of an upload: the end of the Location that began it.",
    "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    "example": _ID,
}
_CHECKSUM: Schema = {
    "name": "Upload-Checksum",
    "in": "header",
    "description": f"The hash of the body in base64, after its algorithm: {', '.join(protocol.ALGORITHMS)}. Bytes with "
    "another hash are not kept.",
    "schema": {"type": "string", "pattern": f"^{protocol.CHECKSUM}$"},
}
_BYTES: Schema = {"schema": {"type": "string", "format": "binary"}}
BODY: dict[str, Any] = {
    "description": "The first bytes of the file, or nothing.",
    "content": {media_types.PIECE: _BYTES},
}
REQUIRED_BODY: dict[str, Any] = {
    "required": True,
    "description": "Bytes of the file, from Upload-Offset on.",
    "content": {media_types.PIECE: _BYTES},
}


def begin_parameters(settings: CatalogSettings) -> tuple[Schema, ...]:
    """Return the headers that begin an upload."""
    size: Schema = {"type": "integer", "minimum": 1, "maximum": settings.tus_size_max}
    return (
        VERSION,
        _header("Upload-Length", size, "Bytes of the file."),
        _header(
            "Upload-Metadata",
            {"type": "string", "maxLength": METADATA_MAX},
            "filename, namespace and the other fields of POST /file, separated by commas. Each is a name, a space, and "
            "the value in base64. filetype is the type of the file. Names that are not known have no effect.",
            example="filename Y2F0LmpwZw==,namespace REVW",
        ),
        _CHECKSUM,
    )


def patch_parameters() -> tuple[Schema, ...]:
    """Return the headers of a request that goes on, but for the version."""
    offset: Schema = {"type": "integer", "minimum": 0, "maximum": protocol.NUMBER_MAX}
    prefer: Schema = {
        "name": "Prefer",
        "in": "header",
        "description": "return=representation: with the last bytes, the answer has the entry as POST /file has it.",
        "schema": {"type": "string"},
    }
    return (_header("Upload-Offset", offset, "How many bytes come before."), _CHECKSUM, prefer)


def components(settings: CatalogSettings) -> dict[str, Schema]:
    """Return every named answer of these operations."""
    progress = ("Upload-Offset", "Upload-Expires", "Upload-Entry")
    length = settings.tus_size_max
    return {
        "Discovered": _bare(
            "What the service can do.", "Tus-Version", "Tus-Extension", "Tus-Max-Size", "Tus-Checksum-Algorithm"
        ),
        "Begun": _bare(
            "The upload is open at Location, which is relative to this address.", "Upload-Location", *progress
        ),
        "Received": _bare("The upload is open, or has become an entry.", "Upload-Length", "Upload-Metadata", *progress),
        "Taken": _bare("The bytes are stored. With the last ones, Upload-Entry names the entry.", *progress),
        "Finished": {
            **_bare("The entry that the upload has become, if the request prefers that.", *progress),
            "content": {media_types.JSON: {"schema": reference("Answer")}},
        },
        "Ended": _bare("The upload has ended."),
        "HeadRefused": _bare("Refused. The other requests for an upload tell why."),
        "NoUpload": _refusal("The upload does not exist, has ended, or is another client's.", unknown(_ID)),
        "Stalled": _refusal(
            "The body came to a halt. What came before is stored, unless there is a checksum.",
            Stalled("Nothing of the body came for 10 seconds.", "Ask for the offset with HEAD, and go on."),
        ),
        "WrongOffset": _refusal("The bytes do not begin where the upload goes on.", WrongOffset(0, length // 2)),
        "WrongVersion": _refusal(
            "The request is not of tus 1.0.",
            WrongVersion("The request has no Tus-Resumable.", f"Send the header 'Tus-Resumable: {protocol.VERSION}'."),
        ),
        "NotABody": _refusal(
            "The body has another type.",
            NotABody("The body is not a part of an upload.", f"Send it with 'Content-Type: {media_types.PIECE}'."),
        ),
        "UploadBusy": _refusal("Another request writes to the upload.", UploadBusy(), "Retry-After"),
        "ChecksumMismatch": _refusal(
            "The bytes are not those of Upload-Checksum. The offset stays as it was.",
            ChecksumMismatch("The received bytes do not have the sha256 of Upload-Checksum.", "Send them again."),
        ),
        "NotSupported": _refusal(
            "The storage has no place for parts of files.",
            NotSupported(
                "A distant backend has no place for parts of files, so uploads cannot be resumed.",
                "Send the whole file to POST /file.",
            ),
        ),
        "NoRoom": _refusal(
            "The open uploads have all the room that they may have (TUS_ROOM).",
            NoRoom(f"{OPEN_MAX} uploads are open."),
            "Retry-After",
        ),
    }


def headers() -> dict[str, Schema]:
    """Return every named header of these answers."""
    texts = {
        "Tus-Resumable": "The version of tus.",
        "Tus-Version": "The versions that the service knows.",
        "Tus-Extension": "The extensions that the service knows.",
        "Tus-Checksum-Algorithm": "The algorithms of Upload-Checksum.",
        "Upload-Expires": "When the upload ends by itself.",
        "Upload-Metadata": "Upload-Metadata as the client sent it.",
    }
    numbers = {
        "Tus-Max-Size": "Bytes of the longest upload.",
        "Upload-Offset": "Bytes that are stored, and need not be sent again.",
        "Upload-Length": "Bytes of the file.",
    }
    return {
        **{name: _told("string", about) for name, about in texts.items()},
        **{name: _told("integer", about) for name, about in numbers.items()},
        "Upload-Entry": {**_told("string", f"The uuid of the entry, once there is one: {_ENTRY}."), "required": False},
        "Upload-Location": _told("string", f"The address of the upload, such as tus/{_ID}."),
    }


def _header(name: str, schema: Schema, description: str, **more: str) -> Schema:
    return {"name": name, "in": "header", "required": True, "description": description, "schema": schema, **more}


def _told(kind: str, description: str) -> Schema:
    return {"description": description, "required": True, "schema": {"type": kind}}


def _bare(description: str, *names: str) -> Schema:
    shown = {"Upload-Location": "Location"}
    told = ("X-Request-Id", "Tus-Resumable", *names)
    return {
        "description": description,
        "headers": {shown.get(name, name): {"$ref": f"#/components/headers/{name}"} for name in told},
    }


def _refusal(description: str, error: TadaError, *names: str) -> Schema:
    example = {"schema": reference("Refusal"), "example": envelope([], [error])}
    return {**_bare(description, *names), "content": {media_types.JSON: example}}
