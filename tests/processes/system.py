"""A whole TADA for tests: the processes of `make run`, in a folder and on ports of their own."""

import asyncio
import hashlib
import http.client
import os
import re
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import orjson
import redis
from tada_client import Client

from services.core.assets.addresses import Addresses
from services.core.jobs import queue
from services.core.settings import CoreSettings
from services.core.spool import SEARCH
from services.core.state import keys
from services.core.state.changes import number_of
from services.core.state.connection import connect
from services.core.storage.base import MARK
from tests.support.waits import wait_until
from tools.stack.plan import Ports, Process, Stack, node_name
from tools.stack.ports import free_ports
from tools.stack.processes import NotReady, Processes

START_WITHIN = 30
STOP_WITHIN = 10
SERVICES = ("catalog", "transform", "jobs")
NO_SCHEDULE = {f"{job}_CRON": "never" for job in ("SYNC", "PUBLISH", "EXPIRE", "EMPTY_TRASH")}
"""What a test finds in Redis must not depend on the hour at which it runs."""
REPLICAS = int(os.environ.get("REPLICAS", "1"))
"""How many processes of each service a system has, unless a test says: `make test-replicas` runs all with two."""


class System:
    """Starts, kills and restarts the parts of a TADA, and talks to it through its public interfaces.

    With several processes of a service (`replicas`), its name stands for all of them: `kill("catalog")` kills each, and
    their log is one. `catalog.1` is the first alone.
    """

    def __init__(
        self,
        folder: Path,
        settings: dict[str, str],
        transform_workers: int = 1,
        replicas: int = REPLICAS,
        caches: int = 1,
        edges: int = 1,
        metrics_port: int | None = None,
    ) -> None:
        self.folder, self._replicas = folder, replicas
        self.sockets = Path(tempfile.mkdtemp(prefix="tada-test-"))
        ports = free_ports(7 + 2 * (caches - 1) + edges - 1)
        self.ports, more = Ports(*ports[:7]), ports[7:]
        self.stack = Stack(
            data=folder / "data",
            sockets=self.sockets,
            ports=self.ports,
            transform_workers=max(transform_workers, replicas),
            catalogs=replicas,
            settings={"LOG_FORMAT": "json", **NO_SCHEDULE, **settings},
            more_caches=tuple((more.pop(), more.pop()) for _ in range(caches - 1)),
            more_edges=tuple(more),
            metrics_port=metrics_port,
        )
        self._processes = Processes(self.stack.processes(), lambda name: self.log_file(name).open("ab"))
        self._plan = self._processes.plan
        if metrics_port is None:
            self.add("jobs", like="jobs")
        for number in range(2, replicas + 1):
            self.add(f"jobs.{number}", like="jobs")
        self.api = httpx.Client(base_url=f"http://127.0.0.1:{self.ports.api}", timeout=60)
        self.client = Client(f"http://127.0.0.1:{self.ports.api}", namespace="DEV")
        self.uploads = httpx.Client(base_url=f"http://127.0.0.1:{self.ports.upload}", timeout=60)
        self.edge = httpx.Client(base_url=f"http://127.0.0.1:{self.ports.edge}", timeout=60)
        self.cache = httpx.Client(base_url=f"http://127.0.0.1:{self.ports.cache}", timeout=60)
        self.transform = httpx.Client(base_url=f"http://127.0.0.1:{self.ports.transform}", timeout=60)

    # Processes

    def start(self, *names: str, wait_for_nodes: bool = True) -> None:
        """Start parts (all by default); wait until they answer, and until nodes of the gateway keep what they have."""
        started = [part for name in names for part in self._parts(name)] or list(self._plan)
        self._processes.start(*started)
        try:
            self._processes.wait_ready(*started, within=START_WITHIN)
        except NotReady as error:
            raise AssertionError(f"{error}: {self.log(error.name)[-2000:]}") from None
        if wait_for_nodes and {"redis", "jobs"} <= set(self.parts()):
            self.wait_until_served()

    def wait_until_served(self, within: float = 30) -> None:
        """Wait until a worker has come to every node that runs: before that it keeps nothing."""
        ports = [port for name, port in self._nodes().items() if name in self.parts()]
        health = [f"http://127.0.0.1:{port}/healthz" for port in ports]
        wait_until(lambda: all(httpx.get(address, timeout=10).json()["current"] for address in health), within)

    def _parts(self, name: str) -> list[str]:
        """Return the names of all processes that a name stands for: `catalog`, `catalog.2`; `catalog.1` is one."""
        if name.endswith(".1"):
            return [name.removesuffix(".1")]
        others = range(2, self._replicas + 1) if name in SERVICES else ()
        return [name, *(f"{name}.{number}" for number in others)]

    def add(self, name: str, like: str, **environment: str) -> None:
        """Plan another process like one there is, with other settings."""
        model = self._plan[like]
        port = environment.get("PORT")
        answer = re.sub(r":\d+/", f":{port}/", model.ready) if port else model.ready
        # What is asked for its metrics is the model. But each worker says at a port of its own whether it is ready.
        environment.setdefault("METRICS_PORT", "0")
        if like == "jobs":
            [internal] = free_ports(1)
            environment["METRICS_PORT"], answer = str(internal), f"http://127.0.0.1:{internal}/healthz"
        self._plan[name] = Process(name, model.command, {**model.environment, **environment}, answer)

    def environment(self, name: str) -> dict[str, str]:
        """Return what a part is told by its environment."""
        return dict(self._plan[name].environment)

    def change_environment(self, name: str, **environment: str) -> None:
        """Plan other settings for a part; it has them from its next start on."""
        for part in self._parts(name):
            self._plan[part].environment.update(environment)

    def runs(self, name: str) -> bool:
        """Say whether a part has not ended by itself."""
        return set(self._parts(name)) <= set(self.parts()) - self._processes.ended().keys()

    def kill(self, name: str) -> None:
        """Kill a part at once, as `kill -9` does, with the processes it has started."""
        self._processes.kill(*self._parts(name))

    def end(self, name: str) -> None:
        """End a part as its supervisor does: it may finish what it is doing."""
        number = signal.SIGQUIT if name.startswith("nginx") else signal.SIGTERM
        hanging = self._processes.end(number, *self._parts(name), within=STOP_WITHIN)
        assert not hanging, f"{', '.join(hanging)} did not end"

    def reload(self, name: str) -> None:
        """Have an nginx read its configuration anew: new workers, and the old ones end when they have answered."""
        for part in self._parts(name):
            os.kill(self.pid(part), signal.SIGHUP)

    def workers(self, name: str) -> set[int]:
        """Return the processes that an nginx has started."""
        masters = [self.pid(part) for part in self._parts(name)]
        children = [Path(f"/proc/{master}/task/{master}/children").read_text() for master in masters]
        return set(map(int, " ".join(children).split()))

    def pause(self, name: str) -> None:
        self._processes.send(signal.SIGSTOP, *self._parts(name))

    def resume(self, name: str) -> None:
        self._processes.send(signal.SIGCONT, *self._parts(name))

    @contextmanager
    def paused(self, name: str) -> Iterator[None]:
        self.pause(name)
        try:
            yield
        finally:
            self.resume(name)

    def parts(self) -> list[str]:
        """Return the names of everything that runs."""
        return self._processes.names

    def pid(self, name: str) -> int:
        return self._processes.pid(name)

    def worker_of(self, name: str, connection: socket.socket) -> int:
        """Return the process of a part that has accepted a connection."""
        ends = (connection.getpeername()[1], connection.getsockname()[1])
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        [inode] = [row[9] for row in rows if tuple(int(row[at].rpartition(":")[2], 16) for at in (1, 2)) == ends]
        children = Path(f"/proc/{self.pid(name)}/task/{self.pid(name)}/children").read_text().split()
        for child in children:
            if any(str(link.readlink()) == f"socket:[{inode}]" for link in Path(f"/proc/{child}/fd").iterdir()):
                return int(child)
        raise AssertionError(f"no process of {name} has the connection")

    def stop(self) -> None:
        """Stop everything and remove what only this run needed; the data stay.

        Raises AssertionError when a part had ended by itself, or did not end, once nothing runs any more.
        """
        ended = self._processes.ended()
        for client in (self.api, self.client, self.uploads, self.edge, self.cache, self.transform):
            client.close()
        hanging = self._processes.end(signal.SIGTERM, *self.parts(), within=STOP_WITHIN)
        shutil.rmtree(self.sockets, ignore_errors=True)
        assert not ended, "; ".join(
            f"{name} had ended with {status}: {self.log(name)[-2000:]}" for name, status in ended.items()
        )
        assert not hanging, "; ".join(f"{name} did not stop: {self.log(name)[-2000:]}" for name in hanging)

    # What can be seen

    def log_file(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def log(self, name: str) -> str:
        files = map(self.log_file, self._parts(name))
        return "".join(file.read_text() for file in files if file.exists())

    def cpu_seconds(self, name: str) -> float:
        """Return the processor time that a part has used, with that of its child processes that have ended."""
        ticks = 0
        for part in self._parts(name):
            fields = Path(f"/proc/{self.pid(part)}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
        return ticks / os.sysconf("SC_CLK_TCK")

    def internal(self, name: str, path: str) -> httpx.Response:
        """Ask a process at its port for metrics and health."""
        port = self.stack.metrics_ports().get(name) or self._plan[name].environment["METRICS_PORT"]
        return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=10)

    def renders(self, unique_name: str) -> int:
        """Return how often transform has rendered an asset."""
        return len(re.findall(rf'"event":"rendered","asset":"{re.escape(unique_name)}"', self.log("transform")))

    def kept_keys(self, name: str = "") -> set[str]:
        """Return the keys of all files in the cache of a node of the gateway, or of all of them."""
        keys = set()
        for folder in (self.cache_folder(name),) if name else map(self.cache_folder, self._nodes()):
            for file in folder.rglob("*"):
                with suppress(FileNotFoundError, IsADirectoryError):  # Removed between listing and reading.
                    keys.update(re.findall(rb"\nKEY: (.+)\n", file.read_bytes()[:8192]))
        return {key.decode() for key in keys}

    def kept_addresses(self, name: str = "") -> set[str]:
        """Return the addresses of which a node, or any node, has a file, whatever its generation."""
        return {key[key.index("/") :] for key in self.kept_keys(name)}

    def cache_folder(self, name: str) -> Path:
        """Return where a node of the gateway keeps its files; what it knows of changes is beside it."""
        return self.stack.data / "cache" / name.removeprefix("nginx-").replace("cache", "tier").removesuffix(".1")

    def stored_files(self) -> dict[str, str]:
        """Return every file in the storage but its mark and search indexes, unfinished ones too, with its SHA-256."""
        root = self.stack.data / "storage"
        files = {}
        for path in root.rglob("*"):
            try:
                if path.is_file() and path.name != MARK and path.relative_to(root).parts[0] != SEARCH:
                    files[str(path.relative_to(root))] = hashlib.sha256(path.read_bytes()).hexdigest()
            except FileNotFoundError:
                continue  # Deleted between listing and reading.
        return files

    # The API, for tests that are about something else

    def upload(self, name: str, content: bytes, **fields: str) -> dict[str, Any]:
        answer = self.api.post("/file", files={"file": (name, content)}, data={"namespace": "DEV", **fields})
        assert answer.status_code == 200, answer.text
        assert answer.headers["x-purge"] == "done", answer.text
        return self.described(answer.json()["data"][0]["uuid"])

    def described(self, uuid: str) -> dict[str, Any]:
        """Return an entry as clients see it when every picture has been looked at."""
        self.wait_until_described()
        with redis.Redis(port=self.ports.redis) as client:
            stored = client.hget(keys.ENTRIES, client.hget(keys.UUIDS, uuid))
        return dict(orjson.loads(self._addresses().fill(stored)))

    def _addresses(self) -> Addresses:
        """Return the public addresses that the settings of the catalog make."""
        environment = self._plan["catalog"].environment
        names = [name for name in ("PUBLIC_URL", "API_PREFIX", "ROUTE_FILE_GET") if name in environment]
        given: dict[str, Any] = {name.lower(): environment[name] for name in names}
        return CoreSettings(**given).addresses

    def wait_until_described(self, within: float = 30) -> None:
        """Wait until every picture has been looked at, and the caches have what was found."""
        with redis.Redis(port=self.ports.redis) as client:
            wait_until(lambda: client.xlen(keys.UNDESCRIBED) == 0, within)
        self.wait_until_purged(within)

    def reap(self) -> None:
        """Have a worker settle stale claims now. By itself it does so every five seconds."""

        async def enqueue() -> None:
            async with connect(f"redis://127.0.0.1:{self.ports.redis}") as client:
                await queue.pool(client).enqueue_job("reap")

        asyncio.run(enqueue())

    def wait_until_purged(self, within: float = 30) -> None:
        """Wait until every node that runs has the last change that there is now."""
        self.wait_until_current(self.revision(), within)

    def revision(self) -> int:
        """Return the number of the last change of the catalog, 0 before the first one."""
        with redis.Redis(port=self.ports.redis) as client:
            return number_of(client.get(keys.REVISION) or b"0")

    def positions(self) -> dict[str, int]:
        """Return the last change that each node of the gateway has which runs; 0 until a worker has come to it."""
        headers = {"X-Purge-Token": self.environment("jobs")["PURGE_TOKEN"]}
        found = {}
        for name, port in self._nodes().items():
            if name in self.parts():
                said = httpx.get(f"http://127.0.0.1:{port}/generations", headers=headers, timeout=10).json()
                found[name] = said["position"] if said["current"] else 0
        return found

    def wait_until_current(self, number: int = 0, within: float = 30) -> None:
        """Wait until every node that runs is up to date, and has a change."""
        with redis.Redis(port=self.ports.redis) as client:
            logged = client.xlen(keys.CHANGES) > 0
        wait_until(lambda: all(at >= max(number, int(logged)) for at in self.positions().values()), within)

    def _nodes(self) -> dict[str, int]:
        """Return the port of each node of the gateway by the name of its process."""
        caches = [self.ports.cache, *(cache for cache, _ in self.stack.more_caches)]
        edges = [self.ports.edge, *self.stack.more_edges]
        return {
            node_name(tier, number): port
            for tier, ports in (("cache", caches), ("edge", edges))
            for number, port in enumerate(ports, 1)
        }

    def replace(self, uuid: str, name: str, content: bytes) -> dict[str, Any]:
        answer = self.api.patch(f"/file/{uuid}", files={"file": (name, content)})
        assert answer.status_code == 200, answer.text
        assert answer.headers["x-purge"] == "done", answer.text
        return answer.json()["data"][0]


def get_as_is(port: int, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
    """GET a path without the normalisation that httpx does."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers=headers or {})
        answer = connection.getresponse()
        return httpx.Response(answer.status, headers=answer.getheaders(), content=answer.read())
    finally:
        connection.close()
