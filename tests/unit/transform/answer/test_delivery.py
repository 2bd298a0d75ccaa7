import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from email.utils import formatdate
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from services.core.assets import reading
from services.core.assets.entries import Entry, timestamp
from services.core.assets.facts import Facts
from services.core.assets.freshness import GENERATION_HEADER, NEVER
from services.core.assets.reductions import Part, Reduction, stored_as
from services.core.clients import networks
from services.core.errors import Behind
from services.core.serving.web import ERROR_HANDLERS, Direct
from services.core.spool import prepare
from services.core.state import connection, entry_json
from services.core.state.entry_reader import Read
from services.core.state.rate_limits import Limit, Limiter, StorageGuard
from services.core.storage.local import LocalStorage
from services.transform import metrics
from services.transform.answer import questions
from services.transform.answer.delivery import IN_MEMORY, Delivery
from services.transform.render.allowance import Allowance
from services.transform.render.pool import Patience, RenderPool
from services.transform.render.renders import Renders
from services.transform.render.sources import Sources
from services.transform.settings import TransformSettings
from tests.support.entries import MakeEntry
from tests.support.objects import put
from tests.support.older_service import LEFT_OUT, PDF, OlderFile, converted
from tests.support.pictures import BLUE, GREEN, RED, animation, encoded, frames_of
from tests.support.pixels import decode
from tests.support.problems import problem
from tests.support.reductions import a_reduction

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
LARGE = bytes(range(256)) * (IN_MEMORY // 256) + b"and more"
CHANGED = "2026-01-31T18:00:00.000+00:00"
CHANGED_AT = formatdate(1769882400, usegmt=True)
REVISION = 1764066000000001
FOR_A_CACHE = {GENERATION_HEADER: str(REVISION)}


class Entries:
    """Stands for the reader of entries: what is catalogued, and what changes between two readings for one answer."""

    def __init__(self) -> None:
        self.catalogued: dict[str, Entry] = {}
        self.reductions: dict[str, Reduction] = {}
        self.revision = REVISION
        self.known: list[int] = []
        """Of each reading, which change whoever asked knew of."""
        self.changes: list[Callable[[], object]] = []

    async def read(self, wanted: list[str], at_least: int = 0) -> list[bytes | None]:
        return (await self.read_all(wanted, at_least)).raws

    async def read_all(self, wanted: list[str], at_least: int = 0) -> Read:
        if self.known and self.changes:
            self.changes.pop(0)()
        self.known.append(at_least)
        if self.revision < at_least:
            raise Behind
        found = [self.catalogued.get(key) for key in wanted]
        raws = [entry_json.write(entry) if entry else None for entry in found]
        reductions = [self.reductions.get(key) for key in wanted]
        return Read(self.revision, "", raws, [orjson.dumps(asdict(one)) if one else None for one in reductions])


class Service:
    """The route of everything below /assets/media, with a storage and a pool of its own."""

    def __init__(self, folder: Path, make_entry: MakeEntry, **settings: Any) -> None:
        self.storage, self.entries, self._make_entry = LocalStorage(folder), Entries(), make_entry
        self.moved = Entries()
        prepare(self.storage.spool)
        read = TransformSettings(api_prefix="/prefix", namespaces_allowed=("DEV",), **settings)
        self.pool = RenderPool(read.render_threads, read.render_queue, Patience(read.waiting_seconds))
        unlimited = StorageGuard(Limiter(connection.connect("redis://nowhere")), Limit(0, 1))
        self.allowance = Allowance(read.render_budget)
        renders = Renders(Sources(self.storage, unlimited), self.pool, read.limits, self.allowance)
        lifetimes = read.lifetimes
        question = questions.reader(read.side_max, read.allowed_forms)
        delivery = Delivery(
            read,
            self.entries,  # type: ignore[arg-type]
            self.moved,  # type: ignore[arg-type]
            self.storage,
            renders,
            unlimited,
            question,
            lifetimes,
            networks(read.trusted_proxies),
        )

        async def deliver(request: Request) -> Response:
            return await delivery(request)

        app = Starlette(
            middleware=[Middleware(Direct, routes={"/assets/media/.+": deliver})], exception_handlers=ERROR_HANDLERS
        )
        self._app = app

    async def upload(self, content: bytes, given_name: str, media_type: str, **fields: Any) -> Entry:
        entry = self._make_entry(given_name, media_type, **fields)
        entry = replace(entry, signature=hashlib.sha256(content).hexdigest(), size=len(content), content_date=CHANGED)
        await put(self.storage, entry.stored, content)
        self.entries.catalogued[entry.key] = entry
        return entry

    async def reduce(self, entry: Entry, content: bytes, **changes: Any) -> Reduction:
        """Give an entry a reduction with these bytes."""
        width, height = decode(content).size
        made = a_reduction(entry, content=content, width=width, height=height, **changes)
        await put(self.storage, stored_as(entry, made).stored, content)
        self.entries.catalogued[entry.key] = replace(entry, width=2000, height=1500)
        self.entries.reductions[entry.key] = made
        return made

    async def get(
        self, path: str, headers: dict[str, str] | None = None, method: str = "GET", peer: str = "127.0.0.1"
    ) -> httpx.Response:
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=False, client=(peer, 123))
        async with httpx.AsyncClient(transport=transport, base_url="http://service.test") as http:
            return await http.request(method, f"/assets/media{path}", headers=headers)

    def damage(self, entry: Entry) -> None:
        path = self.storage.spool.parent / entry.storage_key
        path.write_bytes(path.read_bytes()[:-1] + b"!")

    def close(self) -> None:
        self.pool.shutdown()


