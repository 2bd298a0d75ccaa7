"""What several unit tests need: real photographs, and entries as an upload makes them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import skimage
import sklearn
from hypothesis import settings

from services.core.assets import entries, names
from services.core.assets.entries import Entry, StoredFile

settings.register_profile("unit", deadline=None, max_examples=100, database=None)
settings.load_profile("unit")

MakeEntry = Callable[..., Entry]

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
    """Return a function that makes the entry of an uploaded file; `fields` are the settable ones."""

    def make(
        given_name: str = "cat.jpg",
        media_type: str = "image/jpeg",
        *,
        namespace: str = "DEV",
        destination: str | None = None,
        convert: bool = True,
        assets_url: str = "https://media.example.com/prefix/assets/media",
        **fields: Any,
    ) -> Entry:
        name = names.name_asset(namespace, destination, given_name, media_type, frozenset({media_type}), convert)
        return entries.new_entry(
            name,
            StoredFile(media_type, "5e" * 32, 1234, names.plain_storage_key(name.unique_name), 1234),
            converted=name.filename.endswith(".webp") and convert,
            assets_url=assets_url,
            fields=fields,
        )

    return make
