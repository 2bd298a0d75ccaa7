"""The command's own decisions: what is sent, what is remembered, which TADA is meant."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tada_client import BytesSource, flows
from tada_client.cli import local, profiles
from tada_client.cli.app import app
from tada_client.cli.local import LocalFile, State
from tada_client.cli.profiles import BadProfile, Profile, Profiles
from tada_client.cli.transfer import Item, Report, Stopped, Workers
from tada_client.cli.uploading import Conflict, Target, Uploader, together
from tada_client.wire import AT_ONCE
from typer.main import get_command
from typer.testing import CliRunner

from tests.clients.python.service import Service, answer, problem, shown
from tools.stack.plan import ROOT

TYPES = ("image/jpeg", "image/png", "image/svg+xml")


def here(folder: Path, *names: str) -> list[LocalFile]:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"cats")
    return list(local.files_of(folder))


def test_files_are_found_below_a_folder_in_their_order(tmp_path: Path) -> None:
    files = here(tmp_path, "b.jpg", "a/z.png", "a/c/d.jpg", ".git/x.jpg", "a/.hidden.jpg")
    (tmp_path / "link").symlink_to(tmp_path)
    assert [file.relative for file in files] == ["a/c/d.jpg", "a/z.png", "b.jpg"]
    assert [file.relative for file in local.files_of(tmp_path / "b.jpg")] == ["b.jpg"]
    [odd] = here(tmp_path / "odd", os.fsdecode(b"\xff.jpg"))
    assert (odd.relative, odd.path.read_bytes()) == ("\ufffd.jpg", b"cats")


@pytest.mark.parametrize(
    ("include", "exclude", "sent"),
    [
        ([], [], {"a/x.jpg", "a/b/y.PNG", "z.svg"}),
        (["*"], [], {"a/x.jpg", "a/b/y.PNG", "z.svg", "notes.txt"}),
        (["*.jpg"], [], {"a/x.jpg"}),
        (["a/*"], [], {"a/x.jpg", "a/b/y.PNG"}),
        ([], ["*.svg", "b/"], {"a/x.jpg"}),
        (["*.txt"], ["notes*"], set()),
    ],
)
def test_patterns_choose_files(tmp_path: Path, include: list[str], exclude: list[str], sent: set[str]) -> None:
    files = here(tmp_path, "a/x.jpg", "a/b/y.PNG", "z.svg", "notes.txt")
    assert {file.relative for file in files if local.is_wanted(file, include, exclude, TYPES)} == sent


def test_what_was_done_is_remembered_even_if_the_last_line_was_cut(tmp_path: Path) -> None:
    [file] = here(tmp_path / "photos", "cat.jpg")
    path = tmp_path / "state"
    state = State(path)
    state.keep(file, begun="/tus/1")
    state.keep(file, uuid="u", signature="s")
    with path.open("a") as opened:
        opened.write('{"path": "x.jpg", "si')
    again = State(path)
    known = again.of(file)
    assert known is not None
    assert (known.uuid, known.signature, known.begun) == ("u", "s", "")
    assert len(path.read_text().splitlines()) == 1
    file.path.write_bytes(b"another")
    [changed] = local.files_of(tmp_path / "photos")
    assert again.of(changed) is None


def uploader(service: Service, folder: Path, on_conflict: Conflict, there: Any, **more: int) -> Uploader:
    client = service.client()
    entry = client.get("/DEV/x.webp") if there else None
    return Uploader(client, Target("DEV", "pets", {}), on_conflict, State(folder / "state"), lambda _: entry, **more)


def sent(service: Service, tmp_path: Path, on_conflict: Conflict, there: dict[str, Any] | None) -> Item:
    [file] = here(tmp_path / "photos", "cat.jpg")
    return uploader(service, tmp_path, on_conflict, there).send(file, lambda *_: None)


@pytest.mark.parametrize("on_conflict", Conflict)
def test_the_same_picture_is_never_sent(tmp_path: Path, on_conflict: Conflict) -> None:
    digest = flows.digest_of(BytesSource(b"cats", "cat.jpg"))
    there = shown(signature=digest, size=4)
    service = Service(answer(there))
    assert sent(service, tmp_path, on_conflict, there).outcome == "same"
    assert len(service.requests) == 1


@pytest.mark.parametrize(
    ("on_conflict", "asked", "outcome"),
    [
        (Conflict.SKIP, ["POST /prefix/file?on_conflict=skip"], "kept"),
        (Conflict.REPLACE, ["PATCH /prefix/file/{uuid}"], "replaced"),
    ],
)
def test_another_picture_is_treated_as_it_was_said(
    tmp_path: Path, on_conflict: Conflict, asked: list[str], outcome: str
) -> None:
    there = shown()
    taken = problem(400, "already_exists", uuid=there["uuid"], unique_name="/DEV/pets/cat.webp")
    service = Service(answer(there), taken if on_conflict is Conflict.SKIP else answer(shown(version=2)))
    assert sent(service, tmp_path, on_conflict, there).outcome == outcome
    assert service.asked[1:] == [one.format(uuid=there["uuid"]) for one in asked]


FILES = st.lists(st.tuples(st.sampled_from(["", "a/", "b/"]), st.integers(0, 3 << 20)), max_size=60)


@given(FILES)
def test_small_neighbours_are_sent_together(files: list[tuple[str, int]]) -> None:
    listed = [LocalFile(Path(), f"{folder}{number}.jpg", size, 0) for number, (folder, size) in enumerate(files)]
    groups = together(listed)
    assert [file for group in groups for file in group] == listed
    for group in groups:
        assert len({file.folder for file in group}) == 1
        assert len(group) == 1 or (len(group) <= 10 and sum(file.size for file in group) < AT_ONCE)
    alike = [LocalFile(Path(), f"{number}.jpg", 100_000, 0) for number in range(25)]
    assert [len(group) for group in together(alike)] == [10, 10, 5]


def test_each_of_several_files_becomes_what_the_service_says(tmp_path: Path) -> None:
    files = here(tmp_path / "photos", "1.jpg", "2.jpg", "3.jpg")
    taken = {"code": "already_exists", "message": "No.", "uuid": "u", "unique_name": "/DEV/pets/2.webp", "index": 1}
    body = {"data": [shown("1.jpg"), shown("3.jpg")], "errors": [{}], "problems": [taken]}
    service = Service(httpx.Response(200, json=body), httpx.Response(400, json={"problems": [taken]}))
    items = uploader(service, tmp_path, Conflict.SKIP, None).send_together(files, lambda *_: None)
    assert [(item.path, item.outcome) for item in items] == [
        ("1.jpg", "stored"),
        ("2.jpg", "kept"),
        ("3.jpg", "stored"),
    ]
    assert service.asked == ["POST /prefix/files?on_conflict=skip", "POST /prefix/file?on_conflict=skip"]
    assert service.requests[0].content.count(b'name="files"') == 3


def test_an_interrupted_large_upload_goes_on_in_the_next_run(tmp_path: Path) -> None:
    [file] = here(tmp_path / "photos", "cat.jpg")
    begun = httpx.Response(201, headers={"location": "tus/abc"})
    service = Service(begun)

    def stop(*_: int) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        uploader(service, tmp_path, Conflict.FAIL, None, resumable_from=1).send(file, stop)
    offset = httpx.Response(200, headers={"upload-offset": "2"})
    done = httpx.Response(204, headers={"upload-entry": "4ff11851456d6c0d548f6772ed560240"})
    service = Service(offset, done, answer(shown()))
    item = uploader(service, tmp_path, Conflict.FAIL, None, resumable_from=1).send(file, lambda *_: None)
    assert item.outcome == "stored"
    assert service.asked[:2] == ["HEAD /prefix/tus/abc", "PATCH /prefix/tus/abc"]
    assert service.requests[1].content == b"ts"


def test_workers_end_when_they_are_told_to_and_an_error_of_our_own_is_not_lost() -> None:
    workers = Workers(3)
    began, done = threading.Event(), list[int]()

    def do(number: int) -> Item:
        if number == 5:
            workers.stopping.set()
            began.set()
        return Item(str(number), "same")

    workers.each(range(1000), do, lambda number, _: done.append(number))
    assert began.is_set()
    assert len(done) < 1000
    with pytest.raises(Stopped):
        workers.sleep(10)

    def broken(number: int) -> Item:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Workers(2).each([1], broken, lambda *_: None)


@pytest.mark.parametrize(
    ("errors", "interrupted", "code"),
    [
        ([None], False, 0),
        ([None, {"code": "bad_request", "status": 400}], False, 1),
        ([{"code": "not_reached"}] * 2, False, 3),
        ([{"code": "forbidden", "status": 403}], False, 4),
        ([None], True, 130),
    ],
)
def test_the_exit_code_says_what_happened(errors: list[dict[str, Any] | None], interrupted: bool, code: int) -> None:
    items = [Item("a", "failed" if error else "stored", error=error) for error in errors]
    assert Report(items, interrupted=interrupted).code == code


def test_a_profile_is_kept_for_its_owner_alone_and_the_environment_goes_before_it(tmp_path: Path) -> None:
    file = tmp_path / "a/config.toml"
    kept = Profiles({'w ö"rk': Profile("http://a", "DEV", 'to"ken\\', signing_key_command="echo key")}, 'w ö"rk')
    profiles.write(file, kept)
    assert file.stat().st_mode & 0o777 == 0o600
    assert profiles.read(file) == kept
    found = profiles.chosen(kept, "", {"TADA_URL": "http://b"})
    assert (found.url, found.token, found.namespace, found.signing_key) == ("http://b", 'to"ken\\', "DEV", "key")
    assert profiles.chosen(Profiles({}), "", {}).url == profiles.DEFAULT_URL
    assert "to" not in repr(found).replace("token_command", "")
    with pytest.raises(BadProfile, match="no profile 'x'"):
        profiles.chosen(kept, "x", {})
    with pytest.raises(BadProfile, match="failed"):
        profiles.chosen(Profiles({"a": Profile(token_command="false")}, "a"), "", {})
    for broken in ("use = ", '[profiles.a]\nurl = "x"\nother = "y"', "profiles = 7"):
        file.write_text(broken)
        with pytest.raises(BadProfile):
            profiles.read(file)


def test_profiles_are_made_used_and_forgotten(tmp_path: Path) -> None:
    def run(*arguments: str, given: str = "") -> str:
        ran = CliRunner().invoke(app, ["config", *arguments], env={"TADA_CONFIG": str(tmp_path / "c")}, input=given)
        assert ran.exit_code == 0, ran.output
        return ran.stdout

    run("set", "one", "--url", "http://one", "--token", "-", given="s3cret\n")
    run("set", "two", "--url", "http://two", "--namespace", "DEV")
    run("use", "two")
    said = [json.loads(line) for line in run("list", "--json").splitlines()]
    assert [(each["name"], each["used"], each["token"]) for each in said] == [
        ("one", False, "set"),
        ("two", True, "none"),
    ]
    assert "s3cret" not in run("list")
    assert "s3cret" in (tmp_path / "c").read_text()
    run("remove", "two")
    assert "two" not in run("list")


def test_wrong_arguments_are_a_usage_error() -> None:
    for arguments in (
        ["nothing"],
        ["url", "no asset"],
        ["url", "/DEV/a.webp", "--size", "5"],
        ["edit", "/DEV/a.webp"],
        ["rm"],
        ["search", "--where", "x"],
        ["expire", "/DEV/a.webp", "--at", "soon"],
        ["-p", "nowhere", "ls"],
    ):
        ran = CliRunner().invoke(app, arguments, env={"TADA_CONFIG": "/nowhere"})
        assert ran.exit_code == 2, (arguments, ran.output)


@pytest.mark.parametrize("duration", ["0s", "00d", "1", "-1h"])
def test_a_signature_without_an_end_is_not_what_a_wrong_duration_gives(duration: str) -> None:
    env = {"TADA_CONFIG": "/nowhere", "TADA_URL": "http://127.0.0.1:1", "TADA_SIGNING_KEY": "k" * 32}
    ran = CliRunner().invoke(app, ["url", "/DEV/a.webp", "--expires", duration], env=env)
    assert ran.exit_code == 2, "it would have asked the service"
    assert "is not a duration" in ran.output


def test_a_service_that_is_not_there_is_said(tmp_path: Path) -> None:
    env = {"TADA_CONFIG": "/nowhere", "TADA_URL": "http://127.0.0.1:1", "NO_COLOR": "1"}
    ran = CliRunner().invoke(app, ["doctor", "--json"], env=env)
    assert ran.exit_code == 3
    assert json.loads(ran.stdout)[0]["ok"] is False


def test_every_command_and_option_is_documented() -> None:
    page = (ROOT / "docs/cli.md").read_text()
    group: Any = get_command(app)
    for name, command in group.commands.items():
        assert f"`{name}" in page, name
        section = page.partition(f"\n### {name}\n")[2].partition("\n### ")[0]
        assert section or name == "config", name
        options = {option for parameter in command.params for option in parameter.opts}
        assert "--json" in options or name == "config", name
        for parameter in command.params:
            for option in parameter.opts:
                if option.startswith("--") and option not in ("--help", "--json"):
                    assert option in section, f"{name} {option}"


def test_config_prints_json_without_secrets(tmp_path: Path) -> None:
    env = {"TADA_CONFIG": str(tmp_path / "config.toml")}

    def document(*arguments: str) -> Any:
        ran = CliRunner().invoke(app, ["config", *arguments, "--json"], env=env)
        assert ran.exit_code == 0, ran.output
        assert "secret" not in ran.output
        return json.loads(ran.stdout)

    work = {"name": "work", "used": True, "url": "http://work", "namespace": "DEV", "token": "set"}
    assert document("set", "work", "--url", "http://work", "--namespace", "DEV", "--token", "secret") == work
    home = {"name": "home", "used": False, "url": "http://home", "namespace": "", "token": "none"}
    assert document("set", "home", "--url", "http://home") == home
    assert document("use", "home") == home | {"used": True}
    assert document("remove", "work") == work | {"used": False}
    assert document("list") == home | {"used": True}


@pytest.mark.parametrize("module", ["httpx", "typer"])
def test_ctrl_c_while_the_command_starts_is_quiet(tmp_path: Path, module: str) -> None:
    (tmp_path / f"{module}.py").write_text(
        "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)\n"
    )
    path = os.pathsep.join([str(tmp_path), str(ROOT / "clients/python/src")])
    script = "import sys; from tada_client.cli.__main__ import main; sys.exit(main())"
    # A test in the background of a shell has Ctrl-C ignored, and what it starts would have, too.
    interruptible = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
    )
    for start in (["-m", "tada_client.cli", "ls"], ["-c", script]):
        command = [sys.executable, "-c", interruptible, sys.executable, *start]
        ran = subprocess.run(command, env={"PYTHONPATH": path}, capture_output=True, text=True, timeout=60, check=False)
        assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "")


def test_migrate_is_run_in_the_source_and_passes_on_what_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = CliRunner().invoke(app, ["migrate", "--do"])
    assert ran.exit_code == 2
    assert "in the folder of TADA's source" in ran.stderr
    program = tmp_path / "tools/migrate/__main__.py"
    program.parent.mkdir(parents=True)
    program.write_text(
        "import json, sys\n"
        "from pathlib import Path\n"
        "print('It would take', *sys.argv[1:3])\n"
        "if '--report' in sys.argv:\n"
        "    Path(sys.argv[-1]).write_text(json.dumps({'entry': 1}) + chr(10) + json.dumps({'entry': 2}) + chr(10))\n"
        "sys.exit(3)\n"
    )
    command = [sys.executable, "-m", "tada_client.cli", "migrate"]
    env = {"PYTHONPATH": str(ROOT / "clients/python/src")}

    def run(*arguments: str) -> tuple[int, str, str]:
        ran = subprocess.run([*command, *arguments], env=env, capture_output=True, text=True, timeout=60, check=False)
        return ran.returncode, ran.stdout, ran.stderr

    assert run("--dump", "a.json") == (3, "It would take --dump a.json\n", "")
    code, out, err = run("--dump", "a.json", "--json")
    assert (code, err) == (3, "It would take --dump a.json\n")
    assert [json.loads(line) for line in out.splitlines()] == [{"entry": 1}, {"entry": 2}]
    assert run("--dump", "a.json", "--json", "--report", "x")[0] == 2
