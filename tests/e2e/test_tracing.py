"""Traces, as a collector receives them: one trace from the tier before, through Redis, to the worker."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.processes.system import System
from tests.support.waits import wait_until

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


class Collector:
    """Receives OTLP over HTTP, and keeps the spans of TRACE as (service, name, id, id of the parent)."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, str, str, str]] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/v1/traces":
                    collector.take(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.end_headers()
                self.wfile.write(ExportTraceServiceResponse().SerializeToString())

            def log_message(self, *args: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, request: ExportTraceServiceRequest) -> None:
        for group in request.resource_spans:
            [service] = [a.value.string_value for a in group.resource.attributes if a.key == "service.name"]
            for span in (span for scope in group.scope_spans for span in scope.spans):
                if span.trace_id.hex() == TRACE:
                    self.spans.append((service, span.name, span.span_id.hex(), span.parent_span_id.hex()))

    def named(self, service: str, name: str) -> list[tuple[str, str]]:
        """Return the ids, and those of the parents, of the spans of a service with that name."""
        return [
            (span, parent)
            for from_service, given, span, parent in self.spans
            if (from_service, given) == (service, name)
        ]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.close()


def test_a_trace_goes_from_the_request_through_redis_to_the_purge_and_the_job(
    tmp_path: Path, collector: Collector, photos: dict[str, bytes]
) -> None:
    system = System(tmp_path, {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "200"})
    try:
        system.start("redis", "nginx-cache", "nginx-edge", "catalog", "transform", "jobs")
        catalog = f"http://127.0.0.1:{system.ports.catalog}"
        headers = {"traceparent": PARENT}
        with httpx.Client(headers=headers, timeout=30) as http:
            files = {"file": ("a.jpg", photos["china.jpg"])}
            assert http.post(f"{catalog}/file", files=files, data={"namespace": "DEV"}).status_code == 200
            rendition = f"http://127.0.0.1:{system.ports.transform}/assets/media/optimise/200x0/DEV/a.webp"
            assert http.get(rendition).status_code == 200
            assert http.post(f"{catalog}/jobs/expire").status_code == 202
        wanted = [
            ("catalog", "POST /file"),
            ("catalog", "storage store"),
            ("transform", "GET /assets/media/optimise/{name}"),
            ("transform", "storage read"),
            ("transform", "render"),
            ("transform", "redis EVALSHA"),
            ("catalog", "POST /jobs/{job}"),
            ("jobs", "purge"),
            ("jobs", "job expire"),
        ]
        wait_until(lambda: all(collector.named(*one) for one in wanted))
        # What was caused is a part of its cause.
        [(upload, parent)] = collector.named("catalog", "POST /file")
        assert parent == "b7ad6b7169203331"
        assert [parent for _, parent in collector.named("catalog", "storage store")] == [upload]
        assert [parent for _, parent in collector.named("jobs", "purge")] == [upload]
        [(asked, _)] = collector.named("catalog", "POST /jobs/{job}")
        assert [parent for _, parent in collector.named("jobs", "job expire")] == [asked]
        [(delivery, _)] = collector.named("transform", "GET /assets/media/optimise/{name}")
        assert [parent for _, parent in collector.named("transform", "render")] == [delivery]
    finally:
        system.stop()


def test_a_collector_that_is_away_disturbs_nobody(tmp_path: Path, photos: dict[str, bytes]) -> None:
    system = System(tmp_path, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_BSP_SCHEDULE_DELAY": "100"})
    try:
        system.start()
        entry = system.upload("a.jpg", photos["china.jpg"])
        assert system.edge.get("/assets/media/optimise/200x0/DEV/a.webp").status_code == 200
        assert system.api.delete(f"/file/{entry['uuid']}").status_code == 200
    finally:
        system.stop()
