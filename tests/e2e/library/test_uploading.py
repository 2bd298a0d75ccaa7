"""The tray of the library: files that are dropped, chosen or pasted, and everything that can go wrong with them."""

import hashlib
import io
import re
from pathlib import Path

from PIL import Image
from playwright.sync_api import FilePayload, Locator, Page, Request, Route, expect

from tests.e2e.library.conftest import EDITOR, Library, Open, check_with_axe


def tray(page: Page) -> Locator:
    return page.get_by_role("region", name="Uploads")


def item(page: Page, name: str) -> Locator:
    return tray(page).get_by_role("listitem").filter(has_text=name)


def choose(page: Page, *files: tuple[str, bytes, str]) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Upload", exact=True).click()
    payloads: list[FilePayload] = [{"name": name, "mimeType": kind, "buffer": data} for name, data, kind in files]
    chooser.value.set_files(payloads)


def jpeg(library: Library, name: str, number: int) -> tuple[str, bytes, str]:
    return name, library.picture(number, 180), "image/jpeg"


def found(library: Library, folder: str) -> list[str]:
    answer = library.api.get("/catalog/search", params={"folder": folder, "recursive": "true", "sort": "name"}).json()
    return [entry["unique_name"] for entry in answer["data"]]


def test_files_and_folders_are_dropped_anywhere(library: Library, opened: Open, tmp_path: Path) -> None:
    folder = tmp_path / "holiday"
    (folder / "sea").mkdir(parents=True)
    (folder / ".DS_Store").write_bytes(b"of the system")
    (folder / "beach.jpg").write_bytes(library.picture(101))
    (folder / "sea" / "waves.jpg").write_bytes(library.picture(102))
    (tmp_path / "alone.jpg").write_bytes(library.picture(103))
    page = opened("?folder=/DEV/dropped", token=EDITOR)
    expect(page.get_by_role("heading", name="This folder is empty")).to_be_visible()
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(folder), str(tmp_path / "alone.jpg")], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": 600, "y": 400, "data": data})
        if kind == "dragOver":
            expect(page.get_by_text("Drop to upload")).to_be_visible()
    expect(tray(page).get_by_role("heading")).to_contain_text("3 uploads finished")
    stored = ["alone", "holiday/beach", "holiday/sea/waves"]
    assert found(library, "/DEV/dropped") == [f"/DEV/dropped/{name}.webp" for name in stored]
    expect(page.get_by_role("grid").locator(".tile")).to_have_count(3)
    side = page.get_by_role("complementary", name="Folders and filters")
    expect(side.get_by_role("button", name=re.compile("^dropped"))).to_contain_text("3")


def test_a_picture_is_pasted(library: Library, opened: Open) -> None:
    page = opened("?folder=/DEV/pasted", token=EDITOR)
    expect(page.get_by_role("heading", name="This folder is empty")).to_be_visible()
    page.evaluate(
        """(bytes) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(bytes)], "image.jpg", {type: "image/jpeg"}));
            document.dispatchEvent(new ClipboardEvent("paste", {clipboardData: transfer, bubbles: true}));
        }""",
        list(library.picture(111, 100)),
    )
    expect(item(page, "image.jpg")).to_contain_text("/DEV/pasted/image.webp")


def test_taken_names_and_duplicates_are_decided(library: Library, opened: Open) -> None:
    first = library.upload("there.jpg", library.picture(121, 180), destination="taken")
    page = opened("?folder=/DEV/taken", token=EDITOR)
    choose(page, jpeg(library, "there.jpg", 122), jpeg(library, "same.jpg", 121))
    expect(item(page, "same.jpg")).to_contain_text("The same file is there already: /DEV/taken/there.webp")
    expect(item(page, "there.jpg").first).to_contain_text("The name is taken")
    assert found(library, "/DEV/taken") == ["/DEV/taken/there.webp"]
    check_with_axe(page)
    item(page, "same.jpg").get_by_role("button", name="Upload anyway").click()
    item(page, "The name is taken").get_by_role("button", name="Keep both").click()
    expect(tray(page).get_by_role("heading")).to_contain_text("2 uploads finished")
    assert found(library, "/DEV/taken") == [f"/DEV/taken/{name}.webp" for name in ("same", "there-2", "there")]
    # What is chosen for all holds for what comes later.
    tray(page).get_by_label("If the name is taken:").select_option("replace")
    tray(page).get_by_label("If the same file is there:").select_option("leave")
    choose(page, jpeg(library, "there.jpg", 123), jpeg(library, "same-2.jpg", 122))
    expect(tray(page).get_by_role("heading")).to_contain_text("4 uploads finished")
    assert library.entry(first["uuid"])["version"] == 2
    assert len(found(library, "/DEV/taken")) == 3
    expect(item(page, "same-2.jpg")).to_contain_text("Left out")


