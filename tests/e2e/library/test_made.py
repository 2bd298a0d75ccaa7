"""What a file is made of, its copies in the caches, how a change comes to each node, and the room of namespaces."""

import io
import re
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.e2e.library.conftest import EDITOR, READER, Library, Open, check_with_axe

Entry = dict[str, Any]


def at(entry: Entry) -> str:
    return f"?folder=/DEV/scratch&asset={entry['uuid']}"


def made(page: Page, entry: Entry) -> Locator:
    """Open what the file is made of."""
    page.get_by_role("button", name="What it is made of").click()
    found = page.locator("section.made")
    expect(found).to_contain_text(entry["storage_key"])
    expect(found.locator(".node")).to_have_count(2)
    return found


def node(block: Locator, name: str) -> Locator:
    return block.locator(".node").filter(has=block.page.get_by_role("heading", name=name))


def test_copies_are_shown_by_tier_and_a_purge_comes_to_each_node(
    library: Library, opened: Open, scratch: Entry
) -> None:
    stem = scratch["unique_name"].removesuffix(".webp")
    for _ in range(3):
        assert library.system.edge.get(f"/prefix/assets/media/optimise/70x0{stem}.webp").status_code == 200
    page = opened(at(scratch), token=EDITOR)
    block = made(page, scratch)
    expect(block).to_contain_text(scratch["signature"])
    expect(block).to_contain_text("on the disk of the service")
    row = node(block, "Edge").get_by_role("row", name=re.compile("70x0"))
    expect(row).to_contain_text("2")
    expect(node(block, "Cache tier").get_by_role("row", name=re.compile("70x0"))).to_be_visible()
    check_with_axe(page)
    block.get_by_role("button", name="Purge").click()
    expect(block).to_contain_text("No cache has anything older.")
    steps = block.locator(".nodes li")
    expect(steps).to_have_text([re.compile(r"Edge\s+after \d+ ms"), re.compile(r"Cache tier\s+after \d+ ms")])
    expect(node(block, "Edge")).to_contain_text("Nothing of it is stored here.")
    block.get_by_role("button", name="Warm").click()
    expect(block).to_contain_text("Every edge has these forms now: thumb.")
    expect(node(block, "Edge").get_by_role("row", name=re.compile("thumb"))).to_be_visible()


def test_a_replacement_is_seen_in_each_tier(library: Library, opened: Open, scratch: Entry) -> None:
    page = opened(at(scratch), token=EDITOR)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Replace file").click()
    content = library.picture(3, 260)
    chooser.value.set_files({"name": "other.jpg", "mimeType": "image/jpeg", "buffer": content})
    block = page.locator("section.made")
    expect(block).to_contain_text("No cache has anything older.")
    expect(block.locator(".nodes .fresh")).to_have_count(2)
    assert library.entry(scratch["uuid"])["version"] == 2


def test_a_change_by_somebody_else_is_seen_in_each_tier(library: Library, opened: Open, scratch: Entry) -> None:
    page = opened(at(scratch), token=READER)
    expect(page.get_by_role("heading", name="Facts")).to_be_visible()
    library.change(scratch["uuid"], title="Theirs")
    block = page.locator("section.made")
    expect(block).to_contain_text("No cache has anything older.")
    steps = block.locator(".nodes li")
    expect(steps).to_have_text([re.compile(r"Edge\s+after \d+ ms"), re.compile(r"Cache tier\s+after \d+ ms")])


def test_a_deletion_says_which_tier_has_it(opened: Open, scratch: Entry) -> None:
    page = opened(at(scratch), token=EDITOR)
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text(re.compile(r"Edge after \d+ ms · Cache tier after \d+ ms"))).to_be_visible()


