"""Sends traces away. Imported only if there is a collector."""

import logging
from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult

_SECONDS = 2
"""For one batch, its retries included."""

# One line for a lost batch is enough; by default there is one for each attempt.
logging.getLogger("opentelemetry.exporter").setLevel("ERROR")


class Exporter(OTLPSpanExporter):
    """Does not delay a process that is `leaving` if the collector was away."""

    def __init__(self, url: str) -> None:
        super().__init__(url, timeout=_SECONDS)
        self.leaving = self._away = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        if self.leaving and self._away:
            return SpanExportResult.FAILURE
        result = super().export(spans)
        self._away = result is not SpanExportResult.SUCCESS
        return result
