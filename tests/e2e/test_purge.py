"""A change is seen by the public at once: no tier keeps any form of what was before."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import redis
from PIL import Image

from tests.e2e.system import System, get_as_is, wait_until
from tests.pixels import decode, distance

pytestmark = pytest.mark.alone

CLOSE = 6.0


def forms(name: str) -> list[str]:
    """Return every kind of path under which an asset can be cached, sizes that nobody listed among them."""
    return [
        f"/assets/media/original/DEV/{name}.jpg",
        f"/assets/media/original/DEV/{name}.webp",
        f"/assets/media/full/DEV/{name}.webp",
        f"/assets/media/full/DEV/{name}.jpg",
        f"/assets/media/full/image/DEV/{name}.webp",
        f"/assets/media/full/DEV/{name}.webp?width=77&height=31&quality=12",
        f"/assets/media/optimise/200x0/DEV/{name}.webp",
        f"/assets/media/optimise/123x57/DEV/{name}.webp",
        f"/assets/media/optimise/123x57/DEV/{name}.jpg",
        f"/assets/media/optimise/99x0/DEV/{name}.webp?quality=40",
        f"/assets/media/optimise/60x50/DEV/{name}.webp?crop=smart&format=jpeg&dpr=2&max_kb=9",
        f"/assets/media/optimise/60x50/DEV/{name}.jpg?fit=contain&format=png",
        f"/assets/media/optimise/60x50/DEV/{name}.webp?crop=0.20%2C0.9&x=y",
    ]


def is_kept(system: System, path: str) -> bool:
    """Say whether the edge has an answer; for seconds after a change it is purged a few times more."""
    return bool(system.edge.get(path).headers["x-cache-status"] == "HIT")


def fill(system: System, name: str) -> None:
    """Have both tiers hold every form."""
    for path in forms(name):
        system.edge.get(path)
        wait_until(partial(is_kept, system, path))
        assert system.cache.get(path).headers["x-cache-status"] == "HIT", path


def test_a_replaced_file_is_fresh_in_every_form_and_both_tiers(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    fill(system, name)
    before = {path: system.edge.get(path) for path in forms(name)}
    system.replace(entry["uuid"], "other.jpg", photos["flower.jpg"])
    for path in forms(name):
        for client in (system.cache, system.edge):
            answer = client.get(path)
            if answer.status_code == 200:
                assert answer.content != before[path].content, path
                assert answer.headers["etag"] != before[path].headers["etag"], path
        wait_until(partial(is_kept, system, path))
    fresh = system.edge.get(f"/assets/media/optimise/200x0/DEV/{name}.webp").content
    assert distance(fresh, decode(photos["flower.jpg"]).resize((200, 133), Image.Resampling.LANCZOS)) < CLOSE


def test_a_deleted_asset_is_gone_in_every_form(system: System, photos: dict[str, bytes], name: str) -> None:
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    fill(system, name)
    answer = system.api.delete(f"/file/{entry['uuid']}")
    assert answer.status_code == 200
    assert answer.headers["x-purge"] == "done"
    for path in forms(name):
        assert system.cache.get(path).status_code == 404, path
        assert system.edge.get(path).status_code == 404, path
    assert entry["storage_key"] not in system.stored_files()
    assert system.edge.get(f"/catalog/{entry['uuid']}").status_code == 404


def test_an_upload_ends_the_404_that_was_cached_before(system: System, photos: dict[str, bytes], name: str) -> None:
    for path in forms(name):
        assert system.edge.get(path).status_code == 404
        wait_until(partial(is_kept, system, path))
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    for path in forms(name):
        assert system.edge.get(path).status_code in (200, 302), path
    system.api.delete(f"/file/{entry['uuid']}")
    system.upload(f"{name}.jpg", photos["flower.jpg"])
    assert system.edge.get(f"/assets/media/original/DEV/{name}.jpg").content == photos["flower.jpg"]


def test_expired_by_hand_is_expired_for_the_public_and_can_be_revived(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    fill(system, name)
    system.api.patch(f"/catalog/{entry['uuid']}", json={"expired": True})
    for path in forms(name):
        assert system.edge.get(path).status_code == 404, path
    system.api.patch(f"/catalog/{entry['uuid']}", json={"expired": False})
    for path in forms(name):
        assert system.edge.get(path).status_code in (200, 302), path


def test_the_public_list_and_page_show_a_change_at_once(system: System, photos: dict[str, bytes], name: str) -> None:
    def listed() -> list[str]:
        return [entry["uuid"] for entry in system.edge.get("/catalog").json()]

    listed()
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    assert entry["uuid"] in listed()
    wait_until(lambda: is_kept(system, "/catalog"))
    page = f"/catalog/{entry['uuid']}"
    assert system.edge.get(page).json()["data"] == [entry]
    wait_until(lambda: is_kept(system, page))
    system.api.patch(page, json={"information": "new"})
    assert system.edge.get(page).json()["data"][0]["information"] == "new"
    system.api.delete(f"/file/{entry['uuid']}")
    assert entry["uuid"] not in listed()


def test_an_entry_that_passes_its_date_is_marked_by_the_worker(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
    entry = system.upload(f"{name}.jpg", photos["china.jpg"], expiration_date=soon)
    assert entry["expired"] is False
    page = f"/catalog/{entry['uuid']}"
    wait_until(lambda: system.api.get(page).json()["data"][0]["expired"] is True, within=30)
    assert system.edge.get(f"/assets/media/full/DEV/{name}.webp").status_code == 404


def test_a_slow_render_overtaken_by_a_replacement_stays_in_no_cache(
    system: System, photos: dict[str, bytes], huge_photo: bytes, name: str
) -> None:
    entry = system.upload(f"{name}.jpg", huge_photo, filename=f"{name}.jpg")
    path = f"/assets/media/full/DEV/{name}.webp"
    with ThreadPoolExecutor(1) as pool:
        idle = system.cpu_seconds("transform")
        rendering = pool.submit(system.edge.get, path)
        # The render has begun once the service has been at work for a while; it takes seconds.
        wait_until(lambda: system.cpu_seconds("transform") > idle + 0.5)
        assert not rendering.done()
        system.replace(entry["uuid"], f"{name}.jpg", photos["flower.jpg"])
        overtaken = not rendering.done()
        after = system.edge.get(path)
        late = rendering.result()
    assert overtaken, "the render was too fast for this test to show anything"
    for answer in (after, late, system.cache.get(path), system.edge.get(path)):
        assert answer.status_code == 200
        assert decode(answer.content).size == (640, 427)
        assert answer.headers["etag"] == after.headers["etag"]


def test_an_old_answer_that_reaches_the_cache_after_the_purge_is_removed_again(
    make_system: Callable[..., System], name: str
) -> None:
    """A long answer is stopped in the middle while its file is replaced, and then goes on to its end."""
    system = make_system(PAYLOAD_MAX_SIZE="300mb", PURGE_WAIT_SECONDS="0.5")
    old, new = b"%PDF-1.4 old" + bytes(150_000_000), b"%PDF-1.4 new"
    entry = system.upload(f"{name}.pdf", old)
    path = f"/assets/media/original/DEV/{name}.pdf"
    with ThreadPoolExecutor(1) as pool, redis.Redis(port=system.ports.redis) as client:
        sending = pool.submit(system.edge.get, path)
        wait_until(lambda: client.zcard(f"tada:sending:path:/DEV/{name}") == 1)
        system.pause("transform")
        answer = system.api.patch(f"/file/{entry['uuid']}", files={"file": ("x.pdf", new)})
        assert not sending.done(), "the answer was too fast for this test to show anything"
        assert answer.headers["x-purge"] == "queued", "the purge cannot be done while the old answer is on its way"
        system.resume("transform")
        assert sending.result().content == old
        wait_until(lambda: client.xlen("tada:changes") == 0)
    assert system.cache.get(path).content == new
    wait_until(lambda: system.edge.get(path).content == new, within=2)


def test_readers_that_race_with_replacements_never_see_old_bytes_after_the_answer(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    """Readers ask without a pause while the file changes; what starts after an answer shows that answer's version."""
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    signature = {entry["signature"]}
    stop = threading.Event()
    stale: list[str] = []
    paths = [f"/assets/media/original/DEV/{name}.jpg", f"/assets/media/optimise/60x0/DEV/{name}.webp"]

    def read(path: str) -> int:
        reads = 0
        while not stop.is_set():
            acknowledged = set(signature)
            answer = system.edge.get(path)
            shown = answer.headers.get("etag", '"?')[1:33]
            # Several versions may be right while a change is under way; one that was replaced before is not.
            if answer.status_code == 200 and len(acknowledged) == 1 and acknowledged == set(signature):
                (current,) = acknowledged
                if shown != current[:32]:
                    stale.append(f"{path}: {shown} instead of {current[:32]}")
            reads += 1
        return reads

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read, path) for path in paths * 2]
        for turn in range(30):
            content = photos["flower.jpg" if turn % 2 == 0 else "china.jpg"]
            signature.add("under way")
            replaced = system.replace(entry["uuid"], f"{name}.jpg", content)
            signature.clear()
            signature.add(replaced["signature"])
            time.sleep(0.03)  # Readers get a moment with only one right answer.
        stop.set()
        assert sum(reader.result() for reader in readers) > 100
    assert not stale, stale[:5]


