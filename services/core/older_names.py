"""The variables that operators of the older Node.js service have in their files, and what became of each.

One table. The services read it at their start, and the page of settings in the docs is made from it.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

Fate = Literal["same", "renamed", "changed", "replaced", "unused"]
"""`same`: a setting here has this name and means the same. `renamed`: the value counts, for the setting `here`.
`changed`: a setting here has this name, and means something else; what it meant is `here`. `replaced`: nothing reads
it, and the note says what does its work. `unused`: nothing here needs it."""


@dataclass(frozen=True, slots=True)
class OlderName:
    """One variable of the older service.

    `here` is the setting that stands for it, empty if there is none. A value in `held` (in small letters) asks for what
    TADA does anyway, so nothing is said of it. `service` is the one that reads it, or speaks of it.
    """

    name: str
    fate: Fate
    note: str
    here: str = ""
    held: tuple[str, ...] = ()
    service: str = "catalog"


_ONE_PATH = (
    "The distant backend has one path for all methods: DELEGATED_STORAGE_SINGLE_PATH, and DELEGATED_STORAGE_MULTI_PATH "
    "for several files."
)

OLDER_NAMES: tuple[OlderName, ...] = (
    OlderName("NAMESPACES", "renamed", "The namespaces that are allowed.", "NAMESPACES_ALLOWED"),
    OlderName(
        "DELEGATED_STORAGE_RATE_LIMIT_WINDOW",
        "renamed",
        "The window in milliseconds.",
        "DELEGATED_STORAGE_RATE_LIMIT_WINDOW_MS",
        service="transform",
    ),
    OlderName(
        "RATE_LIMIT_WINDOW",
        "renamed",
        "The window in milliseconds.",
        "RATE_LIMIT_WINDOW_MS",
    ),
    OlderName(
        "DELEGATED_STORAGE_RATE_LIMIT",
        "same",
        "Reads of the storage for one address and window. Each size of a picture is an address of its own.",
        service="transform",
    ),
    OlderName("ORIGINS_ALLOWED", "same", "Names, addresses, * and /regular expressions/."),
    OlderName("CONVERT_TO_WEBP", "same", "What an upload without toWebp says."),
    OlderName("RESTORE_ON_INIT", "same", "Restores a dump when Redis has never had a catalog.", service="jobs"),
    OlderName(
        "DUMP_FILE_NAME_ON_INIT", "same", "The dump of RESTORE_ON_INIT: latest, or the name of a file.", service="jobs"
    ),
    OlderName(
        "NGINX_SERVICE",
        "changed",
        "It is here every node of the cache tier (port 8081). The older service had the address of the edge in it: "
        "that is NGINX_EDGE_SERVICE.",
        "NGINX_EDGE_SERVICE",
        service="jobs",
    ),
    OlderName(
        "NGINX_INGRESS",
        "replaced",
        "PUBLIC_URL is the address of the edge as the public sees it.",
        "PUBLIC_URL",
    ),
    OlderName(
        "SAVE_ORIGINAL_FILE",
        "replaced",
        "The upload is always stored as it is, and nothing beside it. The WebP is made when it is asked for.",
        held=("true",),
    ),
    OlderName(
        "COMPRESS_WEBP",
        "replaced",
        "No upload is made smaller. max_kb in an address, or in one of PRESETS, bounds what is delivered: "
        "full/DEV/cat.webp?max_kb=200.",
        held=("false",),
    ),
    OlderName(
        "REQUEST_TIMEOUT",
        "replaced",
        "An upload may take as long as its bytes come, with pauses of 30 seconds at most. STORAGE_DEADLINE_SECONDS "
        "limits an operation of a remote storage.",
        "STORAGE_DEADLINE_SECONDS",
    ),
    OlderName(
        "BASE_TIMEOUT_MS",
        "replaced",
        "RENDER_WAIT_SECONDS and RENDER_SECONDS limit how long a picture is made, whatever its size.",
        "RENDER_SECONDS",
    ),
    OlderName(
        "RESTORE_ON_RESTART",
        "replaced",
        "Redis keeps the catalog over a restart, so nothing is restored then: that would lose what came after the "
        "dump. RESTORE_ON_INIT=true restores it when Redis has lost it.",
        "RESTORE_ON_INIT",
        held=("false",),
        service="jobs",
    ),
    OlderName(
        "DUMP_FILE_NAME_ON_RESTART",
        "replaced",
        "Nothing is restored when Redis starts again. DUMP_FILE_NAME_ON_INIT names the dump of RESTORE_ON_INIT.",
        "DUMP_FILE_NAME_ON_INIT",
        held=("latest",),
        service="jobs",
    ),
    OlderName(
        "TMP_FILES_PATH",
        "replaced",
        "Uploads wait in the folder of DATA_FOLDER_PATH.",
        "DATA_FOLDER_PATH",
    ),
    OlderName(
        "CATALOG_ROUTE",
        "replaced",
        "ROUTE_CATALOG_GET is the path of the catalog.",
        "ROUTE_CATALOG_GET",
        held=("/catalog",),
    ),
    OlderName(
        "GET_ROUTE",
        "replaced",
        "ROUTE_FILE_GET is the path of the assets.",
        "ROUTE_FILE_GET",
        held=("/assets/media", "/assets/media/"),
    ),
    *(
        OlderName(f"DELEGATED_STORAGE_{method}_PATH", "replaced", _ONE_PATH, "DELEGATED_STORAGE_SINGLE_PATH")
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
    ),
    OlderName("DEV_ENV", "unused", "There is no mode for developers. LOG_LEVEL=DEBUG says more."),
    OlderName("NODE_ENV", "unused", "Nothing here runs on Node.js."),
    OlderName("VERSION", "unused", "GET /openapi.json says the version."),
    *(
        OlderName(name, "unused", "The services need no address of the API.")
        for name in ("IMAGE_SERVICE", "API_SERVICE", "API_BASE_URL")
    ),
    OlderName("THUMBOR_SERVICE", "unused", "The transform service makes pictures with libvips."),
)


def values(environment: Mapping[str, str], wanted: Collection[str]) -> dict[str, str]:
    """Return the settings that have a value under their older name alone: the setting, and that name."""
    return {
        older.here.lower(): older.name
        for older in OLDER_NAMES
        if older.fate == "renamed"
        and older.here.lower() in wanted
        and environment.get(older.name)
        and not environment.get(older.here)
    }


def advice(environment: Mapping[str, str], service: str) -> Iterator[tuple[str, str]]:
    """Yield the variables that do not do here what they did, each with what to do instead."""
    for older in _set_for(environment, service):
        value, here = environment[older.name], environment.get(older.here)
        match older.fate:
            case "renamed" if here and here != value:
                yield older.name, f"{older.here} is set too, and counts. Remove {older.name}."
            case "changed" if not here:
                yield older.name, older.note
            case "replaced" if here != value and value.strip().lower() not in older.held:
                yield older.name, older.note


def unused(environment: Mapping[str, str], service: str) -> list[str]:
    """Return the variables that have no effect here, and need none."""
    return [older.name for older in _set_for(environment, service) if older.fate == "unused"]


def _set_for(environment: Mapping[str, str], service: str) -> list[OlderName]:
    return [older for older in OLDER_NAMES if older.service == service and environment.get(older.name)]
