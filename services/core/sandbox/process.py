"""The service's side of a sandbox: start the child, give it the source, read one answer of bounded size, end it.

No answer of the child is trusted: a file may have taken it over. Callers check what is in the answer.
"""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import orjson

from services.core.sandbox import Refusal

_ROOT = Path(__file__).parents[3]
_COMMAND = (sys.executable, "-B", "-m", "services.core.sandbox")
_ENVIRONMENT = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "FONTCONFIG_FILE", "FONTCONFIG_PATH")
"""Where Python and libraries find their files. They hold no secret."""
_HEAD_MAX = 4096
_CRASHES = (signal.SIGABRT, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV, signal.SIGTRAP, signal.SIGXCPU)
"""How code in C ends when it fails, also when it gets no memory."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one child. At least one of the two limits of memory is set."""

    cpu_seconds: int
    wall_seconds: float
    """From the start of the child to its answer."""
    output: int
    """Bytes of the answer's body."""
    data: int | None = None
    """Bytes of private memory: shared libraries and what is only reserved do not count."""
    address_space: int | None = None
    """Bytes of all memory, shared libraries included."""
    niceness: int = 0
    reuse_seconds: int = 0
    """Seconds of processor time after which a child gets no more orders. Its total limit is `cpu_seconds` higher."""


@dataclass(frozen=True, slots=True)
class Task:
    """`module` does the work; `order` tells it what to do (a JSON object); `environment` adds to what it needs."""

    module: str
    order: Mapping[str, Any]
    limits: Limits
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> tuple[object, ...]:
        """The kind of task that a child is made for: it can be used for all tasks of this kind."""
        return self.module, self.limits, self.environment


@dataclass(frozen=True, slots=True)
class Answer:
    head: dict[str, Any]
    body: bytes


class NoAnswer(Exception):
    """The child has exceeded a limit, has crashed, or has sent something that is not a valid answer."""


class Crashed(NoAnswer):
    """The work itself has ended the child: it has crashed, or has used up its processor time."""


class OutOfTime(NoAnswer):
    """The child has not answered within `wall_seconds`."""


def run(task: Task, source: bytes, started: Callable[[Callable[[], None]], None]) -> Answer:
    """Return the answer to a source. Blocks: call it in a thread.

    `started` is called with the function that ends the child, from any thread; what it raises passes through. Raises
    Refusal, and NoAnswer also for a child that was ended.
    """
    child = Child(task)
    late = threading.Event()

    def expire() -> None:
        late.set()
        child.kill()

    clock = threading.Timer(task.limits.wall_seconds, expire)
    clock.start()
    try:
        started(child.kill)
        child.begin(task.order)
        child.feed(source)
        return child.answer()
    except NoAnswer:
        if late.is_set():
            raise OutOfTime from None
        raise
    finally:
        clock.cancel()
        child.end()


async def ask(child: "Child", task: Task, first: bytes, rest: AsyncIterator[bytes]) -> Answer:
    """Return the answer of a child to a source; raises Refusal and NoAnswer, and what the source raises.

    After an error or a cancellation, the child must not be used again: threads may wait for it until it is ended.
    """
    try:
        async with asyncio.timeout(task.limits.wall_seconds):
            await asyncio.to_thread(child.begin, task.order)
            await asyncio.to_thread(child.feed, first)
            async for chunk in rest:
                await asyncio.to_thread(child.feed, chunk)
            return await asyncio.to_thread(child.answer)
    except TimeoutError:
        raise OutOfTime from None


async def end(child: "Child") -> None:
    """End a child. Threads that wait for it return then."""
    child.kill()
    await asyncio.to_thread(child.end)


class Child:
    """The process, in calls that block. It answers sources one after the other."""

    def __init__(self, task: Task) -> None:
        self.kind = task.kind
        self.uses = 0
        self.is_last = False
        """Whether it says that it should not be used again."""
        self._output_max = task.limits.output
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        self._process = subprocess.Popen(  # noqa: S603 - a command of our own
            _command(task),
            cwd=_ROOT,
            env={**environment, **task.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            close_fds=True,
        )
        assert self._process.stdin
        assert self._process.stdout
        self._input, self._output = self._process.stdin, self._process.stdout
        # A child that waits in a pool ends with it, even if the pool is not closed.
        self._end = weakref.finalize(self, _end, self._process, self._input, self._output)

    def begin(self, order: Mapping[str, Any]) -> None:
        """Give the child an order. `answer` returns the answer to it."""
        self.uses += 1
        self._write(orjson.dumps(order) + b"\n")

    def feed(self, chunk: bytes) -> None:
        if chunk:  # A length of 0 is the end.
            self._write(len(chunk).to_bytes(4, "big"))
            self._write(chunk)

    def answer(self) -> Answer:
        """Tell the child that the source is complete, and return its answer; raises Refusal and NoAnswer."""
        self._write(bytes(4))
        with suppress(ConnectionError):
            self._input.flush()
        line = self._output.readline(_HEAD_MAX)
        if not line and self._has_crashed():
            raise Crashed
        head, size, self.is_last = _head(line, self._output_max)
        body = self._output.read(size)
        if len(body) < size:
            raise NoAnswer
        return Answer(head, body)

    def _has_crashed(self) -> bool:
        """Say how a child has ended that says nothing. One that only pretends to have ended is ended here."""
        self.kill()
        return -self._process.wait() in _CRASHES

    def _write(self, text: bytes) -> None:
        with suppress(ConnectionError):  # It has ended. Then there is no answer, which is noticed below.
            self._input.write(text)

    def kill(self) -> None:
        self._process.kill()

    def end(self) -> None:
        self._end()


def _end(process: "subprocess.Popen[bytes]", *pipes: IO[bytes]) -> None:
    process.kill()
    for pipe in pipes:
        with suppress(ConnectionError):
            pipe.close()
    process.wait()


def _command(task: Task) -> list[str]:
    names = ("cpu_seconds", "reuse_seconds", "data", "address_space", "niceness")
    limits = {name: getattr(task.limits, name) for name in names}
    return [*_COMMAND, task.module, orjson.dumps(limits).decode()]


def _head(line: bytes, output_max: int) -> tuple[dict[str, Any], int, bool]:
    """Return the head of an answer, the length of its body, and whether it is the last; raises Refusal and NoAnswer."""
    if not line.endswith(b"\n"):
        raise NoAnswer
    try:
        said = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise NoAnswer from None
    match said:
        case {"refusal": str(reason)}:
            raise Refusal(reason)
        case {"head": dict(head), "size": int(size), "last": bool(last)} if 0 <= size <= output_max:
            return head, size, last
    raise NoAnswer
