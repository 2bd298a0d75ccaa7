"""`make run`, as a person uses it: start, try, stop, start again, and what it says when something is in the way."""

import hashlib
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.processes.s3_server import client as s3_client
from tests.support.ports import free_run_of_ports
from tests.support.problems import problem
from tests.support.waits import wait_until
from tools.stack import children, s3
from tools.stack.plan import ROOT, Ports
from tools.stack.ports import free_ports
from tools.stack.running import is_running

READY = "TADA is ready"


def without_make() -> dict[str, str]:
    """Return this environment without what a make that runs the tests has put into it."""
    return {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}


class Run:
    """One `make run` and what it has printed so far."""

    def __init__(self, folder: Path, ports: Ports, **variables: str) -> None:
        self.ports = ports
        self._out = folder / f"run-{time.monotonic_ns()}.txt"
        given = {**ports.by_variable(), "METRICS_PORT": str(free_run_of_ports(8)), **variables}
        arguments = [f"{name}={value}" for name, value in given.items()]
        with self._out.open("w") as out:
            self.process = children.start(
                ["make", "run", f"DATA_DIR={folder / 'data'}", *arguments],
                without_make(),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )

    @property
    def printed(self) -> str:
        return self._out.read_text()

    def wait_ready(self) -> None:
        wait_until(lambda: READY in self.printed or self.process.poll() is not None, within=60)
        assert READY in self.printed, self.printed

    def wait_end(self) -> int:
        return self.process.wait(30)

    def pids(self) -> dict[str, int]:
        return {name: int(pid) for name, pid in re.findall(r"(\S+) started \(pid=(\d+)\)", self.printed)}


@contextmanager
def running(folder: Path, ports: Ports, **variables: str) -> Iterator[Run]:
    run = Run(folder, ports, **variables)
    try:
        yield run
    finally:
        if run.process.poll() is None:
            run.process.terminate()
            run.process.wait(30)


def test_it_runs_stops_and_finds_everything_again(tmp_path: Path, photos: dict[str, bytes]) -> None:
    ports = Ports(*free_ports(7))
    with running(tmp_path, ports) as run:
        run.wait_ready()
        assert re.search(rf"^{READY}", run.printed, re.MULTILINE)
        assert f"http://localhost:{ports.edge}" in run.printed
        [try_it] = re.findall(r"^  curl (.+)$", run.printed, re.MULTILINE)
        assert try_it.endswith(f"http://localhost:{ports.api}/file")
        (tmp_path / "cat.jpg").write_bytes(photos["china.jpg"])
        answer = subprocess.run(f"curl -s {try_it}", shell=True, cwd=tmp_path, capture_output=True, check=True)
        assert b'"unique_name":"/DEV/cat.webp"' in answer.stdout
        targets = json.loads((tmp_path / "data/run/prometheus-targets.json").read_text())
        names = {target["labels"]["process"] for target in targets}
        assert names >= {"catalog", "jobs", "transform", "nginx-cache", "nginx-edge"}
        for target in targets:
            known = "tada_gateway_current" if target["labels"]["process"].startswith("nginx-") else "tada_service_info"
            assert known in httpx.get(f"http://{target['targets'][0]}/metrics").text
        pids = run.pids()
        assert {"redis", "catalog", "transform", "jobs", "nginx-cache", "nginx-edge"} <= set(pids)
        os.killpg(run.process.pid, signal.SIGINT)  # Ctrl-C reaches the whole foreground group.
        assert run.wait_end() in (0, -signal.SIGINT), run.printed  # make ends with the signal that it was sent.
        assert "TADA has stopped." in run.printed
        assert not any(is_running(pid) for pid in pids.values())
    with running(tmp_path, ports) as run:
        run.wait_ready()
        [entry] = httpx.get(f"http://localhost:{ports.api}/catalog").json()
        original = httpx.get(f"http://localhost:{ports.edge}/assets/media/original/DEV/cat.jpg")
        assert original.content == photos["china.jpg"]
        replaced = httpx.patch(
            f"http://localhost:{ports.api}/file/{entry['uuid']}", files={"file": ("x.jpg", photos["flower.jpg"])}
        )
        assert replaced.headers["x-purge"] == "done"
        pids = run.pids()
        run.process.terminate()
        run.wait_end()
        assert "TADA has stopped." in run.printed
        assert not any(is_running(pid) for pid in pids.values())


