"""The operations for dumps of the catalog. A dump has all entries, so even reading it requires the role `admin`."""

from services.catalog.openapi import bodies, jobs
from services.catalog.openapi.answers import DOWN
from services.catalog.operations.operation import Document, Operation
from services.catalog.routes import dumps
from services.catalog.settings import CatalogSettings
from services.catalog.tokens import Role

_BY_A_JOB = {
    202: "WaitingDump",
    409: "DumpNotDone",
    413: "TooLargeForDumps",
    500: "DamagedDump",
    503: "DumpUnavailable",
}
_RESTORED = {200: "RestoredDump", 400: "NoDumpName", 404: "NoDump", 422: "BadDump", **_BY_A_JOB}


def operations(settings: CatalogSettings) -> tuple[Operation, ...]:
    others = (settings.route_catalog_get,)
    return (
        Operation(
            "POST",
            "/catalog/create-dump",
            dumps.create_dump,
            Role.ADMIN,
            others=others,
            refusal=dumps.refusal,
            document=Document(
                "createDump",
                "Dump the catalog",
                "catalog",
                {200: "CreatedDump", 400: "NoDumpName", **_BY_A_JOB},
                jobs.new_dump(),
            ),
        ),
        Operation(
            "POST",
            "/catalog/restore-dump",
            dumps.restore_dump,
            Role.ADMIN,
            others=others,
            refusal=dumps.refusal,
            document=Document(
                "restoreDump",
                "Replace the catalog by that of a dump",
                "catalog",
                _RESTORED,
                (jobs.which_dump("query"), *jobs.choice_of_restore()),
            ),
        ),
        Operation(
            "POST",
            "/catalog/restore-dump/{filename}",
            dumps.restore_dump,
            Role.ADMIN,
            others=others,
            refusal=dumps.refusal,
            document=Document(
                "restoreThisDump",
                "Replace the catalog by that of a dump",
                "catalog",
                _RESTORED,
                (jobs.which_dump("path"), *jobs.choice_of_restore()),
            ),
        ),
        Operation(
            "GET",
            "/catalog/dumps",
            dumps.list_dumps,
            Role.ADMIN,
            others=others,
            document=Document(
                "listDumps",
                "List the dumps of the catalog, the latest first",
                "catalog",
                {200: "Dumps", 501: "NoListOfDumps", **DOWN},
            ),
        ),
        Operation(
            "GET",
            "/catalog/get-dump/{filename}",
            dumps.get_dump,
            Role.ADMIN,
            others=others,
            document=Document(
                "getDump",
                "Download a dump of the catalog",
                "catalog",
                {200: "Dump", 400: "NoDumpName", 404: "NoDump", 500: "DamagedDump", **DOWN},
                bodies.dump_parameters(),
            ),
        ),
    )