@pytest.fixture
def service(tmp_path: Path, make_entry: MakeEntry) -> Iterator[Service]:
    found = Service(tmp_path, make_entry)
    yield found
    found.close()


@pytest.fixture
def photo(photos: dict[str, bytes]) -> bytes:
    return photos["china.jpg"]


async def test_original_is_the_stored_file_untouched(service: Service, photo: bytes) -> None:
    await service.upload(photo, "cat.jpg", "image/jpeg")
    answer = await service.get("/original/DEV/cat.jpg")
    assert (answer.status_code, answer.content) == (200, photo)
    assert answer.headers["content-type"] == "image/jpeg"


@pytest.mark.parametrize(
    ("path", "size"),
    [
        ("/full/DEV/cat.webp", (640, 427)),
        ("/full/image/DEV/cat.webp", (640, 427)),
        ("/full/DEV/cat.webp?width=64", (64, 43)),
        ("/optimise/100x50/DEV/cat.webp", (100, 50)),
        ("/optimise/0x0/DEV/cat.webp", (640, 427)),
    ],
)
async def test_other_forms_are_webp_of_the_asked_size(
    service: Service, photo: bytes, path: str, size: tuple[int, int]
) -> None:
    await service.upload(photo, "cat.jpg", "image/jpeg")
    answer = await service.get(path)
    shown = decode(answer.content)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
    assert (shown.format, shown.size) == ("WEBP", size)


# Entries of the older service, which stored what it delivered


async def restored(service: Service, older: OlderFile) -> Entry:
    """Catalogue an entry as a restored dump of the older service has it, with its bytes in the storage."""
    entry = replace(reading.read(older.entry, CHANGED), content_date=CHANGED)
    await put(service.storage, entry.stored, older.stored)
    service.entries.catalogued[entry.key] = entry
    return entry


@pytest.mark.parametrize(
    "path",
    [
        "/full/DEV/messy/Photo_d_t_1_.webp",
        "/full/image/DEV/messy/Photo_d_t_1_.webp",
        "/full/DEV/messy/Photo_d_t_1_.webp?x=1",
        "/optimise/0x0/DEV/messy/Photo_d_t_1_.webp",
        "/original/DEV/messy/Photo_d_t_1_.jpg",
    ],
)
async def test_the_public_addresses_of_the_older_service_have_its_bytes_with_their_type(
    service: Service, path: str
) -> None:
    older = converted("/DEV/messy/Photo_d_t_1_.webp", "Photo d'été (1).jpg")
    await restored(service, older)
    for method in ("GET", "HEAD"):
        answer = await service.get(path, method=method)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
        assert answer.headers["content-disposition"] == 'inline; filename="Photo_d_t_1_.webp"'
        assert answer.content == (older.stored if method == "GET" else b"")
    part = await service.get(path, {"range": "bytes=0-3"})
    assert (part.status_code, part.content, part.headers["content-type"]) == (206, b"RIFF", "image/webp")


async def test_the_original_of_the_older_service_is_found_under_both_names(service: Service) -> None:
    await restored(service, converted("/DEV/test.webp", "test.png", "PNG"))
    answer = await service.get("/original/DEV/test.webp")
    assert (answer.status_code, answer.headers["location"]) == (302, "/prefix/assets/media/original/DEV/test.png")
    answer = await service.get("/full/DEV/test.png")
    assert (answer.status_code, answer.headers["location"]) == (302, "/prefix/assets/media/full/DEV/test.webp")


@pytest.mark.parametrize(
    ("path", "size"), [("/full/DEV/test.webp?width=32", (32, 24)), ("/optimise/16x16/DEV/test.webp", (16, 16))]
)
async def test_other_sizes_are_made_of_what_the_older_service_stored(
    service: Service, path: str, size: tuple[int, int]
) -> None:
    await restored(service, converted("/DEV/test.webp", "test.png", "PNG"))
    shown = decode((await service.get(path)).content)
    assert (shown.format, shown.size) == ("WEBP", size)


def holding(older: OlderFile, content: bytes) -> OlderFile:
    """Return an entry of the older service for which other bytes are stored."""
    entry = {**older.entry, "signature": hashlib.sha256(content).hexdigest(), "size": len(content)}
    return OlderFile(entry, content, content)


async def test_of_bytes_that_are_not_what_the_older_service_says_the_type_is_theirs(service: Service) -> None:
    older = converted("/DEV/cat.webp", "cat.jpg", original_signature=LEFT_OUT)
    await restored(service, holding(older, older.uploaded))
    answer = await service.get("/original/DEV/cat.jpg")
    assert (answer.content, answer.headers["content-type"]) == (older.uploaded, "image/jpeg")


@pytest.mark.parametrize("headers", [{}, {"range": "bytes=100-199"}])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_of_large_files_too_the_type_is_that_of_the_bytes(
    service: Service, method: str, headers: dict[str, str]
) -> None:
    older = converted("/DEV/cat.webp", "cat.jpg", original_signature=LEFT_OUT)
    stored = holding(older, older.uploaded.ljust(len(LARGE), b"\0"))
    await restored(service, stored)
    answer = await service.get("/original/DEV/cat.jpg", headers, method=method)
    wanted = stored.stored[100:200] if headers else stored.stored
    assert (answer.is_success, answer.headers["content-type"]) == (True, "image/jpeg")
    assert answer.content == (wanted if method == "GET" else b"")


