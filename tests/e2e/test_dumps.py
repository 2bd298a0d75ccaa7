"""Dumps of a running system: downloaded, restored while its caches are full, and found by a system that starts anew."""

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import redis as plain_redis

from services.core.state import connection
from tests.processes.system import System
from tests.support.catalogs import fill, many
from tests.support.waits import wait_until

TOKEN = "token-of-the-tests"


def dump(system: System, prefix: str = "", headers: dict[str, str] | None = None) -> str:
    """Have a dump made and return its stamp."""
    answer = system.api.post(f"{prefix}/catalog/create-dump", headers=headers)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["timestamp"])


def spool(system: System) -> list[Path]:
    return list((system.stack.data / "storage" / ".spool").iterdir())


def test_a_dump_is_made_and_restored_as_the_older_service_had_it(
    make_system: Callable[..., System], photos: dict[str, bytes]
) -> None:
    system = make_system()
    entries = [system.upload(f"photo{number}.jpg", photos["china.jpg"]) for number in range(3)]
    listed = system.api.get("/catalog").content
    folder = system.stack.data / "storage" / "dumps"

    made = system.api.post("/catalog/create-dump", headers={"Content-Type": "application/json"})
    assert made.status_code == 200, made.text
    stamp = made.json()["timestamp"]
    assert made.json() == {
        "message": "Dump files created and uploaded successfully",
        "files": {
            "json": {"filename": f"dump_{stamp}.json", "size": len(listed), "records": 3},
            "rdb": {"filename": f"dump_{stamp}.rdb", "size": (folder / f"dump_{stamp}.rdb").stat().st_size},
        },
        "timestamp": stamp,
    }

    system.api.delete(f"/catalog/{entries[0]['uuid']}")
    for asked, kind in (
        ("restore-dump", "JSON"),
        (f"restore-dump?filename=dump_{stamp}.json", "JSON"),
        (f"restore-dump/dump_{stamp}.rdb", "RDB"),
        ("restore-dump/latest", "JSON"),
    ):
        restored = system.api.post(f"/catalog/{asked}", headers={"Content-Type": "application/json"})
        assert restored.status_code == 200, restored.text
        assert restored.json() == {
            "message": f"Successfully restored catalog from {kind} dump",
            "details": {
                "filename": f"dump_{stamp}.{kind.lower()}",
                "itemsRestored": 3,
                "format": kind,
                "source": "local",
            },
        }
        assert system.api.get("/catalog").content == listed

    (folder / f"dump_{stamp}.json").write_bytes(b"[1]")
    fallen_back = system.api.post("/catalog/restore-dump")
    assert fallen_back.json()["details"]["format"] == "RDB"


@pytest.fixture
def without_dumps(system: System) -> System:
    """The system of all tests, whoever of them has made dumps there."""
    for file in (system.stack.data / "storage" / "dumps").glob("*"):
        file.unlink()
    return system


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        ("restore-dump", 404, "JSON dump file not found"),
        ("restore-dump/dump_20250812T143052.rdb", 404, "RDB dump file not found"),
        ("restore-dump?filename=dump_20250812T143052.json", 404, "JSON dump file not found"),
        ("restore-dump?filename=../DEV/cat.webp", 400, "Invalid dump filename"),
        ("restore-dump/cat.webp", 400, "Invalid dump filename"),
    ],
)
def test_what_cannot_be_restored_is_told_in_the_shape_of_the_older_service(
    without_dumps: System, path: str, status: int, error: str
) -> None:
    answer = without_dumps.api.post(f"/catalog/{path}")
    assert answer.status_code == status, answer.text
    assert answer.json().keys() == {"error", "details", "suggestion"}
    assert answer.json()["error"] == error


def test_a_bad_dump_changes_nothing_and_the_first_problems_are_named(
    make_system: Callable[..., System], photos: dict[str, bytes]
) -> None:
    system = make_system()
    system.upload("cat.jpg", photos["china.jpg"])
    listed = system.api.get("/catalog").content
    folder = system.stack.data / "storage" / "dumps"
    folder.mkdir()
    (folder / "dump_20250812T143052.json").write_bytes(listed[:-1] + b"," + listed[1:])
    answer = system.api.post("/catalog/restore-dump")
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"] == "Dump cannot be restored"
    assert "/DEV/cat.webp" in answer.json()["details"]
    assert system.api.get("/catalog").content == listed


