"""A TADA below a prefix and with tokens, whose library is open in a real Chromium."""

import hashlib
import io
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import axe_playwright_python
import httpx
import pytest
from PIL import Image, ImageOps
from playwright.sync_api import Browser, Dialog, Page, expect, sync_playwright

from services.catalog.library import files
from tests.processes.system import System
from tests.support.browsers import CHROMIUM
from tests.support.issuer import AUDIENCE, TestIssuer
from tests.support.pdfs import pdf
from tests.support.served_folder import served
from tools.stack.ports import free_ports

ADMIN, EDITOR, READER = "token-of-an-admin", "token-of-an-editor", "token-of-a-reader"
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
    # No name can be looked up: what does not come from this machine does not come.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)
AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"
PICTURES = 14
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 10"><rect width="20" height="10" fill="#c22"/></svg>'

# Only for the case that it does not come: other tests are at work, too.
expect.set_options(timeout=20_000)

Open = Callable[..., Page]


def token_line(name: str, role: str, namespaces: str, token: str) -> str:
    return f"{name}:{role}:{namespaces}:{hashlib.sha256(token.encode()).hexdigest()}"


class Library:
    """A running system, and the API as an admin uses it."""

    def __init__(self, system: System, photos: dict[str, bytes], cms_port: int, issuer: TestIssuer) -> None:
        self.system = system
        self.issuer = issuer
        self.cms_port = cms_port  # Of the one origin whose pages may have the library in a frame.
        self.photos = photos
        self.address = f"http://localhost:{system.ports.api}/prefix/library"
        self.api = httpx.Client(
            base_url=f"http://localhost:{system.ports.api}/prefix",
            headers={"Authorization": f"Bearer {ADMIN}"},
            timeout=30,
        )

    def upload(self, name: str, content: bytes, **fields: str) -> dict[str, Any]:
        answer = self.api.post("/file?wait=facts", files={"file": (name, content)}, data={"namespace": "DEV", **fields})
        assert answer.status_code == 200, answer.text
        entry: dict[str, Any] = answer.json()["data"][0]
        return entry

    def entry(self, uuid: str) -> dict[str, Any]:
        entry: dict[str, Any] = self.api.get(f"/catalog/{uuid}").json()["data"][0]
        return entry

    def change(self, uuid: str, **fields: Any) -> None:
        answer = self.api.patch(f"/catalog/{uuid}", json=fields)
        assert answer.status_code == 200, answer.text

    def picture(self, number: int, side: int = 240) -> bytes:
        """Return a photograph with bytes of its own."""
        names = sorted(self.photos)
        photo = Image.open(io.BytesIO(self.photos[names[number % len(names)]])).convert("RGB")
        ratio = 0.6 + (number % 5) * 0.2
        cut = ImageOps.fit(photo, (side, int(side * ratio)), centering=(number % 7 / 7, 0.5))
        out = io.BytesIO()
        cut.save(out, "JPEG", quality=70 + number % 20)
        return out.getvalue()


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory, photos: dict[str, bytes]) -> Iterator[Library]:
    [cms_port] = free_ports(1)
    issuer = TestIssuer()
    settings = {
        "OIDC_ISSUER": issuer.address,
        "OIDC_AUDIENCE": AUDIENCE,
        "OIDC_ROLES": "editors=write:DEV",
        "LIBRARY_EMBEDDERS": f"http://localhost:{cms_port}",
        "API_PREFIX": "/prefix",
        "NAMESPACES_ALLOWED": "DEV,SHOP",
        "MEDIA_TOKENS": ";".join(
            [
                token_line("admin", "admin", "*", ADMIN),
                token_line("editor", "write", "DEV", EDITOR),
                token_line("reader", "read", "*", READER),
            ]
        ),
        "TRASH_DAYS": "30",
        "KEEP_VERSIONS": "3",
        "PRESETS": "thumb:60x60?crop=smart; hero:1600x0; card:120x50; corner:60x60?crop=0,0",
        "WARM": "thumb",
        # Receivers of webhooks are on this machine, and are given up soon.
        "OUTWARD_ALLOWED": "127.0.0.1",
        "WEBHOOKS_RETRY_SECONDS": "0.05",
    }
    system = System(tmp_path_factory.mktemp("library"), settings)
    try:
        system.start()
        made = Library(system, photos, cms_port, issuer)
        issuer.pages = (f"{made.address}/signed-in",)
        for number in range(PICTURES):
            place = {"namespace": "SHOP", "destination": "shoes/red"} if number % 2 else {"destination": "cats"}
            made.upload(
                f"photo-{number}.jpg",
                made.picture(number),
                tags="odd,number" if number % 2 else "even",
                alt="" if number == 4 else f"The photograph {number}",
                **place,
            )
        made.upload("drawing.svg", SVG, destination="drawn")
        made.upload("leaflet.pdf", pdf(), destination="drawn")
        system.wait_until_described()
        yield made
        made.api.close()
    finally:
        system.stop()
        issuer.stop()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    # Not longer than a module: while it runs, no other event loop can.
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def modules(chromium: Browser) -> Iterator[Page]:
    """A page that can import the modules of the library, and shows nothing."""
    with served(Path(files.__file__).parent / "static") as base:
        made = chromium.new_page()
        made.goto(f"{base}/")
        yield made
        made.close()


def called(page: Page, module: str, function: str, *given: Any) -> Any:
    """Return what a function of a module of the library returns."""
    code = f"import('/{module}.js').then((found) => found.{function}(...{json.dumps(given)}))"
    return page.evaluate(code)


@pytest.fixture
def opened(library: Library, chromium: Browser) -> Iterator[Open]:
    """Return a function that opens the library. In the end, nothing may have gone wrong in it unseen."""
    wrong: list[str] = []
    contexts = []
    origin = urlsplit(library.address).netloc

    def ask(address: str) -> None:
        if urlsplit(address).scheme != "blob" and urlsplit(address).netloc != origin:
            wrong.append(f"asked {address}")

    def complain(dialog: Dialog) -> None:
        wrong.append(dialog.message)
        dialog.dismiss()

    def open_page(query: str = "", token: str | None = ADMIN, start: bool = True, **given: Any) -> Page:
        made = chromium.new_context(**{"locale": "en-GB", "timezone_id": "Europe/Paris", **given})
        made.set_default_timeout(15_000)
        contexts.append(made)
        page = made.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", complain)
        page.on("console", lambda said: wrong.append(said.text) if re.search("Policy|Trusted", said.text) else None)
        page.on("request", lambda request: ask(request.url))
        if token:
            # As if somebody had entered it, once.
            page.add_init_script(
                f"if (!sessionStorage.seen) Object.assign(sessionStorage, {{seen: 1, 'tada.token': {token!r}}})"
            )
        if start:
            page.goto(library.address + query)
        return page

    yield open_page
    for context in contexts:
        for page in context.pages:
            # A request that comes now belongs to no test any more.
            page.unroute_all(behavior="ignoreErrors")
        context.close()
    assert not wrong


def check_with_axe(page: Page) -> None:
    """Fail if something of a page cannot be used by people with disabilities, as far as a program sees it."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert not [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in found["violations"]]


@pytest.fixture
def scratch(library: Library, request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    """An entry that a test may change. It is gone in the end."""
    name = re.sub(r"\W+", "-", request.node.name)[:60]
    seed = int.from_bytes(os.urandom(2), "big")
    entry = library.upload(f"{name}.jpg", library.picture(seed, 200 + seed % 50), destination="scratch")
    yield entry
    library.api.delete(f"/file/{entry['uuid']}")
