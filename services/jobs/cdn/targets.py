"""The CDNs that the settings name."""

from services.core.assets.cache_tags import CacheTags
from services.jobs.cdn.cloudflare import Cloudflare
from services.jobs.cdn.fastly import Fastly
from services.jobs.cdn.target import Target
from services.jobs.cdn.varnish import Varnish
from services.jobs.cdn.webhook import Webhook
from services.jobs.settings import JobsSettings


def targets(settings: JobsSettings) -> list[Target]:
    """Return a target for each CDN. Nothing is sent yet."""
    found: list[Target] = [
        Varnish(address, settings.purge_token.get_secret_value()) for address in settings.cdn_varnish
    ]
    if settings.cdn_cloudflare_zone:
        token, calls = settings.cdn_cloudflare_token.get_secret_value(), settings.cdn_cloudflare_calls_per_minute
        found.append(Cloudflare(settings.cdn_cloudflare_zone, token, calls))
    if settings.cdn_fastly_service:
        found.append(Fastly(settings.cdn_fastly_service, settings.cdn_fastly_token.get_secret_value()))
    if settings.cdn_cloudfront_distribution:
        # Only here: the library of Amazon takes as long to import as all the rest.
        from services.jobs.cdn.cloudfront import CloudFront

        keys = (settings.cdn_cloudfront_access_key, settings.cdn_cloudfront_secret_key)
        found.append(CloudFront(settings.cdn_cloudfront_distribution, *(key.get_secret_value() for key in keys)))
    if settings.cdn_webhook:
        secret = settings.cdn_webhook_secret.get_secret_value()
        found.append(Webhook(settings.cdn_webhook, secret, CacheTags(settings.cdn_tags).everything))
    return found
