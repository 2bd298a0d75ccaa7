"""Renditions made before they are asked for: with a real Redis, and nodes of the edge that answer as they are told."""

import asyncio
import hashlib
import io
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from PIL import Image
from pydantic import SecretStr

from services.core.assets.entries import Entry, timestamp
from services.core.assets.facts import NO_FACTS, Facts
from services.core.errors import BadRequest, CatalogReplaced, Unavailable
from services.core.jobs.log import JobLog
from services.core.jobs.queue import JobQueue
from services.core.spool import prepare
from services.core.state import cancellation, keys, progress
from services.core.state.changes import ChangeLog
from services.core.state.connection import Redis
from services.core.state.entries import Entries
from services.core.state.progress import Progress, Reached
from services.core.storage import StoredObject
from services.core.storage.local import LocalStorage
from services.jobs import doctor, metrics
from services.jobs.describe import describer
from services.jobs.describe.describer import Describer, Sight, consumer
from services.jobs.settings import JobsSettings
from services.jobs.warm import edge as edge_module
from services.jobs.warm import job, warmer
from services.jobs.warm.edge import AT_ONCE, ATTEMPTS, Edge
from services.jobs.warm.forms import Form
from services.jobs.warm.job import WarmAll, Warmed
from services.jobs.warm.warmer import Warmer
from tests.processes.http_server import HttpServer
from tests.processes.redis_server import RedisServer
from tests.support.catalogs import CatalogUser, an_entry
from tests.support.clocks import Clock
from tests.support.objects import put
from tests.support.photographs import CHINA
from tests.support.waits import eventually

TOKEN = "token-of-the-tests"
THUMB, DENSE, AVIF = Form("thumb"), Form("thumb", "2"), Form("hero", accept="avif")
PATHS = {
    form: f"/shop/assets/media/optimise/{rest}"
    for form, rest in {
        THUMB: "thumb/DEV/cat.webp",
        DENSE: "thumb/DEV/cat.webp?dpr=2",
        AVIF: "hero/DEV/cat.webp",
    }.items()
}

Answers = Callable[[web.Request], Awaitable[web.StreamResponse]]
Warm = Callable[..., Coroutine[Any, Any, Warmed]]


def answered(status: int = 200, cache: str = "MISS", **headers: str) -> Answers:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"X-Cache-Status": cache, **headers}, body=b"x" * 100_000)

    return answer


