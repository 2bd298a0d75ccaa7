"""Having something fail and come back under load, and saying what clients saw of it."""

import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.processes.system import System
from tests.support.load import Event, Kind, Load, Outcome
from tests.support.waits import wait_until

OUTAGE = float(os.environ.get("FAULT_SECONDS", "0.7"))
"""How long a part is away, or frozen, or whatever else is wrong stays so."""
RECOVERED_WITHIN = 5.0
"""Seconds, once a part answers again."""
QUIET = 0.3
"""Seconds without a failure after which all counts as recovered."""
_TABLE = os.environ.get("FAULT_TABLE", "")
"""A file to which what was seen is added, as lines of a table in Markdown."""
_COLUMNS: tuple[tuple[Kind, ...], ...] = (("cached",), ("changing", "uncached"), ("upload", "replace", "delete"))
_NAMED: dict[Outcome, str] = {"ok": "answered", "queued": "`queued`", "refused": "503", "lost": "lost"}


@dataclass(frozen=True, slots=True)
class Passed:
    """A fault that is over: how many seconds after its end something still failed, and what clients saw."""

    recovery: float
    events: list[Event]

    def outcomes(self, *kinds: Kind) -> set[str]:
        return {event.outcome for event in self.events if event.kind in kinds}


@dataclass(frozen=True, slots=True)
class Faulted:
    system: System
    load: Load

    def go_through(
        self,
        part: str,
        fault: str,
        begin: Callable[[], None],
        end: Callable[[], None],
        within: float = RECOVERED_WITHIN,
    ) -> Passed:
        """Have something fail, stay so for a while and come back; wait until everything works again."""
        began = time.monotonic()
        begin()
        end()
        back = time.monotonic()
        recovered = back

        def works() -> bool:
            nonlocal recovered
            recovered = self.load.last_failure(back)
            return time.monotonic() - recovered > QUIET and self.load.works_since(recovered)

        try:
            wait_until(works, within=60)
        except AssertionError:
            seen = Counter((event.kind, event.outcome) for event in self.load.between(time.monotonic() - 5))
            raise AssertionError(f"{part}, {fault}: still not as before; in the last 5 s: {seen}") from None
        passed = Passed(recovered - back, self.load.between(began))
        _write(row(part, fault, passed))
        assert passed.recovery < within, f"{part}, {fault}: {passed.recovery:.1f} s"
        return passed

    def check_what_is_left(self) -> None:
        """Wait until every purge has been made, then look at everything."""
        self.system.wait_until_purged(within=15)
        self.load.settle()
        self.load.check_originals()
        assert not self.load.wrong, self.load.wrong[:10]


def row(part: str, fault: str, passed: Passed) -> str:
    """Return one line of the table: how many requests ended how, and the slowest of each kind."""
    cells = []
    for kinds in _COLUMNS:
        seen = [event for event in passed.events if event.kind in kinds]
        counts = Counter(event.outcome for event in seen)
        said = ", ".join(f"{counts[outcome]} {name}" for outcome, name in _NAMED.items() if counts[outcome]) or "none"
        cells.append(f"{said}; {max((event.seconds for event in seen), default=0):.1f} s")
    return f"| {part} | {fault} | {' | '.join(cells)} | {passed.recovery:.1f} s |"


def _write(line: str) -> None:
    print(line)
    if _TABLE:
        with Path(_TABLE).open("a") as file:
            print(line, file=file)