def test_with_s3_it_brings_the_server_keeps_its_keys_and_finds_everything_again(
    tmp_path: Path, photos: dict[str, bytes]
) -> None:
    ports, s3_port = Ports(*free_ports(7)), free_run_of_ports(s3.PORTS)
    variables = {"STORAGE": "s3", "S3_PORT": str(s3_port)}
    keys_file = tmp_path / "data" / "s3-credentials"
    with running(tmp_path, ports, **variables) as run:
        run.wait_ready()
        assert f"http://localhost:{s3_port}" in run.printed
        assert str(keys_file) in run.printed
        form: dict[str, Any] = {"files": {"file": ("cat.jpg", photos["china.jpg"])}, "data": {"namespace": "DEV"}}
        assert httpx.post(f"http://localhost:{ports.api}/file", **form).status_code == 200
        keys = s3.kept_keys(keys_file)
        assert keys_file.stat().st_mode & 0o777 == 0o600
        pids = run.pids()
        assert keys.secret not in run.printed + Path(f"/proc/{pids['s3']}/cmdline").read_text()
        client = s3_client(f"http://localhost:{s3_port}", keys)
        assert client.get_object(Bucket="media", Key="DEV/cat.webp")["Body"].read() == photos["china.jpg"]
        os.killpg(run.process.pid, signal.SIGINT)
        run.wait_end()
        assert "TADA has stopped." in run.printed
        assert not any(is_running(pid) for pid in pids.values())
        s3_ports = range(s3_port, s3_port + s3.PORTS)
        assert not [file for port in s3_ports for file in Path("/tmp").glob(f"seaweedfs-*-{port}.sock")]
    moved = {**variables, "S3_PORT": str(free_run_of_ports(s3.PORTS))}
    with running(tmp_path, ports, **moved) as run:
        run.wait_ready()
        assert s3.kept_keys(keys_file) == keys
        original = httpx.get(f"http://localhost:{ports.edge}/assets/media/original/DEV/cat.jpg")
        assert original.content == photos["china.jpg"]


def test_a_busy_port_of_the_s3_server_is_named_with_its_variable(tmp_path: Path) -> None:
    first = free_run_of_ports(s3.PORTS)
    with socket.socket() as other:
        other.bind(("127.0.0.1", first + 4))
        other.listen()
        with running(tmp_path, Ports(*free_ports(7)), STORAGE="s3", S3_PORT=str(first)) as run:
            assert run.wait_end() != 0
            assert f"port {first + 4} " in run.printed
            assert "make run S3_PORT=" in run.printed


@pytest.mark.parametrize("variable", ["EDGE_PORT", "REDIS_PORT", "API_PORT", "TRANSFORM_PORT"])
def test_a_busy_port_is_named_with_its_variable(tmp_path: Path, variable: str) -> None:
    ports = Ports(*free_ports(7))
    with socket.socket() as other:
        other.bind(("127.0.0.1", ports.by_variable()[variable]))
        other.listen()
        with running(tmp_path, ports) as run:
            assert run.wait_end() != 0
            assert f"port {ports.by_variable()[variable]} " in run.printed
            assert f"make run {variable}=" in run.printed


def test_a_part_that_ends_is_started_again_and_the_others_stay(tmp_path: Path, photos: dict[str, bytes]) -> None:
    ports, s3_port = Ports(*free_ports(7)), free_run_of_ports(s3.PORTS)
    with running(tmp_path, ports, STORAGE="s3", S3_PORT=str(s3_port), TRANSFORM_WORKERS="2") as run:
        run.wait_ready()
        before = run.pids()
        for name in before:
            os.kill(before[name], signal.SIGKILL)
        wait_until(lambda: all(f"{name} is ready again" in run.printed for name in before))
        after = run.pids()
        assert not before.items() & after.items()
        assert "transform ended with status -9; it is started again in 0.5 s" in run.printed
        form: dict[str, Any] = {"files": {"file": ("cat.jpg", photos["china.jpg"])}, "data": {"namespace": "DEV"}}
        sent = httpx.post(f"http://localhost:{ports.api}/file", **form, timeout=30)
        assert (sent.status_code, sent.headers["x-purge"]) == (200, "done"), sent.text
        assert httpx.get(sent.json()["data"][0]["public_url"], timeout=30).status_code == 200
    assert not any(is_running(pid) for pid in after.values())


def test_a_part_that_ends_again_and_again_ends_the_run(tmp_path: Path) -> None:
    with running(tmp_path, Ports(*free_ports(7))) as run:
        run.wait_ready()
        killed = run.pids()["transform"]
        for _ in range(6):
            os.kill(killed, signal.SIGKILL)
            wait_until(lambda last=killed: run.pids()["transform"] != last or run.process.poll() is not None)
            killed = run.pids()["transform"]
        assert run.wait_end() != 0
        assert "TADA has stopped: transform ended with status -9 again, after 5 restarts within a minute" in run.printed
        assert re.findall(r"started again in ([\d.]+) s", run.printed) == ["0.5", "1", "2", "4", "8"]
        assert not any(is_running(pid) for pid in run.pids().values())


