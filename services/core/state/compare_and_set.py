"""The one write of an entry: compare and set, in one step with all its consequences.

An entry is written, or deleted, only if it is still the same as the writer has read. In the same step the writer's
claim is given up, an object that the change leaves behind is retired or gets an obsolete claim, and the change is
added to the log (see `changes`). The jobs worker tells the nodes of the gateway, which raise the generation of what has
changed. A writer that waits for that (see `progress`) answers when the public can no longer see the old state.
"""

from dataclasses import dataclass

from services.core.assets import events, identity, quotas
from services.core.assets.entries import Entry
from services.core.assets.events import Happened
from services.core.assets.quotas import NO_QUOTA, NO_QUOTAS, Quota, Quotas
from services.core.assets.retired import NO_UNDO, Undo
from services.core.observing import origin
from services.core.state import changes, entry_json, keys
from services.core.state.changes import DELETED, DESCRIBED, WRITTEN, number_of
from services.core.state.claim import Claim
from services.core.state.claims import interrupted
from services.core.state.connection import Redis
from services.core.state.script import Script
from services.core.state.stale_claims import Leftover

_VERSION, _TRASH = "version", "trash"
"""What an object is retired as."""


class NotRetired(Exception):
    """The object that was to be taken back is not retired any more. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Commit:
    """The result of a write: the number of its change, and what it has left behind, if anything: an object, the
    reduction of one, and retired objects that it has let go. If it is a deletion, the asset may be in the trash now.

    The process that has made the change may delete them, or else the reaper does it.
    """

    number: int
    leftover: Leftover | None = None
    left_reduction: Leftover | None = None
    let_go: tuple[Leftover, ...] = ()
    is_trashed: bool = False

    @property
    def leftovers(self) -> list[Leftover]:
        return [left for left in (self.leftover, self.left_reduction, *self.let_go) if left]


@dataclass(frozen=True, slots=True)
class Found:
    """An entry as a writer has found it. Its bytes, `raw`, are compared."""

    raw: bytes
    entry: Entry


class CompareAndSet:
    """Writes entries over what the writer has read: `old`, None if there was no entry.

    All methods return None if something else is stored by now, and raise RedisError. With a claim they raise
    Unavailable if it has been lost. With quotas, `write` raises QuotaExceeded.
    """

    def __init__(self, client: Redis, undo: Undo = NO_UNDO, limits: Quotas = NO_QUOTAS) -> None:
        self._redis, self._undo, self._limits = client, undo, limits
        self._write = Script(
            client,
            "write",
            sequence=keys.SEQUENCE,
            claims=keys.CLAIMS,
            undescribed=keys.UNDESCRIBED,
            reductions=keys.REDUCTIONS,
            retired=keys.RETIRED,
            versions=keys.VERSIONS,
            trash=keys.TRASH,
            counted=keys.USAGE_COUNTED,
            keep_versions=undo.versions,
            **changes.WRITES,
        )

    async def write(
        self,
        old: Found | None,
        entry: Entry,
        claim: Claim | None = None,
        *,
        taken_back: str = "",
        deletion: int | None = None,
        restores: bool = False,
    ) -> Commit | None:
        """Store an entry; an object to which it no longer refers is left behind, or retired as a version.

        `taken_back` is the storage key of a retired object to which the entry refers from now on; raises NotRetired
        if it is not retired any more. `deletion` and `restores` are as in `events.written`.
        """
        happened = events.written(old.entry if old else None, entry, restores=restores, deletion=deletion)
        left = old.entry.storage_key if old and old.entry.storage_key != entry.storage_key else ""
        # A replacement by the same bytes makes another version, of which the caches have nothing.
        has_file = old is None or (old.entry.version, old.entry.signature) != (entry.version, entry.signature)
        undo = _VERSION if left and self._undo.versions else ""
        return await self._swap(
            *(old, entry, happened, claim),
            kind=WRITTEN,
            left=left,
            undo=undo,
            taken_back=taken_back,
            to_describe=has_file,
        )

    async def describe(self, old: Found, entry: Entry) -> Commit | None:
        """Store an entry that has new facts and is the same otherwise."""
        return await self._swap(old, entry, events.described(old.entry, entry), kind=DESCRIBED)

    async def purge(self, old: Found) -> Commit | None:
        """Write an entry as it is: the caches have nothing of it any more, and nobody is told of an event."""
        return await self._swap(old, old.entry, None, kind=WRITTEN)

    async def delete(self, old: Found, *, keep_bytes: bool = False) -> Commit | None:
        """Remove an entry; its bytes are left behind or go into the trash, unless they are kept."""
        left = "" if keep_bytes else old.entry.storage_key
        undo = _TRASH if left and self._undo.trash_days else ""
        return await self._swap(old, old.entry, events.deleted(old.entry), kind=DELETED, left=left, undo=undo)

    async def _swap(
        self,
        old: Found | None,
        entry: Entry,
        happened: Happened | None,
        claim: Claim | None = None,
        *,
        kind: str,
        left: str = "",
        undo: str = "",
        taken_back: str = "",
        to_describe: bool = False,
    ) -> Commit | None:
        wanted = None if kind == DELETED else entry
        due = wanted.due_at if wanted else None
        keeps_reduction = wanted is not None and old is not None and old.entry.signature == wanted.signature
        quota = self._limits.get(entry.namespace, NO_QUOTA)
        outcome, detail, reduction, *let_go = await self._write(
            entry_key=entry.key,
            uuid=entry.uuid,
            other_names=" ".join(identity.other_names(entry.uuid, entry.unique_name)),
            by_path=identity.asset_uuid(entry.unique_name),
            expected=old.raw if old else b"",
            wanted=entry_json.write(wanted) if wanted else b"",
            expires="" if due is None else repr(due),
            claimed=claim.storage_key if claim else "",
            claim=claim.value if claim else "",
            obsolete=left,
            undo=undo,
            version=old.entry.version if old else "",
            taken_back=taken_back,
            namespace=entry.namespace,
            size=old.entry.size if old else 0,
            new_size=wanted.size if wanted else 0,
            quota_bytes="" if quota.bytes is None else quota.bytes,
            quota_assets="" if quota.assets is None else quota.assets,
            keeps_reduction=int(keeps_reduction),
            unique_name=entry.unique_name,
            original_name=entry.original_name,
            kind=kind,
            to_describe=int(to_describe),
            write=changes.token(),
            event=happened.to_text() if happened else "",
            **origin.passed_on(),
        )
        if outcome == b"unclaimed":
            raise interrupted()
        if outcome == b"not retired":
            raise NotRetired
        if outcome == b"over quota":
            used = Quota(bytes=int(detail), assets=int(reduction))
            quotas.check(entry.namespace, quota, used, Quota(bytes=int(let_go[0]), assets=int(old is None)))
        if outcome != b"written":
            return None
        left = "" if undo else left
        leftover, left_reduction = (Leftover(entry.key, key) if key else None for key in (left, reduction.decode()))
        return Commit(
            number_of(detail), leftover, left_reduction, tuple(map(leftover_of, let_go)), is_trashed=undo == _TRASH
        )


def leftover_of(told: bytes) -> Leftover:
    """Return an object that was let go, as a script tells it: its entry key and its storage key."""
    entry_key, storage_key = told.decode().split(" ")
    return Leftover(entry_key, storage_key)
