"""The assets that are asked for: each is a photograph of a set under a name of its own."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import redis

from services.core.assets import identity
from services.core.state import keys
from tools.bench.measuring import cpu_seconds
from tools.bench.photos import Photo
from tools.bench.system import Bench

_DESCRIBED_WITHIN = 300


@dataclass(frozen=True, slots=True)
class Asset:
    name: str
    photo: Photo


def named(photos: Sequence[Photo], count: int) -> list[Asset]:
    """Return `count` assets, all photographs equally often."""
    chosen = (photos[number % len(photos)] for number in range(count))
    return [Asset(f"{photo.path.stem}-{number}", photo) for number, photo in enumerate(chosen)]


def uploaded(bench: Bench, photos: Sequence[Photo], count: int) -> list[Asset]:
    """Return `count` assets that are in the catalog, described, with their reductions; upload those that are not."""
    assets = named(photos, count)
    missing = [asset for asset in assets if not _is_there(bench, asset)]
    for asset in missing:
        bench.upload(asset.name, asset.photo.path)
    if missing:
        _wait_until_described(bench)
    return assets


def _is_there(bench: Bench, asset: Asset) -> bool:
    return bench.api.get(f"/catalog/{identity.asset_uuid(f'/DEV/{asset.name}.webp')}").status_code == 200


def leave_undescribed(bench: Bench) -> None:
    """Remove the description of uploaded pictures from the queue: it must not disturb the next measurement."""
    with redis.Redis(port=bench.ports.redis) as client:
        client.xtrim(keys.UNDESCRIBED, maxlen=0, approximate=False)
    _wait_for_jobs(bench)


def _wait_until_described(bench: Bench) -> None:
    deadline = time.monotonic() + _DESCRIBED_WITHIN
    with redis.Redis(port=bench.ports.redis) as client:
        while client.xlen(keys.UNDESCRIBED):
            assert time.monotonic() < deadline, "uploads are not described"
            time.sleep(0.2)
    _wait_for_jobs(bench)


def _wait_for_jobs(bench: Bench) -> None:
    """Wait until the work that the worker has begun comes to its end."""
    used, before = cpu_seconds(bench.leaders("jobs")), -1.0
    while used - before > 0.1:
        time.sleep(1)
        before, used = used, cpu_seconds(bench.leaders("jobs"))
