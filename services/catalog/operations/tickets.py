"""The operations of tickets: an application makes one, and a page uploads with it."""

from services.catalog.openapi import tickets as document
from services.catalog.openapi.answers import BODY, DOWN, ONE
from services.catalog.operations.operation import Document, Operation
from services.catalog.routes import direct, tickets
from services.catalog.settings import CatalogSettings
from services.catalog.tokens import Role


def operations(settings: CatalogSettings) -> tuple[Operation, ...]:
    return (
        Operation(
            "POST",
            "/tickets",
            tickets.post_ticket,
            Role.WRITE,
            document=Document(
                "createTicket",
                "Make a ticket, with which a page uploads without a token",
                "tickets",
                {201: "MadeTicket", **BODY, 403: "Forbidden", **ONE},
                body=document.wanted(settings),
            ),
        ),
        Operation(
            "POST",
            tickets.DIRECT,
            direct.post_direct,
            Role.PUBLIC,  # The ticket says what is allowed.
            document=Document(
                "uploadWithTicket",
                "Upload a file with a ticket",
                "tickets",
                {200: "UploadedByPage", **BODY, 403: "TicketRefused", **DOWN},
                (document.TICKET,),
                body=document.form(settings),
            ),
        ),
    )