class Node(HttpServer):
    """A node of the edge: it answers as it is told, and remembers for what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.headers: list[tuple[str, str]] = []
        self.at_once = self.most_at_once = 0
        self.answers: Answers = answered()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        assert request.method == "GET"
        self.asked.append(request.path_qs)
        self.headers.append((request.headers["accept"], request.headers["x-purge-token"]))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await self.answers(request)
        finally:
            self.at_once -= 1


@pytest.fixture
async def nodes() -> AsyncIterator[list[Node]]:
    made = [Node(), Node()]
    for node in made:
        await node.start()
    yield made
    for node in made:
        await node.stop()


@pytest.fixture
async def edge(nodes: list[Node]) -> AsyncIterator[Edge]:
    made = Edge([node.address for node in nodes], "/shop/assets/media", TOKEN)
    yield made
    made.close()


@pytest.fixture
async def reached(client: Redis) -> AsyncIterator[Progress]:
    made = Progress(client)
    async with made.following():
        yield made


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (describer, warmer, job):
        monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.0)


@pytest.fixture(autouse=True)
def counted(monkeypatch: pytest.MonkeyPatch) -> Callable[[], dict[str, float]]:
    """Return what has been counted since the start of the test."""

    def values() -> dict[str, float]:
        [family] = metrics.WARMED.collect()
        return {each.labels["result"]: each.value for each in family.samples if each.name.endswith("_total")}

    before = values()
    return lambda: {name: value - before.get(name, 0) for name, value in values().items() if value != before.get(name)}


async def tell(client: Redis, progress_of: Progress) -> None:
    """Say that all nodes have all changes, until it has been heard."""
    number = (await ChangeLog(client).from_(0, 1000))[-1].number

    async def is_heard() -> bool:
        await progress.tell(client, Reached(number, number, number))
        return await progress_of.purged(number, 0.01)

    await eventually(is_heard)


async def stored(catalog: CatalogUser, base: str = "cat", folder: str | None = None, **fields: Any) -> Entry:
    """Create an entry whose picture is described already."""
    entry = replace(an_entry(base, folder=folder), width=640, height=427, **fields)
    await catalog.entries.create(entry, None)
    return entry


@asynccontextmanager
async def running(made: Warmer) -> AsyncIterator[None]:
    task = asyncio.create_task(made.run())
    try:
        yield
    finally:
        await cancellation.end([task])


# One asset


async def test_each_node_is_asked_for_each_form_as_browsers_do(
    client: Redis, catalog: CatalogUser, reached: Progress, edge: Edge, nodes: list[Node], counted: Callable[[], object]
) -> None:
    made = catalog.warmer(edge, (THUMB, DENSE, AVIF), reached)
    entry = await stored(catalog)
    await tell(client, reached)
    nodes[1].answers = answered(cache="HIT")
    found = await made.warm(entry)
    for node in nodes:
        assert Counter(node.asked) == Counter(PATHS.values())
        accepted = dict(zip(node.asked, node.headers, strict=True))
        assert accepted[PATHS[THUMB]] == ("image/webp,*/*", TOKEN)
        assert accepted[PATHS[AVIF]] == ("image/avif,image/webp,*/*", TOKEN)
    assert {str(form): [str(each.outcome) for each in asked] for form, asked in found.items()} == {
        str(form): ["made", "there"] for form in (THUMB, DENSE, AVIF)
    }
    assert counted() == {"made": 3, "there": 3}


async def test_nothing_is_asked_for_before_the_nodes_have_the_change(
    client: Redis, catalog: CatalogUser, reached: Progress, edge: Edge, nodes: list[Node]
) -> None:
    await stored(catalog, "other")
    await tell(client, reached)
    entry = await stored(catalog)
    warming = asyncio.create_task(catalog.warmer(edge, (THUMB,), reached).warm(entry))
    done, _ = await asyncio.wait([warming], timeout=0.3)
    assert (done, nodes[0].asked) == (set(), [])
    await tell(client, reached)
    await warming
    assert nodes[0].asked == [PATHS[THUMB]]


async def test_a_few_requests_run_at_once(
    client: Redis, catalog: CatalogUser, reached: Progress, edge: Edge, nodes: list[Node]
) -> None:
    async def slow(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.02)
        return await answered()(request)

    nodes[0].answers = slow
    entry = await stored(catalog)
    await tell(client, reached)
    many = [Form(f"form{number}") for number in range(10)]
    await asyncio.gather(*(catalog.warmer(edge, many, reached).warm(entry) for _ in range(2)))
    assert nodes[0].most_at_once == AT_ONCE


@pytest.mark.parametrize("status", [429, 503])
async def test_what_cannot_be_made_now_is_asked_for_again_a_few_times(
    edge: Edge, nodes: list[Node], monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    pauses: list[str] = []

    def pause(retry_after: str) -> float:
        pauses.append(retry_after)
        return 0.0

    monkeypatch.setattr(edge_module, "pause", pause)
    left = [answered(status, **{"Retry-After": "7"}), answered(cache="BYPASS"), answered()]

    async def in_turn(request: web.Request) -> web.StreamResponse:
        return await left.pop(0)(request)

    nodes[0].answers, nodes[1].answers = in_turn, answered(status)
    first, second = await edge.warm(THUMB, "/DEV/cat.webp")
    assert (first.outcome, second.outcome) == ("made", "busy")
    assert second.why == f"{nodes[1].address} answered {status}"
    assert [len(node.asked) for node in nodes] == [3, ATTEMPTS]
    assert pauses == ["7", "", *[""] * (ATTEMPTS - 1)]


async def test_what_cannot_be_made_at_all_is_asked_for_once(edge: Edge, nodes: list[Node]) -> None:
    nodes[0].answers, nodes[1].answers = answered(422), answered(404)
    assert [asked.outcome for asked in await edge.warm(THUMB, "/DEV/cat.webp")] == ["refused", "refused"]
    assert [len(node.asked) for node in nodes] == [1, 1]


async def test_a_node_that_is_away_is_left_alone_for_a_while(
    edge: Edge, nodes: list[Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    await nodes[0].stop()
    for _ in range(2):
        assert [asked.outcome for asked in await edge.warm(THUMB, "/DEV/cat.webp")] == ["away", "made"]
    await nodes[0].start()
    assert [asked.outcome for asked in await edge.warm(THUMB, "/DEV/cat.webp")] == ["away", "made"]
    monkeypatch.setattr(edge_module, "_AWAY_SECONDS", 0.0)
    assert [asked.outcome for asked in await edge.warm(THUMB, "/DEV/cat.webp")] == ["made", "made"]


async def test_an_edge_that_nobody_knows_is_away(catalog: CatalogUser) -> None:
    nowhere = Edge(["http://not-a-name.invalid:8080"], "/assets/media", TOKEN)
    [asked] = await nowhere.warm(THUMB, "/DEV/cat.webp")
    assert (asked.outcome, asked.why) == ("away", "no node of the edge can be found")


# What waits


async def test_assets_are_warmed_one_after_the_other_and_each_once(
    client: Redis, catalog: CatalogUser, reached: Progress, edge: Edge, nodes: list[Node]
) -> None:
    made = catalog.warmer(edge, (THUMB,), reached)
    uploaded = [await stored(catalog, base) for base in ("a", "b", "c")]
    gone = await stored(catalog, "gone")
    await catalog.entries.delete(gone.uuid, lambda found: None)
    await tell(client, reached)
    for entry in (gone, *uploaded, uploaded[0]):
        made.soon(entry.key)
    assert metrics.WARM_WAITING.labels("upload")._value.get() == 4
    async with running(made):
        await eventually(lambda: asked_for(nodes, 3))
    assert nodes[1].asked == [f"/shop/assets/media/optimise/thumb/DEV/{base}.webp" for base in "abc"]
    assert metrics.WARM_WAITING.labels("upload")._value.get() == 0


async def test_an_asset_that_is_not_visible_yet_is_warmed_when_it_is(
    client: Redis,
    catalog: CatalogUser,
    reached: Progress,
    edge: Edge,
    nodes: list[Node],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(warmer, "CLOCK_SECONDS", 0.0)
    made = catalog.warmer(edge, (THUMB,), reached)
    start = time.time() + 0.5
    dates = {base: timestamp(datetime.fromtimestamp(start + more, UTC)) for base, more in (("late", 3600), ("soon", 0))}
    hidden = [await stored(catalog, base, visible_from=date) for base, date in dates.items()]
    visible = await stored(catalog, "cat", visible_from=timestamp())
    never = await stored(catalog, "never", visible_from=dates["late"], expired=True)
    await tell(client, reached)
    for entry in (*hidden, visible, never):
        made.soon(entry.key)
    async with running(made):
        await eventually(lambda: asked_for(nodes, 3))
        assert time.time() >= start
    bases = ("cat", "never", "soon")
    assert nodes[1].asked == [f"/shop/assets/media/optimise/thumb/DEV/{base}.webp" for base in bases]


async def test_too_many_that_are_not_visible_yet_are_not_waited_for(
    client: Redis,
    catalog: CatalogUser,
    reached: Progress,
    edge: Edge,
    nodes: list[Node],
    monkeypatch: pytest.MonkeyPatch,
    counted: Callable[[], object],
) -> None:
    made = catalog.warmer(edge, (THUMB, DENSE), reached)
    hidden = [await stored(catalog, base, visible_from="2099-01-01T00:00:00.000+00:00") for base in "abc"]
    await tell(client, reached)
    for entry in hidden:
        made.soon(entry.key)
    monkeypatch.setattr(warmer, "WAITING_MAX", 2)

    async def is_dropped() -> bool:
        return counted() == {"dropped": 2}

    async with running(made):
        await eventually(is_dropped)
    assert nodes[0].asked == []


async def asked_for(nodes: Sequence[Node], count: int) -> bool:
    return all(len(node.asked) >= count for node in nodes)


async def test_without_forms_nothing_waits(catalog: CatalogUser, edge: Edge) -> None:
    made = catalog.warmer(edge)
    made.soon(an_entry().key)
    assert metrics.WARM_WAITING.labels("upload")._value.get() == 0


async def test_too_many_are_not_waited_for(
    catalog: CatalogUser, edge: Edge, monkeypatch: pytest.MonkeyPatch, counted: Callable[[], object]
) -> None:
    monkeypatch.setattr(warmer, "WAITING_MAX", 2)
    made = catalog.warmer(edge, (THUMB, DENSE))
    for base in "abcb":
        made.soon(an_entry(base).key)
    assert metrics.WARM_WAITING.labels("upload")._value.get() == 2
    assert counted() == {"dropped": 2}


async def test_an_asset_waits_while_entries_are_being_written(
    client: Redis,
    catalog: CatalogUser,
    reached: Progress,
    edge: Edge,
    nodes: list[Node],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(warmer, "PATIENCE_SECONDS", 60.0)
    clock = Clock(monkeypatch)
    made = catalog.warmer(edge, (THUMB,), reached)
    entry = await stored(catalog)
    await tell(client, reached)
    [written] = await ChangeLog(client).from_(0, 10)
    clock.now = written.number / 1e6 + 0.099
    made.soon(entry.key)
    async with running(made):
        await clock.asked_again()
        assert nodes[0].asked == []
        clock.now += 0.001001
        await eventually(lambda: asked_for(nodes, 1))


async def test_when_redis_is_away_an_asset_is_not_lost(
    client: Redis,
    catalog: CatalogUser,
    reached: Progress,
    edge: Edge,
    nodes: list[Node],
    server: RedisServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    made = catalog.warmer(edge, (THUMB,), reached)
    server.stop()
    made.soon(an_entry().key)
    async with running(made):

        async def is_noticed() -> bool:
            return "warming_delayed" in caplog.messages

        await eventually(is_noticed)
        server.start()
        await stored(catalog)
        await tell(client, reached)
        await eventually(lambda: asked_for(nodes, 1))


# From an upload to the edge


class WatchedStorage(LocalStorage):
    """Remembers which objects have been read."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.read_keys: list[str] = []

    def stream(self, stored: StoredObject, start: int = 0, length: int | None = None) -> AsyncGenerator[bytes, None]:
        self.read_keys.append(stored.key)
        return super().stream(stored, start, length)


