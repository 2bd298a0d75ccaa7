"""Names of assets: what a client may call a file, and everything derived from it. Pure functions.

An asset's `unique_name` is `/{namespace}/{destination…}/{filename}`. Its storage keys follow from it, and what it is
known by (see `identity`).
"""

import hashlib
import re
import secrets
import unicodedata
from dataclasses import dataclass, replace

from services.core.assets import media_types
from services.core.errors import BadRequest, TypeUnauthorized

NAME_MAX = 90
"""Longest file name, extension included."""
_EXTENSION_MAX = len(".jpeg")
_DIGEST_CHARACTERS = 8
_DESTINATION_DEPTH_MAX = 10

LETTERS = "A-Za-z0-9@_-"
"""The characters of namespaces, folders and file names, as they stand in a regular expression's brackets."""
SEGMENT = rf"[{LETTERS}]{{1,{NAME_MAX}}}"
UNIQUE_NAME = rf"(/{SEGMENT}){{2,12}}\.[A-Za-z0-9]{{1,10}}"
"""The regular expression of a unique name. Other programs take it from here: nginx, JSON schemas."""
UNIQUE_NAME_OF_ANY_LENGTH = rf"(?:/[{LETTERS}]+){{2,12}}\.[A-Za-z0-9]+"
"""The same without bounds of length, for a program in front of a service that checks the length."""

