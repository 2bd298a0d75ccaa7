"""The command `tada` with a running TADA."""

import hashlib
import json
import os
import pty
import re
import select
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tada_client.cli.app import app
from typer.testing import CliRunner

from tests.processes.system import System
from tests.support.waits import wait_until
from tools.stack.plan import ROOT

README = ROOT / "clients/python/README.md"
TOKEN = "the-first-token"


@dataclass
class Tada:
    """Runs the command, in this process."""

    environment: dict[str, str]

    def __call__(self, *arguments: str, code: int = 0) -> str:
        ran = CliRunner().invoke(app, list(arguments), env=self.environment, prog_name="tada")
        assert ran.exit_code == code, (arguments, ran.exit_code, ran.output, ran.exception)
        self.said = ran.stderr
        return ran.stdout

    def document(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self(*arguments, "--json", code=code))

    def lines(self, *arguments: str) -> list[Any]:
        return [json.loads(line) for line in self(*arguments, "--json").splitlines()]


def environment(url: str, folder: Path) -> dict[str, str]:
    return {
        "TADA_URL": url,
        "TADA_NAMESPACE": "DEV",
        "TADA_TOKEN": "",
        "TADA_SIGNING_KEY": "",
        "TADA_CONFIG": str(folder / "config"),
        "XDG_STATE_HOME": str(folder / "state"),
    }


@pytest.fixture
def tada(system: System, tmp_path: Path) -> Tada:
    return Tada(environment(f"http://127.0.0.1:{system.ports.api}", tmp_path))


@pytest.fixture
def pictures(tmp_path: Path, photos: dict[str, bytes]) -> Path:
    """A folder with three pictures, in it and below it, and what is none."""
    folder = tmp_path / "photos"
    (folder / "Set Ä").mkdir(parents=True)
    (folder / "cat.jpg").write_bytes(photos["china.jpg"])
    (folder / "Set Ä/dög.jpg").write_bytes(photos["flower.jpg"])
    (folder / "Set Ä/fox.png").write_bytes(photos["astronaut.png"])
    (folder / "notes.txt").write_text("no picture")
    return folder


def outcomes(report: dict[str, Any]) -> dict[str, str]:
    return {each["path"]: each["outcome"] for each in report["files"]}


def test_the_first_steps_of_the_readme_do_what_it_shows(
    make_system: Callable[..., System], photos: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = make_system(TRASH_DAYS="30")
    tada = Tada(environment(f"http://127.0.0.1:{system.ports.api}", tmp_path))
    (tmp_path / "photos").mkdir()
    monkeypatch.chdir(tmp_path)
    for name, photo in (("cat.jpg", "china.jpg"), ("dog.jpg", "flower.jpg"), ("fox.png", "astronaut.png")):
        (tmp_path / "photos" / name).write_bytes(photos[photo])
    shown = README.read_text()
    here = {"localhost:3001": f"127.0.0.1:{system.ports.api}", "localhost:8080": f"localhost:{system.ports.edge}"}
    for there, address in here.items():
        shown = shown.replace(there, address)
    [steps] = re.findall(r"```\n(\$ export .+?)```", shown, re.DOTALL)
    for step in steps.removeprefix("$ ").split("\n$ "):
        command, _, expected = step.partition("\n")
        words = shlex.split(command)
        if words[0] == "export":
            continue
        system.wait_until_described()
        said = tada(*words[1:])
        pattern = re.escape(expected.rstrip("\n")).replace("…", ".+")
        assert re.fullmatch(pattern, "\n".join(line.rstrip() for line in said.splitlines())), (command, said)
    [program] = re.findall(r"```python\n(.+?)```", shown, re.DOTALL)
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT / "clients/python/src")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "/optimise/400x0/DEV/pets/cat.webp?format=avif" in ran.stdout


