"""One claim, as Redis has it: see `claims` for what it is for."""

import secrets
from dataclasses import dataclass

from services.core.assets.entries import Entry
from services.core.state import entry_json

OBSOLETE, ABANDONED = "obsolete", "abandoned"
"""Owners that are never alive: of an object that a change has left behind, and of one that could not be settled yet."""
KEPT, TAKEN, LEFT = "kept", "taken", "left"
"""The flags of a claim: see `keeps_bytes`, `was_taken` and `is_leftover`."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to write one storage key.

    Its value is `owner entry_key~number~flags`, then the entry that is to be made, if known. The number makes it
    different from all others; obsolete claims, and claims of the previous version of TADA, have none.
    """

    storage_key: str
    value: str

    @property
    def owner(self) -> str:
        return self.value.partition(" ")[0]

    @property
    def mark(self) -> str:
        """The part that is unique to a claim, without the entry that its writer intends."""
        return " ".join(self.value.split(" ", 2)[:2])

    @property
    def entry_key(self) -> str:
        return self.mark.split(" ")[1].split("~")[0]

    @property
    def keeps_bytes(self) -> bool:
        """Say whether the object existed before the claim, and stays in any case."""
        return KEPT in self.mark.split("~")[2:]

    @property
    def was_taken(self) -> bool:
        """Say whether it was taken over to be settled: the storage may have been told to delete the object."""
        return TAKEN in self.mark.split("~")[2:]

    @property
    def is_leftover(self) -> bool:
        """Say whether a change has left the object behind. If an entry refers to it again, it is no leftover."""
        return self.owner == OBSOLETE or LEFT in self.mark.split("~")[2:]

    @property
    def intended(self) -> Entry | None:
        """The entry that the writer is about to make; of an obsolete object, the one that referred to it."""
        said = self.value.split(" ", 2)[2:]
        return entry_json.read(said[0].encode()) if said else None

    def of(self, owner: str) -> "Claim":
        """Return the claim with another owner, who takes it over or leaves it to others."""
        rest = self.value.split(" ", 2)[2:]
        flags = [*([KEPT] if self.keeps_bytes else []), *([LEFT] if self.is_leftover else []), TAKEN]
        return Claim(self.storage_key, " ".join([owner, numbered(self.entry_key, *flags), *rest]))


def numbered(entry_key: str, *flags: str) -> str:
    return "~".join([entry_key, secrets.token_hex(8), *flags])
