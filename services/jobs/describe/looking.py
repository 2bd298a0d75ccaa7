"""Looking at a stored picture, in a process of its own that can be ended whatever it does.

Decoders are written in C and read what strangers have made. The process gets the bytes and nothing else: no
environment, no open files, no more memory and processor time than it is told. What does not fit is not described.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import orjson

from services.core.assets.entries import Entry
from services.core.assets.facts import FACTS, Facts, problem
from services.core.errors import Undecodable
from services.core.storage import Storage
from services.core.storage.verification import stream_verified

_ROOT = Path(__file__).parents[3]
_COMMAND = (sys.executable, "-m", "services.jobs.describe.looking_process")


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one look. The memory is address space: the interpreter and its libraries take 60 MB of it."""

    source_bytes: int = 64 * 1024 * 1024
    pixels: int = 50_000_000
    memory: int = 288 * 1024 * 1024
    cpu_seconds: int = 10
    wall_seconds: float = 120.0
    """From the first byte that is read of the storage."""


LIMITS = Limits()
_SAID_MAX = 4096
_HINT = "It is delivered all the same, as far as it can be; upload another form of it for its facts to be known."


async def look(storage: Storage, entry: Entry, limits: Limits = LIMITS) -> Facts:
    """Return what the stored bytes of an entry show.

    Raises Undecodable for a picture that cannot be looked at within the limits, SignatureMismatch for bytes that are
    not the entry's, ObjectMissing and StorageDown.
    """
    if entry.size > limits.source_bytes:
        raise Undecodable(f"The file has {entry.size} bytes, too many to be looked at.", _HINT)
    arguments = (entry.original_mimetype, limits.cpu_seconds, limits.memory, limits.pixels)
    chunks = stream_verified(storage, entry)
    first = await anext(chunks, b"")  # Before there is a process: there may be no file.
    process = await asyncio.create_subprocess_exec(
        *_COMMAND,
        *map(str, arguments),
        cwd=_ROOT,
        env=_environment(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(limits.wall_seconds):
            await _feed(process, first, chunks)
            assert process.stdout
            said = await process.stdout.read(_SAID_MAX)
    except TimeoutError:
        raise Undecodable(f"Looking at it took more than {limits.wall_seconds:g} s.", _HINT) from None
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    return _facts(said, limits)


async def _feed(process: asyncio.subprocess.Process, first: bytes, rest: AsyncIterator[bytes]) -> None:
    """Send the bytes, and then their end. The end is not sent if `rest` raises."""
    assert process.stdin
    chunk: bytes | None = first
    while chunk is not None:
        if not process.stdin.is_closing():  # If it has died, that it says nothing says so.
            with suppress(ConnectionError):
                process.stdin.write(chunk)
                await process.stdin.drain()
        chunk = await anext(rest, None)
    process.stdin.close()


def _facts(said: bytes, limits: Limits) -> Facts:
    """Read what a process has said. It may have been taken over by what it looked at: nothing of it is believed."""
    try:
        found = orjson.loads(said)
    except orjson.JSONDecodeError:
        raise Undecodable(
            f"Looking at it takes more than {limits.cpu_seconds} s or {limits.memory // 2**20} MB.", _HINT
        ) from None
    if not isinstance(found, dict) or "error" in found:
        raise Undecodable(f"It cannot be looked at: {found['error'] if isinstance(found, dict) else found}.", _HINT)
    known = {name: found.get(name) for name in FACTS}
    if wrong := problem(known):
        raise Undecodable(f"It cannot be looked at: {wrong}.", _HINT)
    return Facts(**known)


def _environment() -> dict[str, str]:
    # Where Python finds its libraries, and nothing that is secret.
    kept = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"MALLOC_ARENA_MAX": "1"}
