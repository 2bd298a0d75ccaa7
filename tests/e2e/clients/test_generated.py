"""A generator of clients makes one of the document: mypy accepts it, it can be imported, nothing is left out, and it
uploads, reads, changes and deletes."""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from services.catalog import openapi
from services.catalog.operations import operations, paths
from services.catalog.settings import CatalogSettings
from tests.processes.system import System
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


USES = f"""
import sys
from pathlib import Path
from {PACKAGE} import AuthenticatedClient, models
from {PACKAGE}.api.catalog import change_entry, get_entry
from {PACKAGE}.api.files import delete_file, upload_file
from {PACKAGE}.types import File

url, path, destination = sys.argv[1:]
with AuthenticatedClient(url, token="secret", raise_on_unexpected_status=True) as client, Path(path).open("rb") as file:
    body = models.Upload(File(file, "cat.jpg", "image/jpeg"), models.UploadNamespace.DEV, destination, alt="A cat")
    uploaded = upload_file.sync(client=client, body=body)
    assert isinstance(uploaded, models.Answer), uploaded
    [entry] = uploaded.data
    assert (entry.unique_name, entry.alt) == (f"/DEV/{{destination}}/cat.webp", "A cat"), entry
    refused = upload_file.sync(client=client, body=body)
    assert isinstance(refused, models.Refusal) and refused.problems[0].code.value == "already_exists", refused
    changed = change_entry.sync(entry.uuid, client=client, body=models.Changes(title="Cat"))
    assert isinstance(changed, models.ChangedAnswer) and changed.data[0].title == "Cat", changed
    found = get_entry.sync(entry.uuid, client=client)
    assert isinstance(found, models.Page) and found.data[0].alt == "A cat", found
    print(entry.signature)
    delete_file.sync(entry.uuid, client=client)
"""


def run(folder: Path, *command: str) -> str:
    done = subprocess.run([sys.executable, *command], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.timeout(180)
def test_a_generated_client_has_right_types_and_works(
    system: System, photos: dict[str, bytes], tmp_path: Path, name: str
) -> None:
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
    (tmp_path / "cat.jpg").write_bytes(photos["china.jpg"])
    (tmp_path / "uses.py").write_text(USES)
    run(tmp_path, "-m", "mypy", PACKAGE, "uses.py")
    said = run(tmp_path, "uses.py", f"http://127.0.0.1:{system.ports.api}", "cat.jpg", name)
    assert said.split() == [hashlib.sha256(photos["china.jpg"]).hexdigest()]
