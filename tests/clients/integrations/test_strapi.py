"""The provider for Strapi: its own tests, and what is published. `make test-integrations` has the real Strapi."""

import json
import shutil
from pathlib import Path

import pytest

from tests.support.javascript import library
from tools.node import node, npm
from tools.stack.plan import ROOT

SOURCE = ROOT / "integrations" / "strapi"


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the provider, and of the library that it takes into its package, as they are in a checkout."""
    root = tmp_path_factory.mktemp("checkout")
    shutil.copytree(library() / "dist", root / "clients" / "js" / "dist")
    ignored = shutil.ignore_patterns("node_modules", "vendor", "example", "*.tgz")
    return Path(shutil.copytree(SOURCE, root / "integrations" / "strapi", ignore=ignored))


def test_its_own_tests_pass(provider: Path) -> None:
    npm("run", "build", cwd=provider)
    printed = node("--test", "test/provider.test.js", cwd=provider)
    assert "fail 0" in printed


def test_what_is_published_needs_nothing_but_strapi(provider: Path) -> None:
    [packed] = json.loads(npm("pack", "--json", "--dry-run", cwd=provider))
    files = {file["path"] for file in packed["files"]}
    assert {"src/provider.js", "src/plugin.js", "src/command.js", "vendor/tada-media/index.js", "README.md"} <= files
    assert not [path for path in files if path.startswith(("test", "example"))]
    package = json.loads((SOURCE / "package.json").read_text())
    assert "dependencies" not in package
    assert [*package["peerDependencies"]] == ["@strapi/utils"]


def test_its_lock_names_no_host() -> None:
    assert '"resolved": "http' not in (SOURCE / "package-lock.json").read_text()
