"""What is retired: earlier versions of assets, and deleted assets, which can be brought back. Pure.

A change that replaces the file of an asset, or deletes the asset, leaves its object behind. Instead it can *retire* the
object: a record of it and of its entry remains, so that the change can be undone, until the object is *let go*.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from services.core.assets.entries import Entry, next_second, timestamp

_MICROSECONDS = 1_000_000
_ALWAYS_DIFFER = frozenset({"version", "storage_key", "uploaded_date", "updated_date", "content_date"})
"""Fields in which two versions differ, or may differ, without anything that a client has chosen."""


@dataclass(frozen=True, slots=True)
class Undo:
    """How many earlier versions of an asset are retired, and for how many days a deleted asset is; 0 for none."""

    versions: int = 0
    trash_days: int = 0


NO_UNDO = Undo()


@dataclass(frozen=True, slots=True)
class Retired:
    """An object that is retired, with its entry as it was.

    `number` is that of the change that replaced or deleted it: microseconds since 1970. Versions that belong together
    have the same `group`: the entry key of their asset, or, once it is deleted, the number of that deletion.
    """

    number: int
    group: str
    entry: Entry

    @property
    def is_trashed(self) -> bool:
        """Say whether it is the last version of a deleted asset. Otherwise it is an earlier version of an asset."""
        return self.group == str(self.number)

    @property
    def ended(self) -> datetime:
        """When it was replaced or deleted."""
        return ends(self.number, 0)


def ends(number: int, days: int) -> datetime:
    """Return when an object has been retired for so many days, by the number of the change that has retired it."""
    return datetime.fromtimestamp(number / _MICROSECONDS, UTC) + timedelta(days=days)


def undeleted(retired: Retired) -> Entry:
    """Return the entry of a deleted asset as it exists again: the same version of the same asset.

    What is delivered has the date of now: a client may have the bytes of an asset that was there meanwhile.
    """
    entry = retired.entry
    return replace(entry, updated_date=timestamp(), content_date=next_second(entry.delivered_since))


def differences(then: Entry, now: Entry) -> dict[str, dict[str, Any]]:
    """Return the fields in which an earlier version and the present one differ, each as `{"then": …, "now": …}`."""
    before, after = then.fields, now.fields
    return {
        name: {"then": before.get(name), "now": after.get(name)}
        for name in {**before, **after}
        if name not in _ALWAYS_DIFFER and before.get(name) != after.get(name)
    }
