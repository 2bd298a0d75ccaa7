"""Requests to the outside over real sockets. Only the name service is a double: it says what a test needs it to say.

The server of these tests is on this machine, so names that may be reached are allowed by name: `public.example` stands
for a server outside. Everything else that leads to this machine must be refused before a byte is sent.
"""

import asyncio
import ssl
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from services.core.errors import FileTooLarge, NoSource, OutwardFailed, OutwardRefused
from services.core.outward.addresses import Allowed
from services.core.outward.client import Limits, Outward
from tests.processes.source import Source, answer, redirect, source
from tests.unit.core.outward.test_urls import TRICKS

ALLOWED = Allowed.parse(["public.example"])
BYTES = 1000
ONCE = Limits(seconds=5)
FOLLOWING = Limits(seconds=5, redirects=3)


@dataclass
class Names:
    """A name service: what each name leads to, one answer for each question, and the last one from then on."""

    answers: dict[str, list[list[str]]]
    asked: list[str] = field(default_factory=list)

    def __call__(self, host: str) -> list[str]:
        self.asked.append(host)
        if host not in self.answers:
            raise OSError(-2, "Name or service not known")
        answers = self.answers[host]
        return answers.pop(0) if len(answers) > 1 else answers[0]


@pytest.fixture
async def server() -> AsyncIterator[Source]:
    async with source() as made:
        yield made


async def get(url: str, names: Names, limits: Limits = ONCE, allowed: Allowed = ALLOWED) -> tuple[str, int, bytes]:
    outward = Outward(allowed, names)
    try:
        async with outward.ask("GET", url, limits) as found:
            return str(found.url), found.status, b"".join([chunk async for chunk in found.chunks(BYTES)])
    finally:
        outward.close()


def here(*names: str) -> Names:
    return Names({name: [["127.0.0.1"]] for name in ("public.example", *names)})


def at(server: Source, rest: str = "/") -> str:
    return f"http://public.example:{server.port}{rest}"


async def test_a_server_is_asked_under_its_name_at_the_address_that_was_checked(server: Source) -> None:
    """The system does not know the name, so a second look-up would fail."""
    names = here()
    assert await get(at(server, "/cat.jpg?x=1"), names) == (at(server, "/cat.jpg?x=1"), 200, b"/cat.jpg?x=1")
    head = server.asked[0].lower()
    assert head.startswith(b"get /cat.jpg?x=1 http/1.1\r\n")
    assert f"\r\nhost: public.example:{server.port}\r\n".encode() in head
    assert b"\r\naccept-encoding: identity\r\n" in head
    assert names.asked == ["public.example"]


# Nothing inside is reached


async def test_no_trick_reaches_this_machine(server: Source) -> None:
    for trick in TRICKS:
        for url in (trick, trick.replace("127.0.0.1", f"127.0.0.1:{server.port}")):
            with pytest.raises((OutwardRefused, OutwardFailed)):
                await get(url, here("localhost", "example.com", "example.internal"))
    assert server.connections == 0


async def test_no_redirect_reaches_this_machine(server: Source) -> None:
    """Each trick is the target of a redirect by the one server that may be reached."""
    names = here("localhost", "inside.example", "example.com")
    targets = [*TRICKS, *(trick.replace("127.0.0.1", f"127.0.0.1:{server.port}") for trick in TRICKS)]
    targets += [f"//127.0.0.1:{server.port}/", f"http://inside.example:{server.port}/", f"//localhost:{server.port}/"]
    targets = [target for target in targets if not set(target) & set("\r\n\x00")]  # No header has these.
    for target in targets:
        server.say = lambda path, target=target: redirect(target) if path == "/begin" else answer(b"other path")
        try:
            url, _, body = await get(at(server, "/begin"), names, FOLLOWING)
        except (OutwardRefused, OutwardFailed, NoSource):
            continue
        assert (url.startswith(at(server)), body) == (True, b"other path"), target
    hosts = {line for head in server.asked for line in head.lower().split(b"\r\n") if line.startswith(b"host:")}
    assert hosts == {f"host: public.example:{server.port}".encode()}


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["93.184.215.14", "127.0.0.1"],
        ["2606:2800:21f:cb07::1", "::1"],
        ["::ffff:127.0.0.1"],
        ["169.254.169.254"],
        ["fe80::1%lo"],
        ["64:ff9b::7f00:1"],
        ["0.0.0.0"],
    ],
)
async def test_a_name_that_leads_inside_with_one_of_its_addresses_is_refused(
    server: Source, addresses: list[str]
) -> None:
    with pytest.raises(OutwardRefused, match="may not be reached") as refused:
        await get(f"http://two.example:{server.port}/", Names({"two.example": [addresses]}))
    assert "127.0.0.1" not in refused.value.message
    assert server.connections == 0


