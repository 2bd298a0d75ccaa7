"""The operations about what the nodes of the gateway have."""

from services.catalog.openapi import bodies
from services.catalog.openapi import caches as document
from services.catalog.openapi.answers import DOWN, ONE
from services.catalog.operations.operation import Document, Operation
from services.catalog.routes import caches
from services.catalog.settings import CatalogSettings
from services.catalog.tokens import Role


def operations(settings: CatalogSettings) -> tuple[Operation, ...]:
    others = (settings.route_catalog_get,)
    return (
        Operation(
            "GET",
            "/nodes",
            caches.get_nodes,
            Role.READ,
            document=Document(
                "getNodes",
                "Say which nodes of the caches have a change",
                "caches",
                {200: "Nodes", 400: "Refused", **DOWN},
                (document.change_parameter(),),
            ),
        ),
        Operation(
            "GET",
            "/catalog/{uuid:entry}/forms",
            caches.get_forms,
            Role.READ,
            others=others,
            document=Document(
                "getForms",
                "List the copies of an asset in the caches",
                "caches",
                {200: "Forms", **ONE},
                (bodies.UUID,),
            ),
        ),
        Operation(
            "POST",
            "/catalog/{uuid:entry}/purge",
            caches.purge,
            Role.WRITE,
            others=others,
            document=Document(
                "purgeEntry",
                "Make all copies of an asset in the caches stale",
                "caches",
                {200: "Written", **ONE},
                (bodies.UUID,),
            ),
        ),
        Operation(
            "POST",
            "/catalog/{uuid:entry}/warm",
            caches.warm,
            Role.WRITE,
            others=others,
            document=Document(
                "warmEntry",
                "Have forms of an asset made before they are asked for",
                "caches",
                {202: "Asked", **ONE},
                (bodies.UUID,),
            ),
        ),
    )
