"""What a node of the gateway knows of changes outlives it, or the node serves nothing of what it had stored."""

import hashlib
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import redis
from prometheus_client.parser import text_string_to_metric_families

from services.core.assets import identity
from services.core.assets.facts import NO_FACTS
from services.core.state import keys
from tests.processes.system import System, get_as_is
from tests.support.ports import free_run_of_ports
from tests.support.waits import wait_until
from tools.stack import ready

TIERS = ("nginx-edge", "nginx-cache")
TABLE_BYTES = 1048576 * (8 + 2)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    found = System(tmp_path_factory.mktemp("generations"), {}, replicas=1, metrics_port=free_run_of_ports(6))
    try:
        found.start()
        yield found
    finally:
        found.stop()


def file_of(system: System, tier: str) -> Path:
    """Return where a node keeps what it knows."""
    folder = system.cache_folder(tier)
    return folder.with_name(f"{folder.name}.generations")


def client_of(system: System, tier: str) -> httpx.Client:
    return system.edge if tier == "nginx-edge" else system.cache


def status(client: httpx.Client, path: str) -> str:
    """Return what became of the cache."""
    return client.get(path).headers["x-cache-status"]


def token(system: System) -> dict[str, str]:
    return {"X-Purge-Token": system.environment("jobs")["PURGE_TOKEN"]}


def tell(system: System, tier: str, text: str) -> httpx.Response:
    """Send changes to a node, as a worker does."""
    return client_of(system, tier).post("/generations", headers=token(system), content=text)


def resets(system: System) -> float:
    """Return how often a node had to begin anew, by the metrics of the worker."""
    families = text_string_to_metric_families(system.internal("jobs", "/metrics").text)
    return sum(one.value for family in families for one in family.samples if one.name == "tada_gateway_resets_total")


@dataclass(frozen=True, slots=True)
class Assets:
    """Two that both tiers hold: one that a test changes, and one that it leaves alone."""

    system: System
    changed: dict[str, Any]
    kept: dict[str, Any]
    photos: dict[str, bytes]

    def paths(self, entry: dict[str, Any]) -> list[str]:
        stem = entry["unique_name"].removesuffix(".webp")
        return [
            f"/assets/media/original{stem}.jpg",
            f"/assets/media/original{stem}.webp",
            f"/assets/media/optimise/50x0{stem}.webp",
            f"/catalog/{entry['uuid']}",
        ]

    def fill(self) -> None:
        # What is found out about a picture changes its entry once more.
        self.system.wait_until_described()
        for entry in (self.changed, self.kept):
            for path in self.paths(entry):
                for client in (self.system.edge, self.system.cache):
                    client.get(path)
                    assert status(client, path) == "HIT", path

    def change(self, photo: str = "flower.jpg", client: httpx.Client | None = None) -> httpx.Response:
        """Replace one of them, through the internal entry unless another is given."""
        content = {**self.photos, "other.jpg": self.photos["flower.jpg"] + b"\0"}[photo]
        answer = (client or self.system.api).patch(f"/file/{self.changed['uuid']}", files={"file": ("x.jpg", content)})
        assert answer.status_code == 200
        self.changed.update(answer.json()["data"][0])
        return answer

    def check_fresh(self, client: httpx.Client) -> None:
        """See that everything of the changed asset is of its last version."""
        for path in self.paths(self.changed):
            answer = client.get(path)
            if path.startswith("/catalog"):
                assert answer.json()["data"][0]["signature"] == self.changed["signature"], path
            elif answer.status_code == 200:
                assert answer.headers["etag"][1:33] == self.changed["signature"][:32], path
            else:
                assert answer.status_code == 302

    def kept_statuses(self, client: httpx.Client) -> set[str]:
        """Return what a node says of what has not changed."""
        return {status(client, path) for path in self.paths(self.kept)}


@pytest.fixture
def assets(system: System, photos: dict[str, bytes], name: str) -> Assets:
    return filled(system, photos, name)


def filled(system: System, photos: dict[str, bytes], name: str) -> Assets:
    changed, kept = (system.upload(f"{name}{end}.jpg", photos["china.jpg"]) for end in ("", "-kept"))
    made = Assets(system, changed, kept, photos)
    made.fill()
    return made


