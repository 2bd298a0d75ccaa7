import asyncio
import socket

import pytest
from prometheus_client import REGISTRY

from services.jobs.gateway_samples import receive, sample
from tests.e2e.system import wait_until


@pytest.mark.parametrize(
    ("said", "labels"),
    [
        (b"<190>Nov 29 09:00:00 nginx: edge 200 HIT", ("edge", "hit", "2xx")),
        (b"<190>Nov  9 09:00:00 nginx: cache 404 MISS\n", ("cache", "miss", "4xx")),
        (b"<190>Nov 29 09:00:00 nginx: entry 201 -", ("entry", "none", "2xx")),
    ],
)
def test_a_sample_says_tier_cache_and_kind_of_status(said: bytes, labels: tuple[str, str, str]) -> None:
    assert sample(said) == labels


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\xff" * 1000,
        b"edge 200 HIT",
        b"<190>Nov 29 09:00:00 nginx: origin 200 HIT",
        b"<190>Nov 29 09:00:00 nginx: edge 000 -",
        b"<190>Nov 29 09:00:00 nginx: edge 200 SOMETHING",
        b"<190>Nov 29 09:00:00 nginx: edge 200 HIT HIT",
    ],
)
def test_what_no_tier_sends_makes_no_label(said: bytes) -> None:
    assert sample(said) is None


async def test_datagrams_are_counted_and_what_cannot_be_read_is_passed_over() -> None:
    def counted() -> float:
        labels = {"tier": "edge", "cache": "stale", "status": "2xx"}
        return REGISTRY.get_sample_value("tada_gateway_sampled_requests_total", labels) or 0

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    before = counted()
    receiver = await receive("127.0.0.1", port)
    assert receiver
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as tier:
        for said in (b"nonsense", b"<190>Nov 29 09:00:00 nginx: edge 200 STALE"):
            tier.sendto(said, ("127.0.0.1", port))
    await asyncio.to_thread(wait_until, lambda: counted() > before)
    assert counted() == before + 1
    receiver.close()


async def test_without_a_port_nothing_is_received() -> None:
    assert await receive("127.0.0.1", 0) is None
