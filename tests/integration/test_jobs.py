"""The queue, the log of jobs and their workers on a real Redis: no job is lost, whatever happens to its worker."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from arq.connections import RedisSettings as ArqSettings
from arq.connections import create_pool
from pydantic import SecretStr
from redis.exceptions import ResponseError

from services.core.dumps.stores import open_dumps
from services.core.errors import BadRequest, NoDumpName, NotFound, StorageDown
from services.core.jobs import action_lists, kinds, safe_points
from services.core.jobs import log as job_log
from services.core.jobs.action_lists import ActionLists, Item
from services.core.jobs.log import JobLog, Record
from services.core.jobs.queue import JobQueue, decode, encode
from services.core.observing import origin
from services.core.probes.pulse import Pulse
from services.core.spool import prepare
from services.core.state import connection, entry_json, keys
from services.core.state.cancellation import end
from services.core.state.changes import ChangeLog
from services.core.state.connection import CONNECTIONS, Redis
from services.core.state.progress import Progress
from services.core.state.retired import RetiredObjects
from services.core.storage import open_storage
from services.jobs import metrics
from services.jobs.queue import runner
from services.jobs.queue.kinds import JOBS, Job, Tools
from services.jobs.queue.worker import make_worker
from services.jobs.settings import JobsSettings
from services.jobs.upkeep.watch import keep_watching
from tests.processes.redis_server import RedisServer
from tests.support.catalogs import CatalogUser, an_entry, fill, many
from tests.support.receivers import unheard
from tests.support.waits import eventually

# arq closes its pool by a name that redis-py calls deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated close:DeprecationWarning")

Run = Callable[[Tools, Any], Awaitable[dict[str, Any]]]


def settings_of(server: RedisServer, folder: Path) -> JobsSettings:
    return JobsSettings(
        redis_url=SecretStr(server.url), data_folder_path=folder / "data", purge_token=SecretStr("token-of-the-tests")
    )


@pytest.fixture
async def tools(server: RedisServer, client: Redis, tmp_path: Path) -> AsyncIterator[Tools]:
    settings = settings_of(server, tmp_path)
    storage = open_storage(settings)
    prepare(storage.spool)
    await storage.open()
    catalog = CatalogUser(client)
    dumps, progress = open_dumps(settings, storage), Progress(client)
    async with catalog.process.alive():
        yield Tools(
            settings,
            client,
            catalog.process,
            catalog.entries,
            RetiredObjects(client),
            catalog.claims,
            catalog.doubts,
            catalog.reaper(storage),
            storage,
            dumps,
            catalog.reducer(storage),
            catalog.sight(storage),
            progress,
            catalog.warmer(),
            unheard,
        )
    catalog.close()
    await storage.close()


@pytest.fixture(autouse=True)
def _looking_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for a job and does not listen looks more often."""
    monkeypatch.setattr(job_log, "_LOOK_SECONDS", 0.05)


@pytest.fixture
def log(client: Redis) -> JobLog:
    return JobLog(client)


@pytest.fixture
def queue(client: Redis, log: JobLog) -> JobQueue:
    return JobQueue(client, log)


