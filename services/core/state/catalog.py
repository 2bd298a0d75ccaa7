"""The catalog store in Redis: every read and write of entries, safe with any number of replicas.

Bytes and entry live in two places, so a stored object is always in one of three states: an entry refers to it, a
*claim* names it, or it is free. A writer claims a storage key before it stores bytes, and the write that makes the
entry refer to them gives the claim up in the same step. What a change leaves behind becomes an `obsolete` claim in
that step too. Whatever dies in between, the claim remains, and `reap` finds what has to be deleted.

A storage that replaces files in place has one key for all versions of an asset. There a claim is exclusive also while
an entry refers to the key, and holds the entry that its writer is about to make: whatever dies in between, the storage
has the bytes of the old entry or of that one, and `reap` can tell which (see `reaping`).

A change is also added to a log in that step (see `changes`). The jobs worker tells the nodes of the gateway, which
raise the generation of what has changed; a writer that waits for that (see `progress`) answers when the public can no
longer see what was before.
"""

import asyncio
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace

from redis.exceptions import RedisError

from services.core.assets import names
from services.core.assets.entries import SETTABLE, Entry
from services.core.assets.facts import NO_FACTS, Facts
from services.core.errors import AlreadyExists, CatalogReplaced, NotFound, Unavailable
from services.core.observing import origin
from services.core.state import changes, commands, entry_json, keys
from services.core.state.changes import DELETED, DESCRIBED, WRITTEN, number_of
from services.core.state.connection import Redis
from services.core.state.script import Script

ALIVE_SECONDS = 10
"""A process that has not said for so long that it lives loses its claims."""
PAGE = 500
"""Entries read from Redis at a time: about half a megabyte, well under a millisecond of Redis' time."""