async def test_a_name_that_changes_its_address_is_looked_up_once_for_each_connection(server: Source) -> None:
    rebinding = Names({"public.example": [["127.0.0.1"], ["169.254.169.254"]]})
    assert (await get(at(server, "/one"), rebinding))[2] == b"/one"
    assert rebinding.asked == ["public.example"]
    with pytest.raises(OutwardRefused, match="metadata"):
        await get(at(server, "/two"), rebinding)
    assert server.connections == 1

    back = Names({"public.example": [["127.0.0.1"], ["10.0.0.1", "169.254.169.254"]]})
    server.say = lambda _: redirect("/again")
    with pytest.raises(OutwardRefused, match="metadata"):
        await get(at(server), back, FOLLOWING)
    assert server.connections == 2


async def test_an_address_of_this_machine_is_refused_even_if_it_is_a_public_one(
    server: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine of the tests has no public address: 127.0.0.1 is taken for one here."""
    monkeypatch.setattr("services.core.outward.lookup.kind_of", lambda _: None)
    monkeypatch.setattr("services.core.outward.urls.kind_of", lambda _: None)
    with pytest.raises(OutwardRefused, match="of the machine itself"):
        await get(f"http://127.0.0.1:{server.port}/", here(), allowed=Allowed())
    await asyncio.sleep(0)
    assert server.asked == []
    assert await get(f"http://127.0.0.1:{server.port}/", here(), allowed=Allowed.parse(["127.0.0.1"]))


async def test_no_proxy_of_the_environment_is_used(server: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{server.port}")
    with pytest.raises(OutwardFailed, match="No address is found"):
        await get("http://unknown.example/", here())
    with pytest.raises(OutwardRefused):
        await get("http://10.0.0.1/", here())
    assert server.connections == 0


# Redirects


async def test_redirects_are_followed_as_often_as_the_limits_say(server: Source) -> None:
    server.say = lambda path: answer(b"there") if path == "/3" else redirect(f"/{int(path[1:]) + 1}", 307)
    assert await get(at(server, "/0"), here(), FOLLOWING) == (at(server, "/3"), 200, b"there")
    server.say = lambda path: redirect(path)
    with pytest.raises(NoSource, match="redirects more than 3 times"):
        await get(at(server), here(), FOLLOWING)
    assert (await get(at(server), here()))[1] == 302


# What a server can do to whom it is asked by


async def test_an_answer_that_is_too_large_is_not_read(server: Source) -> None:
    server.say = lambda _: answer(b"x" * 1000)
    assert len((await get(at(server), here()))[2]) == 1000
    server.say = lambda _: b"HTTP/1.1 200 x\r\ncontent-length: 1001\r\n\r\n"  # It is refused before any of it comes.
    with pytest.raises(FileTooLarge):
        await get(at(server), here())
    server.say = lambda _: (
        b"HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\n"
        + b"3e8\r\n"
        + b"x" * 1000
        + (b"\r\n1\r\nx\r\n0\r\n\r\n")
    )
    with pytest.raises(FileTooLarge):
        await get(at(server), here())


BROKEN = {
    "is cut": b"HTTP/1.1 200 x\r\ncontent-length: 10\r\n\r\nx",
    "is cut in its head": b"HTTP/1.1 200 x\r\ncontent-le",
    "has chunks that are cut": b"HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nx",
    "is not HTTP": b"+PONG\r\n",
    "has two lengths": b"HTTP/1.1 200 x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx",
    "has an endless head": b"HTTP/1.1 200 x\r\n" + b"x: y\r\n" * 100_000,
    "is empty": b"",
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
async def test_an_answer_that_is_not_valid_fails_clearly(server: Source, broken: bytes) -> None:
    server.say = lambda _: broken
    with pytest.raises(OutwardFailed, match=r"public\.example"):
        await get(at(server), here())


@pytest.mark.parametrize("said", [answer(b"x" * 100), b"HTTP/1.1 100 x\r\n\r\n" * 100], ids=["slow", "never"])
async def test_a_server_that_is_slow_without_a_pause_is_left_at_the_deadline(server: Source, said: bytes) -> None:
    server.say, server.rest = lambda _: said, 0.01
    with pytest.raises(OutwardFailed, match=r"has not answered in full after 0\.2 s"):
        await get(at(server), here(), Limits(seconds=0.2))


async def test_what_is_compressed_is_not_unpacked(server: Source) -> None:
    server.say = lambda _: answer(b"x" * 10, content_encoding="gzip")
    with pytest.raises(NoSource, match="compressed"):
        await get(at(server), here())


async def test_names_that_are_not_found_in_time_hold_up_no_other_one(server: Source) -> None:
    """As many as one receiver of webhooks can have asked for at the same time, and another one."""
    names, go = here(), threading.Event()

    def look_up(host: str) -> list[str]:
        if host.startswith("slow"):
            go.wait(10)
        return names(host)

    outward = Outward(ALLOWED, look_up)

    async def ask(url: str, limits: Limits) -> int:
        async with outward.ask("GET", url, limits) as found:
            return found.status

    try:
        late = [ask(f"http://slow{number}.example/", Limits(0.2)) for number in range(9)]
        assert {type(one) for one in await asyncio.gather(*late, return_exceptions=True)} == {OutwardFailed}
        assert await ask(at(server), Limits(2)) == 200
    finally:
        go.set()
        outward.close()


async def test_a_time_out_of_the_caller_stays_one(server: Source) -> None:
    outward = Outward(ALLOWED, here())
    with pytest.raises(TimeoutError):
        async with outward.ask("GET", at(server), ONCE):
            raise TimeoutError
    outward.close()


async def test_a_body_is_posted_and_the_beginning_of_the_answer_can_be_read(server: Source) -> None:
    server.say = lambda _: answer(b"y" * 900, 503)
    outward = Outward(ALLOWED, here())
    async with outward.ask("POST", at(server), ONCE, {"Webhook-Id": "1"}, b"{}") as found:
        assert (found.status, await found.beginning(5)) == (503, b"yyyyy")
    outward.close()
    assert b"\r\nwebhook-id: 1\r\n" in server.asked[0].lower()
    assert b"\r\ncontent-length: 2\r\n" in server.asked[0].lower()


# Certificates


@dataclass
class Secure:
    port: int
    names: list[str | None]
    """What each client has named in its greeting."""
    certificate: Path


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[Secure]:
    cert, key, names = tmp_path / "cert.pem", tmp_path / "key.pem", list[str | None]()
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=x"),
            *("-addext", "subjectAltName=DNS:public.example", "-keyout", key, "-out", cert),
        ],
        check=True,
        capture_output=True,
    )

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.sni_callback = lambda _, name, __: names.append(name)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Secure(server.server_port, names, cert)
        server.shutdown()
        thread.join()


async def test_the_certificate_must_be_that_of_the_name(secure: Secure, monkeypatch: pytest.MonkeyPatch) -> None:
    names = here("other.example")
    with pytest.raises(OutwardFailed, match=r"The certificate of public\.example is not valid"):
        await get(f"https://public.example:{secure.port}/", names)
    monkeypatch.setenv("SSL_CERT_FILE", str(secure.certificate))
    assert (await get(f"https://public.example:{secure.port}/", names))[1] == 200
    assert secure.names == ["public.example", "public.example"]
    other = Allowed.parse(["other.example"])
    with pytest.raises(OutwardFailed, match=r"The certificate of other\.example is not valid"):
        await get(f"https://other.example:{secure.port}/", names, allowed=other)
