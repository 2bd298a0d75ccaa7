"""The JavaScript library: its own tests, what is published, and how large it is."""

import gzip
import json
import re
from pathlib import Path

import pytest

from tests.support import javascript
from tests.support.javascript import SOURCE, VECTORS, library, tsc
from tools.node import node

ADDRESSES_BYTES_MAX = 5000
ENTRY_POINTS = ("", "/address", "/element", "/next", "/nuxt", "/astro", "/unpic")


@pytest.fixture(scope="session")
def installed() -> Path:
    return javascript.installed()


def test_its_own_tests_pass() -> None:
    # They read the vectors of the repository, which are beside it.
    printed = node("--test", "test/*.test.js", cwd=library(), environment={"VECTORS": str(VECTORS)})
    assert int(re.findall(r"^(?:#|ℹ) pass ([0-9]+)$", printed, re.MULTILINE)[0]) > 200, printed


def test_addresses_alone_are_small() -> None:
    written = (library() / "dist" / "address.js").read_bytes()
    assert b"from '" not in written
    assert len(gzip.compress(written)) <= ADDRESSES_BYTES_MAX


def test_what_is_published_is_the_library_and_nothing_else(installed: Path) -> None:
    package = installed / "node_modules" / "tada-media"
    files = {path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file()}
    names = {path.stem for path in SOURCE.glob("src/*.ts")}
    built = {f"dist/{name}{end}" for name in names for end in (".js", ".d.ts")}
    assert files == {"package.json", "README.md", "LICENSE", *built}
    assert "dependencies" not in json.loads((package / "package.json").read_text())
    assert [path.name for path in (installed / "node_modules").iterdir() if path.name[0] != "."] == ["tada-media"]


def test_every_entry_point_can_be_imported_on_a_server(installed: Path) -> None:
    lines = "".join(f"await import('tada-media{point}');" for point in ENTRY_POINTS)
    node("--input-type=module", "--eval", lines, cwd=installed)


def test_its_types_help_and_refuse(installed: Path) -> None:
    (installed / "use.ts").write_text(
        "\n".join(
            [
                *(f"import 'tada-media{point}'" for point in ENTRY_POINTS),
                "import { picture, Tada, url, type Entry } from 'tada-media'",
                "const entry: Entry = await new Tada('http://localhost:3001').get('x')",
                "picture(entry.base_url, entry, { width: 200, formats: ['avif'] }).img.srcset.trim()",
                "url('/assets/media', '/DEV/cat.webp', { width: 200, crop: [0.5, 0.5] }).trim()",
                "document.createElement('tada-img').entry = entry",
                "// @ts-expect-error",
                "url('/assets/media', '/DEV/cat.webp', { format: 'gif' })",
                "// @ts-expect-error",
                "url('/assets/media', '/DEV/cat.webp', { widht: 200 })",
            ]
        )
    )
    for resolution in (["--module", "nodenext"], ["--module", "esnext", "--moduleResolution", "bundler"]):
        options = ["--noEmit", "--strict", "--skipLibCheck", "false", "--types", "", "--target", "es2023"]
        tsc(*options, *resolution, "use.ts", cwd=installed)


def test_the_lock_names_no_host() -> None:
    for lock in SOURCE.rglob("package-lock.json"):
        if "node_modules" not in lock.parts:
            assert '"resolved": "http' not in lock.read_text(), lock


def test_its_source_is_kept_in_short_lines() -> None:
    for path in (*SOURCE.glob("src/*.ts"), *SOURCE.glob("test/*.js")):
        long = [number for number, line in enumerate(path.read_text().splitlines(), 1) if len(line) > 120]
        assert not long, f"{path.name}: {long}"
