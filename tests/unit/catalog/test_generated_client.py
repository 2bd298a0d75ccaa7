"""A generator of clients makes one of the document: mypy accepts it, it can be imported, and nothing is left out."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from services.catalog import openapi
from services.catalog.operations import operations, paths
from services.catalog.settings import CatalogSettings
from tools.stack.plan import ROOT

PACKAGE = "generated_client"
[CONFIG] = re.findall(
    r"```yaml\n(content_type_overrides:.+?)```", (ROOT / "docs/integrating.md").read_text(), re.DOTALL
)
"""What the page tells to those who generate a client."""
IMPORTS = f"""
import importlib, pkgutil, {PACKAGE}
names = [module.name for module in pkgutil.walk_packages({PACKAGE}.__path__, "{PACKAGE}.")]
for name in names:
    importlib.import_module(name)
print(len(names))
"""


def run(folder: Path, *command: str) -> str:
    done = subprocess.run([sys.executable, *command], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.timeout(180)
def test_a_generated_client_can_be_imported_and_has_right_types(tmp_path: Path) -> None:
    settings = CatalogSettings(data_folder_path=tmp_path)
    described = paths(operations(settings), protected=True)
    document = openapi.document(settings, described, protected=True)
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    (tmp_path / "config.yml").write_text(f"post_hooks: []\n{CONFIG}")
    said = run(
        tmp_path,
        *("-m", "openapi_python_client", "generate", "--path", "openapi.json", "--config", "config.yml"),
        *("--output-path", PACKAGE, "--meta", "none"),
    )
    assert "WARNING" not in said
    assert "Unable" not in said
    modules = {path.stem for path in (tmp_path / PACKAGE / "models").iterdir()}
    shapes = {
        "upload",
        "uploads",
        "replacement",
        "replacements",
        "changes",
        "change_of_one",
        "deletion",
        "entry",
        "jobs",
        "result_of_job",
    }
    assert shapes <= modules
    asked = {
        operation["operationId"].lower() for methods in document["paths"].values() for operation in methods.values()
    }
    made = {path.stem.replace("_", "") for path in (tmp_path / PACKAGE / "api").glob("*/*.py")}
    assert {name.replace("_", "") for name in asked} <= made
    assert int(run(tmp_path, "-c", IMPORTS)) > 100
    run(tmp_path, "-m", "mypy", PACKAGE)
