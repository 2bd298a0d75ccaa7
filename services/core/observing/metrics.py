"""What every service counts and measures. The metrics of one service alone are in its own module `metrics`.

Names follow Prometheus' conventions: `tada_`, base units, `_total` for what only grows. A label has few values, and all
of them are known in advance: no names of assets, no paths (routes are templates), no tokens.

Each process counts for itself and is asked at a port of its own (see internal.py): nothing has to be added up between
processes, and a process that is gone leaves nothing behind.
"""

from dataclasses import dataclass
from functools import lru_cache

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

disable_created_metrics()  # type: ignore[no-untyped-call]

METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS", "PUT"})
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""Limits of the histograms of HTTP, storage and renders: from a cached row of Redis to the longest deadline."""

SERVICE = Gauge("tada_service_info", "Which service this process is.", ["role"])

REQUESTS = Counter(
    "tada_http_requests_total",
    "Requests that have been answered. Outcomes: ok, unchanged (304), redirected, rejected (4xx), limited (429), "
    "refused (503), failed (5xx), cut (the answer broke off), left (the client did not wait).",
    ["route", "method", "status", "outcome"],
)
REQUEST_SECONDS = Histogram(
    "tada_http_request_duration_seconds",
    "Time from the head of a request to the end of its answer.", ["route", "method"],
    buckets=SECONDS,
)  # fmt: skip
RECEIVED_BYTES = Counter("tada_http_received_bytes_total", "Bytes of bodies of requests.", ["route"])
SENT_BYTES = Counter("tada_http_sent_bytes_total", "Bytes of bodies of answers.", ["route"])

STORAGE_OPERATIONS = Counter(
    "tada_storage_operations_total",
    "Operations of the delegated storage. Results: ok, missing, exists, refused (by the open breaker), down, failed, "
    "abandoned (nobody waited any more).",
    ["backend", "operation", "result"],
)
STORAGE_SECONDS = Histogram(
    "tada_storage_operation_duration_seconds", "Time of an operation, retries included.", ["backend", "operation"],
    buckets=SECONDS,
)  # fmt: skip
BREAKER_OPEN = Gauge(
    "tada_storage_breaker_open", "1 while the circuit breaker is open: the storage is not asked because it has failed."
)

DEPENDENCY_UP = Gauge("tada_dependency_up", "1 if the last check of Redis or the storage went well.", ["dependency"])
DEPENDENCY_FAILING = Gauge(
    "tada_dependency_failing_seconds", "For how long the checks have been failing; 0 if they are not.", ["dependency"]
)

SIGNATURE_MISMATCHES = Counter(
    "tada_signature_mismatches_total", "Stored files that did not match the catalog, and were not served."
)


@dataclass(frozen=True, slots=True)
class Ended:
    """The metrics of requests that end alike: looking them up costs more than counting."""

    requests: Counter
    seconds: Histogram
    received: Counter
    sent: Counter


@lru_cache(maxsize=4096)
def ended(route: str, method: str, status: int, outcome: str) -> Ended:
    """Return what a request of a route template counts into."""
    method = method if method in METHODS else "other"
    return Ended(
        REQUESTS.labels(route, method, str(status), outcome),
        REQUEST_SECONDS.labels(route, method),
        RECEIVED_BYTES.labels(route),
        SENT_BYTES.labels(route),
    )


def outcome(status: int) -> str:
    """Return the outcome that a status stands for."""
    if status < 400:
        return "unchanged" if status == 304 else "redirected" if status >= 300 else "ok"
    if status < 500:
        return "limited" if status == 429 else "rejected"
    return "refused" if status == 503 else "failed"
