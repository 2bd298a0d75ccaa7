"""All operations of the catalog service, each declared once.

Routes, authorisation and the OpenAPI document are made of this list. An operation that is not in the list cannot be
reached. Each operation has a role, which sets who may use it.
"""

from services.catalog.operations import (
    archives,
    caches,
    dumps,
    entries,
    events,
    files,
    imports,
    jobs,
    library,
    resumable,
    service,
    signatures,
    tickets,
    undo,
    webhooks,
)
from services.catalog.operations.operation import Operation
from services.catalog.operations.paths import paths
from services.catalog.operations.routing import hot, not_limited, routes
from services.catalog.settings import CatalogSettings

__all__ = ["Operation", "hot", "not_limited", "operations", "paths", "routes"]


def operations(settings: CatalogSettings) -> tuple[Operation, ...]:
    """Return all operations. If two have the same method and path, the first one is used."""
    return (
        *files.operations(settings),
        *resumable.operations(settings),
        *tickets.operations(settings),
        *dumps.operations(settings),
        *undo.operations(settings),
        *archives.operations(settings),
        *signatures.operations(settings),
        *entries.operations(settings),
        *imports.operations(settings),
        *events.operations(settings),
        *caches.operations(settings),
        *jobs.operations(),
        *webhooks.operations(),
        *service.operations(settings),
        *library.operations(settings),
    )
