"""Bearer tokens: who may do what, and where. Tokens are kept as SHA-256 digests; a token itself is not stored.

A named token is a line `name:role:namespaces:digest`, in the file MEDIA_TOKENS_FILE or, with `;` between lines, in
MEDIA_TOKENS. Namespaces are comma separated, `*` for all. `python -m services.catalog.tokens NAME ROLE NAMESPACES`
makes one. A plain digest is enough for tokens of 32 random bytes: they cannot be guessed.
"""

import hashlib
import hmac
import re
import secrets
import sys
from dataclasses import dataclass, field
from enum import IntEnum

from services.core.assets import names
from services.core.errors import Forbidden, Unauthorized


class Role(IntEnum):
    """The role that an operation requires and a token has. Each role includes the ones before it. PUBLIC requires no
    token."""

    PUBLIC = 0
    READ = 1
    WRITE = 2
    ADMIN = 3


@dataclass(frozen=True, slots=True)
class Principal:
    """The sender of a request. No namespaces means all of them. `digest` is the SHA-256 of the token, if it has one."""

    name: str
    role: Role
    namespaces: frozenset[str] | None
    digest: bytes = field(default=b"", repr=False, compare=False)

    def need(self, role: Role) -> None:
        """Raise Forbidden unless the token has at least `role`."""
        if self.role < role:
            raise Forbidden(
                f"The token {self.name!r} has only the role {self.role.name.lower()}.",
                f"Use a token with the role {role.name.lower()}.",
            )

    def need_everything(self) -> None:
        """Raise Forbidden for a token that is limited to some namespaces."""
        if self.namespaces is not None:
            raise Forbidden(f"The token {self.name!r} is limited to namespaces.", "Use a token for all namespaces (*).")

    @property
    def may_see_jobs(self) -> bool:
        return self.role >= Role.ADMIN and self.namespaces is None

    def need_namespace(self, namespace: str) -> None:
        """Raise Forbidden unless the token may write in a namespace."""
        if not self.may_use(namespace):
            allowed = ", ".join(sorted(self.namespaces or ()))
            raise Forbidden(
                f"The token {self.name!r} may not write in namespace {namespace!r}.",
                f"It may write in: {allowed}.",
            )

    def may_use(self, namespace: str) -> bool:
        return self.namespaces is None or namespace in self.namespaces


ANYBODY = Principal("anybody", Role.ADMIN, None)
"""The sender if no token is configured: anybody who can reach a loopback address."""
NAMESPACES = rf"(\*|[,{names.LETTERS}]+)"
"""How the namespaces of a token are written: `*` is all of them."""
_LINE = re.compile(rf"([.{names.LETTERS}]+):(read|write|admin):{NAMESPACES}:([0-9a-f]{{64}})")


@dataclass(frozen=True, slots=True)
class Tokens:
    """All tokens that are valid, by the digest of each."""

    principals: tuple[tuple[bytes, Principal], ...]

    def principal(self, authorization: str) -> Principal:
        """Return the owner of the token in an Authorization header; raises Unauthorized. Takes the same time for every
        token."""
        if not self.principals:
            return ANYBODY
        scheme, _, token = authorization.partition(" ")
        given = hashlib.sha256(token.strip().encode("latin-1", "replace")).digest()
        found = None
        for digest, principal in self.principals:
            if hmac.compare_digest(digest, given):
                found = principal
        if found is None or scheme.lower() != "bearer":
            raise Unauthorized
        return found


def parse_tokens(media_token: str, lines: str) -> Tokens:
    """Return the tokens of MEDIA_TOKEN (all rights, named `media`) and of named lines; raises ValueError."""
    principals = []
    if media_token:
        digest = hashlib.sha256(media_token.encode()).digest()
        principals.append((digest, Principal("media", Role.ADMIN, None, digest)))
    for line in re.split(r"[;\n]", lines):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        match = _LINE.fullmatch(text)
        if match is None:
            raise ValueError("expected lines such as cms:write:DEV,PROD:<SHA-256 of the token in hex>")
        name, role, namespaces, digest_hex = match.groups()
        allowed = None if namespaces == "*" else frozenset(filter(None, namespaces.split(",")))
        digest = bytes.fromhex(digest_hex)
        principals.append((digest, Principal(name, Role[role.upper()], allowed, digest)))
    return Tokens(tuple(principals))


def main(arguments: list[str]) -> int:
    """Print a new token, once, and the line that makes it valid."""
    line = ":".join([*arguments, "0" * 64])
    if len(arguments) != 3 or not _LINE.fullmatch(line):
        print("usage: python -m services.catalog.tokens NAME read|write|admin NAMESPACE[,…]|*", file=sys.stderr)
        return 2
    token = secrets.token_urlsafe(32)
    print(f"token (give it to its user, it is shown once): {token}")
    print(f"line  (MEDIA_TOKENS_FILE or MEDIA_TOKENS):     {line[:-64]}{hashlib.sha256(token.encode()).hexdigest()}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
