"""The operations that take and remove files."""

from services.catalog.openapi import bodies
from services.catalog.openapi.answers import BODY, DOWN, FILES, ONE
from services.catalog.operations.operation import Document, Operation
from services.catalog.routes import files
from services.catalog.settings import CatalogSettings
from services.catalog.tokens import Role


def operations(settings: CatalogSettings) -> tuple[Operation, ...]:
    return (
        Operation(
            "POST",
            "/file",
            files.post_file,
            Role.WRITE,
            others=("/upload", settings.route_file_post),
            document=Document(
                "uploadFile",
                "Upload a file",
                "files",
                {200: "Uploaded", **BODY, 403: "Forbidden", **DOWN},
                (bodies.ON_CONFLICT, bodies.WAIT),
                body=bodies.form("Upload", settings),
            ),
        ),
        Operation(
            "POST",
            "/files",
            files.post_files,
            Role.WRITE,
            others=("/uploads", settings.route_files_post),
            document=Document(
                "uploadFiles",
                "Upload several files",
                "files",
                {**FILES, 403: "Forbidden"},
                (bodies.ON_CONFLICT, bodies.WAIT),
                body=bodies.form("Uploads", settings),
            ),
        ),
        Operation(
            "PATCH",
            "/files",
            files.patch_files,
            Role.WRITE,
            document=Document(
                "changeFiles",
                "Replace several files (form), or change fields of several entries (JSON)",
                "files",
                FILES,
                body=bodies.form("Replacements", settings),
            ),
        ),
        Operation(
            "DELETE",
            "/files",
            files.delete_files,
            Role.WRITE,
            document=Document(
                "deleteFiles",
                "Delete several assets: entries, bytes and cached copies",
                "files",
                {**FILES, 200: "FilesPartlyDeleted"},
                body=bodies.deletions(settings),
            ),
        ),
        Operation(
            "PATCH",
            "/file/{uuid}",
            files.patch_file,
            Role.WRITE,
            document=Document(
                "changeFile",
                "Replace a file, or give it another path; change fields",
                "files",
                {200: "Written", 500: "Damaged", **BODY, **ONE},
                (bodies.UUID,),
                body=bodies.form("Replacement", settings),
            ),
        ),
        Operation(
            "DELETE",
            "/file/{uuid}",
            files.delete_file,
            Role.WRITE,
            document=Document(
                "deleteFile",
                "Delete an asset: entry, bytes and cached copies",
                "files",
                {200: "Deleted", **ONE},
                (bodies.UUID,),
            ),
        ),
    )
