"""What comes inside the parts of a release, in the form of CycloneDX: made by cyclonedx-py and npm."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tools import vendor
from tools.node import npm


class BillError(Exception):
    """A bill is not what the schema of CycloneDX allows. The message says where."""


def of_service(tree: Path, name: str, made_at: int) -> str:
    """Return what comes inside a service. Its image has the packages of a system, too: docs/releasing.md."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "cyclonedx_py", "requirements", "--output-reproducible", "--no-validate",
         "--pyproject", tree / "pyproject.toml", tree / "requirements" / f"{name}.lock"],
        env={**os.environ, "SOURCE_DATE_EPOCH": str(made_at)},
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    bill = json.loads(done.stdout)
    bill["metadata"]["component"]["name"] = f"tada-{name}"
    if name == "catalog":
        bill["components"] += [_vendored(package) for package in vendor.PACKAGES]
    return _written(bill)


def of_package(folder: Path, made_at: int) -> str:
    """Return what a package of npm needs where it is installed."""
    options = ("--sbom-format", "cyclonedx", "--package-lock-only", "--omit", "dev")
    bill = json.loads(npm("sbom", *options, cwd=folder))
    # Both are others each time.
    del bill["serialNumber"]
    bill["metadata"]["timestamp"] = datetime.fromtimestamp(made_at, UTC).isoformat()
    # npm writes the name of the folder.
    bill["metadata"]["component"]["name"] = name_of(folder / "package.json")
    return _written(bill)


def check(bill: Path) -> None:
    """Hold a bill against the schema of its version. Raises BillError."""
    text = bill.read_text()
    form = SchemaVersion.from_version(json.loads(text)["specVersion"])
    if wrong := JsonStrictValidator(form).validate_str(text):
        raise BillError(f"{bill.name}: {wrong}")


def name_of(package: Path) -> str:
    """Return the name of a package of npm, as a file may have it."""
    return str(json.loads(package.read_text())["name"]).removeprefix("@").replace("/", "-")


def is_private(package: Path) -> bool:
    """Return whether a package of npm is not to be published."""
    return bool(json.loads(package.read_text()).get("private"))


def _vendored(package: vendor.Package) -> dict[str, Any]:
    return {
        "type": "library",
        "bom-ref": f"{package.name}@{package.version}",
        "name": package.name,
        "version": package.version,
        "purl": f"pkg:npm/{package.name}@{package.version}",
    }


def _written(bill: dict[str, Any]) -> str:
    return json.dumps(bill, indent=2, sort_keys=True) + "\n"
