"""Several changes in one request: each succeeds or fails by itself, in the order of the request."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from services.core.assets.entries import Entry
from services.core.errors import Subject, TadaError
from services.core.state.compare_and_set import Commit

Change = tuple[Entry, Commit | None]
Step = Callable[[], Awaitable[Change]]


@dataclass(slots=True)
class Outcome:
    """The result of a request that writes: the current entries, the commits to wait for, the failures, and what the
    client should know besides."""

    entries: list[Entry] = field(default_factory=list)
    commits: list[Commit] = field(default_factory=list)
    failures: list[TadaError] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def add(self, entry: Entry, commit: Commit | None) -> None:
        self.entries.append(entry)
        if commit is not None:
            self.commits.append(commit)


@contextmanager
def about(named: Subject) -> Iterator[None]:
    """Let an error say what it is about, as far as it does not say so itself."""
    try:
        yield
    except TadaError as error:
        raise error.about(named) from error


async def one(step: Awaitable[Change], named: Subject) -> Outcome:
    """Carry out a single change, about its subject; its error is the error of the request."""
    with about(named):
        result = await step
    return of_one(result, named)


def of_one(result: Change | TadaError, named: Subject) -> Outcome:
    """Return the result of a single change, about its subject; its error is the error of the request."""
    if isinstance(result, TadaError):
        raise result.about(named)
    outcome = Outcome()
    outcome.add(*result)
    return outcome


def of(subjects: Sequence[Subject], results: Sequence[Change | TadaError]) -> Outcome:
    """Combine the results of several changes, each about its subject.

    Raises the error of a dependency that is down if nothing succeeded: the whole request can be sent again.
    """
    outcome = Outcome()
    failed = [(named, result) for named, result in zip(subjects, results, strict=True) if isinstance(result, TadaError)]
    down = next((error for _, error in failed if error.status >= 500), None)
    if down and len(failed) == len(results):
        raise down
    for result in results:
        if not isinstance(result, TadaError):
            outcome.add(*result)
    outcome.failures += [error.about(named) for named, error in failed]
    return outcome


async def each(steps: Iterable[tuple[Subject, Step]]) -> Outcome:
    """Carry out one step after the other, each about its subject.

    Raises the error of a dependency that is down if nothing has been done yet: the whole request can be sent again.
    """
    outcome = Outcome()
    for named, step in steps:
        try:
            outcome.add(*await step())
        except TadaError as error:
            if error.status >= 500 and not outcome.entries:
                raise
            outcome.failures.append(error.about(named))
    return outcome
