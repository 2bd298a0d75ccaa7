"""What several unit tests need: real photographs, and entries as an upload makes them."""

import pytest
from hypothesis import settings

from tests.support.entries import MakeEntry, made_entry
from tests.support.photographs import ASTRONAUT, CHINA, FLOWER

settings.register_profile("unit", deadline=None, max_examples=100, database=None)
settings.load_profile("unit")

_PHOTOS = {
    "china.jpg": CHINA,
    "flower.jpg": FLOWER,
    "astronaut.png": ASTRONAUT,
}


@pytest.fixture(scope="session")
def photos() -> dict[str, bytes]:
    """Real photographs, as files: two JPEGs of 640x427 and a PNG of 512x512."""
    return {name: path.read_bytes() for name, path in _PHOTOS.items()}


@pytest.fixture(scope="session")
def make_entry() -> MakeEntry:
    return made_entry