def test_sighup_reads_the_tokens_again_and_ends_nothing(tmp_path: Path) -> None:
    ports = Ports(*free_ports(7))
    file = tmp_path / "tokens"
    file.write_text(token_line("old"))
    with running(tmp_path, ports, BIND="0.0.0.0", MEDIA_TOKENS_FILE=str(file)) as run:
        run.wait_ready()
        [system] = map(int, re.findall(r"kill -HUP (\d+)", run.printed))
        pids = run.pids()

        def is_known(token: str) -> bool:
            headers = {"Authorization": f"Bearer {token}"}
            return httpx.get(f"http://localhost:{ports.api}/jobs", headers=headers).status_code == 200

        assert (is_known("old"), is_known("new")) == (True, False)
        file.write_text(token_line("new"))
        wait_until(lambda: is_known("new"))
        assert not is_known("old")
        for number, text in enumerate(("", "no line of a token"), 1):
            file.write_text(text)
            os.kill(system, signal.SIGHUP)
            wait_until(partial(has_refused, run, number))
        assert is_known("new")
        for name in ("transform", "jobs", "redis", "catalog"):
            os.kill(pids[name], signal.SIGHUP)
        wait_until(partial(has_refused, run, 3))
        assert run.pids() == pids
        assert all(is_running(pid) for pid in pids.values())


def has_refused(run: Run, times: int) -> bool:
    return run.printed.count("tokens_kept") >= times


def token_line(token: str) -> str:
    return f"cms:admin:*:{hashlib.sha256(token.encode()).hexdigest()}\n"


def test_a_terminal_that_is_closed_ends_the_run(tmp_path: Path) -> None:
    ports = {name: str(port) for name, port in Ports(*free_ports(7)).by_variable().items()}
    variables = {**os.environ, **ports, "METRICS_PORT": "0", "DATA_DIR": str(tmp_path / "data")}
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execve(sys.executable, [sys.executable, "-m", "tools.stack.run"], variables)
    printed = b""
    while READY.encode() not in printed:
        printed += os.read(terminal, 4096)
    started = [int(pid) for pid in re.findall(rb"started \(pid=(\d+)\)", printed)]
    assert len(started) > 5
    os.close(terminal)
    wait_until(lambda: os.waitpid(pid, os.WNOHANG)[0] == pid)
    assert not any(is_running(pid) for pid in started)


def test_the_doctor_finds_the_system_that_runs(tmp_path: Path) -> None:
    ports, s3_port = Ports(*free_ports(7)), free_run_of_ports(s3.PORTS)
    bare = {name: value for name, value in os.environ.items() if not name.endswith("_PORT")}
    with running(tmp_path, ports, STORAGE="s3", S3_PORT=str(s3_port)) as run:
        run.wait_ready()
        asked = {**bare, "DATA_DIR": str(tmp_path / "data")}  # Other tests run systems too.
        command = [sys.executable, "-m", "tools.doctor"]
        done = subprocess.run(command, cwd=ROOT, env=asked, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout
    assert f"uses {tmp_path / 'data'}" in done.stdout
    assert "storage: S3: an object was written, read and deleted" in done.stdout
    assert f"http://127.0.0.1:{ports.edge} takes changes" in done.stdout


def test_a_setting_that_cannot_be_is_named(tmp_path: Path) -> None:
    with running(tmp_path, Ports(*free_ports(7)), PAYLOAD_MAX_SIZE="10zb") as run:
        assert run.wait_end() != 0
        assert "PAYLOAD_MAX_SIZE: expected a size such as 500kb, 10mb or 1048576 (got '10zb')" in run.printed
        assert "catalog ended with status" in run.printed


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"EDGE_PORT": "http"}, "EDGE_PORT: 'http' is not a valid port"),
        ({"BIND": "0.0.0.0"}, "BIND=0.0.0.0 lets other machines write. Set MEDIA_TOKEN or MEDIA_TOKENS_FILE too"),
        (
            {"BIND": "0.0.0.0", "MEDIA_TOKENS_FILE": "/dev/null"},
            "BIND=0.0.0.0 lets other machines write. Set MEDIA_TOKEN or MEDIA_TOKENS_FILE too",
        ),
        ({"BIND": "0.0.0.0", "MEDIA_TOKENS_FILE": "/none"}, "MEDIA_TOKENS_FILE: cannot be read"),
        (
            {"BIND": "0.0.0.0", "MEDIA_TOKENS": "cms:write"},
            "MEDIA_TOKENS or MEDIA_TOKENS_FILE: expected lines such as cms:write:DEV,PROD:",
        ),
        ({"STORAGE": "minio"}, "STORAGE: 'minio' is not a valid storage"),
        ({"STORAGE": "s3", "S3_PORT": "65530"}, "S3_PORT: '65530' is not a valid port"),
        ({"GATEWAY_PATIENCE": "1m"}, "GATEWAY_PATIENCE: expected a whole number of seconds, 0 or more (got '1m')"),
        ({"TRANSFORM_WORKERS": "0"}, "TRANSFORM_WORKERS: '0' is not a valid number"),
        ({"DATA_DIR": "/proc/none"}, "DATA_DIR /proc/none cannot be used"),
    ],
)
def test_a_variable_that_cannot_be_is_named(tmp_path: Path, variables: dict[str, str], said: str) -> None:
    with running(tmp_path, Ports(*free_ports(7)), **variables) as run:
        assert run.wait_end() != 0
        assert f"TADA cannot start: {said}" in run.printed


