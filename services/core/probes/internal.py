"""The internal port of each process: metrics for Prometheus, and probes for an orchestrator.

| path | answer |
|---|---|
| `/metrics` | the metrics of this process, as Prometheus' text |
| `/healthz` | 200 while the process works; if there is no answer, or 503, restart it |
| `/startupz` | 200 once the process has started, 503 before |
| `/readyz` | 200 when Redis and the storage answer, 503 with the one that does not, and for how long |

The gateway does not lead here. The event loop that does the work serves this port too, so a loop that hangs is
noticed. The jobs worker also says by a `Pulse` whether it still takes jobs. It has no web server: a few lines of
HTTP/1.0 make the answers.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from services.core.assets import media_types
from services.core.observing import logs, metrics
from services.core.probes.health import Health
from services.core.probes.pulse import Pulse
from services.core.settings import CoreSettings

log = logging.getLogger(__name__)

_HEAD_MAX = 16 * 1024
_PATIENCE = 5.0
_SAMPLE_SECONDS = 2.0
_REASONS = {200: "OK", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}

Sampler = Callable[[], Awaitable[object]]
"""Sets metrics that are looked up on request."""
Answer = tuple[int, str, bytes]


class Internal:
    """Answers at METRICS_PORT, for one process. The service sets `started` when it has started.

    With a `pulse`, `/healthz` is 503 if that is not alive.
    """

    def __init__(
        self,
        service: str,
        settings: CoreSettings,
        health: Health,
        samplers: Sequence[Sampler] = (),
        pulse: Pulse | None = None,
    ) -> None:
        self._host, self._port, self._health = settings.metrics_host, settings.metrics_port, health
        self._pulse = pulse
        self._samplers = (health.ask, *samplers)
        self._server: asyncio.Server | None = None
        self.started = False
        metrics.SERVICE.labels(service).set(1)

    async def open(self) -> None:
        """Listen, if there is a port for it; raises OSError if the port cannot be opened."""
        if self._port:
            self._server = await asyncio.start_server(self._serve, self._host, self._port, limit=_HEAD_MAX)

    async def close(self) -> None:
        if self._server:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                head = await reader.readuntil(b"\r\n\r\n")
                method, _, rest = head.partition(b" ")
                status, media_type, body = await self.answer(method.decode("latin-1"), _path(rest))
                lines = (
                    f"HTTP/1.0 {status} {_REASONS[status]}\r\nContent-Type: {media_type}\r\n"
                    f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
                )
                writer.write(lines.encode() + (b"" if method == b"HEAD" else body))
                await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            pass  # Not a request, or nobody waits for its answer.
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def answer(self, method: str, path: str) -> Answer:
        """Return status, media type and body."""
        if method not in ("GET", "HEAD"):
            return 405, media_types.JSON, b"{}"
        match path:
            case "/metrics":
                await asyncio.gather(*(self._sampled(sampler) for sampler in self._samplers))
                return 200, CONTENT_TYPE_LATEST, generate_latest()
            case "/healthz":
                alive = self._pulse is None or self._pulse.lives
                return _json(200 if alive else 503, {"alive": alive})
            case "/startupz":
                return _json(200 if self.started else 503, {"started": self.started})
            case "/readyz":
                state = await self._health.ask()
                return _json(200 if state.ready else 503, state.answer())
        return _json(404, {"paths": ["/metrics", "/healthz", "/startupz", "/readyz"]})

    async def _sampled(self, sampler: Sampler) -> None:
        """Look metrics up; if one cannot be known now, the others are still set."""
        try:
            await asyncio.wait_for(sampler(), _SAMPLE_SECONDS + 1)
        except Exception as error:  # noqa: BLE001 - the other metrics are needed after any error
            logs.event(log, logging.WARNING, "sample_failed", error=f"{type(error).__name__}: {error}")


def _path(rest: bytes) -> str:
    return rest.split(b" ", 1)[0].partition(b"?")[0].decode("latin-1")


def _json(status: int, content: object) -> Answer:
    return status, media_types.JSON, orjson.dumps(content)
