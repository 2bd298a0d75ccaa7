"""The parts of resumable uploads: objects in the storage with the bytes that were received so far. Pure.

A part has the bytes of one piece of a request, or of several small ones. Parts are written once, like all objects. When
an upload is complete, its parts are joined in the order of their keys.
"""

from collections.abc import Sequence
from dataclasses import dataclass

PREFIX = ".parts/"
"""What their storage keys begin with. No asset can have such a key, because of the dot."""
PIECE = 5 * 1024 * 1024
"""Bytes of a part at most, and bytes that a killed process loses at most. S3 takes so many in one request."""
_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Part:
    """`size` bytes of an upload, under a storage key."""

    key: str
    size: int


def new_key(upload_id: str, offset: int, token: str) -> str:
    """Return the storage key of a part that begins at an offset. Keys of one upload sort as their offsets do."""
    return f"{PREFIX}{upload_id}-{offset:0{_DIGITS}}-{token}"


def upload_of(key: str) -> str:
    """Return the id of the upload of a part."""
    return key.removeprefix(PREFIX).partition("-")[0]


def absorbed(recorded: Sequence[Part], size: int) -> Sequence[Part]:
    """Return the last parts of an upload that are to become one part with the next piece, which has `size` bytes.

    A client may send many small requests, or be cut often. So a part becomes one with what follows, unless it has more
    than twice as many bytes, or both have more than a PIECE. Then each byte is written again a few times at most, and
    the number of parts grows with the size of the upload, not with the number of requests.
    """
    first = len(recorded)
    while first and recorded[first - 1].size <= min(2 * size, PIECE - size):
        first -= 1
        size += recorded[first].size
    return recorded[first:]