def test_a_node_that_is_away_is_said_and_its_return_is_seen(library: Library, opened: Open, scratch: Entry) -> None:
    page = opened(at(scratch), token=EDITOR)
    block = made(page, scratch)
    library.system.kill("nginx-edge")
    try:
        block.get_by_role("button", name="Purge").click()
        expect(block).to_contain_text("1 of 2 caches have the change.")
        away = block.locator(".nodes .away")
        expect(away).to_contain_text("Edge does not answer since")
        expect(away).to_contain_text("it takes all changes before it serves anything")
        expect(block.locator(".nodes .fresh")).to_contain_text("Cache tier")
        expect(node(block, "Edge")).to_contain_text("This node does not answer")
        check_with_axe(page)
    finally:
        library.system.start("nginx-edge")
    expect(block).to_contain_text("No cache has anything older.")
    expect(block.locator(".nodes .away")).to_have_count(0)


def test_who_only_reads_sees_what_there_is_and_changes_nothing(opened: Open, scratch: Entry) -> None:
    page = opened(at(scratch), token=READER)
    block = made(page, scratch)
    expect(block.get_by_role("button", name="Look again")).to_be_visible()
    for name in ("Purge", "Warm"):
        expect(block.get_by_role("button", name=name)).to_have_count(0)


def test_nobody_knows_the_caches_without_a_worker(library: Library, opened: Open, scratch: Entry) -> None:
    library.system.kill("jobs")
    try:
        page = opened(at(scratch), token=EDITOR)
        page.get_by_role("button", name="What it is made of").click()
        block = page.locator("section.made")
        expect(block).to_contain_text(scratch["storage_key"])
        expect(block.get_by_role("alert")).to_contain_text("jobs worker")
    finally:
        library.system.start("jobs")
    block.get_by_role("button", name="Try again").click()
    expect(block.locator(".node")).to_have_count(2)


@pytest.mark.parametrize("width", [390, 1280])
def test_namespaces_show_their_room_and_lead_to_the_largest_files(library: Library, opened: Open, width: int) -> None:
    page = opened("?place=room", token=READER, viewport={"width": width, "height": 800}, color_scheme="dark")
    room = page.get_by_role("main")
    expect(room.get_by_role("heading", level=2)).to_have_count(2)
    used = {one["namespace"]: one for one in library.api.get("/usage").json()["data"]}
    expect(room).to_contain_text(f"{used['SHOP']['assets']} files")
    expect(room).to_contain_text("no quota")
    totals = {name: one["bytes"] + one["retired_bytes"] for name, one in used.items()}
    names = room.get_by_role("heading", level=2).all_inner_texts()
    assert names == sorted(names, key=lambda name: -totals[name])
    check_with_axe(page)
    room.get_by_role("button", name="Largest files in SHOP").click()
    expect(page.get_by_role("grid")).to_be_visible()
    assert "folder=%2FSHOP" in page.url
    assert "sort=-size" in page.url
    page.go_back()
    expect(room.get_by_role("heading", level=1)).to_have_text("Room")


def test_the_place_is_in_the_sidebar(opened: Open) -> None:
    page = opened(token=READER)
    page.get_by_role("complementary").get_by_role("button", name="Room").click()
    expect(page.get_by_role("heading", name="Room", level=1)).to_be_visible()
    assert "place=room" in page.url


def test_pictures_of_the_parts(library: Library, opened: Open, scratch: Entry) -> None:
    """The reduction of a large picture is named with its sides."""
    out = io.BytesIO()
    Image.effect_noise((2600, 1800), 40).convert("RGB").save(out, "JPEG", quality=60)
    assert library.api.patch(f"/file/{scratch['uuid']}", files={"file": ("big.jpg", out.getvalue())}).is_success
    library.system.wait_until_described()
    page = opened(at(scratch), token=READER)
    expect(made(page, scratch | library.entry(scratch["uuid"]))).to_contain_text(re.compile(r"1024 × \d+"))


def test_nobody_sees_or_purges_what_is_not_theirs(library: Library, scratch: Entry) -> None:
    shop = library.api.get("/catalog/search?namespace=SHOP&limit=1").json()["data"][0]["uuid"]
    for method, path in (("GET", "forms"), ("POST", "purge"), ("POST", "warm")):
        for token, uuid in ((EDITOR, shop), *([(READER, scratch["uuid"])] if method == "POST" else [])):
            headers = {"Authorization": f"Bearer {token}"}
            answer = library.api.request(method, f"/catalog/{uuid}/{path}", headers=headers)
            assert answer.status_code == 403, (path, answer.text)
