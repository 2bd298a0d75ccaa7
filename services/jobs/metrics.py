"""What the jobs worker measures on top of core.metrics: purges, jobs, and what lies in Redis."""

import time
from collections.abc import Sequence

from prometheus_client import Counter, Gauge, Histogram

from services.core import keys
from services.core.queue import QUEUE
from services.core.redis import Redis

_LAG = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600)
_LONG = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600)

PURGES = Counter(
    "tada_purges_total",
    "Purges for a change. Results: done, missed (a node was away, and makes up for it), delayed (tried again).",
    ["result"],
)
PURGE_LAG = Histogram("tada_purge_lag_seconds", "From a change to the end of its purge.", buckets=_LAG)
PURGED_KEYS = Counter("tada_purged_keys_total", "Cache keys that were purged from both tiers for a change.")
REPEATS = Counter("tada_purge_repeats_total", "Purges that were repeated.")

JOBS = Counter(
    "tada_jobs_total", "Runs of jobs. Results: done, failed, retrying, interrupted (handed back).", ["kind", "result"]
)
JOB_SECONDS = Histogram("tada_job_duration_seconds", "Time of a run.", ["kind"], buckets=_LONG)
JOB_LAG = Histogram("tada_job_lag_seconds", "From asking for a job to the begin of a run.", ["kind"], buckets=_LONG)
JOB_SUCCESS = Gauge(
    "tada_job_last_success_timestamp_seconds", "When this worker last ended a job well; 0 if it never has.", ["kind"]
)

ENTRIES = Gauge("tada_catalog_entries", "Entries of the catalog.")
CHANGES = Gauge("tada_changes_pending", "Changes whose caches are still to be purged.")
OLDEST_CHANGE = Gauge("tada_changes_oldest_seconds", "Age of the oldest of them; 0 without any.")
CLAIMS = Gauge("tada_claims", "Objects of the storage that are being written, or that wait to be deleted.")
AGAIN = Gauge("tada_purge_repeats_pending", "Purges that are still to be repeated.")
MISSED = Gauge("tada_purges_missed", "Cache keys that nodes which are away have still to purge.")
QUEUED = Gauge("tada_jobs_queued", "Jobs in the queue, those that run among them.")

GATEWAY = Counter(
    "tada_gateway_sampled_requests_total",
    "Requests to nginx, one in ten, picked at random. Tiers: edge, cache (the cache tier), entry (the internal one). "
    "Cache: hit, updating and stale and revalidated (served from the cache), miss, expired, bypass, none (not for "
    "a cache).",
    ["tier", "cache", "status"],
)


def age_of(change_id: str, now: float) -> float:
    """Return the seconds since a change was made: its id begins with the milliseconds since the epoch."""
    return max(0.0, now - int(change_id.partition("-")[0]) / 1000)


def prepare(jobs: list[str]) -> None:
    """Show jobs that have not run yet, too: what has never been there cannot be missed."""
    for job in jobs:
        for result in ("done", "failed", "retrying", "interrupted"):
            JOBS.labels(job, result)
        JOB_SECONDS.labels(job)
        JOB_LAG.labels(job)
        JOB_SUCCESS.labels(job)
    for result in ("done", "missed", "delayed"):
        PURGES.labels(result)


async def sample(client: Redis, nodes: Sequence[str]) -> None:
    """Look up what lies in Redis, in one round trip; without it these metrics are unknown (NaN)."""
    gauges = (ENTRIES, CHANGES, CLAIMS, AGAIN, QUEUED)
    for gauge in (*gauges, OLDEST_CHANGE, MISSED):
        gauge.set(float("nan"))
    async with client.pipeline(transaction=False) as pipeline:
        pipeline.hlen(keys.ENTRIES)
        pipeline.xlen(keys.CHANGES)
        pipeline.hlen(keys.CLAIMS)
        pipeline.zcard(keys.AGAIN)
        pipeline.zcard(QUEUE)
        pipeline.xrange(keys.CHANGES, count=1)
        for node in nodes:
            pipeline.zcard(keys.missed(node))
        found = await pipeline.execute()
    for gauge, count in zip(gauges, found, strict=False):
        gauge.set(count)
    oldest = found[len(gauges)]
    MISSED.set(sum(found[len(gauges) + 1 :]))
    OLDEST_CHANGE.set(age_of(oldest[0][0].decode(), time.time()) if oldest else 0)
