"""The extension of integrations/directus in a real Directus, with a whole TADA: under a prefix, with tokens and signed
addresses. Directus and its Node come from npm and PyPI (900 MB, once), and need a C++ compiler."""

import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from playwright.sync_api import sync_playwright

from tests.processes.directus import ADMIN, Directus, extension
from tests.processes.system import System
from tests.support.browsers import CHROMIUM
from tests.support.photographs import CHINA, COFFEE, FLOWER
from tests.support.pictures import encoded
from tests.support.served_folder import served
from tests.support.waits import wait_until
from tools.stack.plan import ROOT
from tools.stack.ports import free_ports

KEY = "a signing key of a test with more than 32 characters"
PREFIX = "/media"
OLD_FILES = 40


class Tada:
    """The system, asked with a token for everything."""

    def __init__(self, folder: Path, origins: str) -> None:
        self.token, token_line = _new_token("directus", "write", "DEV")
        self.picking, picking_line = _new_token("editors", "read", "DEV")
        self.system = System(
            folder,
            {
                "NAMESPACES_ALLOWED": "DEV,OTHER",
                "MEDIA_TOKENS": f"{token_line};{picking_line}",
                "API_PREFIX": PREFIX,
                "SIGNED_URLS": "true",
                "URL_SIGNING_KEYS": KEY,
                "LIBRARY_EMBEDDERS": origins,
            },
        )
        self.address = f"http://127.0.0.1:{self.system.ports.api}{PREFIX}"

    def entries(self) -> dict[str, dict[str, Any]]:
        """Return all entries by the file of Directus that they are of. While a file gets another type, it has two."""
        listed: list[dict[str, Any]] = []

        def is_once() -> bool:
            listed[:] = self._ask("/catalog").json()
            return len({entry["external_id"] for entry in listed}) == len(listed)

        wait_until(is_once)
        return {entry["external_id"]: entry for entry in listed}

    def wait_for(self, files: set[str], within: float = 60) -> None:
        try:
            wait_until(lambda: set(self.entries()) == files, within)
        except AssertionError:
            there = set(self.entries())
            raise AssertionError(f"missing: {files - there}, too much: {there - files}") from None

    def _ask(self, path: str) -> httpx.Response:
        answer = httpx.get(self.address + path, headers={"Authorization": f"Bearer {self.token}"}, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer


def run(folder: Path) -> None:
    extensions = extension(folder)
    port, second_port, third_port = free_ports(3)
    tada = Tada(folder, ",".join(f"http://127.0.0.1:{each}" for each in (port, second_port)))
    settings = {
        "TADA_URL": tada.address,
        "TADA_TOKEN": tada.token,
        "TADA_NAMESPACE": "DEV",
        "TADA_FOLDERS_LEFT_OUT": "",
        "TADA_URL_SIGNING_KEY": KEY,
        "TADA_SCHEDULE": "*/2 * * * * *",
        "TADA_LIBRARY_URL": f"{tada.address}/library",
        "TADA_PICKER_TOKEN": tada.picking,
        "IMPORT_IP_DENY_LIST": "",
        "CONTENT_SECURITY_POLICY_DIRECTIVES__FRAME_SRC": f"'self',http://127.0.0.1:{tada.system.ports.api}",
        "CONTENT_SECURITY_POLICY_DIRECTIVES__IMG_SRC": f"'self',data:,blob:,http://localhost:{tada.system.ports.edge}",
    }
    without = Directus(folder, folder / "none", third_port, {})
    directus = Directus(folder, extensions, port, settings)
    second = Directus(folder, extensions, second_port, settings)
    tada.system.start()
    try:
        without.run("bootstrap")
        without.start()
        old = {without.upload(f"old-{number}.png", _picture(number)) for number in range(OLD_FILES)}
        without.kill()
        _step("what was there before waits until it is asked for")
        directus.start()
        new = directus.upload("china.jpg", CHINA.read_bytes(), title="China", description='A "temple" <in> Beijing')
        directus.wait_for(new, "sent")
        assert set(tada.entries()) == {new}

        for step in (
            _delivered,
            _fields_follow,
            _a_replaced_file,
            _another_type,
            _an_import,
            _what_tada_does_not_take,
            _tada_is_away,
            _nobody_else_writes_our_fields,
            _who_may_ask,
            _the_picker,
        ):
            _step(step.__name__)
            step(directus, tada)
        _step("two at once")
        _two_at_once(directus, second, tada)
        second.kill()
        directus.kill()
        _step("a backfill that is killed")
        _backfill(directus, tada, old)
        _step("private folders")
        _private_folders(directus, tada, old)
        assert tada.token not in directus.log.read_text()
    finally:
        for each in (directus, second, without):
            each.kill()
        tada.system.stop()


def _delivered(directus: Directus, tada: Tada) -> None:
    [file] = tada.entries()
    item = directus.item(file)
    assert _size(item["tada_url"]) == Image.open(CHINA).size
    offered = [candidate.split(" ") for candidate in item["tada_srcset"].split(", ")]
    assert len(offered) > 2
    for address, width in offered:
        assert f"{_size(address)[0]}w" == width
    assert item["tada_asset"]["blurhash"]
    assert item["tada_asset"]["alt"] == 'A "temple" <in> Beijing'
    graphql = directus.api.post("/graphql/system", json={"query": "{ files { id tada_url tada_state } }"})
    assert {"id": file, "tada_url": item["tada_url"], "tada_state": "sent"} in graphql.json()["data"]["files"]


def _fields_follow(directus: Directus, tada: Tada) -> None:
    [file] = tada.entries()
    before = directus.item(file)
    change = {
        "title": "Peking",
        "description": None,
        "tags": ["a, b", "temple"],
        "focal_point_x": before["width"] // 4,
        "focal_point_y": before["height"],
        "filename_download": "peking.jpg",
    }
    directus.api.patch(f"/files/{file}", json=change).raise_for_status()
    wait_until(lambda: tada.entries()[file]["title"] == "Peking")
    entry = tada.entries()[file]
    assert (entry["alt"], entry["tags"], entry["information"]) == (None, ["a, b", "temple"], "peking.jpg")
    assert (entry["focus_x"], entry["focus_y"]) == (0.25, 1)
    assert entry["version"] == 1, "no byte was sent again"
    after = directus.wait_for(file, "sent")
    assert after["tada_url"] == before["tada_url"], "its address stays"
    wait_until(lambda: directus.item(file)["tada_asset"]["focus_x"] == 0.25)
    revisions = directus.api.get("/revisions", params={"filter[item][_eq]": file}).json()["data"]
    assert all("tada_state" not in revision["delta"] for revision in revisions)


def _a_replaced_file(directus: Directus, tada: Tada) -> None:
    [file] = tada.entries()
    before = directus.item(file)["tada_url"]
    directus.api.patch(f"/files/{file}", files={"file": ("flower.jpg", FLOWER.read_bytes())}).raise_for_status()
    wait_until(lambda: tada.entries()[file]["version"] == 2)
    wait_until(lambda: directus.item(file)["tada_url"] != before)
    item = directus.wait_for(file, "sent")
    assert _size(item["tada_url"]) == Image.open(FLOWER).size
    assert tada.entries()[file]["title"] == "Peking"


def _another_type(directus: Directus, tada: Tada) -> None:
    drawing = b'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"><rect width="40" height="30"/></svg>'
    file = directus.upload("coffee.png", COFFEE.read_bytes())
    before = directus.wait_for(file, "sent")
    answer = directus.api.patch(f"/files/{file}", files={"file": ("drawing.svg", drawing, "image/svg+xml")})
    answer.raise_for_status()
    wait_until(lambda: tada.entries()[file]["original_mimetype"] == "image/svg+xml")
    wait_until(lambda: directus.item(file)["tada_url"] != before["tada_url"])
    after = directus.wait_for(file, "sent")
    assert after["tada_srcset"] is None
    assert httpx.get(after["tada_url"]).status_code == 200
    assert httpx.get(before["tada_url"]).status_code == 404
    directus.api.delete(f"/files/{file}").raise_for_status()
    wait_until(lambda: file not in tada.entries())
    assert httpx.get(after["tada_url"]).status_code == 404


def _an_import(directus: Directus, tada: Tada) -> None:
    with served(COFFEE.parent) as address:
        answer = directus.api.post("/files/import", json={"url": f"{address}/{COFFEE.name}"})
    file = answer.json()["data"]["id"]
    item = directus.wait_for(file, "sent")
    assert _size(item["tada_url"]) == Image.open(COFFEE).size
    # Many at once, as the Data Studio deletes them.
    directus.api.request("DELETE", "/files", json=[file]).raise_for_status()
    wait_until(lambda: file not in tada.entries())


def _what_tada_does_not_take(directus: Directus, tada: Tada) -> None:
    text = directus.upload("notes.txt", b"only text")
    item = directus.wait_for(text, "refused")
    assert item["tada_error"] == "TADA does not take text/plain."
    broken = directus.upload("broken.jpg", CHINA.read_bytes()[:50_000])
    item = directus.wait_for(broken, "refused")
    assert "cut short" in item["tada_error"]
    assert directus.api.get(f"/assets/{broken}").status_code == 200
    directus.api.patch(f"/files/{broken}", files={"file": ("whole.jpg", CHINA.read_bytes())}).raise_for_status()
    assert directus.wait_for(broken, "sent")["tada_error"] is None
    directus.api.request("DELETE", "/files", json=[text, broken]).raise_for_status()
    wait_until(lambda: broken not in tada.entries())


def _tada_is_away(directus: Directus, tada: Tada) -> None:
    [kept] = tada.entries()
    deleted = directus.upload("deleted.png", _picture(1))
    directus.wait_for(deleted, "sent")
    tada.system.kill("catalog")
    added = directus.upload("added.png", _picture(2))
    directus.api.patch(f"/files/{kept}", json={"title": "Said meanwhile"}).raise_for_status()
    directus.api.delete(f"/files/{deleted}").raise_for_status()
    wait_until(lambda: directus.item(added)["tada_error"] is not None)
    assert directus.item(added)["tada_state"] == "waiting"
    assert directus.api.get(f"/assets/{added}").status_code == 200
    # What is not done yet is known to a process that starts anew, too.
    directus.kill()
    directus.start()
    tada.system.start("catalog")
    tada.wait_for({kept, added})
    wait_until(lambda: tada.entries()[kept]["title"] == "Said meanwhile")
    assert directus.wait_for(added, "sent")["tada_error"] is None
    directus.api.delete(f"/files/{added}").raise_for_status()
    tada.wait_for({kept})


def _nobody_else_writes_our_fields(directus: Directus, tada: Tada) -> None:
    [file] = tada.entries()
    before = directus.item(file)
    directus.api.patch(f"/files/{file}", json={"tada_url": "https://evil.example.com", "title": "x"}).raise_for_status()
    wait_until(lambda: tada.entries()[file]["title"] == "x")
    assert directus.wait_for(file, "sent")["tada_url"] == before["tada_url"]


def _who_may_ask(directus: Directus, tada: Tada) -> None:
    assert directus.api.get("/tada/status").json()["data"]["problem"] is None
    given = directus.api.get("/tada/picker")
    assert given.json()["data"]["token"] == tada.picking
    assert given.headers["cache-control"] == "no-store"
    with httpx.Client(base_url=directus.url) as anybody:
        for method, path in (("GET", "status"), ("POST", "backfill"), ("POST", "retry"), ("GET", "picker")):
            answer = anybody.request(method, f"/tada/{path}")
            assert answer.status_code == 403, path
            assert tada.picking not in answer.text


def _the_picker(directus: Directus, tada: Tada) -> None:
    [file] = tada.entries()
    fields = [
        {"field": "id", "type": "integer", "schema": {"is_primary_key": True, "has_auto_increment": True}},
        {"field": "cover", "type": "json", "schema": {}, "meta": {"interface": "tada-picker"}},
    ]
    made = directus.api.post("/collections", json={"collection": "articles", "schema": {}, "fields": fields})
    made.raise_for_status()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        seen: list[str] = []
        page.on("request", lambda request: seen.append(f"{request.url} {request.headers} {request.post_data_buffer!r}"))
        page.goto(f"{directus.url}/admin/login")
        page.locator("input[type=email]").fill(ADMIN["email"])
        page.locator("input[type=password]").fill(ADMIN["password"])
        page.locator("button[type=submit]").click()
        page.wait_for_url("**/admin/content**")
        page.goto(f"{directus.url}/admin/content/articles/+")
        # It asks for a licence and an owner, which are not needed.
        page.get_by_role("button", name="Skip").click()
        page.get_by_role("button", name="Remind Later").click()
        page.get_by_role("button", name="Choose a file").first.click()
        library = page.frame_locator("tada-picker iframe")
        library.get_by_role("gridcell").first.click()
        library.get_by_role("button", name="Choose", exact=True).click()
        page.locator("tada-picker li").wait_for()
        page.keyboard.press("Control+s")
        wait_until(lambda: len(directus.api.get("/items/articles").json()["data"]) == 1)
        browser.close()
    [article] = directus.api.get("/items/articles").json()["data"]
    assert article["cover"]["uuid"] == tada.entries()[file]["uuid"]
    assert article["cover"]["base_url"].endswith("/assets/media")
    assert any(tada.picking in text for text in seen)
    assert not any(tada.token in text or KEY in text for text in seen)


def _two_at_once(directus: Directus, second: Directus, tada: Tada) -> None:
    second.start()
    there = set(tada.entries())
    added = {
        (directus, second)[number % 2].upload(f"{number}.png", _picture(number), title=f"{number}")
        for number in range(12)
    }
    tada.wait_for(there | added)
    for file in added:
        directus.wait_for(file, "sent")
    assert {tada.entries()[file]["version"] for file in added} == {1}, "no file was sent twice"
    directus.api.request("DELETE", "/files", json=[*added]).raise_for_status()
    tada.wait_for(there)


def _backfill(directus: Directus, tada: Tada, old: set[str]) -> None:
    there = set(tada.entries())
    begun = directus.begin("tada", "backfill")
    wait_until(lambda: len(tada.entries()) > len(there) + 3, within=60)
    begun.kill()
    begun.wait()
    assert len(tada.entries()) < len(there | old), "it was killed too late to show anything"
    directus.start()
    # What the killed one had begun is free again after a minute.
    tada.wait_for(there | old, within=120)
    said = directus.run("tada", "backfill")
    assert f"sent {len(there | old)}, waiting 0" in said, said
    versions = {file: entry["version"] for file, entry in tada.entries().items()}
    # What TADA has lost comes back, and nothing else is sent.
    lost = min(old)
    headers = {"Authorization": f"Bearer {tada.token}"}
    httpx.delete(f"{tada.address}/file/{tada.entries()[lost]['uuid']}", headers=headers).raise_for_status()
    directus.run("tada", "backfill", "--again")
    tada.wait_for(there | old)
    assert {file: entry["version"] for file, entry in tada.entries().items()} == versions


def _private_folders(directus: Directus, tada: Tada, old: set[str]) -> None:
    def folder(name: str, parent: str | None = None) -> str:
        made = directus.api.post("/folders", json={"name": name, "parent": parent})
        return str(made.json()["data"]["id"])

    private = folder("Private")
    below = folder("Drafts", private)
    directus.kill()
    directus.environment["TADA_FOLDERS_LEFT_OUT"] = "/Private"
    directus.start()
    there = set(tada.entries())
    secret = directus.upload("secret.png", _picture(7), folder=below)
    assert directus.wait_for(secret, "left_out")["tada_url"] is None
    moved = min(old)
    before = directus.item(moved)["tada_url"]
    directus.api.patch(f"/files/{moved}", json={"folder": private}).raise_for_status()
    tada.wait_for(there - {moved})
    directus.wait_for(moved, "left_out")
    assert httpx.get(before).status_code == 404
    # A folder that is moved out takes its files along.
    directus.api.patch(f"/folders/{below}", json={"parent": None}).raise_for_status()
    tada.wait_for(there - {moved} | {secret})
    # Somebody gives the folder another name: nothing may leak.
    directus.api.patch(f"/folders/{private}", json={"name": "Secret"}).raise_for_status()
    after = directus.upload("after.png", _picture(8), folder=private)
    wait_until(lambda: "is no folder" in (directus.item(after)["tada_error"] or ""))
    assert after not in tada.entries()
    directus.api.patch(f"/folders/{private}", json={"name": "Private"}).raise_for_status()
    directus.wait_for(after, "left_out")


def _step(name: str) -> None:
    print(f"  {name.strip('_').replace('_', ' ')}", flush=True)


def _picture(number: int) -> bytes:
    return encoded(Image.new("RGB", (64, 48), (number * 5 % 256, 90, 160)), "PNG")


def _size(address: str) -> tuple[int, int]:
    """Return the size of a picture that the public gets."""
    answer = httpx.get(address, timeout=30, follow_redirects=True)
    assert answer.status_code == 200, f"{address}: {answer.status_code} {answer.text[:300]}"
    size: tuple[int, int] = Image.open(BytesIO(answer.content)).size
    return size


def _new_token(name: str, role: str, namespace: str) -> tuple[str, str]:
    made = subprocess.run(
        [sys.executable, "-m", "services.catalog.tokens", name, role, namespace],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    token, line = (printed.split(": ", 1)[1].strip() for printed in made.stdout.splitlines())
    return token, line
