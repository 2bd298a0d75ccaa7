"""What makes a start slow is what is imported and not needed. It is looked for by name, not by the clock."""

import subprocess
import sys

import pytest

from tools.stack.plan import ROOT

OVER_THE_NETWORK = {"aiobotocore", "botocore", "aiohttp", "httpx", "httpcore"}
"""For the storages S3 and distant backend alone: as slow to import as all the rest."""
DRAWING = {"pypdfium2"}
"""In processes of their own."""
TESTS = {"numpy", "pytest", "skimage"}


@pytest.mark.parametrize(
    ("module", "foreign"),
    [
        ("services.transform.app", {"arq", "pikepdf"}),
        ("services.catalog.app", {"pyvips", "PIL"}),
        ("services.jobs.service", {"pyvips", "PIL", "starlette", "uvicorn", "pikepdf"}),
    ],
)
def test_a_service_with_local_files_imports_nothing_that_it_does_not_need(module: str, foreign: set[str]) -> None:
    program = f"import sys, {module}; print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    imported = {name.partition(".")[0] for name in said.split()}
    assert module.partition(".")[0] in imported
    assert imported & (OVER_THE_NETWORK | DRAWING | TESTS | foreign) == set()