_UNSAFE = re.compile(rf"[^{LETTERS}]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SAFE_SEGMENT = re.compile(SEGMENT)
_UNIQUE_NAME = re.compile(UNIQUE_NAME)
_SPARE = re.compile(r"\.[0-9a-f]{16}\Z")

RESERVED_NAMESPACES = frozenset({"dumps", "image"})
"""`dumps/` holds the dumps in the storage; `image` may stand before the namespace in a public path."""


@dataclass(frozen=True, slots=True)
class AssetName:
    """The names of one asset: `filename` is delivered (`cat.webp`), `original_filename` was uploaded (`cat.jpg`)."""

    namespace: str
    destination: str
    filename: str
    original_filename: str

    @property
    def unique_name(self) -> str:
        folder = self.namespace if self.destination == self.namespace else f"{self.namespace}/{self.destination}"
        return f"/{folder}/{self.filename}"


def is_safe_segment(text: str) -> bool:
    """Say whether a namespace or a folder can be part of a path as it is."""
    return _SAFE_SEGMENT.fullmatch(text) is not None


def is_unique_name(path: str) -> bool:
    """Say whether a path could be the `unique_name` of an asset."""
    return _UNIQUE_NAME.fullmatch(path) is not None


def stem(unique_name: str) -> str:
    """Return a path without its extension: what `cat.jpg`, as uploaded, and `cat.webp`, as delivered, share."""
    return unique_name.rpartition(".")[0]


def with_extension(unique_name: str, extension: str) -> str:
    return f"{stem(unique_name)}.{extension}"


def plain_storage_key(unique_name: str) -> str:
    """Return the storage key an asset has whenever that key is free."""
    return unique_name.removeprefix("/")


def spare_storage_key(unique_name: str) -> str:
    """Return a key beside the plain one that nobody else has: stored objects are never overwritten.

    A dot cannot occur in a safe segment, so a spare key is never the plain key of another asset.
    """
    return f"{plain_storage_key(unique_name)}.{secrets.token_hex(8)}"


def name_key(unique_name: str) -> str:
    """Return the spare key of an asset under which nothing is ever stored: a claim on it reserves the name."""
    return f"{plain_storage_key(unique_name)}.{'0' * 16}"


def unique_name_of(storage_key: str) -> str:
    """Return the path of the asset that a storage key, plain or spare, belongs to if it belongs to any."""
    return "/" + _SPARE.sub("", storage_key)


def is_converted(media_type: str, to_webp: bool | None, *, default: bool) -> bool:
    """Say whether an upload is delivered as WebP; `to_webp` is what the client says, None if it says nothing.

    Then `default` counts, but not for a GIF: as in the older service, it stays a GIF.
    """
    if not media_types.KNOWN[media_type].raster:
        return False
    if to_webp is None:
        return default and media_type != media_types.GIF
    return to_webp


def name_asset(
    namespace: str, destination: str | None, given_name: str, media_type: str, allowed: frozenset[str], converted: bool
) -> AssetName:
    """Derive the names of an upload from what the client said and what the bytes are (`media_type`, sniffed).

    `converted` says whether it is delivered as WebP (see `is_converted`). Raises BadRequest for a name that cannot be
    used and TypeUnauthorized when name and bytes contradict each other.
    """
    base, extension = split_name(given_name, media_type)
    check_type(extension, given_name, media_type, allowed)
    return AssetName(
        namespace=namespace,
        destination=safe_destination(namespace, destination),
        filename=f"{base}.{'webp' if converted else extension}",
        original_filename=f"{base}.{extension}",
    )


def numbered(name: AssetName, number: int) -> AssetName:
    """Return the name with a number at its end: `cat-2.webp`. A name that would be too long is cut."""

    def with_number(filename: str) -> str:
        base, _, extension = filename.rpartition(".")
        end = f"-{number}"
        return f"{_cut(base, NAME_MAX - _EXTENSION_MAX - len(end))}{end}.{extension}"

    return replace(name, filename=with_number(name.filename), original_filename=with_number(name.original_filename))


def check_type(extension: str, given_name: str, media_type: str, allowed: frozenset[str]) -> None:
    """Raise TypeUnauthorized unless the type of the bytes is allowed and is what the name's extension claims."""
    claimed = media_types.of_extension(extension)
    if media_type in allowed and claimed == media_type:
        return
    raise TypeUnauthorized(
        claimed or extension if media_type in allowed else media_type,
        f"The bytes are {media_type} and the name is {given_name!r}; allowed: {', '.join(sorted(allowed))}.",
    )


def safe_destination(namespace: str, destination: str | None) -> str:
    """Return the folder below the namespace, made safe; the namespace's own name stands for no folder."""
    folders = (destination or "").strip().strip("/")
    if folders in ("", namespace):
        return namespace
    parts = folders.split("/")
    if len(parts) > _DESTINATION_DEPTH_MAX:
        raise BadRequest(f"destination has {len(parts)} folders.", f"Use {_DESTINATION_DEPTH_MAX} at most.")
    if any(part in ("", ".", "..") or "\\" in part or _CONTROL.search(part) for part in parts):
        raise BadRequest(
            f"destination {destination!r} is not a folder path.",
            "Use names separated by single slashes, such as 'products/2026'.",
        )
    return "/".join(_cut(_safe(part, "destination"), NAME_MAX) for part in parts)


def split_name(given_name: str, media_type: str) -> tuple[str, str]:
    """Split a client's file name into a safe base and an extension; without one, the type of the bytes gives it."""
    if _CONTROL.search(given_name):
        raise BadRequest("The file name has control characters.", "Rename the file, or send a 'filename' field.")
    if "/" in given_name or "\\" in given_name:
        raise BadRequest(
            f"The file name {given_name!r} has a path in it.", "Send the bare name, and folders as 'destination'."
        )
    base, dot, extension = given_name.rpartition(".")
    if not dot or media_types.of_extension(extension) is None:
        base, extension = given_name, media_types.KNOWN[media_type].extensions[0]
    if len(extension) >= _EXTENSION_MAX:
        extension = media_types.KNOWN[media_type].extensions[0]
    return _cut(_safe(base, "filename"), NAME_MAX - _EXTENSION_MAX), extension.lower()


def _cut(text: str, most: int) -> str:
    """Return a text that fits as it is, and a longer one cut: what was cut off stands at its end as a short digest.

    So two long names that begin alike stay two names.
    """
    if len(text) <= most:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_CHARACTERS]
    return f"{text[: most - len(digest) - 1]}-{digest}"


def _safe(text: str, field: str) -> str:
    """Fold accents and replace every character outside `A-Z a-z 0-9 - @ _` by `_`."""
    decomposed = unicodedata.normalize("NFKD", text)
    folded = "".join(character for character in decomposed if not unicodedata.combining(character))
    safe = _UNSAFE.sub("_", folded)
    if not safe.strip("_"):
        raise BadRequest(
            f"{field} {text!r} has no character that can be kept.",
            "Use letters, digits, '-', '@' or '_'; send a 'filename' field to name the file yourself.",
        )
    return safe
