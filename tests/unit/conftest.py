"""What several unit tests need: real photographs, and entries as an upload makes them."""

from pathlib import Path

import pytest
import skimage
import sklearn
from hypothesis import settings

from tests.support.entries import MakeEntry, made_entry

settings.register_profile("unit", deadline=None, max_examples=100, database=None)
settings.load_profile("unit")

_PHOTOS = {
    "china.jpg": Path(sklearn.__file__).parent / "datasets/images/china.jpg",
    "flower.jpg": Path(sklearn.__file__).parent / "datasets/images/flower.jpg",
    "astronaut.png": Path(skimage.__file__).parent / "data/astronaut.png",
}


@pytest.fixture(scope="session")
def photos() -> dict[str, bytes]:
    """Real photographs, as files: two JPEGs of 640x427 and a PNG of 512x512."""
    return {name: path.read_bytes() for name, path in _PHOTOS.items()}


@pytest.fixture(scope="session")
def make_entry() -> MakeEntry:
    return made_entry
