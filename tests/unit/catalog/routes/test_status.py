"""What GET /status says, by what processes have reported."""

from services.catalog.routes.status import shown
from services.core.jobs.queue import Queued
from services.core.probes.reports import ALIVE_SECONDS, Report

NOW = 1_800_000_000.0
OK = {"redis": "ok", "storage": "ok"}
NOTHING = Queued(0, 0, None)


def test_a_process_is_ready_if_it_lives_and_reaches_everything() -> None:
    down = {"redis": "ok", "storage": "does not answer"}
    found = [
        Report("catalog", "well", NOW - 9, NOW - 1, OK, {}, (30, 100)),
        Report("catalog", "away", NOW - 9, NOW - 1, down, {"storage": 4.04}),
        Report("catalog", "dead", NOW - 99, NOW - ALIVE_SECONDS, OK),
    ]
    well, away, dead = shown(found, NOTHING, NOW)["processes"]
    assert (well["alive"], well["ready"], well["disk_free"], well["disk_total"]) == (True, True, 30, 100)
    assert (away["alive"], away["ready"], away["storage"]) == (True, False, "does not answer")
    assert (away["failing_seconds"], away["disk_total"]) == ({"storage": 4.0}, None)
    assert (dead["alive"], dead["ready"]) == (False, False)


def test_the_queue_is_as_it_was_counted() -> None:
    queued = Queued(3, 1, "2027-01-15T08:00:00.000+00:00")
    expected = {"waiting": 3, "running": 1, "oldest_date": "2027-01-15T08:00:00.000+00:00"}
    assert shown([], queued, NOW)["queue"] == expected
