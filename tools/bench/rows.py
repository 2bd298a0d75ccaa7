"""What is measured beside a limit: one function for each row of the table. Each returns its comparisons, measured."""

import hashlib
import itertools
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import redis

from services.core.assets import identity
from services.core.state import entry_json, keys
from tools.bench.assets import Asset, leave_undescribed, uploaded
from tools.bench.load import Client, Work, wrk
from tools.bench.measuring import Comparison, Sample, compare, cpu_seconds
from tools.bench.photos import Photo
from tools.bench.renditions import Grid
from tools.bench.sides import CLIENTS, purge, tada, tada_path
from tools.bench.system import Bench, Crew
from tools.stack.plan import LOOPBACK

LIST = 20_000
RENDITIONS = 200
CROWDED = 64
_COUNTER = itertools.count()


@dataclass(frozen=True, slots=True)
class Pace:
    """How long it takes: the grid of renditions; rounds of each other comparison, seconds of wrk and uploads in each,
    purges that are timed.
    """

    name: str
    grid: Grid
    rounds: int
    seconds: float
    uploads: int
    purges: int


@dataclass(frozen=True, slots=True)
class Purged:
    """Milliseconds from PATCH to fresh bytes at the edge, and what one render at the edge takes."""

    milliseconds: list[float]
    render: float


def cached(bench: Bench, pace: Pace, photo: Photo) -> Iterator[Comparison]:
    """One cached asset at the edge, beside the same bytes as a file that the same nginx serves."""
    [asset] = uploaded(bench, [photo], 1)
    for key, size, must in (("70k", 70_000, 0.90), ("7k", 7_000, 0.82)):
        path, content = _of_size(bench, asset, size)
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


def _of_size(bench: Bench, asset: Asset, size: int) -> tuple[str, bytes]:
    """Return the path of a rendition of about that size, which both tiers then hold, and its bytes."""
    low, high = 50, 2000
    while high - low > 4:
        width = (low + high) // 2
        path = tada_path(asset, width)
        content = bench.public.get(path).raise_for_status().content
        low, high = (width, high) if len(content) < size else (low, width)
    assert bench.public.get(path).headers["x-cache-status"] == "HIT"
    return path, content


def upload(bench: Bench, client: Client, pace: Pace, photo: Photo) -> Comparison:
    """POST /file by eight clients through the internal entry, beside eight processes that store the same files and make
    two notes of each in the same Redis.
    """
    folder = bench.folder / "uploads"
    folder.mkdir()

    def stored() -> Sample:
        fresh = [f"s{next(_COUNTER)}" for _ in range(pace.uploads)]
        shares = [
            json.dumps(
                {
                    "source": str(photo.path),
                    "folder": str(folder),
                    "redis": bench.ports.redis,
                    "names": fresh[number::CLIENTS],
                }
            )
            for number in range(CLIENTS)
        ]
        started, before = time.perf_counter(), cpu_seconds(bench.leaders("redis"))
        answers = [json.loads(line) for line in storing.ask(shares)]
        seconds = time.perf_counter() - started
        cpu = cpu_seconds(bench.leaders("redis")) - before + sum(answer["cpu"] for answer in answers)
        for name in fresh:
            (folder / name).unlink()
        return Sample(pace.uploads, seconds, cpu)

    def posted() -> Sample:
        fresh = [f"u{next(_COUNTER)}.jpg" for _ in range(pace.uploads)]
        work = Work([(LOOPBACK, bench.ports.api)], fresh, CLIENTS, upload=str(photo.path))
        sample = client.sample(work, bench.leaders())
        leave_undescribed(bench)
        return sample

    with Crew("bare_uploads", CLIENTS) as storing:
        return compare(
            Comparison("upload_700k", "`POST /file`, 8 clients", "file and two notes in Redis, synced", None),
            pace.rounds,
            stored,
            posted,
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


def purging(bench: Bench, client: Client, pace: Pace, photos: Sequence[Photo]) -> Purged:
    """PATCH an asset of which 200 renditions are cached, and ask the edge for one of them."""
    first, second = (photo.path for photo in photos[:2])
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


def one_url(bench: Bench, client: Client, pace: Pace, photos: Sequence[Photo]) -> Comparison:
    """Every rendition asked for by all clients at the same time, beside each by one client."""
    assets, width = uploaded(bench, photos, CROWDED), 200
    paths = [tada_path(asset, width) for asset in assets]
    alone = tada(bench, client)

    def crowded() -> Sample:
        work = Work([bench.edge], [path for path in paths for _ in range(CLIENTS)], CLIENTS)
        sample = client.sample(work, bench.leaders())
        purge(bench, client, paths)
        return sample

    return compare(
        Comparison("one_url", f"each of {CROWDED} URLs by {CLIENTS} clients at once", "each by one client", None),
        pace.rounds,
        lambda: alone.measure(assets, width),
        crowded,
    )
