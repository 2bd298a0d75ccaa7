"""TIFF 6.0, section 2, and BigTIFF, which has longer numbers: a header, and directories of fields."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from services.core.assets.containers import Reader

_BYTE_ORDERS = {b"II*\0": "<", b"MM\0*": ">", b"II+\0": "<", b"MM\0+": ">"}
_BIG = (b"II+\0", b"MM\0+")
_FIELDS_MAX = 65535
"""As many as a directory with short numbers can have."""
_INTEGERS = {1: "B", 3: "H", 4: "I"}


class _Layout(NamedTuple):
    """`struct` formats of where a directory begins, how many fields it has, and the head of a field; then its bytes."""

    offset: str
    fields: str
    head: str
    length: int


_LAYOUTS = {False: _Layout("4xI", "H", "HHI", 12), True: _Layout("8xQ", "Q", "HHQ", 20)}


class Field(NamedTuple):
    tag: int
    number: int | None
    """Its value if that is one unsigned integer."""


def fields(source: Reader, start: int, end: int) -> Iterator[Field]:
    """Yield the fields of the first directory of what lies in [start, end); none if it cannot be read."""
    mark = _within(source, start, 4, end)
    if mark not in _BYTE_ORDERS:
        return
    order, layout = _BYTE_ORDERS[mark], _LAYOUTS[mark in _BIG]
    try:
        directory = start + _number(source, start, order + layout.offset, end)
        count = min(_number(source, directory, order + layout.fields, end), _FIELDS_MAX)
    except struct.error:
        return
    first = directory + struct.calcsize(order + layout.fields)
    content = _within(source, first, count * layout.length, end)
    head = struct.Struct(order + layout.head)
    for at in range(0, len(content) - layout.length + 1, layout.length):
        tag, kind, values = head.unpack_from(content, at)
        number = None
        if values == 1 and kind in _INTEGERS:
            (number,) = struct.unpack_from(order + _INTEGERS[kind], content, at + head.size)
        yield Field(tag, number)


def _number(source: Reader, start: int, layout: str, end: int) -> int:
    return int(struct.unpack(layout, _within(source, start, struct.calcsize(layout), end))[0])


def _within(source: Reader, start: int, length: int, end: int) -> bytes:
    return source.up_to(start, min(length, end - start)) if start < end else b""