# A node that is restarted


@pytest.mark.parametrize("tier", TIERS)
def test_a_node_that_was_told_to_stop_has_its_cache_when_it_is_back(system: System, assets: Assets, tier: str) -> None:
    client = client_of(system, tier)
    client.get("/catalog")
    position = system.positions()[tier]
    system.end(tier)
    system.start(tier)
    assert system.positions()[tier] == position
    assert assets.kept_statuses(client) == {"HIT"}
    assert status(client, "/catalog") == "HIT"
    assert assets.change().headers["x-purge"] == "done"
    assets.check_fresh(client)


def test_what_was_stored_before_a_start_is_named_after_it(system: System, assets: Assets) -> None:
    def copies() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = system.api.get(f"/catalog/{assets.kept['uuid']}/forms").json()["data"]
        return found

    for tier in TIERS:
        system.end(tier)
        system.start(tier)
    wait_until(lambda: all(node["complete"] for node in copies()))
    for node in copies():
        addresses = {form["address"] for form in node["forms"]}
        assert {
            path for path in assets.paths(assets.kept) if "original" not in path or path.endswith(".jpg")
        } <= addresses
        assert {form["hits"] for form in node["forms"]} == {0}, "counted anew"


@pytest.mark.parametrize("tier", TIERS)
def test_changes_while_a_node_was_stopped_make_stale_what_has_changed_and_nothing_else(
    system: System, assets: Assets, tier: str
) -> None:
    client = client_of(system, tier)
    system.end(tier)
    assert changed_elsewhere(assets, tier).headers["x-purge"] == "queued"
    system.start(tier, wait_for_nodes=False)
    assets.check_fresh(client)
    system.wait_until_purged()
    assets.check_fresh(client)
    assert assets.kept_statuses(client) == {"HIT"}


@pytest.mark.parametrize("tier", TIERS)
def test_a_node_that_is_killed_at_any_moment_shows_no_old_byte(system: System, assets: Assets, tier: str) -> None:
    """Readers ask all the while; what they ask after a change was answered shows that change."""
    client, path = client_of(system, tier), assets.paths(assets.changed)[0]
    stop, wrong, answered = threading.Event(), list[str](), 0

    def read() -> None:
        nonlocal answered
        while not stop.is_set():
            before = assets.changed["version"]
            try:
                answer = httpx.get(f"{client.base_url}{path}", timeout=20)
            except httpx.TransportError:
                continue
            if answer.status_code == 503:
                continue
            answered += 1
            seen = versions[answer.headers["etag"][1:33]]
            if seen < before:
                wrong.append(f"version {seen} after version {before} was acknowledged")

    contents = [assets.photos["flower.jpg"] + bytes([number]) for number in range(12)]
    versions = {assets.changed["signature"][:32]: assets.changed["version"]}

    def change() -> None:
        content = contents.pop()
        url = f"http://127.0.0.1:{system.ports.catalog}/file/{assets.changed['uuid']}"
        versions[hashlib.sha256(content).hexdigest()[:32]] = assets.changed["version"] + 1
        answer = httpx.patch(url, files={"file": ("x.jpg", content)}, timeout=20)
        assert answer.status_code == 200
        # For the nodes that run it is over; the one that does not is to begin with it.
        system.wait_until_purged(within=5)
        assets.changed.update(answer.json()["data"][0])

    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(read) for _ in range(3)]
        for turn in range(4):
            change()
            time.sleep(0.1 * turn)
            system.kill(tier)
            change()
            system.start(tier, wait_for_nodes=False)
            time.sleep(0.1 * turn)
            change()
            system.wait_until_served()
        stop.set()
        for reader in readers:
            reader.result()
    assert not wrong, wrong[:5]
    assert answered > 50
    assert status(client, path) == "HIT"


def changed_elsewhere(assets: Assets, tier: str) -> httpx.Response:
    """Change an asset while one node is away: the internal entry is on the cache node."""
    with httpx.Client(base_url=f"http://127.0.0.1:{assets.system.ports.catalog}", timeout=30) as catalog:
        return assets.change(client=catalog if tier == "nginx-cache" else None)