def test_what_cannot_be_stored_says_why(library: Library, opened: Open) -> None:
    page = opened("?folder=/DEV/refused", token=EDITOR)
    choose(
        page,
        ("notes.txt", b"hello", "text/plain"),
        ("empty.jpg", b"", "image/jpeg"),
        ("broken.jpg", library.picture(131)[:900], "image/jpeg"),
        jpeg(library, "fine.jpg", 132),
    )
    expect(item(page, "notes.txt")).to_contain_text("Files of this type cannot be uploaded")
    expect(item(page, "empty.jpg")).to_contain_text("The file is empty")
    expect(item(page, "broken.jpg")).to_contain_text("The service does not accept this")
    expect(item(page, "fine.jpg")).to_contain_text("/DEV/refused/fine.webp")
    expect(tray(page).get_by_role("heading")).to_contain_text("3 need you")
    item(page, "notes.txt").get_by_role("button", name="Take notes.txt away").click()
    expect(item(page, "notes.txt")).to_have_count(0)


def test_uploads_survive_a_network_that_fails_and_go_on_while_one_browses(library: Library, opened: Open) -> None:
    page = opened("?folder=/DEV/later", token=EDITOR)
    held: list[Route] = []
    page.route("**/prefix/file?*", lambda route: held.append(route) if len(held) < 2 else route.continue_())
    for number, name in ((141, "one.jpg"), (142, "two.jpg")):
        with page.expect_request("**/prefix/file?*"):
            choose(page, jpeg(library, name, number))
        expect(item(page, name)).to_contain_text("Uploading")
    assert len(held) == 2
    page.get_by_role("button", name="All files").first.click()
    page.locator(".tile:not([aria-busy])").first.click()
    expect(page.get_by_label("Title")).to_be_visible()
    page.get_by_role("button", name="Pause two.jpg").click()
    expect(item(page, "two.jpg")).to_contain_text("Paused")
    held[0].abort("connectionfailed")
    expect(item(page, "one.jpg")).to_contain_text("No connection to the service")
    page.get_by_role("button", name="Try one.jpg again").click()
    expect(item(page, "one.jpg")).to_contain_text("/DEV/later/one.webp")
    page.get_by_role("button", name="Go on with two.jpg").click()
    expect(tray(page).get_by_role("heading")).to_contain_text("2 uploads finished")
    page.get_by_role("button", name="Show one.jpg").click()
    expect(page.get_by_role("complementary", name="Details")).to_contain_text("/DEV/later/one.webp")


def test_a_large_file_goes_on_where_it_broke_off(library: Library, opened: Open) -> None:
    out = io.BytesIO()
    Image.effect_noise((1500, 1500), 90).save(out, "JPEG", quality=95)
    content, part = out.getvalue(), 700_000
    assert len(content) > 1_000_000
    page = opened("?folder=/DEV/large", token=EDITOR)
    offsets: list[str] = []

    def answer(route: Route) -> None:
        if route.request.method != "PATCH":
            route.continue_()
            return
        offsets.append(route.request.headers["upload-offset"])
        if len(offsets) == 1:  # Only a part arrives; then the network fails.
            route.continue_(post_data=content[:part])
        elif len(offsets) == 2:
            route.abort("connectionfailed")
        else:
            route.continue_()

    page.route("**/prefix/tus/*", answer)
    choose(page, ("noise.jpg", content, "image/jpeg"))
    expect(item(page, "noise.jpg")).to_contain_text("No connection to the service")
    page.get_by_role("button", name="Try noise.jpg again").click()
    expect(item(page, "noise.jpg")).to_contain_text("/DEV/large/noise.webp")
    assert offsets == ["0", str(part), str(part)]
    [entry] = library.api.get("/catalog/search?folder=/DEV/large").json()["data"]
    assert entry["signature"] == hashlib.sha256(content).hexdigest()


def test_where_to_is_asked_if_it_is_not_clear(library: Library, opened: Open) -> None:
    page = opened()
    choose(page, jpeg(library, "asked.jpg", 151))
    page.get_by_role("dialog").get_by_role("button", name="SHOP").click()
    expect(item(page, "asked.jpg")).to_contain_text("/SHOP/asked.webp")


def test_nothing_is_sent_where_the_token_may_not_write(library: Library, opened: Open) -> None:
    page = opened("?folder=/SHOP", token=EDITOR)
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request) if request.method == "POST" else None)
    choose(page, jpeg(library, "no.jpg", 161))
    expect(page.get_by_text("Your token may not upload into SHOP")).to_be_visible()
    assert sent == []
