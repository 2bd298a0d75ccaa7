"""Takes the screenshots of docs/library.md and of the README. Run by `make screenshots` while a fresh system runs:

    make run DATA_DIR=/tmp/shown NAMESPACES_ALLOWED=SHOP,PRESS QUOTAS=SHOP=20mb:100 PRESETS='thumb:200x200?crop=smart;
        hero:1600x0; card:600x400; story:540x960; banner:1200x300' LIBRARY_EMBEDDERS=http://localhost:8000 \\
        OUTWARD_ALLOWED=127.0.0.1 WEBHOOKS_RETRY_SECONDS=0.1

It uploads real photographs, cut and coloured in many ways, and leaves them there.
"""

import io
import random
import shutil
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import skimage
import sklearn
from PIL import Image, ImageDraw, ImageEnhance, ImageOps
from playwright.sync_api import Browser, FilePayload, Page, expect, sync_playwright

from examples.picker.__main__ import server

PICKER_PORT = 8000
OUT = Path(__file__).parents[1] / "docs" / "img"
COUNT = 60
WORDS = ("harbour", "garden", "temple", "autumn", "market", "river", "studio", "night", "summer", "detail")
FOLDERS = ("", "products", "products/2026", "team", "events/summer")
DRAWING = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 120">'
    b'<rect width="200" height="120" rx="20" fill="#2f5fd0"/>'
    b'<circle cx="70" cy="60" r="34" fill="#fff"/><path d="M110 90l25-60 25 60z" fill="#ffd34d"/></svg>'
)
DESKTOP: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}}
TABLET: dict[str, Any] = {"viewport": {"width": 1024, "height": 768}}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


def photographs() -> list[tuple[str, Image.Image]]:
    """Return the photographs that two packages of the tests carry, by their names."""
    folders = (Path(sklearn.__file__).parent / "datasets" / "images", Path(skimage.__file__).parent / "data")
    files = [file for folder in folders for file in sorted(folder.glob("*")) if file.suffix in (".jpg", ".png")]
    found = [(file.stem, Image.open(file).convert("RGB")) for file in files if file.stat().st_size > 20_000]
    return [(name, photo) for name, photo in found if min(photo.size) > 200]


def varied(photo: Image.Image, chance: random.Random) -> bytes:
    """Return a part of a photograph in other colours, as JPEG."""
    width, height = (int(side * chance.uniform(0.5, 1)) for side in photo.size)
    left, top = chance.randint(0, photo.width - width), chance.randint(0, photo.height - height)
    made = photo.crop((left, top, left + width, top + height))
    if chance.random() < 0.5:
        made = ImageOps.mirror(made)
    made = ImageEnhance.Color(made).enhance(chance.uniform(0.4, 1.8))
    made = ImageEnhance.Brightness(made).enhance(chance.uniform(0.8, 1.25))
    out = io.BytesIO()
    made.resize((made.width * 2, made.height * 2)).save(out, "JPEG", quality=88)
    return out.getvalue()


def leaflet(photo: Image.Image) -> bytes:
    """Return a PDF of one page."""
    page = Image.new("RGB", (620, 877), "white")
    page.paste(photo.resize((520, 350)), (50, 50))
    drawing = ImageDraw.Draw(page)
    for line in range(16):
        drawing.rectangle((50, 450 + line * 21, 370 + line * 37 % 200, 457 + line * 21), fill="#777")
    out = io.BytesIO()
    page.save(out, "PDF")
    return out.getvalue()


def upload(api: httpx.Client) -> None:
    """Upload everything that is shown."""
    chance = random.Random(7)  # noqa: S311 - the same pictures each time
    photos = photographs()

    def send(name: str, content: bytes, **fields: str) -> None:
        answer = api.post("/file?wait=facts", files={"file": (name, content)}, data=fields)
        answer.raise_for_status()

    for number in range(COUNT):
        name, photo = photos[number % len(photos)]
        subject = name.replace("_", " ")
        fields: dict[str, Any] = {"tags": ",".join(chance.sample(WORDS, chance.randint(0, 3)))}
        if chance.random() < 0.7:
            fields["alt"] = f"{subject.capitalize()}, seen from nearby"
        if chance.random() < 0.4:
            fields["title"] = f"{chance.choice(WORDS).capitalize()} {subject}"
        if number == COUNT - 5:
            fields["expired"] = "true"
        place = {"namespace": chance.choice(("SHOP", "SHOP", "PRESS")), "destination": chance.choice(FOLDERS)}
        send(f"{name}-{chance.choice(WORDS)}-{number}.jpg", varied(photo, chance), **place, **fields)
    send("logo.svg", DRAWING, namespace="PRESS", tags="logo", alt="The logo")
    send("price-list.pdf", leaflet(photos[0][1]), namespace="SHOP", title="Price list")