def test_a_dump_that_takes_longer_than_one_waits_says_where_to_look(make_system: Callable[..., System]) -> None:
    system = make_system(DUMP_WAIT_SECONDS="0", API_PREFIX="/prefix")
    answer = system.api.post("/prefix/catalog/create-dump")
    assert answer.status_code == 202, answer.text
    job = answer.json()["job"]
    assert job["status_url"] == answer.headers["location"] == f"/prefix/jobs/{job['id']}"

    def is_done() -> bool:
        [record] = system.api.get(job["status_url"]).json()["data"]
        return bool(record["status"] == "done")

    wait_until(is_done)
    [record] = system.api.get(job["status_url"]).json()["data"]
    assert record["result"]["files"]["json"]["records"] == 0


def test_a_storage_that_does_not_work_is_told_in_the_same_shape(make_system: Callable[..., System]) -> None:
    system = make_system()
    folder = system.stack.data / "storage" / "dumps"
    folder.write_text("a file where the folder should be")
    answer = system.api.post("/catalog/create-dump")
    assert answer.status_code == 503, answer.text
    assert answer.json().keys() == {"error", "details", "suggestion"}
    assert "The storage does not work" in answer.json()["details"]
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.timeout(240)
@pytest.mark.parametrize("count", [1, 15, pytest.param(100_000, marks=pytest.mark.timed)])
def test_a_catalog_that_was_lost_comes_back_byte_for_byte(make_system: Callable[..., System], count: int) -> None:
    """What it may cost is in the tests of the jobs: here the answer has to come while its client waits."""
    system = make_system(DUMP_WAIT_SECONDS="55")
    with plain_redis.Redis(port=system.ports.redis) as client:
        asyncio.run(filled(system, count))
        before = system.api.get("/catalog").content
        stamp = dump(system)
        client.flushall()
        assert system.api.get("/catalog").content == b"[]"
        answer = system.api.post("/catalog/restore-dump")
    assert answer.json()["details"]["itemsRestored"] == count
    assert system.api.get("/catalog").content == before
    assert (system.stack.data / "storage" / "dumps" / f"dump_{stamp}.json").read_bytes() == before


async def filled(system: System, count: int) -> None:
    client = connection.connect(f"redis://127.0.0.1:{system.ports.redis}")
    await fill(client, many(count))
    await client.aclose()


def test_a_dump_is_downloaded_by_whoever_may_everything_and_never_from_the_edge(
    make_system: Callable[..., System], photos: dict[str, bytes]
) -> None:
    system = make_system(MEDIA_TOKEN=TOKEN, API_PREFIX="/prefix", ROUTE_CATALOG_GET="/list")
    owner = {"Authorization": f"Bearer {TOKEN}"}
    posted = system.api.post(
        "/prefix/file", files={"file": ("cat.jpg", photos["china.jpg"])}, data={"namespace": "DEV"}, headers=owner
    )
    assert posted.status_code == 200, posted.text
    system.described(posted.json()["data"][0]["uuid"])
    stamp = dump(system, "/prefix", owner)
    folder = system.stack.data / "storage" / "dumps"
    for base in ("/prefix/catalog/get-dump", "/prefix/list/get-dump"):
        for asked, name in (
            (f"dump_{stamp}.json", f"dump_{stamp}.json"),
            (f"dump_{stamp}.rdb", f"dump_{stamp}.rdb"),
            ("latest", f"dump_{stamp}.json"),
            ("latest?format=json", f"dump_{stamp}.json"),
            ("latest?format=rdb", f"dump_{stamp}.rdb"),
        ):
            answer = system.api.get(f"{base}/{asked}", headers=owner)
            assert answer.status_code == 200
            assert answer.content == (folder / name).read_bytes()
            assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
            kind = "application/json" if name.endswith("json") else "application/octet-stream"
            assert answer.headers["content-type"] == kind
            assert answer.headers["cache-control"] == "no-store"
            assert system.api.head(f"{base}/{asked}", headers=owner).status_code == 200
            assert system.api.get(f"{base}/{asked}").status_code == 401
            for public in (system.edge, system.cache):
                assert public.get(f"{base}/{asked}", headers=owner).status_code == 404
    assert system.api.get(f"{base}/latest?format=json", headers=owner).content == system.api.get("/prefix/list").content
    assert spool(system) == []


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        ("dump_20250812T143052.json", 404, "JSON dump file not found"),
        ("latest?format=rdb", 404, "RDB dump file not found"),
        ("latest?format=xml", 400, "Invalid dump format"),
        ("cat.webp", 400, "Invalid dump filename"),
        ("dump_20250812T143052.json.sha256", 400, "Invalid dump filename"),
        ("dump_20250812T143052.json%20", 400, "Invalid dump filename"),
        ("..%2fDEV%2fcat.webp", 404, None),
    ],
)
def test_what_cannot_be_had_is_told_in_the_shape_of_the_older_service(
    without_dumps: System, path: str, status: int, error: str | None
) -> None:
    answer = without_dumps.api.get(f"/catalog/get-dump/{path}")
    assert answer.status_code == status, answer.text
    if error:
        assert answer.json().keys() == {"error", "details", "suggestion"}
        assert answer.json()["error"] == error


