"""Wiring of the jobs service: the distributor, the describer and the arq worker side by side, until told to stop."""

import asyncio
import logging
import signal
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any

from redis.exceptions import RedisError

from services.core import descriptors
from services.core.assets.cache_tags import CacheTags
from services.core.assets.retired import NO_UNDO
from services.core.dumps.naming import DumpStore
from services.core.dumps.stores import open_dumps
from services.core.jobs.log import JobLog
from services.core.jobs.queue import JobQueue
from services.core.observing import logs, origin
from services.core.outward.client import Outward
from services.core.probes.health import of_writer
from services.core.probes.internal import Internal
from services.core.probes.pulse import Pulse
from services.core.probes.reports import Reporter
from services.core.state import cancellation, connection
from services.core.state.belonging import Belonging
from services.core.state.changes import ChangeLog
from services.core.state.claims import Claims
from services.core.state.doubts import Doubts
from services.core.state.entries import Entries
from services.core.state.process import Process
from services.core.state.progress import Progress
from services.core.state.questions import keep_answering
from services.core.state.reaper import Reaper
from services.core.state.reductions import Reductions
from services.core.state.resumable import ResumableUploads
from services.core.state.retired import RetiredObjects
from services.core.state.stale_claims import StaleClaims
from services.core.storage import Storage, open_storage
from services.core.webhooks.registry import Registry
from services.jobs import metrics
from services.jobs.cdn import figures
from services.jobs.cdn.purger import Purger
from services.jobs.cdn.targets import targets
from services.jobs.describe.describer import Describer, Sight, consumer
from services.jobs.describe.reducer import Reducer
from services.jobs.describe.upgrade import ask_for_reductions
from services.jobs.dumps.initial import restore_on_init
from services.jobs.purge.caches import Caches
from services.jobs.purge.distribution import Distributor
from services.jobs.purge.node import GatewayNode
from services.jobs.purge.upgrade import keep_adopting
from services.jobs.queue import schedule
from services.jobs.queue.kinds import JOBS, Tools
from services.jobs.queue.worker import make_worker
from services.jobs.settings import JobsSettings
from services.jobs.upkeep.older_entries import keep_naming
from services.jobs.upkeep.resumable import keep_ending
from services.jobs.upkeep.watch import keep_watching
from services.jobs.warm.edge import Edge
from services.jobs.warm.warmer import Warmer
from services.jobs.webhooks.courier import Courier
from services.jobs.webhooks.sending import Sender

log = logging.getLogger(__name__)

_RESTART_SECONDS = 1
_PULSE_SECONDS = 20
"""A worker that has not checked for jobs for so long hangs. Each attempt may wait for Redis for half of that time."""