def open_page(browser: Browser, address: str, query: str = "", **given: Any) -> Page:
    page = browser.new_context(locale="en-GB", **given).new_page()
    page.goto(f"{address}/library{query}")
    page.locator("img.there").first.wait_for()
    return page


def save(page: Page, name: str) -> None:
    expect(page.locator(".picture img:not(.there)")).to_have_count(0)
    page.wait_for_timeout(1500)  # Until they have faded in.
    with Image.open(io.BytesIO(page.screenshot())) as picture:
        picture.save(OUT / f"library-{name}.webp", quality=78, method=6)


def place(browser: Browser, address: str, name: str, **given: Any) -> Page:
    """Open a place for operators."""
    page = browser.new_context(locale="en-GB", **{**DESKTOP, **given}).new_page()
    page.goto(f"{address}/library?place={name}")
    page.get_by_role("table").first.wait_for()
    return page


def operating(browser: Browser, address: str, api: httpx.Client) -> None:
    """Take a screenshot of each place for operators."""
    for path in ("/catalog/create-dump", "/jobs/describe", "/jobs/warm"):
        api.post(path)
    api.post("/jobs/sync", json={"dry_run": True})
    for receiver in ("http://127.0.0.1:9099/shop", "http://127.0.0.1:9099/cms"):
        made = api.post("/webhooks", json={"address": receiver, "description": "A shop", "kinds": ["asset.changed"]})
        made.raise_for_status()
    first, second, *_ = (entry["uuid"] for entry in api.get("/catalog").json())
    for uuid in (first, second):
        api.patch(f"/catalog/{uuid}", json={"title": "Changed since then"})

    page = place(browser, address, "jobs")
    page.get_by_role("button", name="What came of Compare").first.click()
    save(page, "jobs")
    page = place(browser, address, "dumps")
    page.get_by_role("button", name="Restore the dump of").first.click()
    page.get_by_text("What changes").click()
    save(page, "restore")
    page = place(browser, address, "webhooks")
    page.get_by_role("button", name="More about").first.click()
    page.get_by_role("table", name="Dead letters").wait_for()
    save(page, "webhooks")
    page = place(browser, address, "health", color_scheme="dark")
    page.get_by_role("button", name="Examine now").click()
    page.get_by_role("table", name="Doctor").wait_for()
    save(page, "health")


def jpeg(name: str, content: bytes) -> FilePayload:
    return {"name": name, "mimeType": "image/jpeg", "buffer": content}


