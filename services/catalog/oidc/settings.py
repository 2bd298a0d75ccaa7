"""Settings of logins by OpenID Connect."""

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, model_validator
from pydantic_settings import NoDecode

from services.catalog.oidc.roles import Rule, parse_rules
from services.core.patterns import matching
from services.core.settings import LOOPBACK, CoreSettings

IssuerUrl = Annotated[
    str, matching(r"https?://[^/\s?#@]+(/[^\s?#]*)?", "an address such as https://login.example.com", optional=True)
]


def _read_rules(value: object) -> object:
    return parse_rules(value) if isinstance(value, str) else value


class OidcSettings(CoreSettings):
    oidc_issuer: IssuerUrl = Field(
        "",
        description="Issuer of tokens for people (OpenID Connect), exactly as it writes itself. If it is empty, only "
        "tokens for programs are valid.",
    )
    oidc_audience: str = Field(
        "", description="The `aud` that tokens of the issuer must have: the client id of TADA there."
    )
    oidc_groups_claim: str = Field(
        "groups",
        min_length=1,
        description="Claim with the groups of a person: a list or a text. A path such as realm_access.roles, too.",
    )
    oidc_roles: Annotated[tuple[Rule, ...], NoDecode, BeforeValidator(_read_rules)] = Field(
        (), description="What groups may do, such as editors=write:DEV,SHOP;admins=admin:*."
    )
    oidc_scopes: str = Field(
        "openid profile email", description="Scopes that a page asks the issuer for; GET /auth tells them."
    )
    oidc_allow_http: bool = Field(
        False, description="Whether the issuer may be reached without TLS. One on this machine always may."
    )

    @property
    def oidc_is_plain(self) -> bool:
        return self.oidc_allow_http or urlsplit(self.oidc_issuer).hostname in LOOPBACK

    @model_validator(mode="after")
    def _check_oidc(self) -> Self:
        if not self.oidc_issuer:
            return self
        if not self.oidc_issuer.startswith("https://") and not self.oidc_is_plain:
            raise ValueError("OIDC_ISSUER: expected an https address; OIDC_ALLOW_HTTP=true allows another one")
        if not self.oidc_audience:
            raise ValueError("OIDC_AUDIENCE: expected the client id of TADA at OIDC_ISSUER")
        if not self.oidc_roles:
            raise ValueError("OIDC_ROLES: expected groups such as editors=write:DEV,SHOP;admins=admin:*")
        return self
