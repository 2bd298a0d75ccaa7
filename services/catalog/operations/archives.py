"""The operations of archives: many files in one ZIP."""

from services.catalog.openapi import archives as document
from services.catalog.openapi.answers import BODY, DOWN, ONE
from services.catalog.operations.operation import Document, Operation
from services.catalog.routes import archives
from services.catalog.settings import CatalogSettings
from services.catalog.tokens import Role


def operations(settings: CatalogSettings) -> tuple[Operation, ...]:
    others = (settings.route_catalog_get,)
    return (
        Operation(
            "POST",
            archives.PATH,
            archives.post_archive,
            Role.READ,
            others=others,
            document=Document(
                "createArchive",
                "Make the address of a ZIP with many files",
                "files",
                {201: "MadeArchive", **BODY, **ONE},
                body=document.wanted(),
            ),
        ),
        Operation(
            "GET",
            archives.PATH,
            archives.get_archive,
            Role.PUBLIC,  # The ticket says what is allowed.
            others=others,
            document=Document(
                "getArchive",
                "Fetch a ZIP with many files",
                "files",
                {200: "Zip", 400: "Refused", 403: "TicketRefused", **DOWN},
                (document.TICKET,),
            ),
        ),
    )
