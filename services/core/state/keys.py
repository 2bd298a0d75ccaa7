"""Every key TADA has in Redis, in one place. Those of the queue are arq's.

| key | type | what it holds |
|---|---|---|
| `tada:entries` | hash | entry key → entry as JSON: see `assets/identity` |
| `tada:uuids` | hash | what else an entry is found by → its entry key |
| `tada:reductions` | hash | entry key → what is known of the reduction of its picture, as JSON: see `reductions` |
| `tada:retired` | hash | storage key → what is known of a retired object, then its entry: see `lua/retiring` |
| `tada:versions` | sorted set | group, number, version and storage key of each retired version, in this order |
| `tada:trash` | sorted set | storage keys of deleted assets that are retired, by the number of the deletion |
| `tada:moved` | hash | what a moved asset was found by → its creation number: see `moving` |
| `tada:old-paths` | hash | creation number → the paths from which the asset was moved: see `lua/old_addresses` |
| `tada:reduced` | text | for which setting the job *reduce* was done last: see `jobs/describe/upgrade` |
| `tada:order` | sorted set | entry key by creation number: the stable order of the list |
| `tada:expiry` | sorted set | entry key by expiration date, seconds since the epoch |
| `tada:usage` | hash | what each namespace has, as `NAMESPACE WHAT`, and whether that is complete: see `usage` |
| `tada:usage:counted` | set | storage keys of retired objects that are counted, until all are |
| `tada:sequence` | number | last creation number given |
| `tada:revision` | text | number of the last change of the catalog: see `changes` |
| `tada:addresses` | text | what the addresses begin with in the pages that caches have: see `state/addresses` |
| `tada:claims` | hash | storage key → who is writing it, `obsolete` or `abandoned`; entry key; entry: see `claim` |
| `tada:doubtful` | sorted set | storage keys of failed writes, by time: a storage may still finish one |
| `tada:late-delete:{storage key}` | text | present while a failed delete may still remove the object there |
| `tada:change-log` | stream | the log of the last changes, with their numbers as ids: see `changes` |
| `tada:changes` | stream | changes by a catalog service of the previous version: see `jobs/purge/upgrade` |
| `tada:progress` | channel | how far the caches are: see `progress` |
| `tada:questions`, `tada:answers` | channels | what catalog asks the jobs workers, and their answers: see `questions` |
| `tada:cdn` | hash | CDN → up to which changes it was purged: see `jobs/cdn/purger` |
| `tada:undescribed` | stream | entries whose file is still to be described: an entry key, or `all` after a restore |
| `tada:storage` | text | the id in the mark of the storage that the catalog belongs to: see `belonging` |
| `tada:generation` | text | the epoch: number of the last change of the whole catalog; `0` if it is not there |
| `tada:aside:{epoch}` | text | present while the catalog of an earlier epoch can still be read |
| `tada:aside:{epoch}:entries`, `…:order` | hash, sorted set | that catalog, for its readers |
| `tada:restore:{id}:entries`, `…:order`, `…:expiry`, `…:uuids` | | a catalog that is being loaded, before the switch |
| `tada:restore:{id}:moved`, `…:old-paths` | hash | from where its assets were moved |
| `tada:dump:{stamp}` | text | present when a dump has taken that second for its name |
| `tada:restoring` | text | who restores the latest dump into a Redis that was empty at the start |
| `tada:job:{id}` | text | the record of a job, as JSON, for a week |
| `tada:job-log` | sorted set | ids of jobs by the time they were asked for |
| `tada:jobs-ended` | channel | ids of jobs that have ended, for those who wait |
| `tada:actions` | sorted set | ids of the lists of actions that wait or run, by when they end by themselves |
| `tada:action:{id}` | list | the entries of an action: see `jobs/action_lists` |
| `tada:action:{id}:progress` | text | how far it is, as JSON |
| `tada:imports` | stream | the files that are still to be imported: the id of a job, and the place in it |
| `tada:import:{id}` | hash | the job, its items as JSON, and how far each is: see `catalog/imports/records` |
| `tada:import:{id}:results` | hash | what became of each item that is settled, as JSON |
| `tada:job-done:{id}` | list | left by the version before; it expires within a week |
| `tada:jobs` | sorted set | the queue: ids of jobs by the time from which they may run, milliseconds since 1970 |
| `tada:jobs:health-check` | text | a worker's sign of life |
| `arq:job:{id}` | text | a job in the queue, as JSON: its name and arguments |
| `arq:in-progress:{id}` | text | present while a worker has that job |
| `arq:retry:{id}` | number | how often a worker has taken that job |
| `arq:result:{id}` | text | the result of the job, as JSON, for a week |
| `tada:lease:{what}` | text | present while one worker runs that job or does that work alone; a token of the run |
| `tada:resumable` | sorted set | ids of resumable uploads by when they end, seconds since the epoch; 0 if closed |
| `tada:resumable-lengths` | hash | id of a resumable upload → the bytes that are reserved for it |
| `tada:resumable:{id}` | hash | a resumable upload: see `resumable` |
| `tada:resumable:{id}:parts` | hash | storage key of a part → its bytes; 0 if it does not belong to the upload |
| `tada:job:{id}:progress` | text | how far a run of a job is, as JSON: see `core/jobs/run_progress` |
| `tada:job:{id}:cancelled` | text | present while a run of a job is asked to stop: the name of who has cancelled it |
| `tada:reports` | hash | process → what it says of itself, as JSON: see `core/probes/reports` |
| `tada:checkups` | channel | ids of the questions of the doctor to each service: see `core/probes/checkup` |
| `tada:checkup:{id}` | list | what the services have found, as JSON |
| `tada:checkup:{id}:{service}` | text | present when a process of that service has taken the question |
| `tada:alive:{owner}` | text | present while the process that owns claims lives |
| `tada:archives` | sorted set | the digests of the tickets of archives, each with its end |
| `tada:archive:{digest}` | text | which files are in an archive, and for whom, as JSON: see `state/archives` |
| `tada:ticket-key` | text | the key that signs tickets if none is configured: see `state/tickets` |
| `tada:ticket:{id}` | hash | its uploads: each the key that says that it is alive, or `counted`; ends with the ticket |
| `tada:webhooks` | hash | id of a webhook → its record as JSON, with its secret: see `core/webhooks/webhook` |
| `tada:webhook:{id}:state` | hash | `position` in the log, last `success` and `failure`: see `core/webhooks/waiting` |
| `tada:webhook:{id}:waiting` | hash | number of an event → its paths, what came of it, and the body to send |
| `tada:webhook:{id}:numbers` | sorted set | these numbers |
| `tada:webhook:{id}:order` | sorted set | lane and number of these events: the order within each lane |
| `tada:webhook:{id}:lanes` | hash | path → its lane, and how many events of it wait |
| `tada:webhook:{id}:due` | sorted set | lane by when its first event is to be sent, milliseconds since 1970 |
| `tada:webhook:{id}:dead` | stream | dead letters |
| `tada:limit:{bucket}` | number | when the bucket of a rate limit is full again, microseconds since the epoch |
"""

