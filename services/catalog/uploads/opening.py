"""What comes before the first part of a multipart body (RFC 2046, 5.1.1): text to be ignored, and a padded boundary.

The parser wants a body to begin with its first boundary. So the beginning is read here, and the parser gets the rest.
"""

import re

PREAMBLE_MAX = 64 * 1024
"""Bytes before the first boundary at most: nobody reads them."""


_OTHER = b"x"
"""Stands for the text of a line that is not a boundary."""


class NoBoundary(ValueError):
    """The text before the first boundary is too long."""


class Opening:
    """Drops the text before the first boundary, and the spaces after it. The rest passes as it is."""

    def __init__(self, boundary: bytes) -> None:
        self._plain = b"--" + boundary
        self._line = re.compile(rb"(?:^|[\r\n])" + re.escape(self._plain) + rb"(?:(?=--)|[ \t]*(?=\r\n))")
        self._held = b""
        self._left = PREAMBLE_MAX
        self.found = False
        """Whether the first boundary has come."""

    def rest(self, chunk: bytes) -> bytes:
        """Return the part of the next chunk that the parser reads. Raises NoBoundary."""
        if self.found:
            return chunk
        held = self._held + chunk
        if match := self._line.search(held):
            self.found, self._held = True, b""
            return self._plain + held[match.end() :]
        self._left -= len(chunk)
        if self._left < 0:
            raise NoBoundary(f"no boundary is in its first {PREAMBLE_MAX} bytes")
        # A boundary can begin only where a line begins. That of the last line may still be incomplete.
        start = max(held.rfind(b"\n", 0, -1), held.rfind(b"\r", 0, -1))
        newline = held[start : start + 1] if start >= 0 else b""
        self._held = newline + self._unfinished(held[start + 1 :])
        return b""

    def _unfinished(self, line: bytes) -> bytes:
        """Return what is to be known of an incomplete line: no more than a boundary is long, however long the line is.

        So a body that arrives byte by byte costs no more than one that arrives at once.
        """
        if self._plain.startswith(line):
            return line
        padding = line[len(self._plain) :]
        end = padding.lstrip(b" \t")
        if line.startswith(self._plain) and (end in (b"", b"\r") or padding == b"-"):
            return self._plain + padding[: len(padding) > len(end)] + end
        return line[-1:] if line.endswith((b"\r", b"\n")) else _OTHER
