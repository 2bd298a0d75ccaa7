"""What a child in a sandbox can do, and what becomes of one that does something else. Both ways of running one."""

import asyncio
import ctypes
import os
import resource
import socket
import threading
import time
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop

from services.core.sandbox import Refusal, process
from services.core.sandbox.pool import Pool
from services.core.sandbox.process import Answer, Crashed, Limits, NoAnswer, OutOfTime, Task, run
from tests.support.sandboxes import Children

Run = Callable[[Task, bytes], Answer]
LIMITS = Limits(cpu_seconds=2, wall_seconds=20, output=1000, data=100 * 2**20)


def task(do: str, limits: Limits = LIMITS, **arguments: Any) -> Task:
    return Task("tests.processes.sandboxed_work", {"do": do, "with": arguments}, limits)


def run_whole(task: Task, source: bytes) -> Answer:
    return run(task, source, lambda end: None)


async def answer(task: Task, open_source: Callable[[], AsyncGenerator[bytes, None]]) -> Answer:
    """Ask a child that is used once."""
    return await Pool(uses=1).answer(task, open_source)


async def chunks(source: bytes) -> AsyncGenerator[bytes, None]:
    for start in range(0, len(source), 256 * 1024):
        yield source[start : start + 256 * 1024]


def run_in(loop: Callable[[], asyncio.AbstractEventLoop]) -> Run:
    def run_chunks(task: Task, source: bytes) -> Answer:
        with asyncio.Runner(loop_factory=loop) as runner:
            return runner.run(answer(task, lambda: chunks(source)))

    return run_chunks


@pytest.fixture(params=["whole", "streamed", "streamed by uvloop"])
def running(request: pytest.FixtureRequest) -> Run:
    loops = {"streamed": asyncio.new_event_loop, "streamed by uvloop": uvloop.new_event_loop}
    return run_in(loops[request.param]) if request.param in loops else run_whole


def landlock_version() -> int:
    return int(ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1))


