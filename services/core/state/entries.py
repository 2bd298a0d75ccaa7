"""The entries in Redis: every read and write of them, safe with any number of replicas."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from services.core.assets import identity, names
from services.core.assets.entries import SETTABLE, Entry, already_exists, with_earlier_file
from services.core.assets.facts import Facts
from services.core.assets.quotas import NO_QUOTAS, Quotas
from services.core.assets.retired import NO_UNDO, Retired, Undo, undeleted
from services.core.errors import CatalogReplaced, NoEntry, Unavailable
from services.core.observing import origin
from services.core.state import changes, commands, entry_json, keys
from services.core.state.changes import number_of
from services.core.state.claim import Claim
from services.core.state.compare_and_set import Commit, CompareAndSet, Found
from services.core.state.connection import Redis
from services.core.state.entry_reader import finding
from services.core.state.moving import Moving, PathTaken
from services.core.state.script import Script

PAGE = 500
"""Entries read from Redis at a time: about half a megabyte, well under a millisecond of Redis' time."""
PAGE_BYTES = 1024 * 1024
"""Bytes of these entries at most, unless one entry alone has more: some have long texts."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the list. `epoch`, `last` and `after` are for the next page; `after` is None without entries."""

    epoch: str
    last: int
    after: int | None
    raws: list[bytes]


