"""What becomes of an event after an attempt to send it. Pure.

An attempt has succeeded if the answer is 2xx. Others are made after pauses that grow. An event is a dead letter if its
last attempt fails after as much time as all pauses together: so an attempt that was made early is not one less.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from email.utils import parsedate_to_datetime

from services.core.assets.entries import timestamp
from services.core.webhooks.held import Attempt, Held
from services.core.webhooks.waiting import Outcome

GONE = 410
JITTER = 0.1
"""By how much of itself a pause may be longer: attempts of many events do not stay together."""
RETRY_AFTER_MAX = 24 * 3600
"""Seconds that a receiver may ask for."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a receiver. `status` is None if there was none, `text` says why then, or is the beginning of the
    body. `retry_after` is the header as it was sent."""

    status: int | None
    text: str = ""
    retry_after: str = ""

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_gone(self) -> bool:
        return self.status == GONE


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of an event: see `Waiting.settle`."""

    outcome: Outcome
    held: Held
    attempt: Attempt
    at: float = 0.0
    rests_until: float | None = None
    gone: bool = False


def judge(held: Held, answer: Answer, now: float, pauses: Sequence[float], chance: float) -> Verdict:
    """Say what becomes of an event of which an attempt has just ended. `chance` is from 0 to 1, for the jitter."""
    attempt = Attempt.of(timestamp(), held.id, answer.status, answer.text)
    tried = replace(held, attempts=held.attempts + 1, first=held.first or now, last=attempt)
    if answer.is_success:
        return Verdict("delivered", tried, attempt)
    asked_for = seconds_of(answer.retry_after, now)
    rests_until = now + asked_for if asked_for else None
    if now - tried.first >= sum(pauses) and not answer.is_gone:
        reason = f"{tried.attempts} attempts in {(now - tried.first) / 3600:.0f} hours have failed"
        return Verdict("dead", replace(tried, reason=reason), attempt, rests_until=rests_until)
    pause = pauses[min(tried.attempts, len(pauses)) - 1] * (1 + JITTER * chance)
    return Verdict("again", tried, attempt, now + max(pause, asked_for), rests_until, answer.is_gone)


def seconds_of(retry_after: str, now: float) -> float:
    """Return the seconds from now that a header Retry-After names, as a number or a date; 0 for anything else."""
    text = retry_after.strip()
    if text.isascii() and text.isdecimal():
        return float(min(int(text[:9]), RETRY_AFTER_MAX))
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return 0.0
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(moment.timestamp() - now, 0.0), RETRY_AFTER_MAX)
