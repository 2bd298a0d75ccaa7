"""Which tags changes make stale, and how often a CDN is told. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.core.assets.cache_tags import CacheTags
from services.core.state.changes import CatalogReplaced, Change, EntryDescribed
from services.jobs.cdn.target import Pace

PAUSE_MAX = 60.0
_SEEN_SECONDS = 1.0


def stale_tags(changes: Iterable[Change], tags: CacheTags) -> tuple[str, ...]:
    """Return the tags of all that some changes make stale, each once: one tag if that is everything.

    Facts about a picture are on pages of the catalog alone, which a CDN keeps for a second.
    """
    found: dict[str, None] = {}
    for change in changes:
        match change:
            case CatalogReplaced():
                return (tags.everything,)
            case EntryDescribed():
                continue
            case _:
                found.update(dict.fromkeys(map(tags.of_asset, (change.unique_name, *change.also))))
    return tuple(found)


def pause(failures: int, retry_after: float, jitter: float) -> float:
    """Return the seconds after which a call is repeated that has failed so often. `jitter` is from 0 to 1."""
    growing: float = min(PAUSE_MAX, 2.0 ** min(failures - 1, 10))
    return max(retry_after, growing * (1 + jitter / 4))


@dataclass(slots=True)
class Allowance:
    """How many calls a pace allows: a bucket that fills again. Times are in seconds, by any clock that only rises."""

    pace: Pace
    left: float
    at: float

    @classmethod
    def full(cls, pace: Pace, now: float) -> "Allowance":
        return cls(pace, pace.burst, now)

    def take(self, now: float) -> float:
        """Take one call, and return after how many seconds it may be made."""
        if not self.pace.seconds:
            return 0.0
        self.left = min(self.pace.burst, self.left + (now - self.at) / self.pace.seconds) - 1
        self.at = now
        return max(0.0, -self.left * self.pace.seconds)


class Everywhere:
    """Remembers since when all nodes of the gateway have which change."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._seen: list[tuple[float, int]] = []

    def see(self, number: int, now: float) -> int:
        """Note that all nodes have a change now; return the one that they all have had for so many seconds, or 0."""
        if self._seen and number < self._seen[-1][1]:
            self._seen.clear()  # A node has come that lacks changes, or Redis has another log.
        if not self._seen or (number > self._seen[-1][1] and now - self._seen[-1][0] >= _SEEN_SECONDS):
            self._seen.append((now, number))
        due = [seen for seen in self._seen if seen[0] <= now - self._seconds]
        del self._seen[: max(0, len(due) - 1)]
        return due[-1][1] if due else 0
