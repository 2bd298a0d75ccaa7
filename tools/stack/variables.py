"""What the variables of `make run` say: which system is to run, or why it cannot."""

import os
import secrets
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path

from services.core.near_names import nearest
from tools.stack import s3
from tools.stack.plan import LOOPBACK, ROOT, PlanError, Ports, Stack
from tools.stack.running import systems

METRICS_PORT = 9100
BACKEND_PORT = 3002
TRASH_DAYS = "30"
OWN = (
    *("BACKEND_PORT", "BIND", "DATA_DIR", "METRICS_PORT", "S3_PORT", "STORAGE", "TRANSFORM_WORKERS"),
    *(f"{name.upper()}_PORT" for name in Ports.__slots__),
)
"""The variables that are for `make run` alone."""
_SERVICES = ("METRICS_HOST",)
"""What is near to one of these, and is a setting of the services."""
_SETTINGS = (
    *("API_PREFIX", "PUBLIC_URL", "UPLOAD_URL", "ROUTE_FILE_GET", "ROUTE_CATALOG_GET", "ORIGINS_ALLOWED"),
    *("CACHE_MAX_SIZE", "GATEWAY_PATIENCE", "HEALTHCHECK_ROUTE", "LOG_FORMAT", "FORMAT_NEGOTIATION", "SIGNED_URLS"),
)
_METHODS = {"local": "STANDALONE", "s3": "S3", "distant": "DISTANT_BACKEND"}
"""What STORAGE may be, and the setting of the services that it stands for."""
DOCS = ROOT / "site"
"""Where `make docs` writes the documents as a site."""
MAY_BE_EMPTY = ("PUBLIC_URL", "UPLOAD_URL")
"""What means something when it is set and empty: without a public address, addresses are host-relative."""


def near_misses(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that may be meant for `make run`, each with the one that it is near to."""
    others = sorted(name for name in environment if name not in (*OWN, *_SERVICES))
    return {name: meant for name in others if (meant := nearest(name, OWN))}


def data_folder(environment: Mapping[str, str]) -> Path:
    """Return where the system that the variables describe keeps everything."""
    return Path(environment.get("DATA_DIR", "") or ROOT / "data").absolute()


def stack(environment: Mapping[str, str]) -> Stack:
    """Return the system that the variables describe; raises PlanError."""
    bind = environment.get("BIND", "") or LOOPBACK
    if bind not in (LOOPBACK, "localhost") and not _has_tokens():
        raise PlanError(f"BIND={bind} lets other machines write. Set MEDIA_TOKEN or MEDIA_TOKENS_FILE too")
    workers = environment.get("TRANSFORM_WORKERS", "") or str(os.cpu_count() or 1)
    if not workers.isdecimal() or not 1 <= int(workers) <= 64:
        raise PlanError(f"TRANSFORM_WORKERS: {workers!r} is not a valid number; expected an integer from 1 to 64")
    given = {name: environment[name] for name in _SETTINGS if environment.get(name)}
    empty = {name: "" for name in MAY_BE_EMPTY if environment.get(name) == ""}
    docs = {"DOCS_DIR": str(DOCS)} if (DOCS / "index.html").exists() else {}
    return Stack(
        data=data_folder(environment),
        sockets=Path(tempfile.gettempdir()) / f"tada-{secrets.token_hex(8)}",
        ports=Ports.from_environment(environment),
        bind=bind,
        transform_workers=int(workers),
        settings={"LOG_FORMAT": "text", **docs, **given, **empty, **_method(environment), **_trash(environment)},
        s3_port=_s3_port(environment),
        backend_port=_backend_port(environment),
        metrics_port=_metrics_port(environment, int(workers)),
    )


def _has_tokens() -> bool:
    """Return whether the catalog service gets any token from its environment; raises PlanError."""
    # Only here: without BIND a start need not wait for these imports.
    from services.catalog.settings import CatalogSettings
    from services.core.settings import SettingsError, read

    try:
        return bool(read(CatalogSettings).tokens().principals)
    except SettingsError as error:
        raise PlanError(str(error)) from None


def _storage(environment: Mapping[str, str]) -> str:
    storage = environment.get("STORAGE", "")
    if storage and storage not in _METHODS:
        raise PlanError(f"STORAGE: {storage!r} is not a valid storage; expected local, s3 or distant")
    return storage


def _method(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the setting that a chosen storage stands for; without a choice the environment counts."""
    method = _METHODS.get(_storage(environment))
    return {"DELEGATED_STORAGE_METHOD": method} if method else {}


def _trash(environment: Mapping[str, str]) -> dict[str, str]:
    """Return how long a deleted asset stays in the trash, unless the environment says it, or the storage has none."""
    method = {**environment, **_method(environment)}.get("DELEGATED_STORAGE_METHOD")
    if environment.get("TRASH_DAYS") or method == _METHODS["distant"]:
        return {}
    return {"TRASH_DAYS": TRASH_DAYS}


def _backend_port(environment: Mapping[str, str]) -> int | None:
    """Return the port of the example of a distant backend; None if another one is named, or none is used."""
    if _storage(environment) != "distant" or environment.get("DELEGATED_STORAGE_HOST"):
        return None
    text = environment.get("BACKEND_PORT", "") or str(BACKEND_PORT)
    if not (text.isdecimal() and 0 < int(text) < 65536):
        raise PlanError(f"BACKEND_PORT: {text!r} is not a valid port; expected an integer from 1 to 65535")
    return int(text)


def _s3_port(environment: Mapping[str, str]) -> int | None:
    """Return the port of the S3 server, or None for no server; raises PlanError."""
    if _storage(environment) != "s3":
        return None
    text = environment.get("S3_PORT", "") or str(s3.PORT)
    if not (text.isdecimal() and 0 < int(text) <= 65536 - s3.PORTS):
        raise PlanError(f"S3_PORT: {text!r} is not a valid port; expected a port with {s3.PORTS - 1} more above it")
    return int(text)


def _metrics_port(environment: Mapping[str, str], transform_workers: int) -> int | None:
    """Return the first port for metrics, or None for no ports; raises PlanError."""
    text = environment.get("METRICS_PORT", "") or str(METRICS_PORT)
    if not (text.isdecimal() and int(text) + transform_workers + 3 < 65536):
        raise PlanError(
            f"METRICS_PORT: {text!r} is not a valid port; expected one with a port for each process above it, or 0"
        )
    return int(text) or None


def check_ports(stack: Stack) -> None:
    """Raise PlanError for a port that is in use. The message names the variable that changes it."""
    taken: dict[int, str] = {}
    wanted = list(stack.ports.by_variable().items())
    if stack.s3_port:
        wanted += [("S3_PORT", stack.s3_port + offset) for offset in range(s3.PORTS)]
    if stack.backend_port:
        wanted.append(("BACKEND_PORT", stack.backend_port))
    wanted += [("METRICS_PORT", port) for port in stack.metrics_ports().values()]
    for variable, port in wanted:
        if port in taken:
            raise PlanError(f"{variable} and {taken[port]} are both {port}: choose two different ports")
        taken[port] = variable
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError as error:
                raise PlanError(
                    f"port {port} cannot be used ({error.strerror}); choose another: make run {variable}={port + 1000}"
                    + "".join(f", or stop the TADA that runs: make stop DATA_DIR={one.data}" for one in systems())
                ) from None
