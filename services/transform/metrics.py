"""What the transform service measures on top of core.observing.metrics: renders, and what libvips has in use."""

import asyncio

from prometheus_client import Counter, Gauge, Histogram

from services.core.errors import TooManyRequests, TooSlow, Unavailable, Undecodable
from services.core.observing.metrics import SECONDS
from services.transform.render import usage
from services.transform.render.plan import Plan

RENDERS = Counter(
    "tada_renders_total",
    "Renders that ended. Results: ok, undecodable, too_slow, refused, abandoned (nobody waited any more), failed (most "
    "often the storage). The format is that of the request.",
    ["format", "result"],
)
RENDER_SECONDS = Histogram(
    "tada_render_duration_seconds",
    "Time of a render in its thread. The size is that of the longer side that was asked for, in pixels: 200 is up to "
    "200, full is the whole picture.",
    ["format", "size"],
    buckets=SECONDS,
)
REDUCED = Counter(
    "tada_renders_reduced_total",
    "Renditions that were to be made from a reduction. Results: made; and missing, damaged, undecodable (then it was "
    "made from the upload).",
    ["result"],
)
COALESCED = Counter("tada_renders_coalesced_total", "Requests that got the result of a render already under way.")
TAKEN = Gauge("tada_render_places_taken", "Renders that run or wait, for their bytes or for a thread.")
ACTIVE = Gauge("tada_renders_active", "Renders that run. The rest of the places taken is the queue.")
QUEUED = Gauge("tada_render_queue_seconds", "Work that waits for a thread: seconds of processor time, as estimated.")
QUEUE_LIMIT = Gauge("tada_render_queue_limit_seconds", "How much work may wait; a request for more is refused.")
WAITED = Histogram(
    "tada_render_wait_seconds",
    "How long requests waited for a thread, refused ones too. Those that did not wait are not counted. Work that is "
    "estimated at more than a second is dear.",
    ["work"],
    buckets=SECONDS,
)
REFUSED = Counter(
    "tada_render_refusals_total",
    "Requests answered 503 or 429 (spent). Reasons: full (too much work waited), pushed (it was full, and had to make "
    "room for others), waited (no thread came free in time), spent (the client or the asset had cost too much).",
    ["reason"],
)
VIPS_MEMORY = Gauge("tada_libvips_memory_bytes", "Memory that libvips has for pixels.")
VIPS_MEMORY_PEAK = Gauge("tada_libvips_memory_peak_bytes", "The most that it has had.")
VIPS_ALLOCATIONS = Gauge("tada_libvips_allocations", "Blocks of that memory.")
VIPS_FILES = Gauge("tada_libvips_files", "Files that libvips has open.")

_SIZES = (200, 400, 800, 1600)


def size_class(plan: Plan) -> str:
    """Return the class of sizes that a plan belongs to."""
    longest = max(plan.width, plan.height)
    if not longest:
        return "full"
    return next((str(size) for size in _SIZES if longest <= size), "larger")


def result_of(error: BaseException) -> str:
    """Say in one word why there is no rendition."""
    match error:
        case TooSlow():
            return "too_slow"
        case Undecodable():
            return "undecodable"
        case Unavailable():
            return "refused" if type(error) is Unavailable else "failed"
        case TooManyRequests():
            return "refused"
        case asyncio.CancelledError():
            return "abandoned"
    return "failed"


async def sample() -> None:
    """Set the gauges of what libvips has in use."""
    found = usage.read()
    VIPS_MEMORY.set(found.memory)
    VIPS_MEMORY_PEAK.set(found.peak)
    VIPS_ALLOCATIONS.set(found.allocations)
    VIPS_FILES.set(found.files)