CLAIM_SECONDS = 5.0
"""How long a writer waits for another one of the same key; a delete is done by the jobs worker in far less."""
DOUBT_SECONDS = 900.0
"""After so long no storage finishes a write any more: longer than any deadline of one."""
_CLAIM_POLL_SECONDS = 0.02
_OBSOLETE = "obsolete"


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the catalog: its number in the log, and the storage key of the bytes that it has left behind.

    Without such bytes both texts are empty. Whoever made the change may delete them; else `reap` does it.
    """

    number: int
    uuid: str = ""
    left: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the list. `epoch` and `last` are for the next one; `after` too, None when no entry is left."""

    epoch: str
    last: int
    after: int | None
    raws: list[bytes]


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to write one storage key. Its value is `owner uuid`, then the entry that is to be made, if known."""

    storage_key: str
    value: str

    @property
    def uuid(self) -> str:
        return self.value.split(" ", 2)[1]

    @property
    def intended(self) -> Entry | None:
        """The entry that the writer is about to make; of an obsolete object, the one that referred to it."""
        said = self.value.split(" ", 2)[2:]
        return entry_json.read(said[0].encode()) if said else None


@dataclass(frozen=True, slots=True)
class StaleClaim:
    """A claim taken over from a writer that died or gave up, or on an object that a change has left behind."""

    claim: Claim
    obsolete: bool


class Catalog:
    """The entries, for one process. `owner` names the process in the claims it makes."""

    def __init__(self, client: Redis) -> None:
        self._redis = client
        self.owner = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._claim = Script(client, "claim", entries=keys.ENTRIES, claims=keys.CLAIMS)
        self._write = Script(
            client,
            "write",
            entries=keys.ENTRIES,
            order=keys.ORDER,
            expiry=keys.EXPIRY,
            sequence=keys.SEQUENCE,
            revision=keys.REVISION,
            claims=keys.CLAIMS,
            changes=keys.CHANGES,
            undescribed=keys.UNDESCRIBED,
            kept=changes.KEPT,
        )
        self._page = Script(
            client, "page", live_entries=keys.ENTRIES, live_order=keys.ORDER, live_epoch=keys.EPOCH, aside=keys.ASIDE
        )
        self._reap = Script(client, "reap", entries=keys.ENTRIES, claims=keys.CLAIMS)
        self._release = Script(client, "release", claims=keys.CLAIMS)
        self._intend = Script(client, "intend", claims=keys.CLAIMS)
        self._clear = Script(
            client,
            "clear",
            entries=keys.ENTRIES,
            order=keys.ORDER,
            expiry=keys.EXPIRY,
            revision=keys.REVISION,
            changes=keys.CHANGES,
            epoch=keys.EPOCH,
            aside=keys.ASIDE,
            read_seconds=keys.ASIDE_READ_SECONDS,
            aside_seconds=keys.ASIDE_SECONDS,
            kept=changes.KEPT,
        )

    @asynccontextmanager
    async def alive(self) -> AsyncIterator[None]:
        """Keep this process' claims valid for as long as the context is open."""
        beat = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            beat.cancel()

    async def _beat(self) -> None:
        while True:
            with suppress(RedisError):  # Redis may be down for a while; the next beat comes anyway.
                await self._redis.set(keys.alive(self.owner), b"1", ex=ALIVE_SECONDS)
            await asyncio.sleep(1)

    async def is_alive(self, owner: str) -> bool:
        """Say whether the process that calls itself `owner` is this one or has lately said that it lives."""
        return owner == self.owner or bool(await self._redis.exists(keys.alive(owner)))

    # Reading

    async def raw(self, uuid: str) -> bytes | None:
        """Return an entry as it is stored, None when there is none."""
        return await commands.hget(self._redis, keys.ENTRIES, uuid)

    async def raws(self, uuids: Sequence[str]) -> list[bytes | None]:
        """Return entries as they are stored, None for each that there is not."""
        return await commands.hmget(self._redis, keys.ENTRIES, uuids) if uuids else []

    async def claimed(self, storage_keys: Sequence[str]) -> list[bool]:
        """Say of each storage key whether somebody writes or deletes what lies under it."""
        found = await commands.hmget(self._redis, keys.CLAIMS, storage_keys) if storage_keys else []
        return [claim is not None for claim in found]

    async def get(self, uuid: str) -> Entry:
        raw = await self.raw(uuid)
        if raw is None:
            raise no_entry(uuid)
        return entry_json.read(raw)

    async def revision(self) -> str:
        """Return what changes whenever any entry does."""
        return (await self._redis.get(keys.REVISION) or b"0").decode()

    async def count(self) -> int:
        return await commands.hlen(self._redis, keys.ENTRIES)

    async def page(self, after: int, count: int, epoch: str = "", last: int | None = None) -> Page:
        """Return up to `count` stored entries with creation numbers in (after, last].

        A restore, and emptying the catalog, begin a new epoch. Without one the live catalog is read, and without
        `last` all of it; whoever goes on says both. Raises CatalogReplaced when the catalog of that epoch is gone.
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
            [raw for raw in raws if raw is not None],
        )

    async def scan(self, after: int = 0, epoch: str = "") -> AsyncIterator[list[bytes]]:
        """Yield the stored entries above a creation number in order, a page at a time, without those made meanwhile.

        All are of one epoch; raises CatalogReplaced when its catalog is gone before all are read.
        """
        page = await self.page(after, PAGE, epoch)
        while page.after is not None:
            yield page.raws
            page = await self.page(page.after, PAGE, page.epoch, page.last)

    async def expired_uuids(self, now: float, count: int) -> list[str]:
        """Return the uuids of up to `count` entries whose expiration date is past, the oldest first."""
        found = await self._redis.zrangebyscore(keys.EXPIRY, "-inf", now, start=0, num=count)
        return [uuid.decode() for uuid in found]

    # Writing

    async def claim(self, unique_name: str) -> Claim:
        """Claim the plain storage key of an asset, or a spare one while the plain one is in use."""
        uuid = names.asset_uuid(unique_name)
        value = f"{self.owner} {uuid}"
        plain, spare = names.plain_storage_key(unique_name), names.spare_storage_key(unique_name)
        key = await self._claim(uuid=uuid, plain=plain, spare=spare, claim=value)
        return Claim(key.decode(), value)

    async def claim_in_place(self, unique_name: str) -> Claim:
        """Claim the one key of an asset, waiting for whoever has it; raises Unavailable when that takes too long."""
        deadline = time.monotonic() + CLAIM_SECONDS
        while (claim := await self.claim_stored(unique_name)) is None:
            if time.monotonic() > deadline:
                raise Unavailable(f"{unique_name} is being written or deleted.", "Try again in a moment.")
            await asyncio.sleep(_CLAIM_POLL_SECONDS)
        return claim

    async def intend(self, claim: Claim, entry: Entry) -> Claim:
        """Add to a claim what entry its writer is about to make; raises Unavailable when the claim is lost."""
        meant = Claim(claim.storage_key, f"{self.owner} {claim.uuid} {entry_json.write(entry).decode()}")
        if not await self._intend(storage_key=claim.storage_key, claim=claim.value, intended=meant.value):
            raise _interrupted()
        return meant

    async def claim_spare(self, unique_name: str) -> Claim:
        """Claim a key that nobody else has: for when the storage already holds something under the plain one."""
        claim = Claim(names.spare_storage_key(unique_name), f"{self.owner} {names.asset_uuid(unique_name)}")
        await commands.hset(self._redis, keys.CLAIMS, claim.storage_key, claim.value)
        return claim

    async def claim_stored(self, unique_name: str) -> Claim | None:
        """Claim the plain key of an asset whose bytes lie there already; None while somebody writes or deletes it."""
        claim = Claim(names.plain_storage_key(unique_name), f"{self.owner} {names.asset_uuid(unique_name)}")
        free = await commands.hsetnx(self._redis, keys.CLAIMS, claim.storage_key, claim.value)
        return claim if free else None

    async def release(self, claim: Claim) -> None:
        """Give up a claim whose object needs nobody's care: it is not there, or an entry refers to it."""
        await self._release(storage_key=claim.storage_key, claim=claim.value)

    async def create(self, entry: Entry, claim: Claim | None) -> Change:
        """Add an entry; raises AlreadyExists when its path is taken."""
        change = await self._swap(None, entry, claim)
        if change is None:
            raise AlreadyExists
        return change

    async def change(
        self, uuid: str, step: Callable[[Entry], Entry], claim: Claim | None = None
    ) -> tuple[Entry, Change | None]:
        """Replace an entry by `step(entry)` and return it; the change is None when the step changed nothing.

        `step` must be pure: it runs again when another writer was faster, so that no update is lost.
        Raises NotFound, and whatever the step raises.
        """
        while True:
            raw = await self.raw(uuid)
            if raw is None:
                raise no_entry(uuid)
            old = entry_json.read(raw)
            new = step(old)
            if new == old:
                return old, None
            change = await self._swap(raw, new, claim, left=_left_behind(old, new))
            if change is not None:
                return new, change

    async def describe(self, uuid: str, signature: str, facts: Facts) -> bool:
        """Write what the bytes with a signature show; say whether the entry has it now, and still is of those bytes.

        It is no new version and no change of the asset: what is delivered stays the same, and so do its dates.
        """
        while True:
            raw = await self.raw(uuid)
            old = entry_json.read(raw) if raw else None
            if old is None or old.signature != signature:
                return False
            new = old.with_facts(facts)
            if new == old or await self._swap(raw, new, None, kind=DESCRIBED) is not None:
                return True

    async def delete(
        self, uuid: str, check: Callable[[Entry], None], *, keep_bytes: bool = False
    ) -> tuple[Entry, Change]:
        """Remove an entry; its stored bytes become obsolete unless kept. Raises NotFound and what `check` raises."""
        while True:
            raw = await self.raw(uuid)
            if raw is None:
                raise no_entry(uuid)
            old = entry_json.read(raw)
            check(old)
            change = await self._swap(raw, old, None, kind=DELETED, left="" if keep_bytes else old.storage_key)
            if change is not None:
                return old, change

    async def clear(self) -> tuple[int, Change | None]:
        """Remove all entries at one instant, and none of the bytes; return how many there were."""
        removed, change = await self._clear(**origin.passed_on())
        return removed, Change(number_of(change)) if removed else None

    async def batches(self, key: str = keys.ENTRIES) -> AsyncIterator[list[Entry]]:
        """Yield the live entries, or those put aside under a key, a batch at a time and in no order."""
        cursor = 0
        while True:
            cursor, found = await commands.hscan(self._redis, key, cursor, PAGE)
            yield [entry_json.read(raw) for raw in found.values()]
            if not cursor:
                return

    async def _swap(
        self, expected: bytes | None, entry: Entry, claim: Claim | None, *, kind: str = WRITTEN, left: str = ""
    ) -> Change | None:
        """Write an entry, or delete it, if it is still stored as expected; None when it is not.

        `left` is the storage key of the bytes that the change leaves behind. `write.lua` has the meanings.
        """
        wanted = None if kind == DELETED else entry
        expires = wanted.expires_at if wanted and not wanted.expired else None
        outcome, detail = await self._write(
            uuid=entry.uuid,
            expected=expected or b"",
            wanted=entry_json.write(wanted) if wanted else b"",
            expires="" if expires is None else repr(expires),
            claimed=claim.storage_key if claim else "",
            claim=claim.value if claim else "",
            obsolete=left,
            unique_name=entry.unique_name,
            original_name=entry.original_name,
            kind=kind,
            to_describe=int(kind == WRITTEN and _is_to_be_described(expected, entry)),
            **origin.passed_on(),
        )
        if outcome == b"conflict" and wanted and entry_json.without_facts(detail) == wanted.with_facts(NO_FACTS):
            # Our own write: the answer to it was lost, and the connection said it again. Its number is not known; that
            # of the last change is no lower.
            return Change(number_of(await self.revision()), entry.uuid, left)
        if outcome == b"unclaimed":
            raise _interrupted()
        return Change(number_of(detail), entry.uuid, left) if outcome == b"written" else None

    # After a change

    async def complete(self, intended: Entry, claim: Claim) -> Change | None:
        """Make the entry that a dead writer was about to make, its bytes being in the storage; None if it is too late.

        A change of fields since then is kept.
        """
        raw = await self.raw(intended.uuid)
        if raw is None:
            return None
        current = entry_json.read(raw)
        if current.updated_date > intended.updated_date:
            intended = replace(intended, **{name: getattr(current, name) for name in SETTABLE})
        return await self._swap(raw, intended, claim)

    async def reapable(self) -> AsyncIterator[StaleClaim]:
        """Take over every claim that is obsolete or whose owner died; yield those whose object needs care."""
        async for storage_key, value in self._redis.hscan_iter(keys.CLAIMS, count=100):
            stale = await self._take(Claim(storage_key.decode(), value.decode()))
            if stale:
                yield stale

    async def take_obsolete(self, storage_key: str, uuid: str) -> StaleClaim | None:
        """Take over the claim on an object that a change has just left behind."""
        value = await commands.hget(self._redis, keys.CLAIMS, storage_key)
        claim = Claim(storage_key, value.decode()) if value else None
        if claim is None or not claim.value.startswith(f"{_OBSOLETE} {uuid}"):
            return None
        return await self._take(claim)

    async def take_back(self, claim: Claim) -> StaleClaim | None:
        """Return what this process has to settle because its own write failed; None when an entry refers to it.

        The claim may have been lost to a reaper meanwhile; then it is made anew. None too while somebody else has it.
        """
        await commands.hsetnx(self._redis, keys.CLAIMS, claim.storage_key, claim.value)
        return await self._take_over(claim, claim, keys.alive(""), obsolete=False)

    async def doubt(self, storage_keys: Sequence[str]) -> None:
        """Note keys that a failed write may still bring bytes to."""
        if storage_keys:
            await self._redis.zadd(keys.DOUBTFUL, dict.fromkeys(storage_keys, time.time()))

    async def doubtful(self) -> list[str]:
        """Return the keys for which nothing is on its way any more."""
        found = await self._redis.zrangebyscore(keys.DOUBTFUL, "-inf", time.time() - DOUBT_SECONDS)
        return [storage_key.decode() for storage_key in found]

    async def free(self, storage_key: str) -> Claim | None:
        """Claim a key that nothing refers to, as for a writer; None when it is in use."""
        uuid = names.asset_uuid(names.unique_name_of(storage_key))
        claim = Claim(storage_key, f"{self.owner} {uuid}")
        if not await commands.hsetnx(self._redis, keys.CLAIMS, storage_key, claim.value):
            return None
        raw = await self.raw(uuid)
        if raw is None or entry_json.read(raw).storage_key != storage_key:
            return claim
        await self.release(claim)
        return None

    async def clear_up(self, storage_key: str) -> None:
        """Forget the doubt about a key."""
        await self._redis.zrem(keys.DOUBTFUL, storage_key)

    async def still_has(self, stale: StaleClaim) -> bool:
        """Say whether an object that was taken over is still this process' to delete: asked right before deleting."""
        holder = await commands.hget(self._redis, keys.CLAIMS, stale.claim.storage_key)
        return holder is not None and holder.decode() == stale.claim.value

    async def _take(self, claim: Claim) -> StaleClaim | None:
        owner, _, rest = claim.value.partition(" ")
        mine = Claim(claim.storage_key, f"{self.owner} {rest}")
        return await self._take_over(claim, mine, keys.alive(owner), obsolete=owner == _OBSOLETE)

    async def _take_over(self, claim: Claim, mine: Claim, alive_key: str, *, obsolete: bool) -> StaleClaim | None:
        # A writer that has said what it intends replaces in place: that an entry refers to the key proves nothing.
        in_place = not obsolete and claim.intended is not None
        taken = await self._reap(
            alive=alive_key,
            storage_key=claim.storage_key,
            claim=claim.value,
            uuid=claim.uuid,
            mine=mine.value,
            in_place=int(in_place),
        )
        return StaleClaim(mine, obsolete) if taken else None


def _interrupted() -> Unavailable:
    return Unavailable("The upload was interrupted for too long.", "Send it again.")


def no_entry(uuid: str) -> NotFound:
    return NotFound(f"No entry {uuid} in the catalog.", "GET /catalog lists the entries there are.")


def _is_to_be_described(expected: bytes | None, new: Entry) -> bool:
    fresh = expected is None or entry_json.read(expected).signature != new.signature
    return fresh and new.may_be_described


def _left_behind(old: Entry, new: Entry) -> str:
    return old.storage_key if old.storage_key != new.storage_key else ""