class NotConfirmed(Exception):
    """The catalog has `count` entries, and the caller has not confirmed that number."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} entries")
        self.count = count


class Entries:
    """Reads and writes entries. All methods raise RedisError."""

    def __init__(self, client: Redis, undo: Undo = NO_UNDO, limits: Quotas = NO_QUOTAS) -> None:
        """`undo` says which objects are retired by writes that would leave them behind. A write that a namespace has no
        room for raises QuotaExceeded."""
        self._redis = client
        self._set = CompareAndSet(client, undo, limits)
        self._moving = Moving(client)
        self._page = Script(
            client,
            "page",
            live_entries=keys.ENTRIES,
            live_order=keys.ORDER,
            live_epoch=keys.EPOCH,
            aside=keys.ASIDE,
            most_bytes=PAGE_BYTES,
        )
        self._clear = Script(client, "clear", **changes.REPLACES)
        self._find = finding(client)

    # Reading

    async def raw(self, key: str) -> bytes | None:
        """Return an entry as it is stored, None if it does not exist."""
        return await commands.hget(self._redis, keys.ENTRIES, key)

    async def of_path(self, unique_name: str) -> Entry | None:
        """Return the entry of a path, None if there is none."""
        raw = await self.raw(identity.entry_key(unique_name))
        return entry_json.read(raw) if raw else None

    async def raws(self, entry_keys: Sequence[str]) -> list[bytes | None]:
        """Return entries as they are stored, None for each that does not exist."""
        return await commands.hmget(self._redis, keys.ENTRIES, entry_keys) if entry_keys else []

    async def are_retired(self, storage_keys: Sequence[str]) -> list[bool]:
        """Say of each storage key whether a change that can be undone has retired the object there (see `retired`)."""
        found = await commands.hmget(self._redis, keys.RETIRED, storage_keys) if storage_keys else []
        return [raw is not None for raw in found]

    async def get(self, uuid: str) -> Entry:
        """Return an entry by its uuid, in any spelling; raises NoEntry."""
        return (await self.find(uuid)).entry

    async def find(self, uuid: str) -> Found:
        """Return an entry by its uuid, in any spelling, or by its key, for a write; raises NoEntry.

        An asset that was moved is also found by what it was found by before, as long as no other one is.
        """
        wanted = identity.canonical(uuid)
        raw = (await self._find(wanted=[wanted]))[1] if wanted else None
        if raw is None:
            raise NoEntry(uuid)
        return Found(raw, entry_json.read(raw))

    async def revision(self) -> str:
        """Return the revision, which changes whenever any entry does."""
        return (await self._redis.get(keys.REVISION) or b"0").decode()

    async def revision_and_addresses(self) -> tuple[str, str]:
        """Return the revision, and the addresses in the pages that caches have (see `state/addresses`)."""
        revision, addresses = await self._redis.mget(keys.REVISION, keys.ADDRESSES)
        return (revision or b"0").decode(), (addresses or b"").decode()

    async def epoch(self) -> int:
        """Return the number of the change that last replaced the whole catalog, 0 if none has."""
        return int(await self._redis.get(keys.EPOCH) or 0)

    async def count(self) -> int:
        return await commands.hlen(self._redis, keys.ENTRIES)

    async def page(self, after: int, count: int, epoch: str = "", last: int | None = None) -> Page:
        """Return up to `count` stored entries with creation numbers in (after, last], and up to PAGE_BYTES of them.

        A new epoch begins when the catalog is restored or emptied. Without an epoch the live catalog is read, and
        without `last` all of it. For a further page, give both. Raises CatalogReplaced if the catalog of that epoch is
        gone.
        """
        found, youngest, number, *raws = await self._page(
            wanted_epoch=epoch, after=after, up_to="" if last is None else last, count=count
        )
        if not found:
            raise CatalogReplaced
        return Page(
            found.decode(),
            int(float(youngest)),
            int(float(number)) if number else None,
            raws,
        )

    async def scan(self, after: int = 0, epoch: str = "") -> AsyncIterator[list[bytes]]:
        """Yield the stored entries above a creation number in order, a page at a time, without those made meanwhile.

        All are of one epoch; raises CatalogReplaced if its catalog is gone before all are read.
        """
        page = await self.page(after, PAGE, epoch)
        while page.after is not None:
            yield page.raws
            page = await self.page(page.after, PAGE, page.epoch, page.last)

    async def expired_keys(self, now: float, count: int) -> list[str]:
        """Return the keys of up to `count` entries whose expiration date is past, the oldest first."""
        found = await self._redis.zrangebyscore(keys.EXPIRY, "-inf", now, start=0, num=count)
        return [key.decode() for key in found]

    # Writing

    async def create(self, entry: Entry, claim: Claim | None = None, *, back: Retired | None = None) -> Commit:
        """Add an entry; raises AlreadyExists when its path is taken.

        `back` is the deleted asset that it brings back; raises NotRetired if that is not in the trash any more.
        """
        taken_back, deletion = (entry.storage_key, back.number) if back else ("", None)
        while True:
            if commit := await self._set.write(None, entry, claim, taken_back=taken_back, deletion=deletion):
                return commit
            raw = await self.raw(entry.key)
            if raw is not None:  # Otherwise it has been deleted meanwhile.
                raise already_exists(entry_json.read(raw))

    async def put(
        self, key: str, step: Callable[[Entry | None], Entry], claim: Claim | None, *, is_there: bool
    ) -> tuple[Entry, Commit | None]:
        """Write `step(entry)`, or `step(None)` if there is no entry with this key, and return it.

        The commit is None when the step changed nothing. `is_there` is what the caller expects: a right guess costs
        less. `step` must be pure: it runs again if the guess was wrong, or another writer faster. Raises what the step
        raises.
        """
        old = await self._found(key) if is_there else None
        while True:
            new = step(old.entry if old else None)
            if old and new == old.entry:
                return new, None
            if commit := await self._set.write(old, new, claim):
                return new, commit
            old = await self._found(key)

    async def change(
        self,
        uuid: str,
        step: Callable[[Entry], Entry],
        claim: Claim | None = None,
        check: Callable[[bytes], None] | None = None,
    ) -> tuple[Entry, Commit | None]:
        """Replace an entry by `step(entry)` and return it; the commit is None when the step changed nothing.

        It is found by its uuid, in any spelling, or by its key. `step` must be pure: it runs again when another writer
        was faster, so that no update is lost. So does `check`, with the entry as it is stored. Raises NoEntry, and what
        they raise.
        """
        while True:
            old = await self.find(uuid)
            new = step(old.entry)
            if check:
                check(old.raw)
            if new == old.entry:
                return new, None
            if commit := await self._set.write(old, new, claim):
                return new, commit

    async def write(
        self, found: Found, entry: Entry, claim: Claim | None = None, *, restores: bool = False
    ) -> Commit | None:
        """Write an entry of the same path, which `restores` an earlier version or not; None if another was faster."""
        return await self._set.write(found, entry, claim, restores=restores)

    async def move(self, found: Found, entry: Entry, claim: Claim) -> Commit | None:
        """Give an asset the path of `entry`, which refers to the claimed object; None if another writer was faster.

        Raises AlreadyExists if the path is taken.
        """
        while True:
            try:
                return await self._moving.move(found, entry, claim)
            except PathTaken:
                raw = await self.raw(entry.key)
                if raw is not None:  # Otherwise it has been deleted meanwhile.
                    raise already_exists(entry_json.read(raw)) from None

    async def restore_version(self, key: str, version: Retired, check: Callable[[Entry], None]) -> tuple[Entry, Commit]:
        """Give an entry the file of an earlier version, as its next version.

        The object of the version must have a storage key of the entry's path. Raises NoEntry, what `check` raises,
        Unavailable if the asset was moved meanwhile, and NotRetired if the version was let go or taken back meanwhile.
        """
        while True:
            old = await self.find(key)
            check(old.entry)
            if names.unique_name_of(version.entry.storage_key) != old.entry.unique_name:
                raise Unavailable(f"{old.entry.unique_name} was moved.", "Send it again.")
            new = with_earlier_file(old.entry, version.entry)
            if commit := await self._set.write(old, new, taken_back=new.storage_key, restores=True):
                return new, commit

    async def undelete(self, trashed: Retired) -> tuple[Entry, Commit]:
        """Bring back a deleted asset with its earlier versions.

        If another entry has its uuid by now, it gets the MD5 of its path. Raises AlreadyExists if its path is taken,
        and NotRetired if it is not in the trash any more.
        """
        entry = undeleted(trashed)
        with suppress(NoEntry):
            other = await self.get(entry.uuid)
            if other.key != entry.key and other.is_named(entry.uuid):
                entry = replace(entry, uuid=identity.asset_uuid(entry.unique_name))
        return entry, await self.create(entry, back=trashed)

    async def describe(self, key: str, signature: str, facts: Facts) -> bool:
        """Write the facts about the bytes with a signature; say whether the entry has them now, and still has those
        bytes.

        This is neither a new version nor a change of the asset: delivered bytes and dates stay the same.
        """
        while True:
            raw = await self.raw(key)
            old = entry_json.read(raw) if raw else None
            if raw is None or old is None or old.signature != signature:
                return False
            new = old.with_facts(facts)
            if new == old or await self._set.describe(Found(raw, old), new):
                return True

    async def delete(
        self, uuid: str, check: Callable[[Entry], None], *, keep_bytes: bool = False
    ) -> tuple[Entry, Commit]:
        """Remove an entry; its stored bytes are left behind unless kept. Raises NoEntry and what `check` raises.

        It is found by its uuid, in any spelling, or by its key.
        """
        while True:
            old = await self.find(uuid)
            check(old.entry)
            if commit := await self._set.delete(old, keep_bytes=keep_bytes):
                return old.entry, commit

    async def purge(self, uuid: str, check: Callable[[Entry], None]) -> tuple[Entry, Commit]:
        """Make all stored copies of an asset stale, and leave the entry as it is. Raises NoEntry and what `check`
        raises."""
        while True:
            old = await self.find(uuid)
            check(old.entry)
            if commit := await self._set.purge(old):
                return old.entry, commit

    async def clear(self, confirmed: int | None = None, unconfirmed_max: int = -1) -> tuple[int, Commit | None]:
        """Remove all entries at one instant, and none of the bytes; return how many there were.

        Raises NotConfirmed when there are not as many as `confirmed`, or without it more than `unconfirmed_max` (a
        negative one sets no bound).
        """
        said = "" if confirmed is None else confirmed
        done, count, change = await self._clear(
            confirmed=said, unconfirmed_max=unconfirmed_max, write=changes.token(), **origin.passed_on()
        )
        if not done:
            raise NotConfirmed(count)
        return count, Commit(number_of(change)) if count else None

    async def complete(self, intended: Entry, claim: Claim) -> Commit | None:
        """Make the entry that a dead writer was about to make, as its bytes are in the storage; None if it is too late.

        A change of fields since then is kept.
        """
        while raw := await self.raw(intended.key):
            current = entry_json.read(raw)
            if current.updated_date > intended.updated_date:
                intended = replace(intended, **{name: getattr(current, name) for name in SETTABLE})
            if commit := await self._set.write(Found(raw, current), intended, claim):
                return commit
        return None

    async def _found(self, key: str) -> Found | None:
        raw = await self.raw(key)
        return Found(raw, entry_json.read(raw)) if raw else None
