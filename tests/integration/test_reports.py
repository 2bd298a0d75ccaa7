"""What processes report of themselves in Redis, and what a run of a job says of its progress; with a real Redis."""

import asyncio
import time
from pathlib import Path

import orjson
import pytest

from services.core.doctor import Finding
from services.core.jobs import run_progress
from services.core.jobs.log import JobLog
from services.core.jobs.queue import JobQueue
from services.core.probes import checkup, reports
from services.core.probes.health import Health
from services.core.probes.reports import ALIVE_SECONDS, KEPT_SECONDS, Reporter
from services.core.settings import CoreSettings
from services.core.state import commands, keys
from services.core.state.connection import Redis
from services.jobs.settings import JobsSettings
from services.jobs.upkeep import checkup as job
from tests.processes.redis_server import RedisServer
from tests.support.waits import eventually


class _Settings(CoreSettings):
    service = "catalog"


def health(client: Redis) -> Health:
    return Health({"redis": client.ping, "storage": client.ping})


async def test_a_process_reports_itself_until_it_ends(client: Redis, tmp_path: Path) -> None:
    reporter = Reporter(client, "jobs", "one", health(client), tmp_path, lambda: {"nodes": [1]})
    async with reporter.reporting():
        await eventually(lambda: _has_reported(client))
        [report] = await reports.reports(client)
        assert (report.service, report.process, report.said) == ("jobs", "one", {"redis": "ok", "storage": "ok"})
        assert report.more == {"nodes": [1]}
        assert report.is_alive(time.time())
        assert not report.is_alive(time.time() + ALIVE_SECONDS + 1)
        assert report.disk is not None
        assert 0 < report.disk[0] <= report.disk[1]
    assert await reports.reports(client) == []


async def test_what_a_killed_process_has_reported_stays_for_a_while(client: Redis, tmp_path: Path) -> None:
    reporter = Reporter(client, "jobs", "killed", health(client), tmp_path / "none")
    async with reporter.reporting():
        await eventually(lambda: _has_reported(client))
        raw = await commands.hget(client, keys.REPORTS, "killed")
    assert raw is not None
    for age, names in ((ALIVE_SECONDS, ["killed"]), (KEPT_SECONDS + 1, [])):
        stored = {**orjson.loads(raw), "at": time.time() - age}
        await commands.hset(client, keys.REPORTS, "killed", orjson.dumps(stored))
        found = await reports.reports(client)
        assert [report.process for report in found] == names
        assert not any(report.is_alive(time.time()) or report.disk for report in found)
    assert await commands.hlen(client, keys.REPORTS) == 0, "it is forgotten"


async def test_the_progress_of_a_run_is_seen_until_it_ends(client: Redis) -> None:
    await run_progress.note(1, 2)  # Outside of a run, nobody is told.
    async with run_progress.noted(client, "sync-1"):
        await run_progress.note(10, 40)
        assert await run_progress.of(client, ["sync-1", "sync-2"]) == {"sync-1": {"done": 10, "count": 40}}
        await run_progress.note(11, 40)
        assert (await run_progress.of(client, ["sync-1"]))["sync-1"]["done"] == 10, "at most once a second"
    assert await run_progress.of(client, ["sync-1"]) == {}


async def test_the_queue_says_what_waits_but_not_its_own_beats(client: Redis) -> None:
    log = JobLog(client)
    queue = JobQueue(client, log)
    assert (await queue.state()).oldest is None
    first = await queue.put("sync", {}, "somebody")
    await queue.put("expire", {}, "somebody")
    await client.zadd(keys.QUEUE, {"reap:1796079622249": 1, "expire_due:1796079622249": 2, "of-another-program": 3})
    state = await queue.state()
    assert (state.waiting, state.running, state.oldest) == (3, 0, first.queued_at)


async def test_one_process_of_a_service_answers_the_doctor(server: RedisServer, client: Redis, tmp_path: Path) -> None:
    asked = 0

    async def own() -> Finding:
        nonlocal asked
        asked += 1
        return Finding("own", "is checked")

    settings = _Settings(redis_url=server.url, data_folder_path=tmp_path)  # type: ignore[arg-type]
    async with (
        checkup.answering(client, settings, [own], writes=False),
        checkup.answering(client, settings, [own], writes=False),
    ):
        await eventually(lambda: _listeners(client, 2))
        found = await checkup.ask(client, "question", ["catalog"], 10)
    assert asked == 1
    assert Finding("own", "is checked") in found["catalog"]
    assert "redis" in {finding.subject for finding in found["catalog"]}


async def test_a_service_that_does_not_answer_is_a_finding(
    server: RedisServer, client: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "checks", lambda _: [])
    settings = JobsSettings(redis_url=server.url, data_folder_path=tmp_path, purge_token="token-of-the-tests")  # type: ignore[arg-type]
    found = await job.system(client, settings, 0.1)
    silent = [finding for finding in found if "has answered" in finding["said"]]
    assert [finding["service"] for finding in silent] == ["catalog", "transform"]
    assert all(finding["mend"] for finding in silent)
    assert {finding["service"] for finding in found} == {"catalog", "transform", "jobs"}


async def test_a_checkup_ends_with_its_service(server: RedisServer, client: Redis, tmp_path: Path) -> None:
    async def hangs() -> Finding:
        await asyncio.sleep(3600)
        raise AssertionError

    settings = _Settings(redis_url=server.url, data_folder_path=tmp_path)  # type: ignore[arg-type]

    async def serve() -> None:
        async with checkup.answering(client, settings, [hangs], writes=False):
            await eventually(lambda: _listeners(client, 1))
            await client.publish(keys.CHECKUPS, "question")
            await eventually(lambda: client.exists(keys.checkup_taken("question", "catalog")))

    task = asyncio.create_task(serve())
    await asyncio.wait([task], timeout=10)
    assert task.done()
    await task


async def _has_reported(client: Redis) -> bool:
    return bool(await reports.reports(client))


async def _listeners(client: Redis, count: int) -> bool:
    [(_, found)] = await client.pubsub_numsub(keys.CHECKUPS)
    return bool(found == count)
