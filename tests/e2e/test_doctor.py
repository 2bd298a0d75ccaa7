"""The doctor: all is well in a system that runs, and each fault that is really there is named, with what mends it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pyvips

from services.core.doctor import DISK_FREE, Finding, clock, examine, room
from services.core.settings import CoreSettings
from services.jobs.doctor import nodes
from services.jobs.settings import JobsSettings
from services.transform.doctor import formats
from services.transform.render.guard import Limits
from tests.processes.redis_server import RedisServer
from tests.processes.s3_server import KEYS, S3Server, settings_for
from tests.processes.system import System
from tools.stack.plan import ROOT
from tools.stack.ports import free_ports


def run(environment: dict[str, str], *command: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def environment_of(system: System, process: str) -> dict[str, str]:
    return system._plan[process].environment


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis as it comes: nothing is kept, and what is old may be thrown away."""
    made = RedisServer(tmp_path_factory.mktemp("redis"), "--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru")
    yield made
    made.stop()


async def wrong(given: CoreSettings, *, writes: bool = True) -> dict[str, Finding]:
    return {found.subject: found for found in await examine(given, writes=writes) if found.mend}


def here(redis_server: RedisServer, folder: Path, **more: Any) -> CoreSettings:
    return CoreSettings(redis_url=redis_server.url, data_folder_path=folder, **more)


def test_all_is_well_in_a_system_that_runs(system: System) -> None:
    before = system.stored_files()
    environment = {**os.environ, **{name: str(port) for name, port in system.ports.by_variable().items()}}
    status, said = run({**environment, "DATA_DIR": str(system.stack.data)}, "tools.doctor")
    assert status == 0, said
    assert "wrong" not in said
    assert said.count("All is well.") == 3
    for found in (
        "nginx modules: Lua, cache-purge and brotli",
        "an object was written, read and deleted",
        "webp is written as image/webp and read again",
        f"http://127.0.0.1:{system.ports.edge} takes changes",
    ):
        assert found in said
    assert system.stored_files() == before


def test_a_configuration_that_cannot_be_right_ends_with_a_status_of_its_own(system: System) -> None:
    status, said = run({**environment_of(system, "catalog"), "REDIS_URL": "nowhere"}, "services.catalog", "doctor")
    assert status == 2
    assert "REDIS_URL" in said


def test_what_is_wrong_is_said_with_what_mends_it_and_an_exit_status(system: System) -> None:
    [port] = free_ports(1)
    environment = {**environment_of(system, "catalog"), "REDIS_URL": f"redis://127.0.0.1:{port}"}
    status, said = run(environment, "services.catalog", "doctor")
    assert status == 1
    assert "wrong  redis: Redis does not answer" in said
    assert "       Check REDIS_URL or REDIS_SERVICE" in said
    assert "1 of 4 checks found something wrong." in said


async def test_a_redis_that_loses_the_catalog_is_named(redis_server: RedisServer, tmp_path: Path) -> None:
    found = await wrong(here(redis_server, tmp_path))
    assert found.keys() == {"redis persistence", "redis memory"}
    assert "appendonly yes" in found["redis persistence"].mend
    assert "noeviction" in found["redis memory"].mend


async def test_a_folder_that_is_not_there_is_named(redis_server: RedisServer, tmp_path: Path) -> None:
    for writes in (True, False):
        found = (await wrong(here(redis_server, tmp_path / "none"), writes=writes))["storage"]
        assert "is not a folder" in found.said
        assert "DATA_FOLDER_PATH" in found.mend


async def test_a_folder_that_cannot_be_written_to_is_named(redis_server: RedisServer, tmp_path: Path) -> None:
    (tmp_path / "tada-doctor").write_text("in the way")
    found = (await wrong(here(redis_server, tmp_path)))["storage"]
    assert "chown" in found.mend


async def test_a_refused_key_of_s3_is_named(redis_server: RedisServer, s3_server: S3Server, tmp_path: Path) -> None:
    given = settings_for(s3_server.url, tmp_path).model_dump()
    secret = {"s3_secret_key": "another-secret", "redis_url": redis_server.url}
    found = (await wrong(CoreSettings(**{**given, **secret})))["storage"]
    assert "does not take the credentials" in found.said or "refuses" in found.said
    assert KEYS.secret not in str(found)
    assert "storage" not in await wrong(CoreSettings(**{**given, "redis_url": redis_server.url}))


async def test_a_node_that_takes_no_changes_is_named(system: System) -> None:
    [nobody] = free_ports(1)
    cache = f"http://127.0.0.1:{system.ports.cache}"
    given = JobsSettings(
        purge_token="not-the-token-of-the-node",
        nginx_service=(cache,),
        nginx_edge_service=(f"http://127.0.0.1:{nobody}",),
    )
    refused, away = [found async for found in nodes(given)]
    assert "answered 403" in refused.said
    assert "PURGE_TOKEN" in refused.mend
    assert "cannot be reached" in away.said
    assert "NGINX_EDGE_SERVICE" in away.mend


async def test_a_format_that_libvips_cannot_read_is_named() -> None:
    pyvips.operation_block_set("VipsForeignLoadWebp", True)
    try:
        [found] = [found async for found in formats(Limits()) if found.mend]
    finally:
        pyvips.operation_block_set("VipsForeignLoadWebp", False)
    assert found.subject == "libvips"
    assert found.said.startswith("webp")


async def test_documents_that_cannot_be_drawn_are_named() -> None:
    [found] = [found async for found in formats(Limits(memory=1024 * 1024))]
    assert (found.subject, bool(found.mend)) == ("drawing", True)


@pytest.mark.parametrize(("theirs", "fine"), [(100.2, True), (101.4, True), (98.5, False), (103.5, False)])
def test_clocks_that_are_apart_are_named(theirs: float, fine: bool) -> None:
    assert (clock(100.0, theirs, 101.0).mend == "") is fine


def test_a_disk_without_room_is_named() -> None:
    assert room(DISK_FREE).mend == ""
    assert "Make room" in room(DISK_FREE - 1).mend
