"""The shop of integrations/nextjs: built as its README says, filled in a browser, and looked at."""

import os
import shutil
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, sync_playwright

from tests.processes.system import System
from tests.programs.integrations._running import PATH, SHOTS, fetched, running, tada
from tests.support.browsers import CHROMIUM
from tests.support.javascript import kept, library
from tests.support.photographs import CHINA, COFFEE, FLOWER
from tests.support.ports import free_run_of_ports
from tests.support.waits import wait_until
from tools.node import NODE, NPM, node, npm
from tools.stack.plan import ROOT

SOURCE = ROOT / "integrations" / "nextjs"
TOKEN = "a-token-with-which-the-shop-writes"
KEY = "a key that is at least 32 characters long"
PASSWORD = "of-the-admin"
QUIET = {"NEXT_TELEMETRY_DISABLED": "1"}


def run(folder: Path) -> None:
    shop = folder / "shop"
    shutil.copytree(_installed(), shop, symlinks=True)
    ignored = shutil.ignore_patterns("node_modules", ".next", "package.json")
    shutil.copytree(SOURCE, shop, ignore=ignored, dirs_exist_ok=True)
    with tada(folder / "tada", TOKEN, API_PREFIX="/prefix") as system:
        base = f"http://localhost:{system.ports.edge}/prefix/assets/media"
        node(NPM, "run", "build", cwd=shop, environment={**QUIET, "PATH": PATH, "NEXT_PUBLIC_MEDIA": base})
        _secrets_stay_on_the_server(shop)
        _look(shop, system, f"http://127.0.0.1:{system.ports.api}/prefix")
    with tada(folder / "signed", TOKEN, SIGNED_URLS="true", URL_SIGNING_KEYS=KEY) as system:
        _look(shop, system, f"http://127.0.0.1:{system.ports.api}", URL_SIGNING_KEY=KEY)


def _installed() -> Path:
    """Return a folder with what the shop needs, and the library as it is published."""

    def make(folder: Path) -> None:
        shutil.copy(SOURCE / "package.json", folder)
        [package] = library().glob("*.tgz")
        npm("install", "--no-audit", str(package), cwd=folder)

    return kept("nextjs", [SOURCE / "package.json", *sorted(library().glob("dist/*"))], make)


def _secrets_stay_on_the_server(shop: Path) -> None:
    for file in (shop / ".next" / "static").rglob("*.js"):
        text = file.read_text()
        assert "TADA_TOKEN" not in text, file
        assert "URL_SIGNING_KEY" not in text, file


def _look(shop: Path, system: System, tada_url: str, **more: str) -> None:
    port = free_run_of_ports(1)
    address = f"http://localhost:{port}"
    settings = {"TADA_URL": tada_url, "TADA_TOKEN": TOKEN, "ADMIN_PASSWORD": PASSWORD, **more}
    environment = {**os.environ, **QUIET, **settings, "PATH": PATH}
    command: list[str | Path] = [
        NODE,
        shop / "node_modules" / "next" / "dist" / "bin" / "next",
        "start",
        "--port",
        str(port),
    ]
    with running(command, shop, environment, address), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        _closed_without_a_password(address)
        for number, photo in enumerate((CHINA, FLOWER, COFFEE)):
            _upload(browser, address, photo, f"Product {number} <b>", number + 0.5)
        _shop(browser, address, system, SHOTS / f"nextjs-{'signed' if more else 'shop'}.png")
        _download(address, system)
        _delete(browser, address, system)
        _outage(browser, address, system)
        browser.close()
    print(f"nextjs: {'signed' if more else 'shop'}", flush=True)


def _closed_without_a_password(address: str) -> None:
    assert "nothing to buy yet" in httpx.get(address).text
    for path in ("/admin", "/admin/ticket"):
        assert httpx.get(address + path).status_code == 401
        assert httpx.post(address + path, auth=("admin", "wrong")).status_code == 401


def _upload(browser: Browser, address: str, photo: Path, title: str, price: float) -> None:
    page = _admin(browser, address)
    page.get_by_label("Picture", exact=True).set_input_files(photo)
    page.get_by_label("Name").fill(title)
    page.get_by_label("What the picture shows").fill(f"The picture of {title}")
    page.get_by_label("Price").fill(str(price))
    page.get_by_role("button", name="Upload").click()
    page.get_by_text(f"{title} is in the shop.").wait_for()
    page.get_by_role("button", name=f"Delete {title}").wait_for()
    page.context.close()


def _admin(browser: Browser, address: str) -> Any:
    page = browser.new_context(http_credentials={"username": "admin", "password": PASSWORD}).new_page()
    page.goto(f"{address}/admin")
    return page


def _shop(browser: Browser, address: str, system: System, shot: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("response", lambda answer: wrong.append(answer.url) if answer.status >= 400 else None)
    # The facts that make the placeholder come a moment after the upload.
    facts = system.api.get("/catalog/search?folder=/DEV/shop").json()["data"]
    wait_until(lambda: all(_facts(system, entry["uuid"]) for entry in facts))
    page.goto(address)
    pictures = page.locator(".products img")
    assert pictures.count() == 3
    wait_until(lambda: page.evaluate("[...document.images].every((each) => each.complete && each.naturalWidth)"))
    for at in range(3):
        picture = pictures.nth(at)
        candidates = (picture.get_attribute("srcset") or "").split(", ")
        assert len(candidates) > 3, candidates
        smallest = candidates[0].split(" ")[0]
        assert fetched(smallest).size[0] <= 640
        assert f":{system.ports.edge}/" in smallest
        # A browser takes a picture of the size that it shows, and not the largest.
        assert picture.evaluate("(each) => each.currentSrc.includes('/optimise/')")
    assert "Product 0 <b>" in page.locator("h2").all_text_contents()
    assert "data:image" in page.content()
    page.screenshot(path=shot)
    assert not wrong, wrong
    page.close()


def _facts(system: System, uuid: str) -> bool:
    return bool(system.api.get(f"/catalog/{uuid}").json()["data"][0]["blurhash"])


def _download(address: str, system: System) -> None:
    [entry] = system.api.get("/catalog/search?folder=/DEV/shop&q=china").json()["data"]
    answer = httpx.get(f"{address}/download/{entry['uuid']}", follow_redirects=True)
    assert answer.content == CHINA.read_bytes()
    assert "attachment" in answer.headers["content-disposition"]
    form = {"namespace": "DEV", "destination": "private"}
    other = system.api.post("/file", data=form, files={"file": ("plan.jpg", CHINA.read_bytes())}).json()["data"][0]
    assert httpx.get(f"{address}/download/{other['uuid']}").status_code == 404
    system.api.delete(f"/file/{other['uuid']}")
    for unknown in ("0" * 32, "..%2Ffiles", "nothing"):
        assert httpx.get(f"{address}/download/{unknown}").status_code == 404


def _delete(browser: Browser, address: str, system: System) -> None:
    page = _admin(browser, address)
    page.get_by_role("button", name="Delete Product 1").click()
    page.get_by_role("button", name="Delete Product 1").wait_for(state="detached")
    assert len(system.api.get("/catalog").json()) == 2
    page.context.close()


def _outage(browser: Browser, address: str, system: System) -> None:
    system.end("catalog")
    page = browser.new_page()
    page.goto(address)
    page.get_by_text("cannot reach its pictures").wait_for()
    system.start("catalog")
    page.get_by_role("button", name="Try again").click()
    page.locator(".products img").first.wait_for()
    page.close()
