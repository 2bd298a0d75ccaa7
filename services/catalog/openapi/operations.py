"""The routes in the document: what each takes and which answers it can give. Pure functions."""

from typing import Any

from services.catalog.openapi import answers, bodies, jobs
from services.catalog.settings import CatalogSettings

Operation = dict[str, Any]
Paths = dict[str, dict[str, Operation]]

PAGE = "/api-docs"
DOCUMENT = "/openapi.json"

_READING = ("get", "head")
_BODY = {400: "Refused", 413: "TooLarge"}
_DOWN = {503: "Unavailable"}
_ONE = {404: "NotFound", **_DOWN}
_SEVERAL = {200: "PartlyWritten", **_BODY, **_DOWN}


class Routes:
    """Collects operations. As in the application, the first for a path and a method is the one."""

    def __init__(self, *, protected: bool) -> None:
        self.paths: Paths = {}
        self._protected = protected

    def add(
        self,
        method: str,
        path: str,
        name: str,
        summary: str,
        said: dict[int, str],
        *,
        exempt: bool = False,
        private: bool = False,
        **more: Any,
    ) -> None:
        """Add an operation; `said` names its answer for each status, beside those that every operation can give.

        No limit applies to one that is `exempt`; one that is `private` needs a token to read, too.
        """
        at = self.paths.setdefault(path, {})
        if method in at:
            return
        every = {} if exempt else {429: "TooMany"}
        if self._protected and (method not in _READING or private):
            every |= {401: "Unauthorized", 403: "Forbidden"}
            more["security"] = [{"token": []}]
        if "{uuid}" in path:
            more["parameters"] = [bodies.UUID, *more.get("parameters", [])]
        found = {str(status): answers.reference_to(answer) for status, answer in sorted({**every, **said}.items())}
        at[method] = {"operationId": name, "summary": summary, **more, "responses": found}

    def also(self, path: str, like: str, methods: tuple[str, ...] = ()) -> None:
        """Add another path for the operations of one (some of them, or all and those below it)."""
        for known in [known for known in self.paths if known == like or known.startswith(f"{like}/")]:
            if known != like and methods:
                continue
            at = self.paths.setdefault(path + known.removeprefix(like), {})
            for method, operation in self.paths[known].items():
                if not methods or method in methods:
                    name = f"{operation['operationId']}_{path.strip('/').replace('/', '_')}"
                    told = f"Another path for `{method.upper()} {known}`."
                    at.setdefault(method, {**operation, "operationId": name, "description": told})


def add_files(routes: Routes, settings: CatalogSettings) -> None:
    """Add the routes that take and remove files."""
    tags = ["files"]
    routes.add(
        "post",
        "/file",
        "postFile",
        "Upload a file",
        {200: "Uploaded", **_BODY, 403: "Forbidden", **_DOWN},
        tags=tags,
        requestBody=bodies.form("Upload", settings),
    )
    routes.add(
        "post",
        "/files",
        "postFiles",
        "Upload several files",
        {**_SEVERAL, 403: "Forbidden"},
        tags=tags,
        requestBody=bodies.form("Uploads", settings),
    )
    routes.add(
        "patch",
        "/files",
        "patchFiles",
        "Replace several files (form), or change fields of several entries (JSON)",
        _SEVERAL,
        tags=tags,
        requestBody=bodies.either(bodies.form("Replacements", settings), bodies.list_of_changes(settings)),
    )
    routes.add(
        "delete",
        "/files",
        "deleteFiles",
        "Delete several assets: entries, bytes and cached copies",
        _SEVERAL,
        tags=tags,
        requestBody=bodies.deletions(settings),
    )
    routes.add(
        "patch",
        "/file/{uuid}",
        "patchFile",
        "Replace a file, change fields, or both",
        {200: "Written", **_BODY, **_ONE},
        tags=tags,
        requestBody=bodies.either(bodies.form("Replacement", settings), bodies.changes()),
    )
    routes.add(
        "delete",
        "/file/{uuid}",
        "deleteFile",
        "Delete an asset: entry, bytes and cached copies",
        {200: "Written", **_ONE},
        tags=tags,
    )


