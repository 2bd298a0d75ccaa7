"""What the jobs worker says to a node of the gateway, over real connections, and what it makes of the answers."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web
from pydantic import SecretStr

from services.core.doctor import Finding
from services.jobs import doctor, http
from services.jobs.purge import node as node_module
from services.jobs.purge.addresses import UnknownName
from services.jobs.purge.node import TOKEN_HEADER, Batch, Gap, GatewayNode, NodeAway
from services.jobs.settings import JobsSettings
from tests.processes.http_server import HttpServer
from tests.processes.listening import listening
from tools.stack.ports import free_ports

TOKEN = "0123456789abcdef"
BATCH = Batch(5, 17, True, ["7 raise /DEV/cat\n", "17 gone /catalog/u\n17 raise u\n"])

Answers = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Nginx(HttpServer):
    """A real HTTP server that answers as it is told, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, str, str]] = []
        self.connections = set[object]()
        self.answers: Answers = self.position_17

    async def answer(self, request: web.Request) -> web.StreamResponse:
        assert request.headers[TOKEN_HEADER] == TOKEN
        assert request.headers["host"] == f"127.0.0.1:{self.port}"
        self.asked.append((request.method, request.path, await request.text()))
        self.connections.add(request.transport)
        return await self.answers(request)

    async def position_17(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"position": 17, "current": True})


@pytest.fixture
async def nginx() -> AsyncIterator[Nginx]:
    made = Nginx()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def node(nginx: Nginx) -> AsyncIterator[GatewayNode]:
    made = GatewayNode(nginx.address, TOKEN)
    yield made
    made.close()


def always(status: int, text: str = "") -> Answers:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status, text=text)

    return answer


async def in_turn(*answers: Answers) -> Answers:
    left = list(answers)

    async def answer(request: web.Request) -> web.StreamResponse:
        return await left.pop(0)(request)

    return answer


# What is said


@pytest.mark.parametrize(
    ("batch", "text"),
    [
        (BATCH, "5 17 now\n7 raise /DEV/cat\n17 gone /catalog/u\n17 raise u\n"),
        (Batch(0, 0, True, []), "0 0 now\n"),
        (Batch(None, 17, False, ["17 raise *\n"]), "reset 17 more\n17 raise *\n"),
        (Batch(1764066000000001, 1764066000000001, True, []), "1764066000000001 1764066000000001 now\n"),
    ],
)
async def test_changes_are_sent_as_the_node_reads_them(
    nginx: Nginx, node: GatewayNode, batch: Batch, text: str
) -> None:
    assert batch.to_text() == text
    assert await node.apply(batch) == 17
    assert nginx.asked == [("POST", "/generations", text)]


async def test_a_node_is_asked_for_its_position(nginx: Nginx, node: GatewayNode) -> None:
    assert await node.position() == 17
    assert nginx.asked == [("GET", "/generations", "")]


async def test_a_path_in_the_address_comes_before(nginx: Nginx) -> None:
    node = GatewayNode(f"{nginx.address}/prefix", TOKEN)
    assert await node.position() == 17
    node.close()
    assert nginx.asked == [("GET", "/prefix/generations", "")]


async def test_ten_thousand_changes_are_one_request(nginx: Nginx, node: GatewayNode) -> None:
    lines = [f"{number} raise /DEV/{'x' * 80}/{number}\n" for number in range(10_000)]
    assert await node.apply(Batch(0, 9_999, False, lines)) == 17
    [(_, _, text)] = nginx.asked
    assert text == "0 9999 more\n" + "".join(lines)


async def test_requests_follow_one_another_over_one_connection(nginx: Nginx, node: GatewayNode) -> None:
    for _ in range(20):
        await node.position()
        await node.apply(BATCH)
    assert len(nginx.asked) == 40
    assert len(nginx.connections) == 1


@pytest.mark.parametrize("number", [0, 1, 1764066000000001, 2**53])
async def test_every_position_is_read(nginx: Nginx, node: GatewayNode, number: int) -> None:
    nginx.answers = always(200, f'{{"position":{number},"current":false}}\n')
    assert await node.position() == await node.apply(BATCH) == number


