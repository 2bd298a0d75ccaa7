"""Does something with many files at the same time, shows how far it is, and ends well when it is interrupted."""

import contextlib
import json
import os
import queue
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from rich.filesize import decimal
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from tada_client import Forbidden, NotReached, TadaError, Unauthorized
from tada_client.cli import output

T = TypeVar("T")
R = TypeVar("R")
Outcome = Literal["stored", "replaced", "renamed", "same", "kept", "failed", "downloaded", "deleted", "would be sent"]


class Stopped(BaseException):
    """The user has interrupted; what is being done can be continued later."""


@dataclass(frozen=True, slots=True)
class Item:
    """What became of one file."""

    path: str
    outcome: Outcome
    bytes: int = 0
    unique_name: str = ""
    uuid: str = ""
    error: dict[str, Any] | None = None


@dataclass(slots=True)
class Report:
    """What became of all files."""

    items: list[Item] = field(default_factory=list)
    left_out: int = 0
    interrupted: bool = False
    seconds: float = 0.0

    @property
    def counts(self) -> Counter[str]:
        return Counter(item.outcome for item in self.items)

    @property
    def sent(self) -> int:
        return sum(item.bytes for item in self.items if item.outcome in ("stored", "replaced", "renamed", "downloaded"))

    @property
    def code(self) -> int:
        if self.interrupted:
            return output.INTERRUPTED
        failed = [item.error or {} for item in self.items if item.outcome == "failed"]
        if not failed:
            return output.OK
        if len(failed) == len(self.items):
            codes = {error.get("code") for error in failed}
            if codes == {"not_reached"}:
                return output.NOT_REACHED
            if {error.get("status") for error in failed} <= {401, 403}:
                return output.REFUSED
        return output.SOME_FAILED

    def as_json(self) -> dict[str, Any]:
        files = [
            {name: value for name, value in asdict(item).items() if value not in ("", None)} for item in self.items
        ]
        return {
            **self.counts,
            "bytes": self.sent,
            "seconds": round(self.seconds, 3),
            "left_out": self.left_out,
            "interrupted": self.interrupted,
            "files": files,
        }


class Workers:
    """Threads that each take the next thing to do. Ctrl-C lets them finish what can be finished at once."""

    def __init__(self, count: int) -> None:
        self._count, self.stopping = count, threading.Event()

    def sleep(self, seconds: float) -> None:
        """Wait before a request is sent again, unless all is to stop."""
        if self.stopping.wait(seconds):
            raise Stopped

    def check(self) -> None:
        if self.stopping.is_set():
            raise Stopped

    def each(self, things: Sequence[T], do: Callable[[T], R], done: Callable[[T, R], None]) -> bool:
        """Do something with each thing; return whether it was interrupted."""
        waiting: queue.SimpleQueue[T] = queue.SimpleQueue()
        for thing in things:
            waiting.put(thing)
        lock = threading.Lock()
        broken: list[BaseException] = []
        ended: list[None] = []
        one_ended = threading.Event()

        def work() -> None:
            with contextlib.suppress(queue.Empty, Stopped):
                while not self.stopping.is_set():
                    thing = waiting.get_nowait()
                    result = do(thing)
                    with lock:
                        done(thing, result)

        def worker() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - it is raised by whoever waits for the threads
                broken.append(error)
                self.stopping.set()
            finally:
                ended.append(None)
                one_ended.set()

        count = min(self._count, len(things))
        for _ in range(count):
            threading.Thread(target=worker, daemon=True).start()
        interrupted = self._wait(lambda: len(ended) == count, one_ended)
        if broken:
            raise broken[0]
        return interrupted

    def _wait(self, all_ended: Callable[[], bool], one_ended: threading.Event) -> bool:
        # Not by join: if that is interrupted, a thread may be taken for one that has ended (Python 3.11).
        interrupted = False
        while not all_ended():
            try:
                one_ended.wait(0.2)
                one_ended.clear()
            except KeyboardInterrupt:
                if interrupted:
                    # What is done is written down; a connection may hang.
                    os._exit(output.INTERRUPTED)
                interrupted = True
                self.stopping.set()
                output.warn("Stopping. What is done is kept; the same command goes on from here.")
        return interrupted


class _Files(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.fields['files']}/{task.fields['of']} files")


class Bar:
    """How far it is, on stderr, if that is a terminal."""

    def __init__(self, verb: str, files: int, size: int) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn(verb),
            BarColumn(bar_width=None),
            _Files(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(compact=True),
            console=output.err,
            transient=True,
            disable=not output.err.is_terminal,
            expand=True,
        )
        self._task = self._progress.add_task(verb, total=size, files=0, of=files)
        self._lock, self._files, self._size = threading.Lock(), 0, size

    def __enter__(self) -> "Bar":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def of_one(self, check: Callable[[], None] | None = None) -> Callable[[int, int], None]:
        """Return what is told how much of one file is sent."""
        before = 0

        def told(sent: int, _: int) -> None:
            nonlocal before
            if check:
                check()
            self._progress.advance(self._task, sent - before)
            before = sent

        return told

    def done(self, unsent: int = 0) -> None:
        """Count a file. What need not be sent is taken off what is left, so that the rate is that of the connection."""
        with self._lock:
            self._files, self._size = self._files + 1, self._size - unsent
            self._progress.update(self._task, files=self._files, total=self._size)


@contextlib.contextmanager
def timed(report: Report) -> Iterator[None]:
    began = time.monotonic()
    yield
    report.seconds = time.monotonic() - began


def failed(path: str, error: TadaError | OSError) -> Item:
    said = error.as_json() if isinstance(error, TadaError) else {"code": "unreadable", "message": str(error)}
    return Item(path, "failed", error=said)


class Outage:
    """Ends all when the service cannot be reached, or allows nothing: whoever has many files need not wait for each."""

    MOST = 3
    """Failures one after the other."""

    def __init__(self, workers: Workers) -> None:
        self._workers, self._failures = workers, 0
        self.error: TadaError | None = None

    def saw(self, error: TadaError | OSError | None) -> None:
        if not isinstance(error, NotReached | Unauthorized | Forbidden):
            self._failures = 0
            return
        self._failures += 1
        if self._failures >= self.MOST:
            self.error = error
            self._workers.stopping.set()


def tell(report: Report, title: str, as_json: bool, to: Path | None) -> None:
    """Print a report, and write it to a file."""
    if to:
        to.write_text(json.dumps(report.as_json(), ensure_ascii=False, indent=2) + "\n")
    if as_json:
        output.document(report.as_json())
        return
    counts = [f"{count} {outcome}" for outcome, count in sorted(report.counts.items())]
    rate = report.sent / report.seconds if report.seconds > 0 else 0
    size = f", {decimal(report.sent)} in {report.seconds:.1f} s ({decimal(int(rate))}/s)" if report.sent else ""
    sys.stdout.write(f"{title}: {', '.join(counts) or 'nothing to do'}{size}\n")
    sys.stdout.flush()
    wrong = [item for item in report.items if item.outcome == "failed"]
    for item in wrong[:20]:
        said = item.error or {}
        output.err.print(
            f"[red]failed[/] {escape(output.plain(item.path))}: {escape(output.plain(said.get('message', '')))}"
        )
        if said.get("hint"):
            output.err.print(f"  [dim]{escape(output.plain(said['hint']))}[/]")
    if len(wrong) > 20:
        output.say(f"… and {len(wrong) - 20} more; --report FILE.json has all of them.")
    if report.left_out:
        files = "file of another type was" if report.left_out == 1 else "files of other types were"
        output.say(f"{report.left_out} {files} left out; --include '*' sends all.")
