"""One file on its way to an entry."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from services.catalog.uploads.conflicts import NewAsset
from services.catalog.uploads.spool import SpooledFile
from services.core.assets import identity
from services.core.assets.entries import Entry, StoredFile
from services.core.errors import TadaError
from services.core.state.claim import Claim
from services.core.state.compare_and_set import Commit
from services.core.state.resumable import Intended
from services.core.storage import Receipt

Written = tuple[Entry, Commit | None]
"""The entry, and the commit: None if the entry stays as it is, which only `OnConflict.SKIP` asks for."""

BeforeWrite = Callable[[Intended], Awaitable[None]]
"""What an upload waits for before it can no longer be stopped: see Wish. It may refuse the upload. It is told what the
entry is to be."""


async def at_once(_: Intended) -> None:
    """Wait for nothing."""


@dataclass(slots=True)
class Writing:
    """One file that becomes an entry, and the state of this process.

    `draft` makes the entry from the current one (None if there is none) and from the stored bytes. If it returns the
    current one, there is nothing to write. A `new` asset may get an entry that does not exist yet. `is_taken` says that
    the path has an entry, which is certain under the claim of a backend that replaces in place. `reserved` is a claim
    on the name alone.
    """

    unique_name: str
    media_type: str
    file: SpooledFile
    original_size: int
    draft: Callable[[Entry | None, StoredFile], Entry]
    new: NewAsset | None = None
    is_taken: bool = False
    before_write: BeforeWrite = at_once
    claim: Claim | None = None
    reserved: Claim | None = None
    intended: Entry | None = None
    receipt: Receipt | None = None
    outcome: Written | TadaError | None = None

    @property
    def namespace(self) -> str:
        return self.unique_name.split("/", 2)[1]

    @property
    def entry_key(self) -> str:
        return identity.entry_key(self.unique_name)

    @property
    def will_be(self) -> Intended:
        """What the entry is found by, once it is written."""
        assert self.claim
        return Intended(self.entry_key, self.claim.storage_key, self.file.signature)

    def entry(self, current: Entry | None) -> Entry:
        """Return the entry to write over `current`."""
        assert self.claim
        file = self.file
        stored = StoredFile(
            self.media_type, file.signature, file.size, self.claim.storage_key, original_size=self.original_size
        )
        made = self.draft(current, stored)
        version = self.receipt.version if self.receipt else None
        return made if version is None else replace(made, version=version)

    @property
    def is_committed(self) -> bool:
        """Whether the entry was written. If not, the claim and what lies under it are not needed."""
        return isinstance(self.outcome, tuple) and self.outcome[1] is not None
