"""What an asset is known by: its path decides. Pure functions.

| | of `/DEV/cat.webp` | what for |
|---|---|---|
| uuid | `4ff11851-…`, the MD5 of the path | what clients are shown, and name the asset by |
| entry key | `5b4c967a-…`, of version 5 | where the catalog has it; only entries of the previous version show it |

One path has one entry key, so there are never two entries for one path, whatever uuid an entry shows. An entry may show
another uuid than the MD5 of its path. One that was restored from the older service shows what it had there, letter by
letter. One that the previous version made shows its entry key. An entry is found by each of the three, in any spelling.

The uuid and the entry key of a path find the entry of this path, in whatever order entries are written. Another entry
that shows one of them is not found by it once the path has an entry. If the entry of the path is deleted, the other is
found by it again, after its next change at the latest. A restore has it show the MD5 of its own path. Any other uuid
finds the entry that showed it first.
"""

import re
from functools import lru_cache
from hashlib import md5
from uuid import NAMESPACE_URL, uuid5

_DIGITS = "[0-9A-Fa-f]"
SPELLING = rf"{_DIGITS}{{32}}|{_DIGITS}{{8}}(?:-{_DIGITS}{{4}}){{3}}-{_DIGITS}{{12}}"
"""The regular expression of a uuid as anybody may write it: with dashes or without, in any case."""
_SPELLING = re.compile(SPELLING)


@lru_cache(maxsize=4096)
def asset_uuid(unique_name: str) -> str:
    """Return the uuid of a new asset: the 128 bits of the MD5 of its path."""
    return _with_dashes(md5(unique_name.encode(), usedforsecurity=False).hexdigest())


@lru_cache(maxsize=4096)
def entry_key(unique_name: str) -> str:
    """Return where the catalog has the entry of a path (RFC 9562 version 5, name space URL)."""
    return str(uuid5(NAMESPACE_URL, unique_name))


def canonical(uuid: str) -> str | None:
    """Return the one spelling of a uuid by which entries are looked up: lower case, with dashes.

    None for a text that is not a uuid.
    """
    return _with_dashes(uuid.replace("-", "").lower()) if _SPELLING.fullmatch(uuid) else None


def other_names(uuid: str, unique_name: str) -> list[str]:
    """Return by what an entry that shows `uuid` is found besides its entry key, each in its one spelling."""
    by_path = asset_uuid(unique_name)
    if uuid == by_path:
        return [by_path]
    return sorted({canonical(uuid) or uuid, by_path} - {entry_key(unique_name)})


def all_names(uuid: str, unique_name: str) -> list[str]:
    """Return everything by which an entry that shows `uuid` is found, each in its one spelling."""
    return [entry_key(unique_name), *other_names(uuid, unique_name)]


def _with_dashes(digits: str) -> str:
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
