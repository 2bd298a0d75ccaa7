"""The operation that has files imported from addresses."""

from services.catalog.openapi import imports as document
from services.catalog.openapi.answers import BODY, DOWN
from services.catalog.operations.operation import Document, Operation
from services.catalog.routes import imports
from services.catalog.settings import CatalogSettings
from services.catalog.tokens import Role


def operations(settings: CatalogSettings) -> tuple[Operation, ...]:
    if not settings.imports:
        return ()
    return (
        Operation(
            "POST",
            "/imports",
            imports.post_imports,
            Role.WRITE,
            document=Document(
                "importFiles",
                "Import files from addresses",
                "files",
                {202: "Importing", **BODY, 403: "Forbidden", 429: "TooMany", **DOWN},
                body=document.body(settings),
            ),
        ),
    )
