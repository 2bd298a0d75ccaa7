"""The events of one asset, from the last one back to its creation, as far as the log has them. Pure.

An asset is followed by its path: back over moves, and from its return out of the trash to the deletion that this has
undone. Before a path is known, its last event is looked for by the uuid that it had.
"""

import re
from dataclasses import dataclass

from services.core.assets import identity, names
from services.core.assets.events import Event, Kind

CURSOR = rf"[1-9][0-9]{{0,15}}{names.UNIQUE_NAME}"
"""Where a page has ended, and the path of the asset there."""
_CURSOR = re.compile(r"([0-9]+)(/.+)")
NOW = 10**16
"""After every change: a number has 16 digits."""
_OF_ALL = ("restored", "emptied")


@dataclass(slots=True)
class Trail:
    """Follows an asset back. It begins before the change `before`, at `path` or, if that is empty, at a `uuid` in its
    one spelling."""

    before: int
    path: str = ""
    uuid: str = ""
    is_complete: bool = False
    """Whether the creation of the asset was found."""

    @classmethod
    def at(cls, cursor: str) -> "Trail":
        found = _CURSOR.fullmatch(cursor)
        assert found
        return cls(int(found[1]), found[2])

    @property
    def cursor(self) -> str:
        return f"{self.before}{self.path}"

    def takes(self, event: Event) -> bool:
        """Say whether an event is one of the asset. It must be the last one before those that it was asked about."""
        if event.number >= self.before or self.is_complete:
            return False
        self.before = event.number
        if event.kind is Kind.CATALOG:
            return bool(self.path) and (event.happened.after or {}).get("cause") in _OF_ALL
        if not self.path and self.uuid in map(identity.canonical, event.uuids):
            self.path = event.unique_name
        if not self.path or event.unique_name != self.path:
            return False
        if event.kind is Kind.MOVED:
            self.path = event.paths[-1]
        elif event.kind is Kind.CREATED:
            self.is_complete = True
        elif event.kind is Kind.RESTORED and event.happened.before is None:
            deletion = (event.happened.after or {}).get("deletion", "")
            self.before = int(deletion) + 1 if str(deletion).isdecimal() else self.before
        return True
