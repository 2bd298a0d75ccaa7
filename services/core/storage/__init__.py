"""The delegated storage: where the bytes are. One Protocol, one table of backends, chosen by a setting."""

from services.core.assets.stored_object import StoredObject
from services.core.storage.base import (
    Listed,
    ListingUnsupported,
    Marked,
    NewObject,
    ObjectExists,
    ObjectMissing,
    Outcome,
    Receipt,
    ReplacesInPlace,
    Storage,
)
from services.core.storage.breaker import Breaker
from services.core.storage.meter import Meter
from services.core.storage.settings import StorageSettings
from services.core.storage.wrapper import Wrapped, wrapped

__all__ = [
    "Listed",
    "ListingUnsupported",
    "Marked",
    "NewObject",
    "ObjectExists",
    "ObjectMissing",
    "Outcome",
    "Receipt",
    "ReplacesInPlace",
    "Storage",
    "StorageSettings",
    "StoredObject",
    "Wrapped",
    "open_storage",
]


def open_storage(settings: StorageSettings) -> Wrapped:
    """Return the storage that the settings choose; `Storage.open` connects it."""
    backend = settings.backend
    breaker = Breaker(settings.storage_breaker_failures, settings.storage_breaker_seconds) if backend.remote else None
    return wrapped(backend.storage(settings), Meter(backend.label), breaker)