def test_with_the_worker_away_the_answer_says_so_and_the_purge_is_made_up_for(
    make_system: Callable[..., System], photos: dict[str, bytes], name: str
) -> None:
    system = make_system(PURGE_WAIT_SECONDS="0.3")
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    fill(system, name)
    system.kill("jobs")
    answer = system.api.patch(f"/file/{entry['uuid']}", files={"file": ("x.jpg", photos["flower.jpg"])})
    assert answer.status_code == 200
    assert answer.headers["x-purge"] == "queued"
    assert "queued" in answer.json()["warnings"][0]
    path = f"/assets/media/original/DEV/{name}.jpg"
    assert system.edge.get(path).content == photos["china.jpg"]
    system.start("jobs")
    wait_until(lambda: system.edge.get(path).content == photos["flower.jpg"])
    for form in forms(name):
        assert system.edge.get(form).status_code in (200, 302)
    wait_until(lambda: entry["storage_key"] not in system.stored_files())


def test_with_an_edge_down_the_purge_waits_for_it(
    make_system: Callable[..., System], photos: dict[str, bytes], name: str
) -> None:
    system = make_system(PURGE_WAIT_SECONDS="0.3")
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    fill(system, name)
    system.kill("nginx-edge")
    answer = system.api.patch(f"/file/{entry['uuid']}", files={"file": ("x.jpg", photos["flower.jpg"])})
    assert answer.headers["x-purge"] == "queued"
    system.start("nginx-edge")
    path = f"/assets/media/original/DEV/{name}.jpg"
    wait_until(lambda: system.edge.get(path).content == photos["flower.jpg"], within=15)


