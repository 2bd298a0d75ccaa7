"""Every part is replaced under load, one process after the other, and nobody gets an error.

Services are told to stop while nginx still sends them requests. In front of nginx stands a balancer, as in any rolling
deployment: it sends a node nothing new before that is told to stop.
"""

import http.client
import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.processes.system import System
from tests.support.waits import wait_until

pytestmark = pytest.mark.timed

BOUNDARY = "part-of-a-form"


class Balancer:
    """Connects to one of the nodes that may be sent something new."""

    def __init__(self, ports: list[int]) -> None:
        self._ports, self._lock = ports, threading.Lock()

    def connect(self) -> http.client.HTTPConnection:
        with self._lock:
            connection = http.client.HTTPConnection("127.0.0.1", random.choice(self._ports), timeout=30)
            connection.connect()
        return connection

    @contextmanager
    def without(self, port: int) -> Iterator[None]:
        with self._lock:
            self._ports.remove(port)
        # Who has been answered on a new connection has taken all that came before it.
        probe = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        probe.request("GET", "/favicon.ico")
        assert probe.getresponse().status == 204
        probe.close()
        yield
        with self._lock:
            self._ports.append(port)


class Load:
    """Requests without a pause, of several kinds at once; remembers what failed."""

    def __init__(self, edges: Balancer, entries: Balancer, name: str, content: bytes) -> None:
        self._edges, self._entries, self._name, self._content = edges, entries, name, content
        self._stop = threading.Event()
        self.answered: Counter[str] = Counter()
        self.purges: Counter[str] = Counter()
        self.failed: list[str] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        kinds = {"upload": self._upload, "change": self._change, "cached": self._cached, "render": self._render}
        with ThreadPoolExecutor(len(kinds)) as pool:
            running = [pool.submit(self._repeat, kind, ask) for kind, ask in kinds.items()]
            try:
                yield
            finally:
                self._stop.set()
            for kind in running:
                kind.result()

    def more(self, count: int = 3) -> None:
        """Return when so many more requests of each kind have been answered."""
        before = self.answered.copy()
        wait_until(lambda: all(self.answered[kind] >= before[kind] + count for kind in self.kinds), within=30)

    kinds = ("upload", "change", "cached", "render")

    def _repeat(self, kind: str, ask: Callable[[int], tuple[int, bytes]]) -> None:
        for number in itertools.count():
            if self._stop.is_set():
                return
            try:
                status, body = ask(number)
            except (OSError, http.client.HTTPException) as error:
                self.failed.append(f"{time.time():.2f} {kind}: {error!r}")
            else:
                if status != 200:
                    self.failed.append(f"{time.time():.2f} {kind}: {status} {body[:300]!r}")
            self.answered[kind] += 1
            # What is restarted needs some of the processor too.
            time.sleep(0.03)

    def _upload(self, number: int) -> tuple[int, bytes]:
        parts = {"namespace": "DEV", "filename": f"{self._name}-{number}.jpg"}
        fields = "".join(
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
            for key, value in parts.items()
        )
        file = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="x.jpg"\r\n\r\n'
        body = fields.encode() + file.encode() + self._content + f"\r\n--{BOUNDARY}--\r\n".encode()
        return self._write("POST", "/file", body, f"multipart/form-data; boundary={BOUNDARY}")

    def _change(self, number: int) -> tuple[int, bytes]:
        body = b'{"information": "%d"}' % number
        return self._write("PATCH", f"/catalog/{self.uuid}", body, "application/json")

    uuid = ""

    def _write(self, method: str, path: str, body: bytes, kind: str) -> tuple[int, bytes]:
        connection = self._entries.connect()
        try:
            connection.request(method, path, body, {"Content-Type": kind})
            answer = connection.getresponse()
            body = answer.read()
            self.purges[answer.headers.get("X-Purge", "")] += 1
            return answer.status, body
        finally:
            connection.close()

    def _cached(self, number: int) -> tuple[int, bytes]:
        return self._read(f"/assets/media/optimise/{50 + number % 5}x0/DEV/{self._name}.webp")

    def _render(self, number: int) -> tuple[int, bytes]:
        return self._read(f"/assets/media/optimise/{100 + number}x0/DEV/{self._name}.webp")

    def _read(self, path: str) -> tuple[int, bytes]:
        connection = self._edges.connect()
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def test_every_part_is_replaced_under_load_without_a_failed_request(
    make_system: Callable[..., System], photos: dict[str, bytes], name: str
) -> None:
    system = make_system(replicas=2, caches=2, edges=2)
    edge_ports = [system.ports.edge, *system.stack.more_edges]
    entry_ports = [system.ports.api, *(api for _, api in system.stack.more_caches)]
    edges, entries = Balancer(list(edge_ports)), Balancer(list(entry_ports))
    load = Load(edges, entries, name, photos["china.jpg"])
    system.upload(f"{name}.jpg", photos["china.jpg"])
    load.uuid = system.upload(f"{name}-changed.jpg", photos["china.jpg"])["uuid"]

    with load.running():
        load.more()
        for service in ("catalog.1", "catalog.2", "transform.1", "transform.2", "jobs.1", "jobs.2"):
            system.end(service)
            load.more()
            system.start(service)
        for nginx, port, balancer in (
            *zip(("nginx-cache.1", "nginx-cache.2"), entry_ports, (entries, entries), strict=True),
            *zip(("nginx-edge.1", "nginx-edge.2"), edge_ports, (edges, edges), strict=True),
        ):
            with balancer.without(port):
                system.end(nginx)
                load.more()
                system.start(nginx)
            old = system.workers(nginx)
            system.reload(nginx)
            load.more()
            # A worker that ends can reset a new connection. The edge then asks the other node, which must be there.
            wait_until(lambda nginx=nginx, old=old: not old & system.workers(nginx))
    assert not load.failed, (len(load.failed), load.failed[:10], load.answered)
