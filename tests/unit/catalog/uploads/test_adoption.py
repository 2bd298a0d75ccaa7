import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from services.catalog.uploads import adoption
from services.catalog.uploads.adoption import Adoption
from services.core.assets import identity, media_types, names, reading
from services.core.assets.entries import Entry, StoredFile
from services.core.assets.facts import NO_FACTS
from services.core.errors import BadRequest, NotFound, TypeUnauthorized
from services.core.spool import prepare
from services.core.state.claim import Claim
from services.core.storage import StoredObject
from services.core.storage.local import LocalStorage
from tests.support.entries import MakeEntry
from tests.support.older_service import OlderFile, converted, every_oddity, kept

DEFAULT_TYPES = frozenset({"image/png", "image/jpeg", "image/webp", "image/svg+xml", "application/pdf"})
UNIQUE_NAME = "/DEV/shop/cat.webp"


def adopted(media_type: str, **given: Any) -> Entry:
    wanted = adoption.parse({"unique_name": UNIQUE_NAME} | given)
    stored = StoredFile(media_type, "5e" * 32, 1234, names.plain_storage_key(wanted.unique_name), 1234)
    return adoption.entry(wanted, stored, DEFAULT_TYPES)


def test_a_path_is_all_a_client_has_to_say() -> None:
    assert adoption.parse({"unique_name": UNIQUE_NAME}) == Adoption(UNIQUE_NAME, None, None, 1, {})


def test_a_whole_entry_may_be_sent(make_entry: MakeEntry) -> None:
    entry = make_entry(information="kept", expiration_date="2027-01-01T00:00:00.000+00:00")
    wanted = adoption.parse(entry.fields)
    assert (wanted.unique_name, wanted.signature, wanted.namespace) == (entry.unique_name, entry.signature, "DEV")
    stored = StoredFile("image/jpeg", entry.signature, entry.size, entry.storage_key, entry.size)
    assert adoption.entry(wanted, stored, DEFAULT_TYPES) == entry


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "unique_name"),
        ({"unique_name": None}, "unique_name"),
        ({"unique_name": 7}, "unique_name"),
        ({"unique_name": "DEV/cat.webp"}, "unique_name"),
        ({"unique_name": "/DEV/../cat.webp"}, "unique_name"),
        ({"unique_name": UNIQUE_NAME, "version": 0}, "version"),
        ({"unique_name": UNIQUE_NAME, "version": "two"}, "version"),
        ({"unique_name": UNIQUE_NAME, "version": True}, "version"),
        ({"unique_name": UNIQUE_NAME, "version": 2**31}, "version"),
        ({"unique_name": UNIQUE_NAME, "signature": 7}, "signature"),
        ({"unique_name": UNIQUE_NAME, "original_filename": ["cat.jpg"]}, "original_filename"),
        ({"unique_name": UNIQUE_NAME, "expired": "maybe"}, "expired"),
    ],
)
def test_what_cannot_be_an_entry_is_refused_by_the_name_of_the_field(given: dict[str, Any], named: str) -> None:
    with pytest.raises(BadRequest, match=named):
        adoption.parse(given)


@pytest.mark.parametrize(
    ("unique_name", "media_type", "given", "original", "delivered"),
    [
        ("/DEV/cat.webp", "image/jpeg", {}, "cat.jpg", "image/webp"),
        ("/DEV/cat.webp", "image/png", {}, "cat.png", "image/webp"),
        ("/DEV/cat.webp", "image/webp", {}, "cat.webp", "image/webp"),
        ("/DEV/cat.webp", "image/jpeg", {"original_filename": "cat.jpeg"}, "cat.jpeg", "image/webp"),
        ("/DEV/cat.png", "image/png", {}, "cat.png", "image/png"),
        ("/DEV/a/b/cat.pdf", "application/pdf", {}, "cat.pdf", "application/pdf"),
        ("/DEV/cat.svg", "image/svg+xml", {}, "cat.svg", "image/svg+xml"),
    ],
)
def test_an_entry_follows_from_the_path_and_the_bytes(
    unique_name: str, media_type: str, given: dict[str, Any], original: str, delivered: str
) -> None:
    entry = adopted(media_type, unique_name=unique_name, **given)
    assert entry.unique_name == unique_name
    assert entry.uuid == identity.asset_uuid(unique_name)
    assert (entry.original_filename, entry.original_mimetype, entry.mimetype) == (original, media_type, delivered)
    assert (entry.signature, entry.size, entry.storage_key) == ("5e" * 32, 1234, unique_name[1:])


