"""Sides: each does the same work in its way. It makes renditions of assets, and says what that took."""

import json
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import redis

from services.core.state import keys
from tools.bench.assets import Asset
from tools.bench.load import Client, Work
from tools.bench.measuring import Sample
from tools.bench.system import Bench, Crew
from tools.stack.plan import LOOPBACK

CLIENTS = 8
TADA, TADA_BARE, PYVIPS = "TADA", "TADA without reductions", "pyvips alone"
_ASIDE = "bench:reductions"


@dataclass(frozen=True, slots=True)
class Side:
    """`measure` makes each asset's rendition with a width once (0: full size); `fetch` returns the bytes of
    one, or None if nobody ever sees them.
    """

    name: str
    measure: Callable[[Sequence[Asset], int], Sample]
    fetch: Callable[[Asset, int], bytes | None]


def over_http(
    name: str, client: Client, ports: Sequence[int], leaders: list[int], path: Callable[[Asset, int], str]
) -> Side:
    """Return a side that answers at some ports, by the processes of some sessions."""

    def measure(assets: Sequence[Asset], width: int) -> Sample:
        paths = [path(asset, width) for asset in assets]
        # No render may wait for long.
        work = Work([(LOOPBACK, port) for port in ports], paths, CLIENTS if width else CLIENTS // 2)
        return client.sample(work, leaders)

    def fetch(asset: Asset, width: int) -> bytes:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{ports[0]}{path(asset, width)}", timeout=60) as answer:
            content: bytes = answer.read()
        return content

    return Side(name, measure, fetch)


def tada(bench: Bench, client: Client) -> Side:
    """Return TADA as its users reach it: through both tiers, which hold nothing of it."""
    side = over_http(TADA, client, [bench.ports.edge], bench.leaders(), tada_path)

    def measure(assets: Sequence[Asset], width: int) -> Sample:
        sample = side.measure(assets, width)
        purge(bench, client, [tada_path(asset, width) for asset in assets])
        return sample

    def fetch(asset: Asset, width: int) -> bytes | None:
        content = side.fetch(asset, width)
        purge(bench, client, [tada_path(asset, width)])
        return content

    return Side(TADA, measure, fetch)


def tada_without_reductions(bench: Bench, side: Side) -> Side:
    """Return a side of TADA for which the same assets have no reductions: what the catalog knows of them is set aside
    while it works.
    """

    def measure(assets: Sequence[Asset], width: int) -> Sample:
        with _set_aside(bench):
            return side.measure(assets, width)

    def fetch(asset: Asset, width: int) -> bytes | None:
        with _set_aside(bench):
            return side.fetch(asset, width)

    return Side(TADA_BARE, measure, fetch)


@contextmanager
def _set_aside(bench: Bench) -> Iterator[None]:
    with redis.Redis(port=bench.ports.redis) as client:
        client.rename(keys.REDUCTIONS, _ASIDE)
        try:
            yield
        finally:
            client.rename(_ASIDE, keys.REDUCTIONS)


def pyvips_alone(vips: Crew) -> Side:
    """Return pyvips in as many processes as transform has: files in, WebP out, without HTTP and without a catalog."""

    def measure(assets: Sequence[Asset], width: int) -> Sample:
        shares = [
            json.dumps([_render(asset, width) for asset in assets[number :: len(vips)]]) for number in range(len(vips))
        ]
        started = time.perf_counter()
        answers = [json.loads(line) for line in vips.ask(shares)]
        return Sample(len(assets), time.perf_counter() - started, sum(answer["cpu"] for answer in answers))

    return Side(PYVIPS, measure, lambda asset, width: None)


def _render(asset: Asset, width: int) -> dict[str, str | int]:
    encoding, path = asset.photo.encoding(width), str(asset.photo.path)
    return {"path": path, "width": width, "quality": encoding.quality, "effort": encoding.effort}


def tada_path(asset: Asset, width: int) -> str:
    what = f"optimise/{width}x0" if width else "full"
    return f"/assets/media/{what}/DEV/{asset.name}.webp"


def purge(bench: Bench, client: Client, paths: Sequence[str]) -> None:
    """Empty both tiers of some addresses."""
    headers, purged = {"X-Purge-Token": bench.purge_token}, [f"/purge{path}" for path in paths]
    for port in (bench.ports.cache, bench.ports.edge):
        # 404: a tier stores a copy just after it has sent it. It is out of date nevertheless, as all of the asset.
        client.send(Work([(LOOPBACK, port)], purged, CLIENTS, headers, expect=[200, 404]))
