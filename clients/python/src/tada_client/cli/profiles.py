"""Which TADA is meant: profiles in a file, and the environment, which goes before them."""

import json
import os
import shlex
import subprocess
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

DEFAULT_URL = "http://localhost:3001"
_ENVIRONMENT = {
    "url": "TADA_URL",
    "token": "TADA_TOKEN",
    "namespace": "TADA_NAMESPACE",
    "signing_key": "TADA_SIGNING_KEY",
}
_COMMANDS = {"token": "token_command", "signing_key": "signing_key_command"}


class BadProfile(Exception):
    """The file cannot be read, or has no such profile."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One TADA, as it is written in the file. A command prints the secret that it stands for."""

    url: str = ""
    namespace: str = ""
    token: str = field(default="", repr=False)
    token_command: str = ""
    signing_key: str = field(default="", repr=False)
    signing_key_command: str = ""


NAMES = tuple(each.name for each in fields(Profile))


@dataclass(frozen=True, slots=True)
class Profiles:
    profiles: Mapping[str, Profile]
    used: str = ""
    """The one that is used if none is named."""


def path(environment: Mapping[str, str]) -> Path:
    if given := environment.get("TADA_CONFIG"):
        return Path(given)
    home = environment.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(home) / "tada/config.toml"


def read(file: Path) -> Profiles:
    """Return the profiles of a file, none if it is not there; raises BadProfile."""
    try:
        found = tomllib.loads(file.read_text())
    except FileNotFoundError:
        return Profiles({})
    except (OSError, ValueError) as error:
        raise BadProfile(f"{file} cannot be read: {error}.") from None
    profiles = found.get("profiles", {})
    try:
        return Profiles({name: Profile(**given) for name, given in profiles.items()}, str(found.get("use", "")))
    except (TypeError, AttributeError):
        raise BadProfile(f"{file}: a profile has {', '.join(NAMES)}, and nothing else.") from None


def write(file: Path, profiles: Profiles) -> None:
    """Write profiles to a file that only its owner can read, all of it or nothing."""
    # What JSON writes as a text, TOML reads as the same text.
    lines = [f"use = {_text(profiles.used)}"]
    for name, profile in sorted(profiles.profiles.items()):
        lines += ["", f"[profiles.{_text(name)}]"]
        lines += [f"{key} = {_text(value)}" for key in NAMES if (value := getattr(profile, key))]
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.part")
    part.unlink(missing_ok=True)
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write("\n".join(lines) + "\n")
    part.replace(file)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def chosen(profiles: Profiles, name: str, environment: Mapping[str, str]) -> Profile:
    """Return what counts: each value of the environment, else that of the profile; raises BadProfile."""
    wanted = name or environment.get("TADA_PROFILE", "") or profiles.used
    if wanted and wanted not in profiles.profiles:
        known = ", ".join(sorted(profiles.profiles)) or "none"
        raise BadProfile(f"There is no profile {wanted!r}. Known: {known}. `tada config set NAME --url …` makes one.")
    profile = profiles.profiles.get(wanted, Profile())
    given: dict[str, Any] = {
        key: environment.get(variable) or getattr(profile, key) for key, variable in _ENVIRONMENT.items()
    }
    for key, command in _COMMANDS.items():
        if not given[key] and getattr(profile, command):
            given[key] = _printed(getattr(profile, command))
    return Profile(**{**given, "url": given["url"] or DEFAULT_URL})


def _printed(command: str) -> str:
    try:
        ran = subprocess.run(shlex.split(command), capture_output=True, text=True, timeout=60, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise BadProfile(f"The command {command!r} of the profile failed: {error}.") from None
    return ran.stdout.strip()
