"""Makes a ZIP of members that come one after the other, piece by piece: nothing of it is kept but its list of contents.

The members are deflated without compression: pictures do not get smaller. A stored member would need its CRC before its
bytes, or programs that read a ZIP from its start would not find its end.
"""

from datetime import UTC, datetime
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

_FIRST_YEAR, _LAST_YEAR = 1980, 2107
"""A ZIP has no earlier and no later dates."""
_MODE = 0o100644 << 16
_BEHIND = b"PK\x07\x08"
"""What stands before the CRC, behind the bytes of a member."""


class _Out:
    """What the ZIP is written to. It cannot be rewound, so sizes and digests stand behind their member."""

    def __init__(self) -> None:
        self.made = bytearray()

    def write(self, part: bytes) -> int:
        self.made += part
        return len(part)

    def flush(self) -> None:
        """Nothing is kept back."""


class ZipStream:
    """A member is begun, written, and finished or dropped, before the next one. `take` returns what has been made."""

    def __init__(self) -> None:
        self._out = _Out()
        self._zip = ZipFile(self._out, "w")  # type: ignore[call-overload]

    def begin(self, name: str, size: int, date: datetime) -> None:
        """Begin a member of at most `size` bytes."""
        info = ZipInfo(name, _moment(date))
        info.compress_type = ZIP_DEFLATED
        info._compresslevel = 0  # type: ignore[attr-defined]
        info.file_size, info.external_attr = size, _MODE
        self._member = self._zip.open(info, "w")

    def write(self, part: bytes) -> None:
        self._member.write(part)

    def finish(self) -> None:
        self._member.close()

    def drop(self) -> None:
        """Leave the member out: the list of contents does not have it.

        Its bytes have been sent. A program that reads a ZIP from its start sees by a wrong CRC that they are not valid.
        """
        self._member.close()
        self._zip.filelist.pop()
        self._out.made[self._out.made.rindex(_BEHIND) + len(_BEHIND)] ^= 0xFF

    def close(self) -> None:
        """Make the list of contents, which is the end of the ZIP."""
        self._zip.close()

    def __len__(self) -> int:
        return len(self._out.made)

    def take(self) -> bytes:
        """Return what has been made since the last call."""
        made, self._out.made = bytes(self._out.made), bytearray()
        return made


def _moment(date: datetime) -> tuple[int, int, int, int, int, int]:
    moment = date.astimezone(UTC)
    year = min(_LAST_YEAR, max(_FIRST_YEAR, moment.year))
    return (year, moment.month, moment.day, moment.hour, moment.minute, moment.second)
