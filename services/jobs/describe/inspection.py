"""Finds the facts of a stored picture and makes its reduction, in a sandbox.

A picture that needs more than the limits is not described.
"""

from dataclasses import dataclass
from typing import Any

from services.core.assets import reductions
from services.core.assets.entries import Entry
from services.core.assets.facts import FACTS, Facts, problem
from services.core.assets.reductions import Part
from services.core.errors import Undecodable
from services.core.sandbox import Refusal, process
from services.core.sandbox.pool import Pool
from services.core.sandbox.process import NoAnswer, OutOfTime, Task
from services.core.storage import Storage
from services.core.storage.verification import stream_verified

_HINT = "The file is delivered nevertheless. Upload it in another format if you need its facts."


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one inspection. The memory is address space: the interpreter and its libraries take 60 MB of it."""

    source_bytes: int = 64 * 1024 * 1024
    pixels: int = 50_000_000
    memory: int = 288 * 1024 * 1024
    cpu_seconds: int = 10
    wall_seconds: float = 120.0
    """Seconds from the first byte that is read from the storage."""


LIMITS = Limits()
_REUSE_SECONDS = 2
"""A child that has used so much processor time is used for no further picture."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A reduction that has been made, and is not stored yet: see `Reduction` for the fields."""

    content: bytes
    media_type: str
    width: int
    height: int
    smaller: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    facts: Facts
    reduction: Picture | None = None


async def inspect(storage: Storage, entry: Entry, pool: Pool, side: int = 0, limits: Limits = LIMITS) -> Seen:
    """Return the facts about the stored bytes of an entry, as a child of the pool reports them, and a reduction if one
    with a longer side of `side` pays.

    Raises Undecodable for a picture that cannot be inspected within the limits, SignatureMismatch for bytes that do not
    match the entry, ObjectMissing and StorageDown.
    """
    if entry.size > limits.source_bytes:
        raise Undecodable(f"The file has {entry.size} bytes, more than {limits.source_bytes}.", _HINT)
    try:
        answer = await pool.answer(_task(entry, side, limits), lambda: stream_verified(storage, entry))
    except OutOfTime:
        raise Undecodable(f"The inspection of the file took more than {limits.wall_seconds:g} s.", _HINT) from None
    except NoAnswer:
        raise Undecodable(
            f"The inspection of the file needs more than {limits.cpu_seconds} s or {limits.memory // 2**20} MB.", _HINT
        ) from None
    except Refusal as refusal:
        raise Undecodable(f"The file cannot be decoded: {refusal}.", _HINT) from None
    found = {name: answer.head.get(name) for name in FACTS}
    if wrong := problem(found):
        raise Undecodable(f"The file cannot be decoded: {wrong}.", _HINT)
    return Seen(Facts(**found), _reduction(answer, side) if answer.body else None)


def _reduction(answer: process.Answer, side: int) -> Picture:
    match answer.head.get("reduction"):
        case {"media_type": str(media_type), "width": int(width), "height": int(height), "smaller": [*said]} if (
            media_type in reductions.TYPES and max(width, height) <= side
        ):
            smaller = tuple(part for part in map(_part, said) if part)
            parts = reductions.parts(len(answer.body), width, height, smaller)
            if len(smaller) == len(said) and reductions.are_pictures(parts, answer.body, media_type):
                return Picture(answer.body, media_type, width, height, smaller)
    raise Undecodable("The file cannot be decoded: its reduction is not valid.", _HINT)


def _part(said: Any) -> Part | None:
    match said:
        case {"start": int(start), "size": int(size), "width": int(width), "height": int(height)}:
            return Part(start, size, width, height)
    return None


def _task(entry: Entry, side: int, limits: Limits) -> Task:
    return Task(
        module="services.jobs.describe.inspection_process",
        order={"media_type": entry.stored_type, "pixels": limits.pixels, "side": side},
        limits=process.Limits(
            cpu_seconds=limits.cpu_seconds,
            wall_seconds=limits.wall_seconds,
            output=reductions.BYTES_MAX,
            address_space=limits.memory,
            niceness=10,  # Requests on the same machine go first.
            reuse_seconds=_REUSE_SECONDS,
        ),
        environment={"MALLOC_ARENA_MAX": "1"},
    )
