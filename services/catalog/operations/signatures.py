"""The operation that signs addresses."""

from services.catalog.openapi import bodies
from services.catalog.openapi import signatures as document
from services.catalog.openapi.answers import BODY, ONE
from services.catalog.operations.operation import Document, Operation
from services.catalog.routes import signatures
from services.catalog.settings import CatalogSettings
from services.catalog.tokens import Role


def operations(settings: CatalogSettings) -> tuple[Operation, ...]:
    return (
        Operation(
            "POST",
            "/catalog/{uuid:entry}/signatures",
            signatures.post_signatures,
            Role.WRITE,  # Whoever gets such an address needs no token.
            others=(settings.route_catalog_get,),
            document=Document(
                "signAddresses",
                "Sign addresses of an asset, for a time",
                "files",
                {200: "Signatures", 409: "NotSigning", **BODY, **ONE},
                (bodies.UUID,),
                body=document.wanted(),
            ),
        ),
    )