def test_a_reload_keeps_what_a_node_knows(system: System, assets: Assets) -> None:
    def check_fresh(tier: str) -> None:
        # Each over a connection of its own: the old workers of nginx close theirs.
        with httpx.Client(base_url=client_of(system, tier).base_url, headers={"Connection": "close"}) as client:
            assets.check_fresh(client)
            assert assets.kept_statuses(client) == {"HIT"}

    for turn in range(3):
        system.wait_until_described()
        position = system.positions()
        for tier in TIERS:
            system.reload(tier)
        for _ in range(10):
            assert system.positions() == position
            for tier in TIERS:
                check_fresh(tier)
            time.sleep(0.05)
        # While the old workers of nginx may still be there.
        old = {tier: system.workers(tier) for tier in TIERS}
        for tier in TIERS:
            system.reload(tier)
        with httpx.Client(base_url=f"http://127.0.0.1:{system.ports.catalog}", timeout=30) as catalog:
            assets.change(("flower.jpg", "other.jpg", "china.jpg")[turn], catalog)
        system.wait_until_purged()
        for tier in TIERS:
            check_fresh(tier)
        # A worker that ends can reset a connection that it has just accepted.
        wait_until(lambda old=old: not any(old[tier] & system.workers(tier) for tier in TIERS))


# What is saved


def cut(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def lose_a_number(file: Path) -> None:
    """Put zeros where the table has numbers, as a disk may do that has lost a block."""
    content = bytearray(file.read_bytes())
    begin = content.index(b"\n") + 1
    assert len(content) > begin + TABLE_BYTES
    used = next(at for at in range(begin, begin + 8 * 1048576, 8) if content[at : at + 8] != bytes(8))
    content[used : used + 8] = bytes(8)
    file.write_bytes(content)


def claim_more(file: Path) -> None:
    """Say that the node has later changes than it has."""
    head, _, rest = file.read_bytes().partition(b"\n")
    words = head.split(b" ")
    words[-1] = b"%d" % (int(words[-1]) + 1)
    file.write_bytes(b" ".join(words) + b"\n" + rest)


def cut_the_end(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: content.rindex(b"\n", 0, -1)])


