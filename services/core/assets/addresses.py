"""The public addresses of assets: made from the settings when an entry is shown, and stored nowhere. Pure functions.

So after a change of the domain, the prefix or a route, every answer has the address that works.
"""

import json
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from services.core.assets import media_types
from services.core.assets.fingerprint import ARGUMENT, DIGITS, fingerprint

ADDRESSES = ("public_url", "base_url", "base_host")
"""The fields of an entry that are made when it is shown, and for which its JSON has room."""
SHOWN = (*ADDRESSES, "versioned_url")
"""All fields that are made when it is shown."""

_TEXT = rb'"(?:[^"\\]|\\.)*"'
_ROOM = re.compile(
    rb'"public_url":'
    + _TEXT
    + rb',"unique_name":"([^"]*)"|"base_url":'
    + _TEXT
    + rb',"base_host":'
    + _TEXT
    + rb'(?:,"versioned_url":'
    + _TEXT
    + rb")?"
)
"""Where the JSON of an entry has room for its addresses, in this order. Nothing else in it looks like this: the quotes
in texts are escaped, and the names of nested fields too (see `state/entry_json`)."""
_UUID, _SIGNATURE, _FOCUS = b'"uuid":', b'"signature":"', b'"focus_x":'
_ARGUMENT = ARGUMENT.encode()
_POINT = re.compile(rb'"focus_x":([0-9.e-]+),"focus_y":([0-9.e-]+)')
_AS_STORED = (media_types.PDF, media_types.SVG, media_types.GIF)
"""A GIF under its own extension is not converted. One that is, is called `.webp`."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """What all public addresses begin with, for example `https://media.example.com/prefix/assets/media`.

    Without a domain in the settings it is a path, and the addresses are relative to the host.
    """

    assets_url: str

    @property
    def host(self) -> str:
        """The host in the addresses; empty if they have none."""
        return urlsplit(self.assets_url).netloc

    def of(self, unique_name: str) -> dict[str, str]:
        """Return the fields of the asset at a path that are made here."""
        return {
            "public_url": f"{self.assets_url}/{_kind(unique_name)}{unique_name}",
            "base_url": self.assets_url,
            "base_host": self.host,
        }

    def fill(self, entries: bytes) -> bytes:
        """Return the JSON of entries, one or several in one text, with these addresses instead of those in it."""
        begin = _quoted(self.assets_url)[:-1].encode()
        base = b'"base_url":%b","base_host":%b,"versioned_url":' % (begin, _quoted(self.host).encode())
        address = b""

        def filled(room: re.Match[bytes]) -> bytes:
            nonlocal address
            path = room[1]
            if path is None:
                return b'%b%b?%b=%b"' % (base, address, _ARGUMENT, _fingerprint_after(entries, room.end()))
            address = b"%b/%b%b" % (begin, _kind(path.decode()).encode(), path)
            return b'"public_url":%b","unique_name":"%b"' % (address, path)

        return _ROOM.sub(filled, entries)


def _fingerprint_after(entries: bytes, start: int) -> bytes:
    """Return the fingerprint of the entry that goes on at a place.

    Its fields stand in a fixed order, nested ones at the end. To search for two of them is faster than one expression.
    """
    at = entries.find(_SIGNATURE, start) + len(_SIGNATURE)
    focus = entries.find(_FOCUS, at)
    if focus < 0 or entries.startswith(b"null", focus + len(_FOCUS)):
        return entries[at : at + DIGITS]
    # An entry that was written before there were focal points has none. This one may be of the next entry.
    following = entries.find(_UUID, at)
    point = _POINT.match(entries, focus) if following < 0 or focus < following else None
    x, y = map(float, point.groups()) if point else (None, None)
    return fingerprint(entries[at : at + DIGITS].decode(), x, y).encode()


def _quoted(text: str) -> str:
    """Write a text as the rest of an entry is written: in UTF-8. A filter looks for it so."""
    return json.dumps(text, ensure_ascii=False)


def _kind(unique_name: str) -> str:
    """Return under which route the public address of an asset is: `original` for a file that is delivered as stored."""
    return "original" if media_types.of_extension(unique_name.rpartition(".")[2]) in _AS_STORED else "full"
