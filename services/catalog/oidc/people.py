"""People, by the tokens that the issuer gives them.

It is imported only if there is an issuer: its libraries take a fifth of a second of a start.
"""

from services.catalog.oidc import verification
from services.catalog.oidc.issuer import Issuer
from services.catalog.oidc.roles import principal_of
from services.catalog.oidc.settings import OidcSettings
from services.catalog.tokens import Principal


class People:
    """Those who log in at the issuer of the settings."""

    def __init__(self, settings: OidcSettings) -> None:
        self._issuer, self._settings = Issuer(settings.oidc_issuer, plain=settings.oidc_is_plain), settings

    async def principal(self, token: str) -> Principal:
        """Return the owner of a token; raises Unauthorized, Forbidden for a person without a role, and IssuerAway if
        the person cannot be known now."""
        wanted, settings = verification.head(token), self._settings
        key = await self._issuer.key(wanted)
        claims = verification.claims_of(token, wanted, key, settings.oidc_issuer, settings.oidc_audience)
        return principal_of(claims, settings.oidc_groups_claim, settings.oidc_roles)

    async def keep(self) -> None:
        """Keep the keys of the issuer current, until cancelled."""
        await self._issuer.keep()

    async def close(self) -> None:
        await self._issuer.close()
