"""What a client states about a file when it begins a resumable upload, in Upload-Metadata. Pure.

It has the fields of `POST /file`, in pairs of a name and a value in base64. `filename` and `filetype` are those of the
file, as a form has them at the part of the file.
"""

import binascii
import re
from base64 import b64decode
from dataclasses import asdict, dataclass

import orjson

from services.catalog.bodies import UPLOAD_FIELDS
from services.catalog.uploads.forms import Form
from services.core.errors import BadMetadata

METADATA_MAX = 7000
"""Characters of Upload-Metadata at most: nginx takes no header of 8 kB. It stays in Redis until the upload ends."""
_KEY = re.compile(r"[!-+\--~]+")
_NAMES, _TYPES = ("filename", "name"), ("filetype", "type")
"""Some clients have the shorter names beside the others, or alone."""


@dataclass(frozen=True, slots=True)
class Stated:
    """`owner` is who begins the upload. `metadata` is as the client has sent it, `fields` are those of a form."""

    owner: str
    metadata: str
    given_name: str
    declared_type: str | None
    fields: dict[str, str]
    on_conflict: str

    @property
    def form(self) -> Form:
        """The fields as a form has them."""
        return Form(fields=dict(self.fields))

    def stored(self) -> bytes:
        return orjson.dumps(asdict(self))

    @classmethod
    def of(cls, stored: bytes) -> "Stated":
        return cls(**orjson.loads(stored))


def read(metadata: str, owner: str, on_conflict: str) -> Stated:
    """Read Upload-Metadata; raises BadMetadata."""
    given = pairs(metadata)
    name = _first(given, _NAMES)
    if not name:
        raise BadMetadata("Upload-Metadata has no filename.", "Send one: filename, a space, and the name as base64.")
    fields = {key: value for key, value in given.items() if key in UPLOAD_FIELDS and key not in _NAMES}
    return Stated(owner, metadata, name, _first(given, _TYPES) or None, fields, on_conflict)


def pairs(metadata: str) -> dict[str, str]:
    """Return the names and values of Upload-Metadata; raises BadMetadata."""
    if len(metadata) > METADATA_MAX:
        raise BadMetadata(f"Upload-Metadata has more than {METADATA_MAX} characters.", "Set fields after the upload.")
    found: dict[str, str] = {}
    for pair in metadata.split(",") if metadata.strip() else ():
        key, _, value = pair.strip().partition(" ")
        if not _KEY.fullmatch(key):
            raise BadMetadata("Upload-Metadata has a pair without a name.", "Separate pairs by commas: name dmFsdWU=.")
        if key in found:
            raise BadMetadata(f"Upload-Metadata has {key[:64]!r} twice.", "Send it once.")
        try:
            found[key] = b64decode(value.strip(), validate=True).decode()
        except (binascii.Error, ValueError):
            raise BadMetadata(
                f"The value of {key[:64]!r} in Upload-Metadata is not valid.", "Send it as UTF-8 in base64."
            ) from None
    return found


def _first(given: dict[str, str], names: tuple[str, ...]) -> str:
    return next((given[name] for name in names if given.get(name)), "")
