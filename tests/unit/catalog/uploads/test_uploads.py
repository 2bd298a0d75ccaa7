"""What is refused before anything is written: the catalog and the storage here can be reached by nobody."""

from pathlib import Path
from typing import Any

import pytest

from services.catalog.uploads.spool import RefusedFile, SpooledFile
from services.catalog.uploads.uploads import Rules, Uploads, Wish
from services.core.assets import media_types
from services.core.errors import BadRequest, FileTooLarge, NamespaceForbidden, TadaError, TypeUnauthorized
from services.core.state import connection
from services.core.storage.local import LocalStorage
from tests.support.catalogs import CatalogUser

DEFAULT_TYPES = frozenset({"image/png", "image/jpeg", "image/webp", "image/svg+xml", "application/pdf"})
PNG, PDF, EXE = b"\x89PNG\r\n\x1a\n", b"%PDF-1.7", b"MZ\x90"


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    user = CatalogUser(connection.connect("redis://127.0.0.1:1"))
    storage = LocalStorage(tmp_path)
    return Uploads(
        user.claims,
        user.reaper(storage),
        user.entries,
        storage,
        Rules(("DEV", "PROD"), DEFAULT_TYPES, strip_metadata=False, convert_to_webp=True),
        user.room,
    )


def spooled(content: bytes, given_name: str = "cat.png", declared: str | None = None) -> SpooledFile:
    return SpooledFile(given_name, declared, media_types.sniff(content), Path("none"), len(content), "0" * 64)


def wish(**changes: Any) -> Wish:
    return Wish(**{"namespace": "DEV", "destination": None, "filename": None, "to_webp": None, "fields": {}, **changes})


async def created(uploads: Uploads, file: SpooledFile, wanted: Wish) -> None:
    """Create one entry, or raise what became of it."""
    [outcome] = await uploads.create([file], wanted)
    assert isinstance(outcome, TadaError)
    raise outcome


@pytest.mark.parametrize("namespace", ["TEST", "dev", "", "DEV/..", "dumps"])
async def test_a_namespace_that_is_not_allowed_is_forbidden(uploads: Uploads, namespace: str) -> None:
    with pytest.raises(NamespaceForbidden) as raised:
        await created(uploads, spooled(PNG), wish(namespace=namespace))
    assert raised.value.status == 403


@pytest.mark.parametrize(
    ("content", "given_name", "declared", "named_type"),
    [
        (EXE, "cat.png", "image/png", "image/png"),
        (EXE, "cat.exe", "application/x-msdownload", "application/x-msdownload"),
        (EXE, "cat.zzz", None, "unknown"),
        (PNG, "cat.png", "text/html", "text/html"),
        (PNG, "cat.png", "image/jpeg", "image/jpeg"),
        (PNG, "cat.jpg", "image/png", "image/jpeg"),
        (PDF, "cat.png", "application/pdf", "image/png"),
        (b"GIF89a", "cat.gif", "image/gif", "image/gif"),
        (b"<html><svg/></html>", "cat.svg", "image/svg+xml", "image/svg+xml"),
    ],
)
async def test_a_type_that_is_not_allowed_or_not_what_it_claims_to_be_is_refused(
    uploads: Uploads, content: bytes, given_name: str, declared: str | None, named_type: str
) -> None:
    with pytest.raises(TypeUnauthorized) as raised:
        await created(uploads, spooled(content, given_name, declared), wish())
    assert raised.value.message == f"File type {named_type} unauthorized."
    assert raised.value.status == 400


async def test_the_name_in_the_form_counts_in_place_of_the_uploaded_one(uploads: Uploads) -> None:
    with pytest.raises(TypeUnauthorized, match=r"File type application/pdf unauthorized\."):
        await created(uploads, spooled(PNG, "cat.png"), wish(filename="cat.pdf"))


async def test_an_empty_file_is_refused(uploads: Uploads) -> None:
    with pytest.raises(BadRequest, match=r"The file 'cat\.png' is empty"):
        await created(uploads, spooled(b""), wish())


async def test_a_file_that_was_not_kept_has_its_own_error(uploads: Uploads) -> None:
    outcomes = await uploads.create([RefusedFile("a.png", FileTooLarge(7)), spooled(b"")], wish())
    assert [getattr(outcome, "status", None) for outcome in outcomes] == [413, 400]


@pytest.mark.parametrize(
    "change",
    [{"destination": "../PROD"}, {"filename": "../../cat.png"}, {"filename": "\x00.png"}, {"filename": "日本"}],
)
async def test_a_path_trick_is_refused(uploads: Uploads, change: dict[str, str]) -> None:
    with pytest.raises(BadRequest):
        await created(uploads, spooled(PNG), wish(**change))


async def test_a_text_that_is_too_long_is_refused_before_the_stored_file_is_read(uploads: Uploads) -> None:
    with pytest.raises(BadRequest, match="information must be a text of 4096 bytes at most, not 4097"):
        await uploads.adopt({"unique_name": "/DEV/cat.webp", "information": "x" * 4097}, lambda _: None)