@pytest.fixture
def storage(tmp_path: Path) -> WatchedStorage:
    made = WatchedStorage(tmp_path / "data")
    prepare(made.spool)
    return made


@pytest.fixture
def sight(catalog: CatalogUser, storage: LocalStorage) -> Sight:
    return catalog.sight(storage, 256)


def photograph(width: int = 2000, height: int = 1500) -> bytes:
    image = Image.open(CHINA).resize((width, height))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=85)
    return out.getvalue()


async def test_an_upload_is_warmed_after_its_reduction_is_there(
    client: Redis,
    catalog: CatalogUser,
    reached: Progress,
    edge: Edge,
    nodes: list[Node],
    storage: LocalStorage,
    sight: Sight,
) -> None:
    async def with_reduction(request: web.Request) -> web.StreamResponse:
        assert await client.hlen(keys.REDUCTIONS) == 1
        return await answered()(request)

    nodes[0].answers = with_reduction
    made = catalog.warmer(edge, (THUMB,), reached)
    content = photograph()
    entry = an_entry(signature=hashlib.sha256(content).hexdigest(), size=len(content))
    claim = await catalog.claims.make(entry.unique_name)
    entry = replace(entry, storage_key=claim.storage_key)
    await put(storage, entry.stored, content)
    await catalog.entries.create(entry, claim)
    described = Describer(catalog.entries, ChangeLog(client), sight, JobQueue(client, JobLog(client)), made)
    consuming = asyncio.create_task(consumer(client, catalog.process, described).run())
    try:
        async with running(made):

            async def is_warm() -> bool:
                await tell(client, reached)
                return await asked_for(nodes, 1)

            await eventually(is_warm)
    finally:
        await cancellation.end([consuming])
    assert [asked for node in nodes for asked in node.asked] == [PATHS[THUMB]] * 2