def test_an_old_answer_that_a_held_up_nginx_stores_late_does_not_stay(
    make_system: Callable[..., System], photos: dict[str, bytes], huge_photo: bytes, name: str
) -> None:
    """nginx is frozen while the old answer is made, and stores it when the purge is over."""
    system = make_system()
    entry = system.upload(f"{name}.jpg", huge_photo)
    path = f"/assets/media/full/DEV/{name}.webp"
    with socket.create_connection(("127.0.0.1", system.ports.cache)) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(4096)
        worker = system.worker_of("nginx-cache", connection)
        idle = system.cpu_seconds("transform")
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        wait_until(lambda: system.cpu_seconds("transform") > idle + 0.3)
        os.kill(worker, signal.SIGSTOP)
        try:
            wait_until(lambda: system.renders(f"/DEV/{name}.webp") == 1, within=60)
            # The purge needs the other worker, if there is one, or waits for this one.
            system.api.patch(f"/file/{entry['uuid']}", files={"file": ("x.jpg", photos["flower.jpg"])})
        finally:
            os.kill(worker, signal.SIGCONT)
        assert connection.recv(4096)
    current = system.api.get(f"/catalog/{entry['uuid']}").json()["data"][0]["signature"]

    def is_current() -> bool:
        return all(client.get(path).headers["etag"][1:33] == current[:32] for client in (system.cache, system.edge))

    wait_until(is_current, within=30)


def test_a_list_that_was_on_its_way_is_purged_even_if_the_worker_dies(
    make_system: Callable[..., System], photos: dict[str, bytes], name: str
) -> None:
    system = make_system()
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    with redis.Redis(port=system.ports.redis) as client:
        # A list that seems to be on its way for as long as the worker lives.
        client.zadd("tada:variants:list", {"/catalog": time.time()})
        client.zadd("tada:sending:list", {"answer /catalog": time.time() + 60})
        answer = system.api.patch(f"/catalog/{entry['uuid']}", json={"information": "new"})
        assert answer.headers["x-purge"] == "done"
        system.edge.get("/catalog")
        system.kill("jobs")
        again = [member.decode() for member in client.zrange("tada:purge-again", 0, -1)]
        assert any('"late":["/catalog"]' in member for member in again)
        system.start("jobs")
        wait_until(lambda: client.zcount("tada:purge-again", "-inf", time.time() + 6) == 0, within=15)


def test_who_asks_for_names_and_arguments_without_end_crowds_no_content_out(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    for number in range(300):
        assert system.edge.get(f"/assets/media/full/DEV/{name}.jpg?width={number + 1}").status_code == 302
        assert system.edge.get(f"/assets/media/full/DEV/{name}.x{number}").status_code == 404
    path = f"/assets/media/optimise/64x0/DEV/{name}.webp"
    assert [system.edge.get(path).headers["x-cache-status"] for _ in range(2)] == ["MISS", "HIT"]
    started = time.monotonic()
    system.replace(entry["uuid"], "x.jpg", photos["flower.jpg"])
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("tier", ["edge", "cache", "api"])
@pytest.mark.parametrize("headers", [{}, {"X-Purge-Token": "guess"}, {"X-Purge-Token": ""}])
def test_purging_is_refused_to_everyone_else(
    system: System, photos: dict[str, bytes], name: str, tier: str, headers: dict[str, str]
) -> None:
    system.upload(f"{name}.jpg", photos["china.jpg"])
    path = f"/assets/media/full/DEV/{name}.webp"
    system.edge.get(path)
    port = getattr(system.ports, tier)
    for target in (f"/purge{path}", f"/%70urge{path}", f"//purge{path}", f"/x/../purge{path}"):
        assert get_as_is(port, target, headers).status_code == 403, target
    assert system.edge.get(path).headers["x-cache-status"] == "HIT"
