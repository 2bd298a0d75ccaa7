"""docs/configuration.md, made from the settings of the services: `make configuration` writes it."""

import sys
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from services.catalog.settings import CatalogSettings
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

Made from the settings of the services by `make configuration`; a test fails when it is not what they are.

Environment variables, read once at the start; an empty one counts as none. A value that cannot be right stops the start
with one line that names the variable and what it expects. `python -m services.NAME doctor` looks whether what they name
is really there ([operations.md](operations.md#the-doctor)). Lists are comma separated; sizes may have a unit (`10mb`,
1 mb = 1024² bytes).

`SECRETS_FOLDER_PATH` names folders, comma separated, with files that stand in for variables which are not set: one
setting a file, named like it in small letters (`media_token`). The gateway reads `purge_token` alone.
"""

GATEWAY = (
    *("API_PREFIX", "ROUTE_FILE_GET", "ROUTE_CATALOG_GET", "ORIGINS_ALLOWED", "SIGNED_URLS"),
    *("FORMAT_NEGOTIATION", "LOG_FORMAT", "PURGE_TOKEN"),
)
"""What both nginx tiers read."""

_REST = f"""
## The gateway

Both nginx tiers and the internal entry read
{", ".join(f"`{name}`" for name in GATEWAY)}:
with the same values as the services, where those read them too. See [gateway/nginx](../gateway/nginx/README.md).

| variable | default | meaning |
|---|---|---|
| `FORMAT_NEGOTIATION` | `false` | AVIF, WebP, or JPEG/PNG by what `Accept` names; see [delivery.md](delivery.md). |
| `CACHE_MAX_SIZE` | `10g` | How much a tier's cache may take on the disk. |
| `GATEWAY_PATIENCE` | `60` | Seconds that a node waits at its start for a jobs worker; then it starts cold. |
| `METRICS_LISTEN` | `0.0.0.0:9145` | Where a node shows its metrics, for nobody outside; `off` for nowhere. |
| `GENERATIONS_FILE` | `/var/cache/tada/generations` | Where a node saves what it knows; not below `CACHE_DIR`. |
| `LUA_DIR` | `/opt/tada/lua` | Where the folder `tada` with the gateway's programs in Lua is. |

The last three are for containers; `make run` has places and ports of its own.

## make run

`make run` also takes `DATA_DIR`, the ports `EDGE_PORT`, `API_PORT`, `CACHE_PORT`, `CATALOG_PORT`, `TRANSFORM_PORT` and
`REDIS_PORT`, `BIND` (which address the edge and the internal entry listen on; another than loopback needs
`MEDIA_TOKEN` or named tokens), `TRANSFORM_WORKERS` (default: one per core) and `STORAGE` (`s3` for an S3 server on
`S3_PORT` and the nine ports after it: see [storage-s3.md](storage-s3.md#the-server-of-make-run)). `METRICS_PORT` (9100;
0 for none) is there the port of catalog; jobs, transform, each further process and then each nginx have the next ones.
"""


def page() -> str:
    """Return the whole page."""
    storage, core = StorageSettings.model_fields, CoreSettings.model_fields
    parts = [_HEAD]
    parts += _section("Every service", "", {name: core[name] for name in core if name not in storage})
    parts += _section("Storage", "Read by all; [storage.md](storage.md) says what each kind promises.", storage)
    for service, kind in SERVICES.items():
        own = {name: field for name, field in kind.model_fields.items() if name not in core or name == "port"}
        parts += _section(f"The {service} {'worker' if service == 'jobs' else 'service'}", "", own)
    return "\n".join(parts) + "\n" + _REST


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
            return ",".join(map(str, value))
        case Path():
            return str(value)
        case float():
            return f"{value:g}"
    return str(value)


if __name__ == "__main__":
    sys.stdout.write(page())