@asynccontextmanager
async def worker(tools: Tools, **runs: Run | Job) -> AsyncIterator[Pulse]:
    """Run a worker and yield its pulse; jobs that are named do something else than usual."""
    jobs = {
        **JOBS,
        **{name: run if isinstance(run, Job) else Job(run, 60, 3, alone=False) for name, run in runs.items()},
    }
    client = connection.connect(tools.settings.redis_address)
    pulse = Pulse(0.5)
    made = make_worker(client, tools, pulse, jobs)
    task = asyncio.create_task(made.async_run())

    async def has_started() -> bool:
        return made.cron_jobs[0].next_run is not None

    async def has_no_connection_in_use() -> bool:
        return not client.connection_pool._in_use_connections

    await eventually(has_started)
    try:
        yield pulse
    finally:
        # redis-py leaks a connection whose making is cancelled.
        await eventually(has_no_connection_in_use)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        with suppress(asyncio.CancelledError):
            await made.close()
        await client.aclose()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let jobs be tried again soon."""
    monkeypatch.setattr(runner, "_FIRST_PAUSE", 0.05)
    monkeypatch.setattr(runner, "_PAUSE_FACTOR", 1)


async def test_a_job_acts_in_the_name_of_who_has_asked_for_it_or_in_its_own(tools: Tools, queue: JobQueue) -> None:
    names: list[str] = []

    async def run(tools: Tools, arguments: Any) -> dict[str, Any]:
        names.append(origin.who.get())
        return {}

    async def are_done() -> bool:
        return len(names) == 3

    due = replace(an_entry(), expiration_date="2026-01-31T17:00:00.000+00:00")
    await tools.entries.create(due)
    with origin.acting_as("cms"):
        await queue.put("sync", {}, "cms")
    await queue.put("sync", {}, "schedule")
    async with worker(tools, sync=run):
        await queue._pool.enqueue_job("sync")
        await eventually(are_done)
    assert sorted(names) == ["cms", "job:sync", "job:sync"]
    created, expired = (await ChangeLog(tools.client).news(0, 10)).events
    assert (created.who, expired.who) == ("", "job:expire")
    assert expired.happened.after == {"expired": True}


async def test_a_job_is_run_and_leaves_its_result_for_a_week(tools: Tools, queue: JobQueue, log: JobLog) -> None:
    async with worker(tools):
        asked = await queue.put("expire", {}, "cms")
        record = await log.wait(asked.id, 10)
    assert (record.status, record.asked_by, record.attempts, record.error) == ("done", "cms", 1, None)
    assert record.result is not None
    assert record.result["interface"] == kinds.INTERFACE_VERSION
    assert record.result["expired_count"] == 0
    assert record.result["seconds"] >= 0
    assert record.started_at
    assert record.ended_at
    assert record.queued_at <= record.started_at <= record.ended_at
    week = 7 * 24 * 3600
    assert week - 60 < await tools.client.ttl(keys.job(asked.id)) <= week
    assert [found.id async for found in log.latest()] == [asked.id]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("attempts", [1, 2])
async def test_an_action_that_fails_for_good_gives_its_place_to_another(
    tools: Tools, queue: JobQueue, log: JobLog, attempts: int
) -> None:
    lists = ActionLists(tools.client)
    list_id = await lists.make([Item("/DEV/a.webp"), Item("/DEV/b.webp")])
    begun = action_lists.Progress(2, begun=True).further(1, [], [])
    places = []

    async def run(tools: Tools, arguments: Any) -> dict[str, Any]:
        places.append(await tools.client.zcard(keys.ACTIONS))
        await lists.note(list_id, begun)
        raise StorageDown("It is away.")

    async with worker(tools, act=replace(JOBS[kinds.ACT], run=run, attempts=attempts)):
        asked = await queue.put(kinds.ACT, {"action": "delete", "list_id": list_id}, "cms")
        assert (await log.wait(asked.id, 10)).status == "failed"

        async def is_over() -> bool:
            return not await queue.has(asked.id)

        await eventually(is_over)
    assert places == [1] * attempts, "It kept its place as long as it was tried again."
    assert await tools.client.zcard(keys.ACTIONS) == await tools.client.exists(keys.action(list_id)) == 0
    assert await lists.progress(list_id) == begun
    assert await tools.client.ttl(keys.action_progress(list_id)) > 6 * 24 * 3600


async def test_a_sync_that_would_remove_too_much_is_stopped_and_not_done(
    tools: Tools, queue: JobQueue, log: JobLog
) -> None:
    await fill(tools.client, many(5))
    metrics.prepare(["sync"], [])
    counted = metrics.JOBS.labels("sync", "stopped")._value.get()
    async with worker(tools):
        for given in ({}, {"dry_run": True}, {"max_percent": 100}):
            asked = await queue.put("sync", given, "cms")
            record = await log.wait(asked.id, 10)
            assert (record.status, record.ended, record.attempts, record.error) == ("stopped", True, 1, None)
            assert record.result is not None
            assert "no file at all" in record.result["stopped"]
    assert await tools.entries.count() == 5
    assert metrics.JOBS.labels("sync", "stopped")._value.get() == counted + 3
    last = metrics.JOB_STOP.labels("sync")._value.get()
    assert last > metrics.JOB_SUCCESS.labels("sync")._value.get(), "the alert compares the two"
    await tools.client.delete(keys.ENTRIES, keys.ORDER)
    async with worker(tools):
        asked = await queue.put("sync", {}, "cms")
        assert (await log.wait(asked.id, 10)).status == "done"
    assert metrics.JOB_SUCCESS.labels("sync")._value.get() > last


async def test_a_job_that_has_stopped_is_not_run_again_when_its_worker_died_before_it_left_the_queue(
    tools: Tools, queue: JobQueue, log: JobLog
) -> None:
    asked = await queue.put("sync", {}, "cms")
    await tools.client.set(
        keys.job(asked.id),
        orjson.dumps({**vars_of(asked), "status": "stopped", "result": {"stopped": "why", "by": "the first"}}),
    )
    async with worker(tools):
        await eventually(lambda: is_empty(tools.client))
    assert (await log.get(asked.id)).result == {"stopped": "why", "by": "the first"}


async def test_an_empty_catalog_beside_files_or_dumps_is_said_in_the_log_and_by_a_metric(
    tools: Tools, caplog: pytest.LogCaptureFixture
) -> None:
    watching = asyncio.create_task(keep_watching(tools, 0.02))

    async def is_said(expected: float) -> bool:
        return bool(metrics.LOST._value.get() == expected)

    async def stays_zero() -> None:
        for _ in range(2):  # The first check after a loss does not report it.
            metrics.LOST.set(-1)
            await eventually(lambda: is_said(0))

    try:
        await stays_zero()
        (tools.settings.data_folder_path / "DEV").mkdir()
        (tools.settings.data_folder_path / "DEV" / "cat.webp").write_bytes(b"bytes")
        await eventually(lambda: is_said(1))
        assert "DEV/cat.webp" in str([vars(record) for record in caplog.records])
        await fill(tools.client, many(1))
        await eventually(lambda: is_said(0))
        (tools.settings.data_folder_path / "DEV" / "cat.webp").unlink()
        await tools.client.delete(keys.ENTRIES, keys.ORDER)
        await stays_zero()
        (tools.settings.data_folder_path / "dumps").mkdir()
        (tools.settings.data_folder_path / "dumps" / "dump_20250101T000000.json").write_text("[" + "{}, " * 20 + "{}]")
        await eventually(lambda: is_said(1))
        assert "20250101T000000 has entries" in str([vars(record) for record in caplog.records])
    finally:
        await end([watching])


async def test_a_folder_that_is_removed_while_its_files_are_listed_does_not_end_the_watch(
    tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, cat = tools.settings.data_folder_path / "DEV", tools.settings.data_folder_path / "cat.webp"
    folder.mkdir()
    look = os.scandir

    def too_late(path: Any) -> Any:
        if Path(path) == folder and folder.exists():
            folder.rmdir()
            cat.write_bytes(b"bytes")
        return look(path)

    monkeypatch.setattr(os, "scandir", too_late)
    metrics.LOST.set(0)
    watching = asyncio.create_task(keep_watching(tools, 0.02))

    async def is_said() -> bool:
        return watching.done() or bool(metrics.LOST._value.get() == 1)

    try:
        await eventually(is_said)
        assert not watching.done(), watching
        assert not folder.exists()
    finally:
        await end([watching])


async def test_a_worker_has_a_pulse_while_it_looks_for_jobs(tools: Tools) -> None:
    async def lives() -> bool:
        return pulse.lives

    async def lives_no_more() -> bool:
        return not pulse.lives

    async with worker(tools) as pulse:
        await eventually(lives)
        await asyncio.sleep(0.7)  # Longer than its patience.
        assert pulse.lives
    await eventually(lives_no_more)


async def test_the_list_holds_so_many_jobs_and_the_oldest_leave_it_first(
    monkeypatch: pytest.MonkeyPatch, client: Redis
) -> None:
    monkeypatch.setattr(job_log, "LOG_MAX", 3)
    log = JobLog(client)
    for number in range(5):
        await log.note(Record(f"job-{number}", "sync", "cms", queued_at=f"2099-01-01T00:00:0{number}.000+00:00"))
    assert [record.id async for record in log.latest()] == ["job-4", "job-3", "job-2"]
    assert (await log.get("job-0")).name == "sync"


async def test_whoever_waits_is_woken_at_once_and_all_of_them_by_one_connection(
    tools: Tools, queue: JobQueue, client: Redis, log: JobLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = asyncio.Event()

    async def held(tools: Tools, arguments: Any) -> dict[str, Any]:
        await go.wait()
        return {}

    monkeypatch.setattr(job_log, "_LOOK_SECONDS", 100)  # Nobody looks: all are told.
    async with worker(tools, expire=held), log.following():
        asked = await queue.put("expire", {}, "cms")
        before = len(await client.client_list())
        waiting = [asyncio.create_task(log.wait(asked.id, 10)) for _ in range(200)]
        await eventually(lambda: is_in(log, asked.id, "running"))
        unfinished = await log.wait(asked.id, 0.1)
        assert unfinished.status == "running"
        assert len(await client.client_list()) <= before + CONNECTIONS
        go.set()
        assert {record.status for record in await asyncio.gather(*waiting)} == {"done"}


async def is_in(log: JobLog, job_id: str, status: str) -> bool:
    found = await log.find(job_id)
    return found is not None and found.status == status


async def test_two_workers_run_each_job_once(tools: Tools, queue: JobQueue, log: JobLog) -> None:
    runs: list[str] = []

    async def noted(tools: Tools, arguments: Any) -> dict[str, Any]:
        runs.append("run")
        await asyncio.sleep(0)
        return {}

    async with worker(tools, expire=noted), worker(tools, expire=noted):
        asked = [await queue.put("expire", {}, "cms") for _ in range(30)]
        records = [await log.wait(record.id, 10) for record in asked]
    assert [record.status for record in records] == ["done"] * 30
    assert len(runs) == 30


async def test_a_job_that_is_asked_for_under_one_id_by_many_runs_once(
    tools: Tools, queue: JobQueue, log: JobLog
) -> None:
    runs: list[str] = []

    async def noted(tools: Tools, arguments: Any) -> dict[str, Any]:
        runs.append("run")
        return {}

    async with worker(tools, sync=noted), worker(tools, sync=noted):
        await asyncio.gather(*(queue.put("sync", {}, "schedule", "sync-20261125T0315") for _ in range(10)))
        await log.wait("sync-20261125T0315", 10)
        await queue.put("sync", {}, "schedule", "sync-20261125T0315")
        last = await log.wait((await queue.put("expire", {}, "cms")).id, 10)
        assert last.status == "done"
    assert runs == ["run"]


async def test_jobs_that_disturb_each_other_take_turns(tools: Tools, queue: JobQueue, log: JobLog) -> None:
    at_once, most = 0, 0

    async def counted(tools: Tools, arguments: Any) -> dict[str, Any]:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.05)
        at_once -= 1
        return {}

    alone = Job(counted, 60, 3, alone=True)
    jobs = {"sync": alone, "publish": alone, "create_dump": alone, "restore_dump": alone}
    assert {name for name, job in JOBS.items() if job.alone} == set(jobs)
    async with worker(tools, **jobs), worker(tools, **jobs):
        asked = [await queue.put(name, {}, "cms") for name in jobs]
        records = [await log.wait(record.id, 20) for record in asked]
    # Waiting for a turn is no attempt.
    assert [(record.status, record.attempts) for record in records] == [("done", 1)] * 4
    assert most == 1


@pytest.mark.usefixtures("quick")
async def test_a_job_that_crashes_is_tried_again(tools: Tools, queue: JobQueue, log: JobLog) -> None:
    tries: list[str] = []

    async def fails_twice(tools: Tools, arguments: Any) -> dict[str, Any]:
        tries.append((await anext(log.latest())).status)
        if len(tries) < 3:
            raise StorageDown("The storage is away.") if len(tries) == 1 else RuntimeError("a bug")
        return {"tries": len(tries)}

    async with worker(tools, publish=fails_twice):
        record = await log.wait((await queue.put("publish", {}, "cms")).id, 10)
    assert tries == ["running"] * 3
    assert record.status == "done"
    assert record.attempts == 3
    assert record.result is not None
    assert record.result["tries"] == 3


@pytest.mark.usefixtures("quick")
async def test_a_poisoned_job_ends_among_those_that_failed_and_says_why(
    tools: Tools, queue: JobQueue, log: JobLog
) -> None:
    async def poisoned(tools: Tools, arguments: Any) -> dict[str, Any]:
        raise RuntimeError("it never works")

    async with worker(tools, publish=poisoned):
        record = await log.wait((await queue.put("publish", {}, "cms")).id, 10)
        assert (record.status, record.attempts, record.result) == ("failed", 3, None)
        assert record.error == {"code": "internal_error", "message": "RuntimeError: it never works", "status": 500}
        await eventually(lambda: is_empty(tools.client))


@pytest.mark.usefixtures("quick")
async def test_what_redis_refuses_a_job_is_said_and_not_that_its_worker_died(
    tools: Tools, queue: JobQueue, log: JobLog
) -> None:
    async def refused(tools: Tools, arguments: Any) -> dict[str, Any]:
        raise ResponseError("OOM command not allowed")

    async with worker(tools, publish=refused):
        record = await log.wait((await queue.put("publish", {}, "cms")).id, 10)
    assert (record.status, record.attempts) == ("failed", 3)
    assert record.error is not None
    assert record.error["message"] == "ResponseError: OOM command not allowed"


async def is_empty(client: Redis) -> bool:
    return await client.zcard(keys.QUEUE) == 0


async def test_while_a_job_waits_for_its_next_attempt_its_record_says_so(
    tools: Tools, queue: JobQueue, log: JobLog
) -> None:
    async def fails(tools: Tools, arguments: Any) -> dict[str, Any]:
        raise StorageDown("The storage is away.")

    async with worker(tools, publish=fails):
        asked = await queue.put("publish", {}, "cms")
        await eventually(lambda: is_in(log, asked.id, "retrying"))
        record = await log.get(asked.id)
    assert record.error is not None
    assert record.error["message"] == "The storage is away."
    assert record.retry_at is not None
    assert record.started_at is not None
    assert record.retry_at > record.started_at


@pytest.mark.usefixtures("quick")
async def test_what_will_be_no_better_the_next_time_fails_at_once(tools: Tools, queue: JobQueue, log: JobLog) -> None:
    async def refuses(tools: Tools, arguments: Any) -> dict[str, Any]:
        raise BadRequest("It cannot be.", "Ask for something else.")

    async with worker(tools, restore_dump=refuses):
        record = await log.wait((await queue.put("restore_dump", {}, "cms")).id, 10)
    assert (record.status, record.attempts) == ("failed", 1)
    assert record.error == {
        "code": "bad_request",
        "message": "It cannot be.",
        "hint": "Ask for something else.",
        "status": 400,
    }


async def test_a_job_that_takes_too_long_is_ended(tools: Tools, queue: JobQueue, log: JobLog) -> None:
    async def slow(tools: Tools, arguments: Any) -> dict[str, Any]:
        await asyncio.sleep(60)
        return {}

    async with worker(tools, publish=Job(slow, 0.1, 3, alone=True)):
        record = await log.wait((await queue.put("publish", {}, "cms")).id, 10)
    assert (record.status, record.attempts) == ("failed", 1)
    assert record.error is not None
    assert record.error["code"] == "took_too_long"


async def test_a_worker_that_is_told_to_stop_hands_its_job_back(tools: Tools, queue: JobQueue, log: JobLog) -> None:
    async def endless(tools: Tools, arguments: Any) -> dict[str, Any]:
        await asyncio.sleep(60)
        return {}

    async def short(tools: Tools, arguments: Any) -> dict[str, Any]:
        return {"by": "the other one"}

    async with worker(tools, publish=endless):
        asked = await queue.put("publish", {}, "cms")
        await eventually(lambda: is_in(log, asked.id, "running"))
    assert (await log.get(asked.id)).status == "queued"
    async with worker(tools, publish=short):
        record = await log.wait(asked.id, 5)
    assert record.status == "done"
    assert record.attempts == 1
    assert record.result is not None
    assert record.result["by"] == "the other one"


async def test_a_job_whose_worker_was_killed_is_taken_by_the_next_one(
    server: RedisServer, tools: Tools, queue: JobQueue, log: JobLog, tmp_path: Path
) -> None:
    asked = await queue.put("publish", {}, "cms")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.processes.worker", server.url, str(tmp_path), "hang"), env=dict(os.environ)
    )
    await eventually(lambda: is_in(log, asked.id, "running"), 20)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    async with worker(tools, publish=Job(hello, 60, 3, alone=True)):
        record = await log.wait(asked.id, 25)
    assert (record.status, record.attempts) == ("done", 2)


async def hello(tools: Tools, arguments: Any) -> dict[str, Any]:
    return {}


async def test_a_job_that_kills_its_worker_every_time_is_given_up(
    server: RedisServer, tools: Tools, queue: JobQueue, log: JobLog, tmp_path: Path
) -> None:
    asked = await queue.put("publish", {}, "cms")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.processes.worker", server.url, str(tmp_path), "die"), env=dict(os.environ)
    )
    assert await process.wait() == -signal.SIGKILL
    async with worker(tools, publish=Job(hello, 60, 1, alone=True)):
        record = await log.wait(asked.id, 25)
        assert (record.status, record.attempts) == ("failed", 1)
        assert record.error is not None
        assert record.error["code"] == "worker_died"
        await eventually(lambda: is_empty(tools.client))


async def test_a_cancelled_job_that_waits_never_begins(tools: Tools, queue: JobQueue, log: JobLog) -> None:
    metrics.prepare(["sync"], [])
    counted = metrics.JOBS.labels("sync", "cancelled")._value.get()
    asked = await queue.put("sync", {}, "cms")
    cancelled, again = await asyncio.gather(log.cancel(asked.id, "ops"), log.cancel(asked.id, "cms"))
    assert cancelled.status == again.status == "cancelled"
    assert cancelled.cancelled_by == again.cancelled_by
    record = await log.get(asked.id)
    assert (record.status, record.attempts, record.result) == ("cancelled", 0, None)
    assert record.ended_at is not None
    assert (await queue.state()).waiting == 0

    async def never(tools: Tools, arguments: Any) -> dict[str, Any]:
        raise AssertionError("It began.")

    async with worker(tools, sync=never):
        await eventually(lambda: is_empty(tools.client))
    assert await log.get(asked.id) == record
    assert metrics.JOBS.labels("sync", "cancelled")._value.get() == counted + 1
    assert await log.cancel(asked.id, "another") == record


async def test_a_job_that_cannot_be_read_stays_cancelled(
    tools: Tools, queue: JobQueue, log: JobLog, client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is cancelled while a worker is about to record that it has failed."""
    asked, find = await queue.put("sync", {}, "cms"), JobLog.find
    await client.delete(f"arq:job:{asked.id}")
    answers = list[Record]()

    async def found(self: JobLog, job_id: str) -> Record | None:
        record = await find(self, job_id)
        if not answers:
            answers.append(await log.cancel(job_id, "ops"))
        return record

    monkeypatch.setattr(JobLog, "find", found)
    async with worker(tools):
        await eventually(lambda: is_empty(client))
    [answer], record = answers, await log.get(asked.id)
    assert answer.status in ("queued", record.status), "what has ended stays as it is"
    assert await client.exists(keys.lease(asked.id)) == 0


