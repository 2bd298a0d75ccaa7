"""What becomes of each setting of the older service. Pure, but for reading the file.

Settings come from a `.env` file or from a values file of the older chart. Both are told as rows of a table, and both
say which storage the older service has, by the names of environment variables.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from dotenv import dotenv_values
from pydantic import ValidationError

from services.catalog.settings import CatalogSettings
from services.core.near_names import nearest
from services.core.older_names import OLDER_NAMES
from services.core.settings import CoreSettings
from services.jobs.settings import JobsSettings
from services.transform.settings import TransformSettings
from tools.stack.plan import ROOT
from tools.stack.variables import MAY_BE_EMPTY

What = Literal["kept", "renamed", "replaced", "not needed", "not valid", "unknown"]

SERVICES: tuple[type[CoreSettings], ...] = (CatalogSettings, TransformSettings, JobsSettings)
KNOWN = frozenset(name.upper() for kind in SERVICES for name in kind.model_fields)
CARRIED = ("NGINX_INGRESS", "CATALOG_ROUTE", "GET_ROUTE")
"""Settings that are replaced, and whose value is right for what replaces them."""
_OLDER = {older.name: older for older in OLDER_NAMES}
HIDDEN = "(secret)"
"""What is shown in the place of a secret."""
_SECRET = re.compile(r"TOKEN|SECRET|KEY|PASSWORD", re.IGNORECASE)
_WITH_PASSWORD = re.compile(r"://[^/\s]*@")
_OLDER_KEYS = ROOT / "charts/tada/older-keys.yaml"
_CHART_VALUES = ROOT / "charts/tada/values.yaml"
_WRAPPER = "transform-and-deliver-assets"
"""The chart as a dependency of another one: its values are below this key."""
_ENVIRONMENT_OF_VALUES = {
    "delegatedStorage.storageMethod": "DELEGATED_STORAGE_METHOD",
    "delegatedStorage.host": "DELEGATED_STORAGE_HOST",
    "delegatedStorage.accessToken": "DELEGATED_STORAGE_TOKEN",
    "delegatedStorage.routes.readinessCheck": "DELEGATED_STORAGE_READINESS_CHECK",
    "delegatedStorage.path.single": "DELEGATED_STORAGE_SINGLE_PATH",
    "delegatedStorage.path.multi": "DELEGATED_STORAGE_MULTI_PATH",
    "s3.endpoint": "S3_ENDPOINT",
    "s3.port": "S3_PORT",
    "s3.accessKey": "S3_ACCESS_KEY",
    "s3.secretKey": "S3_SECRET_KEY",
    "s3.bucketName": "S3_BUCKET_NAME",
    "NAMESPACES_ALLOWED": "NAMESPACES_ALLOWED",
    "redis.initScript.restoreOnInit": "RESTORE_ON_INIT",
    "redis.initScript.dumpFileNameOnInit": "DUMP_FILE_NAME_ON_INIT",
}
_KEYS = {variable: key for key, variable in _ENVIRONMENT_OF_VALUES.items()}


class SettingsUnreadable(Exception):
    """The file with the older settings cannot be read. The text says why."""


@dataclass(frozen=True, slots=True)
class Row:
    """One setting of the older service. `shown` is its value, unless that is a secret."""

    name: str
    shown: str
    what: What
    note: str


@dataclass(frozen=True, slots=True)
class Moved:
    """The older settings, and what they become. `environment` are the new ones by the names of variables.

    `values` is the new values file of the chart, if the older one is such a file.
    """

    rows: list[Row]
    environment: dict[str, str]
    values: dict[str, Any] | None = None


def read(file: Path) -> Moved:
    """Read a `.env` file, or a values file if its name ends with .yaml or .yml; raises SettingsUnreadable."""
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsUnreadable(f"{file} cannot be read: {error}") from None
    if file.suffix in (".yaml", ".yml"):
        return of_values(_parsed(file, text))
    return of_environment(_set_in(dotenv_values(file, interpolate=False)))


def _set_in(found: Mapping[str, str | None]) -> dict[str, str]:
    """Return the variables that mean something: an empty one does if make run keeps it, unless it has another name."""
    older = {name: value for name, value in found.items() if value}
    renamed = {known.here for known in OLDER_NAMES if known.name in older and known.name in CARRIED}
    empty = [name for name in MAY_BE_EMPTY if found.get(name) == "" and name not in renamed]
    return {**older, **dict.fromkeys(empty, "")}


def of_environment(older: Mapping[str, str]) -> Moved:
    """Say what becomes of each variable that is set."""
    rows: list[Row] = []
    new: dict[str, str] = {}
    for name, value in sorted(older.items()):
        row, here = _row(name, value, older)
        if here and (problem := _problem(here, value)):
            row = Row(name, row.shown, "not valid", f"{problem} It is left out.")
        elif here:
            new[here] = value
        rows.append(row)
    return Moved(rows, new)


def _row(name: str, value: str, older: Mapping[str, str]) -> tuple[Row, str]:
    """Return the row of a variable, and the setting that has its value from now on, empty if none has."""
    shown = without_secret(name, value)
    known = _OLDER.get(name)
    if known is None:
        if name in KNOWN:
            return Row(name, shown, "kept", ""), name
        near = nearest(name, KNOWN)
        note = f"If {near} is meant, rename it." if near else "No service here reads it. It is left out."
        return Row(name, shown, "unknown", note), ""
    if known.fate == "same":
        return Row(name, shown, "kept", known.note), name
    carried = known.fate == "renamed" or name in CARRIED
    if carried and older.get(known.here, value) == value:
        return Row(name, shown, "renamed", f"{known.here}. {known.note}"), known.here
    if carried:
        return Row(name, shown, "replaced", f"{known.here} is set too, and counts."), ""
    if known.fate == "unused" or value.strip().lower() in known.held:
        return Row(name, shown, "not needed", known.note), ""
    return Row(name, shown, "replaced", known.note), ""


def without_secret(name: str, value: str) -> str:
    """Return what is shown of a value."""
    return HIDDEN if value and (_SECRET.search(name) or _WITH_PASSWORD.search(value)) else value


def _problem(name: str, value: str) -> str:
    """Return why a setting cannot have a value, empty if it can."""
    for kind in SERVICES:
        field = name.lower()
        if field not in kind.model_fields:
            continue
        try:
            given: dict[str, Any] = {field: value}
            kind(**given)
        except ValidationError as error:
            for problem in error.errors():
                if problem["loc"] == (field,):
                    return f"{str(problem['msg']).removeprefix('Value error, ')}."
    return ""


def of_values(values: Mapping[str, Any]) -> Moved:
    """Say what becomes of each key of a values file. The chart takes the file as it is."""
    given = values.get(_WRAPPER, values)
    flat = dict(_flat(given))
    table = _parsed(_OLDER_KEYS, _OLDER_KEYS.read_text())
    environment = _environment_of(flat)
    shown = {key: environment.get(variable_of(key), _text(value)) for key, value in flat.items()}
    rows = [_row_of_key(key, value, table) for key, value in sorted(shown.items())]
    settings = {name: _text(value) for name, value in (given.get("settings") or {}).items()}
    return Moved(rows, {**environment, **settings}, dict(given))


def _environment_of(flat: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables that keys stand for. `delegatedStorage.host` is read as the chart reads it."""
    found = {
        variable: _text(flat[key])
        for key, variable in _ENVIRONMENT_OF_VALUES.items()
        if flat.get(key) not in (None, "")
    }
    host = found.pop("DELEGATED_STORAGE_HOST", "")
    if not host:
        return found
    if found.get("DELEGATED_STORAGE_METHOD") == "S3":
        return {"S3_ENDPOINT": host, **found}
    return {**found, "DELEGATED_STORAGE_HOST": host if "://" in host else f"http://{host}"}