def test_a_dump_can_be_given_a_name_and_one_format(
    make_system: Callable[..., System], photos: dict[str, bytes]
) -> None:
    system = make_system()
    system.upload("photo.jpg", photos["china.jpg"])
    listed = system.api.get("/catalog").content
    made = system.api.post("/catalog/create-dump?filename=before-the-move&format=json")
    assert made.status_code == 200, made.text
    assert made.json()["files"] == {"json": {"filename": "before-the-move.json", "size": len(listed), "records": 1}}
    assert system.api.get("/catalog/get-dump/before-the-move.json").content == listed
    assert system.api.get("/catalog/get-dump/before-the-move.rdb").status_code == 404
    assert system.api.delete("/catalog").status_code == 200
    restored = system.api.post("/catalog/restore-dump?filename=before-the-move.json")
    assert restored.json()["details"]["itemsRestored"] == 1
    assert system.api.get("/catalog").content == listed
    refused = system.api.post("/catalog/create-dump?filename=..%2Fcat")
    assert (refused.status_code, refused.json()["error"]) == (400, "Invalid dump filename")


def test_a_dump_that_was_changed_in_the_storage_is_not_sent(make_system: Callable[..., System]) -> None:
    system = make_system()
    stamp = dump(system)
    path = system.stack.data / "storage" / "dumps" / f"dump_{stamp}.json"
    path.write_bytes(b"[1]")
    answer = system.api.get(f"/catalog/get-dump/{path.name}")
    assert (answer.status_code, answer.json()["error"]) == (500, "Dump file is damaged")
    assert spool(system) == []


def test_after_a_restore_the_public_sees_the_restored_catalog_whatever_the_caches_held(
    make_system: Callable[..., System], photos: dict[str, bytes]
) -> None:
    system = make_system()
    back = system.upload("back.jpg", photos["china.jpg"])
    kept = system.upload("kept.jpg", photos["flower.jpg"])
    listed = system.edge.get("/catalog").content
    dump(system)
    # One goes and one comes, and everybody has seen it: the caches hold a 404, an asset and a list.
    system.api.delete(f"/catalog/{back['uuid']}")
    system.upload("late.jpg", photos["china.jpg"])
    paths = {name: f"/assets/media/optimise/40x0/DEV/{name}.webp" for name in ("back", "kept", "late")}
    for public in (system.edge, system.cache):
        assert [public.get(path).status_code for path in paths.values()] == [404, 200, 200]
        assert public.get(f"/catalog/{back['uuid']}").status_code == 404
        assert public.get("/catalog").content != listed

    restored = system.api.post("/catalog/restore-dump")
    assert restored.status_code == 200, restored.text
    assert restored.headers["x-purge"] == "done"

    for public in (system.edge, system.cache):
        assert [public.get(path).status_code for path in paths.values()] == [200, 200, 404]
        assert public.get(f"/catalog/{back['uuid']}").json()["data"] == [back]
        assert public.get("/catalog").content == listed
    changed = system.api.patch(f"/catalog/{kept['uuid']}", json={"information": "still writable"})
    assert changed.json()["data"][0]["information"] == "still writable"


