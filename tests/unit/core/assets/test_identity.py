"""What an asset is known by."""

from hashlib import md5
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.assets import identity

PATHS = st.from_regex(r"\A(/[A-Za-z0-9@_-]{1,9}){2,4}\.webp\Z")


def test_a_uuid_is_the_md5_of_the_path_with_dashes() -> None:
    """Its digits are those that the older service gave this path."""
    assert identity.asset_uuid("/DEV/test.webp") == "4952e690-e097-13ba-e37c-6b12b95ff5ce"


@given(PATHS)
def test_a_uuid_has_the_bits_of_the_md5_whatever_version_they_say(path: str) -> None:
    assert UUID(identity.asset_uuid(path)).bytes == md5(path.encode(), usedforsecurity=False).digest()


def test_where_the_catalog_has_an_entry_stays_as_it_was() -> None:
    assert identity.entry_key("/DEV/cat.webp") == "5b4c967a-ea2d-54ee-8e83-e8ad8b65eff8"


@pytest.mark.parametrize(
    "spelling",
    [
        "4952e690-e097-13ba-e37c-6b12b95ff5ce",
        "4952e690e09713bae37c6b12b95ff5ce",
        "4952E690-E097-13BA-E37C-6B12B95FF5CE",
        "4952E690E09713bae37c6b12b95ff5ce",
    ],
)
def test_every_spelling_is_the_same_uuid(spelling: str) -> None:
    assert identity.canonical(spelling) == "4952e690-e097-13ba-e37c-6b12b95ff5ce"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cat",
        "4952e690e09713bae37c6b12b95ff5c",
        "4952e690e09713bae37c6b12b95ff5ce0",
        "4952e690-e09713ba-e37c-6b12b95ff5ce",
        "4952e690-e097-13ba-e37c6b12b95ff5ce-",
        "{4952e690-e097-13ba-e37c-6b12b95ff5ce}",
        "urn:uuid:4952e690-e097-13ba-e37c-6b12b95ff5ce",
        " 4952e690e09713bae37c6b12b95ff5ce",
        "4952e690e09713bae37c6b12b95ff5ce\n",
        "4952e690e09713bae37c6b12b95ff5cg",
        "٤952e690e09713bae37c6b12b95ff5ce",
    ],
)
def test_another_text_is_not_a_uuid(text: str) -> None:
    assert identity.canonical(text) is None


def test_an_entry_is_found_by_its_key_by_the_md5_of_its_path_and_by_what_it_shows() -> None:
    path = "/DEV/test.webp"
    key, uuid = identity.entry_key(path), identity.asset_uuid(path)
    assert identity.all_names(uuid, path) == [key, uuid]
    assert identity.all_names("4952E690E09713BAE37C6B12B95FF5CE", path) == [key, uuid]
    assert identity.all_names(key, path) == [key, uuid], "one of the version before"
    older = "e080a953-5300-427b-bd39-6e235d8238a2"
    assert identity.all_names(older, path) == [key, uuid, older]
    assert identity.other_names(older, path) == [uuid, older]
