"""The JavaScript library in pages: `<tada-img>` and uploads, in a real Chromium and against a running system."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, expect

from tests.processes.system import System
from tests.support.javascript import SOURCE
from tests.support.served_folder import served

README = (SOURCE / "README.md").read_text()
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src http: data:; connect-src http:; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
HEAD = f"""<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,"><meta http-equiv="Content-Security-Policy" content="{POLICY}">
<link rel="stylesheet" href="style.css"><script type="module" src="page.js"></script>"""
STYLE = "body { margin: 0; font: 16px sans-serif } .far { height: 6000px }"
SHIFTS = """window.shift = 0
new PerformanceObserver((list) => list.getEntries().forEach((each) => { window.shift += each.value }))
  .observe({ type: 'layout-shift', buffered: true })"""

Show = Callable[..., Page]


@pytest.fixture
def said() -> list[str]:
    """What pages complain of."""
    return []


@pytest.fixture
def show(installed: Path, chromium: Browser, tmp_path: Path, said: list[str]) -> Iterator[Show]:
    """Return a function that opens a page with the library. In the end, nothing may have gone wrong in it unseen."""
    shutil.copytree(installed / "node_modules/tada-media/dist", tmp_path / "tada")
    (tmp_path / "style.css").write_text(STYLE)
    contexts = []

    def hear(told: ConsoleMessage) -> None:
        if told.type == "error" and "Failed to load resource" not in told.text:
            said.append(told.text)

    with served(tmp_path) as address:

        def open_page(
            body: str,
            script: str = "import './tada/element.js'",
            held: list[Route] | None = None,
            **options: Any,
        ) -> Page:
            (tmp_path / "index.html").write_text(HEAD + body)
            (tmp_path / "page.js").write_text(script)
            context = chromium.new_context(**{"viewport": {"width": 800, "height": 600}, **options})
            context.set_default_timeout(10_000)
            contexts.append(context)
            page = context.new_page()
            page.add_init_script(SHIFTS)
            page.on("pageerror", lambda error: said.append(str(error)))
            page.on("console", hear)
            if held is not None:
                page.route("**/assets/media/**", lambda route: held.append(route))
            page.goto(address)
            return page

        yield open_page
        for context in contexts:
            context.close()
    assert not said


@pytest.fixture(scope="module")
def entry(system: System, photos: dict[str, bytes]) -> dict[str, Any]:
    answer = system.api.post(
        "/file?wait=facts&on_conflict=replace",
        files={"file": ("shown.jpg", photos["china.jpg"])},
        data={"namespace": "DEV", "destination": "javascript", "alt": "A <roof>"},
    )
    found: dict[str, Any] = answer.json()["data"][0]
    assert found["blurhash"], answer.text
    return found


def element(entry: dict[str, Any], more: str) -> str:
    return f'<tada-img base="{entry["base_url"]}" src="{entry["unique_name"]}" {more}></tada-img>'


def natural(entry: dict[str, Any]) -> str:
    return f'natural="{entry["width"]}x{entry["height"]}" blurhash="{entry["blurhash"]}"'


def loaded(page: Page, selector: str = "tada-img img") -> None:
    page.wait_for_function(
        "(at) => { const i = document.querySelector(at); return i?.complete && i.naturalWidth }", arg=selector
    )


def drawn(page: Page) -> str:
    return str(page.evaluate("document.querySelector('tada-img img').currentSrc"))


def test_a_picture_is_as_large_as_the_screen_needs(show: Show, entry: dict[str, Any]) -> None:
    body = element(entry, f'alt="A roof" width="300" {natural(entry)}')
    page = show(body)
    loaded(page)
    assert "/optimise/300x0/" in drawn(page)
    expect(page.get_by_role("img", name="A roof")).to_be_visible()
    assert page.evaluate("document.querySelector('tada-img').shadowRoot") is None
    box = page.locator("tada-img img").bounding_box()
    assert box
    assert (box["width"], round(box["height"])) == (300, round(300 * entry["height"] / entry["width"]))
    dense = show(body, device_scale_factor=2)
    loaded(dense)
    assert "/optimise/600x0/" in drawn(dense)
    narrow = show(body, viewport={"width": 150, "height": 600})
    loaded(narrow)
    assert "/optimise/160x0/" in drawn(narrow)
    assert narrow.evaluate("document.documentElement.scrollWidth") == 150


def test_the_placeholder_is_seen_until_the_picture_is_there_and_nothing_moves(
    show: Show, entry: dict[str, Any]
) -> None:
    held: list[Route] = []
    height = round(300 * entry["height"] / entry["width"])
    inside = f'<img src="{entry["public_url"]}" loading="lazy" alt="A roof" width="300" height="{height}">'
    script = f"""
        import {{ TadaImg }} from './tada/element.js'
        TadaImg.base = {entry["base_url"]!r}
    """
    attributes = f'src="{entry["unique_name"]}" width="300" {natural(entry)} color="{entry["dominant_color"]}"'
    page = show(f"<p>Before</p><tada-img {attributes}>{inside}</tada-img><p id='after'>After</p>", script, held)
    picture = page.get_by_role("img", name="A roof")
    expect(picture).to_have_css("background-image", re.compile(r'^url\("data:image/bmp;base64,'))
    before = page.locator("#after").bounding_box()
    for route in held:
        route.continue_()
    loaded(page)
    expect(picture).to_have_css("background-image", "none")
    assert page.locator("#after").bounding_box() == before
    assert page.evaluate("window.shift") == 0
    assert page.locator("img").count() == 1


def test_what_is_far_away_is_not_loaded_until_it_comes_near(show: Show, entry: dict[str, Any]) -> None:
    near = element(entry, "width=100 loading=eager fetchpriority=high")
    page = show(f"{near}<div class='far'></div>{element(entry, 'width=300 id=far')}")
    loaded(page)
    asked = "performance.getEntriesByType('resource').map(({ name }) => name).filter((name) => /optimise/.test(name))"
    assert all("/optimise/100x0/" in address for address in page.evaluate(asked))
    assert page.evaluate("document.querySelector('img').fetchPriority") == "high"
    page.locator("#far").scroll_into_view_if_needed()
    loaded(page, "#far img")
    assert "/optimise/300x0/" in page.evaluate(asked)[-1]


def test_an_entry_is_all_that_it_needs_and_changes_are_followed(show: Show, entry: dict[str, Any]) -> None:
    page = show(element(entry, ""))
    page.evaluate("(entry) => { document.querySelector('tada-img').entry = entry }", entry)
    expect(page.get_by_role("img", name="A <roof>")).to_be_visible()
    loaded(page)
    assert drawn(page).endswith(entry["versioned_url"].partition("?")[2])
    page.evaluate("Object.assign(document.querySelector('tada-img'), { title: 'x' }).setAttribute('width', '100')")
    page.wait_for_function("() => document.querySelector('tada-img img').width === 100")
    page.evaluate("document.querySelector('tada-img').setAttribute('crop', 'smart')")
    page.evaluate("document.querySelector('tada-img').setAttribute('height', '100')")
    page.wait_for_function("() => document.querySelector('tada-img img').currentSrc.includes('100x100')")
    assert "crop=smart" in drawn(page)
    # It can be taken out and put elsewhere.
    page.evaluate("const it = document.querySelector('tada-img'); it.remove(); document.body.append(it)")
    assert page.locator("tada-img img").count() == 1


def test_what_cannot_be_is_said_in_the_console(show: Show, said: list[str]) -> None:
    page = show('<tada-img base="/assets/media" src="no name"></tada-img><tada-img></tada-img>')
    page.wait_for_function("() => customElements.get('tada-img')")
    [complaint] = said
    assert 'name must be the unique_name of an entry, not "no name"' in complaint
    said.clear()


UPLOADS = """
    import { upload } from './tada/index.js'
    window.begin = (ticket, file, options = {}) => {
      window.sent = []
      window.stop = new AbortController()
      const onProgress = (bytes, all) => window.sent.push([bytes, all])
      const told = upload(ticket, file, { ...options, onProgress, signal: window.stop.signal })
      window.told = told.catch((error) => ({ failed: error.code ?? error.name, message: error.message }))
    }