def of_children() -> float:
    """Return the seconds of processor time that the children which have ended took."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.parametrize("source", [b"", b"abc" * 300])
def test_the_answer_has_a_head_and_a_body(running: Run, source: bytes) -> None:
    assert running(task("echo"), source) == Answer({"length": len(source)}, source)


def test_a_refusal_has_its_reason(running: Run) -> None:
    with pytest.raises(Refusal, match=r"^it is not a picture$"):
        running(task("refuse"), b"")


def test_the_child_gets_no_environment_and_no_open_files(running: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMIN_PASSWORD", "secret")
    limits = Limits(cpu_seconds=2, wall_seconds=20, output=0, data=100 * 2**20, niceness=7)
    with socket.socket() as opened:
        os.set_inheritable(opened.fileno(), True)
        found = running(Task("tests.processes.sandboxed_work", {"do": "look_around"}, limits, {"TUNED": "1"}), b"").head
    assert "TUNED" in found["environment"]
    # Python itself may add the locale that it has chosen.
    assert set(found["environment"]) <= {"TUNED", "LC_CTYPE", *process._ENVIRONMENT}
    # The fourth is the listing itself.
    assert found["descriptors"] == [0, 1, 2, 3]
    assert found["niceness"] == min(19, os.nice(0) + 7)
    assert found["core"] == 0


def test_the_child_has_no_network_where_the_kernel_allows_that(running: Run) -> None:
    if running(task("look_around"), b"").head["network"] == str(Path("/proc/self/ns/net").readlink()):
        pytest.skip("user namespaces are forbidden here")
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert "error" in running(task("connect", port=server.getsockname()[1]), b"").head


def test_the_child_writes_no_file(running: Run, tmp_path: Path) -> None:
    path = tmp_path / "written"
    # Where Landlock is missing, an empty file can be made.
    assert running(task("write", path=str(path)), b"").head["error"] in ("File too large", "Permission denied")
    assert not path.exists() or not path.stat().st_size


def test_the_child_can_only_read_files_and_reaches_no_process_where_the_kernel_allows_that(
    running: Run, tmp_path: Path
) -> None:
    if landlock_version() < 6:
        pytest.skip("the kernel has no Landlock, or an old one")
    (tmp_path / "file").write_text("kept")
    found = running(task("harm", folder=str(tmp_path), pid=os.getpid()), b"").head
    assert found == {"done": [], "read": "kept"}
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("memory", [{"data": 100 * 2**20}, {"address_space": 100 * 2**20}])
def test_memory_has_an_end(running: Run, memory: dict[str, int]) -> None:
    with pytest.raises(NoAnswer):
        running(task("take_memory", Limits(cpu_seconds=2, wall_seconds=20, output=0, **memory)), b"")


def test_processor_time_has_an_end(running: Run) -> None:
    started = of_children()
    with pytest.raises(Crashed):
        running(task("compute", Limits(cpu_seconds=1, wall_seconds=100, output=0, data=100 * 2**20)), b"")
    assert 0.5 < of_children() - started < 3


def test_a_child_that_sleeps_is_ended_on_time(running: Run, children: Children) -> None:
    with pytest.raises(OutOfTime):
        running(task("sleep", Limits(cpu_seconds=1, wall_seconds=0.3, output=0, data=100 * 2**20)), b"")
    assert children() == set()


def test_a_child_that_crashes_says_nothing(running: Run) -> None:
    with pytest.raises(Crashed):
        running(task("crash"), b"")


def test_a_child_that_somebody_else_ends_has_not_crashed(running: Run) -> None:
    with pytest.raises(NoAnswer) as raised:
        running(task("be_killed"), b"")
    assert not isinstance(raised.value, Crashed)


def test_an_answer_has_a_largest_size(running: Run) -> None:
    assert len(running(task("echo"), bytes(LIMITS.output)).body) == LIMITS.output
    with pytest.raises(NoAnswer):
        running(task("echo"), bytes(LIMITS.output + 1))


@pytest.mark.parametrize(
    "said",
    [
        "",
        "{",
        "{}",
        "[]\\n",
        "null\\n",
        "{}\\n",
        '{"head": {}}\\n',
        '{"head": {}, "size": 0, "last": true}',
        '{"head": {}, "size": 0}\\n',
        '{"head": {}, "size": -1, "last": true}\\n',
        '{"head": {}, "size": 1001, "last": true}\\n',
        '{"head": {}, "size": 9, "last": true}\\nshort',
        '{"head": [], "size": 0, "last": true}\\n',
        '{"head": {}, "size": 0, "last": 0}\\n',
        '{"refusal": 3}\\n',
        '"%5000s"\\n',
        "%200000s",
    ],
)
def test_what_is_not_an_answer_is_none(running: Run, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_COMMAND", ("sh", "-c", f"printf '{said}'; exec cat > /dev/null"))
    with pytest.raises(NoAnswer):
        running(task("echo"), b"")


@pytest.mark.parametrize("command", ["true", "exec <&-; sleep 0.1", "head -c 100000 > /dev/null"])
def test_a_child_that_ends_while_it_is_fed_says_nothing(
    running: Run, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_COMMAND", ("sh", "-c", command))
    with pytest.raises(NoAnswer):
        running(task("echo"), bytes(20_000_000))


def test_a_child_that_writes_instead_of_reading_is_ended_on_time(running: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_COMMAND", ("sh", "-c", "exec head -c 1000000 /dev/zero"))
    limits = Limits(cpu_seconds=1, wall_seconds=0.3, output=0, data=100 * 2**20)
    with pytest.raises(NoAnswer):
        running(task("echo", limits), bytes(20_000_000))


def test_a_child_can_be_ended_by_the_caller() -> None:
    started = time.monotonic()
    with pytest.raises(NoAnswer) as raised:
        run(task("sleep"), b"", lambda end: threading.Timer(0.3, end).start())
    assert not isinstance(raised.value, OutOfTime)
    assert time.monotonic() - started < LIMITS.wall_seconds / 2


def test_a_caller_that_has_given_up_before_the_start_ends_the_child(children: Children) -> None:
    def give_up(end: Callable[[], None]) -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        run(task("sleep"), b"", give_up)
    assert children() == set()


async def test_a_cancellation_ends_the_child(children: Children) -> None:
    waiting = asyncio.create_task(answer(task("sleep"), lambda: chunks(b"")))
    async with asyncio.timeout(10):
        while not children():  # noqa: ASYNC110 - a process has no event
            await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert children() == set()


async def test_what_the_source_raises_passes_through(children: Children) -> None:
    async def broken() -> AsyncGenerator[bytes, None]:
        yield b"x"
        raise KeyError("gone")

    with pytest.raises(KeyError, match="gone"):
        await answer(task("echo"), broken)
    assert children() == set()


async def test_there_is_no_child_without_a_source(monkeypatch: pytest.MonkeyPatch) -> None:
    async def missing() -> AsyncGenerator[bytes, None]:
        raise FileNotFoundError
        yield b""

    monkeypatch.setattr(process, "_COMMAND", ("/does/not/exist",))
    with pytest.raises(FileNotFoundError) as raised:
        await answer(task("echo"), missing)
    assert raised.value.filename is None
