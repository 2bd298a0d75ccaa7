"""The PHP library: its own tests, without a service."""

import json
import re

from tests.support.php import EXTENSIONS, LIBRARY, check_syntax, needed, php

pytestmark = needed


def test_its_own_tests_pass() -> None:
    printed = php("tests/run.php", cwd=LIBRARY)
    [passed] = re.findall(r"^([0-9]+) passed, 0 failed$", printed, re.MULTILINE)
    assert int(passed) > 250, printed


def test_its_files_can_be_read() -> None:
    check_syntax(LIBRARY)


def test_it_needs_php_alone() -> None:
    package = json.loads((LIBRARY / "composer.json").read_text())
    assert set(package["require"]) == {"php", *(f"ext-{name}" for name in EXTENSIONS)}
