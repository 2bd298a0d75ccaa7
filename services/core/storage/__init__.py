"""The delegated storage: where the bytes are. One Protocol, one module per backend, chosen by settings."""

from services.core.assets.stored_object import StoredObject
from services.core.storage.base import (
    Listed,
    ListingUnsupported,
    NewObject,
    ObjectExists,
    ObjectMissing,
    Receipt,
    Storage,
)
from services.core.storage.breaker import Breaker, GuardedStorage
from services.core.storage.metered import MeteredStorage
from services.core.storage.settings import StorageSettings

__all__ = [
    "Listed",
    "ListingUnsupported",
    "NewObject",
    "ObjectExists",
    "ObjectMissing",
    "Receipt",
    "Storage",
    "StorageSettings",
    "StoredObject",
    "open_storage",
]


def open_storage(settings: StorageSettings) -> Storage:
    """Return the storage that the settings choose; `Storage.open` connects it.

    A backend is imported when it is chosen: local files do not pay for a library of S3.
    """
    match settings.delegated_storage_method:
        case "S3":
            from services.core.storage.s3.storage import S3Storage

            return _guarded(S3Storage(settings), "s3", settings)
        case "DISTANT_BACKEND":
            from services.core.storage.distant.storage import DistantStorage

            return _guarded(DistantStorage(settings), "distant", settings)
    from services.core.storage.local import LocalStorage

    return MeteredStorage(LocalStorage(settings.data_folder_path), "local")


def _guarded(storage: Storage, backend: str, settings: StorageSettings) -> Storage:
    breaker = Breaker(settings.storage_breaker_failures, settings.storage_breaker_seconds)
    return MeteredStorage(GuardedStorage(storage, breaker), backend)
