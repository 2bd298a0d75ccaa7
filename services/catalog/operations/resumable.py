"""The operations of resumable uploads: of programs with a token, and of pages with a ticket."""

from collections.abc import Iterator
from dataclasses import dataclass

from services.catalog.openapi import bodies
from services.catalog.openapi import resumable as document
from services.catalog.openapi import tickets as tickets_document
from services.catalog.openapi.schemas import Schema
from services.catalog.operations.operation import Document, Operation
from services.catalog.routes import resumable
from services.catalog.routes.senders import Step, with_ticket, with_token
from services.catalog.routes.tickets import DIRECT
from services.catalog.settings import CatalogSettings
from services.catalog.tokens import Role
from services.core.serving.web import Answer


@dataclass(frozen=True, slots=True)
class _Way:
    """A path for resumable uploads. `suffix` makes the names of its operations differ from those of the other one."""

    path: str
    role: Role
    suffix: str
    discovers_with: tuple[Schema, ...]
    begins_with: tuple[Schema, ...]
    goes_on_with: tuple[Schema, ...]
    finished: str
    refused: dict[int, str]

    def handler(self, step: Step, *, begun: bool = True) -> Answer:
        return with_token(step) if self.role is not Role.PUBLIC else with_ticket(step, begun=begun)


_WITH_TOKEN = _Way("/tus", Role.WRITE, "", (), (bodies.ON_CONFLICT,), (), "Finished", {})
_WITH_TICKET = _Way(
    f"{DIRECT}/tus",
    Role.PUBLIC,  # The ticket says what is allowed.
    "OfPage",
    ({**tickets_document.TICKET, "required": False, "schema": {"type": "string", "pattern": r"\S"}},),
    (tickets_document.TICKET,),
    (tickets_document.TICKET,),
    "UploadedByPage",
    {403: "TicketRefused"},
)


def operations(settings: CatalogSettings) -> tuple[Operation, ...]:
    return tuple(operation for way in (_WITH_TOKEN, _WITH_TICKET) for operation in _operations(way, settings))


def _operations(way: _Way, settings: CatalogSettings) -> Iterator[Operation]:
    tag, upload, by_id = "resumable", f"{way.path}/{{upload}}", (document.UPLOAD, document.VERSION, *way.goes_on_with)
    yield Operation(
        "OPTIONS",
        way.path,
        resumable.discover,
        Role.PUBLIC,
        document=Document(
            f"discoverTus{way.suffix}",
            "What the service can do of tus 1.0",
            tag,
            {204: "Discovered"},
            way.discovers_with,
        ),
    )
    yield Operation(
        "POST",
        way.path,
        way.handler(resumable.begin, begun=False),
        way.role,
        document=Document(
            f"beginUpload{way.suffix}",
            "Begin a resumable upload",
            tag,
            {201: "Begun", **document.REFUSALS, 501: "NotSupported", 507: "NoRoom", **way.refused},
            (*way.begins_with, *document.begin_parameters(settings)),
            body=document.BODY,
        ),
    )
    yield Operation(
        "HEAD",
        upload,
        way.handler(resumable.tell),
        way.role,
        document=Document(
            f"getUpload{way.suffix}",
            "How much of an upload has been received",
            tag,
            {200: "Received", **document.HEAD_REFUSALS, **dict.fromkeys(way.refused, "HeadRefused")},
            by_id,
        ),
    )
    yield Operation(
        "PATCH",
        upload,
        way.handler(resumable.go_on),
        way.role,
        document=Document(
            f"continueUpload{way.suffix}",
            "Send the next bytes of an upload",
            tag,
            {200: way.finished, 204: "Taken", 404: "NoUpload", 409: "WrongOffset", **document.REFUSALS, **way.refused},
            (*by_id, *document.patch_parameters()),
            body=document.REQUIRED_BODY,
        ),
    )
    yield Operation(
        "DELETE",
        upload,
        way.handler(resumable.remove),
        way.role,
        document=Document(
            f"endUpload{way.suffix}",
            "End an upload, and remove what has been received of it",
            tag,
            {204: "Ended", **document.END_REFUSALS, **way.refused},
            by_id,
        ),
    )