async def test_a_cancelled_job_that_runs_stops_at_its_next_safe_point_and_says_what_it_has_done(
    tools: Tools, queue: JobQueue, log: JobLog
) -> None:
    begun = asyncio.Event()

    async def step_by_step(tools: Tools, arguments: Any) -> dict[str, Any]:
        done = 0
        while not safe_points.reached():
            begun.set()
            await asyncio.sleep(0.01)
            done += 1
        return {"checked": done}

    async with worker(tools, describe=step_by_step):
        asked = await queue.put("describe", {}, "cms")
        await begun.wait()
        first, second = await asyncio.gather(log.cancel(asked.id, "ops"), log.cancel(asked.id, "ops"))
        assert (first.status, first.cancelled_by) == (second.status, second.cancelled_by) == ("running", "ops")
        assert await log.cancellers([asked.id, "another"]) == {asked.id: "ops"}
        record = await log.wait(asked.id, 10)
        await eventually(lambda: is_empty(tools.client))
    assert (record.status, record.attempts, record.error, record.cancelled_by) == ("cancelled", 1, None, "ops")
    assert record.result is not None
    assert record.result["checked"] > 0
    assert await log.canceller(asked.id) is None


async def test_a_job_that_has_no_safe_point_left_is_done_although_it_was_cancelled(
    tools: Tools, queue: JobQueue, log: JobLog
) -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    async def committed(tools: Tools, arguments: Any) -> dict[str, Any]:
        begun.set()
        await go.wait()
        return {"message": "restored"}

    async with worker(tools, restore_dump=committed):
        asked = await queue.put("restore_dump", {}, "cms")
        await begun.wait()
        assert (await log.cancel(asked.id, "ops")).status == "running"
        go.set()
        record = await log.wait(asked.id, 10)
    assert (record.status, record.cancelled_by) == ("done", None)
    assert await log.canceller(asked.id) is None


