"""Looking at a stored picture, in a process of its own that can be ended whatever it does.

Decoders are written in C and read what strangers have made. The process gets the bytes and nothing else: no
environment, no open files, no more memory and processor time than it is told. What does not fit is not described.
"""

import asyncio
import hashlib
import hmac
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import orjson

from services.core.entries import Entry, Facts
from services.core.errors import SignatureMismatch, Undecodable
from services.core.storage import Storage

_ROOT = Path(__file__).parents[2]
_MODULE = "services.jobs.looking_process"


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one look. The memory is address space: the interpreter and its libraries take 60 MB of it."""

    source_bytes: int = 64 * 1024 * 1024
    pixels: int = 50_000_000
    memory: int = 288 * 1024 * 1024
    cpu_seconds: int = 10
    wall_seconds: float = 60.0


LIMITS = Limits()


async def look(storage: Storage, entry: Entry, limits: Limits = LIMITS) -> Facts:
    """Return what the stored bytes of an entry show.

    Raises Undecodable for a picture that cannot be looked at within the limits, SignatureMismatch for bytes that are
    not the entry's, ObjectMissing and StorageDown.
    """
    if entry.size > limits.source_bytes:
        raise Undecodable(f"The file has {entry.size} bytes, too many to be looked at.")
    arguments = (entry.original_mimetype, limits.cpu_seconds, limits.memory, limits.pixels)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", _MODULE, *map(str, arguments)),
        cwd=_ROOT,
        env=_environment(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await _feed(process, storage, entry)
        async with asyncio.timeout(limits.wall_seconds):
            assert process.stdout
            said = await process.stdout.read()
    except TimeoutError:
        raise Undecodable(f"Looking at it took more than {limits.wall_seconds:g} s.") from None
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    return _facts(said, limits)


async def _feed(process: asyncio.subprocess.Process, storage: Storage, entry: Entry) -> None:
    """Send the stored bytes, the end of which is only told when they are what the catalog has signed."""
    assert process.stdin
    digest = hashlib.sha256()
    async for chunk in storage.stream(entry.stored):
        digest.update(chunk)
        with suppress(ConnectionError):  # It has died: what it has not said, says so.
            process.stdin.write(chunk)
            await process.stdin.drain()
    if not hmac.compare_digest(digest.hexdigest(), entry.signature):
        raise SignatureMismatch(f"The stored bytes of {entry.unique_name} are not those of the catalog.")
    process.stdin.close()


def _facts(said: bytes, limits: Limits) -> Facts:
    try:
        found = orjson.loads(said)
    except orjson.JSONDecodeError:
        raise Undecodable(
            f"Looking at it takes more than {limits.cpu_seconds} s or {limits.memory // 2**20} MB."
        ) from None
    if "error" in found:
        raise Undecodable(f"It cannot be looked at: {found['error']}.")
    return Facts(**found)


def _environment() -> dict[str, str]:
    # Where Python finds its libraries, and nothing that is secret.
    kept = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"MALLOC_ARENA_MAX": "1"}
