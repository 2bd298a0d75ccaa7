"""The origin of a piece of work: the id of the request that caused it, from the edge to the worker, and who sent it.

The edge gives a request its id. Each service takes it over, writes it to every log line, and passes it on with a change
or a job. So a line about a purge names the upload. The trace, where traces are on, goes the same way, and so
does the name of the sender: the catalog notes with each change who asked for it.
"""

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from services.core.observing import tracing

WHO_LENGTH = 128
"""Characters of a name that are noted."""
_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{8,64}")

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the current request; empty outside of a request."""
who: ContextVar[str] = ContextVar("who", default="")
"""Who wants the current work done: the name of a token, or a job as `of_job` names it; empty if that is nobody."""


def of_job(name: str) -> str:
    """Return the name of a job that nobody has asked for. No token has such a name."""
    return f"job:{name}"


def accepted(given: str) -> str:
    """Return the id from the tier before; a new one if there is none, or none that is safe in a log."""
    return given if _ACCEPTED.fullmatch(given) else f"{random.getrandbits(64):016x}"


def passed_on() -> dict[str, str]:
    """Return the origin that goes into Redis with a change or a job, for the process that takes it up."""
    return {"request_id": request_id.get(), "traceparent": tracing.traceparent(), "who": who.get()}


@contextmanager
def working_for(given: str) -> Iterator[None]:
    """Log everything in the context under a request's id; under a new one if the id is not valid."""
    token = request_id.set(accepted(given))
    try:
        yield
    finally:
        request_id.reset(token)


@contextmanager
def acting_as(name: str) -> Iterator[None]:
    """Do everything in the context in somebody's name."""
    token = who.set(name[:WHO_LENGTH])
    try:
        yield
    finally:
        who.reset(token)
