"""The processes of a TADA on one machine, as data: what to execute, with which environment, and when it is ready."""

import os
import secrets
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from gateway.nginx import render
from services.core import secret_files
from tools.stack import s3

ROOT = Path(__file__).parents[2]
MODULE_FOLDERS = ("/usr/lib/nginx/modules", "/usr/lib64/nginx/modules", "/usr/share/nginx/modules")
TEMPLATES = ROOT / "gateway" / "nginx"
LOOPBACK = "127.0.0.1"
ALLOCATOR = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": "4194304", "MALLOC_TRIM_THRESHOLD_": "16777216"}
"""The images set the same; docs/deploy.md gives the reason."""
EVERYWHERE = "0.0.0.0"  # noqa: S104 - set with BIND, and only with a token


MODULES = ("ndk_http", "ngx_http_lua", "ngx_http_cache_purge", "ngx_http_brotli_filter")


class PlanError(Exception):
    """The system cannot start with these settings. The message explains what to change."""


@dataclass(frozen=True, slots=True)
class Ports:
    edge: int = 8080
    cache: int = 8081
    api: int = 3001
    catalog: int = 3010
    transform: int = 3020
    redis: int = 6379
    upload: int = 8082

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Ports":
        """Read EDGE_PORT and so on; raises PlanError."""
        given = {}
        for name in cls.__slots__:
            text = environment.get(f"{name.upper()}_PORT", "")
            if text and not (text.isdecimal() and 0 < int(text) < 65536):
                raise PlanError(
                    f"{name.upper()}_PORT: {text!r} is not a valid port; expected an integer from 1 to 65535"
                )
            if text:
                given[name] = int(text)
        return cls(**given)

    def by_variable(self) -> dict[str, int]:
        return {f"{name.upper()}_PORT": getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Process:
    """One process. It is ready when `ready` (a URL, or redis:// and a key that must exist) answers."""

    name: str
    command: list[str]
    environment: dict[str, str]
    ready: str


@dataclass(frozen=True, slots=True)
class Stack:
    """A whole system below one data folder. `settings` are environment variables for all services.

    With an `s3_port` an S3 server is part of it, and is the storage; with a `backend_port`, the example of a distant
    backend. `more_caches` (of each the port of the cache tier and that of the internal entry) and `more_edges` are
    further nodes of the two tiers. With a `metrics_port` each process of a service has a port for metrics and health,
    from that one on.
    """

    data: Path
    sockets: Path
    ports: Ports
    bind: str = LOOPBACK
    transform_workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    catalogs: int = 1
    settings: Mapping[str, str] = field(default_factory=dict)
    s3_port: int | None = None
    backend_port: int | None = None
    more_caches: tuple[tuple[int, int], ...] = ()
    more_edges: tuple[int, ...] = ()
    metrics_port: int | None = None

    @property
    def s3_keys_file(self) -> Path:
        return self.data / "s3-credentials"

    @property
    def backend_token_file(self) -> Path:
        return self.data / "backend-token"

    @property
    def edge_url(self) -> str:
        return f"http://localhost:{self.ports.edge}"

    @property
    def api_url(self) -> str:
        return f"http://localhost:{self.ports.api}"

    @property
    def upload_url(self) -> str:
        return f"http://localhost:{self.ports.upload}"

    def processes(self) -> list[Process]:
        """Prepare the folders and configuration files and return all processes."""
        token = secrets.token_hex(32)
        for folder in ("redis", "storage"):
            (self.data / folder).mkdir(parents=True, exist_ok=True)
        caches = [self.ports, *(replace(self.ports, cache=cache, api=api) for cache, api in self.more_caches)]
        edges = [self.ports, *(replace(self.ports, edge=edge) for edge in self.more_edges)]
        return [
            self._redis(),
            *self._s3(),
            *self._backend(),
            *self._catalogs(),
            *self._transforms(),
            self._jobs(token),
            *(self._nginx("cache", token, ports, number) for number, ports in enumerate(caches, 1)),
            *(self._nginx("edge", token, ports, number) for number, ports in enumerate(edges, 1)),
        ]

    def metrics_ports(self) -> dict[str, int]:
        """Return the port of each process that has metrics, by its name."""
        if self.metrics_port is None:
            return {}
        names = ["catalog", "jobs", "transform"]
        names += [f"transform.{number}" for number in range(2, self.transform_workers + 1)]
        names += [f"catalog.{number}" for number in range(2, self.catalogs + 1)]
        names += [node_name("cache", number) for number in range(1, len(self.more_caches) + 2)]
        names += [node_name("edge", number) for number in range(1, len(self.more_edges) + 2)]
        return {name: self.metrics_port + offset for offset, name in enumerate(names)}

    def _redis(self) -> Process:
        command = [
            need("redis-server"),
            *("--port", str(self.ports.redis), "--bind", LOOPBACK, "--dir", str(self.data / "redis")),
            # When an upload is acknowledged, its entry is on the disk.
            *("--appendonly", "yes", "--appendfsync", "always", "--save", ""),
            # A copy for a dump begins at once. By default Redis waits five seconds for more replicas.
            *("--lazyfree-lazy-server-del", "yes", "--loglevel", "warning", "--repl-diskless-sync-delay", "0"),
        ]
        return Process("redis", command, dict(os.environ), f"redis://{LOOPBACK}:{self.ports.redis}")

    def _s3(self) -> list[Process]:
        if self.s3_port is None:
            return []
        if not s3.program().exists():
            raise PlanError("the S3 server is not installed; 'make setup STORAGE=s3' installs it")
        data, logs = self.data / "s3", self.data / "run" / "s3"
        for folder in (data, logs):
            folder.mkdir(parents=True, exist_ok=True)
        keys = s3.kept_keys(self.s3_keys_file)
        command = s3.command(data, logs, self.sockets, self.s3_port)
        return [Process("s3", command, s3.environment(keys), s3.ready(self.s3_port))]

    def _backend(self) -> list[Process]:
        if self.backend_port is None:
            return []
        folder = self.data / "backend"
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "examples.distant_backend", "--port", str(self.backend_port)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "BACKEND_TOKEN": self._backend_token()}
        ready = f"tcp://{LOOPBACK}:{self.backend_port}"
        return [Process("backend", [*command, "--folder", str(folder)], environment, ready)]

    def _backend_token(self) -> str:
        secret_files.make(self.backend_token_file)
        return self.backend_token_file.read_text()

    def _service(self, name: str, port: int, health: str) -> Process:
        environment = self._environment(name, {"HOST": LOOPBACK, "PORT": str(port), "UNIX_SOCKET": ""})
        ready = f"http://{LOOPBACK}:{port}{health}"
        return Process(name, [sys.executable, "-m", f"services.{name}"], environment, ready)

    def _catalogs(self) -> list[Process]:
        health = self.settings.get("HEALTHCHECK_ROUTE") or "/readiness-check"
        return [self._service("catalog", self.ports.catalog, health), *self._others("catalog", self.catalogs)]

    def _transforms(self) -> list[Process]:
        """One process per core. A shared port would load them unevenly, so each has a socket of its own."""
        first = self._service("transform", self.ports.transform, "/healthz")
        return [first, *self._others("transform", self.transform_workers)]

    def _others(self, name: str, count: int) -> list[Process]:
        """Plan the processes of a service beside its first."""
        return [
            Process(
                f"{name}.{number}",
                [sys.executable, "-m", f"services.{name}"],
                self._environment(f"{name}.{number}", {"UNIX_SOCKET": str(self._socket(name, number))}),
                f"unix://{self._socket(name, number)}",
            )
            for number in range(2, count + 1)
        ]

    def _jobs(self, token: str) -> Process:
        environment = self._environment(
            "jobs",
            {
                "PURGE_TOKEN": token,
                "NGINX_SERVICE": ",".join(f"http://{LOOPBACK}:{port}" for port in self._cache_ports),
                "NGINX_EDGE_SERVICE": ",".join(
                    f"http://{self._edge_address}:{port}" for port in (self.ports.edge, *self.more_edges)
                ),
            },
        )
        port = self.metrics_ports().get("jobs")
        # Without a port of its own: some worker takes jobs.
        some = f"redis://{LOOPBACK}:{self.ports.redis}/tada:jobs:health-check"
        ready = f"http://{LOOPBACK}:{port}/healthz" if port else some
        return Process("jobs", [sys.executable, "-m", "services.jobs"], environment, ready)

    @property
    def _cache_ports(self) -> list[int]:
        return [self.ports.cache, *(cache for cache, _ in self.more_caches)]

    def _nginx(self, tier: str, token: str, ports: Ports, number: int) -> Process:
        """Plan a node of a tier. The first one has the tier's name alone, in its folders too."""
        name, suffix = node_name(tier, number), "" if number == 1 else f".{number}"
        run = self.data / "run" / f"{tier}{suffix}"
        kept = self.data / "cache" / f"{'edge' if tier == 'edge' else 'tier'}{suffix}"
        metrics = self.metrics_ports().get(name)
        environment = {
            **self.settings,
            "TIER": tier,
            "PURGE_TOKEN": token,
            "EDGE_LISTEN": f"{self.bind}:{ports.edge}",
            "CACHE_LISTEN": f"{LOOPBACK}:{ports.cache}",
            "API_LISTEN": f"{self.bind}:{ports.api}",
            "UPLOAD_LISTEN": f"{self.bind}:{ports.upload}" if number == 1 else "off",
            "METRICS_LISTEN": f"{LOOPBACK}:{metrics}" if metrics else "off",
            "CACHE_SERVERS": render.servers(f"{LOOPBACK}:{port}" for port in self._cache_ports),
            "CATALOG_SERVERS": self._servers("catalog", self.ports.catalog, self.catalogs),
            "TRANSFORM_SERVERS": self._servers("transform", self.ports.transform, self.transform_workers),
            "RUN_DIR": str(run),
            "TEMP_DIR": str(run),
            "CACHE_DIR": str(kept),
            "GENERATIONS_FILE": f"{kept}.generations",
            "MODULES_DIR": modules_folder(),
            "LUA_DIR": str(TEMPLATES),
            "TEMPLATES_DIR": str(TEMPLATES),
        }
        try:
            config = render.render(environment)
        except render.SettingError as error:
            raise PlanError(str(error)) from None
        port = ports.edge if tier == "edge" else ports.cache
        address = self._edge_address if tier == "edge" else LOOPBACK
        ready = f"http://{address}:{port}/healthz"
        command = [need("nginx"), "-c", str(config)]
        if os.geteuid() == 0:
            # If root starts nginx, it would change to another user, who may not have access to the data folder.
            command += ["-g", "user root;"]
        return Process(name, command, dict(os.environ), ready)

    @property
    def _edge_address(self) -> str:
        return LOOPBACK if self.bind in (EVERYWHERE, "localhost") else self.bind

    def _environment(self, process: str, own: dict[str, str]) -> dict[str, str]:
        shared = {
            "REDIS_URL": f"redis://{LOOPBACK}:{self.ports.redis}",
            "DATA_FOLDER_PATH": str(self.data / "storage"),
            "PUBLIC_URL": self.edge_url,
            "UPLOAD_URL": self.upload_url,
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            **ALLOCATOR,
        }
        storage = s3.settings(s3.kept_keys(self.s3_keys_file), self.s3_port) if self.s3_port else {}
        if self.backend_port:
            backend = f"http://{LOOPBACK}:{self.backend_port}"
            storage = {"DELEGATED_STORAGE_HOST": backend, "DELEGATED_STORAGE_TOKEN": self._backend_token()}
        metrics = {"METRICS_HOST": LOOPBACK, "METRICS_PORT": str(self.metrics_ports().get(process, 0))}
        return {**os.environ, **shared, **self.settings, **storage, **metrics, **own}

    def _servers(self, name: str, port: int, count: int) -> str:
        """Return the lines for all processes of a service in an upstream block."""
        others = (f"unix:{self._socket(name, number)}" for number in range(2, count + 1))
        return render.servers([f"{LOOPBACK}:{port}", *others])

    def _socket(self, name: str, number: int) -> Path:
        return self.sockets / f"{name}-{number}.sock"


def node_name(tier: str, number: int) -> str:
    """Return the name of the process of a node: the first one of a tier has no number."""
    return f"nginx-{tier}" if number == 1 else f"nginx-{tier}.{number}"


def need(program: str) -> str:
    """Return where a program is; raises PlanError when it is not installed."""
    # Debian keeps servers in sbin, which is not on everybody's path.
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin:/usr/local/sbin")
    if found is None:
        raise PlanError(f"{program} is not installed; 'make setup' installs it")
    return found


def modules_folder() -> str:
    """Return where nginx has its modules; raises PlanError when one that is needed is not there."""
    for folder in MODULE_FOLDERS:
        if all((Path(folder) / f"{name}_module.so").exists() for name in MODULES):
            return folder
    raise PlanError("nginx lacks its Lua, cache-purge or brotli module; 'make setup' installs them")
