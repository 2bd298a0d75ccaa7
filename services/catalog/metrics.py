"""What the catalog service measures besides core.observing.metrics: the index of the search of this process."""

from prometheus_client import Counter, Gauge

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