@pytest.mark.usefixtures("quick")
async def test_a_cancelled_job_that_fails_is_not_tried_again(tools: Tools, queue: JobQueue, log: JobLog) -> None:
    begun, go, runs = asyncio.Event(), asyncio.Event(), []

    async def failing(tools: Tools, arguments: Any) -> dict[str, Any]:
        runs.append(arguments)
        begun.set()
        await go.wait()
        raise StorageDown("It is away.")

    async with worker(tools, publish=failing):
        asked = await queue.put("publish", {}, "cms")
        await begun.wait()
        await log.cancel(asked.id, "ops")
        go.set()
        record = await log.wait(asked.id, 10)
        await eventually(lambda: is_empty(tools.client))
    assert (record.status, record.result, len(runs)) == ("cancelled", None, 1)


async def test_a_job_that_waits_for_its_next_attempt_is_cancelled_at_once(
    tools: Tools, queue: JobQueue, log: JobLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "_FIRST_PAUSE", 300)

    async def failing(tools: Tools, arguments: Any) -> dict[str, Any]:
        raise StorageDown("It is away.")

    async with worker(tools, publish=failing):
        asked = await queue.put("publish", {}, "cms")
        await eventually(lambda: is_in(log, asked.id, "retrying"))
        record = await log.cancel(asked.id, "ops")
        assert (record.status, record.retry_at) == ("cancelled", None)
        assert record.error is not None
        assert record.error["message"] == "It is away."


