"""The client finds by path what the service has stored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tada_client import names

from services.core.assets import identity
from services.core.assets import names as service
from services.core.errors import TadaError

TYPES = frozenset({"image/jpeg"})


@given(
    st.text(max_size=120), st.lists(st.text(max_size=100), max_size=3), st.sampled_from(["", ".jpg", ".JPEG", ".jfif"])
)
def test_a_file_is_looked_for_where_it_is_stored(base: str, folders: list[str], extension: str) -> None:
    destination = "/".join(folders)
    try:
        stored = service.name_asset("DEV", destination, base + extension, "image/jpeg", TYPES, True)
    except TadaError:
        return
    assert names.stem("DEV", destination, base + extension) == service.stem(stored.unique_name)


def test_a_uuid_follows_from_the_path() -> None:
    assert names.uuid_of("/DEV/pets/cat.webp") == identity.asset_uuid("/DEV/pets/cat.webp")


UUID = "4ff11851-456d-6c0d-548f-6772ed560240"


@pytest.mark.parametrize(
    "given",
    [
        UUID,
        "/DEV/cat.webp",
        "/assets/media/full/DEV/cat.webp",
        "https://media.example.com/assets/media/optimise/200x0/DEV/cat.webp?quality=80&v=1",
        "https://media.example.com/shop/pictures/full/image/DEV/cat.webp",
    ],
)
def test_an_asset_is_named_in_many_ways(given: str) -> None:
    assert names.reference(given) == UUID


@pytest.mark.parametrize(
    "given", ["", "cat", "cat.webp", "/DEV", "/DEV/../cat.webp", "https://media.example.com/", "1"]
)
def test_what_names_no_asset_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match="neither a uuid"):
        names.reference(given)