def with_new(values: Mapping[str, Any], new: Mapping[str, str]) -> dict[str, Any]:
    """Return a values file with new settings, each where the chart takes it from, or else in its `settings`.

    What the chart is drawn by, such as the storage, is in its keys, and no secret may be in `settings`.
    """
    secrets = _parsed(_CHART_VALUES, _CHART_VALUES.read_text())["secrets"]
    found = dict(values)
    if before := values.get("settings"):
        found["settings"] = {name: value for name, value in before.items() if name not in new}
    for name, value in new.items():
        key = _KEYS.get(name) or (f"secrets.{name}" if name in secrets else f"settings.{name}")
        found = _with(found, key.split("."), value)
    return found


def variable_of(name: str) -> str:
    """Return the variable that has the value of a setting from now on: itself, unless it has another name."""
    older = _OLDER.get(name)
    return _ENVIRONMENT_OF_VALUES.get(name) or (older.here if older else "") or name


def _with(values: Mapping[str, Any], path: list[str], value: str) -> dict[str, Any]:
    name, *rest = path
    return {**values, name: _with(values.get(name) or {}, rest, value) if rest else value}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _row_of_key(key: str, value: str, table: list[dict[str, Any]]) -> Row:
    shown = without_secret(key, value)
    for entry in table:
        if not any(key == known or key.startswith(f"{known}.") for known in entry["keys"]):
            continue
        here, note = entry.get("here"), str(entry.get("note", ""))
        if here is None:
            return Row(key, shown, "replaced", note)
        said = f"If helm says so after the installation: {note}" if "works" in entry else note
        if here == "the same":
            return Row(key, shown, "kept", said)
        return Row(key, shown, "renamed", f"{here}. {said}".strip())
    return Row(key, shown, "unknown", "The older chart had no such key. If TADA's chart has it, it counts.")


def _flat(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value


def _parsed(file: Path, text: str) -> Any:
    try:
        import yaml
    except ImportError:
        raise SettingsUnreadable("A values file needs PyYAML. Run make setup-dev first.") from None
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SettingsUnreadable(f"{file} is not YAML: {error}") from None
    if not isinstance(found, dict | list):
        raise SettingsUnreadable(f"{file} has no values in it.")
    return found
