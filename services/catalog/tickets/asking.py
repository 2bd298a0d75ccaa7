"""What a client asks for when it wants a ticket. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from services.catalog.bodies import text_list
from services.catalog.tickets.ticket import Terms
from services.catalog.uploads.conflicts import OnConflict
from services.core.assets import entries, media_types, names
from services.core.assets.entries import SETTABLE, Entry
from services.core.errors import BadRequest, NamespaceForbidden, NoNamespace, OtherNamespace
from services.core.near_names import nearest

EXPIRES_IN, EXPIRES_IN_MAX = 15 * 60, 24 * 3600
"""Seconds that a ticket holds if the client does not say, and at most."""
USES_MAX = 100
TERMS = (
    *("namespace", "destination", "filename", "uuid", "max_size", "media_types", "fields", "may_set", "on_conflict"),
    *("expires_in", "uses"),
)
OF_FILE = ("toWebp", *SETTABLE)
"""What a ticket can set, or let the page set, of every upload."""
OF_NEW = (*OF_FILE, "destination")
"""What it can let the page set of a new asset. The name is the page's, unless the ticket has one."""
_NOT_OF_REPLACED = ("destination", "filename", "on_conflict")
_SHOWN = 64


@dataclass(frozen=True, slots=True)
class Allowed:
    """What tickets can be for: as the settings of the service say."""

    namespaces: tuple[str, ...]
    media_types: tuple[str, ...]
    max_size: int


@dataclass(frozen=True, slots=True)
class Asked:
    """The terms of a ticket, and the seconds that it holds."""

    terms: Terms
    expires_in: int


def read(given: Mapping[str, Any], allowed: Allowed, replaced: Entry | None) -> Asked:
    """Read what a client asks for, null is nothing; `replaced` is the asset of the uuid that it names.

    Raises BadRequest, and NamespaceForbidden.
    """
    if unknown := next((name for name in given if name not in TERMS), None):
        meant = nearest(unknown, TERMS)
        hint = f"Did you mean {meant!r}? " if meant else ""
        raise BadRequest(f"A ticket has no field {unknown[:_SHOWN]!r}.", f"{hint}It takes: {', '.join(TERMS)}.")
    given = {name: value for name, value in given.items() if value is not None}
    namespace = _namespace(given, allowed.namespaces, replaced)
    terms = Terms(
        namespace=namespace,
        destination=None if replaced else _destination(given, namespace),
        filename=None if replaced else _filename(given),
        uuid=replaced.uuid if replaced else None,
        uploaded_date=replaced.uploaded_date if replaced else None,
        max_size=_whole("max_size", given.get("max_size", allowed.max_size), allowed.max_size, "bytes"),
        media_types=_media_types(given, allowed.media_types),
        fields=_fields(given),
        may_set=_may_set(given, OF_FILE if replaced else OF_NEW),
        on_conflict=_on_conflict(given),
        uses=_whole("uses", given.get("uses", 1), USES_MAX),
    )
    return Asked(terms, _whole("expires_in", given.get("expires_in", EXPIRES_IN), EXPIRES_IN_MAX, "seconds"))


def _namespace(given: Mapping[str, Any], allowed: tuple[str, ...], replaced: Entry | None) -> str:
    named = _text("namespace", given)
    if replaced:
        if unfit := next((name for name in _NOT_OF_REPLACED if name in given), None):
            raise BadRequest(f"A ticket with a uuid has no {unfit}.", "The file that replaces another has its path.")
        if named not in (None, replaced.namespace):
            raise OtherNamespace(
                f"Entry {replaced.uuid} is not in namespace {named!r}.",
                f"Send its namespace {replaced.namespace!r}, or no namespace.",
            )
        named = replaced.namespace
    if named is None:
        raise NoNamespace("The ticket has no namespace.", "Send a field 'namespace', or the 'uuid' of an asset.")
    if named not in allowed:
        raise NamespaceForbidden(named, allowed)
    return named


def _destination(given: Mapping[str, Any], namespace: str) -> str | None:
    folder = _text("destination", given)
    return None if folder is None else names.safe_destination(namespace, folder)


def _filename(given: Mapping[str, Any]) -> str | None:
    name = _text("filename", given)
    if name is not None:
        names.split_name(name, media_types.PNG)  # Its type is checked with the bytes.
    return name


def _media_types(given: Mapping[str, Any], allowed: tuple[str, ...]) -> tuple[str, ...]:
    if "media_types" not in given:
        return ()
    found = tuple(dict.fromkeys(map(media_types.canonical, text_list("media_types", given["media_types"]))))
    if not found or not set(found) <= set(allowed):
        raise BadRequest("media_types has none, or one that is not taken here.", f"Use some of: {', '.join(allowed)}.")
    return found


def _fields(given: Mapping[str, Any]) -> dict[str, Any]:
    said = given.get("fields", {})
    if not isinstance(said, dict):
        raise BadRequest("fields is not a JSON object.", 'Send one such as {"tags": ["avatar"]}.')
    _known("fields", said, OF_FILE)
    entries.check_sizes(entries.parse_fields(said))
    if "toWebp" in said:
        entries.parse_bool("toWebp", said["toWebp"])
    return said


def _may_set(given: Mapping[str, Any], settable: tuple[str, ...]) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(text_list("may_set", given.get("may_set", []))))
    _known("may_set", found, settable)
    return found


def _known(name: str, given: Collection[str], known: tuple[str, ...]) -> None:
    if unknown := next((one for one in given if one not in known), None):
        raise BadRequest(f"{name} cannot have {unknown[:_SHOWN]!r}.", f"It can have: {', '.join(known)}.")


def _on_conflict(given: Mapping[str, Any]) -> OnConflict:
    try:
        return OnConflict(given.get("on_conflict", OnConflict.REFUSE))
    except ValueError:
        raise BadRequest(f"on_conflict must be one of {', '.join(OnConflict)}.", "Leave it out for refuse.") from None


def _whole(name: str, value: object, most: int, unit: str = "") -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        unit = f" {unit}" if unit else ""
        raise BadRequest(f"{name} is not a whole number from 1 to {most}.", f"Send 1 to {most}{unit}, or leave it out.")
    return value


def _text(name: str, given: Mapping[str, Any]) -> str | None:
    value = given.get(name)
    if value is not None and not isinstance(value, str):
        raise BadRequest(f"{name} is not a text.", "Send a string, or leave it out.")
    return value.strip() or None if value else None