@pytest.mark.parametrize(("wanted", "jobs"), [((), {"describe", "reduce"}), ((THUMB,), {"describe", "reduce", "warm"})])
async def test_after_a_restore_everything_is_warmed(
    client: Redis, catalog: CatalogUser, sight: Sight, wanted: tuple[Form, ...], jobs: set[str]
) -> None:
    log = JobLog(client)
    made = Describer(catalog.entries, ChangeLog(client), sight, JobQueue(client, log), catalog.warmer(None, wanted))
    await client.xadd(keys.UNDESCRIBED, {"all": 1})
    consuming = asyncio.create_task(consumer(client, catalog.process, made).run())

    async def are_asked_for() -> bool:
        return {record.name async for record in log.latest() if record.asked_by == "restore"} == jobs

    await eventually(are_asked_for)
    await cancellation.end([consuming])


# The job


@pytest.fixture
async def warm(client: Redis, catalog: CatalogUser, reached: Progress, edge: Edge, sight: Sight) -> Warm:
    async def run(folder: str = "", uuid: str | None = None) -> Warmed:
        await tell(client, reached)
        made = catalog.warmer(edge, (THUMB, DENSE), reached)
        return await WarmAll(catalog.entries, ChangeLog(client), sight, made, folder, uuid).run()

    return run


