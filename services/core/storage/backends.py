"""The table of backends: the values of DELEGATED_STORAGE_METHOD."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.core.storage.base import Storage

if TYPE_CHECKING:
    from services.core.storage.settings import StorageSettings


@dataclass(frozen=True, slots=True)
class Backend:
    """One row. `label` is its name in the metrics; `source` and `place` are its names in answers about dumps."""

    label: str
    source: str
    place: str
    storage: "Callable[[StorageSettings], Storage]"
    """Makes the storage. It imports the backend only then, so that local files do not load a library for S3."""
    dumps: str
    """The full name of the function that makes the dump store. It is in dumps/stores.py, which imports this package."""
    remote: bool = True
    """It can be down while the service is up: a circuit breaker guards it."""
    replaces_in_place: bool = False
    """It has one file for all versions of an asset (see `base.ReplacesInPlace`), so nothing can be undone."""
    needs: Mapping[str, str] = field(default_factory=dict)
    """The settings that it requires, each with its expected value."""


def _local(settings: "StorageSettings") -> Storage:
    from services.core.storage.local import LocalStorage

    return LocalStorage(settings.data_folder_path)


def _s3(settings: "StorageSettings") -> Storage:
    from services.core.storage.s3.storage import S3Storage

    return S3Storage(settings)


def _distant(settings: "StorageSettings") -> Storage:
    from services.core.storage.distant.storage import DistantStorage

    return DistantStorage(settings)


DEFAULT = "STANDALONE"
BACKENDS: Mapping[str, Backend] = {
    DEFAULT: Backend(
        "local", "local", "local storage", _local, "services.core.dumps.stores.dumps_in_a_folder", remote=False
    ),
    "S3": Backend(
        "s3",
        "s3",
        "S3",
        _s3,
        "services.core.dumps.stores.dumps_beside_files",
        needs={"s3_access_key": "a key", "s3_secret_key": "a key"},
    ),
    "DISTANT_BACKEND": Backend(
        "distant",
        "distant_backend",
        "distant backend",
        _distant,
        "services.core.dumps.stores.dumps_at_the_backend",
        replaces_in_place=True,
        needs={"delegated_storage_host": "an address such as http://media-backend:8000"},
    ),
}
