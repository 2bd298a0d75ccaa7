"""Three nodes of the cache tier behind two edges: each key has its node, and a node may go and come back."""

import itertools
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.processes.system import System, get_as_is
from tests.support.waits import wait_until

SIZES = range(20, 60)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    found = System(tmp_path_factory.mktemp("nodes"), {}, caches=3, edges=2)
    try:
        found.start()
        yield found
    finally:
        found.stop()


def caches(system: System) -> dict[str, int]:
    """Return the port of each node of the cache tier by the name of its process."""
    more = (port for port, _ in system.stack.more_caches)
    return dict(zip(("nginx-cache.1", "nginx-cache.2", "nginx-cache.3"), (system.ports.cache, *more), strict=True))


def edges(system: System) -> list[int]:
    return [system.ports.edge, *system.stack.more_edges]


def asked(system: System, node: str, name: str) -> set[str]:
    """Return the sizes of an asset that a cache node was asked for, by its log."""
    lines = [line for line in system.log(node).splitlines() if f"/{name}." in line]
    return {line.partition("/optimise/")[2].partition("x0/")[0] for line in lines}


def logged(system: System, name: str) -> set[str]:
    return set().union(*(asked(system, node, name) for node in caches(system)))


def fill(edge: int, name: str) -> None:
    """Ask an edge for each size, and see that all are answered."""
    paths = [f"/assets/media/optimise/{size}x0/DEV/{name}.webp" for size in SIZES]
    with ThreadPoolExecutor(4) as pool:
        assert {answer.status_code for answer in pool.map(lambda path: get_as_is(edge, path), paths)} == {200}


