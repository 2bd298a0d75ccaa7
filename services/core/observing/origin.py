"""What a piece of work goes back to: the id of the request that caused it, from the edge to the worker.

The edge gives a request its id, each service takes it over, writes it into every log line, and passes it on with a
change or a job; so a line about a purge names the upload. The trace, where traces are on, goes the same way.
"""

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from services.core.observing import tracing

_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{8,64}")

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request that is being worked for; empty outside of one."""


def accepted(given: str) -> str:
    """Return the id that a tier before has given; a new one when there is none that may stand in a log."""
    return given if _ACCEPTED.fullmatch(given) else f"{random.getrandbits(64):016x}"


def passed_on() -> dict[str, str]:
    """Return what goes into Redis with a change or a job, for whoever takes it up."""
    return {"request_id": request_id.get(), "traceparent": tracing.traceparent()}


@contextmanager
def working_for(given: str) -> Iterator[None]:
    """Log everything in the context under a request's id; under a new one when it is none."""
    token = request_id.set(accepted(given))
    try:
        yield
    finally:
        request_id.reset(token)
