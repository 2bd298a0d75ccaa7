"""Variables that somebody has set and that nothing reads as they are: names of the older service, and near misses."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass

from services.core import older_names, secret_files
from services.core.near_names import nearest
from services.core.observing import logs
from services.core.older_names import OLDER_NAMES
from services.core.settings import CoreSettings

log = logging.getLogger(__name__)

GATEWAY = frozenset(
    {"CACHE_MAX_SIZE", "DOCS_DIR", "FORMAT_NEGOTIATION", "GATEWAY_PATIENCE", "METRICS_LISTEN", "UPLOAD_LISTEN"}
)
"""What operators set that nginx alone reads. Its program is in an image of its own, so here are the names alone."""
_UNUSED = "Names of the older service. They have no effect here, and nothing replaces them: remove them."


@dataclass(frozen=True, slots=True)
class Unread:
    """Variables that are not read, by name, and what to do. `harmless` are those that never had to do anything here."""

    names: str
    advice: str
    harmless: bool = False


def unread(environment: Mapping[str, str], kind: type[CoreSettings]) -> list[Unread]:
    """Return what a service has to say of the variables that it finds and does not read. Values are not in it."""
    return [*_of_the_older_service(environment, kind.service), *_near_misses(environment, kind)]


def say(kind: type[CoreSettings]) -> None:
    """Log each of them, for the environment of this process."""
    for found in unread(os.environ, kind):
        level = logging.INFO if found.harmless else logging.WARNING
        logs.event(log, level, "setting_not_read", names=found.names, advice=found.advice)


def _of_the_older_service(environment: Mapping[str, str], service: str) -> list[Unread]:
    found = [Unread(*each) for each in older_names.advice(environment, service)]
    unused = older_names.unused(environment, service)
    return [*found, *([Unread(", ".join(unused), _UNUSED, harmless=True)] if unused else [])]


def _near_misses(environment: Mapping[str, str], kind: type[CoreSettings]) -> list[Unread]:
    known = {name: name for name in (*map(str.upper, kind.model_fields), *GATEWAY, secret_files.FOLDERS)}
    known |= {older.name: older.here for older in OLDER_NAMES if older.here in known}
    others = {name.upper() for name, value in environment.items() if value} - known.keys()
    others -= {older.name for older in OLDER_NAMES}
    meant = {name: nearest(name, known) for name in sorted(others)}
    return [Unread(name, f"If {known[near]} is meant, rename it.") for name, near in meant.items() if near]
