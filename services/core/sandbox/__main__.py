"""The child in a sandbox: python -m services.core.sandbox MODULE LIMITS, the limits as JSON.

It confines itself before it imports the module that does the work, and before it reads the first byte of a source. Then
it answers orders until there are no more. An order is one line of JSON, and then the source in chunks: four bytes with
the length of each, most significant first, and a length of 0 at the end. An answer is one line of JSON,
`{"head": …, "size": …, "last": …}` or `{"refusal": …}`, and then `size` bytes. `last` is true if the child has used so
much processor time that another order might not get its share.
"""

import ctypes
import importlib
import io
import json
import os
import resource
import sys
from typing import BinaryIO

from services.core.sandbox import Refusal

_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000
"""Flags of unshare(2). Without privileges a new network needs a new user namespace."""

# Landlock (linux/landlock.h): the numbers of its system calls, and what it can forbid, by the version that adds it.
_CREATE_RULESET, _RESTRICT_SELF = 444, 446
_VERSION = 1
_NO_NEW_PRIVILEGES = 38
_CHANGES_OF_FILES = {1: 0b1_1111_1111_0010, 2: 1 << 13, 3: 1 << 14}
"""To write; to remove and to make entries of any kind; to move them; to cut files."""
_SIGNALS = {6: 1 << 1}
"""To processes outside."""


def main(module: str, limits: str) -> None:
    given = json.loads(limits)
    _confine(**given)
    work = importlib.import_module(module)
    orders, answers = sys.stdin.buffer, sys.stdout.buffer
    while line := orders.readline():
        _grant(given["cpu_seconds"])
        body = b""
        try:
            head, body = work.answer(json.loads(line), _source(orders))
            said = {"head": head, "size": len(body), "last": _used() > given["reuse_seconds"]}
        except Refusal as refusal:
            said = {"refusal": str(refusal)}
        answers.write(json.dumps(said).encode() + b"\n")
        answers.write(body)
        answers.flush()


def _source(orders: BinaryIO) -> bytes:
    """Return the next source. Raises EOFError if it is cut short: the service has given it up."""
    source = io.BytesIO()
    while length := int.from_bytes(_exactly(orders, 4), "big"):
        source.write(_exactly(orders, length))
    return source.getvalue()


def _exactly(orders: BinaryIO, length: int) -> bytes:
    found = orders.read(length)
    if len(found) < length:
        raise EOFError
    return found


def _confine(
    *, cpu_seconds: int, reuse_seconds: int, data: int | None, address_space: int | None, niceness: int
) -> None:
    os.nice(niceness)
    # Containers often forbid it. The process then still has no address to send to and no secret to send.
    ctypes.CDLL(None).unshare(_NEW_USER | _NEW_NETWORK)
    for kind, limit in (
        # One second more than is ever granted: the signal at the end of a grant says how the child has ended.
        (resource.RLIMIT_CPU, cpu_seconds + reuse_seconds + 1),
        (resource.RLIMIT_DATA, data),
        (resource.RLIMIT_AS, address_space),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        if limit is not None:
            resource.setrlimit(kind, (limit, limit))
    _forbid_changes()


def _forbid_changes() -> None:
    """Forbid to change files, and to send signals to other processes, as far as the kernel can.

    Landlock also keeps the memory of other processes from this one.
    """
    system = ctypes.CDLL(None)
    version = system.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)
    files, signals = (
        sum(flags for since, flags in kind.items() if since <= version) for kind in (_CHANGES_OF_FILES, _SIGNALS)
    )
    forbidden = (ctypes.c_uint64 * 3)(files, 0, signals)
    ruleset = system.syscall(_CREATE_RULESET, forbidden, ctypes.c_size_t(24 if signals else 8), 0)
    if ruleset >= 0:
        system.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        system.syscall(_RESTRICT_SELF, ruleset, 0)
        os.close(ruleset)


def _grant(seconds: int) -> None:
    """Grant the next order its processor time: the kernel's count includes what earlier orders have used."""
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (min(most, int(_used()) + seconds), most))


def _used() -> float:
    """Return the processor time of this process in seconds."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main(*sys.argv[1:])
    # There is nothing to clean up, and cleaning up can crash after a hostile file.
    os._exit(0)
