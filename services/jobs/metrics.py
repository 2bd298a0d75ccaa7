"""What the jobs worker measures besides core.observing.metrics: purges, jobs, and the state in Redis."""

import time
from collections.abc import Iterable

from prometheus_client import Counter, Gauge, Histogram

from services.core.state import keys
from services.core.state.connection import Redis
from services.core.webhooks.registry import Registry
from services.jobs.warm.forms import Outcome

WEBHOOK_STATES = ("active", "paused", "gone")
_LAG = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600)
_LONG = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600)
DROPPED = "dropped"
"""What is not asked for, because too much waits. Answers have the other results of WARMED."""

PURGES = Counter(
    "tada_purges_total",
    "Changes that every reachable node of the gateway has. Results: done, queued (a node is away, and gets "
    "them when it is back). Each worker sees all changes.",
    ["result"],
)
PURGE_LAG = Histogram("tada_purge_lag_seconds", "From a change until all nodes have it.", buckets=_LAG)
CDN_PURGES = Counter(
    "tada_cdn_purges_total",
    "Calls of this worker that purge a CDN. Results: done, limited (it allows no more calls now), refused (a token or "
    "a setting is wrong), failed. All but done are repeated.",
    ["cdn", "result"],
)
CDN_LAG = Histogram("tada_cdn_lag_seconds", "From a change until a CDN was purged of it.", ["cdn"], buckets=_LAG)
CDN_CHANGES = Gauge("tada_cdn_changes_pending", "Changes for which a CDN is still to be purged, up to 1000.", ["cdn"])
CDN_OLDEST = Gauge("tada_cdn_oldest_seconds", "Age of the oldest of them; 0 if there is none.", ["cdn"])
NODES = Gauge("tada_gateway_nodes", "Nodes of the gateway. States: current, away.", ["state"])
RESETS = Counter(
    "tada_gateway_resets_total", "Nodes that had to start cold, because the log does not reach back to their position."
)

JOBS = Counter(
    "tada_jobs_total",
    "Runs of jobs. Results: done, stopped (on purpose, to prevent harm), failed, retrying, interrupted (handed back).",
    ["kind", "result"],
)
JOB_SECONDS = Histogram("tada_job_duration_seconds", "Time of a run.", ["kind"], buckets=_LONG)
JOB_LAG = Histogram(
    "tada_job_lag_seconds", "Time from the request for a job to the start of a run.", ["kind"], buckets=_LONG
)
JOB_SUCCESS = Gauge(
    "tada_job_last_success_timestamp_seconds", "When this worker last ended a job successfully; 0 if never.", ["kind"]
)
JOB_STOP = Gauge(
    "tada_job_last_stop_timestamp_seconds",
    "When this worker last stopped a job on purpose; 0 if never.",
    ["kind"],
)

REDUCTIONS_MADE = Counter(
    "tada_reductions_total",
    "Reductions of pictures that this worker has stored. Results: made, late (the picture was replaced meanwhile).",
    ["result"],
)
WARMED = Counter(
    "tada_warmed_total",
    "Renditions that this worker has asked the edge for before visitors do (WARM), at each node. Results: made, there "
    "(in the cache already), refused, busy (given up after several times), away (the node), dropped (too many wait).",
    ["result"],
)
WARM_WAITING = Gauge(
    "tada_warm_waiting", "Assets that wait until this worker warms them, by what for: upload, job.", ["reason"]
)
RESUMABLE_ENDED = Counter(
    "tada_resumable_ended_total", "Resumable uploads that this worker has ended: their time was over, or was up before."
)
RESUMABLE_OPEN = Gauge("tada_resumable_open", "Resumable uploads that are open.")
RESUMABLE_RESERVED = Gauge("tada_resumable_reserved_bytes", "Bytes that are reserved for open resumable uploads.")
WEBHOOK_DELIVERIES = Counter(
    "tada_webhook_deliveries_total",
    "Ends of attempts to send an event to a webhook, by this worker. Results: delivered, again (it failed, and is made "
    "again later), dead (given up, or no room: a dead letter).",
    ["result"],
)
WEBHOOK_SECONDS = Histogram("tada_webhook_duration_seconds", "Time of an attempt to send an event.", buckets=_LONG)
WEBHOOKS = Gauge("tada_webhooks", "Webhooks. States: active, paused, gone (the receiver has answered so).", ["state"])
WEBHOOK_WAITING = Gauge("tada_webhook_waiting", "Events that wait for webhooks.")
WEBHOOK_OLDEST = Gauge(
    "tada_webhook_oldest_seconds", "Age of the oldest event that waits for an active webhook; 0 if there is none."
)
WEBHOOK_DEAD = Gauge("tada_webhook_dead_letters", "Dead letters of all webhooks.")
REDUCTIONS = Gauge("tada_catalog_reductions", "Pictures of the catalog that have a reduction.")
VERSIONS = Gauge("tada_catalog_versions", "Earlier versions of assets that can be brought back.")
TRASH = Gauge("tada_catalog_trash", "Deleted assets that can be brought back.")
MOVED = Gauge("tada_catalog_moved", "Assets that were moved, and are reached from where they were.")
ENTRIES = Gauge("tada_catalog_entries", "Entries of the catalog.")
LOST = Gauge("tada_catalog_lost", "1 while the catalog is empty although there are files, or dumps with entries.")
CHANGES = Gauge("tada_changes_pending", "Changes that at least one node of the gateway lacks.")
OLDEST_CHANGE = Gauge("tada_changes_oldest_seconds", "Age of the oldest change that a node lacks; 0 if there is none.")
CLAIMS = Gauge("tada_claims", "Objects of the storage that are being written, or that wait to be deleted.")
QUEUED = Gauge("tada_jobs_queued", "Jobs in the queue, including running ones.")