async def test_the_job_is_for_all_assets_or_those_below_a_folder(
    catalog: CatalogUser, nodes: list[Node], warm: Warm
) -> None:
    cat = await stored(catalog, "cat")
    await stored(catalog, "dog", "shop")
    await stored(catalog, "fox", "shop/red")
    await stored(catalog, "owl", "shopping")
    expired = replace(an_entry("old"), expired=True, width=640, height=427)
    await catalog.entries.create(expired, None)

    def names() -> set[str]:
        found = {path.partition("/thumb")[2].partition("?")[0] for node in nodes for path in node.asked}
        for node in nodes:
            node.asked.clear()
        return found

    found = await warm()
    assert (found.checked, found.warmed_count, found.failed_count) == (4, 4, 0)
    assert found.forms == ["thumb", "thumb?dpr=2"]
    assert names() == {f"/DEV/{name}.webp" for name in ("cat", "shop/dog", "shop/red/fox", "shopping/owl")}
    assert (await warm("/DEV/shop")).checked == 2
    assert names() == {"/DEV/shop/dog.webp", "/DEV/shop/red/fox.webp"}
    assert (await warm("/PROD")).checked == 0
    one = (await warm(uuid=cat.uuid)).answer()
    assert (one["folder"], one["uuid"], one["unique_name"]) == (None, cat.uuid, "/DEV/cat.webp")
    assert (one["checked"], one["warmed_count"]) == (1, 1)
    assert names() == {"/DEV/cat.webp"}
    assert metrics.WARM_WAITING.labels("job")._value.get() == 0


async def test_the_job_makes_a_reduction_first_and_reads_nothing_else(
    client: Redis, catalog: CatalogUser, nodes: list[Node], warm: Warm, storage: WatchedStorage
) -> None:
    async def with_reduction(request: web.Request) -> web.StreamResponse:
        assert "large" not in request.path or await client.hlen(keys.REDUCTIONS) == 1
        return await answered()(request)

    nodes[0].answers = with_reduction
    # Of the second one a reduction pays only if its colours have to be converted. Of the third one nothing is known.
    for base, content, facts in (
        ("large", photograph(), Facts(2000, 1500)),
        ("small", photograph(640, 427), Facts(640, 427)),
        ("unknown", b"no picture", NO_FACTS),
    ):
        entry = an_entry(base, signature=hashlib.sha256(content).hexdigest(), size=len(content))
        await put(storage, entry.stored, content)
        await catalog.entries.create(entry.with_facts(facts), None)
    for _ in range(2):
        found = await warm()
        assert (found.checked, found.warmed_count) == (3, 3)
        assert storage.read_keys == ["DEV/large.webp"]


