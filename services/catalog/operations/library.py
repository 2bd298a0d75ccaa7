"""The operations of the page on which people work with their pictures."""

from services.catalog.library import page
from services.catalog.openapi.answers import DOWN
from services.catalog.openapi.bodies import IF_NONE_MATCH
from services.catalog.operations.operation import Document, Operation
from services.catalog.routes import about
from services.catalog.settings import CatalogSettings
from services.catalog.tokens import Role


def operations(settings: CatalogSettings) -> tuple[Operation, ...]:
    return (
        Operation(
            "GET",
            "/about",
            about.get_about,
            Role.READ,
            document=Document(
                "getAbout", "What the sender may do, and what the service takes", "service", {200: "About", **DOWN}
            ),
        ),
        Operation(
            "GET",
            page.PAGE,
            page.page(settings.library_embedders, settings.oidc_issuer),
            Role.PUBLIC,
            document=Document(
                "getLibrary",
                "The page on which people work with their pictures",
                "service",
                {200: "Page", 304: "NotModified"},
                (IF_NONE_MATCH,),
            ),
        ),
        Operation("GET", page.PICKER, page.picker(settings.library_embedders), Role.PUBLIC, document=None),
        Operation("GET", page.SIGNED_IN, page.get_signed_in, Role.PUBLIC, document=None),
        Operation("GET", f"{page.PAGE}/", page.redirect, Role.PUBLIC, document=None),
        Operation("GET", f"{page.PAGE}/{{version}}/{{name:path}}", page.get_file, Role.PUBLIC, document=None),
        Operation("GET", "/", page.redirect_root, Role.PUBLIC, document=None),
    )
