"""The plugin for WordPress as it is packed; what it does is in tests/programs/integrations."""

import re
import zipfile
from pathlib import Path

from tests.support import php
from tools import wordpress_plugin
from tools.stack.plan import ROOT

FOLDER = ROOT / wordpress_plugin.PLUGIN
PLUGIN = FOLDER / wordpress_plugin.NAME
README = (FOLDER / "README.md").read_text()


def test_the_zip_has_the_plugin_with_its_library_and_is_always_the_same(tmp_path: Path) -> None:
    first, second = (wordpress_plugin.build(tmp_path / name) for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()
    names = set(zipfile.ZipFile(first).namelist())
    library = {f"tada-media/lib/{path.name}" for path in (ROOT / "clients/php/src").glob("*.php")}
    assert {"tada-media/tada-media.php", "tada-media/uninstall.php", "tada-media/LICENSE", *library} < names
    assert all(name.startswith("tada-media/") for name in names)


@php.needed
def test_its_files_can_be_read() -> None:
    php.check_syntax(PLUGIN)


def test_it_writes_no_sql_and_shows_no_secret() -> None:
    for path in (PLUGIN).rglob("*.php"):
        code = path.read_text()
        assert "wpdb" not in code, path
        assert not re.search(r"echo[^;]+get\('(?:token|signing_key)'\)", code), path


def test_the_readme_has_every_constant() -> None:
    settings = (PLUGIN / "src/Settings.php").read_text()
    constants = set(re.findall(r"=> '(TADA_MEDIA_\w+)'", settings))
    assert len(constants) == 6
    assert constants == set(re.findall(r"^\| [^|]+ \| `(TADA_MEDIA_\w+)`", README, re.MULTILINE))
