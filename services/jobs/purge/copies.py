"""What a node of the gateway says of the copies that it has stored. Pure. gateway/nginx/tada/forms.lua writes it."""

from dataclasses import dataclass

_WHOLE, _PART = "whole", "part"


@dataclass(frozen=True, slots=True)
class Copy:
    """One stored form of an asset, by its canonical address. Times are seconds since 1970.

    `stored_at` is when it was stored, or when the tier behind has last said that it still holds. `hits` are the answers
    from it since the asset was last changed, or since the node was started.
    """

    address: str
    bytes: int
    status: int
    stored_at: int
    valid_until: int
    hits: int


@dataclass(frozen=True, slots=True)
class Copies:
    """The copies of a node. `since` is when it began to count; if it is not whole, there may be others."""

    since: int
    is_whole: bool
    copies: tuple[Copy, ...]


def read(text: bytes) -> Copies:
    """Read the answer of a node; raises ValueError if it is not one."""
    head, *lines = text.decode("ascii").splitlines()
    since, extent = head.split(" ")
    if extent not in (_WHOLE, _PART):
        raise ValueError(f"not known: {extent[:20]!r}")
    return Copies(int(since), extent == _WHOLE, tuple(map(_read, lines)))


def _read(line: str) -> Copy:
    *numbers, address = line.split(" ")
    size, status, stored_at, valid_until, hits = map(int, numbers)
    return Copy(address, size, status, stored_at, valid_until, max(0, hits))