def test_what_the_client_says_of_version_and_fields_is_taken_over() -> None:
    entry = adopted("image/jpeg", version=7, information="kept", expired=True, uuid="ignored", size=1)
    assert (entry.version, entry.information, entry.expired, entry.size) == (7, "kept", True, 1234)


@pytest.mark.parametrize(
    ("unique_name", "media_type", "given"),
    [
        ("/DEV/cat.png", "image/jpeg", {}),
        ("/DEV/cat.webp", "image/svg+xml", {}),
        ("/DEV/cat.svg", "image/png", {}),
        ("/DEV/cat.webp", "image/jpeg", {"original_filename": "dog.jpg"}),
        ("/DEV/cat.webp", "image/jpeg", {"original_filename": "cat.png"}),
        ("/DEV/cat.webp", "image/jpeg", {"original_filename": "../cat.jpg"}),
        ("/DEV/DEV/cat.webp", "image/jpeg", {}),
    ],
)
def test_a_path_under_which_the_bytes_could_not_have_been_uploaded_is_refused(
    unique_name: str, media_type: str, given: dict[str, Any]
) -> None:
    with pytest.raises(BadRequest):
        adopted(media_type, unique_name=unique_name, **given)


def test_a_type_that_is_not_allowed_is_refused() -> None:
    with pytest.raises(TypeUnauthorized, match=r"File type image/gif unauthorized\."):
        adopted("image/gif")


async def examined(storage: LocalStorage, **given: Any) -> StoredFile:
    wanted = adoption.parse({"unique_name": UNIQUE_NAME} | given)
    claim = Claim(names.plain_storage_key(UNIQUE_NAME), f"host-1-abcd {identity.asset_uuid(UNIQUE_NAME)}~1")
    try:
        async with adoption.copied(storage, wanted, claim) as file:
            assert file.path.stat().st_size == file.size
            return adoption.stored_file(file, claim)
    finally:
        assert list(storage.spool.iterdir()) == []


@pytest.fixture
def storage(tmp_path: Path, photos: dict[str, bytes]) -> LocalStorage:
    path = tmp_path / names.plain_storage_key(UNIQUE_NAME)
    path.parent.mkdir(parents=True)
    path.write_bytes(photos["astronaut.png"])
    made = LocalStorage(tmp_path)
    prepare(made.spool)
    return made


async def test_a_stored_file_is_measured_signed_and_told_by_its_bytes(
    storage: LocalStorage, photos: dict[str, bytes]
) -> None:
    photo = photos["astronaut.png"]
    signature = hashlib.sha256(photo).hexdigest()
    expected = StoredFile("image/png", signature, len(photo), "DEV/shop/cat.webp", len(photo))
    assert await examined(storage) == await examined(storage, signature=signature) == expected


async def test_a_signature_that_is_not_that_of_the_file_is_refused(storage: LocalStorage) -> None:
    with pytest.raises(BadRequest, match="The signature does not match the stored file"):
        await examined(storage, signature="0" * 64)


async def test_a_file_that_is_not_there_is_not_found(storage: LocalStorage) -> None:
    await storage.delete([StoredObject(names.plain_storage_key(UNIQUE_NAME))])
    with pytest.raises(NotFound):
        await examined(storage)


async def test_a_file_of_no_known_type_is_refused(storage: LocalStorage) -> None:
    (storage.spool.parent / names.plain_storage_key(UNIQUE_NAME)).write_bytes(b"MZ\x90")
    with pytest.raises(BadRequest, match="has no known type"):
        await examined(storage)


# Whole entries


