"""What the nginx tiers tell of their requests: a sample of them by syslog, counted here as nginx counts no hits itself.

Syslog comes as datagrams to METRICS_PORT. One that is lost costs nobody anything, and the ratios stay as they are.
"""

import asyncio
import re

from services.jobs import metrics

_SAMPLE = re.compile(
    rb"<\d+>.*: (edge|cache|entry) ([1-5])\d\d (HIT|MISS|EXPIRED|BYPASS|STALE|UPDATING|REVALIDATED|-)\s*", re.DOTALL
)


async def receive(host: str, port: int) -> asyncio.BaseTransport | None:
    """Count what comes to a UDP port, if there is one, until what is returned is closed; raises OSError."""
    if not port:
        return None
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(_Samples, local_addr=(host, port))
    return transport


def sample(datagram: bytes) -> tuple[str, str, str] | None:
    """Return tier, cache and class of the status; None for what no tier of ours has sent."""
    match = _SAMPLE.fullmatch(datagram)
    if match is None:
        return None
    tier, status, cache = (group.decode() for group in match.groups())
    return tier, "none" if cache == "-" else cache.lower(), f"{status}xx"


class _Samples(asyncio.DatagramProtocol):
    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if labels := sample(data):
            metrics.GATEWAY.labels(*labels).inc()
