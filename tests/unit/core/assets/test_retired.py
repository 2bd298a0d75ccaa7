from dataclasses import replace
from datetime import UTC, datetime

import pytest

from services.core.assets import entries, retired
from services.core.assets.entries import Entry, StoredFile
from services.core.assets.facts import Facts
from services.core.assets.retired import Retired
from tests.support.entries import made_entry

DELETED = 1_796_000_000_250_000
FIRST = made_entry(information="a cat").with_facts(Facts(640, 427, "LGF5?xYk^6#M@-5c,1J5@[or[Q6.", "#a1b2c3"))
SECOND_FILE = StoredFile("image/png", "6f" * 32, 99, "DEV/cat.webp.0123456789abcdef", 99)


def second(**fields: str) -> Entry:
    return entries.with_fields(entries.with_file(FIRST, SECOND_FILE, "png"), dict(fields), 0.0)


def test_the_last_version_of_a_deleted_asset_is_the_head_of_its_group() -> None:
    assert Retired(DELETED, str(DELETED), FIRST).is_trashed
    assert not Retired(DELETED - 1, str(DELETED), FIRST).is_trashed
    assert not Retired(DELETED, FIRST.key, FIRST).is_trashed


def test_a_number_says_when_it_ended_and_until_when_it_is_kept() -> None:
    found = Retired(DELETED, FIRST.key, FIRST)
    assert found.ended == datetime(2026, 11, 30, 0, 53, 20, 250_000, UTC)
    assert retired.ends(found.number, 30) == datetime(2026, 12, 30, 0, 53, 20, 250_000, UTC)


def test_an_undeleted_asset_is_the_same_version_of_the_same_bytes() -> None:
    first = "2026-01-01T00:00:00.000+00:00"
    before = replace(FIRST, version=7, content_date=None, uploaded_date=first, updated_date=first)
    after = retired.undeleted(Retired(DELETED, str(DELETED), before))
    assert after.updated_date > before.updated_date
    assert after.delivered_since > before.delivered_since, "other bytes may have been there"
    assert replace(after, updated_date=before.updated_date, content_date=None) == before


def test_an_earlier_file_makes_the_next_version() -> None:
    now = second(information="another cat", external_id="x-1")
    again = entries.with_earlier_file(now, FIRST)
    assert again.version == 3
    assert again.stored == replace(FIRST.stored, version=3, fields=again.stored.fields)
    assert (again.signature, again.size, again.facts) == (FIRST.signature, FIRST.size, FIRST.facts)
    assert again.original_filename == "cat.jpg"
    assert (again.information, again.external_id) == ("another cat", "x-1")
    assert again.delivered_since > now.delivered_since


def test_an_earlier_file_with_the_present_bytes_changes_nothing_that_is_delivered() -> None:
    now = replace(second(), signature=FIRST.signature)
    assert entries.with_earlier_file(now, FIRST).delivered_since == now.delivered_since


def test_an_earlier_file_of_the_older_service_is_again_what_it_was() -> None:
    older = replace(FIRST, stored_mimetype="image/webp", original_signature="7a" * 32, original_version=4)
    replaced = entries.with_file(older, SECOND_FILE, "png")
    again = entries.with_earlier_file(replaced, older)
    assert again.is_stored_as_delivered
    assert (again.original_signature, again.original_version) == ("7a" * 32, 4)


def test_an_earlier_file_of_a_renamed_asset_has_its_present_name() -> None:
    renamed = replace(second(), original_filename="dog.png")
    assert entries.with_earlier_file(renamed, FIRST).original_filename == "dog.jpg"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {}),
        ({"information": "b"}, {"information": {"then": "a cat", "now": "b"}}),
    ],
)
def test_what_a_client_has_chosen_differs(fields: dict[str, str], expected: dict[str, object]) -> None:
    now = entries.with_earlier_file(second(**fields), FIRST)
    assert retired.differences(FIRST, now) == expected


def test_other_bytes_differ_in_all_that_follows_from_them() -> None:
    found = retired.differences(FIRST, second())
    assert found["signature"] == {"then": FIRST.signature, "now": "6f" * 32}
    assert found["width"] == {"then": 640, "now": None}
    assert found["original_mimetype"] == {"then": "image/jpeg", "now": "image/png"}
    assert not found.keys() & {"version", "storage_key", "updated_date", "content_date"}


def test_a_field_that_only_one_of_them_has_differs() -> None:
    older = replace(FIRST, more={"author": "Ada"})
    assert retired.differences(older, FIRST) == {"author": {"then": "Ada", "now": None}}