async def test_the_job_says_what_could_not_be_made_and_why(catalog: CatalogUser, nodes: list[Node], warm: Warm) -> None:
    await stored(catalog, "cat")
    bad = await stored(catalog, "dog")

    async def answers(request: web.Request) -> web.StreamResponse:
        return await answered(422 if "dog" in request.path and request.query_string else 200)(request)

    nodes[1].answers = answers
    found = await warm()
    assert (found.warmed_count, found.failed_count) == (1, 1)
    [failed] = found.failed
    assert (failed.uuid, failed.reason) == (bad.uuid, f"thumb?dpr=2: {nodes[1].address} answered 422")


async def test_an_interrupted_run_is_made_up_for_by_the_next(
    catalog: CatalogUser, nodes: list[Node], warm: Warm
) -> None:
    for base in ("cat", "dog", "fox"):
        await stored(catalog, base)
    kept, is_stuck = set[str](), asyncio.Event()

    async def answers(request: web.Request) -> web.StreamResponse:
        if "dog" in request.path and not is_stuck.is_set():
            is_stuck.set()
            await asyncio.Event().wait()
        cache = "HIT" if request.path_qs in kept else "MISS"
        kept.add(request.path_qs)
        return await answered(cache=cache)(request)

    nodes[0].answers = answers
    interrupted = asyncio.create_task(warm())
    await is_stuck.wait()
    await cancellation.end([interrupted])
    assert metrics.WARM_WAITING.labels("job")._value.get() == 0
    found = await warm()
    assert (found.checked, found.warmed_count) == (3, 3)


async def test_a_catalog_that_is_replaced_meanwhile_is_warmed_from_its_beginning(
    client: Redis,
    catalog: CatalogUser,
    nodes: list[Node],
    warm: Warm,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for base in ("cat", "dog"):
        await stored(catalog, base)
    scan, runs = Entries.scan, 0

    async def replaced_once(self: Entries) -> AsyncIterator[list[bytes]]:
        nonlocal runs
        runs += 1
        async for page in scan(self):
            yield page
        if runs == 1:
            raise CatalogReplaced

    monkeypatch.setattr(Entries, "scan", replaced_once)
    found = await warm()
    assert (found.checked, found.warmed_count, runs) == (2, 2, 2)


async def test_without_any_node_the_job_is_tried_again_later(
    catalog: CatalogUser, nodes: list[Node], warm: Warm
) -> None:
    await stored(catalog)
    for node in nodes:
        await node.stop()
    with pytest.raises(Unavailable, match="cannot be reached"):
        await warm()


async def test_without_warm_the_job_fails_and_says_why(client: Redis, catalog: CatalogUser, sight: Sight) -> None:
    run = WarmAll(catalog.entries, ChangeLog(client), sight, catalog.warmer(), "")
    with pytest.raises(BadRequest, match="WARM names no forms"):
        await run.run()


# The doctor


@pytest.mark.parametrize(
    ("given", "said", "is_wrong"),
    [
        ({}, "nothing (WARM is not set)", False),
        ({"warm": "thumb,thumb?dpr=2"}, "2 forms of each asset, at 1 nodes of the edge", False),
        ({"warm": "thumb", "nginx_edge_service": "http://edge.invalid"}, "1 forms of each asset, at 0 nodes", True),
        ({"warm": "thumb", "nginx_edge_service": ","}, "1 forms of each asset, at 0 nodes", True),
    ],
)
async def test_the_doctor_says_what_is_made_and_whether_it_can_be(
    given: dict[str, str], said: str, is_wrong: bool
) -> None:
    settings = JobsSettings(presets="thumb:200x0", purge_token=SecretStr(TOKEN), **given)  # type: ignore[arg-type]
    [found] = [finding async for finding in doctor.warm(settings)]
    assert found.said.startswith(said)
    assert bool(found.mend) == is_wrong
