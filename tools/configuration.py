"""docs/configuration.md, made from the settings of the services: `make configuration` writes it."""

import sys
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from services.catalog.settings import CatalogSettings
from services.core.older_names import OLDER_NAMES, OlderName
from services.core.settings import CoreSettings
from services.core.storage.settings import StorageSettings
from services.jobs.settings import JobsSettings
from services.transform.settings import TransformSettings

SERVICES: dict[str, type[BaseSettings]] = {
    "catalog": CatalogSettings,
    "transform": TransformSettings,
    "jobs": JobsSettings,
}

_HEAD = """# Configuration

Made from the settings of the services by `make configuration`; a test fails if it is not current.

The settings are environment variables, read once at the start. An empty variable counts as not set. If a value is not
valid, the service does not start: one line names the variable and the expected value. `python -m services.NAME doctor`
checks whether the things that they name exist ([operations.md](operations.md#the-doctor)). Lists are comma separated.
Sizes may have a unit (`10mb`, 1 mb = 1024² bytes).

`SECRETS_FOLDER_PATH` names folders, comma separated. If a variable is not set, the service reads its value from a file
there. The file has the name of the setting in small letters (`media_token`). The gateway reads only `purge_token`.
"""

GATEWAY = (
    *("API_PREFIX", "ROUTE_FILE_GET", "ROUTE_CATALOG_GET", "ORIGINS_ALLOWED", "SIGNED_URLS"),
    *("FORMAT_NEGOTIATION", "LOG_FORMAT", "PURGE_TOKEN"),
)
"""What both nginx tiers read."""

_REST = f"""
## The gateway

Both nginx tiers and the internal entry read
{", ".join(f"`{name}`" for name in GATEWAY)}.
Services that also read one must have the same value. See [gateway/nginx](../gateway/nginx/README.md).

| variable | default | meaning |
|---|---|---|
| `FORMAT_NEGOTIATION` | `false` | AVIF, WebP, or JPEG/PNG by what `Accept` names; see [delivery.md](delivery.md). |
| `CACHE_MAX_SIZE` | `10g` | Maximum size of a tier's cache on the disk. |
| `GATEWAY_PATIENCE` | `60` | Seconds that a node waits for a jobs worker at its start. After that, it starts cold. |
| `METRICS_LISTEN` | `0.0.0.0:9145` | Address of a node's metrics. Do not publish it. `off` turns it off. |
| `UPLOAD_LISTEN` | `0.0.0.0:8082` | Address of the upload entry, in the cache tier. `off` turns it off. |
| `DOCS_DIR` | | Folder with the documents as a site (`make docs`), which the internal entry then has at `/docs/`. |
| `GENERATIONS_FILE` | `/var/cache/tada/generations` | File of a node's state. It must not be below `CACHE_DIR`. |
| `LUA_DIR` | `/opt/tada/lua` | Folder that contains the folder `tada` with the gateway's Lua programs. |

The last three are for containers; `make run` uses its own paths and ports.

## make run

`make run` and `make start` also take these variables:

- `DATA_DIR`, and the ports `EDGE_PORT`, `API_PORT`, `CACHE_PORT`, `UPLOAD_PORT`, `CATALOG_PORT`, `TRANSFORM_PORT` and
  `REDIS_PORT`.
- `BIND`: the address on which the edge, the internal entry and the upload entry listen. Any address but loopback needs
  `MEDIA_TOKEN` or named tokens.
- `TRANSFORM_WORKERS` (default: one per core).
- `PUBLIC_URL`: the address of the edge on this machine by default. With `PUBLIC_URL=`, addresses are host-relative.
- `UPLOAD_URL`: the address of the upload entry on this machine by default. With `UPLOAD_URL=`, addresses in tickets are
  host-relative.
- `STORAGE`: `s3` starts an S3 server on `S3_PORT` and the nine ports after it, see
  [storage-s3.md](storage-s3.md#the-server-of-make-run). `distant` uses the distant backend of `DELEGATED_STORAGE_HOST`;
  without one it starts [the example](../examples/distant_backend/README.md) on `BACKEND_PORT` (3002).
- `TRASH_DAYS`: 30 by default, but 0 with a distant backend.
- `METRICS_PORT` (9100; 0 for none): the port of catalog. Jobs, transform, each further process and then each nginx have
  the next ones.
"""


_OLDER = """
## Names of the older service

A variable of the older Node.js service counts here with its meaning, or the service names it in its log at the start
(`setting_not_read`) with what replaces it. Nothing is said of one that asks for what TADA does anyway. A variable that
is nearly the name of a setting (`NAMESPACE_ALLOWED`) is named there too. [migrating.md](migrating.md) says how to
switch.

| variable | here | |
|---|---|---|
"""
_HERE = {
    "same": "the same",
    "renamed": "`{}`",
    "changed": "replaced by `{}`",
    "replaced": "replaced by `{}`",
    "unused": "not needed",
}


def page() -> str:
    """Return the whole page."""
    storage, core = StorageSettings.model_fields, CoreSettings.model_fields
    parts = [_HEAD]
    parts += _section("Every service", "", {name: core[name] for name in core if name not in storage})
    parts += _section("Storage", "Read by all; [storage.md](storage.md) says what each kind promises.", storage)
    for service, kind in SERVICES.items():
        own = {name: field for name, field in kind.model_fields.items() if name not in core or name == "port"}
        parts += _section(f"The {service} {'worker' if service == 'jobs' else 'service'}", "", own)
    return "\n".join(parts) + "\n" + _REST + _OLDER + _older_names()


def _older_names() -> str:
    return "".join(f"| `{older.name}` | {_here(older)} | {older.note} |\n" for older in OLDER_NAMES)


def _here(older: OlderName) -> str:
    return "not needed" if older.fate == "replaced" and not older.here else _HERE[older.fate].format(older.here)


def _section(title: str, note: str, fields: dict[str, FieldInfo]) -> list[str]:
    rows = [f"| `{name.upper()}` | {_default(field)} | {_text(field)} |" for name, field in fields.items()]
    return [
        f"\n## {title}\n",
        *([note, ""] if note else []),
        "| variable | default | meaning |",
        "|---|---|---|",
        *rows,
    ]


def _text(field: FieldInfo) -> str:
    assert field.description
    return field.description.replace("|", "\\|")


def _default(field: FieldInfo) -> str:
    shown = _shown(field.default)
    return f"`{shown}`" if shown else ""


def _shown(value: Any) -> str:
    match value:
        case None | SecretStr():
            return ""
        case bool():
            return str(value).lower()
        case dict():
            return ""
        case tuple():
            return ",".join(map(_shown, value))
        case Path():
            return str(value)
        case float():
            return f"{value:g}"
    return str(value)


if __name__ == "__main__":
    sys.stdout.write(page())