def prepare(jobs: list[str], cdns: Iterable[str]) -> None:
    """Show jobs that have not run yet, too: an alert cannot notice a series that never existed."""
    for job in jobs:
        for result in ("done", "stopped", "failed", "cancelled", "retrying", "interrupted"):
            JOBS.labels(job, result)
        JOB_SECONDS.labels(job)
        JOB_LAG.labels(job)
        JOB_SUCCESS.labels(job)
        JOB_STOP.labels(job)
    for cdn in cdns:
        for result in ("done", "limited", "refused", "failed"):
            CDN_PURGES.labels(cdn, result)
        for figure in (CDN_LAG, CDN_CHANGES, CDN_OLDEST):
            figure.labels(cdn)
    for result in ("done", "queued"):
        PURGES.labels(result)
    for result in ("made", "late"):
        REDUCTIONS_MADE.labels(result)
    for result in (*Outcome, DROPPED):
        WARMED.labels(result)
    for reason in ("upload", "job"):
        WARM_WAITING.labels(reason)
    for state in ("current", "away"):
        NODES.labels(state)
    for result in ("delivered", "again", "dead"):
        WEBHOOK_DELIVERIES.labels(result)
    for state in WEBHOOK_STATES:
        WEBHOOKS.labels(state)


async def sample(client: Redis) -> None:
    """Look up the state in Redis, in one round trip; without Redis these metrics are unknown (NaN)."""
    gauges = (ENTRIES, REDUCTIONS, VERSIONS, TRASH, MOVED, CLAIMS, QUEUED, RESUMABLE_OPEN)
    for gauge in (*gauges, RESUMABLE_RESERVED):
        gauge.set(float("nan"))
    async with client.pipeline(transaction=False) as pipeline:
        pipeline.hlen(keys.ENTRIES)
        pipeline.hlen(keys.REDUCTIONS)
        pipeline.zcard(keys.VERSIONS)
        pipeline.zcard(keys.TRASH)
        pipeline.hlen(keys.OLD_PATHS)
        pipeline.hlen(keys.CLAIMS)
        pipeline.zcard(keys.QUEUE)
        pipeline.zcard(keys.RESUMABLE)
        pipeline.hvals(keys.RESUMABLE_LENGTHS)
        *found, lengths = await pipeline.execute()
    RESUMABLE_RESERVED.set(sum(map(int, lengths)))
    for gauge, count in zip(gauges, found, strict=True):
        gauge.set(count)


async def sample_webhooks(registry: Registry) -> None:
    """Look up how the webhooks are; without Redis these metrics are unknown (NaN)."""
    gauges = (*map(WEBHOOKS.labels, WEBHOOK_STATES), WEBHOOK_WAITING, WEBHOOK_OLDEST, WEBHOOK_DEAD)
    for gauge in gauges:
        gauge.set(float("nan"))
    counts, waiting, oldest, dead, now = dict.fromkeys(WEBHOOK_STATES, 0), 0, 0.0, 0, time.time()
    for webhook in await registry.all():
        state = await registry.waiting(webhook.id).state()
        kind = "gone" if state.gone else "active" if webhook.active else "paused"
        counts[kind] += 1
        waiting += state.waiting
        dead += state.dead_letters
        if kind == "active" and state.oldest:
            oldest = max(oldest, now - state.oldest)
    for gauge, value in zip(gauges, (*counts.values(), waiting, oldest, dead), strict=True):
        gauge.set(value)