def adopted_as(older: OlderFile, content: bytes, media_type: str, allowed: frozenset[str] = DEFAULT_TYPES) -> Entry:
    wanted = adoption.parse(older.entry)
    signature = hashlib.sha256(content).hexdigest()
    stored = StoredFile(media_type, signature, len(content), names.plain_storage_key(wanted.unique_name), len(content))
    return adoption.entry(wanted, stored, allowed)


@pytest.mark.parametrize("older", every_oddity(), ids=lambda older: older.entry["unique_name"])
def test_an_entry_of_the_older_service_is_taken_as_a_dump_of_it_would_be(older: OlderFile) -> None:
    media_type = media_types.sniff(older.stored)
    assert media_type is not None
    entry = adopted_as(older, older.stored, media_type, DEFAULT_TYPES | {media_type})
    restored = reading.read(older.entry, entry.uploaded_date)
    assert entry == replace(restored, updated_date=entry.updated_date)
    assert entry.uuid == older.entry["uuid"]
    assert entry.stored_type == media_type


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("expired", value) for value in (None, "", 0, 1, "0", "null", "undefined", "TRUE")),
        *(("version", value) for value in (None, "", "null", "3", 3.0, 2**40)),
        *(("expiration_date", value) for value in ("", "undefined", 1735689600000, "1735689600000", "2025-01-01")),
        *(("information", value) for value in ({"alt": "A cat"}, ["a"], True, 7, "")),
        *(("external_id", value) for value in ({"cms": 7}, 42, "")),
    ],
)
def test_a_whole_entry_is_taken_for_what_it_means_in_a_dump(name: str, value: Any) -> None:
    older = converted("/DEV/cat.webp", "cat.jpg", **{name: value})
    wanted = adoption.parse(older.entry)
    restored = reading.read(older.entry, "")
    assert adopted_as(older, older.stored, "image/webp") == restored
    assert wanted.version == restored.version


def test_where_the_upload_itself_lies_its_type_counts() -> None:
    older = converted("/DEV/shop/cat.webp", "cat.jpg")
    entry = adopted_as(older, older.uploaded, "image/jpeg")
    assert (entry.stored_type, entry.original_mimetype, entry.is_stored_as_delivered) == ("image/jpeg",) * 2 + (False,)
    entry = adopted_as(older, b"png", "image/png")
    assert (entry.stored_type, entry.original_mimetype, entry.is_stored_as_delivered) == ("image/png",) * 2 + (False,)


def test_an_entry_of_this_service_comes_back_as_it_was_but_for_facts_that_are_found_out_anew(
    make_entry: MakeEntry,
) -> None:
    entry = replace(make_entry(information="kept"), width=3, height=2, version=4, uuid="0" * 32)
    wanted = adoption.parse({**entry.fields, "storage_key": f"{entry.storage_key}.0123456789abcdef"})
    stored = StoredFile("image/jpeg", entry.signature, entry.size, entry.storage_key, entry.size)
    assert adoption.entry(wanted, stored, DEFAULT_TYPES) == entry.with_facts(NO_FACTS)


@pytest.mark.parametrize(
    ("older", "media_type"),
    [
        (converted("/DEV/cat.webp", "cat.jpg"), "application/pdf"),
        (converted("/DEV/cat.webp", "cat.jpg"), "image/gif"),
        (kept("/DEV/cat.jpg", b"", "image/jpeg"), "image/png"),
        (kept("/DEV/cat.pdf", b"", "application/pdf"), "image/png"),
    ],
)
def test_a_whole_entry_of_bytes_of_another_type_is_refused(older: OlderFile, media_type: str) -> None:
    with pytest.raises(TypeUnauthorized):
        adopted_as(older, b"other", media_type)


@pytest.mark.parametrize(
    "wrong",
    [
        {"unique_name": "/DEV/b c.webp"},
        {"expiration_date": "some day"},
        {"mimetype": "text/html"},
        {"uploaded_date": []},
    ],
)
def test_a_whole_entry_that_means_nothing_is_refused(wrong: dict[str, Any]) -> None:
    older = converted("/DEV/cat.webp", "cat.jpg", **wrong)
    with pytest.raises(BadRequest, match=next(iter(wrong))):
        adopted_as(older, older.stored, "image/webp")
