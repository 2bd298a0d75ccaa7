"""`make test-install`: make install, an upgrade and a rollback with a real systemd, booted beside this machine's own.

It needs root, the ports of make install, and some minutes: each release gets its packages anew.
"""

import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx
import sklearn

from tools.stack.plan import ROOT

PHOTO = Path(sklearn.__file__).parent / "datasets/images/china.jpg"
RENDITION = "http://127.0.0.1:8080/assets/media/optimise/200x0/DEV/china.webp"
API = "http://127.0.0.1:3001"


class Booted:
    """A systemd in namespaces of its own, and this checkout in it."""

    def __init__(self, folder: Path) -> None:
        self.checkout = folder / "checkout"
        subprocess.run(["git", "clone", "--quiet", ROOT, self.checkout], check=True)
        self._process = subprocess.Popen(
            [ROOT / "tests/programs/booted.sh", folder], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        end = time.monotonic() + 60
        while self.run("systemctl", "is-system-running", check=False).stdout.strip() not in ("running", "degraded"):
            if time.monotonic() > end:
                raise SystemExit("systemd cannot be booted on this machine")
            time.sleep(0.5)

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        inside = children[0] if children else "0"
        place = f"/proc/{inside}/root"
        enter = ["nsenter", "-t", inside, "-m", "-p", "-C", "-i", "-u", f"--root={place}"]
        return subprocess.run(
            [*enter, f"--wd={place}/run/share/checkout", "env", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", *command],
            check=check,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


class Visitor(threading.Thread):
    """Asks for a picture all the time."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[str, int] = {}
        self.is_over = threading.Event()

    def run(self) -> None:
        while not self.is_over.wait(0.05):
            try:
                answer = str(httpx.get(RENDITION, timeout=5).status_code)
            except httpx.HTTPError as error:
                answer = type(error).__name__
            self.seen[answer] = self.seen.get(answer, 0) + 1


def promise(is_kept: bool, what: str) -> None:
    print(f"{'ok  ' if is_kept else 'FAIL'} {what}", flush=True)
    if not is_kept:
        raise SystemExit(1)


def is_soon(url: str, status: int, within: float = 20) -> bool:
    end = time.monotonic() + within
    while time.monotonic() < end:
        try:
            if httpx.get(url, timeout=5).status_code == status:
                return True
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    return False


def main() -> None:
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    booted = Booted(folder)
    try:
        said = booted.run("make", "install", check=False)
        promise(said.returncode == 0, f"make install: {said.stdout.splitlines()[-1]}")
        uploaded = httpx.post(
            f"{API}/file?wait=facts", files={"file": PHOTO.open("rb")}, data={"namespace": "DEV"}, timeout=30
        )
        promise(uploaded.status_code == 200, "an upload is taken")
        promise(uploaded.json()["data"][0]["blurhash"] is not None, "its facts are found, in a sandbox")
        promise(is_soon(RENDITION, 200), "the public gets it")
        listed = booted.run("env", f"TADA_URL={API}", "/usr/local/bin/tada", "ls", "DEV")
        promise("china.webp" in listed.stdout, "the command tada lists it")
        promise(httpx.get(f"{API}/docs/").status_code == 200, "the documents are there")
        promise(httpx.post(f"{API}/catalog/create-dump", timeout=60).status_code == 200, "a dump is made")
        for unit in ("tada-redis", "tada-catalog", "tada-transform@1", "tada-jobs", "tada-cache", "tada-edge"):
            booted.run("systemctl", "kill", "--signal=KILL", unit)
            promise(
                is_soon(f"{API}/readiness-check", 200) and is_soon(RENDITION, 200), f"{unit} is killed and comes back"
            )
        visitor = Visitor()
        visitor.start()
        (booted.checkout / "NEWER").touch()
        promise(booted.run("make", "install", check=False).returncode == 0, "an upgrade")
        promise(booted.run("make", "rollback", check=False).returncode == 0, "a rollback")
        (booted.checkout / "services/catalog/__main__.py").write_text("raise SystemExit('broken')\n")
        broken = booted.run("env", "READY_WITHIN=20", "make", "install", check=False)
        promise(broken.returncode != 0, "a release that does not answer is refused")
        promise(is_soon(f"{API}/readiness-check", 200), "and the one before runs again")
        booted.run("git", "checkout", "--quiet", ".")
        booted.run("sed", "-i", "1i raise SystemExit(2)", "gateway/nginx/render.py")
        refused = booted.run("env", "READY_WITHIN=20", "make", "install", check=False)
        promise(refused.returncode != 0, "a release that cannot begin is refused")
        promise(is_soon(f"{API}/readiness-check", 200), "and the one before runs again")
        visitor.is_over.set()
        visitor.join()
        promise(set(visitor.seen) == {"200"}, f"a visitor saw nothing of it: {visitor.seen}")
    except SystemExit:
        print(booted.run("journalctl", "--no-pager", "-n", "40", "-u", "tada-*", check=False).stdout, file=sys.stderr)
        raise
    finally:
        booted.end()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
