"""The headers of tus 1.0 (https://tus.io/protocols/resumable-upload). Pure."""

import hashlib
import re
import zlib
from base64 import b64decode
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Protocol

from services.core.assets import media_types
from services.core.errors import (
    BadRequest,
    ChecksumMismatch,
    FileTooLarge,
    NotABody,
    TooLarge,
    WrongVersion,
)

VERSION = "1.0.0"
EXTENSIONS = ("creation", "creation-with-upload", "expiration", "checksum", "termination")
NUMBER_MAX = 10**15 - 1
_NUMBER = re.compile(r"[0-9]{1,15}")
BASE64 = "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


def _weak(name: str) -> Callable[[], _Hash]:
    return lambda: hashlib.new(name, usedforsecurity=False)


ALGORITHMS: Mapping[str, Callable[[], _Hash]] = {
    "sha256": hashlib.sha256,
    "sha1": _weak("sha1"),
    "md5": _weak("md5"),
    "crc32": _Crc32,
}
"""They find damage on the way. Nothing else depends on them."""
CHECKSUM = f"({'|'.join(ALGORITHMS)}) ({BASE64})"
"""The pattern of Upload-Checksum."""


class Checksum:
    """What the bytes of a request must hash to, and their hash so far."""

    def __init__(self, algorithm: str, expected: bytes) -> None:
        self._algorithm, self._expected = algorithm, expected
        self._hash = ALGORITHMS[algorithm]()

    def update(self, data: bytes) -> None:
        self._hash.update(data)

    def check(self) -> None:
        """Raise ChecksumMismatch unless the bytes are the expected ones."""
        if self._hash.digest() != self._expected:
            raise ChecksumMismatch(
                f"The received bytes do not have the {self._algorithm} of Upload-Checksum.", "Send them again."
            )


def discovery(size_max: int) -> dict[str, str]:
    """Return the headers that tell what the service can do; `size_max` is in bytes."""
    return {
        "tus-version": VERSION,
        "tus-extension": ",".join(EXTENSIONS),
        "tus-max-size": str(size_max),
        "tus-checksum-algorithm": ",".join(ALGORITHMS),
    }


def check_version(headers: Mapping[str, str]) -> None:
    """Raise WrongVersion unless the request is of the version that the service knows."""
    said = headers.get("tus-resumable")
    if said != VERSION:
        what = "has no Tus-Resumable" if said is None else f"is of tus {said[:20]!r}"
        raise WrongVersion(f"The request {what}.", f"Send the header 'Tus-Resumable: {VERSION}'.")


def check_body(headers: Mapping[str, str]) -> None:
    """Raise NotABody unless the body has bytes of a file."""
    if headers.get("content-type", "").partition(";")[0].strip().lower() != media_types.PIECE:
        raise NotABody("The body is not a part of an upload.", f"Send it with 'Content-Type: {media_types.PIECE}'.")


def has_body(headers: Mapping[str, str]) -> bool:
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def length(headers: Mapping[str, str], most: int) -> int:
    """Return the length of a new upload; raises BadRequest, and FileTooLarge for more than `most` bytes."""
    if "upload-defer-length" in headers:
        raise BadRequest("The length cannot come later.", "Send Upload-Length with the size of the file in bytes.")
    said = _number(headers, "Upload-Length")
    if said == 0:
        raise BadRequest("The file is empty.", "Send a file with content.")
    if said > most:
        raise FileTooLarge(most)
    return said


def offset(headers: Mapping[str, str]) -> int:
    """Return the offset at which the body of a request begins; raises BadRequest."""
    return _number(headers, "Upload-Offset")


def check_fits(headers: Mapping[str, str], left: int) -> None:
    """Raise TooLarge for a body that says that it has more bytes than the upload lacks."""
    declared = headers.get("content-length", "")
    if declared.isdigit() and int(declared) > left:
        raise too_long(left)


def too_long(left: int) -> TooLarge:
    return TooLarge(
        f"The body has more bytes than the {left} that the upload lacks.", "Send no more than Upload-Length says."
    )


def checksum(headers: Mapping[str, str]) -> Checksum | None:
    """Return what the body must hash to, if the request says so; raises BadRequest."""
    said = headers.get("upload-checksum")
    if said is None:
        return None
    match = re.fullmatch(CHECKSUM, said)
    if match is None:
        hint = f"Send an algorithm, a space, and the hash as base64. Algorithms: {', '.join(ALGORITHMS)}."
        raise BadRequest("Upload-Checksum is not valid.", hint)
    return Checksum(match[1], b64decode(match[2]))


def expires(ends_at: float) -> str:
    """Write when an upload ends (seconds since the epoch), as HTTP does."""
    return formatdate(ends_at, usegmt=True)


def _number(headers: Mapping[str, str], name: str) -> int:
    said = headers.get(name.lower(), "")
    if not _NUMBER.fullmatch(said):
        raise BadRequest(f"{name} is not a number of bytes.", f"Send {name} as digits.")
    return int(said)
