"""Measures two things in turns, A B A B, so that other load on the machine affects both alike."""

import os
import statistics
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Sample:
    """One round of one side: how many were done, in how many seconds, with how much of the processors' time."""

    count: float
    seconds: float
    cpu: float

    @property
    def rate(self) -> float:
        return self.count / self.seconds

    @property
    def cpu_ms(self) -> float:
        return self.cpu * 1000 / self.count


@dataclass(frozen=True, slots=True)
class Comparison:
    """A path and its limit, round by round. `must` is the required ratio, None if there is none."""

    key: str
    path: str
    limit: str
    must: float | None
    rounds: list[tuple[Sample, Sample]] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        return sorted(ours.rate / limit.rate for limit, ours in self.rounds)

    @property
    def ratio(self) -> float:
        """The median of the rounds' ratios."""
        return statistics.median(self.ratios)

    @property
    def cpu_ratio(self) -> float:
        """The same for processor time per request: the ratio without other load."""
        return statistics.median(limit.cpu / limit.count / (ours.cpu / ours.count) for limit, ours in self.rounds)

    def median(self, side: int, what: Callable[[Sample], float]) -> float:
        """Return the median of something over the rounds of one side: 0 the limit, 1 the path."""
        return statistics.median(what(pair[side]) for pair in self.rounds)


def compare(comparison: Comparison, rounds: int, limit: Callable[[], Sample], ours: Callable[[], Sample]) -> Comparison:
    """Measure both sides `rounds` times in turns, after one round that does not count."""
    limit(), ours()
    for number in range(rounds):
        if number % 2:
            mine, bare = ours(), limit()
        else:
            bare, mine = limit(), ours()
        comparison.rounds.append((bare, mine))
    return comparison


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered) + 0.499) - 1))]


def sessions(leaders: Collection[int]) -> list[tuple[int, float]]:
    """Return each process of some sessions with the seconds of processor time it has used, ended children included."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # It has ended since.
        if int(fields[3]) in leaders:
            found.append((int(stat.parent.name), sum(map(int, fields[11:15])) / _TICK))
    return found


def cpu_seconds(leaders: Collection[int]) -> float:
    return sum(cpu for _, cpu in sessions(leaders))


def resident_mb(pid: int) -> float:
    """Return the memory that a process holds now, in MB of a million bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0
