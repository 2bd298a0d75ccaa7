"""The file with the new settings: written once, and never replaced. From then on it decides."""

import io
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

_PLAIN = re.compile(r"[A-Za-z0-9_./:,@%+=*-]*")
_HEAD = "# Settings of TADA. make migrate wrote this file, and reads it when it runs again.\n"


class Unwritable(Exception):
    """A setting has a value that cannot be in a file. The text says which, and what to do."""


def environment(file: Path) -> dict[str, str]:
    """Return the settings in a file that was written, and perhaps changed since."""
    return {name: value or "" for name, value in dotenv_values(file, interpolate=False).items()}


def lines(settings: Mapping[str, str]) -> str:
    """Return settings as lines that a shell and python-dotenv read alike; raises Unwritable."""
    return "".join(f"{name}={_quoted(name, value)}\n" for name, value in sorted(settings.items()))


def write_environment(file: Path, settings: Mapping[str, str]) -> None:
    """Write settings as `lines` does. Only the owner can read the file."""
    _write(file, _HEAD + lines(settings))


def write_values(file: Path, values: Mapping[str, Any]) -> None:
    """Write a values file of the chart."""
    import yaml

    _write(file, _HEAD + yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True))


def _write(file: Path, text: str) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(text)


def _quoted(name: str, value: str) -> str:
    for written in _spellings(value):
        if _read_by_dotenv(written) == value:
            return written
    raise Unwritable(
        f"{name} has a value that a shell and python-dotenv would not read alike, such as one with both ' and $. "
        f"Choose another with --new {name}=…, or leave it out with --new {name}= and set it where TADA runs."
    )


def _spellings(value: str) -> Iterator[str]:
    """Yield what a shell reads as the value. python-dotenv reads some backslashes in quotes otherwise."""
    if _PLAIN.fullmatch(value):
        yield value
    if "'" not in value:
        yield f"'{value}'"
    yield '"' + re.sub(r'(["\\$`])', r"\\\1", value) + '"'


def _read_by_dotenv(written: str) -> str | None:
    # As from a file, where it takes other ends of lines for \n.
    text = io.StringIO(f"NAME={written}\n", newline=None)
    return dotenv_values(stream=text, interpolate=False).get("NAME")
