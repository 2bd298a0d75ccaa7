"""The commands of examples/distant_backend/README.md, as they stand there."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx

from tests.support.waits import wait_until
from tools.stack import children
from tools.stack.plan import ROOT, Ports
from tools.stack.ports import free_ports

README = (ROOT / "examples/distant_backend/README.md").read_text()


def commands() -> list[tuple[str, str]]:
    """Return every command of the page, and what it is shown to print."""
    found = []
    for block in re.findall(r"```\n(.+?)```", README, re.DOTALL):
        # A line that ends in a backslash goes on in the next one.
        found += re.findall(r"^\$ ((?:.*\\\n)*.*\n)((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
    return found


@contextmanager
def running(command: str, environment: dict[str, str]) -> Iterator[None]:
    """Run a command of the page until the end of the test."""
    process = children.start(["bash", "-c", command], {**os.environ, **environment}, cwd=ROOT)
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def answers(url: str) -> bool:
    with suppress(httpx.TransportError):
        httpx.get(url)
        return True
    return False


def test_the_minute_of_the_example_goes_as_shown(tmp_path: Path, photos: dict[str, bytes]) -> None:
    [port] = free_ports(1)
    ports = Ports(*free_ports(7))
    (tmp_path / "cat.jpg").write_bytes(photos["china.jpg"])
    here = {
        ":9000": f":{port}",
        "--port 9000": f"--port {port}",
        ":3001": f":{ports.api}",
        ":8080": f":{ports.edge}",
        "data/": f"{tmp_path}/data/",
        ".venv/bin/python": sys.executable,
        # What make would install is here.
        "make run": f"{sys.executable} -m tools.stack.run",
        "@cat.jpg": f"@{tmp_path}/cat.jpg",
        "-o ": f"-o {tmp_path}/",
    }

    def as_here(text: str) -> str:
        return re.sub("|".join(map(re.escape, here)), lambda found: here[found[0]], text)

    (backend, _), (tada, _), *asking = commands()
    variables = {name: str(number) for name, number in ports.by_variable().items()}
    with ExitStack() as stack:
        stack.enter_context(running(as_here(backend), {}))
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/"), within=20)
        stack.enter_context(running(as_here(tada), variables))
        ready = f"http://127.0.0.1:{ports.api}/readiness-check"
        wait_until(lambda: answers(ready) and httpx.get(ready).status_code == 200, within=60)
        for command, shown in asking:
            ended = subprocess.run(
                ["bash", "-c", as_here(command)], capture_output=True, text=True, timeout=30, check=True
            )
            assert ended.stdout.strip() == as_here(shown).strip(), command
    assert (tmp_path / "same.jpg").read_bytes() == photos["china.jpg"]