def test_a_system_that_starts_on_an_empty_redis_finds_its_catalog_again_when_told_to(
    make_system: Callable[..., System], photos: dict[str, bytes]
) -> None:
    system = make_system(RESTORE_ON_INIT="true")
    for number in range(3):
        system.upload(f"photo{number}.jpg", photos["china.jpg"])
    before = system.api.get("/catalog").content
    dump(system)
    system.kill("jobs")
    with plain_redis.Redis(port=system.ports.redis) as client:
        client.flushall()
    assert system.api.get("/catalog").content == b"[]"
    for name in ("jobs-b", "jobs-c"):
        system.add(name, "jobs")
    system.start("jobs", "jobs-b", "jobs-c")

    def restores() -> int:
        return sum(system.log(name).count('"restored_on_init"') for name in ("jobs", "jobs-b", "jobs-c"))

    wait_until(lambda: bool(system.api.get("/catalog").content == before), within=20)
    wait_until(lambda: restores() > 0)
    shown = system.edge.get("/assets/media/original/DEV/photo0.jpg")
    assert hashlib.sha256(shown.content).digest() == hashlib.sha256(photos["china.jpg"]).digest()

    # What was emptied on purpose stays so.
    assert system.api.delete("/catalog").json()["removed"] == 3
    system.kill("jobs")
    system.start("jobs")
    system.upload("new.jpg", photos["flower.jpg"])  # The worker works: the answer to an upload waits for its purge.
    listed: httpx.Response = system.api.get("/catalog")
    assert [entry["filename"] for entry in listed.json()] == ["new.webp"]
    assert restores() == 1


def test_the_dumps_are_listed_with_their_entries_and_the_latest_has_some(
    make_system: Callable[..., System], photos: dict[str, bytes]
) -> None:
    system = make_system(MEDIA_TOKEN=TOKEN, DUMPS_KEPT="2")
    admin = {"Authorization": f"Bearer {TOKEN}"}
    assert system.api.get("/catalog/dumps", headers=admin).json() == {"data": [], "errors": [], "problems": []}
    for client in (system.api, system.edge):
        assert client.get("/catalog/dumps").status_code in (401, 404)
    system.api.post("/file", files={"file": ("cat.jpg", photos["china.jpg"])}, data={"namespace": "DEV"}, headers=admin)
    good = [dump(system, headers=admin) for _ in range(2)]
    assert system.api.delete("/catalog", headers=admin).json()["removed"] == 1
    empty = [dump(system, headers=admin) for _ in range(3)]
    listed = system.api.get("/catalog/dumps/", headers=admin).json()["data"]
    assert [(one["timestamp"], one["records"], one["latest"]) for one in listed] == [
        (good[1], 1, True),
        (good[0], 1, False),
        (empty[2], 0, False),
    ]
    assert listed[0]["files"]["json"]["filename"] == f"dump_{good[1]}.json"
    assert system.api.get("/catalog/get-dump/latest", headers=admin).json()[0]["filename"] == "cat.webp"
    restored = system.api.post("/catalog/restore-dump", headers=admin).json()
    assert restored["details"]["itemsRestored"] == 1
    for stamp in good:
        (system.stack.data / "storage" / "dumps" / f"dump_{stamp}.json").unlink()
    listed = system.api.get("/catalog/dumps", headers=admin).json()["data"]
    assert [(one["timestamp"], one["records"], one["latest"]) for one in listed] == [
        (good[1], 1, True),
        (good[0], 1, False),
        (empty[2], 0, False),
    ]
    latest = system.api.get("/catalog/get-dump/latest", headers=admin)
    assert latest.headers["content-disposition"] == f'attachment; filename="dump_{good[1]}.rdb"'
    assert system.api.get("/catalog/get-dump/latest?format=json", headers=admin).status_code == 404
    restored = system.api.post("/catalog/restore-dump", headers=admin).json()
    assert restored["details"]["filename"] == f"dump_{good[1]}.rdb"
    refused = system.api.post("/catalog/restore-dump?dry_run=yes&filename=", headers=admin)
    assert refused.status_code == 400
    assert set(refused.json()) == {"error", "details", "suggestion"}
