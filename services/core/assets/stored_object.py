"""What a storage is asked for, and told, about the file of an asset."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object, by its key. The rest is for backends that want to know what they keep (see `entries.Entry`)."""

    key: str
    media_type: str = ""
    """Of the bytes."""
    version: int = 1
    converted: bool = False
    """The bytes are not what the asset's name says: they are its original."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """The entry, as far as it is known."""
