"""Traces by OpenTelemetry, if OTEL_EXPORTER_OTLP_ENDPOINT is set; else nothing, at no cost.

A trace goes on from tier to tier by `traceparent` (W3C Trace Context), over HTTP as a header, over Redis as a field of
a change or of a job. OpenTelemetry's own variables set sampling and the rest (OTEL_TRACES_SAMPLER and so on).
"""

import atexit
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opentelemetry.trace import SpanKind, Tracer

_NOTHING = nullcontext()
_tracer: "Tracer | None" = None


def set_up(service: str, endpoint: str) -> None:
    """Send the traces of this process to `endpoint` by OTLP over HTTP; with an empty one there are no traces."""
    global _tracer
    if not endpoint:
        return
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    from services.core.observing.trace_export import Exporter

    exporter = Exporter(f"{endpoint.rstrip('/')}/v1/traces")
    provider = TracerProvider(
        resource=Resource.create({"service.name": service, "service.namespace": "tada"}), shutdown_on_exit=False
    )
    provider.add_span_processor(BatchSpanProcessor(exporter))

    def leave() -> None:
        exporter.leaving = True
        provider.shutdown()

    atexit.register(leave)
    _tracer = provider.get_tracer("tada")


def is_on() -> bool:
    return _tracer is not None


def span(name: str, traceparent: str = "", *, served: bool = False, **attributes: Any) -> AbstractContextManager[Any]:
    """Trace what the context does, as a part of the current trace, or of the trace that `traceparent` names.

    `served` is for work that another process has requested.
    """
    if _tracer is None:
        return _NOTHING
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    context = TraceContextTextMapPropagator().extract({"traceparent": traceparent}) if traceparent else None
    return _tracer.start_as_current_span(name, context, _kind(served=served), attributes)


def part(name: str, **attributes: Any) -> AbstractContextManager[Any]:
    """Trace what the context does if it is part of a trace: background checks make no traces of their own."""
    if _tracer is None:
        return _NOTHING
    from opentelemetry.trace import get_current_span

    return span(name, **attributes) if get_current_span().get_span_context().is_valid else _NOTHING


def traceparent() -> str:
    """Return the traceparent for the next process; empty if nothing is traced."""
    if _tracer is None:
        return ""
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get("traceparent", "")


def _kind(*, served: bool) -> "SpanKind":
    from opentelemetry.trace import SpanKind

    return SpanKind.SERVER if served else SpanKind.INTERNAL
