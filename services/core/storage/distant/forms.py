"""What is sent to the distant backend: entries as fields or JSON, and forms whose files stay on the disk until they are
sent.

httpx can send forms, but it reads their files in the event loop.
"""

import asyncio
import re
import secrets
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from services.core.assets import media_types
from services.core.assets.entries import SETTABLE
from services.core.assets.stored_object import StoredObject
from services.core.storage.base import NewObject

_PIECE = 64 * 1024
_BATCH = 100
"""Files of one request at most: if it is not confirmed, the state of all of them is unknown."""
_VERSION_MAX = 2**53 - 1


@dataclass(frozen=True, slots=True)
class FilePart:
    """One file of a form."""

    name: str
    filename: str
    media_type: str
    path: Path


@dataclass(frozen=True, slots=True)
class Form:
    """A multipart/form-data body (RFC 7578): bytes, and files that are read when their turn comes."""

    boundary: str
    parts: tuple[bytes | Path, ...]
    length: int

    @property
    def content_type(self) -> str:
        return f"{media_types.FORM}; boundary={self.boundary}"

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        for part in self.parts:
            if isinstance(part, bytes):
                yield part
                continue
            # Opened here: a thread would leave it open if this is cancelled meanwhile.
            with part.open("rb") as file:
                while piece := await asyncio.to_thread(file.read, _PIECE):
                    yield piece


def form(fields: Mapping[str, str], files: Sequence[FilePart]) -> Form:
    """Return a form with fields first, then files; it reads the sizes of the files, so it may raise OSError."""
    boundary = f"tada-{secrets.token_hex(16)}"
    parts: list[bytes | Path] = []
    length = 0
    text = b""
    for name, value in fields.items():
        text += f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"\r\n\r\n{value}\r\n'.encode()
    for file in files:
        text += (
            f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(file.name)}"; '
            f'filename="{_quoted(file.filename)}"\r\nContent-Type: {file.media_type}\r\n\r\n'
        ).encode()
        parts += [text, file.path]
        length += len(text) + file.path.stat().st_size
        text = b"\r\n"
    text += f"--{boundary}--\r\n".encode()
    return Form(boundary, (*parts, text), length + len(text))


def _quoted(text: str) -> str:
    """Escape what would end a name in a form's header (WHATWG HTML, multipart/form-data encoding algorithm)."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def entry(stored: StoredObject) -> dict[str, Any]:
    """Return the entry of an object. If it is not known, return the fields that follow from the key."""
    path = f"/{stored.key}"
    known = {"unique_name": path, "filename": path.rpartition("/")[2], **stored.fields}
    return {**known, "version": stored.version}


def filepath(stored: StoredObject) -> str:
    return str(entry(stored)["unique_name"])


def text_fields(values: Mapping[str, Any]) -> dict[str, str]:
    """Return values as form fields: lists and objects as JSON. What is null, false or empty is left out."""
    return {name: _text(value) for name, value in values.items() if value or (value == 0 and value is not False)}


def _text(value: object) -> str:
    if value is True:
        return "true"
    return orjson.dumps(value).decode() if isinstance(value, dict | list) else str(value)


def address(stored: StoredObject) -> dict[str, str]:
    """Return the query that asks for an object."""
    query = {"filepath": filepath(stored), "version": str(stored.version)}
    if stored.media_type:
        query["mimetype"] = stored.media_type
    return query | original(stored)


def original(stored: StoredObject) -> dict[str, str]:
    """Return the query argument for the bytes of the uploaded file, not of the delivered one."""
    return {"original": "true"} if stored.converted else {}


def single(new: NewObject) -> Form:
    """Return the form of one file."""
    return form(text_fields(entry(new.object)), [_file("file", new)])


def several(new: Sequence[NewObject]) -> Form:
    """Return the form of several new files."""
    fields = {}
    for number, one in enumerate(new):
        item = {"file": entry(one.object)["filename"], "catalogItem": entry(one.object), **original(one.object)}
        fields[f"file_{number}"] = orjson.dumps(item).decode()
    return form(fields, [_file("files", one) for one in new])


def several_replaced(new: Sequence[NewObject]) -> Form:
    """Return the form of files that replace others: all of them share its fields."""
    entries = [entry(one.object) for one in new]
    first = entries[0]
    shared = {name: first.get(name) for name in SETTABLE if all(one.get(name) == first.get(name) for one in entries)}
    fields = {
        "unique_names": ",".join(str(one["unique_name"]) for one in entries),
        "public_urls": ",".join(str(one.get("public_url") or "") for one in entries),
        **text_fields(shared),
    }
    return form(fields, [_file("files", one) for one in new])


def _file(name: str, new: NewObject) -> FilePart:
    media_type = new.object.media_type or media_types.BYTES
    return FilePart(name, str(entry(new.object)["filename"]), media_type, new.source)


@dataclass(frozen=True, slots=True)
class Submission:
    """One request that stores some of the given files."""

    which: tuple[int, ...]
    replaces: bool
    lost: bool = False
    """The file to be replaced is not at the backend."""

    @property
    def method(self) -> str:
        return "PATCH" if self.replaces and not self.lost else "POST"

    def one_by_one(self) -> list["Submission"]:
        return [Submission((number,), self.replaces) for number in self.which]

    def as_new(self) -> "Submission":
        return Submission(self.which, self.replaces, lost=True)


def plan(new: Sequence[NewObject], *, replaces: bool) -> list[Submission]:
    """Decide which files are sent together.

    The form for several files that replace others has no field `original`, and separates their names by commas.
    """
    together = [number for number, one in enumerate(new) if not replaces or _fits_a_list(one.object)]
    alone = sorted(set(range(len(new))).difference(together))
    batches = [tuple(together[at : at + _BATCH]) for at in range(0, len(together), _BATCH)]
    return [Submission(which, replaces) for which in (*batches, *((number,) for number in alone))]


def _fits_a_list(stored: StoredObject) -> bool:
    names = filepath(stored) + str(stored.fields.get("public_url") or "")
    return not stored.converted and "," not in names


def batches_of(stored: Sequence[StoredObject]) -> list[Sequence[StoredObject]]:
    """Return objects in as many groups as requests are needed."""
    return [stored[at : at + _BATCH] for at in range(0, len(stored), _BATCH)]


def version_of(item: Any) -> int | None:
    """Return the version in an answer; None if there is none. Raises ValueError for a version that is not valid."""
    said = item.get("version") if isinstance(item, dict) else None
    if said is None:
        return None
    if isinstance(said, str) and re.fullmatch("[0-9]{1,16}", said):
        said = int(said)
    if isinstance(said, bool) or not isinstance(said, int) or not 0 < said <= _VERSION_MAX:
        raise ValueError(f"not a version: {str(said)[:40]!r}")
    return said
