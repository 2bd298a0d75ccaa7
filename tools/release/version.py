"""One version for everything. `make version VERSION=1.2.0` writes it wherever it is said, and begins its changelog.

The place that counts is pyproject.toml.
"""

import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[2]
UNRELEASED = "## Unreleased\n"
_FORM = re.compile(r"\d+\.\d+\.\d+")
_SAID = r"(\d+\.\d+\.\d+)"


@dataclass(frozen=True, slots=True)
class Place:
    """Files that say the version, and how: a pattern whose group is the version. A file must have it at least once."""

    files: str
    pattern: str


PLACES = (
    Place("pyproject.toml", rf'^version = "{_SAID}"$'),
    Place("clients/*/pyproject.toml", rf'^version = "{_SAID}"$'),
    Place("clients/python/src/tada_client/carrying.py", rf'^VERSION = "{_SAID}"$'),
    Place("services/catalog/openapi/__init__.py", rf'^VERSION = "{_SAID}"$'),
    Place("charts/*/Chart.yaml", rf"^(?:version|appVersion): {_SAID}$"),
    Place("clients/*/package.json", rf'^  "version": "{_SAID}",$'),
    Place("integrations/*/package.json", rf'^  "version": "{_SAID}",$'),
    # Of the package itself, which is said twice; what it needs is deeper inside, or follows.
    Place("clients/*/package-lock.json", rf'\A{{\n  "name": .+\n  "version": "{_SAID}",$'),
    Place("clients/*/package-lock.json", rf'^    "": {{\n      "name": .+\n      "version": "{_SAID}",$'),
    Place("integrations/*/package-lock.json", rf'\A{{\n  "name": .+\n  "version": "{_SAID}",$'),
    Place("integrations/*/package-lock.json", rf'^    "": {{\n      "name": .+\n      "version": "{_SAID}",$'),
    # The head of the plugin for WordPress.
    Place("integrations/wordpress/*/tada-media.php", rf"^ \* Version: +{_SAID}$"),
    Place("clients/js/examples/README.md", rf"tada-media-{_SAID}\.tgz"),
    Place("docs/deploy.md", rf"\btada-\S+:{_SAID}\b"),
)


class VersionError(Exception):
    """The version cannot be written. The message says why."""


def of(root: Path = ROOT) -> str:
    """Return the version of a checkout."""
    return str(tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"])


def said(root: Path = ROOT) -> Iterator[tuple[str, str]]:
    """Give each place that says a version: its file, and the version. It is empty where a file does not say it."""
    for place in PLACES:
        for file in _files(root, place):
            found = re.findall(place.pattern, file.read_text(), re.MULTILINE)
            if not found:
                yield str(file.relative_to(root)), ""
            for version in found:
                yield str(file.relative_to(root)), version


def disagreements(root: Path = ROOT) -> list[str]:
    """Return what is not at the version of the checkout."""
    version = of(root)
    return [f"{file}: {found or 'no version'}, not {version}" for file, found in said(root) if found != version]


def write(version: str, root: Path = ROOT, today: datetime | None = None) -> None:
    """Write a version in every place, and make the changes that are not released those of this version."""
    if not _FORM.fullmatch(version):
        raise VersionError(f"'{version}' is no version; write it as 1.2.3")
    changelog = root / "CHANGELOG.md"
    text = changelog.read_text()
    if UNRELEASED not in text:
        raise VersionError("CHANGELOG.md has no section '## Unreleased': write there what has changed")
    if section(text, version):
        raise VersionError(f"CHANGELOG.md has a section of {version}; each version is released once")
    for place in PLACES:
        for file in _files(root, place):
            file.write_text(re.sub(place.pattern, _with(version), file.read_text(), flags=re.MULTILINE))
    day = today or datetime.now(UTC)
    changelog.write_text(text.replace(UNRELEASED, f"## {version} - {day:%Y-%m-%d}\n", 1))


def section(changelog: str, version: str) -> str:
    """Return what the changelog says of a version; empty if nothing."""
    found = re.search(rf"^## {re.escape(version)}(?: [^\n]*)?\n(.*?)(?=^## |\Z)", changelog, re.DOTALL | re.MULTILINE)
    return found[1].strip() if found else ""


def _files(root: Path, place: Place) -> list[Path]:
    return sorted(file for file in root.glob(place.files) if "node_modules" not in file.parts)


def _with(version: str) -> Callable[[re.Match[str]], str]:
    def replaced(match: re.Match[str]) -> str:
        start, end = match.start(1) - match.start(), match.end(1) - match.start()
        return match[0][:start] + version + match[0][end:]

    return replaced


def main() -> int:
    try:
        write(sys.argv[1] if len(sys.argv) > 1 else "")
    except VersionError as error:
        print(f"make version: {error}", file=sys.stderr)
        return 1
    print(f"Everything is {sys.argv[1]} now. Read CHANGELOG.md, and commit. Then: make release")
    return 0


if __name__ == "__main__":
    sys.exit(main())
