"""What is measured: one function for each row of the table. Each returns its comparisons, measured."""

import hashlib
import itertools
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import redis

from services.core.assets import identity
from services.core.state import entry_json, keys
from services.transform.render import formats
from services.transform.render.guard import Limits
from services.transform.render.plan import Plan
from tools.bench.load import Client, Work, wrk
from tools.bench.load import names as named
from tools.bench.measuring import Comparison, Sample, compare, cpu_seconds
from tools.bench.system import Bench, Crew
from tools.stack.plan import LOOPBACK

CLIENTS = 8
LIST = 20_000
RENDITIONS = 200
_RENDERS = {"200": (200, 240, CLIENTS), "800": (800, 64, CLIENTS), "full": (0, 20, CLIENTS // 2)}
"""Width, how many assets one round takes, and by how many clients: no render may wait for half a second."""
_COUNTER = itertools.count()


@dataclass(frozen=True, slots=True)
class Pace:
    """How long it takes: rounds of each comparison, seconds of wrk and uploads in each, purges that are timed."""

    name: str
    rounds: int
    seconds: float
    uploads: int
    purges: int


@dataclass(frozen=True, slots=True)
class Purged:
    """Milliseconds from PATCH to fresh bytes at the edge, and what one render at the edge takes."""

    milliseconds: list[float]
    render: float


def uncached(bench: Bench, client: Client, pace: Pace, photos: list[Path]) -> Iterator[Comparison]:
    """Renders through the edge, each asset asked for once, beside pyvips in as many processes as transform has."""
    assets = upload_all(bench, photos)
    with crew("bare_vips", bench.stack.transform_workers) as vips:
        for size, (width, count, clients) in _RENDERS.items():
            what = f"optimise/{size}x0" if width else "full"
            comparison = Comparison(f"uncached_{size}", f"uncached `{what}`", "bare pyvips", 0.90)
            yield _renders(bench, client, pace, vips, assets[:count], comparison, clients)


def uncached_small(bench: Bench, client: Client, pace: Pace, photos: list[Path]) -> Iterator[Comparison]:
    """The same with the original photographs of scikit-image: it has no target, because little is left to render."""
    assets = named(photos, _RENDERS["200"][1])
    for name, photo in assets:
        bench.upload(name, photo)
    leave_undescribed(bench)
    with crew("bare_vips", bench.stack.transform_workers) as vips:
        comparison = Comparison("uncached_200_small", "uncached `optimise/200x0`, 0.1 to 2 Mpx", "bare pyvips", None)
        yield _renders(bench, client, pace, vips, assets, comparison, CLIENTS)


def _renders(
    bench: Bench,
    client: Client,
    pace: Pace,
    vips: Crew,
    assets: list[tuple[str, Path]],
    comparison: Comparison,
    clients: int,
) -> Comparison:
    what = comparison.path.split("`")[1]
    width = 0 if what == "full" else int(what.rpartition("/")[2].removesuffix("x0"))
    return compare(
        comparison,
        pace.rounds,
        lambda: _bare(vips, assets, width),
        lambda: _rendered(bench, client, assets, what, clients),
    )


def upload_all(bench: Bench, photos: list[Path]) -> list[tuple[str, Path]]:
    """Upload as many assets as a round takes, unless they are there."""
    assets = named(photos, max(count for _, count, _ in _RENDERS.values()))
    if bench.api.get(f"/catalog/{identity.asset_uuid(f'/DEV/{assets[-1][0]}.webp')}").status_code == 404:
        for name, photo in assets:
            bench.upload(name, photo)
        leave_undescribed(bench)
    return assets


def leave_undescribed(bench: Bench) -> None:
    """Remove the description of uploaded pictures from the queue: it must not disturb the next measurement."""
    with redis.Redis(port=bench.ports.redis) as client:
        client.xtrim(keys.UNDESCRIBED, maxlen=0, approximate=False)
    # Descriptions that have begun come to their end.
    used, before = cpu_seconds(bench.leaders("jobs")), -1.0
    while used - before > 0.1:
        time.sleep(1)
        before, used = used, cpu_seconds(bench.leaders("jobs"))


def _bare(vips: Crew, assets: list[tuple[str, Path]], width: int) -> Sample:
    encoding = formats.choose(Plan(width=width), Limits(), width or 2000, width or 1500, 1, transparent=False)
    shares = [
        json.dumps(
            {
                "paths": [str(photo) for _, photo in assets[number :: len(vips)]],
                "width": width,
                "quality": encoding.quality,
                "effort": encoding.effort,
            }
        )
        for number in range(len(vips))
    ]
    started = time.perf_counter()
    answers = [json.loads(line) for line in vips.ask(shares)]
    return Sample(len(assets), time.perf_counter() - started, sum(answer["cpu"] for answer in answers))


def _rendered(bench: Bench, client: Client, assets: list[tuple[str, Path]], what: str, clients: int) -> Sample:
    paths = [f"/assets/media/{what}/DEV/{name}.webp" for name, _ in assets]
    sample = client.sample(Work([bench.edge], paths, clients), bench.leaders())
    purge(bench, client, paths)
    return sample


def purge(bench: Bench, client: Client, paths: list[str]) -> None:
    """Empty both tiers of some keys."""
    for port in (bench.ports.cache, bench.ports.edge):
        headers = {"X-Purge-Token": bench.purge_token}
        client.send(Work([(LOOPBACK, port)], [f"/purge{path}" for path in paths], CLIENTS, headers, expect=[200]))


def cached(bench: Bench, pace: Pace) -> Iterator[Comparison]:
    """One cached asset at the edge, beside the same bytes as a file that the same nginx serves."""
    for key, size, must in (("70k", 70_000, 0.90), ("7k", 7_000, 0.82)):
        path, content = _of_size(bench, size)
        (bench.static / key).write_bytes(content)
        static = bench.url(bench.static_port, f"/{key}")
        ours = bench.url(bench.ports.edge, path)
        servers = bench.leaders("nginx-edge")
        yield compare(
            Comparison(f"cached_{key}", f"cached asset, {len(content) / 1000:.1f} kB", "the same nginx, a file", must),
            pace.rounds,
            lambda static=static, servers=servers: wrk(static, pace.seconds, servers),  # type: ignore[misc]
            lambda ours=ours, servers=servers: wrk(ours, pace.seconds, servers),  # type: ignore[misc]
        )


def _of_size(bench: Bench, size: int) -> tuple[str, bytes]:
    """Return the path of a rendition of about that size, which both tiers then hold, and its bytes."""
    low, high = 50, 2000
    while high - low > 4:
        width = (low + high) // 2
        path = f"/assets/media/optimise/{width}x0/DEV/china-8.webp"
        content = bench.public.get(path).raise_for_status().content
        low, high = (width, high) if len(content) < size else (low, width)
    assert bench.public.get(path).headers["x-cache-status"] == "HIT"
    return path, content


def upload(bench: Bench, client: Client, pace: Pace, photo: Path) -> Comparison:
    """POST /file by eight clients through the internal entry, beside eight processes that write, fsync and rename."""
    folder = bench.folder / "writes"
    folder.mkdir()

    def written() -> Sample:
        fresh = [f"w{next(_COUNTER)}" for _ in range(pace.uploads)]
        shares = [
            json.dumps({"source": str(photo), "folder": str(folder), "names": fresh[number::CLIENTS]})
            for number in range(CLIENTS)
        ]
        started = time.perf_counter()
        answers = [json.loads(line) for line in writers.ask(shares)]
        seconds = time.perf_counter() - started
        for name in fresh:
            (folder / name).unlink()
        return Sample(pace.uploads, seconds, sum(answer["cpu"] for answer in answers))

    def uploaded() -> Sample:
        fresh = [f"u{next(_COUNTER)}.jpg" for _ in range(pace.uploads)]
        work = Work([(LOOPBACK, bench.ports.api)], fresh, CLIENTS, upload=str(photo))
        sample = client.sample(work, bench.leaders())
        leave_undescribed(bench)
        return sample

    with crew("bare_writes", CLIENTS) as writers:
        return compare(
            Comparison("upload_700k", "`POST /file`, 8 clients", "write, fsync, rename by 8 processes", 0.50),
            pace.rounds,
            written,
            uploaded,
        )


def catalog(bench: Bench, pace: Pace) -> Iterator[Comparison]:
    """The list of 20 000 entries, and one entry, straight from the catalog service, beside bare ASGI."""
    uuid = _fill(bench)
    base = f"http://{LOOPBACK}:{bench.ports.catalog}"
    content = bench.api.get(f"{base}/catalog").raise_for_status().content
    file = bench.folder / "list.json"
    file.write_bytes(content)
    bench.start_app(file, "")
    servers = bench.leaders("catalog")
    yield compare(
        Comparison(
            "catalog_list_20k",
            f"`GET /catalog`, {LIST} entries, {len(content) / 1e6:.1f} MB",
            "the same server, a file held in memory",
            0.80,
        ),
        pace.rounds,
        lambda: wrk(bench.url(bench.app_port, "/file"), 2 * pace.seconds, bench.leaders("app"), CLIENTS),
        lambda: wrk(f"{base}/catalog", 2 * pace.seconds, [*servers, *bench.leaders("redis")], CLIENTS),
    )
    with redis.Redis(port=bench.ports.redis) as client:
        client.set("bench:entry", bench.api.get(f"{base}/catalog/{uuid}").raise_for_status().content)
    bench.start_app(None, "bench:entry")
    yield compare(
        Comparison("catalog_entry", "`GET /catalog/{uuid}`", "bare ASGI route with one Redis GET", 0.80),
        pace.rounds,
        lambda: wrk(bench.url(bench.app_port, "/redis"), pace.seconds, bench.leaders("app", "redis")),
        lambda: wrk(f"{base}/catalog/{uuid}", pace.seconds, bench.leaders("catalog", "redis")),
    )


def _fill(bench: Bench) -> str:
    """Fill the catalog up to 20 000 entries, all like one that was uploaded; return the uuid of one."""
    with redis.Redis(port=bench.ports.redis) as client:
        there = client.hlen(keys.ENTRIES)
        model = entry_json.read(next(client.hscan_iter(keys.ENTRIES))[1])
        uuid = ""
        with client.pipeline(transaction=False) as pipeline:
            for number in range(LIST - int(there)):
                name = f"/DEV/filled-{number}.webp"
                uuid = identity.asset_uuid(name)
                entry = replace(model, uuid=uuid, unique_name=name, filename=name.rpartition("/")[2])
                pipeline.hset(keys.ENTRIES, entry.key, entry_json.write(entry))
                pipeline.hset(keys.UUIDS, uuid, entry.key)
                pipeline.zadd(keys.ORDER, {entry.key: 1_000_000 + number})
            pipeline.set(keys.REVISION, f"{int(time.time() * 1000)}-1")
            pipeline.execute()
    return uuid


def purging(bench: Bench, client: Client, pace: Pace, photos: list[Path]) -> Purged:
    """PATCH an asset of which 200 renditions are cached, and ask the edge for one of them."""
    first, second = photos[:2]
    bench.upload("purged", first)
    uuid = identity.asset_uuid("/DEV/purged.webp")
    paths = [f"/assets/media/optimise/{width}x0/DEV/purged.webp" for width in range(101, 101 + RENDITIONS)]
    taken = []
    for number in range(pace.purges):
        photo = (second, first)[number % 2]
        client.send(Work([bench.edge], paths, CLIENTS))
        started = time.perf_counter()
        answer = bench.api.patch(f"/file/{uuid}", files={"file": (photo.name, photo.read_bytes())}).raise_for_status()
        fresh = bench.public.get(paths[-1]).raise_for_status()
        taken.append((time.perf_counter() - started) * 1000)
        assert answer.headers["x-purge"] == "done", answer.headers
        signature = hashlib.sha256(photo.read_bytes()).hexdigest()
        assert signature[:32] in fresh.headers["etag"], "the edge has shown the old state"
    alone = []
    # Of the size that is asked for after each change: a render takes longer the larger it is.
    for path in paths[-21:-1]:
        started = time.perf_counter()
        bench.public.get(path).raise_for_status()
        alone.append((time.perf_counter() - started) * 1000)
    return Purged(taken, sorted(alone)[len(alone) // 2])


@contextmanager
def crew(module: str, count: int) -> Iterator[Crew]:
    made = Crew(module, count)
    try:
        yield made
    finally:
        made.close()


def one_url(bench: Bench, client: Client, pace: Pace, photos: list[Path]) -> Comparison:
    """Every rendition asked for by all clients at the same time, beside each by one client."""
    assets = upload_all(bench, photos)[:64]

    def crowded() -> Sample:
        paths = [f"/assets/media/optimise/200x0/DEV/{name}.webp" for name, _ in assets]
        work = Work([bench.edge], [path for path in paths for _ in range(CLIENTS)], CLIENTS)
        sample = client.sample(work, bench.leaders())
        purge(bench, client, paths)
        return sample

    return compare(
        Comparison("one_url", "each of 64 URLs by 8 clients at once", "each by one client", None),
        pace.rounds,
        lambda: _rendered(bench, client, assets, "optimise/200x0", CLIENTS),
        crowded,
    )
