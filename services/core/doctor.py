"""`python -m services.NAME doctor`: does this service have everything that it needs, and if not, how is that repaired?

It is run where the service runs, with its environment. Each check prints what it has found. The exit status is 0 if all
is well, 1 if something is wrong, and 2 if the configuration is not valid (see settings.load).
"""

import asyncio
import hashlib
import os
import secrets
import shutil
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from redis.exceptions import RedisError

from services.core import spool
from services.core.assets import media_types
from services.core.errors import StorageLost, TadaError
from services.core.settings import CoreSettings
from services.core.state import connection
from services.core.state.belonging import Belonging
from services.core.state.connection import Redis
from services.core.storage import (
    NewObject,
    ObjectMissing,
    Receipt,
    ReplacesInPlace,
    Storage,
    StoredObject,
    Wrapped,
    open_storage,
)
from services.core.unread import unread

REDIS_VERSION = (7, 0)
CLOCK_SECONDS = 1.0
"""Expiry is to the second."""
DISK_FREE = 1024**3
"""Bytes: room for a hundred uploads of the usual limit while somebody makes room."""
_PATIENCE = 15.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check has found. `mend` says what to do, and is empty when all is well."""

    subject: str
    said: str
    mend: str = ""

    def __str__(self) -> str:
        return (
            f"wrong  {self.subject}: {self.said}\n       {self.mend}"
            if self.mend
            else f"ok     {self.subject}: {self.said}"
        )


Check = Callable[[], AsyncIterator[Finding] | Awaitable[Finding]]


def main(settings: CoreSettings, *, writes: bool, more: Sequence[Check] = ()) -> int:
    """Check what every service needs, then what only this one does; print the findings and return the exit status."""
    findings = asyncio.run(examine(settings, writes=writes, more=more))
    for finding in findings:
        print(finding)
    wrong = sum(bool(finding.mend) for finding in findings)
    print(f"{wrong} of {len(findings)} checks found something wrong." if wrong else "All is well.")
    sys.stdout.flush()
    return 1 if wrong else 0


async def examine(settings: CoreSettings, *, writes: bool, more: Sequence[Check] = ()) -> list[Finding]:
    """Return all findings; a check that hangs is one."""
    client, storage = connection.connect(settings.redis_address), open_storage(settings)
    checks: list[Check] = [
        lambda: _redis(client),
        lambda: _storage(storage, settings, client, writes=writes),
        lambda: _disk(settings, writes=writes),
        *more,
    ]
    findings = [
        Finding("configuration", "every value is valid"),
        *(
            Finding("configuration", f"{found.names} is not read", found.advice)
            for found in unread(os.environ, type(settings))
            if not found.harmless
        ),
    ]
    try:
        await storage.open()
        for check in checks:
            findings += await _found(check)
    finally:
        await storage.close()
        await client.aclose()
    return findings


async def _found(check: Check) -> list[Finding]:
    found: list[Finding] = []
    try:
        async with asyncio.timeout(_PATIENCE):
            result: Any = check()
            if isinstance(result, AsyncIterator):
                async for finding in result:
                    found.append(finding)  # noqa: PERF401 - what was found before a time-out is kept
            else:
                found.append(await result)
    except TimeoutError:
        found.append(Finding("time", f"a check took more than {_PATIENCE:g} s", "Check whether the next part hangs."))
    return found


async def _redis(client: Redis) -> AsyncIterator[Finding]:
    started = time.perf_counter()
    try:
        info = await client.info()
        before = time.time()
        seconds, microseconds = await client.time()
        after = time.time()
    except RedisError as error:
        yield Finding(
            "redis", f"Redis does not answer ({error})", "Check REDIS_URL or REDIS_SERVICE, and whether Redis runs."
        )
        return
    version = tuple(int(part) for part in info["redis_version"].split(".")[:2])
    ms = (time.perf_counter() - started) * 1000
    old = "" if version >= REDIS_VERSION else "Use Redis 7.0 or newer."
    yield Finding("redis", f"version {info['redis_version']}, answers in {ms:.0f} ms", old)
    yield clock(before, seconds + microseconds / 1e6, after)
    durable = bool(info.get("aof_enabled"))
    yield Finding(
        "redis persistence",
        f"append-only file {'on' if durable else 'off'}",
        "" if durable else "Set appendonly yes (and appendfsync always): a restart of Redis would lose the catalog.",
    )
    if durable and info.get("aof_last_write_status") != "ok":
        yield Finding(
            "redis persistence",
            "its last write failed",
            "Check the disk of Redis. Redis refuses writes until it can save.",
        )
    policy = info.get("maxmemory_policy", "noeviction")
    keeps = policy == "noeviction" or not info.get("maxmemory")
    yield Finding(
        "redis memory",
        f"maxmemory-policy {policy}, {info['used_memory_human']} in use",
        "" if keeps else "Set maxmemory-policy noeviction: any other policy removes entries of the catalog.",
    )


def clock(before: float, theirs: float, after: float) -> Finding:
    """Compare the clock of Redis with the times here before and after it was asked, all in seconds since the epoch."""
    off = max(before - theirs, theirs - after, 0.0)
    mend = "" if off < CLOCK_SECONDS else "Set both clocks by NTP: expiry is to the second."
    return Finding("clock", f"{off:.3f} s apart from that of Redis", mend)


def room(free: int) -> Finding:
    """Judge the bytes that are free where the storage is, or where uploads wait for it."""
    mend = "" if free >= DISK_FREE else "Make room: uploads fail when it is full."
    return Finding("disk", f"{free / 1024**3:.1f} GB are free", mend)


async def _storage(storage: Wrapped, settings: CoreSettings, client: Redis, *, writes: bool) -> AsyncIterator[Finding]:
    kind = settings.delegated_storage_method
    local = not settings.backend.remote
    folder = settings.data_folder_path.absolute()
    try:
        with suppress(RedisError):  # Another check reports it.
            await Belonging(client, storage).check()
        if (local or writes) and not folder.is_dir():
            mend = (
                f"Create or mount it for user {_user()}, or set DATA_FOLDER_PATH. The catalog service creates it at "
                "its start."
            )
            yield Finding("storage", f"{folder} is not a folder", mend)
            return
        if not writes:
            yield await _reads(storage, kind)
        elif isinstance(storage, ReplacesInPlace):
            await storage.ready()
            yield Finding("storage", f"{kind} reports that it is ready; no test file is written there")
        else:
            spool.prepare(storage.spool)
            yield await _round_trip(storage, kind)
    except PermissionError as error:
        yield Finding("storage", f"user {_user()} has no permission to write {error.filename}", _permit(str(folder)))
    except StorageLost as error:
        why, _, mend = error.message.partition(". ")
        yield Finding("storage", f"{kind}: {why}.", mend)
    except TadaError as error:
        hint = error.hint or "Check the settings of the storage."
        yield Finding("storage", f"{kind}: {error.message}", _permit(str(folder)) if local else hint)


async def _reads(storage: Storage, kind: str) -> Finding:
    with suppress(ObjectMissing):
        await storage.size(StoredObject("tada-doctor.txt"))
    return Finding("storage", f"{kind} can be read")


async def _round_trip(storage: Storage, kind: str) -> Finding:
    """Write, read and delete an object that nobody else has."""
    content = secrets.token_bytes(32)
    probe = StoredObject(f"tada-doctor/{secrets.token_hex(8)}.txt", media_types.TEXT)
    source = storage.spool / f"doctor-{secrets.token_hex(8)}"
    source.write_bytes(content)
    started = time.perf_counter()
    try:
        [outcome] = await storage.put([NewObject(probe, source, hashlib.sha256(content).hexdigest())])
        if isinstance(outcome, Exception):
            raise outcome
        assert isinstance(outcome, Receipt)
        read = await storage.read(probe)
    finally:
        source.unlink(missing_ok=True)
        await storage.delete([probe])
    if read != content:
        return Finding("storage", f"{kind} returned other bytes than were written", "Do not use it: it damages files.")
    ms = (time.perf_counter() - started) * 1000
    return Finding("storage", f"{kind}: an object was written, read and deleted in {ms:.0f} ms")


async def _disk(settings: CoreSettings, *, writes: bool) -> AsyncIterator[Finding]:
    if writes and settings.data_folder_path.is_dir():
        yield room(shutil.disk_usage(settings.data_folder_path).free)


def _user() -> int:
    return os.getuid()


def _permit(folder: str) -> str:
    return (
        f"Give it to the user of the services: chown -R {_user()} {folder}; check whether the disk is full or "
        "read-only."
    )
