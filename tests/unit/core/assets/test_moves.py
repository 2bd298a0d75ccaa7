from dataclasses import replace

import pytest

from services.core.assets import identity, moves, names
from services.core.errors import BadRequest
from tests.support.entries import made_entry

CAT = made_entry("cat.jpg", destination="shop/2026")


@pytest.mark.parametrize(
    ("destination", "filename", "path", "uploaded"),
    [
        (None, None, "/DEV/shop/2026/cat.webp", "cat.jpg"),
        ("shop/2026", "cat.webp", "/DEV/shop/2026/cat.webp", "cat.jpg"),
        (None, "dog.webp", "/DEV/shop/2026/dog.webp", "dog.jpg"),
        (None, "dog.jpg", "/DEV/shop/2026/dog.webp", "dog.jpg"),
        (None, "dog.jpeg", "/DEV/shop/2026/dog.webp", "dog.jpg"),
        (None, "dog", "/DEV/shop/2026/dog.webp", "dog.jpg"),
        (None, "v1.2 né", "/DEV/shop/2026/v1_2_ne.webp", "v1_2_ne.jpg"),
        ("archive", None, "/DEV/archive/cat.webp", "cat.jpg"),
        ("", None, "/DEV/cat.webp", "cat.jpg"),
        ("DEV", "dog", "/DEV/dog.webp", "dog.jpg"),
        ("/été/", None, "/DEV/ete/cat.webp", "cat.jpg"),
    ],
)
def test_a_new_name_is_read_as_that_of_an_upload(
    destination: str | None, filename: str | None, path: str, uploaded: str
) -> None:
    name = moves.renamed(CAT, destination, filename)
    assert (name.unique_name, name.original_filename) == (path, uploaded)
    assert names.is_unique_name(path)


def test_a_file_that_is_delivered_as_stored_keeps_its_extension() -> None:
    manual = made_entry("manual.pdf", "application/pdf")
    assert moves.renamed(manual, None, "guide").unique_name == "/DEV/guide.pdf"
    kept_as_jpeg = made_entry("cat.jpeg", convert=False)
    assert moves.renamed(kept_as_jpeg, "a", "dog.jpg").unique_name == f"/DEV/a/dog.{kept_as_jpeg.filename[4:]}"


@pytest.mark.parametrize("filename", ["dog.pdf", "dog.png", "a/dog.webp", "..", "dog\n.webp", ""])
def test_a_name_of_another_type_and_one_that_is_none_are_refused(filename: str) -> None:
    with pytest.raises(BadRequest):
        moves.renamed(CAT, None, filename)


@pytest.mark.parametrize("destination", ["../other", "a//b", "/".join("abcdefghijk")])
def test_a_folder_that_is_none_is_refused(destination: str) -> None:
    with pytest.raises(BadRequest):
        moves.renamed(CAT, destination, None)


def test_what_the_older_service_says_of_names_is_no_change() -> None:
    older = replace(CAT, destination="Shop / 2026", filename="Cat.webp", original_filename="My cat.JPG")
    name = moves.renamed(older, "Shop / 2026", "Cat.webp")
    assert (name.unique_name, name.original_filename) == (CAT.unique_name, "My cat.JPG")
    assert moves.renamed(older, "/Shop / 2026//", None).unique_name == CAT.unique_name


def test_a_moved_asset_is_the_same_version_of_the_same_bytes() -> None:
    first = "2026-01-01T00:00:00.000+00:00"
    before = replace(CAT, version=3, content_date=None, uploaded_date=first, updated_date=first)
    after = moves.moved(before, moves.renamed(before, "archive", "dog"), "DEV/archive/dog.webp")
    assert after.unique_name == "/DEV/archive/dog.webp"
    assert after.original_name == "/DEV/archive/dog.jpg"
    assert (after.destination, after.filename, after.original_filename) == ("archive", "dog.webp", "dog.jpg")
    assert (after.version, after.signature, after.uploaded_date) == (3, before.signature, before.uploaded_date)
    assert after.storage_key == "DEV/archive/dog.webp"
    assert after.delivered_since > before.delivered_since, "other bytes may have been there"
    assert after.updated_date > before.updated_date


@pytest.mark.parametrize(
    ("uuid", "follows"),
    [
        (CAT.uuid, True),
        (CAT.uuid.replace("-", "").upper(), True),
        (CAT.key, True),
        ("00000000-0000-4000-8000-000000000001", False),
    ],
)
def test_a_uuid_that_follows_from_the_path_follows_from_the_new_one(uuid: str, *, follows: bool) -> None:
    after = moves.moved(replace(CAT, uuid=uuid), moves.renamed(CAT, "archive", None), "DEV/archive/cat.webp")
    assert after.uuid == (identity.asset_uuid("/DEV/archive/cat.webp") if follows else uuid)
