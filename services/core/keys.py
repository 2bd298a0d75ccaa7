"""Every key TADA has in Redis, in one place.

| key | type | what it holds |
|---|---|---|
| `tada:entries` | hash | uuid → entry as JSON |
| `tada:order` | sorted set | uuid by creation number: the stable order of the list |
| `tada:expiry` | sorted set | uuid by expiration date, seconds since the epoch |
| `tada:sequence` | number | last creation number given |
| `tada:revision` | text | id of the last change of the catalog |
| `tada:claims` | hash | storage key → who is writing it, or `obsolete`; uuid; entry: see `catalog.Claim` |
| `tada:doubtful` | sorted set | storage keys of writes that have failed, by time: a storage may finish one after all |
| `tada:changes` | stream | changes whose caches are still to be purged |
| `tada:undescribed` | stream | entries whose picture is still to be described: a uuid, or `all` after a restore |
| `tada:generation` | text | id of the change that replaced the whole catalog the last time; `0` when it is not there |
| `tada:aside:{generation}` | text | present while an earlier generation can still be read |
| `tada:aside:{generation}:entries`, `…:order` | hash, sorted set | that generation, for its readers and its purge |
| `tada:restore:{id}:entries`, `…:order`, `…:expiry` | | a catalog that is being loaded, before it is switched to |
| `tada:dump:{stamp}` | text | present when a dump has taken that second for its name |
| `tada:restoring` | text | who restores the latest dump into a Redis that was empty at the start |
| `tada:job:{id}` | text | what is known of a job, as JSON, for a week |
| `tada:job-log` | sorted set | ids of jobs by the time they were asked for |
| `tada:job-done:{id}` | list | appears when that job has ended: whoever waits looks at it |
| `tada:lease:{what}` | text | present while a worker runs that job, or does that alone; a token of the run |
| `tada:purged:{change}` | list | appears when that change is purged, 1 if no node was away: who waits pops it |
| `tada:alive:{owner}` | text | present while the process that owns claims lives |
| `tada:limit:{bucket}` | number | when the bucket of a rate limit is full again, microseconds since the epoch |
| `tada:variants:{group}` | sorted set | cache keys under which the tiers may hold a form of the asset, by time noted |
| `tada:purge-again` | sorted set | purges to repeat, as JSON, by the time they are due |
| `tada:missed:{node}` | sorted set | cache keys whose purge a node of the gateway has missed, by the time of that |
| `tada:sending:{group}` | sorted set | answers on their way to a cache, by the time they must be gone; in memory only |
"""

ENTRIES = "tada:entries"
ORDER = "tada:order"
EXPIRY = "tada:expiry"
SEQUENCE = "tada:sequence"
REVISION = "tada:revision"
CLAIMS = "tada:claims"
DOUBTFUL = "tada:doubtful"
CHANGES = "tada:changes"
CHANGES_GROUP = "purgers"
UNDESCRIBED = "tada:undescribed"
UNDESCRIBED_GROUP = "describers"
GENERATION = "tada:generation"
ASIDE = "tada:aside:"
ASIDE_READ_SECONDS = 180
"""How long a reader may go on with a generation that has been replaced."""
ASIDE_SECONDS = ASIDE_READ_SECONDS + 60
"""How long the generation is kept: longer, so that no reader finds a part of it."""

RESTORING = "tada:restoring"

AGAIN = "tada:purge-again"

JOB_LOG = "tada:job-log"

_BRIEF = "brief:"
LIST_GROUP = "list"
"""The purge group of every form of the catalog list."""


def purged(change: str) -> str:
    return f"tada:purged:{change}"


def staged(restore: str) -> tuple[str, str, str]:
    """The entries, order and expiry of a catalog that is being loaded."""
    return (f"tada:restore:{restore}:entries", f"tada:restore:{restore}:order", f"tada:restore:{restore}:expiry")


def dump(stamp: str) -> str:
    return f"tada:dump:{stamp}"


def job(job_id: str) -> str:
    return f"tada:job:{job_id}"


def job_done(job_id: str) -> str:
    return f"tada:job-done:{job_id}"


def lease(what: str) -> str:
    return f"tada:lease:{what}"


def alive(owner: str) -> str:
    return f"tada:alive:{owner}"


def limit(bucket: str) -> str:
    return f"tada:limit:{bucket}"


def variants(group: str) -> str:
    return f"tada:variants:{group}"


def missed(node: str) -> str:
    return f"tada:missed:{node}"


def sending(group: str) -> str:
    return f"tada:sending:{group}"


def path_group(stem: str) -> str:
    """The purge group of an asset's files. The extension is left out: `cat.jpg` and `cat.webp` are one asset."""
    return f"path:{stem}"


def brief(group: str) -> str:
    """The part of a purge group that holds answers without content: 404s and redirects."""
    return _BRIEF + group


def is_brief(group: str) -> bool:
    return group.startswith(_BRIEF)


def entry_group(uuid: str) -> str:
    """The purge group of an entry's own page in the catalog."""
    return f"entry:{uuid}"
