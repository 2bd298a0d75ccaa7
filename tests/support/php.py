"""The PHP of the machine, for the library in clients/php and the plugin for WordPress."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tools.stack.plan import ROOT

LIBRARY = ROOT / "clients" / "php"
EXTENSIONS = ("curl", "json", "hash")
_SECONDS = 120


def missing() -> str:
    """Return why PHP cannot be used here, empty if it can."""
    program = shutil.which("php")
    if program is None:
        return "there is no php: apt-get install php-cli php-curl"
    asked = (
        f"exit(array_product(array_map('extension_loaded', {list(EXTENSIONS)!r})) && PHP_VERSION_ID >= 80100 ? 0 : 1);"
    )
    fits = subprocess.run([program, "-r", asked], check=False).returncode == 0
    return "" if fits else f"{program} is older than 8.1, or has not all of {', '.join(EXTENSIONS)}"


needed = pytest.mark.skipif(bool(missing()), reason=missing() or "-")


def php(*arguments: str | Path, cwd: Path, environment: Mapping[str, str] | None = None) -> str:
    """Run php; return what it printed. A failure shows all of it."""
    done = subprocess.run(
        ["php", *arguments],
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"php {' '.join(map(str, arguments))}:\n{done.stdout}"
    return done.stdout


def check_syntax(folder: Path) -> None:
    """Raise AssertionError for a file of PHP that cannot be read, or has long lines."""
    files = sorted(folder.rglob("*.php"))
    assert files
    # One process for all: `php -l` takes one file.
    program = """foreach (array_slice($argv, 1) as $file) {
        try { token_get_all(file_get_contents($file), TOKEN_PARSE); }
        catch (ParseError $error) { echo "$file: {$error->getMessage()} in line {$error->getLine()}\n"; }
    }"""
    assert php("-r", program, "--", *files, cwd=folder) == ""
    for path in files:
        lines = path.read_text().splitlines()
        long = [number for number, line in enumerate(lines, 1) if len(line) > 120]
        assert not long, f"{path.name}: {long}"
