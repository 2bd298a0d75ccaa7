"""What becomes of an upload whose path is taken."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from services.core.assets import entries, names
from services.core.assets.entries import Entry, StoredFile
from services.core.assets.names import AssetName
from services.core.errors import BadRequest, NotReplaceable, Subject

_STEPS = 20
"""The highest number of a name is 2 to the power of so many."""


class OnConflict(StrEnum):
    """What the client wants if the path is taken: docs/integrating.md says what each word means."""

    REFUSE = "refuse"
    SKIP = "skip"
    REPLACE = "replace"
    RENAME = "rename"


def read_on_conflict(given: Mapping[str, Any]) -> OnConflict:
    """Return what a client says of a taken path, in arguments or in JSON; raises BadRequest."""
    try:
        return OnConflict(given.get("on_conflict", OnConflict.REFUSE))
    except ValueError:
        known = ", ".join(OnConflict)
        raise BadRequest(f"on_conflict must be one of {known}.", "Leave it out to have a taken path refused.") from None


@dataclass(frozen=True, slots=True)
class NewAsset:
    """An upload that has not been stored yet. `received` is the SHA-256 of the file before anything is removed from it.

    `fields` are settable ones, `keep_type` is `toWebp=false`, and `now` is seconds since the epoch. With a `number`,
    this stands at the end of its name.
    """

    own_name: AssetName
    media_type: str
    received: str
    converted: bool
    keep_type: bool
    fields: dict[str, Any]
    on_conflict: OnConflict
    now: float
    number: int | None = None

    @property
    def name(self) -> AssetName:
        return self.own_name if self.number is None else names.numbered(self.own_name, self.number)

    @property
    def unique_name(self) -> str:
        return self.name.unique_name

    def numbered(self, number: int | None) -> "NewAsset":
        return replace(self, number=number)

    def check(self, current: Entry) -> None:
        """Raise AlreadyExists or NotReplaceable if the upload fails beside `current`, whatever bytes it has.

        Both name its path and its uuid.
        """
        if self.on_conflict is OnConflict.REFUSE:
            raise entries.already_exists(current)
        if self.on_conflict is OnConflict.REPLACE:
            try:
                entries.check_replaceable(current, self.media_type, keep_type=self.keep_type)
            except NotReplaceable as error:
                raise error.about(Subject(uuid=current.uuid, unique_name=current.unique_name)) from error

    def is_same(self, current: Entry, signature: str) -> bool:
        """Say whether an entry has the bytes of the upload: as received, or as they would be stored (`signature`).

        Of an entry from the older service, the file that it had received counts, too.
        """
        return not {self.received, signature}.isdisjoint({current.signature, current.original_signature})

    def draft(self, current: Entry | None, stored: StoredFile) -> Entry:
        """Return the entry to write: `current` itself if it stays as it is. Raises AlreadyExists and NotReplaceable."""
        if current is None:
            return entries.new_entry(self.name, stored, converted=self.converted, fields=self.fields)
        self.check(current)
        if self.on_conflict is OnConflict.REPLACE:
            extension = self.name.original_filename.rpartition(".")[2]
            return entries.with_fields(entries.with_file(current, stored, extension), self.fields, self.now)
        if self.on_conflict is OnConflict.SKIP and self.is_same(current, stored.signature):
            return current
        raise entries.already_exists(current)


async def free_number(are_free: Callable[[list[int]], Awaitable[list[bool]]]) -> int | None:
    """Return a number from 2 on that is free, and follows one that is not; None if there are too many names.

    Names are usually numbered without gaps. So it asks for a few numbers far apart, and then halves the distance: among
    a hundred thousand names it asks about twenty times.
    """
    far = [1 + (1 << step) for step in range(_STEPS)]
    free = next((at for at, is_free in enumerate(await are_free(far)) if is_free), None)
    if free is None:
        return None
    last_taken, number = far[free - 1] if free else 1, far[free]
    while number - last_taken > 1:
        middle = (last_taken + number) // 2
        if (await are_free([middle]))[0]:
            number = middle
        else:
            last_taken = middle
    return number
