"""Pages whose pictures nobody has asked for before, through both tiers: whoever asks for them gets them."""

import asyncio
import io
import subprocess
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest
from PIL import Image

from services.core.assets.reductions import PREFIX
from tests.processes.system import System
from tests.support.browsers import CHROMIUM
from tests.support.served_folder import served

pytestmark = pytest.mark.timed

PHOTOGRAPHS = 48
CLIENTS = 5
FORMS = ((801, ""), (802, "?format=avif"), (1600, ""), (400, ""), (200, ""))
"""What browsers show: the last two are made from reductions."""
LONGER = 1.3
"""Than the work of a hundred forms takes: 1.15, and what other programs take of the processors by chance."""
ROUNDS = 4
"""In one of them it must be so."""


@pytest.fixture(scope="module")
def album(system: System, photos: dict[str, bytes]) -> System:
    """The system, with photographs of which no form was ever made."""
    out = io.BytesIO()
    Image.open(io.BytesIO(photos["china.jpg"])).resize((2000, 1500)).save(out, "JPEG", quality=85)
    photo = out.getvalue()
    for number in range(PHOTOGRAPHS):
        answer = system.api.post("/file", files={"file": (f"album{number}.jpg", photo)}, data={"namespace": "DEV"})
        assert answer.status_code == 200, answer.text
    system.wait_until_described()
    assert len([key for key in system.stored_files() if key.startswith(f"{PREFIX}DEV/album")]) == PHOTOGRAPHS
    return system


def addresses(width: int, arguments: str = "") -> list[str]:
    return [f"/assets/media/optimise/{width}x0/DEV/album{number}.webp{arguments}" for number in range(PHOTOGRAPHS)]


def width_of(answer: httpx.Response) -> int:
    """Return the width of the picture in an answer, which is decoded."""
    assert answer.status_code == 200, answer.text
    with Image.open(io.BytesIO(answer.content)) as picture:
        picture.load()
        return picture.width


async def asked_at_once(
    system: System, paths: list[str], address: str = "127.0.0.1", connections: int = 1000
) -> list[httpx.Response]:
    """Ask the edge for all paths at the same time, from one address of this machine."""
    turn = asyncio.Semaphore(connections)
    async with client_at(system, address) as client:

        async def get(path: str) -> httpx.Response:
            async with turn:
                return await client.get(path)

        return list(await asyncio.gather(*map(get, paths)))


def client_at(system: System, address: str) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=None)
    # Without a certificate to look at, a client starts a hundred times faster.
    transport = httpx.AsyncHTTPTransport(verify=False, local_address=address, limits=limits)
    return httpx.AsyncClient(base_url=str(system.edge.base_url), transport=transport, timeout=60)


@pytest.mark.timeout(180)
def test_all_photographs_of_a_page_at_once_are_delivered_to_one_client_and_to_five(album: System) -> None:
    answers = asyncio.run(asked_at_once(album, addresses(400)))
    assert Counter(map(width_of, answers)) == {400: PHOTOGRAPHS}

    async def five() -> list[list[httpx.Response]]:
        # Each client has another size of the same page, so that nothing is shared.
        visits = (asked_at_once(album, addresses(200 + number), f"127.0.0.{number + 2}") for number in range(CLIENTS))
        return list(await asyncio.gather(*visits))

    for number, answers in enumerate(asyncio.run(five())):
        assert Counter(map(width_of, answers)) == {200 + number: PHOTOGRAPHS}


@pytest.mark.timeout(180)
def test_the_last_picture_of_a_hundred_at_once_comes_when_their_work_is_done(album: System) -> None:
    def seconds(quality: int, connections: int) -> float:
        # Nothing is asked for twice. Most of the forms are made from reductions.
        [larger, small, smaller] = (addresses(width, f"?quality={quality}") for width in (801, 300, 180))
        paths = [*larger[:24], *small, *smaller[:28]]
        began = time.perf_counter()
        answers = asyncio.run(asked_at_once(album, paths, connections=connections))
        took = time.perf_counter() - began
        assert Counter(answer.status_code for answer in answers) == {200: 100}
        return took

    # What the system can do is how long it takes with two at a time for each process, at the same load of the machine.
    ratios: list[float] = []
    while len(ratios) < ROUNDS and not any(ratio < LONGER for ratio in ratios):
        ratios.append(seconds(80 + len(ratios), 100) / seconds(70 + len(ratios), 4))
    assert min(ratios) < LONGER, ratios


@pytest.mark.timeout(180)
def test_dear_forms_for_a_stranger_do_not_make_small_ones_of_others_fail(
    album: System, photos: dict[str, bytes]
) -> None:
    out = io.BytesIO()
    Image.open(io.BytesIO(photos["china.jpg"])).resize((6000, 4000)).save(out, "JPEG", quality=85)
    album.upload("large.jpg", out.getvalue())

    async def attack() -> tuple[list[tuple[httpx.Response, float]], list[int]]:
        async with client_at(album, "127.0.0.1") as stranger, client_at(album, "127.0.0.2") as visitor:

            async def dear(number: int) -> int:
                path = f"/assets/media/full/DEV/large.webp?format=png&max_kb={9000 + number}"
                return (await stranger.get(path)).status_code

            async def small(number: int) -> tuple[httpx.Response, float]:
                # Half of them are from the stranger's address: what is cheap passes what is dear there, too.
                began = time.perf_counter()
                answer = await (stranger if number % 2 else visitor).get(addresses(150 + number)[number % PHOTOGRAPHS])
                return answer, time.perf_counter() - began

            attacks, others = [], []
            for number in range(42):
                if number % 2 == 0:
                    attacks.append(asyncio.create_task(dear(number)))
                others.append(asyncio.create_task(small(number)))
                await asyncio.sleep(0.25)
            answers = [await other for other in others]
            ended = [each.result() for each in attacks if each.done()]
            for each in attacks:
                each.cancel()
            return answers, ended

    others, stranger = asyncio.run(attack())
    assert [width_of(answer) for answer, _ in others] == [150 + number for number in range(42)]
    assert max(seconds for _, seconds in others) < 8
    assert set(stranger) <= {200, 422, 503}


@pytest.mark.timeout(180)
@pytest.mark.skipif(not CHROMIUM, reason="needs chromium")
def test_five_browsers_show_every_photograph_of_a_page(album: System, tmp_path: Path) -> None:
    edge = str(album.edge.base_url)
    for number, (width, arguments) in enumerate(FORMS):
        images = "".join(f'<img src="{edge}{path}">' for path in addresses(width, arguments))
        (tmp_path / f"{number}.html").write_text(
            f"<!doctype html>{images}<script>addEventListener('load', () => document.body.dataset.shown ="
            f" [...document.images].filter(each => each.naturalWidth === {width}).length)</script>"
        )
    with served(tmp_path) as base:
        browsers = [
            subprocess.Popen(
                [
                    *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
                    *(f"--user-data-dir={tmp_path / f'profile{number}'}", "--timeout=60000", "--dump-dom"),
                    f"{base}/{number}.html",
                ],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            for number in range(len(FORMS))
        ]
        shown = [browser.communicate(timeout=120)[0] for browser in browsers]
    for page in shown:
        assert f'data-shown="{PHOTOGRAPHS}"' in page, page[-300:]
