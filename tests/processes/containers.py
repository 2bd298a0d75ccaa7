"""Images without a container engine: what a Dockerfile says, run in a sandbox that has nothing else.

bubblewrap gives each container a root file system of its own, read-only, with only what its Dockerfile copies and what
its base image would bring; the user 10001; only its own environment; and a network, shared by the containers of a test,
in which names lead to loopback. So a Dockerfile that forgets a file or a dependency fails here as it would fail there.
"""

import fnmatch
import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.waits import wait_until
from tools.stack import children
from tools.stack.plan import ROOT

BUILT = ROOT / ".venv" / "images"
"""Installed packages are kept here, by what they were made of."""
_BASE_PATH = "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass
class Stage:
    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def all(self, instruction: str) -> list[str]:
        return [said for name, said in self.steps if name == instruction]

    def command(self, instruction: str) -> list[str]:
        """Return what CMD or ENTRYPOINT says in its form as a list; empty when it is not there."""
        said = self.all(instruction)
        return json.loads(said[-1]) if said else []

    @property
    def health(self) -> list[str]:
        said = self.all("HEALTHCHECK")[-1]
        return json.loads(said.partition("CMD ")[2])

    @property
    def stop_signal(self) -> str:
        return self.all("STOPSIGNAL")[-1]

    @property
    def user(self) -> str:
        return self.all("USER")[-1]

    @property
    def folder(self) -> str:
        return (self.all("WORKDIR") or ["/"])[-1]

    @property
    def environment(self) -> dict[str, str]:
        found = {"PATH": _BASE_PATH}
        arguments = dict(said.split("=", 1) for said in self.all("ARG"))
        for said in self.all("ENV"):
            for name, value in (pair.split("=", 1) for pair in shlex.split(said)):
                found[name] = re.sub(r"\$([A-Z_]+)", lambda match: {**arguments, **found}[match[1]], value)
        return found


def read(dockerfile: Path) -> dict[str, Stage]:
    """Return the stages of a Dockerfile by their names; that of the image itself is `""`."""
    lines = [line for line in dockerfile.read_text().splitlines() if not line.lstrip().startswith("#")]
    stages: dict[str, Stage] = {}
    last = Stage("")
    for step in re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines():
        if not step.strip():
            continue
        name, said = step.split(None, 1)
        if name == "FROM":
            base, _, alias = said.partition(" AS ")
            last = stages[alias] = Stage(base)
        else:
            last.steps.append((name, said))
    return stages


def is_sent(path: str) -> bool:
    """Say whether .dockerignore lets a file of the repository through: the last rule that fits decides."""
    sent = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        rule = line.removeprefix("!").removeprefix("**/")
        parts = path.split("/")
        heads = ["/".join(parts[: end + 1]) for end in range(len(parts))]
        tried = parts if "**/" in line else heads
        if any(fnmatch.fnmatchcase(one, rule) for one in tried):
            sent = line.startswith("!")
    return sent


def copied(stage: Stage) -> dict[str, Path]:
    """Return the files that the stage copies from the repository, by their places in the image."""
    files: dict[str, Path] = {}
    for said in stage.all("COPY"):
        if said.startswith("--from="):
            continue
        *sources, target = said.split()
        for source in sources:
            found = [
                file for path in ROOT.glob(source) for file in _files(path) if is_sent(str(file.relative_to(ROOT)))
            ]
            assert found, f"COPY {source}: there is no such file, or .dockerignore keeps it back"
            for file in found:
                into_folder = target.endswith("/") or not (ROOT / source).is_file()
                inner = str(file.relative_to(ROOT / source)) if (ROOT / source).is_dir() else file.name
                place = f"{target.rstrip('/')}/{inner}" if into_folder else target
                files[place if place.startswith("/") else f"{stage.folder}/{place}"] = file
    return files


def _files(path: Path) -> Iterable[Path]:
    return [path] if path.is_file() else (file for file in path.rglob("*") if file.is_file())


def install(stages: Mapping[str, Stage]) -> Path | None:
    """Run what the stage `packages` runs, unless that was done before, and return the folder that is /opt/venv then."""
    stage = stages.get("packages")
    if stage is None:
        return None
    [run], files = stage.all("RUN"), copied(stage)
    made_of = [sys.version, run, *(file.read_text() for file in files.values())]
    made = BUILT / hashlib.sha256("\0".join(made_of).encode()).hexdigest()[:16]
    if made.exists():
        return made
    new = made.with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    # As the machine is, network and settings of pip included, but for /opt/venv and what the stage copies.
    around = [
        path
        for top in (Path("/"), Path("/opt"))
        for path in top.iterdir()
        if path not in map(Path, ("/opt", "/proc", "/dev"))
    ]
    seen = [part for path in sorted(around) for part in _same(path)]
    put = [part for place, file in files.items() for part in ("--ro-bind", str(file), place)]
    path = f"{Path(sys.executable).parent}:{_BASE_PATH}"
    subprocess.run(
        [
            *("bwrap", *seen, "--proc", "/proc", "--dev", "/dev", "--bind", str(new), "/opt/venv", *put),
            *("--setenv", "PATH", path, "sh", "-c", run),
        ],
        check=True,
        capture_output=True,
    )
    new.rename(made)
    return made


