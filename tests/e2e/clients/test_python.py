"""The Python library with a running TADA: also below a prefix, with tokens, and while the service is killed."""

import html
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from tada_client import AlreadyExists, AsyncClient, Client, Forbidden, NotFound, Refused, TooLarge, Unauthorized

from tests.e2e.clients.test_command import Tada, environment
from tests.processes.system import System
from tests.support.waits import wait_until

TOKEN = "the-first-token"
KEY = "a-key-of-32-characters-that-is-kept-secret"


@pytest.fixture
def client(system: System) -> Iterator[Client]:
    with Client(f"http://127.0.0.1:{system.ports.api}", namespace="DEV") as made:
        yield made


@pytest.fixture
def folder(name: str) -> str:
    return f"python-{name}"


def test_an_asset_lives_and_dies(client: Client, photos: dict[str, bytes], folder: str, tmp_path: Path) -> None:
    china, flower = photos["china.jpg"], photos["flower.jpg"]
    stored = client.upload(china, name="cat.jpg", destination=folder, alt="A cat", tags=["a,b", "c"], focus=(0.2, 0.3))
    assert stored.purged
    entry = client.get(f"/DEV/{folder}/cat.webp")
    assert (entry.alt, entry.tags, entry.focus) == ("A cat", ("a,b", "c"), (0.2, 0.3))
    with pytest.raises(AlreadyExists) as taken:
        client.upload(flower, name="cat.jpg", destination=folder)
    assert (taken.value.uuid, taken.value.status) == (entry.uuid, 400)
    assert taken.value.request_id
    assert client.upsert(china, name="cat.jpg", destination=folder).outcome == "same"
    replaced = client.upsert(flower, name="cat.jpg", destination=folder, title="Flower")
    assert (replaced.outcome, replaced.entry.version, replaced.entry.alt) == ("replaced", 2, "A cat")
    assert client.download(entry, tmp_path).read_bytes() == flower
    assert client.change(entry, alt=None, focus=None).focus is None
    moved = client.move(entry, filename="katze")
    assert [found.unique_name for found in client.search(folder=f"/DEV/{folder}")] == [f"/DEV/{folder}/katze.webp"]
    assert client.purge(moved)
    client.delete(entry)
    with pytest.raises(NotFound):
        client.get(moved)


def test_pages_follow_each_other(client: Client, photos: dict[str, bytes], folder: str) -> None:
    for number in range(5):
        client.upload(photos["china.jpg"], name=f"{number}.jpg", destination=folder, on_conflict="skip")
    names = [entry.filename for entry in client.search(folder=f"/DEV/{folder}", sort="name", page=2)]
    assert names == [f"{number}.webp" for number in range(5)]
    assert client.count(folder=f"/DEV/{folder}") == 5
    assert folder in {each.path.rpartition("/")[2] for each in client.folders("/DEV")}
    assert f"/DEV/{folder}/0.webp" in {entry.unique_name for entry in client.entries(page=3)}
    action = client.delete_many({"folder": f"/DEV/{folder}"}, dry_run=True)
    assert (action.count, len(action.examples), action.job) == (5, 5, None)
    action = client.delete_many({"folder": f"/DEV/{folder}"})
    assert action.job is not None
    assert client.wait(action.job).status == "done"