def take(browser: Browser, address: str) -> None:
    """Take a screenshot of each main view."""
    save(open_page(browser, address, **DESKTOP), "grid")
    save(open_page(browser, address, "?layout=list&folder=/SHOP&sort=name", **DESKTOP), "list")
    page = open_page(browser, address, **DESKTOP, color_scheme="dark")
    page.locator(".tile").nth(4).click()
    page.get_by_label("Title").wait_for()
    save(page, "details")
    take_cuts(browser, address)
    take_made(browser, address)
    page = open_page(browser, address, "?folder=/SHOP/products", **TABLET)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Upload", exact=True).click()
    photos = [photo for _, photo in photographs()]
    chance = random.Random(9)  # noqa: S311
    there = page.locator(".tile img").last.evaluate("(one) => one.src.replace(/optimise.[^/]+/, 'original')")
    files: list[FilePayload] = [
        *(jpeg(f"new-{number}.jpg", varied(photos[number], chance)) for number in range(3)),
        {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no picture"},
        jpeg("copied.jpg", httpx.get(there, follow_redirects=True).content),
    ]
    chooser.value.set_files(files)
    page.get_by_role("region", name="Uploads").get_by_text("/SHOP/products/new-2").wait_for()
    save(page, "upload")
    save(open_page(browser, address, "?size=s", **PHONE), "phone")
    take_many(browser, address)
    take_signing_in(browser, address)
    take_calendar(browser, address)


def take_signing_in(browser: Browser, address: str) -> None:
    """Take the screenshot of the question for a token, as a system with tokens asks it."""
    page = browser.new_context(locale="en-GB", **PHONE).new_page()
    for path in ("about", "catalog/search?*"):
        page.route(f"**/{path}", lambda route: route.fulfill(status=401, json={"data": [], "problems": []}))
    page.goto(f"{address}/library")
    page.get_by_label("Token").wait_for()
    save(page, "signin")


def take_many(browser: Browser, address: str) -> None:
    """Take the screenshot of a selection, after its tags were changed."""
    page = open_page(browser, address, "?sort=name", **DESKTOP)
    page.locator(".tile").nth(1).click(modifiers=["Control"])
    page.locator(".tile").nth(6).click(modifiers=["Shift"])
    page.locator(".tile").nth(8).click(modifiers=["Control"])
    page.get_by_role("toolbar").get_by_role("button", name="Tags").click()
    page.get_by_label("Add tags").fill("autumn, shop window")
    page.get_by_role("button", name="Apply").click()
    page.get_by_text("7 of 7 done").first.wait_for()
    page.locator(".toast").get_by_role("button", name="Close").click()
    save(page, "many")


def take_cuts(browser: Browser, address: str) -> None:
    """Take the screenshots of the focal point and of a crop."""
    page = open_page(browser, address, "?q=astronaut", **DESKTOP)
    page.locator(".tile").first.click()
    page.get_by_role("button", name="Focal point and crop").click()
    frame = page.locator(".focus .frame").bounding_box()
    assert frame
    page.mouse.click(frame["x"] + frame["width"] * 0.45, frame["y"] + frame["height"] * 0.2)
    save(page, "focus")
    page.locator(".focus").get_by_role("button", name="Discard").click()
    page.get_by_role("button", name="Crop", exact=True).click()
    page.get_by_label("Another ratio or size").fill("21:9")
    page.get_by_role("slider", name="Part that is cut out").press("PageUp")
    page.locator(".given .delivered.there").wait_for()
    save(page, "crop")


def take_made(browser: Browser, address: str) -> None:
    """Take the screenshots of what a file is made of, and of the room of namespaces."""
    found = httpx.get(f"{address}/catalog/search?q=coffee&limit=1").json()["data"][0]
    page = open_page(browser, address, f"?folder=/{found['namespace']}&asset={found['uuid']}", **DESKTOP)
    page.get_by_role("button", name="What it is made of").click()
    page.get_by_role("button", name="Purge").click()
    made = page.locator("section.made")
    made.get_by_text("No cache has anything older.").wait_for()
    for width in (200, 800):
        for _ in range(width // 40):
            httpx.get(f"{found['base_url']}/optimise/{width}x0{found['unique_name']}")
    page.wait_for_timeout(1500)  # Until hits are counted.
    made.get_by_role("button", name="Look again").click()
    made.get_by_role("row", name="800x0").first.wait_for()
    made.evaluate("(one) => one.closest('.scroll').scrollTo(0, one.offsetTop - 60)")
    save(page, "made")
    page = open_page(browser, address, **DESKTOP)
    page.get_by_role("button", name="Room").click()
    page.locator(".namespace").first.wait_for()
    save(page, "room")


RESULTS = (
    # What is asked for, and its width here.
    ("optimise/320x0", 320),
    ("optimise/320x214", 320),
    ("optimise/320x214?crop=smart", 320),
    ("optimise/100x214?crop=smart", 100),
    ("optimise/320x214?fit=contain", 214),
    ("optimise/320x214?max_kb=6", 320),
    ("optimise/320x0?format=avif", 320),
    ("optimise/320x214?blur=8", 320),
)
STYLE = """
    body { margin: 24px; font: 15px/1.5 "DejaVu Sans", sans-serif; background: #fff; color: #222 }
    main { display: flex; flex-wrap: wrap; gap: 20px 24px; align-items: flex-end }
    figure { margin: 0; min-width: 100px } img { display: block; margin-bottom: 6px; border-radius: 4px }
    code { font: 13px "DejaVu Sans Mono", monospace } span { color: #667 }
"""


def take_results(browser: Browser, address: str) -> None:
    """Take the picture of what addresses of one file give."""
    uploads = httpx.Client(base_url=address, timeout=60)
    photo = io.BytesIO()
    dict(photographs())["astronaut"].save(photo, "JPEG", quality=90)
    place = {"namespace": "PRESS", "destination": "readme"}
    answer = uploads.post(
        "/file?wait=facts&on_conflict=replace", files={"file": ("ada.jpg", photo.getvalue())}, data=place
    )
    answer.raise_for_status()
    entry = answer.json()["data"][0]
    figures = []
    for asked, width in RESULTS:
        form, _, arguments = asked.partition("?")
        found = f"{entry['base_url']}/{form}{entry['unique_name']}{'?' if arguments else ''}{arguments}"
        shown = httpx.get(found, timeout=60)
        shown.raise_for_status()
        kind = shown.headers["content-type"].removeprefix("image/")
        words = (
            f"<code>{asked.removeprefix('optimise/')}</code><br><span>{kind}, {len(shown.content) / 1000:.1f} kB</span>"
        )
        figures.append(
            f'<figure style="max-width: {max(width, 150)}px"><img src="{found}" width="{width}">{words}</figure>'
        )
    uploaded = (
        f"<p>One upload: a JPEG of {len(photo.getvalue()) / 1000:.0f} kB. Each of these is one address of it.</p>"
    )
    page = browser.new_context(viewport={"width": 1440, "height": 700}).new_page()
    page.goto(f"{address}/healthz")
    page.set_content(f"<style>{STYLE}</style>{uploaded}<main>{''.join(figures)}</main>")
    page.wait_for_function("[...document.images].every((one) => one.complete && one.naturalWidth)")
    with Image.open(io.BytesIO(page.screenshot(full_page=True))) as picture:
        picture.save(OUT / "results.webp", quality=82, method=6)


def take_picker(browser: Browser, address: str) -> None:
    """Take a screenshot of the library in the page of another application."""
    with server(f"{address}/library", "", PICKER_PORT) as example:
        threading.Thread(target=example.serve_forever, daemon=True).start()
        page = browser.new_context(locale="en-GB", **DESKTOP).new_page()
        page.goto(f"http://localhost:{PICKER_PORT}")
        page.get_by_role("button", name="Choose pictures").click()
        frame = page.frame_locator("tada-picker iframe")
        for number in (1, 3):
            frame.get_by_role("gridcell").nth(number).click()
        expect(frame.locator(".picture img:not(.there)")).to_have_count(0)
        save(page, "picker")
        example.shutdown()


def take_calendar(browser: Browser, address: str) -> None:
    """Take the screenshot of the calendar: of the next month, in which files then become visible and expire."""
    chance = random.Random(11)  # noqa: S311
    month = (datetime.now(UTC).replace(day=1, hour=12, minute=0, second=0) + timedelta(days=32)).replace(day=1)
    with httpx.Client(base_url=address, timeout=60) as api:
        for number, entry in enumerate(api.get("/catalog/search?limit=40&sort=name").json()["data"]):
            day = month + timedelta(days=chance.choice((1, 3, 4, 4, 4, 8, 10, 11, 16, 17, 23, 25)))
            field = "visible_from" if number % 3 == 0 else "expiration_date"
            api.patch(f"/catalog/{entry['uuid']}", json={field: day.isoformat()}).raise_for_status()
    save(open_page(browser, address, f"?place=calendar&at={month:%Y-%m}", **DESKTOP), "calendar")


def main(address: str) -> None:
    with httpx.Client(base_url=address, timeout=60) as api:
        if not api.get("/catalog/search?limit=1").json()["total"]:
            upload(api)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-background-networking"]
        )
        take(browser, address)
        take_results(browser, address)
        take_picker(browser, address)
        with httpx.Client(base_url=address, timeout=60) as api:
            operating(browser, address, api)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://localhost:3001")
