"""The public addresses of assets: made from the settings when an entry is shown, and stored nowhere. Pure functions.

So after a change of the domain, the prefix or a route, every answer has the address that works.
"""

import json
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from services.core.assets import media_types

ADDRESSES = ("public_url", "base_url", "base_host")
"""The fields of an entry that are made when it is shown."""

_TEXT = rb'"(?:[^"\\]|\\.)*"'
_ROOM = re.compile(
    rb'"public_url":' + _TEXT + rb',"unique_name":"([^"]*)"|"base_url":' + _TEXT + rb',"base_host":' + _TEXT
)
"""Where the JSON of an entry has room for its addresses. Nothing else in it looks like this: the quotes in texts
are escaped, and the names of nested fields too (see `state/entry_json`)."""
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
        begin = _quoted(self.assets_url)[:-1]
        base = f'"base_url":{begin}","base_host":{_quoted(self.host)}'.encode()

        def filled(room: re.Match[bytes]) -> bytes:
            if room[1] is None:
                return base
            path = room[1].decode()
            return f'"public_url":{begin}/{_kind(path)}{path}","unique_name":"{path}"'.encode()

        return _ROOM.sub(filled, entries)


def _quoted(text: str) -> str:
    """Write a text as the rest of an entry is written: in UTF-8. A filter looks for it so."""
    return json.dumps(text, ensure_ascii=False)


def _kind(unique_name: str) -> str:
    """Return under which route the public address of an asset is: `original` for a file that is delivered as stored."""
    return "original" if media_types.of_extension(unique_name.rpartition(".")[2]) in _AS_STORED else "full"
