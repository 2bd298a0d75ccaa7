"""Which CDNs the jobs worker purges, and how it may."""

import re
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from services.core.assets import cache_tags
from services.core.patterns import matching
from services.core.settings import CoreSettings, TextList
from services.core.webhooks import signing

_PAIRS = (
    ("cdn_cloudflare_zone", "cdn_cloudflare_token"),
    ("cdn_fastly_service", "cdn_fastly_token"),
    ("cdn_webhook", "cdn_webhook_secret"),
    ("cdn_cloudfront_access_key", "cdn_cloudfront_secret_key"),
)
_TARGETS = ("cdn_cloudflare_zone", "cdn_fastly_service", "cdn_cloudfront_distribution", "cdn_varnish", "cdn_webhook")


def _check_machines(machines: tuple[str, ...]) -> tuple[str, ...]:
    for machine in machines:
        if not re.fullmatch(r"https?://[^/\s?#@]+", machine) or not _has_port(machine):
            raise ValueError(f"{machine!r}: expected addresses such as http://varnish:80, comma separated")
    if len(set(machines)) < len(machines):
        raise ValueError("expected each address once")
    return machines


def _check_address(address: str) -> str:
    if address and not _has_port(address):
        raise ValueError("expected a host, and a port from 1 to 65535 if there is one")
    return address


def _has_port(address: str) -> bool:
    """Say whether an address has a host, and a port that there can be if it has one."""
    try:
        return bool(urlsplit(address).hostname) and urlsplit(address).port != 0
    except ValueError:
        return False


Zone = Annotated[str, matching("[0-9a-f]{32}", "the 32 hex digits of a zone, or nothing", optional=True)]
Id = Annotated[str, matching("[0-9A-Za-z]{1,64}", "an id of letters and digits, or nothing", optional=True)]
Address = Annotated[
    str,
    matching(r"(https?://[^/\s?#@]+(/[^\s?#]*)?)?", "an address such as https://example.com/purge, or nothing"),
    AfterValidator(_check_address),
]


class CdnSettings(CoreSettings):
    cdn_cloudflare_zone: Zone = Field("", description="Zone of Cloudflare that is purged. Empty for none.")
    cdn_cloudflare_token: SecretStr = Field(
        SecretStr(""), description="API token of Cloudflare, with the permission Cache Purge for the zone."
    )
    cdn_cloudflare_calls_per_minute: int = Field(
        5,
        gt=0,
        le=3000,
        description="Calls a minute that the plan of Cloudflare allows: 5 on Free, 300 on Pro, 600 on Business.",
    )
    cdn_fastly_service: Id = Field("", description="Service of Fastly that is purged. Empty for none.")
    cdn_fastly_token: SecretStr = Field(SecretStr(""), description="API token of Fastly, with the scope purge_select.")
    cdn_cloudfront_distribution: Id = Field(
        "",
        description="Distribution of CloudFront that is purged. Empty for none. Its CacheTagConfig names Cache-Tag.",
    )
    cdn_cloudfront_access_key: SecretStr = Field(
        SecretStr(""),
        description="Access key that may call cloudfront:CreateInvalidation. Empty for the role of the machine.",
    )
    cdn_cloudfront_secret_key: SecretStr = Field(SecretStr(""), description="The secret of that key.")
    cdn_varnish: Annotated[TextList, AfterValidator(_check_machines)] = Field(
        (),
        description="Addresses of Varnish with gateway/varnish/tada.vcl, comma separated. A name may have several "
        "addresses.",
    )
    cdn_webhook: Address = Field("", description="Address of your own program that purges a CDN. Empty for none.")
    cdn_webhook_secret: SecretStr = Field(
        SecretStr(""), description="Secret of the signatures of CDN_WEBHOOK, as whsec_ and 24 to 64 bytes in base64."
    )

    @model_validator(mode="after")
    def _check_targets(self) -> Self:
        for one, other in _PAIRS:
            if self._has(one) != self._has(other):
                raise ValueError(f"{one.upper()}: expected together with {other.upper()}, or neither")
        if self.cdn_webhook:
            try:
                signing.key_of(self.cdn_webhook_secret.get_secret_value())
            except ValueError as error:
                raise ValueError(f"CDN_WEBHOOK_SECRET: {error}") from None
        if self.cdn_cloudfront_access_key.get_secret_value() and not self.cdn_cloudfront_distribution:
            raise ValueError("CDN_CLOUDFRONT_ACCESS_KEY: expected CDN_CLOUDFRONT_DISTRIBUTION beside it")
        has_target = any(map(self._has, _TARGETS))
        if has_target and self.cdn_tags == cache_tags.OFF:
            raise ValueError("CDN_TAGS: expected tags, because a CDN is purged by them")
        if self.cdn_seconds and not has_target:
            raise ValueError(
                "CDN_SECONDS: expected 0, because no CDN is purged. Set one of "
                f"{', '.join(name.upper() for name in _TARGETS)} for the jobs worker"
            )
        return self

    def _has(self, name: str) -> bool:
        value = getattr(self, name)
        return bool(value.get_secret_value() if isinstance(value, SecretStr) else value)
