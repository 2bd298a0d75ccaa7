"""The plugin in integrations/wordpress with a real WordPress, MariaDB and TADA. It needs the packages of Debian."""

import hashlib
import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from PIL import Image

from tests.processes.system import System
from tests.processes.wordpress import WordPress, missing
from tests.support.pdfs import pdf
from tests.support.photographs import CHINA

TOKEN = "a-token-of-the-site-of-32-characters"
ADMIN = "an-admin-token-of-at-least-32-characters"
KEY = "a key of at least 32 characters that is kept secret"
WIDTHS_MAX = 2560
PDF = pdf("A page")
EDITING = """require_once ABSPATH . 'wp-admin/includes/image-edit.php';
require_once ABSPATH . 'wp-admin/includes/image.php';
wp_set_current_user(1);"""
"""What the image editor of WordPress needs."""


class Site:
    """A site and its TADA, and what tests ask of both."""

    def __init__(self, system: System, wordpress: WordPress, prefix: str = "") -> None:
        self.system, self.wordpress, self._prefix = system, wordpress, prefix
        self.tada = httpx.Client(
            base_url=f"http://127.0.0.1:{system.ports.api}{prefix}",
            headers={"Authorization": f"Bearer {ADMIN}"},
            timeout=30,
        )
        self.set(keep_local=True)

    def set(self, **settings: Any) -> None:
        given = {"url": f"http://127.0.0.1:{self.system.ports.api}{self._prefix}", "namespace": "DEV", "token": TOKEN}
        listed = ", ".join(f"'{name}' => {value!r}" for name, value in {**given, "folder": "wp", **settings}.items())
        self.wordpress.run(
            f"""update_option('tada_media', [{listed}]);
            Tada\\WordPress\\Settings::meet(Tada\\WordPress\\Settings::client());"""
        )

    def upload(self, name: str, content: bytes, mimetype: str = "image/jpeg", **fields: str) -> dict[str, Any]:
        found: dict[str, Any] = self.wordpress.api(
            "POST", "/wp/v2/media", files={"file": (name, content, mimetype)}, data=fields
        )
        return found

    def media(self, number: int) -> dict[str, Any]:
        found: dict[str, Any] = self.wordpress.api("GET", f"/wp/v2/media/{number}", params={"context": "edit"})
        return found

    def delete(self, *numbers: int) -> None:
        for number in numbers:
            self.wordpress.api("DELETE", f"/wp/v2/media/{number}", params={"force": "true"})

    def entries(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.tada.get("/catalog").json()
        return found

    def entry_of(self, number: int) -> dict[str, Any] | None:
        return next((entry for entry in self.entries() if str(entry["external_id"]).endswith(f":{number}")), None)

    def post(self, content: str, **fields: Any) -> dict[str, Any]:
        found: dict[str, Any] = self.wordpress.api(
            "POST", "/wp/v2/posts", json={"title": "A post", "content": content, "status": "publish", **fields}
        )
        return found

    def page(self, post: dict[str, Any]) -> str:
        answer = self.wordpress.pages.get(f"/?p={post['id']}")
        assert answer.status_code == 200, answer.text
        return answer.text

    def is_tada(self, address: str) -> bool:
        return urlsplit(address).port == self.system.ports.edge

    def picture(self, address: str) -> Image.Image:
        assert self.is_tada(address), address
        answer = httpx.get(address, timeout=60)
        assert answer.status_code == 200, (address, answer.status_code, answer.text[:200])
        return Image.open(io.BytesIO(answer.content))


def photo(width: int = 640, height: int = 427, colour: str = "", orientation: int = 1, form: str = "JPEG") -> bytes:
    """Return a photograph, or a plain picture."""
    image = Image.new("RGB", (width, height), colour) if colour else Image.open(io.BytesIO(CHINA.read_bytes()))
    exif = Image.Exif()
    exif[0x0112] = orientation
    written = io.BytesIO()
    image.convert("RGB").resize((width, height)).save(written, form, exif=exif)
    return written.getvalue()


def attributes(tag: str) -> dict[str, str]:
    return {name: unescape(value) for name, value in re.findall(r'([a-z-]+)="([^"]*)"', tag)}


def images(html: str) -> list[dict[str, str]]:
    return [attributes(tag) for tag in re.findall(r"<img [^>]+>", html)]


def check_srcset(site: Site, srcset: str, ratio: float) -> None:
    """Every candidate is there, with the width that it says and the shape of the picture."""
    candidates = [one.split() for one in srcset.split(", ")]
    assert len(candidates) > 1, srcset
    for address, width in candidates:
        shown = site.picture(address)
        assert f"{shown.width}w" == width, (address, shown.size)
        assert abs(shown.width / shown.height - ratio) < 0.02 * ratio, (address, shown.size)


def test_an_upload_by_rest_is_delivered_by_tada_in_all_sizes(site: Site) -> None:
    media = site.upload("Cat Photo.jpg", photo(1600, 1067), alt_text="A cat", title="My <b>cat</b>", caption="It sits")
    entry = site.entry_of(media["id"])
    assert entry is not None
    said = (entry["title"], entry["alt"], entry["caption"], entry["destination"].partition("/")[0])
    assert said == ("My cat", "A cat", "It sits", "wp")
    assert site.picture(media["source_url"]).size == (1600, 1067)
    sizes = media["media_details"]["sizes"]
    assert {"thumbnail", "medium", "medium_large", "large", "1536x1536", "full"} == set(sizes)
    for size in sizes.values():
        assert site.picture(size["source_url"]).size == (size["width"], size["height"])
    assert "tada_media" not in str(media)
    assert site.wordpress.uploads() == {media["media_details"]["file"]}, "no smaller copy is stored"
    site.delete(media["id"])
    assert site.entry_of(media["id"]) is None
    assert site.wordpress.uploads() == set()


def test_a_large_picture_is_shown_smaller_and_a_turned_one_upright(site: Site) -> None:
    large = site.upload("large.jpg", photo(4000, 2668))
    assert site.picture(large["source_url"]).size == (WIDTHS_MAX, 1708)
    assert (large["media_details"]["width"], large["media_details"]["height"]) == (WIDTHS_MAX, 1708)
    turned = site.upload("turned.jpg", photo(1200, 800, orientation=6))
    assert site.picture(turned["source_url"]).size == (800, 1200)
    assert (turned["media_details"]["width"], turned["media_details"]["height"]) == (800, 1200)
    medium = turned["media_details"]["sizes"]["medium"]
    assert site.picture(medium["source_url"]).size == (medium["width"], medium["height"]) == (200, 300)
    assert not [name for name in site.wordpress.uploads() if re.search(r"-\d+x\d+\.|-scaled", name)]
    site.delete(large["id"], turned["id"])


def test_pictures_of_posts_have_sets_of_sizes(site: Site) -> None:
    media = site.upload("post.jpg", photo(1600, 1067), alt_text="A cat")
    number, sizes = media["id"], media["media_details"]["sizes"]
    block = (
        '<!-- wp:image {{"id":{0},"sizeSlug":"{1}"}} --><figure class="wp-block-image size-{1}"><img src="{2}" alt="" '
        'class="wp-image-{0}"/></figure><!-- /wp:image -->'
    )
    content = "".join(block.format(number, name, sizes[name]["source_url"]) for name in ("thumbnail", "large", "full"))
    post = site.post(content, featured_media=number)
    assert "?v=" not in post["content"]["raw"], "no version ages in the database"
    assert media["source_url"].partition("?")[0] in post["content"]["raw"]
    shown = [image for image in images(site.page(post)) if "wp-image-" in image.get("class", "")]
    assert len(shown) == 3
    assert [(int(image["width"]), int(image["height"])) for image in shown] == [(150, 150), (1024, 683), (1600, 1067)]
    for image in shown:
        assert "?v=" in image["src"], "a page has the present version"
        check_srcset(site, image["srcset"], int(image["width"]) / int(image["height"]))
    featured = images(site.wordpress.run(f"echo get_the_post_thumbnail({post['id']}, 'medium');"))[0]
    assert site.picture(featured["src"]).size == (300, 200)
    check_srcset(site, featured["srcset"], 1.5)
    widest = site.wordpress.run(f"echo json_encode(wp_get_attachment_image_src({number}, [500, 500]));")
    assert re.search(r"optimise\\/500x0", widest)
    site.delete(number)


def test_old_content_is_rewritten_when_it_is_shown(site: Site) -> None:
    site.wordpress.deactivate()
    old = [site.upload(name, photo(1600, 1067)) for name in ("old.jpg", "ältere-300x200.jpg")]
    big = site.upload("big.jpg", photo(4000, 2668))
    pdf = site.upload("paper.pdf", PDF, "application/pdf")
    first, second = old
    assert not site.is_tada(first["source_url"])
    medium = first["media_details"]["sizes"]["medium"]["source_url"]
    relative = urlsplit(medium).path
    content = (
        f'<!-- wp:html --><a href="{first["source_url"]}"><img src="{medium}" class="wp-image-{first["id"]}"></a>'
        f'<img src="{relative}" id="by-path"><img src="{second["source_url"]}" id="odd">'
        f'<img src="{big["media_details"]["sizes"]["large"]["source_url"]}" id="big">'
        f'<a href="{pdf["source_url"]}">PDF</a><div style="background-image:url({first["source_url"]})"></div>'
        f'<img src="https://other.example/wp-content/uploads/2026/12/old.jpg" id="other"><!-- /wp:html -->'
    )
    post = site.post(content)
    before = site.page(post)
    site.wordpress.activate()
    assert site.page(post).count("wp-content/uploads") == before.count("wp-content/uploads"), "nothing is there yet"

    dry = site.wordpress.command("backfill --dry-run")
    assert dry.count("would be uploaded") == 5, dry  # Four, and their number.
    assert site.entries() == []
    assert "4 uploaded" in site.wordpress.command("backfill")
    again = site.wordpress.command("backfill")
    assert "4 same" in again, again
    assert "Success" in again
    assert len(site.entries()) == 4

    html = site.page(post)
    text = html[html.index("entry-content") :]
    assert "https://other.example/wp-content/uploads/2026/12/old.jpg" in text
    assert not re.search(rf"localhost:{site.wordpress.port}/wp-content/uploads|[\"(]/wp-content/uploads", text), text
    by_class, by_path, odd, large, _ = images(text)[:5]
    assert site.picture(by_class["src"]).size == site.picture(by_path["src"]).size == (300, 200)
    check_srcset(site, by_class["srcset"], 1.5)
    assert site.picture(odd["src"]).size == (1600, 1067), "a name that looks like one of a size"
    assert site.picture(large["src"]).size == (1024, 683)
    links = [unescape(link) for link in re.findall(r'<a href="([^"]+)"', text)]
    assert site.picture(links[0]).size == (1600, 1067)
    assert httpx.get(links[1]).content == PDF
    assert (
        post["content"]["raw"]
        == site.wordpress.api("GET", f"/wp/v2/posts/{post['id']}", params={"context": "edit"})["content"]["raw"]
    )
    originals = [entry for entry in site.entries() if entry["original_filename"] == "big.jpg"]
    assert originals[0]["width"] == 4000, "the original was uploaded, not the copy that WordPress had made"

    site.wordpress.deactivate()
    assert site.page(post) == before, "without the plugin, all is as before"
    site.wordpress.activate()
    site.delete(first["id"], second["id"], big["id"], pdf["id"])
    assert site.entries() == []
    assert site.wordpress.uploads() == set()


def test_an_edited_picture_is_replaced(site: Site) -> None:
    media = site.upload("edit.jpg", photo(1600, 1067))
    number, before = media["id"], media["source_url"]
    entry = site.entry_of(number)
    assert entry is not None
    changes = '[{"r":90}]'
    edited = site.wordpress.run(
        f"""{EDITING} $_REQUEST = ['history' => '{changes}', 'target' => 'all', 'context' => '', 'do' => 'save'];
        echo json_encode(wp_save_image({number}));"""
    )
    assert "error" not in edited, edited
    now = site.media(number)
    after = site.entry_of(number)
    assert after is not None
    assert (after["uuid"], after["version"]) == (entry["uuid"], 2)
    assert now["source_url"].partition("?")[0] == before.partition("?")[0]
    assert now["source_url"] != before, "another version"
    assert site.picture(now["source_url"]).size == (1067, 1600)
    assert (now["media_details"]["width"], now["media_details"]["height"]) == (1067, 1600)
    site.wordpress.run(f"""{EDITING} wp_restore_image({number});""")
    assert site.picture(site.media(number)["source_url"]).size == (1600, 1067)
    copy = site.wordpress.api(
        "POST", f"/wp/v2/media/{number}/edit", json={"src": site.media(number)["source_url"], "rotation": 90}
    )
    assert site.picture(copy["source_url"]).size == (1067, 1600)
    site.delete(number, copy["id"])
    assert site.entries() == []


def test_texts_follow(site: Site) -> None:
    media = site.upload("texts.jpg", photo(), alt_text="before")
    changed = {"alt_text": "\"A\" 'cat' <b>&amp; dog", "title": "Ein Kätzchen", "caption": "x" * 5000}
    site.wordpress.api("POST", f"/wp/v2/media/{media['id']}", json=changed)
    entry = site.entry_of(media["id"])
    assert entry is not None
    assert (entry["title"], len(entry["caption"])) == ("Ein Kätzchen", 4096)
    assert entry["alt"] == "\"A\" 'cat' & dog"
    site.wordpress.api("POST", f"/wp/v2/media/{media['id']}", json={"alt_text": ""})
    assert (site.entry_of(media["id"]) or {})["alt"] is None
    site.delete(media["id"])


def test_nothing_is_lost_while_tada_is_away(site: Site) -> None:
    there = site.upload("there.jpg", photo(1600, 1067, "blue"))
    gone = site.upload("gone.jpg", photo(1600, 1067, "red"))
    site.system.kill("catalog")
    media = site.upload("away.jpg", photo(1600, 1067), alt_text="kept")
    assert not site.is_tada(media["source_url"])
    for size in media["media_details"]["sizes"].values():
        assert httpx.get(size["source_url"]).status_code == 200, "WordPress has made its own sizes"
    site.wordpress.api("POST", f"/wp/v2/media/{there['id']}", json={"alt_text": "changed meanwhile"})
    site.delete(gone["id"])
    status = site.wordpress.command("status")
    assert re.search(r"waiting: 2\n(?s:.*)deletions waiting: 1", status), status
    assert "2 files wait for TADA" in notices(site)
    site.wordpress.cron()
    assert "waiting: 2" in site.wordpress.command("status")
    post = site.post(f'<img src="{media["source_url"]}" class="wp-image-{media["id"]}">')

    site.system.start("catalog")
    site.wordpress.cron()
    assert re.search(r"waiting: 0\n(?s:.*)deletions waiting: 0", site.wordpress.command("status"))
    assert "wait for TADA" not in notices(site)
    assert len(site.entries()) == 2
    entry = site.entry_of(media["id"])
    assert entry is not None
    assert entry["alt"] == "kept"
    assert (site.entry_of(there["id"]) or {})["alt"] == "changed meanwhile"
    assert site.is_tada(site.media(media["id"])["source_url"])
    [image] = [image for image in images(site.page(post)) if "wp-image-" in image.get("class", "")]
    assert site.picture(image["src"]).size == (1600, 1067)
    site.delete(media["id"], there["id"])
    assert site.entries() == []


def notices(site: Site) -> str:
    return site.wordpress.run(
        """require_once ABSPATH . 'wp-admin/includes/admin.php'; wp_set_current_user(1); set_current_screen('upload');
        Tada\\WordPress\\Status::notice();"""
    )


def test_an_upload_of_which_the_answer_is_lost_is_found_again(site: Site) -> None:
    media = site.upload("lost.jpg", photo(700, 500))
    site.wordpress.run(
        f"""foreach (['_tada_media', '_tada_media_uuid', '_tada_media_path'] as $key) {{
            delete_post_meta({media["id"]}, $key);
        }}
        Tada\\WordPress\\Upload::wait({media["id"]}, 'lost');"""
    )
    site.wordpress.cron()
    assert len(site.entries()) == 1
    assert site.is_tada(site.media(media["id"])["source_url"])
    site.delete(media["id"])
    assert site.entries() == []


def test_what_tada_does_not_take_stays_here(site: Site) -> None:
    gif = site.upload("wave.gif", photo(400, 300, form="GIF"), "image/gif")
    text = site.upload("notes.txt", b"text", "text/plain")
    broken = site.upload("broken.jpg", photo(1600, 1067)[:60000])
    assert site.entries() == []
    assert not any(site.is_tada(one["source_url"]) for one in (gif, text, broken))
    assert "thumbnail" in gif["media_details"]["sizes"]
    assert "refused: 1" in site.wordpress.command("status")
    assert "waiting: 0" in site.wordpress.command("status")
    site.delete(gif["id"], text["id"], broken["id"])


def test_files_may_be_in_tada_alone_and_come_back(site: Site) -> None:
    site.set(keep_local=False)
    media = site.upload("alone.jpg", photo(4000, 2668))
    other = site.upload("other.jpg", photo(900, 600, orientation=6))
    assert site.wordpress.uploads() == set()
    assert site.picture(media["source_url"]).width == WIDTHS_MAX
    edited = site.wordpress.run(
        f"""{EDITING} $_REQUEST = ['history' => '[{{"f":1}}]', 'target' => 'all', 'context' => '', 'do' => 'save'];
        echo json_encode(wp_save_image({other["id"]}));"""
    )
    assert "error" not in edited, edited
    assert site.picture(site.media(other["id"])["source_url"]).size == (600, 900)
    medium = media["media_details"]["sizes"]["medium"]["source_url"]
    post = site.post(f'<img src="{medium}" class="wp-image-{media["id"]}"><a href="{media["source_url"]}">x</a>')
    assert "would be brought back" in site.wordpress.command("restore --dry-run")
    said = site.wordpress.command("restore")
    assert "1 posts changed" in said, said
    site.set(keep_local=True)
    site.wordpress.deactivate()
    html = site.page(post)
    assert f":{site.system.ports.edge}" not in html[html.index("entry-content") :]
    shown = [image for image in images(html) if "wp-image-" in image.get("class", "")]
    for address in [shown[0]["src"], *(one.split()[0] for one in shown[0]["srcset"].split(", "))]:
        assert httpx.get(address).status_code == 200, address
    assert site.media(media["id"])["media_details"]["sizes"]["medium"]["source_url"] == shown[0]["src"]
    site.wordpress.activate()
    site.delete(media["id"], other["id"])
    assert site.entries() == []
    site.wordpress.api("DELETE", f"/wp/v2/posts/{post['id']}", params={"force": "true"})


def test_two_sites_and_equal_names_do_not_meet(site: Site) -> None:
    first = site.upload("same.png", photo(300, 200, "red", form="PNG"), "image/png")
    second = site.upload("same.jpg", photo(300, 200, "blue"))
    taken = site.tada.post(
        "/file",
        files={"file": ("third.jpg", photo())},
        data={"namespace": "DEV", "destination": folder_of(site, first)},
    )
    third = site.upload("third.jpg", photo(300, 200, "green"))
    assert taken.status_code == 200, taken.text
    colours = [
        site.picture(one["source_url"]).convert("RGB").resize((1, 1)).tobytes() for one in (first, second, third)
    ]
    assert [max(range(3), key=colour.__getitem__) for colour in colours] == [0, 2, 1]
    site.delete(first["id"], second["id"], third["id"])
    assert [entry["uuid"] for entry in site.entries()] == [taken.json()["data"][0]["uuid"]]
    site.tada.delete(f"/file/{taken.json()['data'][0]['uuid']}")


def folder_of(site: Site, media: dict[str, Any]) -> str:
    return str((site.entry_of(media["id"]) or {})["destination"])


def test_the_settings_are_for_administrators_and_show_no_secret(site: Site) -> None:
    client = httpx.Client(base_url=site.wordpress.address, follow_redirects=True, timeout=60)
    client.get("/wp-login.php")
    client.post("/wp-login.php", data={"log": "admin", "pwd": site.wordpress.password, "testcookie": "1"})
    address = "/wp-admin/options-general.php?page=tada-media"
    page = client.get(address).text
    assert TOKEN not in page
    assert "Set. Enter another one" in page
    nonce = re.findall(r'name="_wpnonce" value="(\w+)"', page)[0]
    form = {"option_page": "tada-media", "action": "update", "_wpnonce": nonce, "tada_media[namespace]": "DEV"}
    form |= {"tada_media[url]": f"http://127.0.0.1:{site.system.ports.api}", "tada_media[keep_local]": "1"}
    saved = client.post("/wp-admin/options.php", data={**form, "tada_media[folder]": "wp"}).text
    assert "TADA answers, and knows this site as &quot;site&quot;" in saved, re.findall(r"notice[^<]+<p>.+?</p>", saved)
    refused = client.post(
        "/wp-admin/options.php", data={**form, "tada_media[namespace]": "<script>alert(1)</script>X"}
    ).text
    assert "This namespace cannot be used" in refused
    assert "<script>alert(1)" not in refused
    wrong = client.post("/wp-admin/options.php", data={**form, "tada_media[token]": "wrong-token-<i>"}).text
    assert "TADA does not answer as it should" in wrong
    assert "wrong-token" not in wrong
    without = client.post("/wp-admin/admin-post.php", data={"action": "tada_media_retry"})
    assert without.status_code == 403
    site.set(keep_local=True)
    site.wordpress.run(
        """wp_create_user('author', 'secret-of-author', 'b@example.com');
        get_user_by('login', 'author')->set_role('author');"""
    )
    author = httpx.Client(base_url=site.wordpress.address, follow_redirects=True, timeout=60)
    author.get("/wp-login.php")
    author.post("/wp-login.php", data={"log": "author", "pwd": "secret-of-author", "testcookie": "1"})
    assert author.get(address).status_code == 403
    assert author.post("/wp-admin/admin-post.php", data={"action": "tada_media_backfill"}).status_code == 403
    fixed = site.wordpress.run(
        """require_once ABSPATH . 'wp-admin/includes/admin.php'; wp_set_current_user(1);
        Tada\\WordPress\\SettingsPage::show();""",
        before="define('TADA_MEDIA_TOKEN', 'from-the-configuration');",
    )
    assert "TADA_MEDIA_TOKEN in wp-config.php says this" in fixed
    assert "from-the-configuration" not in fixed


def test_the_buttons_work_in_the_background(site: Site) -> None:
    site.wordpress.deactivate()
    media = [site.upload(f"many-{number}.jpg", photo(400, 300, "teal")) for number in range(3)]
    site.wordpress.activate()
    site.wordpress.run("Tada\\WordPress\\Queue::begin('backfill');")
    site.wordpress.cron()
    assert [site.is_tada(site.media(one["id"])["source_url"]) for one in media] == [True] * 3
    assert site.wordpress.run("var_dump(get_option('tada_media_work'));").strip() == "bool(false)"
    turned = site.upload("large-turned.jpg", photo(3000, 2000, orientation=6))
    media.append(turned)
    for one in media:
        name = f"{site.wordpress.root}/wp-content/uploads/{one['media_details']['file']}"
        Path(name).unlink()
    site.wordpress.run("Tada\\WordPress\\Queue::begin('restore');")
    site.system.kill("catalog")
    site.wordpress.cron()
    assert site.wordpress.uploads().isdisjoint({one["media_details"]["file"] for one in media})
    site.system.start("catalog")
    site.wordpress.cron()
    assert site.wordpress.uploads() >= {one["media_details"]["file"] for one in media}
    back = Image.open(site.wordpress.root / "wp-content/uploads" / turned["media_details"]["file"])
    assert back.size == (2000, 3000), "upright, and as large as it was"
    site.delete(*(one["id"] for one in media))


def test_removing_the_plugin_keeps_posts_as_they_are(site: Site) -> None:
    media = site.upload("stays.jpg", photo(1600, 1067))
    medium = media["media_details"]["sizes"]["medium"]["source_url"]
    post = site.post(f'<img src="{medium}" class="wp-image-{media["id"]}">', featured_media=media["id"])
    site.wordpress.deactivate()
    left = "foreach (['tada_media', 'tada_media_service'] as $name) { var_dump(get_option($name)); }"
    said = site.wordpress.run(
        f"define('WP_UNINSTALL_PLUGIN', 1); require WP_PLUGIN_DIR . '/tada-media/uninstall.php'; {left}"
    )
    assert said.split() == ["bool(false)"] * 2
    shown = [image for image in images(site.page(post)) if "wp-image-" in image.get("class", "")]
    assert site.picture(shown[0]["src"]).size == (300, 200)
    featured = images(site.wordpress.run(f"echo get_the_post_thumbnail({post['id']}, 'medium');"))[0]
    assert httpx.get(featured["src"]).status_code == 200
    assert not site.is_tada(featured["src"])
    site.wordpress.activate()
    site.set(keep_local=True)
    assert site.media(media["id"])["source_url"] == media["source_url"], "a new installation finds everything"
    site.delete(media["id"])
    assert site.entries() == []


def signed_addresses_below_a_prefix(site: Site) -> None:
    """With a TADA that answers nothing else: addresses in pages, and files that come back."""
    site.set(signing_key=KEY, keep_local=False)
    media = site.upload("signed.jpg", photo(1600, 1067))
    assert "/media/api/assets/media/" in media["source_url"]
    assert site.picture(media["source_url"]).width == 1600
    assert httpx.get(media["source_url"].partition("?")[0]).status_code == 403
    medium = media["media_details"]["sizes"]["medium"]["source_url"]
    post = site.post(f'<img src="{medium}" class="wp-image-{media["id"]}">')
    [image] = [image for image in images(site.page(post)) if "wp-image-" in image.get("class", "")]
    check_srcset(site, image["srcset"], 1.5)
    assert site.wordpress.uploads() == set()
    assert "Success" in site.wordpress.command("restore")
    assert media["media_details"]["file"] in site.wordpress.uploads()
    site.delete(media["id"])
    assert site.entries() == []


TESTS: list[Callable[[Site], None]] = [value for name, value in list(globals().items()) if name.startswith("test_")]


def run(folder: Path) -> None:
    assert not missing(), f"missing here: {missing()}"
    lines = (("site", "write", "DEV", TOKEN), ("admin", "admin", "*", ADMIN))
    tokens = ";".join(":".join([*line[:3], hashlib.sha256(line[3].encode()).hexdigest()]) for line in lines)
    signing = {"SIGNED_URLS": "true", "URL_SIGNING_KEYS": KEY, "API_PREFIX": "/media/api"}
    for name in ("tada", "signed", "site"):
        (folder / name).mkdir()
    wordpress = WordPress(folder / "site")
    try:
        wordpress.start()
        with started(System(folder / "tada", {"MEDIA_TOKENS": tokens})) as system:
            site = Site(system, wordpress)
            for test in TESTS:
                test(site)
                print(f"  {test.__name__.removeprefix('test_').replace('_', ' ')}", flush=True)
        with started(System(folder / "signed", {"MEDIA_TOKENS": tokens, **signing})) as system:
            signed_addresses_below_a_prefix(Site(system, wordpress, "/media/api"))
            print("  signed addresses below a prefix", flush=True)
        complaints = [line for line in wordpress.debug_log() if "tada-media" in line]
        assert not complaints, complaints
    finally:
        wordpress.stop()


@contextmanager
def started(system: System) -> Iterator[System]:
    try:
        system.start()
        yield system
    finally:
        system.stop()
