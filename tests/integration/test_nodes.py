"""Purging a tier whose nodes come and go: names with several addresses, and what one that was away has missed."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from services.core.redis import Redis
from services.jobs.missed import MissedPurges
from services.jobs.nginx import Tiers
from services.jobs.purging import TOKEN_HEADER
from tests.e2e.system import free_ports

TOKEN = "0123456789abcdef"
KEY = "/assets/media/full/DEV/cat.webp?width=5"


class Node:
    """A machine of a tier: remembers what was purged, and answers while it may."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port, self.purged = host, port, list[str]()
        self.asked, self.may_answer = asyncio.Event(), asyncio.Event()
        self.may_answer.set()
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/{path:.*}", self._purge)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, self.host, self.port).start()

    async def stop(self) -> None:
        if self._runner:
            await self._runner.cleanup()

    async def _purge(self, request: web.Request) -> web.Response:
        assert request.headers[TOKEN_HEADER] == TOKEN
        self.purged.append(request.raw_path.removeprefix("/purge"))
        self.asked.set()
        await self.may_answer.wait()
        return web.Response()


class Names:
    """The DNS, in place of the system's: which addresses a name has."""

    def __init__(self) -> None:
        self.known: dict[str, list[str]] = {}

    async def __call__(self, host: str, port: int, **_: Any) -> list[Any]:
        if not self.known.get(host):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in self.known[host]]


@pytest.fixture
async def two(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[list[Node], Names, Tiers]]:
    """Yield two machines that are both `edges`, the names, and the tier that consists of them."""
    [port] = free_ports(1)
    nodes, names = [Node("127.0.0.2", port), Node("127.0.0.3", port)], Names()
    for node in nodes:
        await node.start()
    names.known["edges"] = [node.host for node in nodes]
    tiers = Tiers((), (f"http://edges:{port}",), TOKEN)
    # A node is given addresses, and asks nobody.
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", names)
    monkeypatch.setattr("services.jobs.nginx._ADDRESSES_SECONDS", 0)
    yield nodes, names, tiers
    await tiers.close()
    for node in nodes:
        await node.stop()


async def test_every_address_of_a_name_is_purged(two: tuple[list[Node], Names, Tiers]) -> None:
    nodes, _, tiers = two
    assert await tiers.purge([KEY]) == set()
    assert [node.purged for node in nodes] == [[KEY], [KEY]]


async def test_a_machine_that_vanished_from_the_name_is_waited_for_no_more(
    two: tuple[list[Node], Names, Tiers], client: Redis
) -> None:
    nodes, names, tiers = two
    missed = MissedPurges(client, tiers)
    await nodes[1].stop()
    gone = await tiers.purge([KEY])
    assert gone == set(tiers.edge_nodes)
    await missed.note(gone, [KEY])
    await missed.make_up()
    assert await client.keys("tada:missed:*"), "it may be back at any time"
    names.known["edges"] = [nodes[0].host]
    await missed.make_up()
    assert not await client.keys("tada:missed:*")
    assert await tiers.purge([KEY]) == set()


async def test_a_name_that_is_not_known_has_missed_everything_until_it_is(
    two: tuple[list[Node], Names, Tiers], client: Redis
) -> None:
    nodes, names, tiers = two
    missed = MissedPurges(client, tiers)
    known, names.known["edges"] = names.known["edges"], []
    many = [f"{KEY}{number}" for number in range(450)]
    await missed.note(await tiers.purge(many), many)
    await missed.make_up()
    assert nodes[0].purged == []
    names.known["edges"] = known
    await missed.make_up()
    assert sorted(nodes[0].purged) == sorted(nodes[1].purged) == sorted(many)
    assert not await client.keys("tada:missed:*")


async def test_what_is_missed_again_while_it_is_made_up_for_stays(
    two: tuple[list[Node], Names, Tiers], client: Redis
) -> None:
    nodes, _, tiers = two
    missed = MissedPurges(client, tiers)
    node = tiers.edge_nodes[0]
    await missed.note([node], [KEY])
    nodes[0].may_answer.clear()
    making_up = asyncio.create_task(missed.make_up())
    await nodes[0].asked.wait()
    await missed.note([node], [KEY])
    nodes[0].may_answer.set()
    await making_up
    assert nodes[0].purged == [KEY, KEY], "once for each time that it was missed"
