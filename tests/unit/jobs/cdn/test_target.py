import pytest

from services.jobs.cdn.target import NotPurged, check, seconds_until
from services.jobs.http import Answer

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        ("Fri, 15 Jan 2027 08:01:00 GMT", 60),
        ("soon", 0),
        ("-5", 0),
        ("٣", 0),
        ("Fri, 99 Jan 2027 08:01:00 GMT", 0),
    ],
)
def test_a_pause_is_asked_for_in_seconds_or_by_a_date(said: str, seconds: float) -> None:
    assert seconds_until(said, NOW) == seconds


@pytest.mark.parametrize(("said", "pause"), [("5", 5), ("999999999", 3600), ("Fri, 15 Jan 2010 08:01:00 GMT", 0)])
def test_a_pause_is_never_endless_and_never_negative(said: str, pause: float) -> None:
    with pytest.raises(NotPurged) as failed:
        check(Answer(503, {"retry-after": said}), "cdn")
    assert (failed.value.retry_after, failed.value.result) == (pause, "failed")