def test_each_key_has_its_node_for_both_edges_and_the_internal_entries(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    system.upload(f"{name}.jpg", photos["china.jpg"])
    for edge in edges(system):
        fill(edge, name)
    assert system.renders(f"/DEV/{name}.webp") == len(SIZES)
    wait_until(lambda: len(logged(system, name)) >= len(SIZES))
    shares = [asked(system, node, name) for node in caches(system)]
    assert sorted(size for share in shares for size in share) == sorted(map(str, SIZES)), "one node for each"
    assert min(map(len, shares)) >= len(SIZES) // 20, shares
    for port in (system.ports.api, *(api for _, api in system.stack.more_caches)):
        path = f"/assets/media/optimise/{SIZES[0]}x0/DEV/{name}.webp"
        assert get_as_is(port, path).headers["x-cache-status"] == "HIT"


def test_a_change_reaches_every_node_of_both_tiers(system: System, photos: dict[str, bytes], name: str) -> None:
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    path = f"/assets/media/original/DEV/{name}.jpg"
    everywhere = [*caches(system).values(), *edges(system)]
    for port in everywhere:
        # A node may hold what is not its own: it has stood in for another.
        assert get_as_is(port, path).content == photos["china.jpg"]
    assert {get_as_is(port, path).headers["x-cache-status"] for port in everywhere} == {"HIT"}
    before = system.revision()
    system.replace(entry["uuid"], "x.jpg", photos["flower.jpg"])
    assert min(system.positions().values()) > before
    for port in everywhere:
        assert get_as_is(port, path).content == photos["flower.jpg"]


def test_a_node_that_dies_costs_its_share_of_renders_and_nobody_an_error(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    first, second = edges(system)
    fill(first, name)
    wait_until(lambda: len(logged(system, name)) == len(SIZES))
    share = asked(system, "nginx-cache.2", name)
    system.kill("nginx-cache.2")
    try:
        fill(second, name)
        assert system.renders(f"/DEV/{name}.webp") == len(SIZES) + len(share)
        # Changes go on; the node that is away is not waited for.
        started = time.monotonic()
        for _ in range(3):
            answer = system.api.patch(f"/catalog/{entry['uuid']}", json={"expired": False})
            assert (answer.status_code, answer.headers["x-purge"]) == (200, "queued")
        assert time.monotonic() - started < 6, "each would take PURGE_WAIT_SECONDS, 3"
    finally:
        system.start("nginx-cache.2")
    # It is sent what it lacks, and then changes reach all nodes again.
    wait_until(lambda: is_done(system, entry["uuid"]))


@pytest.mark.parametrize("node", ["nginx-cache.3", "nginx-edge.2"])
@pytest.mark.parametrize("stop", [System.kill, System.end], ids=["killed", "ended"])
def test_a_node_that_was_down_during_a_change_does_not_show_what_was_before(
    system: System, photos: dict[str, bytes], name: str, node: str, stop: Callable[[System, str], None]
) -> None:
    entry, other = (system.upload(f"{name}{end}.jpg", photos["china.jpg"]) for end in ("", "-other"))
    path, unchanged = (f"/assets/media/original/DEV/{name}{end}.jpg" for end in ("", "-other"))
    ports = {**caches(system), **dict(zip(("nginx-edge.1", "nginx-edge.2"), edges(system), strict=True))}
    for port in ports.values():
        for one in (path, unchanged):
            get_as_is(port, one)
    stop(system, node)
    try:
        answer = system.api.patch(f"/file/{entry['uuid']}", files={"file": ("x.jpg", photos["flower.jpg"])})
        assert (answer.status_code, answer.headers["x-purge"]) == (200, "queued")
        for port in (port for name, port in ports.items() if name != node):
            assert get_as_is(port, path).content == photos["flower.jpg"]
    finally:
        # Even before a worker has come to it.
        system.start(node, wait_for_nodes=False)
    assert get_as_is(ports[node], path).content == photos["flower.jpg"]
    system.wait_until_served(within=2)
    for port in ports.values():
        assert get_as_is(port, path).content == photos["flower.jpg"]
    if stop is System.end:
        assert get_as_is(ports[node], unchanged).headers["x-cache-status"] == "HIT", "what has not changed is kept"
    # Each of several workers finds out for itself that the node is back.
    wait_until(lambda: is_done(system, entry["uuid"]), within=2)
    system.wait_until_purged(within=2)
    system.api.delete(f"/file/{other['uuid']}")


def test_nodes_that_come_and_go_show_no_old_bytes(system: System, photos: dict[str, bytes], name: str) -> None:
    """One after the other is stopped and started while an asset changes and all that run are asked."""
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    path = f"/assets/media/original/DEV/{name}.jpg"
    nodes = ["nginx-cache.1", "nginx-edge.1", "nginx-cache.2", "nginx-edge.2", "nginx-cache.3"]
    ports = {**caches(system), **dict(zip(("nginx-edge.1", "nginx-edge.2"), edges(system), strict=True))}
    entries = [system.ports.api, *(api for _, api in system.stack.more_caches)]
    contents = (photos["flower.jpg"] + bytes([number]) for number in itertools.count())

    def change(away: str) -> bytes:
        content = next(contents)
        entry_port = entries[1 if away == "nginx-cache.1" else 0]
        url = f"http://127.0.0.1:{entry_port}/file/{entry['uuid']}"
        answer = httpx.patch(url, files={"file": ("x.jpg", content)}, timeout=30)
        assert (answer.status_code, answer.headers["x-purge"]) == (200, "queued" if away else "done")
        return content

    for node in nodes:
        system.kill(node)
        try:
            for _ in range(2):
                content = change(away=node)
                system.wait_until_purged(within=5)
                for other in ports.keys() - {node}:
                    assert get_as_is(ports[other], path).content == content, (node, other)
        finally:
            system.start(node, wait_for_nodes=False)
        for _ in range(3):
            assert {get_as_is(port, path).content for port in ports.values()} == {content}, node
        system.wait_until_served()
        wait_until(lambda: is_done(system, entry["uuid"]), within=5)
        content = change(away="")
        assert {get_as_is(port, path).content for port in ports.values()} == {content}, node


def is_done(system: System, uuid: str) -> bool:
    """Make a change that changes nothing; say whether all nodes have it."""
    answer = system.api.patch(f"/catalog/{uuid}", json={"expired": False})
    return (answer.status_code, answer.headers["x-purge"]) == (200, "done")
