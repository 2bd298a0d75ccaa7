"""thumbor and sharp beside TADA: the same photographs and sizes, as many processes as cores, each file once.

Both are installed into environments of their own below bench-results; nothing else uses them.
"""

import io
import os
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from skimage.metrics import structural_similarity

from services.transform.render.geometry import quality_for
from tools.bench.load import Client, Work
from tools.bench.rows import CLIENTS, purge, upload_all
from tools.bench.system import Bench
from tools.stack import ready
from tools.stack.plan import LOOPBACK, ROOT
from tools.stack.ports import free_ports

FOLDER = ROOT / "bench-results/peers"
SIZES = {200: 120, 800: 40}
"""Width, and how many files one round takes."""
_THUMBOR = """
LOADER = "thumbor.loaders.file_loader"
FILE_LOADER_ROOT_PATH = {folder!r}
STORAGE = "thumbor.storages.no_storage"
ALLOW_UNSAFE_URL = True
HTTP_LOADER_VALIDATE_CERTS = True
"""


@dataclass(frozen=True, slots=True)
class Peer:
    """One of them at one size: renders per second, that as a multiple of TADA's, mean bytes and SSIM of a rendition."""

    name: str
    size: int
    rate: float
    ratio: float
    size_bytes: float
    ssim: float


@dataclass(frozen=True, slots=True)
class _Side:
    name: str
    ports: list[int]
    path: str

    def work(self, width: int, names: list[str]) -> Work:
        quality = quality_for(width, width)
        paths = [self.path.format(width=width, quality=quality, name=name) for name in names]
        return Work([(LOOPBACK, port) for port in self.ports], paths, CLIENTS)


def install() -> None:
    """Install what is missing."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    if not (FOLDER / "thumbor/bin/thumbor").exists():
        subprocess.run([sys.executable, "-m", "venv", str(FOLDER / "thumbor")], check=True)
        subprocess.run([str(FOLDER / "thumbor/bin/pip"), "install", "--quiet", "thumbor"], check=True)
    if not (FOLDER / "node_modules/sharp").exists():
        subprocess.run(["npm", "install", "--silent", "--no-save", "--prefix", str(FOLDER), "sharp"], check=True)


def measure(bench: Bench, client: Client, rounds: int, photos: list[Path]) -> list[Peer]:
    """Measure all of them in turns."""
    folder = bench.folder / "peers"
    folder.mkdir()
    assets = upload_all(bench, photos)
    for name, photo in assets:
        os.link(photo, folder / f"{name}.jpg")
    found = []
    with _thumbors(bench, folder) as thumbor, _sharps(bench, folder) as sharp:
        tada = _Side("TADA", [bench.ports.edge], "/assets/media/optimise/{width}x0/DEV/{name}.webp")
        for width, count in SIZES.items():
            names = [name for name, _ in assets[:count]]
            rates: dict[str, list[float]] = {}
            for number in range(rounds + 1):
                for side in (tada, thumbor, sharp):
                    work = side.work(width, names)
                    seconds = client.send(work).seconds
                    if side is tada:
                        purge(bench, client, work.paths)
                    if number:
                        rates.setdefault(side.name, []).append(count / seconds)
            for side in (tada, thumbor, sharp):
                pairs = zip(rates[side.name], rates["TADA"], strict=True)
                ratio = statistics.median(own / ours for own, ours in pairs)
                size, ssim = _looked_at(side, width, assets[: len(photos)])
                found.append(Peer(side.name, width, statistics.median(rates[side.name]), ratio, size, ssim))
    return found


def _looked_at(side: _Side, width: int, assets: list[tuple[str, Path]]) -> tuple[float, float]:
    """Return the mean bytes of a rendition, and its SSIM to a lossless Lanczos reduction of the source."""
    sizes, similar = [], []
    for (_, photo), path in zip(assets, side.work(width, [name for name, _ in assets]).paths, strict=True):
        with urllib.request.urlopen(f"http://{LOOPBACK}:{side.ports[0]}{path}", timeout=30) as answer:
            content = answer.read()
        shown = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
        reduced = Image.open(photo).convert("RGB").resize((shown.shape[1], shown.shape[0]), Image.Resampling.LANCZOS)
        sizes.append(len(content))
        similar.append(
            structural_similarity(  # type: ignore[no-untyped-call]
                np.asarray(reduced),
                shown,
                channel_axis=2,
                data_range=255,
                gaussian_weights=True,
                sigma=1.5,
                use_sample_covariance=False,
            )
        )
    return statistics.mean(sizes), float(np.mean(similar))


@contextmanager
def _thumbors(bench: Bench, folder: Path) -> Iterator[_Side]:
    config = bench.folder / "thumbor.conf"
    config.write_text(_THUMBOR.format(folder=str(folder)))
    ports = free_ports(bench.stack.transform_workers)
    program = str(FOLDER / "thumbor/bin/thumbor")
    commands = [[program, "-i", LOOPBACK, "-p", str(port), "-c", str(config), "-l", "error"] for port in ports]
    with _running(commands, [{} for _ in ports], [f"http://{LOOPBACK}:{port}/healthcheck" for port in ports]):
        version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
        path = "/unsafe/{width}x0/filters:format(webp):quality({quality})/{name}.jpg"
        yield _Side(f"thumbor {version.removeprefix('v')}", ports, path)


@contextmanager
def _sharps(bench: Bench, folder: Path) -> Iterator[_Side]:
    ports = free_ports(bench.stack.transform_workers)
    program = ["node", str(ROOT / "tools/bench/sharp_server.mjs")]
    environments = [{"PORT": str(port), "FOLDER": str(folder), "UV_THREADPOOL_SIZE": "1"} for port in ports]
    first = next(folder.iterdir()).name
    with _running(
        [program for _ in ports], environments, [f"http://{LOOPBACK}:{port}/50/75/{first}" for port in ports]
    ):
        question = "console.log(require('sharp').versions.sharp)"
        said = subprocess.run(["node", "-e", question], cwd=FOLDER, capture_output=True, text=True, check=True)
        yield _Side(f"sharp {said.stdout.strip()}", ports, "/{width}/{quality}/{name}.jpg")


@contextmanager
def _running(commands: list[list[str]], environments: list[dict[str, str]], addresses: list[str]) -> Iterator[None]:
    processes = [
        subprocess.Popen(
            command,
            cwd=FOLDER,
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        for command, environment in zip(commands, environments, strict=True)
    ]
    try:
        for process, address in zip(processes, addresses, strict=True):
            deadline = time.monotonic() + 30
            while not ready.answers(address):
                assert process.poll() is None, f"{process.args!r} has ended"
                assert time.monotonic() < deadline, f"{address} does not answer"
                time.sleep(0.05)
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(20)