def test_a_large_file_comes_in_an_upload_that_can_be_resumed(
    client: Client, photos: dict[str, bytes], folder: str
) -> None:
    told = list[int]()
    stored = client.upload(
        photos["astronaut.png"],
        name="large.png",
        destination=folder,
        title="Large",
        resumable_from=1000,
        progress=lambda sent, size: told.append(sent * 100 // size),
    )
    assert (stored.entry.title, stored.entry.size) == ("Large", len(photos["astronaut.png"]))
    assert (told[0], told[-1]) == (0, 100)
    with pytest.raises(AlreadyExists):
        client.upload(photos["coffee.png"], name="large.png", destination=folder, resumable_from=1000)


def test_what_is_refused_says_so(client: Client, photos: dict[str, bytes]) -> None:
    with pytest.raises(TooLarge):
        client.upload(bytes(11_000_000), name="cat.jpg", resumable_from=1 << 30)
    with pytest.raises(Refused) as wrong:
        client.upload(photos["china.jpg"], name="cat.png")
    assert wrong.value.code == "type_unauthorized"
    with pytest.raises(Forbidden) as nowhere:
        client.upload(photos["china.jpg"], "OTHER", name="cat.jpg")
    assert "DEV, PROD" in nowhere.value.hint
    with pytest.raises(Refused):
        client.count(q="a", missing="nothing")


async def test_the_other_client_follows_what_happens(system: System, photos: dict[str, bytes], folder: str) -> None:
    async with AsyncClient(f"http://127.0.0.1:{system.ports.api}", namespace="DEV") as client:
        entry = None
        async for event in client.follow(folder=f"/DEV/{folder}"):
            if entry is None:  # It has said where it begins.
                entry = (await client.upload(photos["china.jpg"], name="cat.jpg", destination=folder)).entry
            elif event.data.get("kind") == "asset.created":
                assert event.data["unique_name"] == entry.unique_name
                break


def test_below_a_prefix_with_tokens_and_signed_addresses(
    make_system: Callable[..., System], photos: dict[str, bytes], tmp_path: Path
) -> None:
    system = make_system(
        API_PREFIX="/shop",
        MEDIA_TOKEN=TOKEN,
        SIGNED_URLS="true",
        URL_SIGNING_KEYS=KEY,
        KEEP_VERSIONS="2",
        TRASH_DAYS="2",
    )
    url = f"http://127.0.0.1:{system.ports.api}/shop"
    with Client(url, "wrong", namespace="DEV") as stranger, pytest.raises(Unauthorized):
        stranger.upload(photos["china.jpg"], name="cat.jpg")
    with Client(url, TOKEN, namespace="DEV") as client:
        entry = client.upload(photos["china.jpg"], name="cat.jpg", resumable_from=1000).entry
        addresses = client.addresses(KEY, int(time.time()) + 600)
        edge = f"http://localhost:{system.ports.edge}"
        for address in (
            addresses.url(entry, width=200, height=100, crop=(0.123, 0.5), format="jpeg"),
            addresses.url(entry, original=True, download="Grüße"),
            addresses.sign(client.addresses().url(entry, width=100)),
        ):
            assert httpx.get(address).status_code == 200, address
            assert address.startswith(f"{edge}/shop/assets/media/")
        plain = client.addresses().url(entry, width=100)
        assert httpx.get(plain).status_code == 403
        by_the_service = client.sign(entry, [plain, "original"], expires_in=600)
        assert [httpx.get(address).status_code for address in by_the_service] == [200, 200]
        with pytest.raises(Refused, match="is the address of another asset"):
            client.sign(entry, [plain.replace("cat", "dog")])
        tada = Tada(environment(url, tmp_path) | {"TADA_TOKEN": TOKEN})
        assert httpx.get(tada("url", "/DEV/cat.webp", "--size", "90x0", "--sign").strip()).status_code == 200
        page = html.unescape(tada("url", "/DEV/cat.webp", "--picture", "--widths", "90,180", "--expires", "2h"))
        shown = re.findall(r"http[^ \"]+", page)
        assert len(shown) == 5
        for address in shown:
            assert "expires=" in address
            assert httpx.get(address).status_code == 200
        client.replace(entry, photos["flower.jpg"])
        assert [version.version for version in client.versions(entry)] == [1]
        assert client.restore_version(entry, 1).signature == entry.signature
        client.delete(entry)
        assert client.restore("/DEV/cat.webp").uuid == entry.uuid
        assert client.run_job("create_dump").status == "done"
        assert client.dumps()[0].records == 1

        # The service is killed in the middle: nothing is lost, and nothing is there twice.
        uploaded = list[str]()

        def upload() -> None:
            for number in range(40):
                sent = client.upload(photos["flower.jpg"], name=f"{number}.jpg", destination="kill", on_conflict="skip")
                uploaded.append(sent.entry.unique_name)

        thread = threading.Thread(target=upload)
        thread.start()
        wait_until(lambda: len(uploaded) >= 5)
        system.kill("catalog")
        system.start("catalog")
        thread.join(60)
        assert len(set(uploaded)) == 40
        assert client.count(folder="/DEV/kill") == 40
