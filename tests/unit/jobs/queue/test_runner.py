"""Whether and when a job is tried again."""

import pytest

from services.core.errors import BadRequest, StorageDown, TookTooLong
from services.jobs.queue.runner import pause_after


@pytest.mark.parametrize(("attempt", "longest"), [(1, 1), (2, 3), (3, 9), (4, 27), (7, 600), (30, 600)])
def test_pauses_grow_up_to_ten_minutes_and_differ(attempt: int, longest: float) -> None:
    pauses = [pause_after(StorageDown("It is away."), attempt, 100) for _ in range(50)]
    assert all(pause is not None and longest / 2 <= pause <= longest for pause in pauses)
    assert len(set(pauses)) > 40


@pytest.mark.parametrize("error", [BadRequest("It cannot be."), TookTooLong("It took too long.")])
def test_what_will_be_no_better_is_not_tried_again(error: Exception) -> None:
    assert pause_after(error, 1, 8) is None


def test_after_the_last_attempt_there_is_none() -> None:
    assert pause_after(RuntimeError("a bug"), 7, 8) is not None
    assert pause_after(RuntimeError("a bug"), 8, 8) is None
