"""When the daily jobs are due."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from services.jobs.queue.schedule import job_id, last_due, next_due, schedule
from services.jobs.settings import JobsSettings


def at(clock: str, day: int = 25) -> datetime:
    hour, minute = clock.split(":")
    return datetime(2026, 11, day, int(hour), int(minute), 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (at("03:14"), None),
        (at("03:15"), "03:15"),
        (at("03:16"), "03:15"),
        (at("04:14"), "03:15"),
        # Longer ago than is made up for: the next day's run comes.
        (at("04:15"), None),
        (at("23:59"), None),
    ],
)
def test_a_daily_job_is_due_from_its_minute_on_for_an_hour(now: datetime, due: str | None) -> None:
    found = last_due("15 3 * * *", now)
    assert (found and f"{found:%H:%M}") == due


def test_around_midnight_the_day_before_counts() -> None:
    assert last_due("50 23 * * *", at("00:10", day=26)) == datetime(2026, 11, 25, 23, 50, tzinfo=UTC)


@pytest.mark.parametrize(("now", "due"), [("03:14", "25 03:15"), ("03:15", "26 03:15"), ("23:59", "26 03:15")])
def test_the_next_run_is_later_than_now(now: str, due: str) -> None:
    assert f"{next_due('15 3 * * *', at(now)):%d %H:%M}" == due


def test_a_run_has_the_same_id_wherever_it_is_asked_for() -> None:
    due = last_due("15 3 * * *", at("03:20"))
    assert due is not None
    assert job_id("sync", due) == "sync-20261125T0315"


def settings(folder: Path, **given: str) -> JobsSettings:
    return JobsSettings(data_folder_path=folder, purge_token=SecretStr("token-of-the-tests"), **given)  # type: ignore[arg-type]


def test_a_job_without_a_time_never_runs_by_itself(tmp_path: Path) -> None:
    assert schedule(settings(tmp_path)).keys() == {"sync", "publish", "expire", "empty_trash"}
    assert schedule(settings(tmp_path, sync_cron="never")).keys() == {"publish", "expire", "empty_trash"}


@pytest.mark.parametrize("wrong", ["03:15", "daily", "61 3 * * *", "* * * *", "0 0 31 2 *"])
def test_a_wrong_time_is_refused_at_the_start(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(ValidationError, match="expected five fields such as"):
        settings(tmp_path, publish_cron=wrong)