"""


def ticket(system: System, **wanted: Any) -> dict[str, Any]:
    made: dict[str, Any] = system.api.post("/tickets", json={"namespace": "DEV", **wanted}).json()["data"][0]
    return made


def begin(page: Page, made: dict[str, Any], options: dict[str, Any]) -> None:
    page.evaluate(
        "([made, options]) => window.begin(made, document.querySelector('input').files[0], options)", [made, options]
    )


def test_a_page_uploads_with_a_ticket_and_sees_how_far_it_is(
    show: Show, system: System, name: str, photos: dict[str, bytes]
) -> None:
    page = show("<input type=file>", UPLOADS)
    page.locator("input").set_input_files({"name": "x.jpg", "mimeType": "image/jpeg", "buffer": photos["china.jpg"]})
    made = ticket(system, filename=name, may_set=["alt"], uses=2, on_conflict="rename")
    for resumable in (False, True):
        begin(page, made, {"fields": {"alt": "Dächer"}, "resumable": resumable})
        told = page.evaluate("window.told")
        sent = page.evaluate("window.sent")
        assert told["filename"] == f"{name}{'-2' if resumable else ''}.webp"
        assert system.api.get(f"/catalog/{told['uuid']}").json()["data"][0]["alt"] == "Dächer"
        assert sent[-1] == [len(photos["china.jpg"])] * 2
        assert sent == sorted(sent)
    begin(page, made, {})
    assert page.evaluate("window.told")["failed"] == "ticket_used"


def test_an_upload_of_a_page_goes_on_after_a_reload(
    show: Show, system: System, name: str, photos: dict[str, bytes], tmp_path: Path
) -> None:
    content = photos["astronaut.png"]
    file = tmp_path / "x.png"
    file.write_bytes(content)
    made = ticket(system, filename=name)
    page = show("<input type=file>", UPLOADS)
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 300_000}
    network.send("Network.emulateNetworkConditions", slow)
    page.locator("input").set_input_files(file)
    begin(page, made, {"resumable": True})
    page.wait_for_function("() => window.sent.at(-1)?.[0] > 200000")
    page.evaluate("window.stop.abort()")
    assert page.evaluate("window.told")["failed"] == 20
    network.send("Network.emulateNetworkConditions", {**slow, "uploadThroughput": -1})
    page.reload()
    page.locator("input").set_input_files(file)
    # Another ticket: that of the reloaded page.
    begin(page, ticket(system, filename=name), {"resumable": True})
    told = page.evaluate("window.told")
    assert told["filename"] == f"{name}.webp"
    assert page.evaluate("window.sent")[0][0] > 50_000
    assert page.evaluate("localStorage.length") == 0
    assert system.edge.get(f"/assets/media/original/DEV/{name}.png").content == content


def test_the_element_of_the_readme_shows_a_picture(show: Show, system: System, photos: dict[str, bytes]) -> None:
    system.api.post(
        "/file?on_conflict=replace",
        files={"file": ("cat.jpg", photos["china.jpg"])},
        data={"namespace": "DEV", "destination": "shop"},
    )
    [block] = re.findall(r"```html\n(.+?)```", README, re.DOTALL)
    script, body = re.findall(r'<script type="module">(.+?)</script>(.+)', block, re.DOTALL)[0]
    here = script.replace("tada-media/element", "./tada/element.js")
    page = show(body, here.replace("localhost:8080", f"127.0.0.1:{system.ports.edge}"))
    loaded(page)
    assert "/optimise/400x300/DEV/shop/cat.webp?crop=smart" in drawn(page)


def test_the_upload_of_the_readme_works(show: Show, system: System, name: str, photos: dict[str, bytes]) -> None:
    [block] = re.findall(r"```ts\n(import \{ upload \}.+?)```", README, re.DOTALL)
    first, _, rest = block.replace("tada-media", "./tada/index.js").partition("\n")
    program = f"""{first}
        const input = document.querySelector('input')
        const bar = document.querySelector('progress')
        window.run = async (ticket) => {{ {rest}; return asset }}
    """
    page = show("<input type=file><progress></progress>", program)
    page.locator("input").set_input_files({"name": "x.jpg", "mimeType": "image/jpeg", "buffer": photos["china.jpg"]})
    told = page.evaluate("(made) => window.run(made)", ticket(system, filename=name, may_set=["alt"]))
    assert told["filename"] == f"{name}.webp"
    assert page.evaluate("document.querySelector('progress').value") == 1
