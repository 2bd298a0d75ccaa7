"""Load from processes of their own: `wrk` for what takes microseconds, `client` for a given list of requests."""

import json
import re
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from typing import Any

from tools.bench.measuring import Sample, cpu_seconds
from tools.stack.plan import ROOT, PlanError

_WRK_RATE = re.compile(r"(\d+) requests in ([\d.]+)(m?s),")
_WRK_WRONG = re.compile(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)")


@dataclass(frozen=True, slots=True)
class Work:
    """Requests, each to be sent once. Connections are dealt out evenly to the addresses (host, port)."""

    addresses: list[tuple[str, int]]
    paths: list[str]
    connections: int = 8
    headers: dict[str, str] = field(default_factory=dict)
    upload: str = ""
    """A file that is posted as a form; the paths are then its names."""
    expect: list[int] = field(default_factory=lambda: [200])


@dataclass(frozen=True, slots=True)
class Done:
    """The result of a Work: seconds for all, milliseconds for each request, bytes of all bodies."""

    seconds: float
    milliseconds: list[float]
    received: int


class Client:
    """A process that sends the given requests. It is started once, so its start is not measured."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tools.bench.client"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def send(self, work: Work) -> Done:
        """Send all requests and wait for their answers; raises AssertionError for an answer that was not expected."""
        said = ask(self._process, asdict(work))
        assert not said["wrong"], said["wrong"]
        return Done(said["seconds"], said["milliseconds"], said["received"])

    def sample(self, work: Work, servers: list[int]) -> Sample:
        """Send all requests and count the processor time of the servers (leaders of sessions)."""
        before = cpu_seconds(servers)
        done = self.send(work)
        return Sample(len(work.paths), done.seconds, cpu_seconds(servers) - before)

    def close(self) -> None:
        end(self._process)


def ask(process: "subprocess.Popen[str]", question: object) -> Any:
    """Send a line of JSON to a process and return the line that it answers."""
    assert process.stdin
    assert process.stdout
    process.stdin.write(json.dumps(question) + "\n")
    process.stdin.flush()
    line = process.stdout.readline()
    assert line, f"{process.args!r} has ended"
    return json.loads(line)


def end(process: "subprocess.Popen[str]") -> None:
    assert process.stdin
    process.stdin.close()
    process.wait(10)


def wrk(url: str, seconds: float, servers: list[int], connections: int = 16) -> Sample:
    """Ask for one URL for a while, over connections that are kept open."""
    before = cpu_seconds(servers)
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "10s", url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    used = cpu_seconds(servers) - before
    wrong = _WRK_WRONG.search(said)
    assert not wrong, f"{url}: {wrong and wrong[0]}"
    found = _WRK_RATE.search(said)
    assert found, said
    return Sample(int(found[1]), float(found[2]) / (1000 if found[3] == "ms" else 1), used)


def need_wrk() -> str:
    """Return the version of wrk; raises PlanError when it is not installed."""
    try:
        said = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        raise PlanError("wrk is not installed; 'make bench' installs it") from None
    return said.split()[1] if said else "?"


def reply(answer: object) -> None:
    """Answer a line of `ask`, from inside the process."""
    print(json.dumps(answer), flush=True)


def questions() -> Any:
    """Yield what the process is asked, until there is nothing more."""
    for line in sys.stdin:
        yield json.loads(line)
