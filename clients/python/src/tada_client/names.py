"""The names of assets, as the service makes them of the names of files. Pure.

They are for looking up what is there before a file is sent. What counts is what the service answers.
"""

import re
import unicodedata
from hashlib import md5, sha256

_UNSAFE = re.compile("[^A-Za-z0-9@_-]")
_UUID = re.compile(r"[0-9A-Fa-f]{32}|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
PATH = re.compile(r"(?:/[A-Za-z0-9@_-]+){2,12}\.[A-Za-z0-9]+")
_LONGEST, _EXTENSION = 90, len(".jpeg")


def uuid_of(unique_name: str) -> str:
    """Return the uuid by which the asset at a path is found: the MD5 of the path."""
    digits = md5(unique_name.encode(), usedforsecurity=False).hexdigest()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def is_reference(text: str) -> bool:
    """Say whether a text names an asset."""
    return bool(_UUID.fullmatch(text) or unique_name(text))


def reference(text: str) -> str:
    """Return the uuid of what somebody names: a uuid, a path such as `/DEV/pets/cat.webp`, or an address of the asset.

    Raises ValueError for anything else.
    """
    if _UUID.fullmatch(text):
        return text
    path = unique_name(text)
    if path is None:
        raise ValueError(f"{text!r} is neither a uuid, nor a path such as /DEV/pets/cat.webp, nor a public address.")
    return uuid_of(path)


def unique_name(text: str) -> str | None:
    """Return the path in a path or in an address of an asset; None if there is none."""
    address = text.partition("?")[0]
    found = re.search(
        r"/(?:original|full|optimise/[^/]+)(?:/image)?((?:/[A-Za-z0-9@_-]+){2,12}\.[A-Za-z0-9]+)\Z", address
    )
    if found and ("://" in address or address.startswith("/assets/")):
        return found[1]
    return address if PATH.fullmatch(address) else None


def stem(namespace: str, destination: str, filename: str) -> str:
    """Return the path that a file will probably have, without its extension: `/DEV/pets/cat`."""
    base = (
        filename.rpartition(".")[0]
        if re.search(r"\.(?i:jpe?g|jfif|png|webp|gif|svg|pdf|avif)\Z", filename)
        else filename
    )
    return f"{folder(namespace, destination)}/{_cut(_safe(base), _LONGEST - _EXTENSION)}"


def paths(namespace: str, destination: str, filename: str, to_webp: bool | None = None) -> list[str]:
    """Return the paths that a file may have, the likeliest one first.

    Files of one stem may be assets of their own: `wave.gif` beside `wave.webp`.
    """
    own = filename.rpartition(".")[2].lower()
    own = {"jpeg": "jpg", "jfif": "jpg"}.get(own, own)
    if own in ("svg", "pdf") or (own == "gif" and not to_webp):
        extensions = [own]
    elif to_webp is None:
        extensions = ["webp", own]  # The setting of the service decides.
    else:
        extensions = ["webp"] if to_webp else [own]
    before = stem(namespace, destination, filename)
    return [f"{before}.{extension}" for extension in dict.fromkeys(extensions)]


def folder(namespace: str, destination: str) -> str:
    """Return the path of a folder below a namespace: `/DEV/pets`."""
    parts = [part for part in destination.strip().strip("/").split("/") if part]
    return "/".join(["", namespace, *(_cut(_safe(part), _LONGEST) for part in parts)])


def without_extension(unique_name: str) -> str:
    return unique_name.rpartition(".")[0]


def _safe(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    return _UNSAFE.sub("_", "".join(letter for letter in decomposed if not unicodedata.combining(letter)))


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    digest = sha256(text.encode()).hexdigest()[:8]
    return f"{text[: most - len(digest) - 1]}-{digest}"
