"""What becomes of an event after an attempt."""

import pytest

from services.core.webhooks.held import Held
from services.jobs.settings import RETRY_SECONDS
from services.jobs.webhooks.verdict import JITTER, RETRY_AFTER_MAX, Answer, Verdict, judge, seconds_of

NOW = 1_764_530_000.0
HELD = Held(1_764_530_000_000_000, ("/DEV/cat.webp",), b"{}")
DATE = "Sun, 30 Nov 2025 19:14:20 GMT"
"""A minute after NOW."""


def verdict(answer: Answer, held: Held = HELD, now: float = NOW, chance: float = 0.0) -> Verdict:
    return judge(held, answer, now, RETRY_SECONDS, chance)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_2xx_is_a_success(status: int) -> None:
    assert verdict(Answer(status)).outcome == "delivered"


@pytest.mark.parametrize("answer", [Answer(None, "refused"), *map(Answer, (100, 301, 302, 400, 404, 429, 500, 503))])
def test_everything_else_is_tried_again_after_a_pause(answer: Answer) -> None:
    found = verdict(answer)
    assert (found.outcome, found.at, found.held.attempts, found.held.first) == ("again", NOW + 5, 1, NOW)
    assert (found.attempt.status, found.rests_until, found.gone) == (answer.status, None, False)
    assert verdict(answer, chance=1.0).at == NOW + 5 * (1 + JITTER)


def test_pauses_grow_to_three_days_and_then_it_is_a_dead_letter() -> None:
    held, now, pauses = HELD, NOW, []
    while (found := verdict(Answer(500), held, now)).outcome == "again":
        pauses.append(found.at - now)
        held, now = found.held, found.at
    assert pauses == list(RETRY_SECONDS) == sorted(RETRY_SECONDS)
    assert 70 <= (now - NOW) / 3600 <= 74
    assert (found.outcome, found.held.reason) == ("dead", "13 attempts in 72 hours have failed")


def test_attempts_that_were_made_early_do_not_end_it_early() -> None:
    held = HELD
    for _ in range(50):
        found = verdict(Answer(500), held, NOW + 60)
        held = found.held
    assert (found.outcome, found.at) == ("again", NOW + 60 + RETRY_SECONDS[-1])


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("120", 120),
        (" 7 ", 7),
        (DATE, 60),
        ("999999999999", RETRY_AFTER_MAX),
        ("Fri, 31 Dec 9999 23:59:59 GMT", RETRY_AFTER_MAX),
        ("Sun, 30 Nov 2025 19:00:00 GMT", 0),
        *((text, 0) for text in ("", "-5", "soon", "1.5", "٣", "Sun, 99 Nov 2025 19:00:00 GMT", "x" * 9999)),
        *((f"Sun, 30 Nov {year} 19:00:00 GMT", 0) for year in ("99999", "9" * 30)),
        (f"Sun, 30 Nov 2025 19:00:00 +{'9' * 20}", 0),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date_and_bounded(said: str, seconds: float) -> None:
    assert seconds_of(said, NOW) == seconds
    found = verdict(Answer(503, retry_after=said))
    assert found.at == NOW + max(5, seconds)
    assert found.rests_until == (NOW + seconds if seconds else None)


def test_a_receiver_that_is_gone_gets_nothing_more_and_its_event_waits() -> None:
    late = verdict(Answer(500)).held
    found = verdict(Answer(410), late, NOW + 30 * 86400)
    assert (found.outcome, found.gone) == ("again", True)


def test_what_people_are_shown_of_an_answer_is_short_and_printable() -> None:
    assert verdict(Answer(500, "a\x00\x1b[31mb\n" + "x" * 5000)).attempt.text == "a  [31mb " + "x" * 191
