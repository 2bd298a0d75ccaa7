"""The units of `make install`, as systemd reads them. `make test-install` runs them."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tools.docs_site import pages
from tools.stack.plan import ROOT

UNITS = ROOT / "tools" / "systemd"
SERVICES = ("redis", "catalog", "transform@1", "jobs", "cache", "edge")


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("units")
    shutil.copytree(UNITS, folder, dirs_exist_ok=True)
    shutil.copy(folder / "tada-transform@.service", folder / "tada-transform@1.service")
    return folder


@pytest.mark.parametrize("service", SERVICES)
def test_systemd_understands_each_unit_and_finds_it_hardened(units: Path, service: str) -> None:
    unit = f"./tada-{service}.service"
    verified = subprocess.run(["systemd-analyze", "verify", unit], cwd=units, capture_output=True, text=True)
    # Its programs are not installed here.
    wrong = [line for line in verified.stderr.splitlines() if "is not executable" not in line and "tada-" in line]
    assert not wrong
    found = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", unit],
        cwd=units,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "SYSTEMD_UNIT_PATH": str(units)},
    )
    level = re.search(r"Overall exposure level for .+?: ([\d.]+)", found.stdout)
    assert level, found.stderr
    assert float(level[1]) <= 3


def test_the_target_wants_all_of_them() -> None:
    wanted = (UNITS / "tada.target").read_text()
    assert all(f"tada-{service}.service" in wanted for service in SERVICES if "@" not in service)


def test_what_is_not_root_or_has_no_systemd_is_told_so(tmp_path: Path) -> None:
    said = subprocess.run([UNITS / "install.sh", "install"], capture_output=True, text=True)
    assert said.returncode == 1
    assert "run as root" in said.stderr or "systemd does not run here" in said.stderr


def test_a_release_has_every_page_of_the_documents() -> None:
    copies = [line for line in (UNITS / "install.sh").read_text().splitlines() if line.startswith("    cp -a ")]
    said = ["made=", 'cp() { printf "%s\\n" "$@"; }', *copies]
    copied = subprocess.run(
        ["bash", "-c", "\n".join(said)], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    there = {line.removeprefix("./") for line in copied.splitlines()}
    lacking = [page for page in pages.sources() if not {page, page.split("/")[0]} & there]
    assert not lacking
