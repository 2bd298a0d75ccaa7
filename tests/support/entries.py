"""Entries as an upload makes them."""

from collections.abc import Callable
from typing import Any

from services.core.assets import entries, names
from services.core.assets.entries import Entry, StoredFile

MakeEntry = Callable[..., Entry]


def made_entry(
    given_name: str = "cat.jpg",
    media_type: str = "image/jpeg",
    *,
    namespace: str = "DEV",
    destination: str | None = None,
    convert: bool | None = None,
    **fields: Any,
) -> Entry:
    """Return the entry of an uploaded file; `fields` are the settable ones."""
    converted = names.is_converted(media_type, convert, default=True)
    name = names.name_asset(namespace, destination, given_name, media_type, frozenset({media_type}), converted)
    return entries.new_entry(
        name,
        StoredFile(media_type, "5e" * 32, 1234, names.plain_storage_key(name.unique_name), 1234),
        converted=converted,
        fields=fields,
    )
