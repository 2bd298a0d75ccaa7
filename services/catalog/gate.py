"""Who sends a request: a program, by one of the configured tokens, or a person, by a token of the issuer."""

from contextlib import suppress
from typing import TYPE_CHECKING

from services.catalog.keyring import Keyring
from services.catalog.tokens import Principal
from services.core.errors import Unauthorized

if TYPE_CHECKING:
    from services.catalog.oidc.people import People


class Gate:
    """With an issuer, everybody needs a token, also if there is none for programs."""

    def __init__(self, keyring: Keyring, people: "People | None") -> None:
        self._keyring, self._people = keyring, people

    @property
    def is_open(self) -> bool:
        """Whether nobody needs a token, so that everybody who reaches the service may write."""
        return self._keyring.is_empty and self._people is None

    @property
    def holders(self) -> tuple[Principal, ...]:
        """The owners of all tokens for programs; anybody, if nobody needs a token."""
        return () if self._keyring.is_empty and self._people else self._keyring.holders

    async def principal(self, authorization: str) -> Principal:
        """Return the sender by an Authorization header; raises Unauthorized, Forbidden for a person without a role, and
        IssuerAway if a person cannot be known now."""
        if self._people is None:
            return await self._keyring.principal(authorization)
        if not self._keyring.is_empty:
            with suppress(Unauthorized):
                return await self._keyring.principal(authorization)
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthorized
        return await self._people.principal(token.strip())
