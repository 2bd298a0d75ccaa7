"""Who a person is, and what the person may do, by the claims of a token that is verified. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from services.catalog.tokens import NAMESPACES, Principal, Role
from services.core.errors import Forbidden, Unauthorized

_RULE = re.compile(rf"([^=;\s][^=;]*?)\s*=\s*(read|write|admin):{NAMESPACES}")
_NAMES = ("preferred_username", "email", "sub")
_NAME_MAX = 100
PREFIX = "oidc:"
"""What the names of people begin with. That of a token for programs cannot have a colon."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What the members of a group may do. No namespaces means all of them."""

    group: str
    role: Role
    namespaces: frozenset[str] | None


def parse_rules(text: str) -> tuple[Rule, ...]:
    """Read `editors=write:DEV,SHOP;admins=admin:*`; raises ValueError."""
    rules: list[Rule] = []
    for item in filter(None, (part.strip() for part in text.split(";"))):
        match = _RULE.fullmatch(item)
        if match is None:
            raise ValueError(f"{item!r}: expected groups such as editors=write:DEV,SHOP;admins=admin:*")
        group, role, namespaces = match.groups()
        if any(rule.group == group for rule in rules):
            raise ValueError(f"{group!r} is there twice")
        allowed = None if namespaces == "*" else frozenset(filter(None, namespaces.split(",")))
        rules.append(Rule(group, Role[role.upper()], allowed))
    return tuple(rules)


def principal_of(claims: Mapping[str, Any], groups_claim: str, rules: Iterable[Rule]) -> Principal:
    """Return the person: the highest role of the person's groups, in the namespaces of all groups that have it.

    The namespaces of lower roles do not count: who may read everything and write in one namespace, writes in that one.
    Raises Forbidden for a person without a role, and Unauthorized for a token that names nobody.
    """
    name = next((found for one in _NAMES if (found := _text(claims.get(one)))), "")
    if not name:
        raise Unauthorized
    groups = groups_of(claims, groups_claim)
    matched = [rule for rule in rules if rule.group in groups]
    if not matched:
        raise Forbidden(f"{name!r} is in no group that may use this service.", "Ask its operator: see OIDC_ROLES.")
    role = max(rule.role for rule in matched)
    spaces = [rule.namespaces for rule in matched if rule.role == role]
    union = None if None in spaces else frozenset().union(*(one for one in spaces if one is not None))
    return Principal(PREFIX + name, role, union)


def groups_of(claims: Mapping[str, Any], name: str) -> frozenset[str]:
    """Return the groups in a claim: a list of texts, or one text. Its name may be a path, such as
    `realm_access.roles`."""
    found: Any = claims.get(name)
    if found is None:
        found = claims
        for part in name.split("."):
            found = found.get(part) if isinstance(found, dict) else None
    if isinstance(found, str):
        found = [found]
    return frozenset(one for one in found if isinstance(one, str)) if isinstance(found, list) else frozenset()


def _text(value: object) -> str:
    """Return a name as it may stand in a log, empty if it is none."""
    if not isinstance(value, str):
        return ""
    return "".join(char for char in value if char.isprintable()).strip()[:_NAME_MAX]
