"""What the doctor looks at in the jobs worker alone: whether every nginx node purges for it."""

from collections.abc import AsyncIterator

from services.core.doctor import Finding
from services.jobs.nginx import Tiers
from services.jobs.purging import PurgeFailed
from services.jobs.settings import JobsSettings

_PROBE = "/assets/media/full/tada-doctor"
"""A cache key that no asset has."""


async def nodes(settings: JobsSettings) -> AsyncIterator[Finding]:
    """Purge, on each node, what it cannot have."""
    tiers = Tiers(settings.nginx_service, settings.nginx_edge_service, settings.purge_token.get_secret_value())
    try:
        for variable, addresses in (("NGINX_SERVICE", tiers.cache_nodes), ("NGINX_EDGE_SERVICE", tiers.edge_nodes)):
            for node in addresses:
                try:
                    await tiers.ask(node, [_PROBE])
                except PurgeFailed as error:
                    mend = f"Check {variable}, that the node runs, and that its PURGE_TOKEN is the same as here."
                    yield Finding("nginx", str(error), mend)
                else:
                    yield Finding("nginx", f"{node} purges")
    finally:
        await tiers.close()
