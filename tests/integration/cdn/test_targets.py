"""How each CDN is called, and what it may answer.

The CDNs are doubles that keep to the published APIs: their paths, their authentication, the limits of a call, and the
shapes of their errors. Whether the real ones keep to them too, no test here can say.
"""

import asyncio
import base64
import hashlib
import hmac
import re
import time
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable
from xml.etree import ElementTree

import pytest
from aiohttp import web

from services.core.webhooks import signing
from services.jobs.cdn.cloudflare import Cloudflare
from services.jobs.cdn.cloudfront import CloudFront
from services.jobs.cdn.fastly import Fastly
from services.jobs.cdn.target import NotPurged, Target
from services.jobs.cdn.varnish import Varnish
from services.jobs.cdn.webhook import Webhook
from tests.processes.http_server import HttpServer

ZONE, SECRET = "0123456789abcdef" * 2, signing.new_secret()
NAMESPACE = "{http://cloudfront.amazonaws.com/doc/2020-05-31/}"


class Api(HttpServer):
    """The API of a CDN. It has purged `tags`. The next `fault` is answered in place of an answer."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.fault: web.Response | None = None

    async def answer(self, request: web.Request) -> web.StreamResponse:
        fault, self.fault = self.fault, None
        return fault or await self.purge(request)

    @abstractmethod
    def target(self, token: str = "right") -> Target: ...

    @abstractmethod
    async def purge(self, request: web.Request) -> web.Response: ...

    @abstractmethod
    def limited(self) -> tuple[web.Response, float]:
        """Return an answer to too many calls, and the pause that it asks for at least."""


class CloudflareApi(Api):
    def target(self, token: str = "right") -> Target:
        return Cloudflare(ZONE, token, 5, f"{self.address}/client/v4")

    async def purge(self, request: web.Request) -> web.Response:
        assert (request.method, request.path) == ("POST", f"/client/v4/zones/{ZONE}/purge_cache")
        if request.headers["Authorization"] != "Bearer right":
            return self._failed(403, 10000, "Authentication error")
        tags = (await request.json())["tags"]
        if not 1 <= len(tags) <= 100:
            return self._failed(400, 1094, "too many tags")
        self.tags += tags
        return web.json_response({"success": True, "errors": [], "messages": [], "result": {"id": ZONE}})

    def _failed(self, status: int, code: int, message: str) -> web.Response:
        body = {"success": False, "errors": [{"code": code, "message": message}], "messages": [], "result": None}
        return web.json_response(body, status=status)

    def limited(self) -> tuple[web.Response, float]:
        answer = self._failed(429, 971, "Please wait and consider throttling your request speed")
        answer.headers["Retry-After"] = "12"
        return answer, 12


class FastlyApi(Api):
    def target(self, token: str = "right") -> Target:
        return Fastly("SU1Z0isxPaozGVKXdv0eY", token, self.address)

    async def purge(self, request: web.Request) -> web.Response:
        assert (request.method, request.path) == ("POST", "/service/SU1Z0isxPaozGVKXdv0eY/purge")
        if request.headers["Fastly-Key"] != "right":
            return web.json_response({"msg": "Provided credentials are missing or invalid"}, status=401)
        assert "Fastly-Soft-Purge" not in request.headers
        keys = (await request.json())["surrogate_keys"]
        if not 1 <= len(keys) <= 256:
            return web.json_response({"msg": "Bad request", "detail": "too many keys"}, status=400)
        self.tags += keys
        return web.json_response({key: f"108-{number}" for number, key in enumerate(keys)})

    def limited(self) -> tuple[web.Response, float]:
        headers = {"Fastly-RateLimit-Remaining": "0", "Fastly-RateLimit-Reset": str(int(time.time()) + 40)}
        return web.json_response({"msg": "Rate limit exceeded"}, status=429, headers=headers), 35


class CloudFrontApi(Api):
    def __init__(self) -> None:
        super().__init__()
        self.references: set[str] = set()

    def target(self, token: str = "right") -> Target:
        return CloudFront("E1ABCDEF", token, "secret", self.address)

    async def purge(self, request: web.Request) -> web.Response:
        signed = re.match(
            r"AWS4-HMAC-SHA256 Credential=(\w+)/\d{8}/us-east-1/cloudfront/aws4_request, ",
            request.headers["Authorization"],
        )
        assert signed
        if signed[1] != "right":
            return self._failed(403, "AccessDenied")
        if request.method == "GET":
            config = "<CacheTagConfig><HeaderName>Cache-Tag</HeaderName></CacheTagConfig>"
            return self._xml(f"<DistributionConfig>{config}</DistributionConfig>")
        assert (request.method, request.path) == ("POST", "/2020-05-31/distribution/E1ABCDEF/invalidation")
        batch = ElementTree.fromstring(await request.read())
        items = [item.text or "" for item in batch.iter(f"{NAMESPACE}Path")]
        assert len(items) == int(batch.findtext(f".//{NAMESPACE}Quantity") or 0) <= 3000
        reference = batch.findtext(f".//{NAMESPACE}CallerReference") or ""
        assert reference not in self.references, "CloudFront takes it for the same invalidation"
        self.references.add(reference)
        assert all(item.startswith("#") for item in items), "not a tag"
        self.tags += [item[1:] for item in items]
        return self._xml("<Invalidation><Id>I1</Id><Status>InProgress</Status></Invalidation>", 201)

    def _xml(self, text: str, status: int = 200) -> web.Response:
        return web.Response(text=f'<?xml version="1.0"?>{text}', content_type="text/xml", status=status)

    def _failed(self, status: int, code: str) -> web.Response:
        error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>no</Message></Error>"
        return self._xml(f"<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>", status)

    def limited(self) -> tuple[web.Response, float]:
        return self._failed(400, "TooManyInvalidationsInProgress"), 30


class VarnishDouble(Api):
    """As gateway/varnish/tada.vcl answers. The real one has a test of its own (tests/e2e/test_varnish.py)."""

    def target(self, token: str = "right") -> Target:
        return Varnish(self.address, token)

    async def purge(self, request: web.Request) -> web.Response:
        assert request.method == "PURGE"
        if request.headers["X-Purge-Token"] != "right":
            return web.Response(status=403)
        self.tags += request.headers["xkey-purge"].split(" ")
        return web.Response()

    def limited(self) -> tuple[web.Response, float]:
        return web.Response(status=429, headers={"Retry-After": "7"}), 7


class Program(Api):
    """A program that purges a CDN, and checks signatures as Standard Webhooks specifies it."""

    def target(self, token: str = "right") -> Target:
        return Webhook(f"{self.address}/purge", SECRET if token == "right" else signing.new_secret(), "tada")

    async def purge(self, request: web.Request) -> web.Response:
        assert (request.method, request.path) == ("POST", "/purge")
        body, head = await request.read(), request.headers
        content = f"{head['webhook-id']}.{head['webhook-timestamp']}.".encode() + body
        digest = hmac.digest(base64.b64decode(SECRET.removeprefix("whsec_")), content, hashlib.sha256)
        if head["webhook-signature"] != f"v1,{base64.b64encode(digest).decode()}":
            return web.Response(status=401)
        said = await request.json()
        assert said["everything"] == ("tada" in said["tags"])
        self.tags += said["tags"]
        return web.Response(status=204)

    def limited(self) -> tuple[web.Response, float]:
        return web.Response(status=429, headers={"Retry-After": "9999999"}), 3600


MAKERS: list[Callable[[], Api]] = [CloudflareApi, FastlyApi, CloudFrontApi, VarnishDouble, Program]


@pytest.fixture(params=MAKERS, ids=lambda made: made.__name__)
async def api(request: pytest.FixtureRequest) -> AsyncIterator[Api]:
    made: Api = request.param()
    await made.start()
    yield made
    await made.stop()


async def failure(target: Target, tags: list[str]) -> NotPurged:
    with pytest.raises(NotPurged) as raised:
        await target.purge(tags)
    return raised.value


async def test_each_cdn_purges_as_many_tags_at_once_as_it_is_given(api: Api) -> None:
    target = api.target()
    many = [f"tada-{number:012x}" for number in range(target.tags_at_once)]
    for tags in (["tada"], many, many):
        api.tags.clear()
        await target.purge(tags)
        assert api.tags == tags
    await target.close()


async def test_a_failure_of_each_cdn_says_what_kind_it_is(api: Api) -> None:
    target = api.target()
    answer, pause = api.limited()
    api.fault = answer
    limited = await failure(target, ["tada"])
    assert (limited.result, limited.retry_after >= pause) == ("limited", True)
    api.fault = web.Response(status=500, text="oops")
    assert (await failure(target, ["tada"])).result == "failed"
    await target.purge(["tada"])
    await api.stop()
    assert (await failure(target, ["tada"])).result == "failed"
    await api.start()
    await target.purge(["tada"])
    await target.close()
    stranger = api.target("wrong")
    refused = await failure(stranger, ["tada"])
    assert refused.result == "refused"
    assert "right" not in str(refused)
    assert api.tags == ["tada"] * 2
    await stranger.close()


async def test_an_answer_of_cloudflare_without_success_is_no_purge() -> None:
    api = CloudflareApi()
    await api.start()
    target = api.target()
    for body in ('{"success": false, "errors": []}', "<html>", "[]"):
        api.fault = web.Response(text=body)
        assert (await failure(target, ["tada"])).result == "refused"
    await target.close()
    await api.stop()


async def test_an_answer_of_cloudfront_without_an_invalidation_is_no_purge() -> None:
    api = CloudFrontApi()
    await api.start()
    target = api.target()
    for status, body in ((200, ""), (200, "<html></html>"), (201, "<html"), (204, ""), (503, "<html")):
        api.fault = web.Response(status=status, text=body)
        assert (await failure(target, ["tada"])).result == "failed"
    await target.close()
    await api.stop()


async def test_an_answer_of_fastly_with_an_impossible_pause_is_a_failure() -> None:
    api = FastlyApi()
    await api.start()
    target = api.target()
    api.fault = web.Response(status=429, headers={"Fastly-RateLimit-Reset": "9" * 400})
    assert (await failure(target, ["tada"])).retry_after == 3600
    await target.close()
    await api.stop()


@pytest.mark.parametrize(
    ("answer", "is_done"),
    [
        pytest.param(b"HTTP/1.0 200 OK\r\n\r\n", True, id="of HTTP/1.0, without a length"),
        pytest.param(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\ndone", True, id="that ends with the connection"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ndone", False, id="that is cut"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ndone\r\n", False, id="cut in chunks"),
        pytest.param(b"HTTP/1.1 200 OK\r\nConnection: close\r\n", False, id="cut in its headers"),
    ],
)
async def test_an_answer_may_end_with_its_connection(answer: bytes, is_done: bool) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(re.search(rb"Content-Length: (\d+)", head)[1]))  # type: ignore[index]
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    target = Webhook(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", SECRET, "tada")
    for _ in range(2):
        if is_done:
            await target.purge(["tada"])
        else:
            assert (await failure(target, ["tada"])).result == "failed"
    await target.close()
    server.close()


async def test_cloudfront_says_from_which_header_it_takes_tags() -> None:
    api = CloudFrontApi()
    await api.start()
    target = api.target()
    assert isinstance(target, CloudFront)
    assert (await target.tag_header()).lower() == "cache-tag"
    await target.close()
    await api.stop()


@pytest.mark.parametrize("host", ["x" * 64, "no-such-host.invalid"])
async def test_a_name_that_is_not_known_is_a_failure(host: str) -> None:
    for target in (Varnish(f"http://{host}", "right"), Webhook(f"http://{host}/", SECRET, "tada")):
        assert (await failure(target, ["tada"])).result == "failed"


async def test_all_machines_of_a_name_are_purged_also_if_one_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    one, gone, other = VarnishDouble(), VarnishDouble(), VarnishDouble()
    await one.start()
    await other.start()

    async def found(name: str) -> list[str]:
        return [one.address, gone.address, other.address]

    monkeypatch.setattr("services.jobs.cdn.varnish.resolve", found)
    target = Varnish("http://varnish", "right")
    assert (await failure(target, ["tada-1"])).result == "failed"
    assert (one.tags, other.tags) == (["tada-1"], ["tada-1"])
    await gone.start()
    await target.purge(["tada-1"])
    assert gone.tags == ["tada-1"]
    await target.close()
    for machine in (one, gone, other):
        await machine.stop()
