"""thumbor and sharp: the same photographs and sizes, from local files, in as many processes as cores.

They turn pictures upright and convert their colours, as TADA does. Both are installed into environments of their own
below bench-results; nothing else uses them.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tools.bench.assets import Asset
from tools.bench.load import Client
from tools.bench.sides import Side, over_http
from tools.stack import ready
from tools.stack.plan import LOOPBACK, ROOT
from tools.stack.ports import free_ports

FOLDER = ROOT / "bench-results/peers"
_START_WITHIN = 30
_THUMBOR = """
LOADER = "thumbor.loaders.file_loader"
FILE_LOADER_ROOT_PATH = {folder!r}
STORAGE = "thumbor.storages.no_storage"
ALLOW_UNSAFE_URL = True
HTTP_LOADER_VALIDATE_CERTS = True
RESPECT_ORIENTATION = True
"""


def install() -> None:
    """Install what is missing."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    if not (FOLDER / "thumbor/bin/thumbor").exists():
        subprocess.run([sys.executable, "-m", "venv", str(FOLDER / "thumbor")], check=True)
        subprocess.run([str(FOLDER / "thumbor/bin/pip"), "install", "--quiet", "thumbor"], check=True)
    if not (FOLDER / "node_modules/sharp").exists():
        subprocess.run(["npm", "install", "--silent", "--no-save", "--prefix", str(FOLDER), "sharp"], check=True)


@contextmanager
def running(folder: Path, client: Client, processes: int) -> Iterator[list[Side]]:
    """Run all of them on the photographs in a folder."""
    with _thumbors(folder, client, processes) as thumbor, _sharps(folder, client, processes) as sharp:
        yield [thumbor, sharp]


@contextmanager
def _thumbors(folder: Path, client: Client, processes: int) -> Iterator[Side]:
    config = folder / "thumbor.conf"
    config.write_text(_THUMBOR.format(folder=str(folder)))
    ports = free_ports(processes)
    program = str(FOLDER / "thumbor/bin/thumbor")
    commands = [[program, "-i", LOOPBACK, "-p", str(port), "-c", str(config), "-l", "error"] for port in ports]
    with _running(commands, [{} for _ in ports], [f"http://{LOOPBACK}:{port}/healthcheck" for port in ports]) as pids:
        version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
        yield over_http(f"thumbor {version.removeprefix('v')}", client, ports, pids, _thumbor_path)


def _thumbor_path(asset: Asset, width: int) -> str:
    size = f"{width}x0/" if width else ""
    quality = asset.photo.encoding(width).quality
    return f"/unsafe/{size}filters:format(webp):quality({quality})/{asset.photo.path.name}"


@contextmanager
def _sharps(folder: Path, client: Client, processes: int) -> Iterator[Side]:
    ports = free_ports(processes)
    commands = [["node", str(ROOT / "tools/bench/sharp_server.mjs")] for _ in ports]
    environments = [{"PORT": str(port), "FOLDER": str(folder), "UV_THREADPOOL_SIZE": "1"} for port in ports]
    with _running(commands, environments, [f"http://{LOOPBACK}:{port}/healthcheck" for port in ports]) as pids:
        question = "console.log(require('sharp').versions.sharp)"
        said = subprocess.run(["node", "-e", question], cwd=FOLDER, capture_output=True, text=True, check=True)
        yield over_http(f"sharp {said.stdout.strip()}", client, ports, pids, _sharp_path)


def _sharp_path(asset: Asset, width: int) -> str:
    encoding = asset.photo.encoding(width)
    return f"/{width}/{encoding.quality}/{encoding.effort}/{asset.photo.path.name}"


@contextmanager
def _running(
    commands: Sequence[list[str]], environments: Sequence[Mapping[str, str]], addresses: Sequence[str]
) -> Iterator[list[int]]:
    """Run programs until the end of the context, each in a session of its own; yields their process numbers."""
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
            deadline = time.monotonic() + _START_WITHIN
            while not ready.answers(address):
                assert process.poll() is None, f"{process.args!r} has ended"
                assert time.monotonic() < deadline, f"{address} does not answer"
                time.sleep(0.05)
        yield [process.pid for process in processes]
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(20)
