"""The child in a sandbox: python -m services.core.sandbox MODULE LIMITS ORDER, both as JSON.

It confines itself before it imports the module that does the work, and before it reads the first byte of the source.
The answer is one line of JSON, `{"head": …, "size": …}` or `{"refusal": …}`, and then `size` bytes.
"""

import ctypes
import importlib
import json
import os
import resource
import sys

from services.core.sandbox import Refusal

_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000
"""Flags of unshare(2). Without privileges a new network needs a new user namespace."""


def main(module: str, limits: str, order: str) -> None:
    _confine(**json.loads(limits))
    work = importlib.import_module(module)
    body = b""
    try:
        head, body = work.answer(json.loads(order), sys.stdin.buffer.read())
        said = {"head": head, "size": len(body)}
    except Refusal as refusal:
        said = {"refusal": str(refusal)}
    sys.stdout.buffer.write(json.dumps(said).encode() + b"\n")
    sys.stdout.buffer.write(body)
    sys.stdout.buffer.flush()


def _confine(*, cpu_seconds: int, data: int | None, address_space: int | None, niceness: int) -> None:
    os.nice(niceness)
    # Containers often forbid it. The process then still has nobody's address and no secret to send.
    ctypes.CDLL(None).unshare(_NEW_USER | _NEW_NETWORK)
    for kind, limit in (
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_DATA, data),
        (resource.RLIMIT_AS, address_space),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        if limit is not None:
            resource.setrlimit(kind, (limit, limit))


if __name__ == "__main__":
    main(*sys.argv[1:])
    # Nothing is left to clean up, and cleaning up can crash after what a file has done.
    os._exit(0)
