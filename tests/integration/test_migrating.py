"""`make migrate`: an older installation is looked at, told, and moved. It stays as it was."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from services.core.dumps.stores import open_dumps
from services.core.spool import NAME as SPOOL
from services.core.state import entry_json
from services.core.state.connection import Redis
from services.core.state.entries import Entries
from services.core.state.process import Process
from services.core.storage import StorageSettings
from services.jobs.dumps.restore import restore_dump
from tests.processes.keeping_s3 import keeping_s3
from tests.processes.redis_server import RedisServer
from tests.processes.s3_server import BUCKET, KEYS, S3Server
from tests.support import chart
from tests.support.older_installation import Files, catalog_of, older_entry
from tests.support.served_folder import served
from tests.support.storages import opened
from tools.migrate import entries as migrate_entries
from tools.migrate import move, written
from tools.migrate.__main__ import main
from tools.migrate.older_storage import Folder
from tools.migrate.run import storage_of
from tools.stack.plan import ROOT

FILES: Files = {
    "/DEV/cat.webp": b"a cat",
    "/DEV/shop/2025/dog.webp": b"a dog",
    "/DEV/docs/terms.pdf": b"terms" * 300_000,
    "/NEWS/late.webp": b"late",
}
FILENAME = f"{move.CATALOG}.json"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """The folder of an older installation, with its dump and its settings beside it."""
    folder = tmp_path / "older"
    for unique_name, content in FILES.items():
        path = folder / unique_name.removeprefix("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    write_dump(catalog_of(FILES))
    write_settings("NAMESPACES=DEV,NEWS\nMEDIA_TOKEN=the-token-of-clients\nNODE_ENV=production\n")
    return folder


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def write_settings(text: str, file: str = "older.env") -> None:
    Path(file).write_text(text)


def write_dump(values: list[Any]) -> None:
    Path("dump.json").write_bytes(orjson.dumps(values))


def settings_in(file: str = "tada.env") -> dict[str, str]:
    return written.environment(Path(file))


def mode(file: str) -> int:
    return Path(file).stat().st_mode & 0o777


def inodes(folder: Path) -> dict[str, int]:
    """Return which files there are: another file with the same bytes has another number."""
    return {str(path): path.stat().st_ino for path in folder.rglob("*.*") if "dumps" not in path.parts}


async def run(*arguments: object) -> int:
    """Run the command in a thread, as it has an event loop of its own."""
    return await asyncio.to_thread(main, [str(one) for one in arguments])


async def restored(client: Redis, settings: StorageSettings) -> dict[str, str]:
    """Restore what was moved, as a new TADA does; return each uuid by its path."""
    async with opened(settings) as storage:
        found = await restore_dump(client, Process(client), open_dumps(settings, storage), FILENAME)
        listed = [entry_json.read(raw) async for raws in Entries(client).scan() for raw in raws]
        assert found.entries == len(listed)
        for entry in listed:
            assert hashlib.sha256(await storage.read(entry.stored)).hexdigest() == entry.signature
    return {entry.unique_name: entry.uuid for entry in listed}


EXPECTED = {entry["unique_name"]: entry["uuid"] for entry in catalog_of(FILES)}
TO_FOLDER = ("--new", "DATA_FOLDER_PATH=new")


def told_rows(said: str) -> dict[str, str]:
    """Return what the table of settings says of each, with single spaces."""
    lines = said.partition("\nSettings: ")[0].splitlines()
    return {line.split()[0]: " ".join(line.split()[1:]) for line in lines}


async def test_looking_changes_nothing_and_tells_all(
    older: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = tree(tmp_path)
    assert await run("--settings", "older.env", "--dump", "dump.json", "--files", older, *TO_FOLDER) == 0
    assert tree(tmp_path) == before
    assert not (tmp_path / "new").exists()
    said = capsys.readouterr().out
    assert all(name in said for name in (*FILES, "NAMESPACES", "MEDIA_TOKEN", "NODE_ENV"))
    assert "4 copied" in said
    assert "the-token-of-clients" not in said


async def test_a_setting_that_gets_another_value_is_not_told_as_kept(
    older: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_settings(
        "RESTORE_ON_INIT=true\nDUMP_FILE_NAME_ON_INIT=latest\nDUMP_FOLDER_PATH=/dumps\nMEDIA_TOKEN=older\n"
        "NAMESPACES=DEV\n"
    )
    new = ("--new", "DUMP_FOLDER_PATH=", "--new", "MEDIA_TOKEN=newer", "--new", "NAMESPACES_ALLOWED=NEWS")
    await run("--settings", "older.env", "--dump", "dump.json", "--files", older, *TO_FOLDER, *new)
    said = capsys.readouterr().out
    rows = told_rows(said)
    assert rows["RESTORE_ON_INIT"].startswith("true kept")
    assert rows["DUMP_FILE_NAME_ON_INIT"] == f"latest replaced It is {FILENAME} in the new settings."
    assert rows["DUMP_FOLDER_PATH"] == "/dumps replaced It is empty in the new settings."
    assert rows["NAMESPACES"] == "DEV replaced It is NEWS in the new settings."
    assert "newer" not in said


async def test_a_folder_is_moved_to_a_folder(older: Path, client: Redis, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree(older)
    assert await run("--settings", "older.env", "--dump", "dump.json", "--files", older, *TO_FOLDER, "--do") == 0
    assert capsys.readouterr().err.splitlines()[-1] == "4 of 4 files, 1.5 MB"
    settings = settings_in()
    assert settings == {
        "NAMESPACES_ALLOWED": "DEV,NEWS",
        "MEDIA_TOKEN": "the-token-of-clients",
        "RESTORE_ON_INIT": "true",
        "DUMP_FILE_NAME_ON_INIT": FILENAME,
        "DATA_FOLDER_PATH": "new",
    }
    assert mode("tada.env") == 0o600
    assert await restored(client, storage_of(settings)) == EXPECTED
    assert tree(older) == before


async def test_a_second_run_copies_nothing_and_the_settings_file_decides(
    older: Path, client: Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--settings", "older.env", "--dump", "dump.json", "--files", older)
    assert await run(*arguments, *TO_FOLDER, "--do") == 0
    first = inodes(Path("new"))
    capsys.readouterr()
    assert await run(*arguments, "--do") == 0
    assert "Entries: 4 kept." in capsys.readouterr().out
    assert inodes(Path("new")) == first
    assert await restored(client, StorageSettings(data_folder_path=Path("new"))) == EXPECTED


class Breaking(Folder):
    """A folder that fails after some files."""

    def __init__(self, root: Path, after: int) -> None:
        super().__init__(root)
        self.read: list[str] = []
        self._after = after

    async def chunks(self, key: str) -> AsyncIterator[bytes]:
        if len(self.read) == self._after:
            raise OSError(5, "the disk fails")
        self.read.append(key)
        async for chunk in super().chunks(key):
            yield chunk


async def test_what_was_copied_before_an_error_is_not_copied_again(older: Path, tmp_path: Path) -> None:
    values = catalog_of(FILES)
    settings = StorageSettings(data_folder_path=tmp_path / "new")
    async with opened(settings) as storage:
        breaking = Breaking(older, after=2)
        with pytest.raises(OSError, match="the disk fails"):
            await move.copy(
                migrate_entries.fates(values, await breaking.sizes(), {}), breaking, storage, lambda size: None
            )
        there = await move.sizes_of(settings, storage)
        again = Breaking(older, after=4)
        rest = migrate_entries.fates(values, await again.sizes(), there)
        await move.copy(rest, again, storage, lambda size: None)
        assert sorted(there) == sorted(breaking.read[: len(there)])
        assert sorted([*there, *again.read]) == sorted(await again.sizes())
    assert not list((tmp_path / "new" / SPOOL).iterdir())


async def test_what_a_killed_run_has_left_is_removed(older: Path, tmp_path: Path) -> None:
    spool = tmp_path / "new" / SPOOL
    spool.mkdir(parents=True)
    for name in ("migrate-old", "migrate-new", "other"):
        (spool / name).write_bytes(b"half")
        os.utime(spool / name, (0, 0) if name != "migrate-new" else None)
    assert await run("--settings", "older.env", "--dump", "dump.json", "--files", older, *TO_FOLDER, "--do") == 0
    assert sorted(tree(spool)) == ["migrate-new", "other"]


@pytest.mark.parametrize(
    ("harm", "what"),
    [
        (lambda older: (older / "DEV/cat.webp").unlink(), "1 missing bytes"),
        (lambda older: (older / "DEV/cat.webp").write_bytes(b"longer than a cat"), "1 other bytes"),
        (lambda older: (older / "DEV/cat.webp").write_bytes(b"A cat"), "1 other bytes"),
    ],
)
async def test_an_entry_without_its_bytes_waits_for_a_decision(
    older: Path,
    tmp_path: Path,
    client: Redis,
    capsys: pytest.CaptureFixture[str],
    harm: Callable[[Path], None],
    what: str,
) -> None:
    harm(older)
    arguments = ("--settings", "older.env", "--dump", "dump.json", "--files", older, *TO_FOLDER, "--do")
    assert await run(*arguments) == 3
    assert what in capsys.readouterr().out
    new = tmp_path / "new"
    assert not (new / "DEV/cat.webp").exists()
    assert not (new / "dumps").exists()
    assert (new / "DEV/docs/terms.pdf").read_bytes() == FILES["/DEV/docs/terms.pdf"]
    assert await run(*arguments, "--leave-out", "--report", "report.jsonl") == 0
    rest = {name: uuid for name, uuid in EXPECTED.items() if name != "/DEV/cat.webp"}
    assert await restored(client, StorageSettings(data_folder_path=new)) == rest
    report = [orjson.loads(line) for line in (tmp_path / "report.jsonl").read_bytes().splitlines()]
    assert [line["unique_name"] for line in report if line["what"] not in ("kept", "copied")] == ["/DEV/cat.webp"]
    (older / "DEV/cat.webp").write_bytes(FILES["/DEV/cat.webp"])
    assert await run(*arguments) == 0
    assert await restored(client, StorageSettings(data_folder_path=new)) == EXPECTED


async def test_entries_that_are_not_understood_are_named_with_the_reason(
    older: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_dump([*catalog_of(FILES), 7, older_entry("/DEV/cat.webp", b"a cat"), {"unique_name": "/DEV/bad.webp"}])
    assert await run("--dump", "dump.json", "--files", older, *TO_FOLDER) == 3
    said = capsys.readouterr().out
    assert "3 not understood" in said
    assert "entry 5" in said
    assert "occurs twice" in said
    assert "NAMESPACES_ALLOWED lacks NEWS" in said


async def test_bytes_are_found_under_double_slashes_other_accents_and_the_name_of_the_upload(tmp_path: Path) -> None:
    value = older_entry("/DEV/shop/cat.webp", b"a cat", original_filename="chat.png", original_mimetype="image/png")
    for key in ("DEV/shop/cat.webp", "/DEV/shop/cat.webp", "DEV//shop/cat.webp", "//DEV/shop/chat.png"):
        [fate] = migrate_entries.fates([value], {"other": 5, key: 5}, {})
        assert (fate.source, fate.what) == (key, "copied" if key == "DEV/shop/cat.webp" else "renamed")


@pytest.fixture
def redis_with_entries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    made = RedisServer(tmp_path_factory.mktemp("older-redis"))
    yield made
    made.stop()


async def test_entries_come_from_the_older_redis_too(
    older: Path, client: Redis, redis_with_entries: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--redis", redis_with_entries.url, "--files", older, *TO_FOLDER, "--do")
    assert await run(*arguments) == 2
    assert "No entry" in capsys.readouterr().err
    theirs = Redis.from_url(redis_with_entries.url)
    await theirs.hset("media", mapping={entry["uuid"]: orjson.dumps(entry) for entry in catalog_of(FILES)})
    await theirs.aclose()
    assert await run(*arguments) == 0
    assert await restored(client, StorageSettings(data_folder_path=Path("new"))) == EXPECTED


def fill_bucket(server: S3Server) -> None:
    """Put the files of the older installation into the bucket, and nothing else."""
    server.empty()
    for unique_name, content in FILES.items():
        server.client.put_object(Bucket=BUCKET, Key=unique_name, Body=content)


def in_env(url: str) -> str:
    return (
        f"DELEGATED_STORAGE_METHOD=S3\nS3_ENDPOINT={url}\nS3_BUCKET_NAME={BUCKET}\nS3_ACCESS_KEY={KEYS.access}\n"
        f"S3_SECRET_KEY={KEYS.secret}\nNAMESPACES=DEV,NEWS\n"
    )


async def test_a_bucket_stays_where_it_is_or_is_moved_to_a_folder(
    older: Path, client: Redis, s3_server: S3Server, capsys: pytest.CaptureFixture[str]
) -> None:
    fill_bucket(s3_server)
    write_settings(in_env("s3-of-containers"))
    here = ("--here", f"S3_ENDPOINT={s3_server.url}")
    assert await run("--settings", "older.env", "--dump", "dump.json", *here, "--do") == 0
    assert "4 kept" in capsys.readouterr().out
    assert settings_in()["S3_ENDPOINT"] == "s3-of-containers"
    assert await restored(client, storage_of({**settings_in(), "S3_ENDPOINT": s3_server.url})) == EXPECTED
    local = ("--into", "local.env", "--new", "DELEGATED_STORAGE_METHOD=STANDALONE", *TO_FOLDER, *here, "--do")
    assert await run("--settings", "older.env", "--dump", "dump.json", *local) == 0
    assert await restored(client, storage_of(settings_in("local.env"))) == EXPECTED


async def test_a_folder_is_moved_to_a_bucket_that_is_made(
    older: Path, client: Redis, s3_server: S3Server, missing_bucket: str
) -> None:
    settings = s3_server.environment(S3_BUCKET_NAME=missing_bucket)
    told = [f"--new={name}={value}" for name, value in settings.items()]
    assert await run("--settings", "older.env", "--dump", "dump.json", "--files", older, *told) == 0
    assert await run("--settings", "older.env", "--dump", "dump.json", "--files", older, *told, "--do") == 0
    assert await restored(client, storage_of(settings_in())) == EXPECTED


async def test_keys_that_begin_with_a_slash_are_copied_beside_where_they_are(older: Path, client: Redis) -> None:
    objects = dict(FILES)
    with keeping_s3(BUCKET, objects) as url:
        write_settings(in_env(url))
        assert await run("--settings", "older.env", "--dump", "dump.json", "--do") == 0
        assert await restored(client, storage_of(settings_in())) == EXPECTED
    assert {key: objects[key] for key in FILES} == FILES
    assert {key: objects[key.removeprefix("/")] for key in FILES} == FILES


async def test_a_storage_that_is_down_is_told_and_nothing_is_written(
    older: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_settings(in_env("http://127.0.0.1:1"))
    assert await run("--settings", "older.env", "--dump", "dump.json", "--do") == 1
    assert "It stopped" in capsys.readouterr().err
    assert not (tmp_path / "tada.env").exists()


async def test_a_server_that_is_no_s3_is_no_empty_bucket(
    older: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / BUCKET).touch()
    with served(pages) as url:
        write_settings(in_env(url))
        local = ("--new", "DELEGATED_STORAGE_METHOD=STANDALONE", *TO_FOLDER)
        assert await run("--settings", "older.env", "--dump", "dump.json", *local, "--leave-out", "--do") == 1
    assert "does not speak S3" in capsys.readouterr().err
    assert not (tmp_path / "tada.env").exists()


async def test_what_only_the_operator_knows_is_asked_for(older: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, asked in (
        (("--dump", "dump.json"), "--files"),
        (("--dump", "missing.json", "--files", older), "missing.json"),
        (("--dump", "older.env", "--files", older), "not JSON"),
        (
            ("--dump", "dump.json", "--files", older, "--new", "DELEGATED_STORAGE_METHOD=FTP"),
            "DELEGATED_STORAGE_METHOD",
        ),
    ):
        assert await run(*arguments) == 2
        assert asked in capsys.readouterr().err


DISTANT = "DELEGATED_STORAGE_METHOD=DISTANT_BACKEND\nDELEGATED_STORAGE_HOST=http://backend:8000\nNAMESPACES=DEV,NEWS\n"


async def test_with_a_distant_backend_only_the_settings_are_new(
    older: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_settings(DISTANT)
    assert await run("--settings", "older.env", "--dump", "dump.json", "--do") == 0
    assert "4 kept" in capsys.readouterr().out
    settings = settings_in()
    assert (settings["DELEGATED_STORAGE_HOST"], settings["DUMP_FILE_NAME_ON_INIT"]) == ("http://backend:8000", "latest")
    assert "RESTORE_SKIP_INVALID" not in settings


async def test_entries_are_left_out_of_the_dump_of_a_distant_backend_too(
    older: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_settings(DISTANT)
    write_dump([*catalog_of(FILES), {"unique_name": "/DEV/bad.webp"}])
    arguments = ("--settings", "older.env", "--dump", "dump.json", "--do")
    assert await run(*arguments) == 3
    assert "add --leave-out" in capsys.readouterr().out
    assert not (tmp_path / "tada.env").exists()
    assert await run(*arguments, "--leave-out") == 0
    assert settings_in()["RESTORE_SKIP_INVALID"] == "true"
    assert await run(*arguments, "--leave-out") == 0


async def test_a_settings_file_from_before_does_not_leave_out_entries_and_that_is_said(
    older: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_settings(DISTANT)
    arguments = ("--settings", "older.env", "--dump", "dump.json", "--do")
    assert await run(*arguments) == 0
    write_dump([*catalog_of(FILES), {"unique_name": "/DEV/bad.webp"}])
    assert await run(*arguments, "--leave-out") == 3
    assert "Add RESTORE_SKIP_INVALID=true to its settings" in capsys.readouterr().out


async def test_a_value_that_cannot_be_written_is_said_before_anything_is_copied(
    older: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--dump", "dump.json", "--files", older, *TO_FOLDER, "--new", "MEDIA_TOKEN=it's $5", "--do")
    assert await run(*arguments) == 2
    assert "MEDIA_TOKEN has a value" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


VALUES = ROOT / "tests/data/older_chart"


def rendered() -> dict[str, Any]:
    """Return the settings of the jobs worker that the chart makes of the new values file."""
    return chart.environment(chart.parsed(chart.run("template", "tada", chart.CHART, "-f", "tada-values.yaml")), "jobs")


async def test_a_values_file_gets_the_dump_that_is_restored_and_renders(
    older: Path, client: Redis, s3_server: S3Server, capsys: pytest.CaptureFixture[str]
) -> None:
    fill_bucket(s3_server)
    reached = {name: value for name, value in s3_server.environment().items() if name.startswith("S3_")}
    told = [f"--here={name}={value}" for name, value in reached.items()]
    older_values = yaml.safe_load((VALUES / "values.s3.yaml").read_text())
    older_values["redis"]["initScript"] |= {"restoreOnInit": False, "dumpFileNameOnInit": "latest"}
    older_values["s3"]["secretKey"] = ""
    write_settings(yaml.safe_dump(older_values), "older.yaml")
    arguments = ("--settings", "older.yaml", "--dump", "dump.json", f"--new=S3_SECRET_KEY={KEYS.secret}", *told, "--do")
    assert await run(*arguments) == 0
    rows = told_rows(capsys.readouterr().out)
    assert rows["s3.secretKey"] == "replaced It is (secret) in the new settings."
    assert rows["redis.initScript.restoreOnInit"] == "false replaced It is true in the new settings."
    assert rows["redis.initScript.dumpFileNameOnInit"] == f"latest replaced It is {FILENAME} in the new settings."
    assert rows["s3.bucketName"].startswith("media kept")
    assert await run(*arguments) == 0
    assert await restored(client, storage_of(s3_server.environment())) == EXPECTED
    settings = rendered()
    assert (settings["RESTORE_ON_INIT"], settings["DUMP_FILE_NAME_ON_INIT"]) == ("true", FILENAME)


async def test_new_settings_are_in_a_values_file_too(
    older: Path, s3_server: S3Server, capsys: pytest.CaptureFixture[str]
) -> None:
    s3_server.empty()
    here = [f"--here=S3_ENDPOINT={s3_server.url}"]
    keys = [f"--new=S3_ACCESS_KEY={KEYS.access}", f"--new=S3_SECRET_KEY={KEYS.secret}"]
    new = ["--new=S3_BUCKET_NAME=media2", "--new=PUBLIC_URL=https://media.example.com", "--new=LOG_LEVEL=debug", *keys]
    arguments = ("--settings", VALUES / "values.s3.yaml", "--dump", "dump.json", "--files", older, *here, "--do")
    s3_server.client.create_bucket(Bucket="media2")
    assert await run(*arguments, *new) == 0
    said = capsys.readouterr().out
    assert "replaced" in next(line for line in said.splitlines() if line.startswith("s3.bucketName"))
    assert KEYS.secret not in said
    settings = rendered()
    assert [settings[name] for name in ("S3_BUCKET_NAME", "PUBLIC_URL", "LOG_LEVEL", "RESTORE_ON_INIT")] == [
        *("media2", "https://media.example.com", "debug", "true")
    ]
    assert settings["S3_SECRET_KEY"] == {"secretKeyRef": {"name": "tada", "key": "S3_SECRET_KEY"}}
    stored = {found["Key"] for found in s3_server.client.list_objects_v2(Bucket="media2")["Contents"]}
    assert await run(*arguments) == 0
    assert "Entries: 4 kept." in capsys.readouterr().out
    assert {name.removeprefix("/") for name in FILES} < stored


async def test_a_values_file_leaves_out_entries_of_a_distant_backend(older: Path) -> None:
    write_dump([*catalog_of(FILES), {"unique_name": "/DEV/bad.webp"}])
    arguments = ("--settings", VALUES / "values.distant-backend.yaml", "--dump", "dump.json", "--leave-out", "--do")
    assert await run(*arguments) == 0
    settings = rendered()
    assert (settings["RESTORE_SKIP_INVALID"], settings["DUMP_FILE_NAME_ON_INIT"]) == ("true", "latest")
    assert await run(*arguments) == 0


async def test_a_values_file_for_local_files_needs_the_places_of_the_volumes(
    older: Path, client: Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--settings", VALUES / "values.local.yaml", "--dump", "dump.json", "--files", older)
    assert await run(*arguments, "--do") == 2
    assert "DUMP_FOLDER_PATH" in capsys.readouterr().err
    places = {"DATA_FOLDER_PATH": "new", "DUMP_FOLDER_PATH": "dumps"}
    told = [f"--here={name}={value}" for name, value in places.items()]
    assert await run(*arguments, *told, "--do") == 0
    assert await restored(client, storage_of(places)) == EXPECTED
