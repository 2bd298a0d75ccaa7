"""What each job does, what it needs and how long it may take. core/jobs/kinds.py has names and arguments."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from services.core.assets.entries import timestamp
from services.core.assets.retired import NO_UNDO
from services.core.dumps.naming import DumpStore
from services.core.jobs.action_lists import ActionLists
from services.core.jobs.kinds import (
    ActArguments,
    Arguments,
    CreateDumpArguments,
    EmptyTrashArguments,
    ReduceArguments,
    RestoreArguments,
    SyncArguments,
    WarmArguments,
    WebhookArguments,
)
from services.core.jobs.log import KEPT_SECONDS as JOB_KEPT_SECONDS
from services.core.state.changes import ChangeLog, number_of
from services.core.state.claims import Claims
from services.core.state.connection import Redis
from services.core.state.doubts import Doubts
from services.core.state.entries import Entries
from services.core.state.leftovers import Leftovers
from services.core.state.moving import OldPaths
from services.core.state.process import Process
from services.core.state.progress import Progress
from services.core.state.reaper import Reaper
from services.core.state.retired import RetiredObjects
from services.core.storage import Storage
from services.core.webhooks.held import TEST, Attempt, Held
from services.core.webhooks.registry import Registry
from services.jobs.act import Act
from services.jobs.describe.describer import Sight, describe_all
from services.jobs.describe.reduce import ReduceAll
from services.jobs.describe.reducer import Reducer
from services.jobs.describe.sweep import sweep
from services.jobs.dumps import creation, restore
from services.jobs.settings import JobsSettings
from services.jobs.upkeep import checkup
from services.jobs.upkeep.empty_trash import empty_trash, forget_old_paths
from services.jobs.upkeep.expire import expire
from services.jobs.upkeep.sync import NAMED_MAX, sync
from services.jobs.warm.job import WarmAll
from services.jobs.warm.warmer import Warmer
from services.jobs.webhooks.delivery import Post

PURGE_SECONDS = 20
"""How long a restore or an action waits until no cache serves the old catalog."""

Result = dict[str, Any]
STOPPED = "stopped"
"""The field of a result that is not None if a job has stopped on purpose before it did its work."""


@dataclass(frozen=True, slots=True)
class Tools:
    """The resources of jobs."""

    settings: JobsSettings
    client: Redis
    process: Process
    entries: Entries
    retired: RetiredObjects
    claims: Claims
    doubts: Doubts
    reaper: Reaper
    storage: Storage
    dumps: DumpStore
    reducer: Reducer
    sight: Sight
    progress: Progress
    warmer: Warmer
    post: Post


@dataclass(frozen=True, slots=True)
class Job:
    """How a job is run. `attempts` are for failures that may pass, `alone` is for jobs that disturb each other.

    `given_up` is called with its arguments, as they were sent, after it has failed for good. It may be called again.
    """

    run: Callable[[Tools, Any], Awaitable[Result]]
    seconds: float
    attempts: int
    alone: bool
    given_up: Callable[[Tools, Mapping[str, Any]], Awaitable[None]] | None = None


async def _sync(tools: Tools, arguments: SyncArguments) -> Result:
    limit = arguments.max_percent
    if limit is None:
        limit = tools.settings.sync_remove_max_percent
    found = await sync(
        tools.entries, tools.claims, tools.doubts, tools.storage, dry_run=arguments.dry_run, max_percent=limit
    )
    if not arguments.dry_run and found.stopped is None:
        await sweep(tools.entries, tools.reducer, tools.claims, tools.storage)
    return found.answer()


async def _publish(tools: Tools, arguments: Arguments) -> Result:
    return await _create_dump(tools, CreateDumpArguments())


async def _create_dump(tools: Tools, arguments: CreateDumpArguments) -> Result:
    settings, (stem, kinds) = tools.settings, arguments.chosen
    made = await creation.create_dump(
        settings.redis_address,
        tools.client,
        tools.process,
        tools.dumps,
        settings.dumps_kept,
        settings.addresses,
        stem=stem,
        kinds=kinds,
    )
    return {**made.answer(), "source": tools.dumps.backend.source, "pruned": list(made.pruned)}


async def _restore_dump(tools: Tools, arguments: RestoreArguments) -> Result:
    choice = restore.Choice(arguments.dry_run, arguments.skip_invalid)
    restored = await restore.restore_dump(
        tools.client,
        tools.process,
        tools.dumps,
        arguments.filename,
        choice,
        retired_in=tools.storage if tools.settings.undo != NO_UNDO else None,
    )
    result = {
        **restored.answer(choice),
        "completed": restored.completed,
        "renamed": restored.renamed,
        "retired_count": restored.retired,
        "fallback": restored.fallback,
    }
    if restored.commit is not None:
        result["purged"] = await tools.progress.purged(restored.commit.number, PURGE_SECONDS)
    return result


async def _expire(tools: Tools, arguments: Arguments) -> Result:
    expired = await expire(tools.entries)
    return {
        "expired_count": len(expired),
        "expired": [
            {"uuid": entry.uuid, "unique_name": entry.unique_name, "reason": f"expired {entry.expiration_date}"}
            for entry in expired[:NAMED_MAX]
        ],
    }


async def _empty_trash(tools: Tools, arguments: EmptyTrashArguments) -> Result:
    now, dry_run = time.time(), arguments.dry_run
    emptied = await empty_trash(
        tools.retired,
        tools.entries,
        tools.reaper,
        tools.settings.undo,
        now,
        up_to=int(arguments.up_to or 0),
        dry_run=dry_run,
    )
    old_paths, days = OldPaths(tools.client), tools.settings.moved_days
    emptied.old_paths = await forget_old_paths(old_paths, days, now, dry_run=dry_run)
    return emptied.answer()


async def _describe(tools: Tools, arguments: Arguments) -> Result:
    found = await describe_all(tools.entries, ChangeLog(tools.client), tools.sight)
    return found.answer()


async def _reduce(tools: Tools, arguments: ReduceArguments) -> Result:
    run = ReduceAll(
        tools.entries,
        ChangeLog(tools.client),
        tools.claims,
        tools.sight,
        tools.reducer,
        tools.storage,
        whole=arguments.verify,
    )
    return (await run.run()).answer()


async def _warm(tools: Tools, arguments: WarmArguments) -> Result:
    run = WarmAll(tools.entries, ChangeLog(tools.client), tools.sight, tools.warmer, arguments.folder, arguments.uuid)
    return (await run.run()).answer()


async def _doctor(tools: Tools, arguments: Arguments) -> Result:
    found = await checkup.system(tools.client, tools.settings)
    return {"wrong_count": sum(bool(finding["mend"]) for finding in found), "findings": found}


async def _test_webhook(tools: Tools, arguments: WebhookArguments) -> Result:
    webhook = await Registry(tools.client).get(arguments.webhook)
    answer = await tools.post(webhook, Held.own(TEST, time.time_ns() // 1000))
    attempt = Attempt.of(timestamp(), TEST, answer.status, answer.text)
    return {"delivered": answer.is_success, "status": attempt.status, "text": attempt.text}


async def _act(tools: Tools, arguments: ActArguments) -> Result:
    leftovers = Leftovers(tools.reaper)
    change = arguments.change if arguments.action == "change" else None
    run = Act(
        *(tools.entries, ChangeLog(tools.client), leftovers, ActionLists(tools.client), arguments.list_id, change)
    )
    try:
        progress = await run.run()
    finally:
        await leftovers.close()
    last = number_of(await tools.entries.revision())
    return {"action": arguments.action, **progress.answer(), "purged": await tools.progress.purged(last, PURGE_SECONDS)}


async def _give_up_act(tools: Tools, given: Mapping[str, Any]) -> None:
    """Let the next action begin. What was done is known for as long as the job."""
    await ActionLists(tools.client).end(str(given.get("list_id")), JOB_KEPT_SECONDS)


# Somebody waits for create_dump and restore_dump, so they fail soon. The daily jobs wait longer for a storage.
JOBS: Mapping[str, Job] = {
    "sync": Job(_sync, seconds=6 * 3600, attempts=8, alone=True),
    "publish": Job(_publish, seconds=3600, attempts=8, alone=True),
    "expire": Job(_expire, seconds=3600, attempts=8, alone=False),
    "empty_trash": Job(_empty_trash, seconds=6 * 3600, attempts=8, alone=False),
    # At five pictures a second, this is enough for 400 000.
    "describe": Job(_describe, seconds=24 * 3600, attempts=8, alone=False),
    "reduce": Job(_reduce, seconds=24 * 3600, attempts=8, alone=False),
    "warm": Job(_warm, seconds=24 * 3600, attempts=8, alone=False),
    "act": Job(_act, seconds=24 * 3600, attempts=8, alone=False, given_up=_give_up_act),
    "doctor": Job(_doctor, seconds=600, attempts=1, alone=False),
    "test_webhook": Job(_test_webhook, seconds=120, attempts=1, alone=False),
    "create_dump": Job(_create_dump, seconds=3600, attempts=3, alone=True),
    "restore_dump": Job(_restore_dump, seconds=3600, attempts=3, alone=True),
}