def add_catalog(routes: Routes, settings: CatalogSettings) -> None:
    """Add the routes that read and change entries."""
    tags = ["catalog"]
    routes.add(
        "get",
        "/catalog",
        "getCatalog",
        "List the entries",
        {200: "List", 304: "NotModified", 400: "Refused", **_DOWN},
        tags=tags,
        parameters=bodies.list_parameters(settings),
    )
    routes.add(
        "post",
        "/catalog",
        "postEntry",
        "Catalogue a file that is in the storage already",
        {201: "Uploaded", **_BODY, 403: "Forbidden", **_ONE},
        tags=tags,
        requestBody=bodies.adoption(settings),
    )
    routes.add(
        "patch",
        "/catalog",
        "patchEntries",
        "Change fields of several entries",
        _SEVERAL,
        tags=tags,
        requestBody=bodies.list_of_changes(settings),
    )
    routes.add(
        "delete",
        "/catalog",
        "deleteEntries",
        "Remove all entries; the bytes stay",
        {200: "Removed", **_DOWN},
        tags=tags,
    )
    dump = {202: "WaitingDump", 500: "DamagedDump", 503: "DumpUnavailable"}
    routes.add(
        "post", "/catalog/create-dump", "createDump", "Dump the catalog", {200: "CreatedDump", **dump}, tags=tags
    )
    for path, name in (
        ("/catalog/restore-dump", "restoreDump"),
        ("/catalog/restore-dump/{filename}", "restoreThisDump"),
    ):
        routes.add(
            "post",
            path,
            name,
            "Replace the catalog by that of a dump",
            {200: "RestoredDump", 400: "NoDumpName", 404: "NoDump", 422: "BadDump", **dump},
            tags=tags,
            parameters=[jobs.which_dump("path" if path.endswith("}") else "query")],
        )
    routes.add(
        "get",
        "/catalog/get-dump/{filename}",
        "getDump",
        "Download a dump of the catalog",
        {200: "Dump", 400: "NoDumpName", 404: "NoDump", 500: "DamagedDump", **_DOWN},
        private=True,
        tags=tags,
        parameters=bodies.dump_parameters(),
    )
    routes.add(
        "get",
        "/catalog/{uuid}",
        "getEntry",
        "Read an entry",
        {200: "Entry", 304: "NotModified", **_ONE},
        tags=tags,
        parameters=[bodies.IF_NONE_MATCH],
    )
    routes.add(
        "patch",
        "/catalog/{uuid}",
        "patchEntry",
        "Change fields of an entry",
        {200: "Written", **_BODY, **_ONE},
        tags=tags,
        requestBody=bodies.changes(),
    )
    routes.add(
        "delete",
        "/catalog/{uuid}",
        "deleteEntry",
        "Remove an entry; the bytes stay",
        {200: "Written", **_ONE},
        tags=tags,
    )


def add_jobs(routes: Routes) -> None:
    """Add the routes about what the worker does."""
    tags = ["jobs"]
    routes.add(
        "get",
        "/jobs",
        "getJobs",
        "List the jobs of the last week",
        {200: "Jobs", 400: "Refused", **_DOWN},
        private=True,
        tags=tags,
        parameters=jobs.list_parameters(),
    )
    routes.add(
        "get",
        "/jobs/{job}",
        "getJob",
        "Look at a job",
        {200: "Jobs", **_ONE},
        private=True,
        tags=tags,
        parameters=[jobs.id_parameter()],
    )
    routes.add(
        "post",
        "/jobs/{job}",
        "postJob",
        "Ask for a job",
        {202: "Asked", **_BODY, **_ONE},
        tags=tags,
        parameters=[jobs.name_parameter()],
        requestBody=jobs.arguments(),
    )


def add_service(routes: Routes, settings: CatalogSettings) -> None:
    """Add the routes about the service itself."""
    tags = ["service"]
    routes.add(
        "get",
        settings.healthcheck_route,
        "getReadiness",
        "Whether requests can be answered",
        {200: "Ready", 503: "NotReady"},
        exempt=True,
        tags=tags,
    )
    routes.add(
        "get",
        DOCUMENT,
        "getDocument",
        "This document",
        {200: "Document", 304: "NotModified"},
        tags=tags,
        parameters=[bodies.IF_NONE_MATCH],
    )
    routes.add(
        "get",
        PAGE,
        "getPage",
        "A page to try the API",
        {200: "Page", 304: "NotModified"},
        tags=tags,
        parameters=[bodies.IF_NONE_MATCH],
    )
