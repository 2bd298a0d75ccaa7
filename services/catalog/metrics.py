"""What the catalog service measures besides core.observing.metrics: the index of the search of this process, what
namespaces have, what it imports, the tokens, uploads with tickets, and resumable uploads."""

from prometheus_client import Counter, Gauge, Histogram

from services.core.assets.quotas import Quotas
from services.core.state.usage import Room

INDEX_READY = Gauge(
    "tada_search_index_ready", "1 if this process has an index of the search. Else, searches are refused."
)
INDEX_BYTES = Gauge("tada_search_index_bytes", "Bytes of the file of the index and of its log.")
INDEX_BYTES_MAX = Gauge("tada_search_index_bytes_max", "Bytes that this file may have (SEARCH_INDEX_MAX).")
INDEX_BEHIND = Gauge(
    "tada_search_index_behind_seconds",
    "From the last change that the index has to the last change of the catalog; a second is usual.",
)
INDEX_MADE = Counter("tada_search_index_made_total", "How often this process has made its index from the catalog.")
INDEX_FULL = Counter(
    "tada_search_index_full_total",
    "How often the index has reached SEARCH_INDEX_MAX, or its disk was full. It is made again ten minutes later.",
)
IMPORTS = Counter(
    "tada_imports_total",
    "Files that this process has imported from an address. Results: done, failed, retrying (it is tried again).",
    ["result"],
)
IMPORT_SECONDS = Histogram(
    "tada_import_duration_seconds",
    "Time in which a file was fetched and catalogued.",
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300),
)
for _result in ("done", "failed", "retrying"):
    IMPORTS.labels(_result)

RESUMABLE = Counter(
    "tada_resumable_uploads_total",
    "Resumable uploads. Results: opened, finished (it has become an entry), refused (it could not), removed (by the "
    "client).",
    ["result"],
)
RESUMABLE_BYTES = Counter(
    "tada_resumable_received_bytes_total", "Bytes of resumable uploads that were stored, and need not be sent again."
)
for _result in ("opened", "finished", "refused", "removed"):
    RESUMABLE.labels(_result)

USAGE_BYTES = Gauge(
    "tada_usage_bytes",
    "Bytes that count for the quota of a namespace: files of entries, of earlier versions and of the trash. Every "
    "process says the same.",
    ["asset_namespace"],
)
USAGE_ASSETS = Gauge("tada_usage_assets", "Entries of a namespace. Every process says the same.", ["asset_namespace"])
QUOTA_BYTES = Gauge("tada_quota_bytes", "Bytes that a namespace may have (QUOTAS).", ["asset_namespace"])
QUOTA_ASSETS = Gauge("tada_quota_assets", "Entries that a namespace may have (QUOTAS).", ["asset_namespace"])
LISTENERS = Gauge(
    "tada_feed_listeners", "Programs that follow the changes of the catalog at this process (GET /events)."
)
EVENTS_SENT = Counter("tada_feed_events_sent_total", "Events that these programs have been sent.")
RESETS = Counter(
    "tada_feed_resets_total",
    "How often one of them has been told to read the list anew. Reasons: start (it is new), gap (the log does not have "
    "its position).",
    ["reason"],
)

TOKENS = Gauge("tada_tokens", "Tokens that are valid.")
TOKENS_KEPT = Gauge(
    "tada_tokens_kept", "1 while the tokens cannot be read again, so that those from before stay valid."
)

TICKETS = Counter("tada_tickets_total", "Tickets that were made for pages.")
TICKET_UPLOADS = Counter(
    "tada_ticket_uploads_total",
    "Uploads of pages with a ticket. Results: written, refused (the file or the form), ticket (not valid, ended or "
    "used up), failed.",
    ["result"],
)

ISSUER_AWAY = Gauge(
    "tada_oidc_issuer_away", "1 if the issuer of logins did not answer the last time, or not as it must (OIDC_ISSUER)."
)


async def sample(room: Room, limits: Quotas) -> None:
    """Look up what namespaces have. Those without a quota have no series of one."""
    for namespace, quota in limits.items():
        for gauge, most in ((QUOTA_BYTES, quota.bytes), (QUOTA_ASSETS, quota.assets)):
            if most is not None:
                gauge.labels(namespace).set(most)
    for namespace, used in (await room.counts()).of.items():
        USAGE_BYTES.labels(namespace).set(used.total.bytes or 0)
        USAGE_ASSETS.labels(namespace).set(used.assets)
