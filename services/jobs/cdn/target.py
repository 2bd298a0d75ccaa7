"""What all CDNs have in common for the worker that purges them: tags, limits, and how a purge can fail."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Protocol

from services.jobs.http import Answer

RETRY_AFTER_MAX = 3600.0
"""Seconds. A CDN that asks for a longer pause is asked again after this one."""
_TOO_MANY = 429
_LIMITED = (_TOO_MANY, 503)


class NotPurged(Exception):
    """A CDN has not done what it was asked for. It is asked again, after `retry_after` seconds at least.

    `result` is for the metrics: `limited` if it has a limit of calls, `refused` if it does not want this call, and
    `failed` if it does not answer or has failed.
    """

    def __init__(self, why: str, result: str = "failed", retry_after: float = 0.0) -> None:
        super().__init__(why)
        self.result, self.retry_after = result, min(max(0.0, retry_after), RETRY_AFTER_MAX)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a CDN may be called: `burst` times at once, and then once in so many seconds."""

    burst: int
    seconds: float


class Target(Protocol):
    """A CDN, or a cache that is used like one. Each call purges everything that has one of some tags."""

    @property
    def name(self) -> str:
        """Of metrics and logs, and under which its position is kept."""

    @property
    def tags_at_once(self) -> int:
        """The number of tags that it takes in one call."""

    @property
    def pace(self) -> Pace: ...

    async def purge(self, tags: Sequence[str]) -> None:
        """Return when the CDN has taken the purge; raises NotPurged."""

    async def close(self) -> None:
        """Give up the connections."""


def seconds_until(retry_after: str, now: float) -> float:
    """Return the seconds that a Retry-After asks for (RFC 9110, 10.2.3: a number, or a date); 0 if it is neither."""
    if retry_after.isascii() and retry_after.isdecimal():
        return float(retry_after)
    try:
        return parsedate_to_datetime(retry_after).timestamp() - now
    except (ValueError, OverflowError):
        return 0.0


def check(answer: Answer, who: str, retry_after: float | None = None) -> None:
    """Raise NotPurged for an answer of a CDN that is no success. `retry_after` is for one without that header."""
    if 200 <= answer.status < 300:
        return
    said = answer.headers.get("retry-after", "")
    pause = seconds_until(said, time.time()) if said else retry_after or 0.0
    if answer.status in _LIMITED:
        raise NotPurged(f"{who} answered {answer.status}", "limited" if answer.status == _TOO_MANY else "failed", pause)
    told = answer.body[:200].decode("utf-8", "replace")
    raise NotPurged(f"{who} answered {answer.status}: {told}", "refused" if answer.status < 500 else "failed", pause)
