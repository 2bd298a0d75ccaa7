"""The site of the documents: what its links become, and the site as it is built."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tools.docs_site import build, links, pages
from tools.stack.plan import ROOT

BLOCK = "```\n[as it is](../README.md)\n```\n"
ELSEWHERE = "[here](#a) and [there](https://example.com/x.md)"
MOVED = [
    ("docs/jobs.md", "[settings](configuration.md#redis)", "[settings](configuration.md#redis)"),
    ("docs/jobs.md", "[it](../gateway/nginx/README.md#logs)", "[it](gateway/nginx/index.md#logs)"),
    ("docs/jobs.md", "[it](../README.md)", "[it](index.md)"),
    ("README.md", "![parts](docs/img/architecture.svg)", "![parts](img/architecture.svg)"),
    ("gateway/nginx/README.md", "[it](../../docs/jobs.md)", "[it](../../jobs.md)"),
    ("docs/jobs.md", "[the code](../services/jobs/service.py)", "the code"),
    ("docs/jobs.md", ELSEWHERE, ELSEWHERE),
    ("docs/jobs.md", "```sh drill redis\nmv a b\n```\n", "```sh\nmv a b\n```\n"),
    ("docs/jobs.md", f"{BLOCK}[it](../README.md)", f"{BLOCK}[it](index.md)"),
]


@pytest.mark.parametrize(("source", "text", "expected"), MOVED)
def test_links_lead_to_the_places_of_the_site(source: str, text: str, expected: str) -> None:
    assert links.moved(text, source, lambda path: not path.endswith(".py")) == expected


def test_every_page_of_the_documents_is_in_the_site() -> None:
    known = pages.sources()
    assert len(known) == len(set(known))
    written = {str(page.relative_to(ROOT)) for page in ROOT.glob("docs/**/*.md")}
    assert written <= set(known), written - set(known)


class _Page(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.leads_to: list[str] = []
        self.asked: list[str] = []
        self.anchors: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.leads_to.append(given["href"])
        elif tag in ("link", "script", "img"):
            self.asked += [given[name] for name in ("href", "src") if name in given]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs") / "site"
    build.build(folder)
    return folder


def test_all_that_the_site_leads_to_is_there(site: Path) -> None:
    found = {file: _Page(file.read_text()) for file in site.rglob("*.html")}
    assert len(found) > len(pages.sources())
    lost = []
    for file, page in found.items():
        if file.name == "404.html":
            continue
        for link in page.leads_to + page.asked:
            parts = urlsplit(link)
            if parts.netloc or parts.scheme:
                continue
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            target = target / "index.html" if target.is_dir() else target
            anchor = unquote(parts.fragment)
            if not target.exists() or (anchor and target in found and anchor not in found[target].anchors):
                lost.append(f"{file.relative_to(site)}: {link}")
    assert not lost


@pytest.mark.parametrize("source", pages.sources())
def test_every_block_of_a_page_is_one_in_the_site(site: Path, source: str) -> None:
    fences = re.findall(r"^ *(?:```|~~~)", (ROOT / source).read_text(), re.MULTILINE)
    page = (site / pages.place(source)).with_suffix("")
    html = (page.parent if page.name == "index" else page) / "index.html"
    assert html.read_text().count("<pre") == len(fences) / 2


def test_the_site_asks_no_other_host(site: Path) -> None:
    asked = {link for file in site.rglob("*.html") for link in _Page(file.read_text()).asked}
    assert asked
    assert not {link for link in asked if urlsplit(link).netloc}
    for file in site.rglob("*.css"):
        assert "url(http" not in file.read_text()
