"""Writes the pages of the site where the generator finds them, and runs it.

python -m tools.docs_site.build [--if-stale]     write site/; with --if-stale, only if a page is newer
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tools.docs_site import links, pages
from tools.stack.plan import ROOT
from tools.stack.variables import DOCS


class BuildError(Exception):
    """The site cannot be built. The message is what the generator said."""


def build(site: Path) -> None:
    """Write the site into a folder, in place of what was there. Raises BuildError, and leaves what was there."""
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        for source, content in _files():
            file = base / "pages" / pages.place(source)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        shutil.copy(pages.SETTINGS, base)
        done = subprocess.run(
            [Path(sys.executable).with_name("zensical"), "build", "--clean", "--strict"],
            cwd=base,
            env={**os.environ, "NO_COLOR": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BuildError(done.stdout)
        shutil.rmtree(site, ignore_errors=True)
        shutil.copytree(base / "site", site)


def _files() -> Iterator[tuple[str, bytes]]:
    """Give each file of the site, by its path in the checkout: the pages, and what they show or lead to."""
    texts = {source: (ROOT / source).read_text() for source in pages.sources()}
    led_to = set().union(*(links.targets(text, source) for source, text in texts.items()))
    pictures = {str(path.relative_to(ROOT)) for path in (ROOT / "docs" / "img").iterdir()}
    others = {path for path in led_to | pictures if (ROOT / path).is_file() and not path.endswith(".md")}
    for source, text in texts.items():
        yield source, links.moved(text, source, lambda path: path in texts or path in others).encode()
    for path in sorted(others):
        yield path, (ROOT / path).read_bytes()


def _is_stale() -> bool:
    built = DOCS / "index.html"
    pages_of_it = [ROOT / source for source in pages.sources()]
    sources = [*pages_of_it, *(ROOT / "docs").rglob("*"), *Path(__file__).parent.iterdir()]
    return not built.exists() or built.stat().st_mtime < max(source.stat().st_mtime for source in sources)


def main() -> int:
    if "--if-stale" in sys.argv and not _is_stale():
        return 0
    try:
        build(DOCS)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"docs: the site is in {DOCS.relative_to(ROOT)}/")
    return 0


if __name__ == "__main__":
    sys.exit(main())
