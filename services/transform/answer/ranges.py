"""Byte ranges of a request (RFC 9110, 14). Pure."""

import re

_ONE_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


class Unsatisfiable(Exception):
    """The range begins behind the end."""


def parse(header: str, size: int) -> tuple[int, int] | None:
    """Return (start, length) of a single range; None when the whole is to be sent.

    Several ranges in one request, or a header that is no byte range, ask for the whole: a server may do so, and
    answering many small ranges is a known way to overload one. Raises Unsatisfiable.
    """
    match = _ONE_RANGE.fullmatch(header.strip())
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        length = min(int(last), size)
        if length == 0:
            raise Unsatisfiable
        return size - length, length
    start, end = int(first), min(int(last), size - 1) if last else size - 1
    if last and int(last) < start:
        return None
    if start >= size:
        raise Unsatisfiable
    return start, end - start + 1
