"""The one write of an entry: compare and set, in one step with all its consequences.

An entry is written, or deleted, only if it is still the same as the writer has read. In the same step the writer's
claim is given up, an object that the change leaves behind gets an obsolete claim, and the change is added to the log
(see `changes`). The jobs worker tells the nodes of the gateway, which raise the generation of what has changed. A
writer that waits for that (see `progress`) answers when the public can no longer see the old state.
"""

from dataclasses import dataclass

from services.core.assets import identity
from services.core.assets.entries import Entry
from services.core.observing import origin
from services.core.state import changes, entry_json, keys
from services.core.state.changes import DELETED, DESCRIBED, WRITTEN, number_of
from services.core.state.claim import Claim
from services.core.state.claims import interrupted
from services.core.state.connection import Redis
from services.core.state.script import Script
from services.core.state.stale_claims import Leftover


@dataclass(frozen=True, slots=True)
class Commit:
    """The result of a write: the number of its change, and what it has left behind, if anything: an object, and the
    reduction of one.

    The process that has made the change may delete them, or else the reaper does it.
    """

    number: int
    leftover: Leftover | None = None
    left_reduction: Leftover | None = None

    @property
    def leftovers(self) -> list[Leftover]:
        return [left for left in (self.leftover, self.left_reduction) if left]


@dataclass(frozen=True, slots=True)
class Found:
    """An entry as a writer has found it. Its bytes, `raw`, are compared."""

    raw: bytes
    entry: Entry


class CompareAndSet:
    """Writes entries over what the writer has read: `old`, None if there was no entry.

    All methods return None if something else is stored by now, and raise RedisError. With a claim they raise
    Unavailable if it has been lost.
    """

    def __init__(self, client: Redis) -> None:
        self._redis = client
        self._write = Script(
            client,
            "write",
            sequence=keys.SEQUENCE,
            claims=keys.CLAIMS,
            undescribed=keys.UNDESCRIBED,
            reductions=keys.REDUCTIONS,
            **changes.WRITES,
        )

    async def write(self, old: Found | None, entry: Entry, claim: Claim | None = None) -> Commit | None:
        """Store an entry; an object to which it no longer refers is left behind."""
        left = old.entry.storage_key if old and old.entry.storage_key != entry.storage_key else ""
        # A replacement by the same bytes makes another version, of which the caches have nothing.
        has_file = old is None or (old.entry.version, old.entry.signature) != (entry.version, entry.signature)
        return await self._swap(old, entry, claim, kind=WRITTEN, left=left, to_describe=has_file)

    async def describe(self, old: Found, entry: Entry) -> Commit | None:
        """Store an entry that has new facts and is the same otherwise."""
        return await self._swap(old, entry, kind=DESCRIBED)

    async def delete(self, old: Found, *, keep_bytes: bool = False) -> Commit | None:
        """Remove an entry; its bytes are left behind unless they are kept."""
        left = "" if keep_bytes else old.entry.storage_key
        return await self._swap(old, old.entry, kind=DELETED, left=left)

    async def _swap(
        self,
        old: Found | None,
        entry: Entry,
        claim: Claim | None = None,
        *,
        kind: str,
        left: str = "",
        to_describe: bool = False,
    ) -> Commit | None:
        wanted = None if kind == DELETED else entry
        expires = wanted.expires_at if wanted and not wanted.expired else None
        keeps_reduction = wanted is not None and old is not None and old.entry.signature == wanted.signature
        outcome, detail, reduction = await self._write(
            entry_key=entry.key,
            uuid=entry.uuid,
            other_names=" ".join(identity.other_names(entry.uuid, entry.unique_name)),
            by_path=identity.asset_uuid(entry.unique_name),
            expected=old.raw if old else b"",
            wanted=entry_json.write(wanted) if wanted else b"",
            expires="" if expires is None else repr(expires),
            claimed=claim.storage_key if claim else "",
            claim=claim.value if claim else "",
            obsolete=left,
            keeps_reduction=int(keeps_reduction),
            unique_name=entry.unique_name,
            original_name=entry.original_name,
            kind=kind,
            to_describe=int(to_describe),
            write=changes.token(),
            **origin.passed_on(),
        )
        if outcome == b"unclaimed":
            raise interrupted()
        if outcome != b"written":
            return None
        leftover, left_reduction = (Leftover(entry.key, key) if key else None for key in (left, reduction.decode()))
        return Commit(number_of(detail), leftover, left_reduction)
