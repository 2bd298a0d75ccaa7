"""What a client asks for with many entries: the action, and for which entries. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from services.catalog.routes.arguments import NUMBER_MAX, UNCONFIRMED_MAX, number_of
from services.catalog.search.query import CHOOSING, NUMBERS, REPEATED, SHOWN, TRUTHS, Query, parse
from services.core.assets import identity
from services.core.assets.actions import ACTIONS, Action, Change
from services.core.assets.entries import parse_bool
from services.core.errors import BadRequest, NoUuids

UUIDS_MAX = 20_000
BODY_FIELDS = ("action", "search", "uuids", "fields", "dry_run", "confirm")
OWN = ("confirm", "dry_run")
"""Arguments of an action on a search that are not those of the search."""


@dataclass(frozen=True, slots=True)
class Asked:
    """An action, for the entries that `query` finds, or without one for those with `uuids`, each in its one spelling.

    `fields` and `search` are as the client has sent them; `search` is what `query` was read from.
    """

    action: Action
    fields: Mapping[str, Any]
    query: Query | None
    search: Mapping[str, Any] | None
    uuids: tuple[str, ...]
    confirmed: int | None
    dry_run: bool

    def check_confirmed(self, count: int) -> None:
        """Raise BadRequest unless the client may mean so many entries."""
        if self.confirmed == count or (self.confirmed is None and not self._needs_confirmation(count)):
            return
        said = "" if self.confirmed is None else f", not for {self.confirmed}"
        raise BadRequest(
            f"The action is for {count} entries{said}: nothing was done.",
            f"If these are meant, send confirm={count}. With dry_run=true, the answer has some of them.",
        )

    def _needs_confirmation(self, count: int) -> bool:
        return self.action == "delete" and count > UNCONFIRMED_MAX


def of_arguments(action: Action, given: Iterable[tuple[str, str]], fields: Mapping[str, Any]) -> Asked:
    """Read an action on a search from the arguments of its address; raises BadRequest."""
    given = list(given)
    own = {name: value for name, value in given if name in OWN}
    search = [(name, value) for name, value in given if name not in OWN]
    told: dict[str, Any] = {}
    for name, value in search:
        told[name] = [*told[name], value] if name in told else [value]
    return Asked(
        action,
        _checked(action, fields),
        _query(search),
        told,
        (),
        number_of(own.get("confirm"), "confirm", "the number of entries"),
        parse_bool("dry_run", own.get("dry_run", "false")),
    )


def of_body(given: Mapping[str, Any]) -> Asked:
    """Read an action from a JSON object; raises BadRequest."""
    if unknown := next((name for name in given if name not in BODY_FIELDS), None):
        raise BadRequest(f"An action has no field {unknown[:SHOWN]!r}.", f"It takes: {', '.join(BODY_FIELDS)}.")
    action = given.get("action")
    if action not in ACTIONS:
        raise BadRequest("action is not one that is known.", f"Send one of {', '.join(ACTIONS)}.")
    fields = given.get("fields", {})
    if not isinstance(fields, dict):
        raise BadRequest("fields is not a JSON object.", 'Send one such as {"tags": ["summer"]}.')
    if ("search" in given) == ("uuids" in given):
        raise BadRequest("An action needs either search or uuids.", 'Send one, such as {"search": {"tag": "summer"}}.')
    search = given.get("search")
    return Asked(
        action,
        _checked(action, fields),
        _query(arguments_of(search)) if "search" in given else None,
        search,
        uuids_of(given["uuids"]) if "uuids" in given else (),
        _count(given.get("confirm")),
        _truth(given.get("dry_run", False)),
    )


def _checked(action: Action, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    if action == "change":
        Change.parse(fields)
    elif fields:
        raise BadRequest(f"The action {action} takes no fields.", "Send it without them, or send another action.")
    return fields


def _query(search: Iterable[tuple[str, str]]) -> Query:
    found = parse(search)
    if found == Query():
        raise BadRequest(
            "The search has no condition: it finds the whole catalog.",
            f"Send one of {', '.join(CHOOSING)}. DELETE /catalog removes all entries.",
        )
    return found


def arguments_of(search: Any) -> list[tuple[str, str]]:
    """Return a search in JSON as the arguments of an address; raises BadRequest."""
    if not isinstance(search, dict):
        raise BadRequest("search is not a JSON object.", 'Send one such as {"tag": "summer"}.')
    found = []
    for name, value in search.items():
        if name not in CHOOSING:
            raise BadRequest(
                f"A search in JSON does not take the argument {name[:SHOWN]!r}.",
                f"It takes: {', '.join(CHOOSING)}.",
            )
        several = value if name in REPEATED and isinstance(value, list) and value else [value]
        found += [(name, _text(name, one)) for one in several]
    return found


def _text(name: str, value: Any) -> str:
    """Return the value of an argument in JSON as an address has it."""
    if name in TRUTHS:
        wanted, text = "true or false", str(value).lower() if isinstance(value, bool) else ""
    elif name in NUMBERS:
        number = _whole(value)
        wanted, text = "a whole number", "" if number is None else str(number)
    else:
        wanted, text = "a text that is not empty", value if isinstance(value, str) else ""
    if not text.strip():
        raise BadRequest(f"{name} in search is not {wanted}.", f"Send {wanted}, or leave it out.")
    return text


def _whole(value: Any) -> int | None:
    """Return a number of JSON, which may be written as 12.0; None if it is not one that counts entries or pixels."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return int(value) if is_number and 0 <= value <= NUMBER_MAX and value == int(value) else None


def uuids_of(value: Any) -> tuple[str, ...]:
    """Return uuids of a body, each in its one spelling; raises BadRequest."""
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise BadRequest("uuids is not a list of texts.", 'Send a list such as ["…", "…"].')
    if not value:
        raise NoUuids("uuids has no uuid.", 'Send a list such as ["…", "…"].')
    if len(value) > UUIDS_MAX:
        raise BadRequest(f"uuids has {len(value)} uuids.", f"Send {UUIDS_MAX} at most.")
    canonical = {one: identity.canonical(one) for one in value}
    if wrong := next((one for one, name in canonical.items() if name is None), None):
        raise BadRequest(f"{wrong[:SHOWN]!r} is not a uuid.", "Send uuids as the catalog shows them.")
    return tuple(dict.fromkeys(filter(None, canonical.values())))


def _count(value: Any) -> int | None:
    count = _whole(value)
    if value is not None and count is None:
        raise BadRequest("confirm is not the number of entries.", 'Send a number, such as {"confirm": 12}.')
    return count


def _truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise BadRequest("dry_run is not true or false.", 'Send {"dry_run": true}.')