async def run(settings: JobsSettings) -> None:
    """Purge and run jobs until SIGTERM or SIGINT."""
    descriptors.raise_limit()
    client = connection.connect(settings.redis_address)
    process, entries, storage = Process(client), Entries(client, settings.undo), open_storage(settings)
    cdns = targets(settings)
    cdn_names = [cdn.name for cdn in cdns]
    metrics.prepare(list(JOBS), cdn_names)
    pulse = Pulse(_PULSE_SECONDS)
    belonging = Belonging(client, storage)
    asked = of_writer(client, storage, belonging)
    internal = Internal(
        "jobs",
        settings,
        asked,
        [
            partial(metrics.sample, client),
            partial(metrics.sample_webhooks, Registry(client)),
            partial(figures.sample, client, cdn_names),
        ],
        pulse,
    )
    await internal.open()
    await storage.open()
    await belonging.begin()
    dumps = open_dumps(settings, storage)
    dumps.prepare()
    await dumps.open()
    connect = partial(GatewayNode, token=settings.purge_token.get_secret_value())
    distributor = Distributor(client, [*settings.nginx_service, *settings.nginx_edge_service], connect)
    caches = Caches(distributor, settings.nginx_edge_service, connect, list(map(str, settings.warm_forms)))
    expressions = schedule.schedule(settings)
    told = partial(_planned, expressions)
    reporter = Reporter(client, settings.service, process.name, asked, settings.data_folder_path, told)
    progress = Progress(client)
    claims, doubts = Claims(client, process), Doubts(client)
    reaper = Reaper(claims, StaleClaims(client, process, claims), doubts, entries, storage)
    reducer = Reducer(Reductions(client, claims), claims, process, reaper, storage, settings.reduction_side)
    sight = Sight(entries, storage, reducer)
    edge = Edge(
        settings.nginx_edge_service,
        settings.api_prefix + settings.route_file_get,
        settings.purge_token.get_secret_value(),
    )
    warmer = Warmer(entries, ChangeLog(client), progress, edge, settings.warm_forms)
    retired, outward = RetiredObjects(client), Outward(settings.outward)
    sender = Sender(outward, settings.webhooks_timeout_seconds, settings.webhooks_secrets)
    courier = Courier(client, settings.webhooks, progress.purged, sender.post, settings.webhooks_retry_seconds)
    tools = Tools(
        *(settings, client, process, entries, retired, claims, doubts, reaper, storage, dumps, reducer, sight),
        *(progress, warmer, sender.post),
    )
    purgers = [Purger(client, cdn, CacheTags(settings.cdn_tags), progress) for cdn in cdns]
    jobs = JobLog(client)
    queue = JobQueue(client, jobs)
    describer = Describer(entries, ChangeLog(client), sight, queue, warmer)
    try:
        async with process.alive(), reporter.reporting(), progress.following(), asyncio.TaskGroup() as group:
            work = [
                group.create_task(distributor.run()),
                group.create_task(keep_answering(client, caches.answer)),
                group.create_task(keep_adopting(client)),
                group.create_task(keep_naming(client)),
                group.create_task(ask_for_reductions(entries, reducer, queue, jobs)),
                group.create_task(consumer(client, process, describer).run()),
                group.create_task(warmer.run()),
                group.create_task(courier.run()),
                *(group.create_task(purger.run()) for purger in purgers),
                group.create_task(_run_jobs(tools, pulse)),
                group.create_task(belonging.keep()),
                group.create_task(keep_watching(tools)),
                group.create_task(keep_ending(ResumableUploads(client, storage), storage)),
                group.create_task(schedule.keep(queue, expressions)),
            ]
            if settings.restore_on_init:
                work.append(group.create_task(_restore(client, process, dumps, storage, settings)))
            internal.started = True
            await _told_to_stop()
            await cancellation.end(work)
    finally:
        sight.close()
        edge.close()
        outward.close()
        for cdn in cdns:
            await cdn.close()
        await internal.close()
        await dumps.close()
        await storage.close()
        await client.aclose()


def _planned(expressions: Mapping[str, str]) -> dict[str, Any]:
    """Return what only a worker can report: when which job runs by itself."""
    now = datetime.now(UTC)
    return {
        "schedule": {
            name: {"cron": expression, "next": schedule.next_due(expression, now).timestamp()}
            for name, expression in expressions.items()
        }
    }


async def _restore(
    client: connection.Redis, process: Process, dumps: DumpStore, storage: Storage, settings: JobsSettings
) -> None:
    filename, skip_invalid = settings.dump_file_name_on_init, settings.restore_skip_invalid
    retired_in = storage if settings.undo != NO_UNDO else None
    with origin.acting_as(origin.of_job("restore_dump")):
        await restore_on_init(client, process, dumps, filename, skip_invalid=skip_invalid, retired_in=retired_in)


async def _told_to_stop() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()


async def _run_jobs(tools: Tools, pulse: Pulse) -> None:
    """Run the arq worker. It ends if Redis goes away, and is then started again: the process stays."""
    while not cancellation.is_cancelled():
        client = connection.connect(tools.settings.redis_address)
        worker = make_worker(client, tools, pulse)
        try:
            await worker.async_run()
        except (RedisError, OSError) as error:
            logs.event(log, logging.WARNING, "jobs_interrupted", error=str(error))
            pulse.beat()
        finally:
            with suppress(RedisError, OSError, asyncio.CancelledError):
                await worker.close()
            await client.aclose()
        await asyncio.sleep(_RESTART_SECONDS)
