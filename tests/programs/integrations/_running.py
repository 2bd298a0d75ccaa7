"""What the integrations have in common: a TADA beside them, and programs that are waited for."""

import io
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
from PIL import Image

from tests.processes.system import System
from tests.support.waits import wait_until
from tools.node import NODE
from tools.stack.plan import ROOT

PATH = f"{NODE.parent}{os.pathsep}{os.environ['PATH']}"

SHOTS = ROOT / ".venv" / "integrations"
"""What the browser has shown, to be looked at."""


@contextmanager
def tada(folder: Path, token: str, **settings: str) -> Iterator[System]:
    """Run a TADA that wants a token."""
    folder.mkdir()
    system = System(folder, {"MEDIA_TOKEN": token, **settings})
    system.start()
    system.api.base_url = system.api.base_url.join(settings.get("API_PREFIX", ""))
    system.api.headers["Authorization"] = f"Bearer {token}"
    try:
        yield system
    finally:
        system.stop()


@contextmanager
def running(command: Sequence[str | Path], cwd: Path, environment: Mapping[str, str], ready: str) -> Iterator[None]:
    """Run a server until it is not needed any more. It is there when `ready` is answered."""
    log = cwd / "server.log"
    with log.open("ab") as out:
        process = subprocess.Popen(command, cwd=cwd, env=environment, stdout=out, stderr=out)

    def answers() -> bool:
        assert process.poll() is None, log.read_text()[-3000:]
        try:
            return httpx.get(ready).status_code < 500
        except httpx.TransportError:
            return False

    try:
        wait_until(answers, within=120)
        yield
    finally:
        process.terminate()
        process.wait(30)


def fetched(address: str) -> Image.Image:
    """Return the picture at an address."""
    answer = httpx.get(address)
    assert answer.is_success, (address, answer.text)
    return Image.open(io.BytesIO(answer.content))
