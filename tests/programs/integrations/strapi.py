"""Strapi 5 with its files in TADA: the app of integrations/strapi/example, as its README says."""

import io
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.processes.system import System
from tests.programs.integrations._running import PATH, SHOTS, fetched, running, tada
from tests.support.browsers import CHROMIUM
from tests.support.javascript import kept, library
from tests.support.pdfs import pdf
from tests.support.photographs import CHINA
from tests.support.ports import free_run_of_ports
from tests.support.waits import wait_until
from tools.node import NODE, NPM, node, npm
from tools.stack.plan import ROOT

SOURCE = ROOT / "integrations" / "strapi"
PROVIDER = "strapi-provider-upload-tada"
TOKEN = "a-token-with-which-strapi-writes"
PREFIX = "/of-the-company"
KEY = "a key that is at least 32 characters long"
PERSON = {"email": "editor@example.com", "password": "Passw0rd-of-an-editor"}
# The addon of SQLite is compiled: what npm would fetch for it is at another host.
COMPILED = {"npm_config_nodedir": str(NODE.parents[1]), "STRAPI_TELEMETRY_DISABLED": "true"}


class Strapi:
    """A Strapi that runs, as an editor sees it."""

    def __init__(self, app: Path, address: str) -> None:
        self.app, self.address = app, address
        self.api = httpx.Client(base_url=address, timeout=60)
        answer = self.api.post("/admin/register-admin", json={"firstname": "An", "lastname": "Editor", **PERSON})
        if answer.status_code != 200:
            answer = self.api.post("/admin/login", json=PERSON)
        self.api.headers["Authorization"] = f"Bearer {answer.json()['data']['token']}"

    def upload(self, name: str, data: bytes, media_type: str = "image/jpeg", **info: Any) -> httpx.Response:
        return self._send("/upload", name, data, media_type, {"name": name, **info})

    def replace(self, file: dict[str, Any], name: str, data: bytes, media_type: str) -> httpx.Response:
        return self._send(f"/upload?id={file['id']}", name, data, media_type, {"name": name})

    def _send(self, path: str, name: str, data: bytes, media_type: str, info: dict[str, Any]) -> httpx.Response:
        return self.api.post(path, files={"files": (name, data, media_type)}, data={"fileInfo": json.dumps(info)})

    def edit(self, file: dict[str, Any], **info: Any) -> httpx.Response:
        return self.api.post(f"/upload?id={file['id']}", data={"fileInfo": json.dumps(info)})

    def file(self, file: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self.api.get(f"/upload/files/{file['id']}").json()
        return found

    def files(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.api.get("/upload/files?pageSize=100").json()["results"]
        return found


def run(folder: Path) -> None:
    app = _app()
    package = _package(folder)
    npm("install", "--no-audit", "--offline", str(package), cwd=app)
    for leftover in (app / ".tmp", app / "public" / "uploads"):
        shutil.rmtree(leftover, ignore_errors=True)
        leftover.mkdir()
    own = (app / "config" / "plugins.js").read_text()
    with tada(folder / "tada", TOKEN, API_PREFIX=PREFIX) as system:
        environment = _environment(system, PREFIX)
        (app / "config" / "plugins.js").write_text("module.exports = {}\n")
        try:
            with _strapi(app, environment) as strapi:
                _fill_disk(strapi)
        finally:
            (app / "config" / "plugins.js").write_text(own)
        _backfill(app, environment, system)
        with _strapi(app, environment) as strapi:
            for check in (_pictures, _texts, _replacing, _refusals, _outage, _deleting, _content, _media_library):
                check(strapi, system)
                print(f"strapi: {check.__name__[1:]}", flush=True)
    with tada(folder / "signed", TOKEN, SIGNED_URLS="true", URL_SIGNING_KEYS=KEY) as system:
        environment = {**_environment(system), "TADA_SIGNING_KEY": KEY, "DATABASE_FILENAME": ".tmp/signed.db"}
        with _strapi(app, environment) as strapi:
            _signed(strapi, system)
            _media_library(strapi, system)
            print("strapi: signed", flush=True)


# What runs


def _app() -> Path:
    """Return the app of the example with what it needs, and its administration panel."""
    files = sorted(path for path in (SOURCE / "example").rglob("*") if path.is_file() and _is_source(path))

    def make(folder: Path) -> None:
        shutil.copytree(SOURCE / "example", folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
        node(NPM, "install", "--no-audit", cwd=folder, environment=COMPILED)
        node(NPM, "run", "build", cwd=folder, environment=COMPILED)

    return kept("strapi", files, make)


def _is_source(path: Path) -> bool:
    return not {"node_modules", "build", "dist", ".tmp", ".env"} & {*path.relative_to(SOURCE).parts}


def _package(folder: Path) -> Path:
    """Pack the provider, as its README says, with the library that is beside it in a checkout."""
    shutil.copytree(library() / "dist", folder / "clients" / "js" / "dist")
    place = folder / "integrations" / "strapi"
    shutil.copytree(SOURCE, place, ignore=shutil.ignore_patterns("node_modules", "vendor", "example", "*.tgz"))
    npm("pack", cwd=place)
    [package] = place.glob("*.tgz")
    return package


def _environment(system: System, prefix: str = "") -> dict[str, str]:
    return {
        **os.environ,
        **COMPILED,
        "PATH": PATH,
        "NODE_ENV": "production",
        "HOST": "127.0.0.1",
        "PORT": str(free_run_of_ports(1)),
        "APP_KEYS": "one,two",
        **dict.fromkeys(("ADMIN_JWT_SECRET", "API_TOKEN_SALT", "TRANSFER_TOKEN_SALT", "JWT_SECRET"), "of a test"),
        "ENCRYPTION_KEY": "0" * 32,
        "TADA_URL": f"http://127.0.0.1:{system.ports.api}{prefix}",
        "TADA_TOKEN": TOKEN,
        "TADA_PUBLIC": f"http://localhost:{system.ports.edge}",
    }


@contextmanager
def _strapi(app: Path, environment: dict[str, str]) -> Iterator[Strapi]:
    address = f"http://127.0.0.1:{environment['PORT']}"
    command: list[str | Path] = [NODE, app / "node_modules" / "@strapi" / "strapi" / "bin" / "strapi.js", "start"]
    with running(command, app, environment, f"{address}/_health"):
        strapi = Strapi(app, address)
        try:
            yield strapi
        finally:
            strapi.api.close()


# What holds


def _fill_disk(strapi: Strapi) -> None:
    for number in range(6):
        assert strapi.upload(f"old {number}.jpg", _photo(1200, 800, number), alternativeText=f"Old {number}").is_success
    [gone] = (strapi.app / "public" / "uploads").glob("old_5_*")
    gone.unlink()


def _backfill(app: Path, environment: dict[str, str], system: System) -> None:
    def ran(*arguments: str, **other: str) -> subprocess.CompletedProcess[str]:
        command: list[str | Path] = [NODE, app / "node_modules" / ".bin" / "strapi-tada-backfill", *arguments]
        return subprocess.run(
            command, cwd=app, env={**environment, **other}, capture_output=True, text=True, timeout=120, check=False
        )

    dry = ran("--dry-run")
    assert "5 would be brought, 1 failed" in dry.stdout, dry
    assert system.api.get("/catalog").json() == []
    away = ran(TADA_URL="http://127.0.0.1:1")
    assert (away.returncode, "Run this again" in away.stderr) == (1, True), away
    first = ran()
    assert (first.returncode, "5 brought, 1 failed" in first.stdout) == (1, True), first
    assert "it is not on the disk" in first.stdout
    again = ran()
    assert "0 brought, 1 failed" in again.stdout, again
    entries = system.api.get("/catalog").json()
    assert sorted(entry["alt"] for entry in entries) == [f"Old {number}" for number in range(5)]
    print("strapi: backfill", flush=True)


def _pictures(strapi: Strapi, system: System) -> None:
    """A photograph that lies on its side, with a name of another script."""
    before = len(system.api.get("/catalog").json())
    answer = strapi.upload("Grüße b.jpg", _photo(1600, 1200, orientation=6), alternativeText="A")
    assert answer.status_code == 201, answer.text
    [file] = answer.json()
    assert (file["width"], file["height"]) == (1200, 1600)
    assert file["url"].startswith(
        f"http://localhost:{system.ports.edge}{PREFIX}/assets/media/full/DEV/strapi/Gruesse_b_"
    )
    assert file["provider_metadata"]["blurhash"]
    assert set(file["formats"]) == {"thumbnail", "small", "medium", "large"}
    for size in file["formats"].values():
        assert fetched(size["url"]).size == (size["width"], size["height"])
    # Nothing but the picture is stored, as it came.
    assert len(system.api.get("/catalog").json()) == before + 1
    original = httpx.get(file["url"].replace("/full/", "/original/"), follow_redirects=True)
    assert len(original.content) > 100_000
    assert original.headers["content-type"] == "image/jpeg"
    # Browsers save many a WebP under the name of a JPEG.
    [misnamed] = strapi.upload("saved.jpg", _photo(300, 200, kind="WEBP")).json()
    assert fetched(misnamed["url"]).size == (300, 200)


def _texts(strapi: Strapi, system: System) -> None:
    [file] = strapi.upload("texts.jpg", _photo(300, 200), caption="Below", focalPoint={"x": 25, "y": 50}).json()
    assert _entry(system, file)["focus_x"] == 0.25
    edited = strapi.edit(file, name="other.jpg", alternativeText="<script>", caption="")
    assert edited.is_success, edited.text
    entry = _entry(system, file)
    assert (entry["title"], entry["alt"], entry["caption"]) == ("other.jpg", "<script>", None)
    assert entry["version"] == 1
    folder = strapi.api.post("/upload/folders", json={"name": "Shoes", "parent": None}).json()["data"]
    moved = strapi.api.post(
        "/upload/actions/bulk-move",
        json={"fileIds": [file["id"]], "folderIds": [], "destinationFolderId": folder["id"]},
    )
    assert moved.is_success, moved.text
    assert strapi.file(file)["url"] == file["url"]
    assert httpx.get(file["url"]).is_success


def _replacing(strapi: Strapi, system: System) -> None:
    [file] = strapi.upload("shoe.jpg", _photo(1200, 900), alternativeText="A shoe").json()
    assert fetched(file["formats"]["thumbnail"]["url"]).size == (208, 156)
    answer = strapi.replace(file, "boot.png", _photo(300, 600, kind="PNG"), "image/png")
    assert answer.is_success, answer.text
    new = answer.json()
    assert new["url"] == file["url"]
    assert (new["width"], new["height"], new["alternativeText"]) == (300, 600, "A shoe")
    assert set(new["formats"]) == {"thumbnail", "small"}
    assert fetched(file["formats"]["thumbnail"]["url"]).size == (78, 156)
    assert _entry(system, file)["version"] == 2
    refused = strapi.replace(file, "menu.pdf", pdf(), "application/pdf")
    assert refused.status_code == 400
    assert "menu.pdf was not replaced" in refused.text
    assert strapi.file(file)["mime"] == "image/png"
    # Somebody has deleted it in TADA.
    assert system.api.delete(f"/file/{file['provider_metadata']['uuid']}").is_success
    assert strapi.edit(file, caption="still there").is_success
    assert strapi.replace(file, "shoe.jpg", _photo(500, 400), "image/jpeg").json()["url"] == file["url"]
    assert fetched(file["url"]).size == (500, 400)


def _refusals(strapi: Strapi, system: System) -> None:
    before = len(strapi.files())
    cut = strapi.upload("cut.pdf", pdf()[:-40], "application/pdf")
    broken = strapi.upload("broken.jpg", _photo(400, 300)[:-3000])
    none = strapi.upload("none.png", b"x", "image/png")
    film = strapi.upload("film.mp4", b"\0\0\0\x18ftypmp42" + b"x" * 100, "video/mp4")
    for answer in (cut, broken, none, film):
        assert answer.status_code == 400, answer.text
    assert "cut.pdf was not stored: The PDF file cannot be drawn" in cut.text
    assert len(strapi.files()) == before


def _outage(strapi: Strapi, system: System) -> None:
    """While TADA is away, nothing is half done, and the editor is told."""
    [file] = strapi.upload("steady.jpg", _photo(300, 200), alternativeText="Steady").json()
    before = len(strapi.files())
    system.end("catalog")
    try:
        attempts = {
            "stored": strapi.upload("new.jpg", _photo(300, 200)),
            "replaced": strapi.replace(file, "new.jpg", _photo(301, 200), "image/jpeg"),
            "changed": strapi.edit(file, alternativeText="Another"),
            "deleted": strapi.api.delete(f"/upload/files/{file['id']}"),
        }
        for word, answer in attempts.items():
            assert answer.status_code == 400, (word, answer.text)
            message = answer.json()["error"]["message"]
            assert f"was not {word}: the media service does not answer" in message
            assert TOKEN not in answer.text
    finally:
        system.start("catalog")
    assert len(strapi.files()) == before
    assert (strapi.file(file)["alternativeText"], strapi.file(file)["width"]) == ("Steady", 300)
    assert _entry(system, file)["version"] == 1
    assert strapi.edit(file, alternativeText="Another").is_success
    assert _entry(system, file)["alt"] == "Another"


def _deleting(strapi: Strapi, system: System) -> None:
    [file] = strapi.upload("gone.jpg", _photo(1200, 900)).json()
    assert strapi.api.delete(f"/upload/files/{file['id']}").is_success
    assert httpx.get(file["url"]).status_code == 404
    assert httpx.get(file["formats"]["large"]["url"]).status_code == 404
    [file] = strapi.upload("gone twice.jpg", _photo(1200, 900)).json()
    assert system.api.delete(f"/file/{file['provider_metadata']['uuid']}").is_success
    assert strapi.api.delete(f"/upload/files/{file['id']}").is_success


def _content(strapi: Strapi, system: System) -> None:
    """What a front end reads of an article with a cover."""
    [file] = strapi.upload("cover.jpg", _photo(1200, 900), alternativeText="A cover").json()
    article = "/content-manager/collection-types/api::article.article"
    made = strapi.api.post(article, json={"title": "News", "cover": file["id"]})
    assert made.status_code == 201, made.text
    shown = strapi.api.get(f"{article}/{made.json()['data']['documentId']}").json()["data"]["cover"]
    assert fetched(shown["formats"]["small"]["url"]).size == (500, 375)
    assert shown["alternativeText"] == "A cover"


def _signed(strapi: Strapi, system: System) -> None:
    [file] = strapi.upload("secret.jpg", _photo(1200, 900)).json()
    assert file["isUrlSigned"]
    for shown in (file, *file["formats"].values()):
        assert httpx.get(shown["url"].partition("?")[0]).status_code == 403
        assert httpx.get(shown["url"]).is_success
    new = strapi.replace(file, "other.jpg", _photo(900, 1200), "image/jpeg").json()
    assert fetched(new["url"]).size == (900, 1200)
    assert strapi.edit(new, alternativeText="Another").is_success
    assert httpx.get(strapi.file(file)["url"]).is_success
    assert strapi.api.delete(f"/upload/files/{file['id']}").is_success
    assert httpx.get(new["url"]).status_code == 404
    strapi.upload("shown.jpg", _photo(1200, 900))


def _media_library(strapi: Strapi, system: System) -> None:
    """The pictures are there in the page that editors use, under its policy."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text) if "Policy" in message.text else None)
        page.goto(f"{strapi.address}/admin/auth/login")
        page.get_by_label("Email").fill(PERSON["email"])
        page.get_by_label("Password", exact=False).first.fill(PERSON["password"])
        page.get_by_role("button", name="Login").click()
        page.wait_for_url(lambda address: "login" not in address)
        page.goto(f"{strapi.address}/admin/plugins/upload")
        wait_until(lambda: _drawn(page, f":{system.ports.edge}/") > 0, within=60)
        page.screenshot(path=SHOTS / "strapi.png")
        browser.close()
    assert not complaints, complaints


def _drawn(page: Page, part: str) -> int:
    """Return how many pictures of TADA the page shows; none while one of them is missing."""
    pictures = page.evaluate("[...document.images].map((each) => [each.src, each.complete && each.naturalWidth])")
    widths = [width for source, width in pictures if part in source]
    return len(widths) if widths and all(widths) else 0


def _entry(system: System, file: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = system.api.get(f"/catalog/{file['provider_metadata']['uuid']}").json()["data"][0]
    return found


def _photo(width: int, height: int, shade: int = 0, orientation: int = 1, kind: str = "JPEG") -> bytes:
    """Return a photograph of this size, the same one for the same arguments."""
    picture = Image.open(CHINA).convert("RGB").resize((width, height)).point(lambda value: max(0, value - 9 * shade))
    exif = Image.Exif()
    exif[0x112] = orientation
    written = io.BytesIO()
    picture.save(written, kind, exif=exif.tobytes(), quality=92)
    return written.getvalue()