def _same(path: Path) -> list[str]:
    return ["--symlink", str(path.readlink()), str(path)] if path.is_symlink() else ["--bind", str(path), str(path)]


class Network:
    """A network of its own, in which the names of containers lead to loopback."""

    def __init__(self, folder: Path, names: Iterable[str]) -> None:
        self.hosts = folder / "hosts"
        self.hosts.write_text("127.0.0.1 localhost " + " ".join(names) + "\n")
        self._process = children.start(
            ["bwrap", "--unshare-user", "--unshare-net", "--dev-bind", "/", "/", "sleep", "infinity"],
            stdin=subprocess.DEVNULL,
        )
        wait_until(lambda: bool(child_of(self._process.pid)))
        self._inside = child_of(self._process.pid)

    def command(self, *command: str) -> list[str]:
        """Return what runs a command in the network."""
        return ["nsenter", "--user", "--net", "--preserve-credentials", "-t", str(self._inside), "--", *command]

    def close(self) -> None:
        os.kill(self._inside, signal.SIGKILL)
        self._process.wait()


def child_of(pid: int) -> int:
    """Return the process that a process has started, 0 when there is none."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(found[0]) if found else 0


class Container:
    """One image in the sandbox.

    `volumes` are folders, and `programs` what other images bring, by where they are seen.
    """

    def __init__(
        self,
        dockerfile: Path,
        folder: Path,
        network: Network,
        environment: Mapping[str, str],
        volumes: Mapping[str, Path],
        programs: Mapping[str, Path],
    ) -> None:
        stages = read(dockerfile)
        self.image, self._network = stages[""], network
        self.log_file = folder / "log"
        root = folder / "root"
        for place, file in copied(self.image).items():
            (root / place[1:]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, root / place[1:])
        packages = install(stages)
        python = Path(sys.base_prefix)
        # Of programs, a Python image is given what every Debian has and it uses: the rest has to be copied.
        base = ["/usr/lib", "/usr/lib64", "/usr/share"] if packages and not python.is_relative_to("/usr") else ["/usr"]
        sandbox = [
            "bwrap",
            "--unshare-user",
            "--uid",
            "10001",
            "--gid",
            "10001",
            "--clearenv",
            "--proc",
            "/proc",
            "--dev",
            "/dev",
        ]
        for path in [*base, "/etc", *(["/usr/bin/setpriv"] if len(base) > 1 else [])]:
            sandbox += ["--ro-bind", path, path]
        for name in ("lib", "lib64", *(() if len(base) > 1 else ("bin", "sbin"))):
            sandbox += ["--symlink", f"usr/{name}", f"/{name}"]
        sandbox += ["--tmpfs", "/usr/local", "--ro-bind", str(network.hosts), "/etc/hosts"]
        if packages:
            sandbox += ["--ro-bind", str(packages), "/opt/venv", "--ro-bind", str(python), str(python)]
        for top in sorted(root.glob("*")):
            for part in [top] if top.name != "opt" else sorted(top.glob("*")):
                sandbox += ["--ro-bind", str(part), f"/{part.relative_to(root)}"]
        for place, program in programs.items():
            sandbox += ["--ro-bind", str(program), place]
        for place, volume in volumes.items():
            sandbox += ["--bind", str(volume), place]
        sandbox += ["--tmpfs", "/tmp", "--remount-ro", "/"]
        for name, value in {**self.image.environment, **environment}.items():
            sandbox += ["--setenv", name, value]
        self._sandbox = [*sandbox, "--chdir", self.image.folder]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, command: list[str] | None = None) -> None:
        """Run the image's own command, or another one."""
        run = [*self.image.command("ENTRYPOINT"), *(command or self.image.command("CMD"))]
        with self.log_file.open("ab") as log:
            self._process = children.start(
                self._network.command(*self._sandbox, *run),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def is_healthy(self) -> bool:
        """Ask as the container engine asks: by the image's HEALTHCHECK, inside."""
        assert self._process is not None
        assert self._process.poll() is None, f"ended with {self._process.returncode}: {self.log}"
        command = self._network.command(*self._sandbox, *self.image.health)
        return subprocess.run(command, check=False, capture_output=True, timeout=10).returncode == 0

    def signal(self) -> None:
        """Send the image's STOPSIGNAL to its first process, as a container engine does."""
        os.kill(self._inside, signal.Signals[self.image.stop_signal])

    def pause(self) -> None:
        os.kill(self._inside, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self._inside, signal.SIGCONT)

    @property
    def _inside(self) -> int:
        assert self._process is not None
        return child_of(self._process.pid)

    def wait(self, seconds: float) -> int:
        """Return the status with which it ends."""
        assert self._process is not None
        return self._process.wait(seconds)

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            # All of them: nginx' workers would outlive their master.
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    @property
    def log(self) -> str:
        return self.log_file.read_text() if self.log_file.exists() else ""
