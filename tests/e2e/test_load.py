"""More to render than can be rendered: what is cached is served at once, and what is not gets an answer in time."""

import asyncio
import io
import socket
import time
from collections import Counter
from collections.abc import Callable

import httpx
import pytest
from PIL import Image

from tests.processes.system import System
from tests.support.hostile_files import undecodable_jpeg
from tests.support.problems import problem
from tests.support.waits import wait_until

pytestmark = pytest.mark.timed

TIMES = 10
SECONDS = 4.0
AT_ONCE = 1.0
IN_TIME = 20.0
"""RENDER_WAIT_SECONDS, and 5 s for what is not waiting for a thread: the render itself, and this program, which sends
the load and reads the answers on the same processors. A client that is refused at the end of its wait has 15 s already.
"""


@pytest.fixture(scope="module")
def large_photo(photos: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    Image.open(io.BytesIO(photos["china.jpg"])).resize((2000, 1334)).save(out, "JPEG", quality=85)
    return out.getvalue()


@pytest.mark.timeout(120)
def test_at_ten_times_the_load_cached_assets_are_served_and_others_get_200_or_503(
    make_system: Callable[..., System], large_photo: bytes
) -> None:
    system = make_system(RENDER_QUEUE="3", RENDER_WAIT_SECONDS="15")
    system.upload("large.jpg", large_photo)
    cached = "/assets/media/optimise/300x0/DEV/large.webp"
    assert system.edge.get(cached).status_code == 200
    widths = iter(range(1200, 8000))

    def ask_new() -> str:
        return f"/assets/media/full/DEV/large.webp?width={next(widths) // 4 + 900}&quality={next(widths) % 40 + 50}"

    started, rendered = time.perf_counter(), 0
    while time.perf_counter() - started < 1.5:
        assert system.edge.get(ask_new()).status_code == 200
        rendered += 1
    rate = TIMES * rendered / (time.perf_counter() - started)

    async def one(client: httpx.AsyncClient, path: str) -> tuple[httpx.Response, float]:
        began = time.perf_counter()
        answer = await client.get(path)
        return answer, time.perf_counter() - began

    async def load() -> tuple[list[tuple[httpx.Response, float]], list[tuple[httpx.Response, float]]]:
        limits = httpx.Limits(max_connections=1000)
        async with httpx.AsyncClient(base_url=str(system.edge.base_url), timeout=30, limits=limits) as client:
            end, uncached, hits = time.perf_counter() + SECONDS, [], []
            while time.perf_counter() < end:
                uncached.append(asyncio.create_task(one(client, ask_new())))
                if len(uncached) % 4 == 0:
                    hits.append(asyncio.create_task(one(client, cached)))
                await asyncio.sleep(1 / rate)
            return list(await asyncio.gather(*uncached)), list(await asyncio.gather(*hits))

    uncached, hits = asyncio.run(load())
    assert {answer.status_code for answer, _ in hits} == {200}
    assert {answer.headers["x-cache-status"] for answer, _ in hits} <= {"HIT", "UPDATING", "STALE"}
    assert max(seconds for _, seconds in hits) < AT_ONCE
    counts = Counter(answer.status_code for answer, _ in uncached)
    assert counts.keys() == {200, 503}, counts
    assert counts[200] > rendered, "it renders all the while"
    assert counts[503] > counts[200], "this was no overload"
    assert max(seconds for _, seconds in uncached) < IN_TIME
    for answer, _ in uncached:
        if answer.status_code == 503:
            assert int(answer.headers["retry-after"]) > 0
            assert "public" not in answer.headers["cache-control"]
    assert system.edge.get(ask_new()).status_code == 200, "afterwards all is as before"


def test_a_client_that_leaves_frees_its_place(make_system: Callable[..., System], huge_photo: bytes) -> None:
    system = make_system(RENDER_QUEUE="0", PAYLOAD_MAX_SIZE="50mb")
    system.upload("huge.jpg", huge_photo)
    path = "/assets/media/full/DEV/huge.webp"
    with socket.create_connection(("127.0.0.1", system.ports.transform)) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
        # The one place is taken, for seconds.
        wait_until(lambda: system.transform.get(f"{path}?width=50").status_code == 503)
    left = time.perf_counter()
    wait_until(lambda: system.transform.get(f"{path}?width=60").status_code == 200)
    assert time.perf_counter() - left < 1
    assert system.renders("/DEV/huge.webp") == 1


def test_a_render_that_takes_too_long_is_stopped(make_system: Callable[..., System], huge_photo: bytes) -> None:
    system = make_system(RENDER_SECONDS="0.2", PAYLOAD_MAX_SIZE="50mb")
    system.upload("huge.jpg", huge_photo)
    started = time.perf_counter()
    answer = system.edge.get("/assets/media/full/DEV/huge.webp")
    assert time.perf_counter() - started < 1.5
    assert answer.status_code == 422
    assert "more than 0.2 s" in problem(answer)["message"]
    assert system.edge.get("/assets/media/optimise/20x0/DEV/huge.webp").status_code == 200
    used = system.cpu_seconds("transform")
    time.sleep(0.5)
    assert system.cpu_seconds("transform") - used < 0.2, "nothing goes on in the background"


def test_a_failed_render_is_remembered_until_the_asset_changes(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    entry = system.upload(f"{name}.jpg", undecodable_jpeg(photos["china.jpg"]))
    path = f"/assets/media/optimise/90x0/DEV/{name}.webp"
    answers = [system.edge.get(path) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [422, 422]
    assert [answer.headers["x-cache-status"] for answer in answers] == ["MISS", "HIT"]
    system.replace(entry["uuid"], f"{name}.jpg", photos["china.jpg"])
    assert system.edge.get(path).status_code == 200


def test_head_and_get_are_one_render(system: System, photos: dict[str, bytes], name: str) -> None:
    system.upload(f"{name}.jpg", photos["china.jpg"])
    path = f"/assets/media/optimise/91x0/DEV/{name}.webp"
    head, whole = system.edge.head(path), system.edge.get(path)
    assert head.headers["content-length"] == str(len(whole.content))
    assert system.renders(f"/DEV/{name}.webp") == 1
