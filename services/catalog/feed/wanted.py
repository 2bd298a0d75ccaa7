"""Which events a client wants, and may see. Pure."""

from collections.abc import Collection
from dataclasses import dataclass

from services.core.assets import identity
from services.core.assets.events import Event, Kind


@dataclass(frozen=True, slots=True)
class Wanted:
    """A selection of events. What is empty selects all.

    `namespaces` are those of the client's token, None for all. `folders` end with a slash, and an asset has to be in
    all of them before or after the event. Events of the whole catalog concern each of its assets.
    """

    kinds: Collection[Kind] = ()
    folders: Collection[str] = ()
    uuid: str = ""
    namespaces: Collection[str] | None = None

    def takes(self, event: Event) -> bool:
        if self.kinds and event.kind not in self.kinds:
            return False
        if event.kind is Kind.CATALOG:
            return True
        is_named = not self.uuid or self.uuid in map(identity.canonical, event.uuids)
        return is_named and any(map(self._has, event.paths))

    def _has(self, path: str) -> bool:
        is_there = all(path.startswith(folder) for folder in self.folders)
        return is_there and (self.namespaces is None or path.split("/", 2)[1] in self.namespaces)
