"""Dumps of a running system: downloaded, restored while its caches are full, and found by a system that starts anew."""

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import redis as plain_redis

from services.core import redis
from services.core.catalog import Catalog
from services.core.dump_stores import open_dumps
from services.core.storage import StorageSettings, open_storage
from services.jobs.dumping import Dump, create_dump
from services.jobs.restoring import restore_dump
from tests.e2e.system import System, wait_until

TOKEN = "token-of-the-tests"


def url_of(system: System) -> str:
    return f"redis://127.0.0.1:{system.ports.redis}"


def dump(system: System) -> Dump:
    """Make a dump as the worker does."""

    async def make() -> Dump:
        settings = StorageSettings(data_folder_path=system.stack.data / "storage")
        client = redis.connect(url_of(system))
        catalog = Catalog(client)
        async with catalog.alive():
            made = await create_dump(url_of(system), client, catalog, open_dumps(settings, open_storage(settings)), 14)
        await client.aclose()
        return made

    return asyncio.run(make())


def restore(system: System) -> bool:
    """Restore the latest dump as the worker does; say whether the caches were purged for it in time."""

    async def make() -> bool:
        settings = StorageSettings(data_folder_path=system.stack.data / "storage")
        client = redis.connect(url_of(system))
        catalog = Catalog(client)
        async with catalog.alive():
            restored = await restore_dump(client, catalog, open_dumps(settings, open_storage(settings)))
        purged = await catalog.purged(restored.change, 10)
        await client.aclose()
        return purged

    return asyncio.run(make())


def spool(system: System) -> list[Path]:
    return list((system.stack.data / "storage" / ".spool").iterdir())


def test_a_dump_is_downloaded_by_whoever_may_everything_and_never_from_the_edge(
    make_system: Callable[..., System], photos: dict[str, bytes]
) -> None:
    system = make_system(MEDIA_TOKEN=TOKEN, API_PREFIX="/prefix", ROUTE_CATALOG_GET="/list")
    owner = {"Authorization": f"Bearer {TOKEN}"}
    posted = system.api.post(
        "/prefix/file", files={"file": ("cat.jpg", photos["china.jpg"])}, data={"namespace": "DEV"}, headers=owner
    )
    assert posted.status_code == 200, posted.text
    stamp = dump(system).stamp
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
    system: System, path: str, status: int, error: str | None
) -> None:
    answer = system.api.get(f"/catalog/get-dump/{path}")
    assert answer.status_code == status, answer.text
    if error:
        assert answer.json().keys() == {"error", "details", "suggestion"}
        assert answer.json()["error"] == error


def test_a_dump_that_was_changed_in_the_storage_is_not_sent(make_system: Callable[..., System]) -> None:
    system = make_system()
    stamp = dump(system).stamp
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

    assert restore(system)

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
