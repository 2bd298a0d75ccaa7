"""Several changes in one request: each succeeds or fails by itself, in the order of the request."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.core.assets.entries import Entry
from services.core.errors import TadaError
from services.core.state.compare_and_set import Commit

Step = Callable[[], Awaitable[tuple[Entry, Commit | None]]]


@dataclass(slots=True)
class Outcome:
    """The result of a request that writes: the current entries, the commits to wait for, and the errors."""

    entries: list[Entry] = field(default_factory=list)
    commits: list[Commit] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)

    def add(self, entry: Entry, commit: Commit | None) -> None:
        self.entries.append(entry)
        if commit is not None:
            self.commits.append(commit)


async def one(step: Awaitable[tuple[Entry, Commit | None]]) -> Outcome:
    """Carry out a single change; its error is the error of the request."""
    return of_one(await step)


def of(labels: Sequence[dict[str, Any]], results: Sequence[tuple[Entry, Commit | None] | TadaError]) -> Outcome:
    """Combine the results of several changes; the error of a failed one gets its label.

    Raises the error of a dependency that is down if nothing succeeded: the whole request can be sent again.
    """
    outcome = Outcome()
    failed = [(label, result) for label, result in zip(labels, results, strict=True) if isinstance(result, TadaError)]
    down = next((error for _, error in failed if error.status >= 500), None)
    if down and len(failed) == len(results):
        raise down
    for result in results:
        if not isinstance(result, TadaError):
            outcome.add(*result)
    outcome.errors += [{**label, **error.public()} for label, error in failed]
    return outcome


def of_one(result: tuple[Entry, Commit | None] | TadaError) -> Outcome:
    """Return the result of a single change; its error is the error of the request."""
    if isinstance(result, TadaError):
        raise result
    outcome = Outcome()
    outcome.add(*result)
    return outcome


async def each(steps: Iterable[tuple[dict[str, Any], Step]]) -> Outcome:
    """Carry out one step after the other; the error of a failed step gets its label.

    Raises the error of a dependency that is down if nothing has been done yet: the whole request can be sent again.
    """
    outcome = Outcome()
    for label, step in steps:
        try:
            outcome.add(*await step())
        except TadaError as error:
            if error.status >= 500 and not outcome.entries:
                raise
            outcome.errors.append({**label, **error.public()})
    return outcome
