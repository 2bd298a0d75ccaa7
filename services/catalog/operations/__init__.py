"""Everything that a client can ask the catalog service for, declared once each.

Routes, authorisation and the OpenAPI document are made of this list. What is not in it is not reachable, and nothing is
in it without a role, which says who may ask for it.
"""

from services.catalog.operations import dumps, entries, files, jobs, service
from services.catalog.operations.operation import Operation
from services.catalog.operations.paths import paths
from services.catalog.operations.routing import hot, not_limited, routes
from services.catalog.settings import CatalogSettings

__all__ = ["Operation", "hot", "not_limited", "operations", "paths", "routes"]


def operations(settings: CatalogSettings) -> tuple[Operation, ...]:
    """Return all operations. Where two have the same method and path, the first one holds."""
    return (
        *files.operations(settings),
        *dumps.operations(settings),
        *entries.operations(settings),
        *jobs.operations(),
        *service.operations(settings),
    )
