"""Which files of the checkout are pages of the site, and where each is in it."""

import tomllib
from pathlib import Path, PurePosixPath

from tools.stack.plan import ROOT

SETTINGS = Path(__file__).with_name("zensical.toml")


def sources() -> list[str]:
    """Return the paths of all pages in the checkout, in the order of the navigation."""
    sections = tomllib.loads(SETTINGS.read_text())["project"]["nav"]
    found = [page for section in sections for titled in section.values() for one in titled for page in one.values()]
    return [_source(page) for page in found]


def place(source: str) -> str:
    """Return where a file of the checkout is in the site: what is in docs/ is at its root."""
    path = PurePosixPath(source)
    if path.name == "README.md":
        path = path.with_name("index.md")
    return str(path.relative_to("docs")) if path.is_relative_to("docs") else str(path)


def _source(page: str) -> str:
    if (ROOT / "docs" / page).exists():
        return f"docs/{page}"
    path = PurePosixPath(page)
    return str(path.with_name("README.md") if path.name == "index.md" else path)
