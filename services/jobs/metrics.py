"""What the jobs worker measures on top of core.observing.metrics: purges, jobs, and what lies in Redis."""

from prometheus_client import Counter, Gauge, Histogram

from services.core.state import keys
from services.core.state.connection import Redis

_LAG = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600)
_LONG = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600)

PURGES = Counter(
    "tada_purges_total",
    "Changes that every node of the gateway has which can be reached. Results: done, queued (a node is away, and gets "
    "them when it is back). Each worker sees all changes.",
    ["result"],
)
PURGE_LAG = Histogram("tada_purge_lag_seconds", "From a change until all nodes have it.", buckets=_LAG)
NODES = Gauge("tada_gateway_nodes", "Nodes of the gateway. States: current, away.", ["state"])
RESETS = Counter("tada_gateway_resets_total", "Nodes that had to start cold, as the log does not reach back to them.")

JOBS = Counter(
    "tada_jobs_total",
    "Runs of jobs. Results: done, stopped (on purpose, as it looked like harm), failed, retrying, interrupted (handed "
    "back).",
    ["kind", "result"],
)
JOB_SECONDS = Histogram("tada_job_duration_seconds", "Time of a run.", ["kind"], buckets=_LONG)
JOB_LAG = Histogram("tada_job_lag_seconds", "From asking for a job to the begin of a run.", ["kind"], buckets=_LONG)
JOB_SUCCESS = Gauge(
    "tada_job_last_success_timestamp_seconds", "When this worker last ended a job well; 0 if it never has.", ["kind"]
)
JOB_STOP = Gauge(
    "tada_job_last_stop_timestamp_seconds",
    "When this worker last stopped a job on purpose; 0 if it never has.",
    ["kind"],
)

ENTRIES = Gauge("tada_catalog_entries", "Entries of the catalog.")
LOST = Gauge("tada_catalog_lost", "1 while the catalog is empty although there are files, or dumps with entries.")
CHANGES = Gauge("tada_changes_pending", "Changes that not every node of the gateway has.")
OLDEST_CHANGE = Gauge("tada_changes_oldest_seconds", "Age of the oldest of them; 0 without any.")
CLAIMS = Gauge("tada_claims", "Objects of the storage that are being written, or that wait to be deleted.")
QUEUED = Gauge("tada_jobs_queued", "Jobs in the queue, those that run among them.")


def prepare(jobs: list[str]) -> None:
    """Show jobs that have not run yet, too: what has never been there cannot be missed."""
    for job in jobs:
        for result in ("done", "stopped", "failed", "retrying", "interrupted"):
            JOBS.labels(job, result)
        JOB_SECONDS.labels(job)
        JOB_LAG.labels(job)
        JOB_SUCCESS.labels(job)
        JOB_STOP.labels(job)
    for result in ("done", "queued"):
        PURGES.labels(result)
    for state in ("current", "away"):
        NODES.labels(state)


async def sample(client: Redis) -> None:
    """Look up what lies in Redis, in one round trip; without it these metrics are unknown (NaN)."""
    gauges = (ENTRIES, CLAIMS, QUEUED)
    for gauge in gauges:
        gauge.set(float("nan"))
    async with client.pipeline(transaction=False) as pipeline:
        pipeline.hlen(keys.ENTRIES)
        pipeline.hlen(keys.CLAIMS)
        pipeline.zcard(keys.QUEUE)
        found = await pipeline.execute()
    for gauge, count in zip(gauges, found, strict=True):
        gauge.set(count)