async def test_a_worker_that_is_told_to_stop_does_not_hand_a_cancelled_job_back(
    tools: Tools, queue: JobQueue, log: JobLog
) -> None:
    async def endless(tools: Tools, arguments: Any) -> dict[str, Any]:
        await asyncio.sleep(60)
        return {}

    async with worker(tools, publish=endless):
        asked = await queue.put("publish", {}, "cms")
        await eventually(lambda: is_in(log, asked.id, "running"))
        await log.cancel(asked.id, "ops")
    assert (await log.get(asked.id)).status == "cancelled"


async def test_a_job_is_cancelled_although_its_worker_is_killed_meanwhile(
    server: RedisServer, tools: Tools, queue: JobQueue, log: JobLog, tmp_path: Path
) -> None:
    asked = await queue.put("publish", {}, "cms")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.processes.worker", server.url, str(tmp_path), "hang"), env=dict(os.environ)
    )
    await eventually(lambda: is_in(log, asked.id, "running"), 20)
    assert (await log.cancel(asked.id, "ops")).status == "running"
    process.send_signal(signal.SIGKILL)
    await process.wait()

    async def never(tools: Tools, arguments: Any) -> dict[str, Any]:
        raise AssertionError("It began again.")

    async with worker(tools, publish=Job(never, 60, 3, alone=True)):
        record = await log.wait(asked.id, 25)
        await eventually(lambda: is_empty(tools.client))
    assert (record.status, record.attempts, record.cancelled_by) == ("cancelled", 1, "ops")