@pytest.mark.parametrize("content", [SVG, SVG.ljust(len(LARGE)), PDF], ids=["SVG", "large SVG", "PDF"])
@pytest.mark.parametrize("path", ["/original/DEV/cat.jpg", "/full/DEV/cat.webp"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_what_may_have_scripts_is_not_delivered_as_such_where_a_picture_is_catalogued(
    service: Service, content: bytes, path: str, method: str
) -> None:
    older = converted("/DEV/cat.webp", "cat.jpg", original_signature=LEFT_OUT)
    await restored(service, holding(older, content))
    answer = await service.get(path, method=method)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_where_the_older_service_has_kept_the_upload_webp_is_made_of_it(service: Service) -> None:
    older = converted("/DEV/cat.webp", "cat.jpg")
    await restored(service, holding(older, older.uploaded))
    answer = await service.get("/original/DEV/cat.jpg")
    assert (answer.content, answer.headers["content-type"]) == (older.uploaded, "image/jpeg")
    answer = await service.get("/full/DEV/cat.webp")
    assert (decode(answer.content).format, answer.headers["content-type"]) == ("WEBP", "image/webp")


@pytest.mark.parametrize(
    "path", ["/original/DEV/cat.jpg", "/full/DEV/cat.webp", "/optimise/9x9/DEV/cat.webp", "/original/DEV/big.pdf"]
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_every_answer_says_what_it_is_and_how_long_it_is_good(
    service: Service, photo: bytes, path: str, method: str
) -> None:
    await service.upload(photo, "cat.jpg", "image/jpeg")
    await service.upload(LARGE, "big.pdf", "application/pdf")
    headers = (await service.get(path, method=method)).headers
    assert headers["etag"].startswith('"')
    assert headers["last-modified"] == CHANGED_AT
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"].startswith("public, max-age=60")
    assert int(headers["content-length"]) == len((await service.get(path)).content)


async def test_every_form_has_a_validator_of_its_own(service: Service, photo: bytes) -> None:
    await service.upload(photo, "cat.jpg", "image/jpeg")
    paths = [
        "/original/DEV/cat.jpg",
        "/full/DEV/cat.webp",
        "/full/DEV/cat.webp?quality=9",
        "/optimise/9x9/DEV/cat.webp",
    ]
    tags = {(await service.get(path)).headers["etag"] for path in paths}
    assert len(tags) == len(paths)


@pytest.mark.parametrize("path", ["/original/DEV/cat.jpg", "/optimise/9x9/DEV/cat.webp"])
async def test_what_the_client_has_already_is_not_sent_again(service: Service, photo: bytes, path: str) -> None:
    await service.upload(photo, "cat.jpg", "image/jpeg")
    etag = (await service.get(path)).headers["etag"]
    day_before = formatdate(1769882400 - 86400, usegmt=True)
    later = "Fri, 01 Jan 2100 00:00:00 GMT"
    for headers, status in (
        ({"if-none-match": etag}, 304),
        ({"if-none-match": f'W/{etag}, "other"'}, 304),
        ({"if-none-match": '"other"'}, 200),
        ({"if-none-match": '"other"', "if-modified-since": CHANGED_AT}, 200),
        ({"if-modified-since": CHANGED_AT}, 304),
        ({"if-modified-since": later}, 304),
        ({"if-none-match": etag, "if-modified-since": day_before}, 304),
        ({"if-modified-since": day_before}, 200),
        ({"if-modified-since": "yesterday"}, 200),
    ):
        answer = await service.get(path, headers)
        assert (headers, answer.status_code) == (headers, status)
        assert answer.headers["etag"] == etag
        assert bool(answer.content) is (status == 200)


@pytest.mark.parametrize("content", [LARGE, LARGE[:5000]], ids=["large", "small"])
async def test_a_part_of_a_file_can_be_asked_for(service: Service, content: bytes) -> None:
    await service.upload(content, "big.pdf", "application/pdf")
    size = len(content)
    whole = await service.get("/original/DEV/big.pdf")
    assert (whole.status_code, whole.content, whole.headers["accept-ranges"]) == (200, content, "bytes")
    part = await service.get("/original/DEV/big.pdf", {"range": "bytes=100-299"})
    assert (part.status_code, part.content) == (206, content[100:300])
    assert part.headers["content-range"] == f"bytes 100-299/{size}"
    assert part.headers["content-length"] == "200"
    end = await service.get("/original/DEV/big.pdf", {"range": "bytes=-8"})
    assert (end.status_code, end.content) == (206, content[-8:])
    behind = await service.get("/original/DEV/big.pdf", {"range": f"bytes={size}-"})
    assert (behind.status_code, behind.headers["content-range"]) == (416, f"bytes */{size}")


async def test_the_head_of_a_part_is_that_of_the_whole(service: Service) -> None:
    await service.upload(LARGE, "big.pdf", "application/pdf")
    head = await service.get("/original/DEV/big.pdf", {"range": "bytes=0-4"}, method="HEAD")
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(LARGE)))


async def test_a_part_of_other_bytes_than_the_client_has_is_the_whole(service: Service, photo: bytes) -> None:
    await service.upload(photo, "cat.jpg", "image/jpeg")
    etag = (await service.get("/original/DEV/cat.jpg")).headers["etag"]
    for condition, status in ((etag, 206), (CHANGED_AT, 200), ('"other"', 200), (f"W/{etag}", 200)):
        answer = await service.get("/original/DEV/cat.jpg", {"range": "bytes=0-9", "if-range": condition})
        assert (condition, answer.status_code) == (condition, status)


@pytest.mark.parametrize("path", ["/original/DEV/cat.svg", "/full/DEV/cat.svg", "/optimise/0x0/DEV/cat.svg"])
async def test_an_svg_is_delivered_as_stored_and_can_do_nothing(service: Service, path: str) -> None:
    await service.upload(SVG, "cat.svg", "image/svg+xml")
    answer = await service.get(path)
    assert (answer.content, answer.headers["content-type"]) == (SVG, "image/svg+xml")
    policy = answer.headers["content-security-policy"].split("; ")
    assert {"sandbox", "default-src 'none'"} <= set(policy)


@pytest.mark.parametrize("form", ["original", "full", "optimise/0x0"])
async def test_a_gif_is_delivered_as_stored(service: Service, form: str) -> None:
    gif = animation("GIF")
    await service.upload(gif, "wave.gif", "image/gif")
    answer = await service.get(f"/{form}/DEV/wave.gif", {"accept": "image/avif,image/webp"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/gif")
    assert answer.content == gif


@pytest.mark.parametrize(
    ("path", "size"),
    [
        ("/optimise/60x0/DEV/wave.gif", (60, 40)),
        ("/full/DEV/wave.gif?width=60", (60, 40)),
        ("/full/DEV/wave.gif?format=webp", (120, 80)),
        ("/optimise/60x0/DEV/wave.gif?format=avif", (60, 40)),
    ],
)
async def test_a_gif_is_an_animated_webp_where_a_picture_is_asked_for(
    service: Service, path: str, size: tuple[int, int]
) -> None:
    await service.upload(animation("GIF"), "wave.gif", "image/gif")
    answer = await service.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
    assert 'filename="wave.webp"' in answer.headers["content-disposition"]
    assert [(frame.size, milliseconds) for milliseconds, frame in frames_of(answer.content)] == [
        (size, 100),
        (size, 200),
        (size, 300),
    ]


async def test_an_svg_is_drawn_at_a_size_that_is_asked_for(service: Service) -> None:
    drawing = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 4"><rect width="4" height="4" fill="red"/></svg>'
    await service.upload(drawing, "cat.svg", "image/svg+xml")
    answer = await service.get("/optimise/40x20/DEV/cat.svg")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
    assert decode(answer.content).size == (40, 20)
    assert "content-security-policy" not in answer.headers


@pytest.mark.parametrize(
    ("asked", "location"),
    [
        ("/original/DEV/cat.webp", "/prefix/assets/media/original/DEV/cat.jpg"),
        ("/full/DEV/cat.jpg?width=200&x=%20y", "/prefix/assets/media/full/DEV/cat.webp?width=200&x=%20y"),
        ("/optimise/9x9/DEV/cat.jpg", "/prefix/assets/media/optimise/9x9/DEV/cat.webp"),
    ],
)
async def test_the_other_name_of_an_asset_redirects_with_its_query(
    service: Service, photo: bytes, asked: str, location: str
) -> None:
    await service.upload(photo, "cat.jpg", "image/jpeg")
    answer = await service.get(asked)
    assert (answer.status_code, answer.headers["location"]) == (302, location)


@pytest.mark.parametrize(
    ("asked", "location"),
    [
        ("/original/DEV/a/cat.jpg", "/original/DEV/b/dog.webp"),
        ("/original/DEV/a/cat.webp", "/original/DEV/b/dog.webp"),
        ("/full/image/DEV/a/cat.jpg?width=200&x=%20y", "/full/DEV/b/dog.webp?width=200&x=%20y"),
        ("/optimise/9x9/DEV/a/cat.webp?accept=avif", "/optimise/9x9/DEV/b/dog.webp?accept=avif"),
    ],
)
async def test_an_address_from_before_a_move_leads_to_the_same_form(
    service: Service, make_entry: MakeEntry, asked: str, location: str
) -> None:
    before = make_entry("cat.jpg", "image/jpeg", destination="a")
    service.moved.catalogued[before.key] = make_entry("dog.jpg", "image/jpeg", destination="b")
    answer = await service.get(asked, FOR_A_CACHE)
    assert (answer.status_code, answer.headers["location"]) == (301, f"/prefix/assets/media{location}")
    assert answer.headers["x-accel-expires"] == answer.headers["x-edge-expires"] == "60"
    assert service.moved.known == [REVISION]


async def test_a_redirect_from_before_a_move_ends_with_its_asset(service: Service, make_entry: MakeEntry) -> None:
    before = make_entry("cat.jpg", "image/jpeg", destination="a")
    soon = timestamp(datetime.fromtimestamp(time.time() + 40, UTC))
    service.moved.catalogued[before.key] = make_entry("cat.jpg", "image/jpeg", expiration_date=soon)
    answer = await service.get("/full/DEV/a/cat.webp")
    assert answer.status_code == 301
    assert answer.headers["x-accel-expires"].startswith("@")
    service.moved.catalogued[before.key] = make_entry("cat.jpg", "image/jpeg", expired=True)
    assert (await service.get("/full/DEV/a/cat.webp")).status_code == 404


async def test_a_move_that_the_catalog_lacks_is_waited_for(service: Service, make_entry: MakeEntry) -> None:
    service.moved.revision -= 1
    assert (await service.get("/full/DEV/a/cat.webp", FOR_A_CACHE)).status_code == 503


async def test_what_is_not_catalogued_is_a_404_and_what_has_expired_a_404_with_a_picture(
    service: Service, photo: bytes
) -> None:
    await service.upload(photo, "old.jpg", "image/jpeg", expired=True)
    missing, expired = await service.get("/full/DEV/cat.webp"), await service.get("/full/DEV/old.webp")
    elsewhere = await service.get("/full/PROD/cat.webp")
    assert missing.status_code == expired.status_code == elsewhere.status_code == 404
    assert problem(missing)["code"] == "not_found"
    for placeholder in (expired, elsewhere):
        assert placeholder.headers["content-type"] == "image/svg+xml"
        assert b"<svg" in placeholder.content
        assert "sandbox" in placeholder.headers["content-security-policy"]
    for answer in (missing, expired, elsewhere):
        assert answer.headers["x-accel-expires"] == "60"
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(("ahead", "kept"), [(3600, "in a minute"), (50, "until then"), (0.5, "not")])
async def test_what_is_not_visible_yet_is_a_404_with_a_picture_that_no_cache_keeps_for_longer(
    service: Service, photo: bytes, ahead: float, kept: str
) -> None:
    now = time.time()
    start = timestamp(datetime.fromtimestamp(now + ahead, UTC))
    entry = await service.upload(photo, "new.jpg", "image/jpeg", visible_from=start)
    answer = await service.get("/original/DEV/new.jpg")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "image/svg+xml")
    assert entry.visible_at is not None
    until = answer.headers["x-accel-expires"]
    if kept == "not":
        assert until == "0"
    elif kept == "until then":
        assert until == answer.headers["x-edge-expires"] == f"@{int(entry.visible_at) - 1}"
    else:
        assert now + 59 <= int(until.removeprefix("@")) <= time.time() + 60
        assert answer.headers["x-edge-expires"] == "60"
    service.entries.catalogued[entry.key] = replace(entry, visible_from=timestamp())
    assert (await service.get("/original/DEV/new.jpg")).content == photo


@pytest.mark.parametrize("path", ["/original/DEV/cat.jpg", "/full/DEV/cat.webp"])
async def test_bytes_that_are_not_the_signed_ones_are_never_served_or_cached(
    service: Service, photo: bytes, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    service.damage(await service.upload(photo, "cat.jpg", "image/jpeg"))
    answer = await service.get(path, FOR_A_CACHE)
    assert answer.status_code == 500
    assert problem(answer)["code"] == "signature_mismatch"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-accel-expires"] == "0"
    assert "signature_mismatch" in caplog.messages


async def test_a_part_of_a_large_damaged_file_is_not_served_even_where_it_is_whole(service: Service) -> None:
    service.damage(await service.upload(LARGE, "big.pdf", "application/pdf"))
    answer = await service.get("/original/DEV/big.pdf", {"range": "bytes=0-9"})
    assert answer.status_code == 500


async def test_a_file_that_the_storage_does_not_have_is_a_404_that_is_not_cached(
    service: Service, photo: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    entry = await service.upload(photo, "cat.jpg", "image/jpeg")
    await service.storage.delete([entry.stored])
    for path in ("/original/DEV/cat.jpg", "/full/DEV/cat.webp"):
        answer = await service.get(path, FOR_A_CACHE)
        assert (answer.status_code, answer.headers["x-accel-expires"]) == (404, "0")
    assert "file_missing" in caplog.messages


async def test_a_storage_that_does_not_work_is_a_503(service: Service, photo: bytes) -> None:
    entry = await service.upload(photo, "cat.jpg", "image/jpeg")
    service.entries.catalogued[entry.key] = replace(entry, storage_key=f"{entry.storage_key}/below-a-file")
    for path in ("/original/DEV/cat.jpg", "/full/DEV/cat.webp"):
        answer = await service.get(path)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert answer.headers["x-accel-expires"] == "0"


async def test_an_entry_that_cannot_be_rendered_is_still_delivered_as_it_is_stored(service: Service) -> None:
    broken = b"\xff\xd8\xff\xe0 no photograph"
    await service.upload(broken, "cat.jpg", "image/jpeg")
    assert (await service.get("/full/DEV/cat.webp")).status_code == 422
    assert (await service.get("/original/DEV/cat.jpg")).content == broken


async def test_what_cannot_be_rendered_is_remembered_for_a_minute(service: Service) -> None:
    await service.upload(b"\xff\xd8\xff\xe0 no photograph", "cat.jpg", "image/jpeg")
    answer = await service.get("/full/DEV/cat.webp", FOR_A_CACHE)
    assert answer.status_code == 422
    assert (answer.headers["x-accel-expires"], answer.headers["x-edge-expires"]) == ("60", "60")
    assert "stale-if-error" not in answer.headers["cache-control"]


async def test_what_cannot_be_rendered_and_will_expire_is_kept_by_no_cache(service: Service) -> None:
    ends = "2040-01-01T00:00:00.000+00:00"
    await service.upload(b"\xff\xd8\xff\xe0 no photograph", "cat.jpg", "image/jpeg", expiration_date=ends)
    answer = await service.get("/full/DEV/cat.webp", FOR_A_CACHE)
    assert (answer.status_code, answer.headers["x-accel-expires"]) == (422, "0")


async def test_more_renders_than_may_wait_are_refused_at_once(
    tmp_path: Path, make_entry: MakeEntry, photo: bytes
) -> None:
    full = Service(tmp_path, make_entry, render_threads=1, render_queue=0)
    await full.upload(photo, "cat.jpg", "image/jpeg")
    place = full.pool.enter(1.0, "a")
    answer = await full.get("/full/DEV/cat.webp")
    full.pool.close(place)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert (await full.get("/full/DEV/cat.webp")).status_code == 200
    full.close()


async def test_a_client_is_whom_the_last_trusted_proxy_has_seen_and_has_a_budget(
    tmp_path: Path, make_entry: MakeEntry, photo: bytes
) -> None:
    service = Service(tmp_path, make_entry, render_budget=10, trusted_proxies=("198.51.100.0/24",))
    for name in ("cat.jpg", "dog.jpg"):
        await service.upload(photo, name, "image/jpeg")
    service.allowance.spend("203.0.113.7", "another asset", 30, time.monotonic())
    stranger = {"x-forwarded-for": "203.0.113.1, 203.0.113.7, 198.51.100.4"}
    refused = await service.get("/optimise/20x0/DEV/cat.webp", stranger)
    assert (refused.status_code, refused.headers["cache-control"]) == (429, "no-store")
    assert int(refused.headers["retry-after"]) in (19, 20)
    assert problem(refused)["code"] == "too_many_requests"
    other = await service.get("/optimise/20x0/DEV/dog.webp", {"x-forwarded-for": "203.0.113.7, 203.0.113.1"})
    assert other.status_code == 200
    # A gateway whose address is not one of a neighbour is not believed: it asks for everybody, and has no budget.
    for peer in ("203.0.113.7", "100.64.1.2"):
        service.allowance.spend(peer, "another asset", 30, time.monotonic())
        headers = {"x-forwarded-for": "192.0.2.1"}
        assert (await service.get("/optimise/22x0/DEV/dog.webp", headers, peer=peer)).status_code == 200
    service.close()


@pytest.mark.parametrize(
    "path",
    ["/original/DEV/cat.jpg", "/full/DEV/cat.webp", "/full/DEV/cat.jpg", "/full/DEV/dog.webp", "/full/PROD/x.webp"],
)
async def test_an_answer_is_the_same_for_whoever_asks_and_says_how_long_it_may_be_kept(
    service: Service, photo: bytes, path: str
) -> None:
    await service.upload(photo, "cat.jpg", "image/jpeg")
    for_a_cache, for_none = await service.get(path, FOR_A_CACHE), await service.get(path)
    assert int(for_a_cache.headers["x-accel-expires"]) >= 60
    assert (for_a_cache.status_code, for_a_cache.headers) == (for_none.status_code, for_none.headers)
    # One reading for each: what is not older than the generation that was asked for need not be looked up again.
    assert service.entries.known == [REVISION, 0]


@pytest.mark.parametrize("path", ["/original/DEV/cat.jpg", "/full/DEV/cat.webp", "/full/DEV/dog.webp"])
async def test_a_redis_that_is_behind_what_a_cache_knows_is_not_answered_from(
    service: Service, photo: bytes, path: str
) -> None:
    await service.upload(photo, "cat.jpg", "image/jpeg")
    answer = await service.get(path, {GENERATION_HEADER: str(REVISION + 1)})
    assert answer.status_code == 503
    assert {name: answer.headers[name] for name in NEVER} == NEVER
    assert int(answer.headers["retry-after"]) > 0
    service.entries.revision = service.moved.revision = REVISION + 1
    assert (await service.get(path, {GENERATION_HEADER: str(REVISION + 1)})).status_code in (200, 404)


async def test_a_redis_that_falls_behind_while_the_answer_is_made_is_not_answered_from(
    service: Service, photo: bytes
) -> None:
    entry = await service.upload(photo, "cat.jpg", "image/jpeg")
    await service.storage.delete([entry.stored])
    service.entries.changes = [lambda: setattr(service.entries, "revision", REVISION - 1)]
    answer = await service.get("/original/DEV/cat.jpg", FOR_A_CACHE)
    assert (answer.status_code, answer.headers["x-accel-expires"]) == (503, "0")
    assert service.entries.known == [REVISION, REVISION]


@pytest.mark.parametrize("path", ["/original/DEV/cat.jpg", "/full/DEV/cat.webp"])
async def test_what_is_replaced_while_its_answer_is_made_and_whose_file_is_gone_is_answered_as_it_is_by_then(
    service: Service, photo: bytes, photos: dict[str, bytes], path: str
) -> None:
    new = await service.upload(photos["flower.jpg"], "new.jpg", "image/jpeg")
    old = await service.upload(photo, "cat.jpg", "image/jpeg")
    await service.storage.delete([old.stored])
    changed = replace(old, signature=new.signature, size=new.size, storage_key=new.storage_key, version=2)
    service.entries.changes = [lambda: service.entries.catalogued.update({old.key: changed})]
    answer = await service.get(path, FOR_A_CACHE)
    assert answer.status_code == 200
    assert answer.content == (await service.get(path.replace("cat", "new"))).content
    assert service.entries.known[:2] == [REVISION, REVISION]
    assert answer.headers["x-accel-expires"] == "2592000"


@pytest.mark.parametrize(("becomes", "media_type"), [("expired", "image/svg+xml"), ("nothing", "application/json")])
async def test_what_goes_while_its_answer_is_made_is_answered_as_gone(
    service: Service, photo: bytes, becomes: str, media_type: str, caplog: pytest.LogCaptureFixture
) -> None:
    entry = await service.upload(photo, "cat.jpg", "image/jpeg")
    await service.storage.delete([entry.stored])
    if becomes == "expired":
        change = {entry.key: replace(entry, expired=True)}
        service.entries.changes = [lambda: service.entries.catalogued.update(change)]
    else:
        service.entries.changes = [service.entries.catalogued.clear]
    answer = await service.get("/original/DEV/cat.jpg", FOR_A_CACHE)
    assert (answer.status_code, answer.headers["content-type"]) == (404, media_type)
    assert answer.headers["x-accel-expires"] == "60"
    assert "file_missing" not in caplog.messages


@pytest.mark.parametrize("path", ["/optimise/64x0/DEV/cat.webp", "/original/DEV/cat.jpg"])
async def test_facts_that_are_found_out_while_an_answer_is_made_change_nothing_of_it(
    service: Service, photo: bytes, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    entry = await service.upload(photo, "cat.jpg", "image/jpeg")

    def describe(width: int) -> Callable[[], None]:
        facts = Facts(width, 427, "LGF5?xYk^6#M@-5c,1J5@[or[Q6.", "#a1b2c3")
        return lambda: service.entries.catalogued.update({entry.key: entry.with_facts(facts)})

    before = await service.get(path)
    describe(640)()
    answer = await service.get(path, FOR_A_CACHE)
    assert (answer.status_code, answer.content, answer.headers) == (
        before.status_code,
        before.content,
        before.headers,
    )
    # Nor is a file that is missing another one for them.
    await service.storage.delete([entry.stored])
    service.entries.known, service.entries.changes = [], [describe(number) for number in range(1, 100)]
    assert (await service.get(path, FOR_A_CACHE)).status_code == 404
    assert "file_missing" in caplog.messages
    assert len(service.entries.known) == 2


@pytest.mark.parametrize(("changes", "status"), [(4, 404), (5, 503), (100, 503)])
async def test_an_asset_that_never_stops_changing_is_a_503(
    service: Service, photo: bytes, changes: int, status: int
) -> None:
    entry = await service.upload(photo, "cat.jpg", "image/jpeg")
    await service.storage.delete([entry.stored])

    def rename(information: str) -> Callable[[], None]:
        changed = replace(entry, information=information)
        return lambda: service.entries.catalogued.update({entry.key: changed})

    service.entries.changes = [rename(str(number)) for number in range(changes)]
    answer = await service.get("/original/DEV/cat.jpg", FOR_A_CACHE)
    assert (answer.status_code, answer.headers["x-accel-expires"]) == (status, "0")
    assert ("retry-after" in answer.headers) is (status == 503)
    assert len(service.entries.known) == 6


async def test_bytes_of_the_next_version_in_a_storage_that_replaces_in_place_wait_for_its_entry(
    service: Service, photo: bytes, photos: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.transform.answer.delivery._IN_PLACE_SECONDS", 0)
    entry, new = await service.upload(photo, "cat.jpg", "image/jpeg"), photos["flower.jpg"]
    (service.storage.spool.parent / entry.storage_key).write_bytes(new)
    changed = replace(entry, signature=hashlib.sha256(new).hexdigest(), size=len(new), version=2)
    service.entries.changes = [lambda: service.entries.catalogued.update({entry.key: changed})]
    assert (await service.get("/original/DEV/cat.jpg", FOR_A_CACHE)).status_code == 500
    assert service.entries.known == [REVISION], "where files are not replaced these bytes are wrong ones"
    monkeypatch.setattr(LocalStorage, "replace", LocalStorage.put, raising=False)
    answer = await service.get("/original/DEV/cat.jpg", FOR_A_CACHE)
    assert (answer.status_code, answer.content) == (200, new)
    service.damage(changed)
    assert (await service.get("/full/DEV/cat.webp", FOR_A_CACHE)).status_code == 500


async def test_the_last_answers_before_an_expiry_are_not_taken_for_the_earlier_ones(
    service: Service, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = await service.upload(photo, "cat.jpg", "image/jpeg", expiration_date="2040-01-01T00:00:00.000+00:00")
    end = entry.expires_at
    assert end is not None
    tags = []
    for now in (end - 3600, end - 60):
        monkeypatch.setattr("services.transform.answer.delivery.time.time", lambda now=now: now)
        tags.append((await service.get("/original/DEV/cat.jpg")).headers["etag"])
    assert tags[0] != tags[1]
    monkeypatch.setattr("services.transform.answer.delivery.time.time", lambda: end)
    assert (await service.get("/original/DEV/cat.jpg", {"if-none-match": tags[1]})).status_code == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [("/optimise/8193x0/DEV/cat.webp", 400), ("/full/DEV/cat.webp?width=x", 400), ("/small/DEV/cat.webp", 404)],
)
async def test_what_cannot_be_asked_for_is_refused_and_not_cached(service: Service, path: str, status: int) -> None:
    answer = await service.get(path, FOR_A_CACHE)
    assert (answer.status_code, answer.headers["x-accel-expires"]) == (status, "0")


async def test_a_render_is_logged_with_its_size(
    service: Service, photo: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await service.upload(photo, "cat.jpg", "image/jpeg")
    answer = await service.get("/optimise/64x0/DEV/cat.webp")
    [line] = [record.__dict__["tada"] for record in caplog.records if record.getMessage() == "rendered"]
    assert (line["asset"], line["size"], line["bytes"]) == ("/DEV/cat.webp", "64x0", len(answer.content))


# Reductions. Of these assets the upload is blue and the reduction is green, so that it can be seen what was used.


@pytest.fixture
async def reduced(service: Service) -> tuple[Entry, Reduction]:
    entry = await service.upload(encoded(Image.new("RGB", (2000, 1500), BLUE), "JPEG"), "cat.jpg", "image/jpeg")
    return entry, await service.reduce(entry, encoded(Image.new("RGB", (1024, 768), GREEN), "JPEG"))


def is_from_reduction(answer: httpx.Response) -> bool:
    assert answer.status_code == 200, answer.text
    _red, green, blue = decode(answer.content).convert("RGB").getpixel((5, 5))  # type: ignore[misc]
    assert (green > 100) != (blue > 100)
    return bool(green > blue)


def results() -> dict[str, float]:
    return {
        sample.labels["result"]: sample.value
        for family in metrics.REDUCED.collect()
        for sample in family.samples
        if sample.name.endswith("_total")
    }


@pytest.mark.parametrize(
    ("form", "size", "is_reduced"),
    [
        ("200x0", (200, 150), True),
        ("552x0", (552, 414), True),
        ("554x0", (554, 416), False),
        ("400x400", (400, 400), True),
        ("500x500", (500, 500), False),
        ("800x0", (800, 600), False),
    ],
)
async def test_small_forms_are_made_from_a_reduction(
    service: Service, reduced: tuple[Entry, Reduction], form: str, size: tuple[int, int], is_reduced: bool
) -> None:
    answer = await service.get(f"/optimise/{form}/DEV/cat.webp")
    assert is_from_reduction(answer) is is_reduced
    assert decode(answer.content).size == size


async def test_full_and_original_are_the_upload(service: Service, reduced: tuple[Entry, Reduction]) -> None:
    assert not is_from_reduction(await service.get("/full/DEV/cat.webp"))
    assert not is_from_reduction(await service.get("/original/DEV/cat.jpg"))


async def test_the_smallest_forms_are_made_from_the_second_picture_of_a_reduction(service: Service) -> None:
    entry = await service.upload(encoded(Image.new("RGB", (2000, 1500), BLUE), "JPEG"), "cat.jpg", "image/jpeg")
    first, second = (
        encoded(Image.new("RGB", size, colour), "JPEG") for size, colour in (((1024, 768), GREEN), ((512, 384), RED))
    )
    await service.reduce(entry, first + second, smaller=(Part(len(first), len(second), 512, 384),))
    strongest = []
    for width in (400, 200):
        shown = decode((await service.get(f"/optimise/{width}x0/DEV/cat.webp")).content)
        assert shown.size == (width, width * 3 // 4)
        pixel = shown.convert("RGB").getpixel((5, 5))
        assert isinstance(pixel, tuple)
        strongest.append(pixel.index(max(pixel)))
    assert strongest == [1, 0], "green, then red"


async def test_the_etags_of_the_two_differ_and_each_is_confirmed(
    service: Service, reduced: tuple[Entry, Reduction]
) -> None:
    path = "/optimise/200x0/DEV/cat.webp"
    with_it = await service.get(path)
    record = service.entries.reductions.pop(reduced[0].key)
    without = await service.get(path)
    assert is_from_reduction(with_it)
    assert not is_from_reduction(without)
    assert with_it.headers["etag"] != without.headers["etag"]
    assert with_it.headers["last-modified"] == without.headers["last-modified"]
    assert (await service.get(path, {"if-none-match": without.headers["etag"]})).status_code == 304
    service.entries.reductions[reduced[0].key] = record
    assert (await service.get(path, {"if-none-match": with_it.headers["etag"]})).status_code == 304
    assert (await service.get(path, {"if-none-match": without.headers["etag"]})).status_code == 200


@pytest.mark.parametrize("harm", ["missing", "damaged", "undecodable"])
async def test_without_a_good_reduction_the_upload_is_used(
    service: Service, reduced: tuple[Entry, Reduction], harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    path, (entry, made), before = "/optimise/200x0/DEV/cat.webp", reduced, results()
    record = service.entries.reductions.pop(entry.key)
    from_upload = await service.get(path)
    service.entries.reductions[entry.key] = record
    match harm:
        case "missing":
            (service.storage.spool.parent / made.storage_key).unlink()
        case "damaged":
            service.damage(stored_as(entry, made))
        case "undecodable":
            (service.storage.spool.parent / made.storage_key).unlink()
            content = encoded(Image.new("RGB", (1024, 768), GREEN), "JPEG")[:-200]
            made = a_reduction(entry, content=content)
            await put(service.storage, stored_as(entry, made).stored, content)
            service.entries.reductions[entry.key] = made
    answer = await service.get(path)
    assert not is_from_reduction(answer)
    assert answer.headers["etag"] == from_upload.headers["etag"]
    assert answer.headers["content-type"] == "image/webp"
    assert results() == {**before, harm: before.get(harm, 0) + 1}
    assert "reduction_unusable" in caplog.messages


async def test_a_reduction_of_other_bytes_is_not_used(service: Service, reduced: tuple[Entry, Reduction]) -> None:
    entry, made = reduced
    service.entries.reductions[entry.key] = replace(made, of="aa" * 32)
    assert not is_from_reduction(await service.get("/optimise/200x0/DEV/cat.webp"))


async def test_a_file_that_is_gone_with_its_reduction_is_missing(
    service: Service, reduced: tuple[Entry, Reduction]
) -> None:
    entry, made = reduced
    for key in (entry.storage_key, made.storage_key):
        (service.storage.spool.parent / key).unlink()
    assert (await service.get("/optimise/200x0/DEV/cat.webp")).status_code == 404


async def test_of_a_picture_that_is_replaced_meanwhile_the_new_one_is_shown(
    service: Service, reduced: tuple[Entry, Reduction]
) -> None:
    entry, made = reduced
    content = encoded(Image.new("RGB", (2000, 1500), RED), "JPEG")
    new = replace(
        entry, signature=hashlib.sha256(content).hexdigest(), size=len(content), storage_key="DEV/cat.webp.other"
    )
    await put(service.storage, new.stored, content)
    for key in (entry.storage_key, made.storage_key):
        (service.storage.spool.parent / key).unlink()
    service.entries.changes.append(lambda: service.entries.catalogued.update({entry.key: new}))
    answer = await service.get("/optimise/200x0/DEV/cat.webp")
    assert answer.status_code == 200
    red, green, blue = decode(answer.content).convert("RGB").getpixel((5, 5))  # type: ignore[misc]
    assert red > max(green, blue)