async def test_an_answer_in_pieces_is_one(nginx: Nginx, node: GatewayNode) -> None:
    async def in_pieces(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for piece in (b'{"posi', b'tion":1', b"7}"):
            await response.write(piece)
            await asyncio.sleep(0.01)
        return response

    nginx.answers = in_pieces
    assert [await node.position() for _ in range(3)] == [17] * 3


# What is answered


async def test_a_node_that_lacks_what_was_before_says_so_and_goes_on(nginx: Nginx, node: GatewayNode) -> None:
    nginx.answers = await in_turn(always(409, "gap"), nginx.position_17)
    with pytest.raises(Gap):
        await node.apply(BATCH)
    assert await node.position() == 17
    assert len(nginx.connections) == 1


@pytest.mark.parametrize("status", [204, 301, 400, 403, 404, 413, 429, 500, 502, 503])
async def test_a_node_that_refuses_is_away_and_it_is_said_why(nginx: Nginx, node: GatewayNode, status: int) -> None:
    nginx.answers = always(status, "" if status == 204 else '{"position":17}')
    for ask in (node.position(), node.apply(BATCH)):
        with pytest.raises(NodeAway, match=f"{nginx.address} answered {status}"):
            await ask
    nginx.answers = nginx.position_17
    assert await node.position() == 17


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<!doctype html><title>Log in to the hotel's wireless network</title>",
        "[]",
        "17",
        "null",
        "{}",
        '{"position":null}',
        '{"position":"x"}',
        '{"position":{}}',
        '{"position":17',
    ],
)
async def test_what_is_no_node_is_away(nginx: Nginx, node: GatewayNode, text: str) -> None:
    nginx.answers = always(200, text)
    with pytest.raises(NodeAway, match="is not a node of this gateway"):
        await node.position()
    with pytest.raises(NodeAway):
        await node.apply(BATCH)


@pytest.mark.parametrize(
    "said",
    [
        b"SSH-2.0-OpenSSH_9.2p1\r\n",
        b"HTTP/1.1 banana\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\n\r\n" + b'{"position":17}',  # Its end is the end of the connection.
    ],
)
async def test_what_speaks_something_else_is_away(said: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)

    async with listening(serve) as port:
        node = GatewayNode(f"http://127.0.0.1:{port}", TOKEN)
        try:
            for ask in (node.position, lambda: node.apply(BATCH)):
                started = time.monotonic()
                with pytest.raises(NodeAway, match="cannot be reached"):
                    await ask()
                assert time.monotonic() - started < 1
        finally:
            node.close()


