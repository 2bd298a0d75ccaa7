"""The file with the new settings: written once, and never replaced. From then on it decides."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

_PLAIN = re.compile(r"[A-Za-z0-9_./:,@%+=*-]*")
_HEAD = "# Settings of TADA. make migrate wrote this file, and reads it when it runs again.\n"


def environment(file: Path) -> dict[str, str]:
    """Return the settings in a file that was written, and perhaps changed since."""
    return {name: value or "" for name, value in dotenv_values(file, interpolate=False).items()}


def write_environment(file: Path, settings: Mapping[str, str]) -> None:
    """Write settings so that a shell, Docker Compose and python-dotenv read the same. Only the owner can read it."""
    lines = [f"{name}={_quoted(value)}\n" for name, value in sorted(settings.items())]
    _write(file, _HEAD + "".join(lines))


def write_values(file: Path, values: Mapping[str, Any]) -> None:
    """Write a values file of the chart."""
    import yaml

    _write(file, _HEAD + yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True))


def _write(file: Path, text: str) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)


def _quoted(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    if "'" not in value:
        return f"'{value}'"
    return '"' + re.sub(r'(["\\$`])', r"\\\1", value) + '"'
