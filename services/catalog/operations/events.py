"""The operations that tell what has happened."""

from services.catalog.openapi import bodies
from services.catalog.openapi import events as document
from services.catalog.openapi.answers import DOWN, ONE
from services.catalog.operations.operation import Document, Operation
from services.catalog.routes import events
from services.catalog.settings import CatalogSettings
from services.catalog.tokens import Role


def operations(settings: CatalogSettings) -> tuple[Operation, ...]:
    return (
        Operation(
            "GET",
            "/events",
            events.get_events,
            Role.READ,
            document=Document(
                "listEvents",
                "Follow what happens to the assets",
                "events",
                {200: "Events", 400: "Refused", **DOWN},
                document.feed_parameters(),
            ),
        ),
        Operation(
            "GET",
            "/catalog/{uuid:entry}/history",
            events.get_history,
            Role.READ,
            others=(settings.route_catalog_get,),
            document=Document(
                "getHistory",
                "List what has happened to an asset",
                "events",
                {200: "History", 400: "Refused", **ONE},
                (bodies.UUID, *document.page_parameters()),
            ),
        ),
    )
