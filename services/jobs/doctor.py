"""The checks of the doctor for the jobs worker alone: whether every nginx node accepts changes from it, how many
pictures have a reduction, what is made before it is asked for, and how the webhooks are.
"""

from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from urllib.parse import urlsplit

from redis.exceptions import RedisError

from services.core.doctor import Check, Finding
from services.core.dumps.loss import look
from services.core.state import commands, connection, keys
from services.core.webhooks.registry import Registry
from services.core.webhooks.waiting import State
from services.core.webhooks.webhook import Webhook
from services.jobs.cdn.target import NotPurged, Target
from services.jobs.cdn.targets import targets
from services.jobs.purge.addresses import UnknownName, resolve
from services.jobs.purge.node import GatewayNode, NodeAway
from services.jobs.settings import JobsSettings

_MEND_CDN = {
    "refused": "Check the token and its permissions, and the id beside it (CDN_…).",
    "failed": "Check its address, whether it runs, and whether this machine may reach it.",
    "limited": "Wait: it allows no more calls now. Check CDN_CLOUDFLARE_CALLS_PER_MINUTE if it is Cloudflare.",
}


def checks(settings: JobsSettings) -> list[Check]:
    """Return what the doctor checks in this service, beside what every service needs."""
    return [partial(check, settings) for check in (look, reductions, nodes, warm, webhooks, cdns)]


async def nodes(settings: JobsSettings) -> AsyncIterator[Finding]:
    """Ask each node which change it has."""
    tiers = {"NGINX_SERVICE": settings.nginx_service, "NGINX_EDGE_SERVICE": settings.nginx_edge_service}
    for variable, names in tiers.items():
        for name in names:
            try:
                for address in await resolve(name):
                    await _ask(address, settings.purge_token.get_secret_value())
            except (UnknownName, NodeAway) as error:
                mend = f"Check {variable}, whether the node runs, and whether it has the same PURGE_TOKEN."
                yield Finding("nginx", str(error), mend)
            else:
                yield Finding("nginx", f"{name} takes changes")


async def reductions(settings: JobsSettings) -> AsyncIterator[Finding]:
    """Count the pictures that have a reduction. There may be none, so nothing of it is wrong."""
    client = connection.connect(settings.redis_address)
    try:
        count = await commands.hlen(client, keys.REDUCTIONS)
    except RedisError:
        return  # Another check reports it.
    finally:
        await client.aclose()
    yield Finding("reductions", f"{count} pictures have one (REDUCTION_SIDE is {settings.reduction_side})")


async def warm(settings: JobsSettings) -> AsyncIterator[Finding]:
    """Say what is made before it is asked for, and whether a node of the edge can be asked for it."""
    forms, found = settings.warm_forms, 0
    for name in settings.nginx_edge_service if forms else ():
        with suppress(UnknownName):  # Another check reports it.
            found += len(await resolve(name))
    said = f"{len(forms)} forms of each asset, at {found} nodes of the edge" if forms else "nothing (WARM is not set)"
    mend = "Set NGINX_EDGE_SERVICE to the addresses of the edge. Until then WARM has no effect."
    yield Finding("made before it is asked for", said, mend if forms and not found else "")


async def webhooks(settings: JobsSettings) -> AsyncIterator[Finding]:
    """Say how each webhook is. One that has failed since its last success is wrong, and one with dead letters."""
    client = connection.connect(settings.redis_address)
    try:
        registry = Registry(client)
        for webhook in await registry.all():
            yield _webhook(webhook, await registry.waiting(webhook.id).state())
    except RedisError:
        return  # Another check reports it.
    finally:
        await client.aclose()


def _webhook(webhook: Webhook, state: State) -> Finding:
    about = f"{webhook.id} ({urlsplit(webhook.address).hostname})"
    look = f"GET /webhooks/{webhook.id} shows more."
    if state.gone:
        mend = f"Delete it, or PATCH /webhooks/{webhook.id} with active true when the receiver is back."
        return Finding("webhook", f"{about}: the receiver has answered that it is gone", mend)
    if state.is_failing and state.failure:
        why = f"{state.failure['status'] or ''} {state.failure['text']}".strip()
        return Finding("webhook", f"{about}: the last attempt failed ({why}), {state.waiting} events wait", look)
    if state.dead_letters:
        at = f"/webhooks/{webhook.id}"
        mend = f"POST {at}/replay sends them again, DELETE {at}/dead-letters removes them."
        return Finding("webhook", f"{about}: {state.dead_letters} dead letters", mend)
    return Finding("webhook", f"{about}: {'works' if webhook.active else 'paused'}, {state.waiting} events wait")


async def cdns(settings: JobsSettings) -> AsyncIterator[Finding]:
    """Purge each CDN of a tag that nothing has, and look whether CloudFront takes tags at all."""
    if not settings.cdn_seconds and (found := targets(settings)):
        yield Finding(
            "cdn", f"{len(found)} are purged, and keep answers for {settings.browser_seconds} s (CDN_SECONDS)"
        )
    for cdn in targets(settings):
        try:
            await cdn.purge([f"{settings.cdn_tags}-doctor"])
            if settings.cdn_cloudfront_distribution and cdn.name == "cloudfront":
                yield await _tags_of_cloudfront(cdn)
        except NotPurged as error:
            yield Finding("cdn", f"{cdn.name}: {error}", _MEND_CDN[error.result])
        else:
            yield Finding("cdn", f"{cdn.name} can be purged")
        finally:
            await cdn.close()


async def _tags_of_cloudfront(cdn: Target) -> Finding:
    from services.jobs.cdn.cloudfront import HEADER, CloudFront

    assert isinstance(cdn, CloudFront)
    header = await cdn.tag_header()
    if header.lower() == HEADER:
        return Finding("cdn", f"CloudFront takes tags from {header}")
    mend = "Add a CacheTagConfig with the header Cache-Tag to the distribution. Until then a purge has no effect."
    return Finding("cdn", f"CloudFront takes tags from {header or 'no header'}", mend)


async def _ask(address: str, token: str) -> None:
    node = GatewayNode(address, token)
    try:
        await node.position()
    finally:
        node.close()
