"""compose.yaml without a container engine: its services from their images (containers.py), started in their order."""

import re
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.processes.containers import Container, Network, install, read
from tests.support.waits import wait_until
from tools.stack import children, s3
from tools.stack.plan import ROOT, need

PORTS = {"catalog": 3010, "transform": 3020, "cache": 8081, "api": 3001, "edge": 8080, "edge-metrics": 9145}
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)(?::?-((?:[^{}]|\$\{[^{}]*\})*))?\}")


def interpolated(text: str, given: Mapping[str, str]) -> str:
    """Put values into `${NAME}` and `${NAME:-default}`, as Compose does; a default may hold another one."""

    def value(match: re.Match[str]) -> str:
        return given.get(match[1]) or interpolated(match[2] or "", given)

    return _VARIABLE.sub(value, text)


class Composed:
    """What `docker compose up --build` starts, without a .env: one container of each service."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        described = yaml.safe_load(interpolated((ROOT / "compose.yaml").read_text(), {}))
        self._services: dict[str, dict[str, Any]] = described["services"]
        dockerfiles = {
            name: ROOT / service["build"]["dockerfile"]
            for name, service in self._services.items()
            if "build" in service
        }
        with ThreadPoolExecutor() as pool:
            list(pool.map(install, map(read, set(dockerfiles.values()))))
        self._volumes = {name: folder / "volumes" / name for name in described["volumes"]}
        for volume in self._volumes.values():
            volume.mkdir(parents=True)
        self.network = Network(folder, self._services)
        self.containers = {name: self._container(name, dockerfile) for name, dockerfile in dockerfiles.items()}
        self._others: list[subprocess.Popen[bytes]] = []

    def _container(self, name: str, dockerfile: Path) -> Container:
        service = self._services[name]
        volumes = self.mounts(name)
        environment = {key: str(value) for key, value in service.get("environment", {}).items() if value is not None}
        if "METRICS_PORT" in environment:
            # Each container has an address of its own; here they share one.
            environment["METRICS_PORT"] = str(int(environment["METRICS_PORT"]) + list(self._services).index(name))
        if name == "cache":
            environment["METRICS_LISTEN"] = "127.0.0.1:9146"
        for memory in service["tmpfs"]:
            volumes.setdefault(memory.partition(":")[0], self.folder / name / "memory")
        volumes.pop("/tmp", None)  # The sandbox has one.
        for volume in volumes.values():
            volume.mkdir(parents=True, exist_ok=True)
        # What is copied from the images of others is here from the machine.
        programs = {
            "jobs": {f"/usr/local/bin/{program}": Path(need(program)) for program in ("redis-server", "redis-cli")},
            "s3": {"/usr/local/bin/weed": s3.program()},
        }
        return Container(dockerfile, self.folder / name, self.network, environment, volumes, programs.get(name, {}))

    def mounts(self, name: str) -> dict[str, Path]:
        """Return where in a container its volumes are."""
        parts = [volume.split(":") for volume in self._services[name].get("volumes", [])]
        return {place: self._volumes[source] for source, place, *_ in parts}

    def volume(self, name: str) -> Path:
        return self._volumes[name]

    def command(self, name: str) -> list[str]:
        return self._services[name]["command"]

    def start(self) -> None:
        """Start everything, each when those are healthy that it depends on."""
        secrets = self.containers["secrets"]
        secrets.start(self.command("secrets"))
        assert secrets.wait(20) == 0, secrets.log
        program, *options = self.command("redis")
        self._run([need(program), *options, "--dir", str(self._volumes["redis"])])
        for name in ("s3", "catalog", "transform", "jobs", "cache", "edge"):
            self.containers[name].start()
            if name == "jobs":  # What follows depends on these two.
                self.wait_healthy("catalog", "transform")
        self.wait_healthy("jobs", "cache", "edge")

    def wait_healthy(self, *names: str) -> None:
        for name in names:
            wait_until(self.containers[name].is_healthy, within=30)

    def client(self, name: str) -> httpx.Client:
        """Return a client for a port in the network, by the name of who listens there."""
        return httpx.Client(
            transport=httpx.HTTPTransport(uds=str(self.relay(name))), base_url=f"http://{name}", timeout=30
        )

    def relay(self, name: str) -> Path:
        """Return a unix socket that leads to a port in the network."""
        socket = self.folder / f"{name}.sock"
        if not socket.exists():
            program = ROOT / "tests" / "processes" / "socket_relay.py"
            self._run([sys.executable, str(program), str(socket), str(PORTS[name])])
            wait_until(socket.exists)
        return socket

    def secret(self, volume: str, name: str) -> str:
        return (self._volumes[volume] / name).read_text()

    def _run(self, command: list[str]) -> None:
        with (self.folder / "others.log").open("ab") as log:
            self._others.append(
                children.start(self.network.command(*command), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            )

    def close(self) -> None:
        for container in self.containers.values():
            container.close()
        for process in self._others:
            process.kill()
            process.wait()
        self.network.close()
