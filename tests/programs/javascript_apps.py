"""`make test-js-apps`: build the sample apps of clients/js/examples with the package, as their users do.

It takes some minutes, most of it for what the frameworks install, so it is no part of `make test`. There, the loaders
are tested without the frameworks.
"""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from tests.support.javascript import SOURCE, library
from tools.node import npm

BUILT = {
    "unpic": "page.html",
    "next": "out/index.html",
    "astro": "dist/index.html",
    "nuxt": ".output/public/index.html",
}
"""By app: the page that its build makes."""
WANTED = "http://localhost:8080/assets/media/optimise/"
PICTURE = "/DEV/shop/cat.webp?quality=75"


def build(app: str, folder: Path) -> None:
    """Build an app; raises AssertionError if it cannot be built, or its page does not ask for the picture."""
    shutil.copytree(SOURCE / "examples" / app, folder)
    [package] = library().glob("*.tgz")
    npm("install", "--no-audit", str(package), cwd=folder)
    npm("run", "build", cwd=folder)
    page = (folder / BUILT[app]).read_text()
    assert WANTED in page, f"{app}: {page}"
    assert PICTURE in page, f"{app}: {page}"


def main(apps: Iterable[str]) -> int:
    os.environ |= {"NEXT_TELEMETRY_DISABLED": "1", "ASTRO_TELEMETRY_DISABLED": "1", "NUXT_TELEMETRY_DISABLED": "1"}
    chosen = [*apps] or [*BUILT]
    for app in chosen:
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            build(app, Path(folder) / app)
        print(f"{app}: built in {time.monotonic() - began:.0f} s")
    print(f"{len(chosen)} passed, 0 failed")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
