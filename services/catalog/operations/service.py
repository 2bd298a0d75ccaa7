"""The operations about the service itself: its health, what namespaces have, its document, and the page to try it."""

from services.catalog.openapi.answers import DOWN
from services.catalog.openapi.bodies import IF_NONE_MATCH
from services.catalog.operations.operation import Document, Operation
from services.catalog.routes import auth, docs_page, health, status, usage
from services.catalog.routes.docs_page import DOCUMENT, PAGE
from services.catalog.settings import CatalogSettings
from services.catalog.tokens import Role


def operations(settings: CatalogSettings) -> tuple[Operation, ...]:
    return (
        Operation(
            "GET",
            settings.healthcheck_route,
            health.readiness,
            Role.PUBLIC,
            limited=False,
            document=Document(
                "getReadiness",
                "Whether requests can be answered",
                "service",
                {200: "Ready", 503: "NotReady"},
            ),
        ),
        Operation(
            "GET",
            "/status",
            status.get_status,
            Role.ADMIN,
            document=Document(
                "getStatus",
                "How every process and the queue of jobs is",
                "service",
                {200: "Status", **DOWN},
            ),
        ),
        Operation(
            "GET",
            "/auth",
            auth.get_auth,
            Role.PUBLIC,
            document=Document("getAuth", "How people log in", "service", {200: "Auth"}),
        ),
        Operation(
            "GET",
            "/usage",
            usage.get_usage,
            Role.READ,
            document=Document(
                "getUsage",
                "What each namespace has, and what it may have",
                "service",
                {200: "Usage", **DOWN},
            ),
        ),
        Operation(
            "GET",
            DOCUMENT,
            docs_page.get_document,
            Role.PUBLIC,
            document=Document(
                "getOpenapi",
                "This document",
                "service",
                {200: "Document", 304: "NotModified"},
                (IF_NONE_MATCH,),
            ),
        ),
        Operation(
            "GET",
            PAGE,
            docs_page.get_page,
            Role.PUBLIC,
            document=Document(
                "getApiDocs",
                "A page to try the API",
                "service",
                {200: "Page", 304: "NotModified"},
                (IF_NONE_MATCH,),
            ),
        ),
        Operation("GET", f"{PAGE}/", docs_page.redirect, Role.PUBLIC, document=None),
        *(
            Operation("GET", f"{PAGE}/{name}", handler, Role.PUBLIC, document=None)
            for name, handler in docs_page.parts().items()
        ),
    )