def test_a_folder_is_uploaded_once(tada: Tada, pictures: Path, name: str, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    upload = ("upload", str(pictures), "--to", name, "--tag", "a", "--report", str(report))
    assert set(outcomes(tada.document(*upload, "--dry-run")).values()) == {"would be sent"}
    tada(*upload)
    assert "1 file of another type was left out" in tada.said
    assert outcomes(json.loads(report.read_text())) == {
        "cat.jpg": "stored",
        "Set Ä/dög.jpg": "stored",
        "Set Ä/fox.png": "stored",
    }
    assert set(outcomes(tada.document(*upload)).values()) == {"same"}
    # Without what is remembered, the digests are compared.
    tada.environment["XDG_STATE_HOME"] = str(tmp_path / "another")
    assert set(outcomes(tada.document(*upload)).values()) == {"same"}
    found = tada.lines("search", "--folder", f"/DEV/{name}", "--sort", "name")
    assert [each["unique_name"].removeprefix(f"/DEV/{name}") for each in found] == [
        "/Set_A/dog.webp",
        "/Set_A/fox.webp",
        "/cat.webp",
    ]
    assert {(each["version"], *each["tags"]) for each in found} == {(1, "a")}


def test_another_picture_at_a_path_is_treated_as_it_was_said(
    tada: Tada, pictures: Path, name: str, photos: dict[str, bytes]
) -> None:
    tada("upload", str(pictures), "--to", name)
    (pictures / "cat.jpg").write_bytes(photos["flower.jpg"])

    def outcome(on_conflict: str, code: int = 0) -> str:
        return outcomes(tada.document("upload", str(pictures), "--to", name, "--on-conflict", on_conflict, code=code))[
            "cat.jpg"
        ]

    assert outcome("fail", code=1) == "failed"
    tada("upload", str(pictures), "--to", name, code=1)
    assert f"/DEV/{name}/cat.webp is another picture" in tada.said
    assert outcome("skip") == "kept"
    assert outcome("rename") == "renamed"
    assert outcome("rename") == "same"
    assert outcome("replace") == "replaced"
    assert outcome("replace") == "same"
    assert tada.document("show", f"/DEV/{name}/cat.webp")["version"] == 2
    assert tada.document("show", f"/DEV/{name}/cat-2.webp")["version"] == 1


def test_a_file_that_is_refused_does_not_stop_the_others(tada: Tada, pictures: Path, name: str) -> None:
    (pictures / "broken.jpg").write_bytes((pictures / "cat.jpg").read_bytes()[:50_000])
    tada("upload", str(pictures), str(pictures / "notes.txt"), "--to", name, code=1)
    assert "failed broken.jpg" in tada.said
    assert "failed notes.txt" in tada.said
    assert tada("search", "--folder", f"/DEV/{name}", "--count") == "3\n"


def test_assets_are_found_changed_moved_and_deleted(tada: Tada, pictures: Path, name: str) -> None:
    tada("upload", str(pictures), "--to", name)
    cat = f"/DEV/{name}/cat.webp"
    assert f"/DEV/{name}/Set_A/\t2" in tada("ls", f"/DEV/{name}")
    tada("edit", cat, "--title", "Cat", "--add-tag", "a", "--add-tag", "b", "--focus", "0.1,0.9")
    tada("edit", cat, "--remove-tag", "a", "--title", "", "--focus", "none")
    entry = tada.document("show", cat)
    assert (entry["title"], entry["tags"], entry["focus_x"]) == (None, ["b"], None)
    folder = ("--folder", f"/DEV/{name}")
    assert tada.document("edit", *folder, "--add-tag", "c", "--dry-run")["count"] == 3
    tada("edit", *folder, "--add-tag", "c", code=1)
    assert "Say --yes" in tada.said
    tada("edit", *folder, "--add-tag", "c", "--yes")
    assert tada("search", *folder, "--tag", "c", "--count") == "3\n"
    tada("mv", cat, "wild/")
    assert tada.document("mv", f"/DEV/{name}/cat.webp", "tiger")["unique_name"] == "/DEV/wild/tiger.webp"
    tada("mv", "/DEV/wild/tiger.webp", cat)
    assert tada.lines("expire", cat, "--at", "2099-01-01")[0]["expiration_date"].startswith("2099-01-01T00:00")
    assert tada.lines("expire", cat, "--never")[0]["expiration_date"] is None
    assert "is purged" in tada("purge", cat)
    kinds = [event["kind"] for event in tada.lines("events", "--history", cat)]
    assert kinds.count("asset.moved") == 3
    tada("rm", cat, f"/DEV/{name}/none.webp", code=4)
    assert tada.document("show", cat)["unique_name"] == cat
    tada("rm", cat)
    assert "2 of 2 deleted" in tada("rm", *folder, "--yes")
    error = json.loads(tada("show", cat, "--json", code=4) or tada.said)
    assert error["error"]["code"] == "not_found"


def test_one_way_and_the_other(tada: Tada, pictures: Path, name: str, tmp_path: Path, photos: dict[str, bytes]) -> None:
    place, copy = f"/DEV/{name}", tmp_path / "copy"
    assert set(outcomes(tada.document("sync", str(pictures), place)).values()) == {"stored"}
    assert set(outcomes(tada.document("sync", str(copy), place, "--down")).values()) == {"downloaded"}
    assert (copy / "Set_A/dog.jpg").read_bytes() == photos["flower.jpg"]
    assert set(outcomes(tada.document("sync", str(copy), place, "--down")).values()) == {"same"}
    (copy / "cat.jpg").write_bytes(photos["flower.jpg"])
    (copy / "Set_A/fox.png").unlink()
    (copy / "new.jpg").write_bytes(photos["china.jpg"])
    tada("sync", str(copy), place, "--delete", "--dry-run")
    assert f"would be deleted: {place}/Set_A/fox.webp" in tada.said
    assert outcomes(tada.document("sync", str(copy), place, "--delete", "--yes")) == {
        "Set_A/dog.jpg": "same",
        "cat.jpg": "replaced",
        "new.jpg": "stored",
        f"{place}/Set_A/fox.webp": "deleted",
    }
    (copy / "more.jpg").write_bytes(photos["china.jpg"])
    tada("sync", str(copy), place, "--down", "--delete")
    assert (copy / "more.jpg").exists()
    assert outcomes(tada.document("sync", str(copy), place, "--down", "--delete", "--yes"))["more.jpg"] == "deleted"
    assert {file.name for file in copy.rglob("*.*")} == {"cat.jpg", "dog.jpg", "new.jpg"}


def test_pictures_of_one_stem_stay_apart(tada: Tada, name: str, tmp_path: Path, photos: dict[str, bytes]) -> None:
    place, folder = f"/DEV/{name}", tmp_path / "stems"
    folder.mkdir()
    for file, colour in (("one.jpg", "red"), ("one.png", "blue")):
        Image.new("RGB", (30, 20), colour).save(folder / file)
    drawing = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M0 0h9v9"/></svg>'
    (folder / "one.svg").write_text(drawing)
    first = tada.document("sync", str(folder), place, code=1)
    assert outcomes(first) == {"one.svg": "stored", "one.jpg": "stored", "one.png": "failed"}
    [error] = [item["error"] for item in first["files"] if item["path"] == "one.png"]
    assert "the same path as one.jpg" in error["message"]
    again = tada.document("sync", str(folder), place, code=1)
    assert outcomes(again) == {"one.svg": "same", "one.jpg": "same", "one.png": "failed"}


def test_what_is_left_out_is_never_deleted(tada: Tada, name: str, tmp_path: Path, photos: dict[str, bytes]) -> None:
    place, folder = f"/DEV/{name}", tmp_path / "left"
    (folder / "drafts").mkdir(parents=True)
    (folder / "one.jpg").write_bytes(photos["china.jpg"])
    (folder / "drafts/two.jpg").write_bytes(photos["flower.jpg"])
    (folder / "notes.txt").write_text("to be kept")
    tada("sync", str(folder), place)
    (folder / "drafts/three.jpg").write_bytes(photos["coffee.png"])
    arguments = ("sync", str(folder), place, "--exclude", "drafts/", "--delete", "--yes")
    tada(*arguments, "--down")
    assert {file.name for file in folder.rglob("*.*")} == {"one.jpg", "two.jpg", "three.jpg", "notes.txt"}
    tada("sync", str(folder), place, "--down", "--delete", "--yes")
    assert {file.name for file in folder.rglob("*.*")} == {"one.jpg", "two.jpg", "notes.txt"}
    (folder / "drafts/two.jpg").unlink()
    tada(*arguments)
    assert f"{place}/drafts/two.webp" in tada("ls", f"{place}/drafts")


def test_an_end_in_the_future_revives_what_was_stopped(tada: Tada, pictures: Path, name: str) -> None:
    tada("upload", str(pictures / "cat.jpg"), "--to", f"/DEV/{name}")
    path = f"/DEV/{name}/cat.webp"
    tada("expire", path)
    tada("expire", path, "--at", "2090-01-31")
    assert tada.document("show", path)["expired"] is False


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system below a prefix, with a token, versions and a trash."""
    settings = {"API_PREFIX": "/shop", "MEDIA_TOKEN": TOKEN, "KEEP_VERSIONS": "2", "TRASH_DAYS": "2"}
    made = System(tmp_path_factory.mktemp("own"), settings)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def test_whoever_operates_it_sees_jobs_dumps_and_its_state(own: System, tmp_path: Path) -> None:
    tada = Tada(environment(f"http://127.0.0.1:{own.ports.api}/shop", tmp_path) | {"TADA_TOKEN": TOKEN})
    assert tada.document("jobs", "--run", "expire")["status"] == "done"
    assert tada.document("jobs", "--run", "sync", "--arg", "dry_run=true")["result"]["dry_run"] is True
    assert "expire-" in tada("jobs", "--name", "expire")
    files = tada("dump").strip().split(", ")
    assert files[0] in tada("dump", "--list")
    assert Path(tada("dump", "--get", files[0], "--to", str(tmp_path)).strip()).stat().st_size
    assert tada.document("restore-dump", files[0], "--dry-run")["status"] == "done"
    tada("restore-dump", files[0], code=1)
    assert "Say --yes" in tada.said
    assert {each["ok"] for each in tada.document("doctor")} == {True}
    tada("jobs", "--run", "nothing", code=4)


def test_a_job_is_cancelled(own: System, tmp_path: Path) -> None:
    tada = Tada(environment(f"http://127.0.0.1:{own.ports.api}/shop", tmp_path) | {"TADA_TOKEN": TOKEN})
    own.end("jobs")
    job = tada.document("jobs", "--run", "sync", "--no-wait")
    cancelled = tada.document("jobs", "cancel", job["id"])
    assert (cancelled["id"], cancelled["status"], cancelled["result"]) == (job["id"], "cancelled", None)
    assert job["id"] in tada("jobs", "--status", "cancelled")
    tada("jobs", job["id"], code=1)
    own.start("jobs")
    done = tada.document("jobs", "--run", "expire")
    tada("jobs", "cancel", done["id"], code=4)
    assert "has ended already: done" in tada.said
    assert tada.document("jobs", job["id"], code=1)["attempts"] == 0
    tada("jobs", "cancel", "nobody-knows", code=4)
    for wrong in (["cancel"], ["cancel", "a", "b"], ["a", "b"], ["a", "--run", "sync"]):
        tada("jobs", *wrong, code=2)


def test_with_a_prefix_and_tokens_while_the_service_is_killed(
    own: System, photos: dict[str, bytes], tmp_path: Path
) -> None:
    tada = Tada(environment(f"http://127.0.0.1:{own.ports.api}/shop", tmp_path))
    folder = many(tmp_path, photos, 80)
    tada("ls", code=0)
    tada("upload", str(folder), code=4)
    assert "TADA_TOKEN" in tada.said
    tada.environment["TADA_TOKEN"] = TOKEN

    def kill() -> None:
        wait_until(lambda: own.stored_files().keys() >= {"DEV/3.webp"})
        own.kill("catalog")
        own.start("catalog")

    killing = threading.Thread(target=kill)
    killing.start()
    report = tada.document("upload", str(folder))
    killing.join()
    assert set(outcomes(report).values()) <= {"stored", "same"}
    assert tada("search", "--folder", "/DEV", "--count") == "80\n"
    tada("upload", str(folder / "0.jpg"))
    (folder / "0.jpg").write_bytes(photos["flower.jpg"])
    tada("upload", str(folder / "0.jpg"), "--on-conflict", "replace")
    assert [each["version"] for each in tada.lines("versions", "/DEV/0.webp")] == [1]
    assert tada.document("restore", "/DEV/0.webp", "--version", "1")["version"] == 3
    tada("rm", "/DEV/0.webp")
    assert [each["unique_name"] for each in tada.lines("ls", "--trash")] == ["/DEV/0.webp"]
    assert tada.document("restore", "/DEV/0.webp")["version"] == 3


def many(folder: Path, photos: dict[str, bytes], count: int) -> Path:
    """Make a folder of pictures that differ in a comment."""
    made = folder / "many"
    made.mkdir()
    photo = photos["china.jpg"]
    for number in range(count):
        text = str(number).encode().rjust(8)
        (made / f"{number}.jpg").write_bytes(photo[:2] + b"\xff\xfe\x00\x0a" + text + photo[2:])
    return made


class Terminal:
    """A process at a terminal of 80 columns."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            # What runs in the background may have been told to ignore it.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.environ.update(
                {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24", **environment},
                PYTHONPATH=str(ROOT / "clients/python/src"),
            )
            os.execv(sys.executable, [sys.executable, "-m", "tada_client.cli", *arguments])
        self.said = ""

    def read_until(self, pattern: str, within: float = 30) -> None:
        ends = time.monotonic() + within
        while not re.search(pattern, self.said):
            assert time.monotonic() < ends, self.said[-2000:]
            if select.select([self._fd], [], [], 0.2)[0]:
                with suppress(OSError):
                    self.said += os.read(self._fd, 65536).decode(errors="replace")

    def press(self, keys: str) -> None:
        os.write(self._fd, keys.encode())

    def interrupt(self) -> None:
        """Press Ctrl-C, and again if it has no effect: Python misses one that comes just before it reads a line."""
        self.press("\x03")
        with suppress(AssertionError):
            wait_until(self._has_ended, within=3)
            return
        self.press("\x03")

    def _has_ended(self) -> bool:
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def end(self) -> int:
        """Read to the end; return the exit code."""
        ends = time.monotonic() + 30
        with suppress(OSError):
            while time.monotonic() < ends:
                if select.select([self._fd], [], [], 0.2)[0]:
                    piece = os.read(self._fd, 65536)
                    self.said += piece.decode(errors="replace")
        if time.monotonic() >= ends:
            os.kill(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        os.close(self._fd)
        self.pid = 0
        return os.waitstatus_to_exitcode(status)


@pytest.fixture
def at_terminal(tada: Tada) -> Iterator[Callable[..., Terminal]]:
    """Return what runs the command at a terminal; nothing of it outlives the test."""
    started = list[Terminal]()

    def run(*arguments: str, **more: str) -> Terminal:
        started.append(Terminal(*arguments, **{**tada.environment, **more}))
        return started[-1]

    yield run
    for terminal in started:
        if terminal.pid:
            os.kill(terminal.pid, signal.SIGKILL)
            terminal.end()


def test_ctrl_c_loses_nothing_and_the_next_run_goes_on(
    tada: Tada, at_terminal: Callable[..., Terminal], photos: dict[str, bytes], tmp_path: Path, name: str
) -> None:
    folder = many(tmp_path, photos, 300)
    upload = ("upload", str(folder), "--to", name, "--parallel", "2")
    terminal = at_terminal(*upload)
    terminal.read_until(r"[1-9][0-9]*/300 files")
    terminal.press("\x03")
    assert terminal.end() == 130
    assert "goes on from here" in terminal.said
    assert "MB/s" in terminal.said
    stored = int(re.findall(r"Upload: ([0-9]+) stored", terminal.said)[0])
    assert 0 < stored < 300
    report = tada.document(*upload)
    assert (report["same"], report["stored"]) == (stored, 300 - stored)
    assert {each["version"] for each in tada.lines("search", "--folder", f"/DEV/{name}", "-n", "400")} == {1}
    tada("rm", "--folder", f"/DEV/{name}", "--yes")


class Relay:
    """Passes connections on to a port. Of what clients send, it loses everything after `most` bytes."""

    def __init__(self, port: int) -> None:
        self.sent, self.most, self.loses = 0, sys.maxsize, threading.Event()
        self._to = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                there = socket.create_connection(("127.0.0.1", self._to))
                for ends in ((client, there, True), (there, client, False)):
                    threading.Thread(target=self._pass, args=ends, daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, is_sent: bool) -> None:
        with source:
            with suppress(OSError):
                while piece := source.recv(65536):
                    self.sent += len(piece) if is_sent else 0
                    if is_sent and self.sent > self.most:
                        self.loses.set()
                    else:
                        target.sendall(piece)
            with suppress(OSError):
                target.shutdown(socket.SHUT_RDWR)
            with suppress(OSError):
                source.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def relay(system: System) -> Iterator[Relay]:
    made = Relay(system.ports.api)
    yield made
    made.close()


def stored(system: System, path: str) -> int:
    """Return how many bytes the service has of a resumable upload."""
    said = system.api.head(path, headers={"Tus-Resumable": "1.0.0"})
    return int(said.headers.get("upload-offset", "0"))


def test_a_large_upload_goes_on_after_the_command_was_killed(
    system: System, tada: Tada, relay: Relay, photos: dict[str, bytes], tmp_path: Path, name: str
) -> None:
    photo, comment = photos["china.jpg"], b"\xff\xfe\xff\xff" + bytes(65533)
    large = tmp_path / "large.jpg"
    large.write_bytes(photo[:2] + 140 * comment + photo[2:])
    size = large.stat().st_size
    tada.environment["TADA_URL"] = f"http://127.0.0.1:{relay.port}"
    upload = ("upload", str(large), "--to", name)
    relay.most = size // 2
    command = [sys.executable, "-m", "tada_client.cli", *upload]
    environment = {**os.environ, **tada.environment, "PYTHONPATH": str(ROOT / "clients/python/src")}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        assert relay.loses.wait(60)
        process.kill()
    [state] = Path(tada.environment["XDG_STATE_HOME"]).glob("tada/*.jsonl")
    path = json.loads(state.read_text().splitlines()[-1])["begun"]
    wait_until(lambda: stored(system, path) > 0)  # The service has noticed that nothing more comes.
    relay.most, relay.sent = sys.maxsize, 0
    [item] = tada.document(*upload)["files"]
    assert item["outcome"] == "stored"
    assert relay.sent < size * 3 // 4, "it went on from where it was"
    entry = tada.document("show", f"/DEV/{name}/large.webp")
    assert entry["signature"] == hashlib.sha256(large.read_bytes()).hexdigest()
    assert tada.document(*upload)["same"] == 1
    tada("rm", "--folder", f"/DEV/{name}", "--yes")


def test_colours_are_for_terminals_and_a_question_can_be_answered(
    tada: Tada, at_terminal: Callable[..., Terminal], pictures: Path, name: str
) -> None:
    tada("upload", str(pictures), "--to", name)
    coloured = at_terminal("doctor")
    assert coloured.end() == 0
    assert "\x1b[32m" in coloured.said
    plain = at_terminal("doctor", NO_COLOR="1")
    assert plain.end() == 0
    assert "\x1b[3" not in plain.said
    asked = at_terminal("rm", "--folder", f"/DEV/{name}")
    asked.read_until("Go on")
    asked.interrupt()
    assert asked.end() == 130
    asked = at_terminal("rm", "--folder", f"/DEV/{name}")
    asked.read_until("Go on")
    asked.press("y\n")
    assert asked.end() == 0
    assert "3 of 3 deleted" in asked.said


def test_events_are_followed_until_ctrl_c(
    tada: Tada, at_terminal: Callable[..., Terminal], pictures: Path, name: str
) -> None:
    terminal = at_terminal("events", "--folder", f"/DEV/{name}")
    terminal.read_until("Following")
    tada("upload", str(pictures / "cat.jpg"), "--to", name)
    terminal.read_until(rf"asset.created +/DEV/{name}/cat.webp")
    os.kill(terminal.pid, signal.SIGINT)
    assert terminal.end() == 130
