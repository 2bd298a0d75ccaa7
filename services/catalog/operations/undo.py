"""The operations that bring back what a change has ended."""

from services.catalog.openapi import bodies
from services.catalog.openapi.answers import BODY, DOWN, ONE
from services.catalog.operations.operation import Document, Operation
from services.catalog.routes import undo
from services.catalog.routes.arguments import UNCONFIRMED_MAX
from services.catalog.settings import CatalogSettings
from services.catalog.tokens import Role
from services.core.serving.web import Answer

_VERSION = (bodies.UUID, bodies.VERSION)
_BYTES = {200: "Bytes", 500: "Damaged", **ONE}
_TRASHED = (bodies.TRASH_ID,)


def operations(settings: CatalogSettings) -> tuple[Operation, ...]:
    others = (settings.route_catalog_get,)

    def operation(method: str, path: str, handler: Answer, role: Role, document: Document) -> Operation:
        return Operation(method, f"/catalog{path}", handler, role, others=others, document=document)

    version, trashed = "/{uuid:entry}/versions/{version:number}", "/trash/{id:number}"
    return (
        operation(
            "GET",
            "/{uuid:entry}/versions",
            undo.list_versions,
            Role.READ,
            Document("listVersions", "List earlier versions", "undo", {200: "Versions", **ONE}, (bodies.UUID,)),
        ),
        operation(
            "GET",
            version,
            undo.get_version,
            Role.READ,
            Document("getVersion", "Compare an earlier version", "undo", {200: "ComparedVersion", **ONE}, _VERSION),
        ),
        operation(
            "GET",
            f"{version}/file",
            undo.get_version_file,
            Role.READ,
            Document("getVersionFile", "Get the bytes of an earlier version", "undo", _BYTES, _VERSION),
        ),
        operation(
            "POST",
            f"{version}/restore",
            undo.restore_version,
            Role.WRITE,
            Document(
                "restoreVersion",
                "Make the file of an earlier version that of the next one",
                "undo",
                {200: "Written", 413: "TooLarge", 500: "Damaged", **ONE},
                _VERSION,
            ),
        ),
        operation(
            "GET",
            "/trash",
            undo.list_trash,
            Role.READ,
            Document(
                "listTrash",
                "List deleted assets",
                "undo",
                {200: "Trash", 400: "Refused", **DOWN},
                bodies.trash_parameters(),
            ),
        ),
        operation(
            "DELETE",
            "/trash",
            undo.empty_trash,
            Role.ADMIN,
            Document(
                "emptyTrash",
                "Delete all deleted assets for good",
                "undo",
                {202: "Asked", **BODY, **DOWN},
                (bodies.confirm("assets in the trash", UNCONFIRMED_MAX),),
            ),
        ),
        operation(
            "GET",
            trashed,
            undo.get_trashed,
            Role.READ,
            Document("getTrashed", "Read a deleted asset", "undo", {200: "Trashed", **ONE}, _TRASHED),
        ),
        operation(
            "GET",
            f"{trashed}/file",
            undo.get_trashed_file,
            Role.READ,
            Document("getTrashedFile", "Get the bytes of a deleted asset", "undo", _BYTES, _TRASHED),
        ),
        operation(
            "POST",
            f"{trashed}/restore",
            undo.restore_trashed,
            Role.WRITE,
            Document(
                "restoreTrashed",
                "Bring back a deleted asset",
                "undo",
                {200: "Written", 413: "TooLarge", 500: "Damaged", **ONE},
                _TRASHED,
            ),
        ),
        operation(
            "DELETE",
            trashed,
            undo.delete_trashed,
            Role.WRITE,
            Document(
                "deleteTrashed",
                "Delete a deleted asset for good",
                "undo",
                {200: "Trashed", 413: "TooLarge", **ONE},
                _TRASHED,
            ),
        ),
    )
