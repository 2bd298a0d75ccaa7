"""The delegated storage: where the bytes are. One Protocol, one module per backend, chosen by settings."""

from services.core.settings import CoreSettings
from services.core.storage.base import ObjectExists, ObjectMissing, Storage
from services.core.storage.local import LocalStorage

__all__ = ["ObjectExists", "ObjectMissing", "Storage", "open_storage"]


def open_storage(settings: CoreSettings) -> Storage:
    """Return the storage that the settings choose."""
    return LocalStorage(settings.data_folder_path)
