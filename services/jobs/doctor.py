"""The checks of the doctor for the jobs worker alone: whether every nginx node accepts changes from it, and how many
pictures have a reduction.
"""

from collections.abc import AsyncIterator

from redis.exceptions import RedisError

from services.core.doctor import Finding
from services.core.state import commands, connection, keys
from services.jobs.purge.addresses import UnknownName, resolve
from services.jobs.purge.node import GatewayNode, NodeAway
from services.jobs.settings import JobsSettings


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


async def _ask(address: str, token: str) -> None:
    node = GatewayNode(address, token)
    try:
        await node.position()
    finally:
        node.close()