ENTRIES = "tada:entries"
UUIDS = "tada:uuids"
REDUCTIONS = "tada:reductions"
RETIRED = "tada:retired"
VERSIONS = "tada:versions"
TRASH = "tada:trash"
MOVED = "tada:moved"
OLD_PATHS = "tada:old-paths"
REDUCED = "tada:reduced"
ORDER = "tada:order"
EXPIRY = "tada:expiry"
USAGE = "tada:usage"
USAGE_COUNTED = "tada:usage:counted"
SEQUENCE = "tada:sequence"
REVISION = "tada:revision"
ADDRESSES = "tada:addresses"
CLAIMS = "tada:claims"
DOUBTFUL = "tada:doubtful"
CHANGES = "tada:change-log"
CHANGES_BEFORE = "tada:changes"
PROGRESS = "tada:progress"
QUESTIONS = "tada:questions"
ANSWERS = "tada:answers"
CDN = "tada:cdn"
UNDESCRIBED = "tada:undescribed"
UNDESCRIBED_GROUP = "describers"
STORAGE = "tada:storage"
EPOCH = "tada:generation"
ASIDE = "tada:aside:"
ASIDE_READ_SECONDS = 180
"""How long a reader may still read a catalog that has been replaced."""
ASIDE_SECONDS = ASIDE_READ_SECONDS + 60
"""How long it is kept: longer, so that no reader finds only a part of it."""

RESTORING = "tada:restoring"

ACTIONS = "tada:actions"
ARCHIVES = "tada:archives"
IMPORTS = "tada:imports"
JOB_LOG = "tada:job-log"
JOBS_ENDED = "tada:jobs-ended"
"""The channel with the id of each job that has ended."""
QUEUE = "tada:jobs"
REPORTS = "tada:reports"
CHECKUPS = "tada:checkups"
TICKET_KEY = "tada:ticket-key"
RESUMABLE = "tada:resumable"
RESUMABLE_LENGTHS = "tada:resumable-lengths"
WEBHOOKS = "tada:webhooks"
WEBHOOK_PARTS = ("state", "waiting", "numbers", "order", "lanes", "due", "dead")


def staged(restore: str) -> tuple[str, str, str, str, str, str]:
    """The entries, order, expiry, uuids, moved names and old paths of a catalog that is being loaded."""
    prefix = f"tada:restore:{restore}"
    entries, order, expiry, uuids = (f"{prefix}:{part}" for part in ("entries", "order", "expiry", "uuids"))
    return entries, order, expiry, uuids, f"{prefix}:moved", f"{prefix}:old-paths"


def dump(stamp: str) -> str:
    return f"tada:dump:{stamp}"


def job(job_id: str) -> str:
    return f"tada:job:{job_id}"


def job_cancelled(job_id: str) -> str:
    return f"tada:job:{job_id}:cancelled"


def job_progress(job_id: str) -> str:
    return f"tada:job:{job_id}:progress"


def checkup(question: str) -> str:
    return f"tada:checkup:{question}"


def checkup_taken(question: str, service: str) -> str:
    return f"tada:checkup:{question}:{service}"


def action(list_id: str) -> str:
    return f"tada:action:{list_id}"


def action_progress(list_id: str) -> str:
    return f"tada:action:{list_id}:progress"


def archive(digest: str) -> str:
    return f"tada:archive:{digest}"


def import_items(job_id: str) -> str:
    return f"tada:import:{job_id}"


def import_results(job_id: str) -> str:
    return f"tada:import:{job_id}:results"


def resumable(upload_id: str) -> str:
    return f"tada:resumable:{upload_id}"


def resumable_parts(upload_id: str) -> str:
    return f"tada:resumable:{upload_id}:parts"


def lease(what: str) -> str:
    return f"tada:lease:{what}"


def alive(owner: str) -> str:
    return f"tada:alive:{owner}"


def late_delete(storage_key: str) -> str:
    return f"tada:late-delete:{storage_key}"


def ticket(ticket_id: str) -> str:
    return f"tada:ticket:{ticket_id}"


def limit(bucket: str) -> str:
    return f"tada:limit:{bucket}"


def webhook(webhook_id: str, part: str) -> str:
    return f"tada:webhook:{webhook_id}:{part}"
