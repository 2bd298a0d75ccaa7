"""The extension for Directus, without Directus (`make test-integrations` has the real one): types, rules, and what is
packed."""

import json
import re
import shutil
from functools import cache
from pathlib import Path

from tests.support.javascript import kept
from tools.node import node, npm
from tools.stack.plan import ROOT

SOURCE = ROOT / "integrations" / "directus"
BESIDE = ("clients/js/src", "services/catalog/library/static/embed")
"""What the build takes from the checkout."""
NOT_SOURCE = ("node_modules", "dist", "build")


@cache
def built() -> Path:
    """Return a copy that is installed, compiled and built as its README says."""
    files = [path for path in sorted(SOURCE.rglob("*")) if path.is_file() and not {*path.parts} & {*NOT_SOURCE}]
    beside = [path for folder in BESIDE for path in sorted((ROOT / folder).rglob("*")) if path.is_file()]

    def make(folder: Path) -> None:
        for part in BESIDE:
            shutil.copytree(ROOT / part, folder / part)
        copy = folder / "integrations" / "directus"
        shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns(*NOT_SOURCE))
        npm("ci", "--prefer-offline", cwd=copy)
        npm("run", "build", cwd=copy)

    return kept("directus-extension", [*files, *beside], make) / "integrations" / "directus"


def test_its_rules_hold() -> None:
    printed = node("--test", "test/rules.test.js", cwd=built())
    assert int(re.findall(r"^(?:#|ℹ) pass ([0-9]+)$", printed, re.MULTILINE)[0]) > 10, printed


def test_what_is_packed_is_what_directus_loads() -> None:
    [packed] = json.loads(npm("pack", "--dry-run", "--json", cwd=built()))
    assert {file["path"] for file in packed["files"]} == {"package.json", "README.md", "dist/api.js", "dist/app.js"}
    entries = json.loads((SOURCE / "package.json").read_text())["directus:extension"]["entries"]
    lines = [
        "import { hooks, endpoints } from './dist/api.js'",
        "const names = (listed) => listed.map(({ name }) => name)",
        "console.log(JSON.stringify({ hook: names(hooks), endpoint: names(endpoints) }))",
    ]
    there = json.loads(node("--input-type=module", "--eval", "\n".join(lines), cwd=built()))
    for kind, names in there.items():
        assert [entry["name"] for entry in entries if entry["type"] == kind] == names


def test_the_data_studio_provides_all_that_its_part_imports() -> None:
    imported = re.findall(r'^import .*?"([^"]+)";?$', (built() / "dist" / "app.js").read_text(), re.MULTILINE)
    assert set(imported) == {"vue", "@directus/extensions-sdk"}


def test_the_token_is_not_known_to_the_part_for_browsers() -> None:
    assert "TADA_TOKEN" not in (built() / "dist" / "app.js").read_text()


def test_its_readme_has_each_setting_and_each_field() -> None:
    readme = (SOURCE / "README.md").read_text()
    read = set(re.findall(r"'(TADA_[A-Z_]+)'", (SOURCE / "src" / "settings.ts").read_text()))
    assert set(re.findall(r"^\| `(TADA_[A-Z_]+)`", readme, re.MULTILINE)) == read
    made = set(re.findall(r"field: '(tada_\w+)'", (SOURCE / "src" / "fields.ts").read_text()))
    assert set(re.findall(r"^\| `(tada_\w+)`", readme, re.MULTILINE)) == made


def test_its_lock_names_no_host() -> None:
    assert '"resolved": "http' not in (SOURCE / "package-lock.json").read_text()


def test_its_source_is_kept_in_short_lines() -> None:
    for path in (*SOURCE.glob("src/*.ts"), *SOURCE.glob("test/*.js"), SOURCE / "build.js"):
        long = [number for number, line in enumerate(path.read_text().splitlines(), 1) if len(line) > 120]
        assert not long, f"{path.name}: {long}"