# What is no answer


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> float:
    monkeypatch.setattr(node_module, "ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(http, "CONNECT_SECONDS", 0.2)
    return 0.2


async def never(request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(60)
    return web.Response()


async def cut_off(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def test_a_node_that_hangs_is_away_in_time(nginx: Nginx, node: GatewayNode, impatient: float) -> None:
    assert await node.position() == 17
    nginx.answers = never
    for ask in (node.position, lambda: node.apply(BATCH)):
        started = time.monotonic()
        with pytest.raises(NodeAway, match="timeout"):
            await ask()
        assert impatient * 0.9 < time.monotonic() - started < impatient + 1
    nginx.answers = nginx.position_17
    assert await node.position() == 17, "over a new connection"


async def test_a_node_that_begins_to_answer_and_hangs_is_away_in_time(
    nginx: Nginx, node: GatewayNode, impatient: float
) -> None:
    async def half(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.05)

    nginx.answers = half
    started = time.monotonic()
    with pytest.raises(NodeAway):
        await node.position()
    assert time.monotonic() - started < impatient + 1


async def test_a_machine_that_takes_no_connection_is_away_in_time(impatient: float) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        waiting = []
        for _ in range(3):  # Until there is no place left in the queue.
            waiting.append(socket.socket())
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(address)
        node = GatewayNode(f"http://127.0.0.1:{address[1]}", TOKEN)
        started = time.monotonic()
        with pytest.raises(NodeAway):
            await node.position()
        assert time.monotonic() - started < 1.5
        for one in waiting:
            one.close()


async def test_where_nobody_listens_there_is_no_node() -> None:
    [port] = free_ports(1)
    node = GatewayNode(f"http://127.0.0.1:{port}", TOKEN)
    for ask in (node.position, lambda: node.apply(BATCH)):
        with pytest.raises(NodeAway, match=f"127.0.0.1:{port} cannot be reached"):
            await ask()


async def test_a_connection_that_was_closed_between_two_requests_is_opened_again(
    nginx: Nginx, node: GatewayNode
) -> None:
    assert await node.position() == 17
    for _ in range(3):
        await nginx.stop()
        await nginx.start()
        assert await node.apply(BATCH) == 17
    assert len(nginx.connections) == 4


async def test_a_node_that_closes_the_connection_after_each_answer_is_spoken_to(
    nginx: Nginx, node: GatewayNode
) -> None:
    async def the_last(request: web.Request) -> web.StreamResponse:
        response = web.json_response({"position": 17})
        response.force_close()
        return response

    nginx.answers = the_last
    assert [await node.apply(BATCH) for _ in range(5)] == [17] * 5
    assert len(nginx.asked) == 5


async def test_a_connection_that_breaks_when_it_is_used_again_is_tried_once_more(
    nginx: Nginx, node: GatewayNode
) -> None:
    nginx.answers = await in_turn(nginx.position_17, cut_off, nginx.position_17)
    assert await node.position() == 17
    # Changes that were taken, and the answer lost, do no harm a second time.
    assert await node.apply(BATCH) == 17
    assert [text for _, _, text in nginx.asked] == ["", BATCH.to_text(), BATCH.to_text()]


async def test_a_node_that_breaks_every_connection_is_away(nginx: Nginx, node: GatewayNode) -> None:
    assert await node.position() == 17
    nginx.answers = cut_off
    with pytest.raises(NodeAway):
        await node.position()
    assert len(nginx.asked) == 3
    nginx.answers = nginx.position_17
    assert await node.position() == 17


async def test_who_stops_waiting_for_an_answer_is_not_given_it_for_the_next_question(
    nginx: Nginx, node: GatewayNode
) -> None:
    may_answer, asked = asyncio.Event(), asyncio.Event()

    async def late(request: web.Request) -> web.StreamResponse:
        asked.set()
        await may_answer.wait()
        return web.json_response({"position": 3})

    nginx.answers = late
    task = asyncio.create_task(node.position())
    await asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    nginx.answers = nginx.position_17
    may_answer.set()
    assert await node.position() == 17


async def test_a_node_that_was_given_up_can_be_given_up_again(nginx: Nginx, node: GatewayNode) -> None:
    node.close()
    await node.position()
    node.close()
    node.close()
    assert await node.position() == 17


# The doctor


async def found(*nginx_service: str, edge: str) -> list[Finding]:
    settings = JobsSettings(nginx_service=nginx_service, nginx_edge_service=(edge,), purge_token=SecretStr(TOKEN))
    return [finding async for finding in doctor.nodes(settings)]


async def test_the_doctor_finds_nodes_that_take_changes(nginx: Nginx) -> None:
    well = Finding("nginx", f"{nginx.address} takes changes")
    assert await found(nginx.address, edge=nginx.address) == [well, well]
    assert nginx.asked == [("GET", "/generations", "")] * 2


async def test_the_doctor_says_which_node_takes_no_changes_and_what_to_look_at(
    nginx: Nginx, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def resolve_but_one(name: str) -> list[str]:
        if "nobody" in name:
            raise UnknownName(f"{name} cannot be found: Name or service not known")
        return [name]

    monkeypatch.setattr(doctor, "resolve", resolve_but_one)
    [port] = free_ports(1)
    nginx.answers = always(403, "no")
    findings = await found(f"http://127.0.0.1:{port}", "http://nobody:80", edge=nginx.address)
    for finding, said, variable in zip(
        findings,
        (
            f"http://127.0.0.1:{port} cannot be reached: ",
            "http://nobody:80 cannot be found: Name or service not known",
            f"{nginx.address} answered 403 to GET /generations",
        ),
        ("NGINX_SERVICE", "NGINX_SERVICE", "NGINX_EDGE_SERVICE"),
        strict=True,
    ):
        assert finding.said.startswith(said)
        assert f"Check {variable}," in finding.mend