DAMAGES: dict[str, Callable[[Path], object]] = {
    "cut": cut,
    "without its end": cut_the_end,
    "a number lost": lose_a_number,
    "another position": claim_more,
    "empty": lambda file: file.write_bytes(b""),
    "something else": lambda file: file.write_bytes(b"tada-generations 2 1 2 3\n" + bytes(1000)),
    "removed": lambda file: file.unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("tier", TIERS)
def test_a_node_whose_file_is_damaged_starts_cold_and_not_stale(
    system: System, assets: Assets, tier: str, damage: str
) -> None:
    client = client_of(system, tier)
    assert assets.change().headers["x-purge"] == "done"
    system.end(tier)
    assert file_of(system, tier).stat().st_size > TABLE_BYTES
    DAMAGES[damage](file_of(system, tier))
    system.start(tier)
    assert assets.kept_statuses(client) == {"MISS"}
    assets.check_fresh(client)
    assert assets.kept_statuses(client) == {"HIT"}, "and is a cache again"
    assert assets.change("other.jpg").headers["x-purge"] == "done"
    assets.check_fresh(client)
    assert assets.kept_statuses(client) == {"HIT"}


@pytest.mark.parametrize("damage", ["cut", "a number lost"])
def test_a_node_whose_file_is_damaged_says_so(system: System, assets: Assets, damage: str) -> None:
    system.end("nginx-edge")
    DAMAGES[damage](file_of(system, "nginx-edge"))
    told = len(system.log("nginx-edge"))
    system.start("nginx-edge")
    said = system.log("nginx-edge")[told:]
    assert "generations: the file is " in said
    assert "the cache starts cold" in said


@pytest.mark.parametrize("tier", TIERS)
def test_a_node_with_an_older_file_is_sent_what_came_since(system: System, assets: Assets, tier: str) -> None:
    """As after a save that failed, or from a copy of its disk."""
    client, file = client_of(system, tier), file_of(system, tier)
    system.end(tier)
    system.start(tier)
    older = file.with_name("older")
    shutil.copy(file, older)
    for photo in ("flower.jpg", "other.jpg"):
        assert assets.change(photo).headers["x-purge"] == "done"
        assets.fill()
    system.end(tier)
    assert file.read_bytes() != older.read_bytes()
    older.rename(file)
    system.start(tier, wait_for_nodes=False)
    assets.check_fresh(client)
    system.wait_until_purged()
    assets.check_fresh(client)
    assert assets.kept_statuses(client) == {"HIT"}


@pytest.mark.parametrize("left", [0, 1])
@pytest.mark.parametrize("tier", TIERS)
def test_a_node_that_the_log_does_not_reach_back_to_starts_cold(
    system: System, assets: Assets, tier: str, left: int
) -> None:
    """With one change left in the log, the node that runs has that one, and goes on as before."""
    client, [other] = client_of(system, tier), [one for one in TIERS if one != tier]
    before = resets(system)
    system.end(tier)
    changed_elsewhere(assets, tier)
    # A change that a node has not heard of when the log is cut would make that node cold too.
    system.wait_until_described()
    with redis.Redis(port=system.ports.redis) as store:
        store.xtrim(keys.CHANGES, maxlen=left, approximate=False)
        assert store.xlen(keys.CHANGES) == left
    if left == 0:
        changed_elsewhere(assets, tier)
        system.wait_until_purged()
    else:
        # A worker that was there before has what the log has dropped.
        system.kill("jobs")
        system.start("jobs")
        wait_until(lambda: ready.answers(f"http://127.0.0.1:{system.stack.metrics_ports()['jobs']}/readyz"))
        before = resets(system)
    system.start(tier)
    assert assets.kept_statuses(client) == {"MISS"}
    assets.check_fresh(client)
    assert assets.kept_statuses(client) == {"HIT"}
    if left:
        assert assets.kept_statuses(client_of(system, other)) == {"HIT"}
        assert resets(system) == before + 1
    else:
        assert resets(system) > before
    assert assets.change("other.jpg").headers["x-purge"] == "done"
    assets.check_fresh(client)


@pytest.mark.parametrize("tier", TIERS)
def test_a_node_that_cannot_save_what_it_knows_serves_and_takes_changes_and_says_so(
    system: System, assets: Assets, tier: str
) -> None:
    client, file = client_of(system, tier), file_of(system, tier)
    system.end(tier)
    system.start(tier)
    in_the_way = file.with_name(f"{file.name}.new")
    (in_the_way / "full").mkdir(parents=True)
    told = len(system.log(tier))
    try:
        assert assets.change().headers["x-purge"] == "done"
        system.reload(tier)  # The workers that end save.
        wait_until(lambda: "generations: the table cannot be saved: " in system.log(tier)[told:])
        wait_until(lambda: system.positions()[tier] == system.revision())
        assets.check_fresh(client)
        assert assets.kept_statuses(client) == {"HIT"}
        assert assets.change("other.jpg").headers["x-purge"] == "done"
        assets.check_fresh(client)
        system.end(tier)
    finally:
        shutil.rmtree(in_the_way)
    # What the older file lacks is sent again.
    system.start(tier)
    assets.check_fresh(client)
    assert assets.kept_statuses(client) == {"HIT"}
    system.wait_until_described()
    system.end(tier)
    assert f" {system.revision()}\n".encode() in file.read_bytes()[:100], "and is saved"
    system.start(tier)


def test_purges_by_hand_outlive_a_restart(system: System, assets: Assets) -> None:
    path = assets.paths(assets.changed)[2]
    for tier in TIERS:
        client = client_of(system, tier)
        assert client.get(f"/purge{path}", headers=token(system)).status_code == 200
        before = {key for key in system.kept_keys(tier) if key.endswith(assets.paths(assets.changed)[0])}
        system.end(tier)
        system.start(tier)
        assert {status(client, one) for one in assets.paths(assets.changed)[:3]} == {"MISS"}
        assert before < {key for key in system.kept_keys(tier) if key.endswith(assets.paths(assets.changed)[0])}
        assert assets.kept_statuses(client) == {"HIT"}


# Without a worker


def test_without_a_worker_a_node_starts_cold_after_a_while_and_then_is_a_cache(
    make_system: Callable[..., System], photos: dict[str, bytes], name: str
) -> None:
    system = make_system(GATEWAY_PATIENCE="3")
    assets = filled(system, photos, name)
    system.kill("jobs")
    for tier in TIERS:
        system.end(tier)
    system.start(*TIERS)
    for tier in TIERS:
        assert assets.kept_statuses(client_of(system, tier)) == {"BYPASS"}, "it cannot know what has changed"
        assert client_of(system, tier).get("/healthz").json() == {"alive": True, "current": False}
    system.wait_until_served(within=15)
    for tier in reversed(TIERS):
        client = client_of(system, tier)
        assert "no jobs worker has come in time; the cache starts cold" in system.log(tier)
        for expected in ("MISS", "HIT"):
            assert assets.kept_statuses(client) == {expected}
    answer = assets.change()
    assert answer.headers["x-purge"] == "queued"
    system.start("jobs")
    system.wait_until_purged()
    for tier in TIERS:
        assets.check_fresh(client_of(system, tier))
    assert assets.change("other.jpg").headers["x-purge"] == "done"
    for tier in TIERS:
        assets.check_fresh(client_of(system, tier))


def test_a_worker_that_comes_in_time_spares_a_node_the_cold_start(
    make_system: Callable[..., System], photos: dict[str, bytes], name: str
) -> None:
    system = make_system(GATEWAY_PATIENCE="60")
    assets = filled(system, photos, name)
    system.kill("jobs")
    for tier in TIERS:
        system.end(tier)
    system.start(*TIERS)
    time.sleep(2)
    assert assets.kept_statuses(system.edge) == {"BYPASS"}
    assert assets.change().headers["x-purge"] == "queued"
    assets.check_fresh(system.edge)
    system.start("jobs")
    system.wait_until_purged()
    for tier in TIERS:
        assets.check_fresh(client_of(system, tier))
        assert assets.kept_statuses(client_of(system, tier)) == {"HIT"}


# One tier behind the other


def test_a_cache_node_that_lags_hands_no_edge_what_that_knows_to_be_old(system: System, assets: Assets) -> None:
    path = assets.paths(assets.changed)[0]
    position = system.positions()["nginx-edge"]
    system.kill("jobs")
    try:
        assert assets.change().headers["x-purge"] == "queued"
        number, stem = system.revision(), assets.changed["unique_name"].removesuffix(".webp")
        assert status(system.edge, path) == "HIT", "nobody has told it"
        answer = tell(system, "nginx-edge", f"{position} {number} now\n{number} raise {stem}\n")
        assert (answer.status_code, answer.json()["position"]) == (200, number)
        asked = system.edge.get(path)
        assert (asked.content, asked.headers["x-cache-status"]) == (assets.photos["flower.jpg"], "MISS")
        assert status(system.edge, path) == "HIT"
        # The cache node still has what was before, for whoever knows no better, and the new one beside it.
        old = system.cache.get(path)
        assert (old.content, old.headers["x-cache-status"]) == (assets.photos["china.jpg"], "HIT")
        new = system.cache.get(path, headers={"X-Generation": str(number)})
        assert (new.content, new.headers["x-cache-status"]) == (assets.photos["flower.jpg"], "HIT")
        [line] = lines_of(system, "nginx-cache", asked.headers["x-request-id"])
        assert '"cache":"MISS"' in line
    finally:
        system.start("jobs")
    system.wait_until_purged()
    answer = system.cache.get(path)
    assert (answer.content, answer.headers["x-cache-status"]) == (assets.photos["flower.jpg"], "HIT")


def lines_of(system: System, tier: str, request_id: str) -> list[str]:
    def found() -> list[str]:
        return [line for line in system.log(tier).splitlines() if request_id in line]

    wait_until(lambda: bool(found()))
    return found()


def test_what_an_edge_knows_and_redis_does_not_is_answered_by_nobody(system: System, assets: Assets) -> None:
    """A Redis that lags would have the old entry; it is known from the request that it does."""
    path, page = assets.paths(assets.changed)[0], assets.paths(assets.changed)[3]
    stem, uuid = assets.changed["unique_name"].removesuffix(".webp"), assets.changed["uuid"]
    position = system.positions()["nginx-edge"]
    system.kill("jobs")
    with redis.Redis(port=system.ports.redis) as client:
        try:
            seconds, micros = client.time()
            number = seconds * 1_000_000 + micros
            raises = f"{number} raise {stem}\n{number} raise {uuid}\n"
            assert tell(system, "nginx-edge", f"{position} {number} now\n{raises}").status_code == 200
            for one in (path, page, "/catalog"):
                for _ in range(2):
                    answer = system.edge.get(one)
                    assert (answer.status_code, answer.headers["x-cache-status"]) == (503, "MISS"), one
                    assert answer.headers["retry-after"]
                    assert "latest changes" in answer.text
            assert assets.kept_statuses(system.edge) == {"HIT"}
            client.set(keys.REVISION, number)
            for one in (path, page, "/catalog"):
                assert [system.edge.get(one).status_code for _ in range(2)] == [200, 200]
                assert status(system.edge, one) == "HIT"
        finally:
            # The log has no such change: the node is ahead of it, and begins anew.
            system.start("jobs")
    before = assets.change().headers["x-purge"]
    assert before in ("done", "queued")
    system.wait_until_purged()
    for tier in TIERS:
        assets.check_fresh(client_of(system, tier))


# What a node takes


@pytest.mark.parametrize("tier", TIERS)
def test_a_node_takes_no_changes_that_do_not_go_on_from_what_it_has(system: System, assets: Assets, tier: str) -> None:
    position, client = system.positions()[tier], client_of(system, tier)
    stem = assets.kept["unique_name"].removesuffix(".webp")
    later = position + 1_000_000
    gap = tell(system, tier, f"{position + 1} {later} now\n{later} raise {stem}\n")
    assert (gap.status_code, gap.json()["position"], gap.json()["problem"]) == (409, position, "gap")
    for unreadable in ("", "\n", "x", "now", f"{position}\n", f"x {later} now\n", f"{position} {later}\n", "\x00" * 99):
        answer = tell(system, tier, unreadable)
        assert (answer.status_code, answer.json()["problem"]) == (400, "unreadable"), unreadable
    assert system.positions()[tier] == position
    assert assets.kept_statuses(client) == {"HIT"}


@pytest.mark.parametrize("tier", TIERS)
def test_changes_that_are_sent_again_or_late_change_nothing(system: System, assets: Assets, tier: str) -> None:
    """A worker that was frozen may send what another has sent long before."""
    position, client = system.positions()[tier], client_of(system, tier)
    early = position - 30_000_000
    stem, uuid = assets.kept["unique_name"].removesuffix(".webp"), assets.kept["uuid"]
    path = assets.paths(assets.kept)[0]
    for begin in (early, 0):
        lines = f"{early + 1} gone {path}\n{early + 1} raise {stem}\n{early + 1} raise {uuid}\n{early + 1} raise *\n"
        answer = tell(system, tier, f"{begin} {early + 1} now\n{lines}")
        assert (answer.status_code, answer.json()["position"]) == (200, position)
    time.sleep(0.3)
    assert assets.kept_statuses(client) == {"HIT"}
    assert path in system.kept_addresses(tier)


def test_many_changes_in_one_request_are_taken(system: System, assets: Assets) -> None:
    """More than nginx keeps of a body in memory."""
    position = system.positions()["nginx-edge"]
    stem = assets.kept["unique_name"].removesuffix(".webp")
    lines = "".join(f"{position} raise /DEV/of-nobody-{number:06}\n" for number in range(50_000))
    assert len(lines) > 2 * 2**20
    started = time.monotonic()
    answer = tell(system, "nginx-edge", f"{position} {position} now\n{lines}{position} raise {stem}\n")
    assert (answer.status_code, answer.json()["position"]) == (200, position)
    assert time.monotonic() - started < 5
    assert status(system.edge, assets.paths(assets.kept)[2]) == "MISS"
    assert status(system.edge, assets.paths(assets.kept)[2]) == "HIT"


# Groups


def test_the_list_and_each_page_have_a_generation_and_facts_raise_the_page_alone(
    system: System, assets: Assets
) -> None:
    rendition, page, other = (
        *assets.paths(assets.changed)[2:],
        assets.paths(assets.kept)[3],
    )
    looked = ("/catalog", page, other, rendition, assets.paths(assets.changed)[0])
    tiers = (system.edge, system.cache)

    def seen() -> list[tuple[str, ...]]:
        """Return what all say, from the edge to the cache tier behind it."""
        return [tuple(status(client, path) for client in tiers) for path in looked]

    hit, fresh = ("HIT", "HIT"), ("MISS", "HIT")
    seen()
    assert seen() == [hit] * 5
    with redis.Redis(port=system.ports.redis) as client:
        # As if its facts came only now.
        entry = {**assets.changed, **dict.fromkeys(asdict(NO_FACTS))}
        key = identity.entry_key(entry["unique_name"])
        client.hset(keys.ENTRIES, key, orjson.dumps(entry))
        client.xadd(keys.UNDESCRIBED, {"uuid": key})
    system.wait_until_described()
    assert seen() == [fresh, fresh, hit, hit, hit], "the list and the page, and no picture"
    assert system.edge.get(page).json()["data"] == [system.described(assets.changed["uuid"])]
    answer = system.api.patch(f"/catalog/{assets.changed['uuid']}", json={"information": "new"})
    assert answer.headers["x-purge"] == "done"
    assert seen() == [fresh, fresh, hit, fresh, fresh], "a change by hand: everything of this asset"
    assert seen() == [hit] * 5


def test_a_restore_and_an_emptied_catalog_make_everything_stale(
    make_system: Callable[..., System], photos: dict[str, bytes], name: str
) -> None:
    system = make_system()
    assets = filled(system, photos, name)
    nothing = "/assets/media/full/DEV/nothing.webp"
    stamp = system.api.post("/catalog/create-dump").json()["timestamp"]
    everything = [*assets.paths(assets.changed), *assets.paths(assets.kept)]
    for client in (system.edge, system.cache):
        client.get(nothing)
        assert status(client, nothing) == "HIT"
    emptied = system.api.delete("/catalog")
    assert (emptied.status_code, emptied.headers["x-purge"]) == (200, "done")
    for client in (system.cache, system.edge):
        assert client.get("/catalog").json() == []
        for path in everything:
            answer = client.get(path)
            assert (answer.status_code, answer.headers["x-cache-status"]) == (404, "MISS"), path
            assert status(client, path) == "HIT"
        assert status(client, nothing) == "MISS", "it might be another one now"
    restored = system.api.post(f"/catalog/restore-dump/dump_{stamp}.json")
    assert restored.status_code == 200
    system.wait_until_purged()
    for client in (system.cache, system.edge):
        assert len(client.get("/catalog").json()) == 2
        for path in everything:
            answer = client.get(path)
            assert (answer.status_code in (200, 302), answer.headers["x-cache-status"]) == (True, "MISS"), path
            assert status(client, path) == "HIT"


# Stale within a generation


def test_a_stale_copy_is_served_within_its_generation_and_never_after_a_change(
    make_system: Callable[..., System], photos: dict[str, bytes], name: str
) -> None:
    system = make_system(EDGE_CACHE_SECONDS="1", CACHE_SECONDS="1")
    changed_entry, kept_entry = (system.upload(f"{name}{end}.jpg", photos["china.jpg"]) for end in ("", "-kept"))
    assets = Assets(system, changed_entry, kept_entry, photos)
    changed, kept = (assets.paths(entry)[2] for entry in (assets.changed, assets.kept))
    before = {path: system.edge.get(path) for path in (changed, kept)}
    assert {answer.status_code for answer in before.values()} == {200}
    system.kill("transform")
    time.sleep(2.1)  # Longer than both tiers may call it fresh.

    def check_stale(path: str) -> None:
        for client in (system.edge, system.cache):
            for _ in range(3):
                answer = client.get(path)
                assert (answer.status_code, answer.content) == (200, before[path].content)
                # What the edge is handed it keeps for a second.
                assert answer.headers["x-cache-status"] in ("STALE", "UPDATING", "HIT")

    for path in (changed, kept):
        check_stale(path)
    assert assets.change().headers["x-purge"] == "done"
    for client in (system.edge, system.cache):
        for _ in range(3):
            answer = client.get(changed)
            assert answer.status_code == 503
            assert answer.headers["retry-after"]
    check_stale(kept)
    system.start("transform")
    for client in (system.edge, system.cache):
        assert client.get(changed).headers["etag"][1:33] == assets.changed["signature"][:32]


def test_a_copy_is_revalidated_within_its_generation(
    make_system: Callable[..., System], photos: dict[str, bytes], name: str
) -> None:
    system = make_system(EDGE_CACHE_SECONDS="1", CACHE_SECONDS="1")
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    path, stem = f"/assets/media/optimise/50x0/DEV/{name}.webp", f"/DEV/{name}.webp"
    first = system.edge.get(path)
    for turn in range(2):
        time.sleep(2.1)
        assert status(system.edge, path) in ("STALE", "UPDATING", "REVALIDATED")
        wait_until(lambda: status(system.edge, path) == "HIT")
        assert system.edge.get(path).headers["etag"] == first.headers["etag"]
        assert system.renders(stem) == 1, f"its ETag still holds, {turn}"
    for photo in ("flower.jpg", "china.jpg"):
        replaced = system.replace(entry["uuid"], "x.jpg", photos[photo])
        answer = system.edge.get(path)
        assert answer.headers["etag"][1:33] == replaced["signature"][:32]
        time.sleep(2.1)
        assert system.edge.get(path).headers["etag"] == answer.headers["etag"]
    assert system.renders(stem) <= 3


# The disk


def test_what_nobody_can_ask_for_any_more_leaves_the_disk_when_the_walk_comes_by(
    make_system: Callable[..., System], photos: dict[str, bytes], name: str
) -> None:
    system = make_system(start=False)
    for tier in ("edge", "cache"):
        # A walk that takes ten seconds, and not most of a day.
        file = system.stack.data / "run" / tier / "common.conf"
        text, count = re.subn(r"(disk\.open_worker \{)", r"\1 step = 0.001,", file.read_text())
        assert count == 1
        file.write_text(text)
    system.start()
    assets = filled(system, photos, name)
    system.edge.get("/catalog")
    kept = set(assets.paths(assets.kept))
    old = {tier: system.kept_keys(tier) for tier in TIERS}
    assert system.api.delete(f"/file/{assets.changed['uuid']}").headers["x-purge"] == "done"
    gone = {
        tier: {key for key in keys if key[key.index("/") :] not in kept} for tier, keys in old.items()
    }  # fmt: skip
    assert all(len(keys) >= 5 for keys in gone.values()), gone
    for tier in TIERS:
        wait_until(lambda tier=tier: not gone[tier] & system.kept_keys(tier), within=90)
        assert kept <= system.kept_addresses(tier), "what can still be asked for stays"
        assert assets.kept_statuses(client_of(system, tier)) == {"HIT"}
        assert "cannot be read" not in system.log(tier)


@pytest.mark.parametrize("tier", TIERS)
def test_the_salt_of_a_node_is_told_to_nobody(system: System, assets: Assets, tier: str) -> None:
    """It is what its keys begin with: two nodes have different ones, and the next tier is told the number alone."""
    salts = {one: {key.partition(".")[0] for key in system.kept_keys(one)} for one in TIERS}
    assert not salts["nginx-edge"] & salts["nginx-cache"]
    port = {"nginx-edge": system.ports.edge, "nginx-cache": system.ports.cache}[tier]
    for path in (*assets.paths(assets.kept), "/catalog", "/healthz"):
        answer = get_as_is(port, path)
        assert not any(salt in f"{answer.headers}" for salt in salts[tier])
