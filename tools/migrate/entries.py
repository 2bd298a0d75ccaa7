"""The entries of the older service, and what will happen to each. Pure, but for reading them."""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import orjson

from services.core.assets import reading
from services.core.assets.entries import Entry, timestamp
from services.core.assets.reading import NotUnderstood
from services.core.state import connection, older_redis

What = Literal["kept", "copied", "renamed", "missing bytes", "other bytes", "not understood"]

TAKEN: tuple[What, ...] = ("kept", "copied", "renamed")
"""What the new catalog gets."""


class EntriesUnreadable(Exception):
    """There are no entries where they were looked for. The text says why."""


@dataclass(frozen=True, slots=True)
class Fate:
    """One entry. `value` is as the older service has it, and `entry` as it is understood.

    `source` is the key of its bytes in the older storage, if they have to be copied.
    """

    name: str
    what: What
    note: str = ""
    value: object = None
    entry: Entry | None = None
    source: str = ""


def of_dump(file: Path) -> list[object]:
    """Read a JSON dump; raises EntriesUnreadable."""
    try:
        found = orjson.loads(file.read_bytes())
    except OSError as error:
        raise EntriesUnreadable(f"{file} cannot be read: {error.strerror}") from None
    except orjson.JSONDecodeError as error:
        raise EntriesUnreadable(
            f"{file} is not JSON ({error}). An .rdb is read by --redis: start a Redis with it."
        ) from None
    if not isinstance(found, list):
        raise EntriesUnreadable(f"{file} is not a list of entries.")
    return found


async def of_redis(url: str) -> list[object]:
    """Read the entries of the older service from its Redis; raises RedisError."""
    client = connection.connect(url)
    try:
        found: dict[object, object] = {}
        async for value in older_redis.entries(client):
            found.setdefault(value["unique_name"], value)
        return list(found.values())
    finally:
        await client.aclose()


def fates(values: Iterable[object], older: Mapping[str, int], new: Mapping[str, int] | None) -> list[Fate]:
    """Say what will happen to each entry. `older` and `new` are the storages: the size of each object by its key.

    With None as `new` the bytes stay where they are, and are not looked for.
    """
    by_path = _by_path(older)
    found, seen, now = [], set[str](), timestamp()
    for number, value in enumerate(values, 1):
        name = value.get("unique_name") if isinstance(value, dict) else None
        shown = name if isinstance(name, str) else f"entry {number}"
        try:
            entry = reading.read(value, now)
        except NotUnderstood as problem:
            found.append(Fate(shown, "not understood", str(problem), value))
            continue
        if entry.key in seen:
            found.append(Fate(shown, "not understood", "The path occurs twice. The first entry counts.", value))
            continue
        seen.add(entry.key)
        found.append(_fate(value, entry, by_path, older, new))
    return found


def _fate(
    value: object, entry: Entry, by_path: Mapping[str, str], older: Mapping[str, int], new: Mapping[str, int] | None
) -> Fate:
    name, key = entry.unique_name, entry.storage_key
    if new is None or new.get(key) == entry.size:
        return Fate(name, "kept", "", value, entry)
    if key in new:
        note = f"{key} has {new[key]} bytes, and the catalog says {entry.size}."
        return Fate(name, "other bytes", note, value, entry)
    keys = [by_path[path] for path in _paths(entry) if path in by_path]
    for source in keys:
        if older[source] == entry.size:
            renamed = source != key
            note = f"{source} → {key}" if renamed else ""
            return Fate(name, "renamed" if renamed else "copied", note, value, entry, source)
    if keys:
        note = f"{keys[0]} has {older[keys[0]]} bytes, and the catalog says {entry.size}."
        return Fate(name, "other bytes", note, value, entry)
    return Fate(name, "missing bytes", f"Looked for {' and '.join(_paths(entry))}.", value, entry)


def _paths(entry: Entry) -> list[str]:
    """Return where the older service may have the bytes: under the name of the asset, or that of the upload."""
    folder = entry.unique_name.rpartition("/")[0]
    return list(dict.fromkeys([_path(entry.unique_name), _path(f"{folder}/{entry.original_filename}")]))


def _by_path(keys: Iterable[str]) -> dict[str, str]:
    """Return the keys by what they are without a slash at the beginning, double slashes, and forms of accents.

    Of several keys with the same path, the one that is written so counts.
    """
    found: dict[str, str] = {}
    for key in keys:
        path = _path(key)
        if path == key or path not in found:
            found[path] = key
    return found


def _path(key: str) -> str:
    return unicodedata.normalize("NFC", "/".join(part for part in key.split("/") if part))


def report(fate: Fate) -> dict[str, Any]:
    """Return the line of an entry in the report."""
    uuid = fate.entry.uuid if fate.entry else None
    return {"unique_name": fate.name, "uuid": uuid, "what": fate.what, "note": fate.note}
