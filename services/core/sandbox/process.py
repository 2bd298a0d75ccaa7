"""The service's side of a sandbox: start the child, give it the source, read one answer of bounded size, end it.

Nothing that the child says is believed: a file may have taken it over. Users check what is in the answer.
"""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from services.core.sandbox import Refusal

_ROOT = Path(__file__).parents[3]
_COMMAND = (sys.executable, "-B", "-m", "services.core.sandbox")
_ENVIRONMENT = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "FONTCONFIG_FILE", "FONTCONFIG_PATH")
"""Where Python and libraries find their files. Nothing secret."""
_HEAD_MAX = 4096


@dataclass(frozen=True, slots=True)
class Limits:
    """What one child may use. At least one of the two limits of memory is set."""

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


@dataclass(frozen=True, slots=True)
class Task:
    """`module` does the work; `order` tells it what to do (a JSON object); `environment` adds to what it needs."""

    module: str
    order: Mapping[str, Any]
    limits: Limits
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    head: dict[str, Any]
    body: bytes


class NoAnswer(Exception):
    """The child has passed a limit, has crashed, or has said something that is not an answer."""


class OutOfTime(NoAnswer):
    """The child has not answered within `wall_seconds`."""


def run(task: Task, source: bytes, started: Callable[[Callable[[], None]], None]) -> Answer:
    """Return the answer to a source. Blocks: call it in a thread.

    `started` is called with the function that ends the child, from any thread; what it raises passes through. Raises
    Refusal, and NoAnswer also for a child that was ended.
    """
    child = _Child(task)
    late = threading.Event()

    def expire() -> None:
        late.set()
        child.kill()

    clock = threading.Timer(task.limits.wall_seconds, expire)
    clock.start()
    try:
        started(child.kill)
        child.feed(source)
        return child.answer()
    except NoAnswer:
        if late.is_set():
            raise OutOfTime from None
        raise
    finally:
        clock.cancel()
        child.end()


async def run_streamed(task: Task, source: AsyncIterator[bytes]) -> Answer:
    """Return the answer to a source that comes in chunks; the child sees its end only if it comes without an error.

    Raises Refusal and NoAnswer, and what the source raises. The child is ended in any case, also by a cancellation.
    """
    first = await anext(source, b"")  # Before there is a child: there may be no source.
    child = _Child(task)
    try:
        async with asyncio.timeout(task.limits.wall_seconds):
            await asyncio.to_thread(child.feed, first)
            async for chunk in source:
                await asyncio.to_thread(child.feed, chunk)
            return await asyncio.to_thread(child.answer)
    except TimeoutError:
        raise OutOfTime from None
    finally:
        child.kill()  # What a thread still waits for comes to its end.
        await asyncio.to_thread(child.end)


class _Child:
    """The process, in calls that block."""

    def __init__(self, task: Task) -> None:
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

    def feed(self, chunk: bytes) -> None:
        with suppress(ConnectionError):  # It has ended. Then it says nothing, which is the answer.
            self._input.write(chunk)

    def answer(self) -> Answer:
        """Tell the child that this was the whole source, and return what it says; raises Refusal and NoAnswer."""
        with suppress(ConnectionError):
            self._input.close()
        head, size = _head(self._output.readline(_HEAD_MAX), self._output_max)
        body = self._output.read(size)
        if len(body) < size:
            raise NoAnswer
        return Answer(head, body)

    def kill(self) -> None:
        self._process.kill()

    def end(self) -> None:
        self._process.kill()
        with suppress(ConnectionError):
            self._input.close()
        self._output.close()
        self._process.wait()


def _command(task: Task) -> list[str]:
    limits = {name: getattr(task.limits, name) for name in ("cpu_seconds", "data", "address_space", "niceness")}
    return [*_COMMAND, task.module, orjson.dumps(limits).decode(), orjson.dumps(task.order).decode()]


def _head(line: bytes, output_max: int) -> tuple[dict[str, Any], int]:
    if not line.endswith(b"\n"):
        raise NoAnswer
    try:
        said = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise NoAnswer from None
    match said:
        case {"refusal": str(reason)}:
            raise Refusal(reason)
        case {"head": dict(head), "size": int(size)} if 0 <= size <= output_max:
            return head, size
    raise NoAnswer