def test_two_on_one_data_folder_are_kept_apart(tmp_path: Path) -> None:
    with running(tmp_path, Ports(*free_ports(7))) as first:
        first.wait_ready()
        with running(tmp_path, Ports(*free_ports(7))) as second:
            assert second.wait_end() != 0
            assert "another TADA uses" in second.printed
        assert first.process.poll() is None


def test_with_a_token_only_its_holder_writes(tmp_path: Path, photos: dict[str, bytes]) -> None:
    ports = Ports(*free_ports(7))
    with running(tmp_path, ports, MEDIA_TOKEN="s3cret-token") as run:
        run.wait_ready()
        url = f"http://localhost:{ports.api}/file"
        form: dict[str, Any] = {"files": {"file": ("a.jpg", photos["china.jpg"])}, "data": {"namespace": "DEV"}}
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "s3cret-token"}):
            refused = httpx.post(url, headers=headers, **form)
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"] == "Bearer"
            assert "Authorization: Bearer" in problem(refused)["hint"]
        assert httpx.post(url, headers={"Authorization": "Bearer s3cret-token"}, **form).status_code == 200
        assert httpx.get(f"http://localhost:{ports.api}/catalog").status_code == 200
        assert "s3cret-token" not in run.printed


def test_settings_of_the_gateway_reach_it(tmp_path: Path, photos: dict[str, bytes]) -> None:
    ports = Ports(*free_ports(7))
    with running(tmp_path, ports, FORMAT_NEGOTIATION="true") as run:
        run.wait_ready()
        sent = httpx.post(
            f"http://127.0.0.1:{ports.api}/file",
            files={"file": ("cat.jpg", photos["china.jpg"])},
            data={"namespace": "DEV"},
        )
        assert sent.status_code == 200
        shown = httpx.get(
            f"http://127.0.0.1:{ports.edge}/assets/media/optimise/40x0/DEV/cat.webp", headers={"Accept": "image/avif"}
        )
        assert shown.headers["content-type"] == "image/avif"


@pytest.mark.parametrize("storage", ["local", "distant"])
def test_it_runs_in_the_background_until_it_is_stopped(tmp_path: Path, photos: dict[str, bytes], storage: str) -> None:
    *ports, backend = free_ports(8)
    given = {
        **Ports(*ports).by_variable(),
        "METRICS_PORT": "0",
        "TRANSFORM_WORKERS": "1",
        "STORAGE": storage,
        "BACKEND_PORT": str(backend),
        "DATA_DIR": str(tmp_path / "data"),
    }
    arguments = [f"{name}={value}" for name, value in given.items()]

    def make(target: str, *more: str) -> tuple[int, str]:
        command = ["make", "-s", target, *arguments, *more]
        ended = subprocess.run(command, cwd=ROOT, env=without_make(), capture_output=True, text=True, timeout=120)
        return ended.returncode, ended.stdout + ended.stderr

    try:
        status, said = make("start")
        assert (status, READY in said) == (0, True), said
        [pid] = re.findall(r"kill -HUP (\d+)", said)
        assert "'make stop' stops it" in said
        entry = httpx.post(
            f"http://localhost:{ports[2]}/file",
            files={"file": ("cat.jpg", photos["china.jpg"])},
            data={"namespace": "DEV"},
        )
        assert entry.status_code == 200
        assert httpx.get(f"http://localhost:{ports[0]}/assets/media/full/DEV/cat.webp").status_code == 200
        assert (tmp_path / "data" / "backend" / "files").exists() is (storage == "distant")
        status, said = make("status")
        assert (status, said.count(" answers\n")) == (0, 6 if storage == "local" else 7), said
        status, said = make("start")
        assert (status, "TADA runs already" in said) == (0, True)
        status, said = make("start", f"DATA_DIR={tmp_path / 'other'}")
        assert (status != 0, f"make stop DATA_DIR={tmp_path / 'data'}" in said) == (True, True), said
        log = (tmp_path / "data" / "run" / "tada.log").read_text()
        assert READY in log
        assert "catalog started (pid=" in log
    finally:
        status, said = make("stop")
    assert (status, said) == (0, "TADA has stopped.\n")
    assert not is_running(int(pid))
    status, said = make("status")
    assert (status != 0, said.startswith("TADA does not run.")) == (True, True)