async def test_a_cancelled_action_stops_between_two_entries_and_gives_its_place_to_another(
    tools: Tools, queue: JobQueue, log: JobLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(tools.client, many(50))
    raws = await tools.client.hvals(keys.ENTRIES)
    names = sorted(entry_json.read(raw).unique_name for raw in raws)
    lists = ActionLists(tools.client)
    list_id = await lists.make([Item(name) for name in names])
    reached, asks = safe_points.reached, iter(range(100))

    def some_later() -> bool:
        if next(asks) < 20:
            return False
        run = safe_points._run.get()
        assert run is not None
        run.is_cancelled = True
        return reached()

    monkeypatch.setattr(safe_points, "reached", some_later)
    given = {"action": "delete", "list_id": list_id}
    async with worker(tools):
        asked = await queue.put(kinds.ACT, given, "cms")
        record = await log.wait(asked.id, 30)
    assert record.status == "cancelled"
    assert record.result is not None
    done = record.result["done_count"]
    assert 0 < done < 50
    assert await tools.entries.count() == 50 - done, "What it says is what it has done."
    assert await tools.client.zcard(keys.ACTIONS) == 0
    ended = await lists.progress(list_id)
    assert ended is not None
    assert ended.at == done


async def test_a_cancelled_action_that_waits_gives_its_place_to_another(
    tools: Tools, queue: JobQueue, log: JobLog
) -> None:
    lists = ActionLists(tools.client)
    list_id = await lists.make([Item("/DEV/a.webp")])
    asked = await queue.put(kinds.ACT, {"action": "delete", "list_id": list_id}, "cms")
    await log.cancel(asked.id, "cms")
    async with worker(tools):
        await eventually(lambda: is_empty(tools.client))
    assert await tools.client.zcard(keys.ACTIONS) == 0
    assert await lists.progress(list_id) == action_lists.Progress(1)


@pytest.mark.parametrize(
    ("name", "given"),
    [("sync", {}), ("publish", {}), ("describe", {}), ("reduce", {})],
)
async def test_a_job_that_is_cancelled_before_its_first_safe_point_changes_nothing(
    tools: Tools, name: str, given: dict[str, Any]
) -> None:
    await fill(tools.client, many(5))
    before = await tools.client.hgetall(keys.ENTRIES)

    async def cancelled() -> bool:
        return True

    async with safe_points.watched(cancelled) as run:
        run.is_cancelled = True
        with suppress(safe_points.Cancelled):
            await JOBS[name].run(tools, kinds.parse(name, given))
    assert run.stops
    assert await tools.client.hgetall(keys.ENTRIES) == before
    assert await tools.dumps.kept() == []


async def test_a_run_that_was_taken_for_dead_writes_nothing_any_more(
    tools: Tools, queue: JobQueue, log: JobLog
) -> None:
    go = asyncio.Event()

    async def held(tools: Tools, arguments: Any) -> dict[str, Any]:
        await go.wait()
        return {"by": "the first"}

    async with worker(tools, publish=held):
        asked = await queue.put("publish", {}, "cms")
        await eventually(lambda: is_in(log, asked.id, "running"))
        # As when its process was frozen, and another one has taken the job and ended it.
        await tools.client.set(keys.lease(asked.id), "another run")
        other = Record(**{**vars_of(await log.get(asked.id)), "status": "done", "result": {"by": "the second"}})
        assert await log.note(other, "another run")
        go.set()
        await eventually(lambda: is_empty(tools.client))
    assert (await log.get(asked.id)).result == {"by": "the second"}


def vars_of(record: Record) -> dict[str, Any]:
    return {name: getattr(record, name) for name in Record.__dataclass_fields__}


async def test_the_queue_holds_json_and_what_is_no_job_ends_on_record(tools: Tools, client: Redis, log: JobLog) -> None:
    other = await create_pool(
        ArqSettings.from_dsn(tools.settings.redis_address),
        default_queue_name=keys.QUEUE,
        job_serializer=encode,
        job_deserializer=decode,
    )
    job = await other.enqueue_job("expire", _job_id="fine")
    assert job is not None
    raw = await client.get("arq:job:fine")
    assert raw is not None
    assert orjson.loads(raw)["f"] == "expire"
    await other.enqueue_job("bake", _job_id="unknown")
    await other.enqueue_job("sync", "positional", _job_id="positional")
    await other.enqueue_job("restore_dump", filename="../etc/passwd", _job_id="bad-name")
    await client.set("arq:job:pickled", b"\x80\x04K\x01.", ex=60)
    await client.zadd(keys.QUEUE, {"pickled": 1, "gone": 1})
    async with worker(tools):
        for job_id, error in (
            ("unknown", "unreadable"),
            ("positional", "bad_request"),
            ("bad-name", "no_dump_name"),
            ("pickled", "unreadable"),
            ("gone", "unreadable"),
        ):
            await eventually(lambda job_id=job_id: is_in(log, job_id, "failed"))  # type: ignore[misc]
            record = await log.get(job_id)
            assert record.error is not None
            assert record.error["code"] == error, record
        assert (await job.result(timeout=10))["expired_count"] == 0
        record = await log.get("fine")
        assert (record.status, record.asked_by) == ("done", "queue")
    await other.aclose(close_connection_pool=True)


@pytest.mark.parametrize(
    ("name", "given", "error"),
    [
        ("bake", {}, NotFound),
        ("sync", {"dry_run": "yes"}, BadRequest),
        ("sync", {"max_percent": 101}, BadRequest),
        ("sync", {"max_percent": float("nan")}, BadRequest),
        ("sync", {"force": True}, BadRequest),
        ("expire", {"dry_run": True}, BadRequest),
        ("restore_dump", {"filename": 1}, BadRequest),
        ("restore_dump", {"filename": "dump_1.csv"}, NoDumpName),
    ],
)
async def test_what_cannot_be_a_job_is_not_put_into_the_queue(
    queue: JobQueue, client: Redis, name: str, given: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await queue.put(name, given, "cms")
    assert await client.keys("*") == []
