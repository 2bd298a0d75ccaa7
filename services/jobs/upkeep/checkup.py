"""The job *doctor*: what is wrong in the whole system, and how it is mended.

The worker checks itself. The other services check themselves, each with its own settings, and answer through Redis.
"""

import asyncio
import secrets
from dataclasses import asdict
from typing import Any

from services.core.doctor import Finding
from services.core.probes import checkup
from services.core.state.connection import Redis
from services.jobs.doctor import checks
from services.jobs.settings import JobsSettings

OTHERS = ("catalog", "transform")
"""The services that every system has, beside this one."""
SECONDS = 60.0
"""How long they may take. Each check may take a quarter of that."""


async def system(client: Redis, settings: JobsSettings, seconds: float = SECONDS) -> list[dict[str, Any]]:
    """Return what all services have found, each with its `service`. One that does not answer is wrong, too."""
    own, others = await asyncio.gather(
        checkup.findings(settings, checks(settings), writes=True),
        checkup.ask(client, secrets.token_hex(8), OTHERS, seconds),
    )
    found = {service: others.get(service) or [_silent(service)] for service in OTHERS} | {settings.service: own}
    return [{"service": service, **asdict(one)} for service, findings in found.items() for one in findings]


def _silent(service: str) -> Finding:
    return Finding(
        "doctor",
        f"no process of {service} has answered",
        f"Check whether {service} runs, and whether it reaches Redis. Its log says more.",
    )
