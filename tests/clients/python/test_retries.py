"""What is sent again, and when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tada_client.errors import (
    AlreadyExists,
    NotReached,
    ServiceFailed,
    TadaError,
    TooManyRequests,
    Unauthorized,
    Unavailable,
)
from tada_client.retries import Retries

NEVER_SENT, LOST = NotReached("", sent=False), NotReached("", sent=True)


@pytest.mark.parametrize(
    ("error", "if_repeatable", "otherwise"),
    [
        (NEVER_SENT, True, True),
        (LOST, True, False),
        (TooManyRequests("", status=429), True, True),
        (Unavailable("", status=503), True, False),
        (TadaError("", status=408), True, False),
        (ServiceFailed("", status=500), False, False),
        (Unauthorized("", status=401), False, False),
        (AlreadyExists("", status=400), False, False),
    ],
)
def test_only_what_is_certainly_not_done_or_may_be_done_twice_is_sent_again(
    error: TadaError, if_repeatable: bool, otherwise: bool
) -> None:
    assert (Retries().pause(1, error, True, 0) is not None) is if_repeatable
    assert (Retries().pause(1, error, False, 0) is not None) is otherwise


@given(st.integers(1, 30), st.floats(0, 1), st.none() | st.floats(0, 200))
def test_pauses_are_bounded_uneven_and_never_shorter_than_asked(
    attempt: int, share: float, asked: float | None
) -> None:
    retries = Retries(attempts=20, first=0.5, longest=8, longest_asked=60)
    pause = retries.pause(attempt, Unavailable("", status=503, retry_after=asked), True, share)
    if attempt >= 20 or (asked or 0) > 60:
        assert pause is None
    else:
        assert pause is not None
        usual = min(8, 0.5 * 2 ** (attempt - 1))
        assert max(usual / 2, asked or 0) <= pause <= max(usual, (asked or 0) * 1.1)


def test_clients_that_failed_together_do_not_come_back_together() -> None:
    assert Retries().pause(3, NEVER_SENT, True, 0.1) != Retries().pause(3, NEVER_SENT, True, 0.9)
    busy = Unavailable("", status=503, retry_after=30)
    assert Retries().pause(1, busy, True, 0.1) != Retries().pause(1, busy, True, 0.9)
