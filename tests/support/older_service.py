"""Dumps as the older Node.js service writes them, with the files that belong to them.

It stored names as people typed them, and what it delivered: of a JPEG or PNG the WebP that it had made. `original_*` is
what it remembers of the upload.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.support.older_installation import older_entry
from tests.support.pdfs import pdf
from tests.support.pictures import RED, encoded, marked

PDF = pdf()
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"><rect width="4" height="4"/></svg>'


def picture(kind: str, width: int = 64) -> bytes:
    return encoded(marked((width, 48), RED), kind)


@dataclass(frozen=True, slots=True)
class OlderFile:
    """One entry, the bytes that the older storage has, and the upload that it has thrown away."""

    entry: dict[str, Any]
    stored: bytes
    uploaded: bytes

    @property
    def key(self) -> str:
        return "/".join(part for part in str(self.entry["unique_name"]).split("/") if part)


def converted(path: str, uploaded_name: str, kind: str = "JPEG", **more: Any) -> OlderFile:
    """Return a JPEG or PNG that the older service has made a WebP of."""
    return _file(path, uploaded_name, picture("WEBP"), picture(kind), f"image/{kind.lower()}", "image/webp", more)


def kept(path: str, content: bytes, media_type: str, **more: Any) -> OlderFile:
    """Return a file that it has stored as it was uploaded."""
    return _file(path, path.rpartition("/")[2], content, content, media_type, media_type, more)


def _file(
    path: str, uploaded_name: str, stored: bytes, uploaded: bytes, original: str, mimetype: str, more: dict[str, Any]
) -> OlderFile:
    kind = "original" if mimetype in ("application/pdf", "image/svg+xml", "image/gif") else "full"
    known = {
        "public_url": f"https://media.example.com/assets/media/{kind}{path}",
        "original_filename": uploaded_name,
        "original_mimetype": original,
        "mimetype": mimetype,
        "original_size": len(uploaded),
        "original_signature": hashlib.sha256(uploaded).hexdigest(),
    }
    entry = older_entry(path, stored, **{**known, **more})
    return OlderFile({name: value for name, value in entry.items() if value is not LEFT_OUT}, stored, uploaded)


LEFT_OUT: Any = object()
"""Stands for a field that an entry does not have."""


def every_oddity() -> list[OlderFile]:
    """Return entries that the older service has, and that can all be understood."""
    return [
        converted("/DEV/test.webp", "test.png", "PNG"),
        converted("/DEV/messy/Photo_d_t_1_.webp", "Photo d'été (1).jpg", destination="messy/"),
        converted("/DEV/messy/test_name_forbidden.webp", "test name forbidden.jpg", expired="false", version="3"),
        converted("/DEV/messy2/jpg.webp", "plan [final].jpg", expired="true", version="2", original_version="2"),
        converted("/DEV/messy/a.webp", "a.b.c.jpg", size=str(len(picture("WEBP"))), external_id=42),
        converted("/DEV/ete/mon_dossier/jpg.webp", "jpg.jpg", destination="été/mon dossier"),
        converted("/DEV/shop//2025//hero.webp", "jpg.jpg", destination="shop//2025/", cms_ref="article-9"),
        converted("/DEV/day/jpg.webp", "jpg.jpg", expiration_date="2099-01-01"),
        converted("/DEV/dates/jpg.webp", "jpg.jpg", uploaded_date=LEFT_OUT, updated_date=LEFT_OUT),
        converted("/DEV/bare/jpg.webp", "jpg.jpg", **dict.fromkeys(_NOT_ALWAYS, LEFT_OUT)),
        converted("/DEV/random/jpg.webp", "jpg.jpg", uuid="e080a953-5300-427b-bd39-6e235d8238a2"),
        converted("/DEV/capitals/jpg.webp", "jpg.jpg", uuid="0B6E7D2C41F04C1E9A55D3B7E8F01234"),
        kept("/DEV/webp/default.webp", picture("WEBP", 32), "image/webp"),
        kept("/DEV/raw/jpg.jpg", picture("JPEG"), "image/jpeg"),
        kept("/DEV/raw/wave.gif", picture("GIF"), "image/gif"),
        kept("/DEV/docs/test.pdf", PDF, "application/pdf"),
        kept("/DEV/docs/test.svg", SVG, "image/svg+xml"),
        kept("/DEV/typed/menu.PDF", PDF, "application/pdf"),
        kept("/DEV/typed/jpg.jpg", picture("JPEG"), "image/jpeg", original_filename="jpg.jpeg"),
        converted("/DEV/typed/hero.WEBP", "hero.jpg"),
    ]


_NOT_ALWAYS = (
    *("destination", "original_size", "external_id", "information", "expiration_date", "base_host"),
    *("original_signature", "original_version"),
)


def not_understood() -> list[dict[str, Any]]:
    """Return entries that mean nothing."""
    good = converted("/DEV/bad/a.webp", "a.jpg").entry
    return [
        {**good, "unique_name": "/DEV/bad/b c.webp"},
        {**good, "unique_name": "/DEV/bad/d.webp", "signature": "unknown"},
        {**good, "unique_name": "/DEV/bad/e.webp", "expiration_date": "some day"},
        {**good, "unique_name": "/DEV/bad/f.webp", "size": None},
    ]


@dataclass(slots=True)
class OlderDump:
    """A JSON dump, and the files that it is about."""

    files: list[OlderFile] = field(default_factory=every_oddity)
    bad: list[dict[str, Any]] = field(default_factory=list)

    @property
    def json(self) -> bytes:
        return orjson.dumps([*(file.entry for file in self.files), *self.bad])
