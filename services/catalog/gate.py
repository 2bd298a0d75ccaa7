"""Who sends a request: a program, by one of the configured tokens, or a person, by a token of the issuer."""

from contextlib import suppress

from services.catalog.keyring import Keyring
from services.catalog.oidc import verification
from services.catalog.oidc.issuer import Issuer
from services.catalog.oidc.roles import principal_of
from services.catalog.oidc.settings import OidcSettings
from services.catalog.tokens import Principal
from services.core.errors import Unauthorized


class Gate:
    """With an issuer, everybody needs a token, also if there is none for programs."""

    def __init__(self, keyring: Keyring, issuer: Issuer | None, settings: OidcSettings) -> None:
        self._keyring, self._issuer, self._settings = keyring, issuer, settings

    @property
    def is_open(self) -> bool:
        """Whether nobody needs a token, so that everybody who reaches the service may write."""
        return self._keyring.is_empty and self._issuer is None

    @property
    def holders(self) -> tuple[Principal, ...]:
        """The owners of all tokens for programs; anybody, if nobody needs a token."""
        return () if self._keyring.is_empty and self._issuer else self._keyring.holders

    async def principal(self, authorization: str) -> Principal:
        """Return the sender by an Authorization header; raises Unauthorized, Forbidden for a person without a role, and
        IssuerAway if a person cannot be known now."""
        if self._issuer is None:
            return await self._keyring.principal(authorization)
        if not self._keyring.is_empty:
            with suppress(Unauthorized):
                return await self._keyring.principal(authorization)
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthorized
        return await self._person(self._issuer, token.strip())

    async def _person(self, issuer: Issuer, token: str) -> Principal:
        wanted, settings = verification.head(token), self._settings
        key = await issuer.key(wanted)
        claims = verification.claims_of(token, wanted, key, issuer.address, settings.oidc_audience)
        return principal_of(claims, settings.oidc_groups_claim, settings.oidc_roles)
