"""What may import what. Whoever breaks one of these rules reads its name as the reason."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = ("catalog", "transform", "jobs")
HTTP_CLIENTS = ("aiohttp", "httpcore", "httptools", "httpx", "requests", "urllib3", "urllib.request", "http.client")

Imports = dict[str, list[str]]


def imported(source: str, module: str) -> list[str]:
    """Return the full names of everything that the source of a module imports, wherever in it."""
    package = module.split(".")[:-1]
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*origin, *([node.module] if node.module else [])])
            found += [base, *(f"{base}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Call) and _is_import_call(node.func):
            found += [str(name.value) for name in node.args[:1] if isinstance(name, ast.Constant)]
    return found


def _is_import_call(function: ast.expr) -> bool:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in ("import_module", "__import__")


def belongs(name: str, package: str) -> bool:
    """Say whether a name is a package or something in it."""
    return name == package or name.startswith(f"{package}.")


def users(imports: Imports, *packages: str) -> set[str]:
    """Return the modules that import one of the packages."""
    return {
        module
        for module, names in imports.items()
        if any(belongs(name, package) for name in names for package in packages)
    }


def within(imports: Imports, package: str) -> Imports:
    return {module: names for module, names in imports.items() if belongs(module, package)}


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted((ROOT / "services").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts), path


@pytest.fixture(scope="module")
def imports() -> Imports:
    return {module: imported(path.read_text(), module) for module, path in modules()}


def test_every_module_is_looked_at(imports: Imports) -> None:
    assert {module.split(".")[1] for module in imports if module.count(".") > 1} == {"core", *SERVICES}
    assert {
        "services.core.assets.names",
        "services.core.storage.local",
        "services.transform.render.pipeline",
    } <= imports.keys()


@pytest.mark.parametrize("service", SERVICES)
def test_no_service_imports_another(imports: Imports, service: str) -> None:
    others = [f"services.{other}" for other in SERVICES if other != service]
    assert users(within(imports, f"services.{service}"), *others) == set()


def test_the_core_imports_no_service(imports: Imports) -> None:
    assert users(within(imports, "services.core"), *(f"services.{service}" for service in SERVICES)) == set()


def test_assets_know_nothing_but_the_errors_and_the_standard_library(imports: Imports) -> None:
    assets = within(imports, "services.core.assets")
    ours = {name for names in assets.values() for name in names if belongs(name, "services")}
    assert {name for name in ours if not belongs(name, "services.core.assets")} <= {"services.core", *errors(ours)}
    others = {name.partition(".")[0] for names in assets.values() for name in names} - {"services"}
    assert others <= sys.stdlib_module_names


def test_the_grammar_of_addresses_knows_nothing_but_names_the_errors_and_the_standard_library(imports: Imports) -> None:
    grammar = within(imports, "services.core.addresses")
    names = {name for found in grammar.values() for name in found}
    ours = {name for name in names if belongs(name, "services.core")}
    inside = ("services.core.addresses", "services.core.assets", "services.core.errors")
    assert {name for name in ours if not any(belongs(name, package) for package in inside)} <= {"services.core"}
    assert {name.partition(".")[0] for name in names} - {"services"} <= sys.stdlib_module_names


def errors(names: set[str]) -> set[str]:
    return {name for name in names if belongs(name, "services.core.errors")}


def test_entries_and_names_can_be_imported_by_a_python_without_any_package() -> None:
    code = "import services.core.assets.entries, services.core.assets.names, services.core.assets.freshness"
    # -S: without site-packages.
    subprocess.run([sys.executable, "-S", "-c", code], cwd=ROOT, check=True)


WALLS = [
    ("services.core.assets", "services.core.addresses"),
    ("services.core.assets", "services.core.observing"),
    ("services.core.observing", "services.core.storage"),
    ("services.core.observing", "services.core.state"),
    ("services.core.storage", "services.core.state"),
    ("services.core.storage", "services.core.dumps"),
    ("services.core.state", "services.core.storage.settings"),
    ("services.core.state", "services.core.dumps"),
    ("services.core.state", "services.core.jobs"),
    ("services.core.state", "services.core.serving"),
    ("services.core.jobs", "services.core.serving"),
    ("services.jobs", "services.core.serving"),
    ("services.jobs", "starlette"),
    ("services.transform", "services.core.dumps"),
    ("services.transform", "services.core.jobs"),
]


@pytest.mark.parametrize(("inside", "kept_out"), WALLS)
def test_walls(imports: Imports, inside: str, kept_out: str) -> None:
    assert users(within(imports, inside), kept_out) == set()


def test_pyvips_is_imported_by_what_sets_it_up_and_by_the_process_that_draws(imports: Imports) -> None:
    assert users(imports, "pyvips") == {
        "services.transform.render.libvips",
        "services.transform.render.document_process",
    }


def test_pdf_is_read_only_in_a_process_of_its_own(imports: Imports) -> None:
    work = {"services.transform.render.document_process", "services.catalog.uploads.drawable_process"}
    assert users(imports, "pypdfium2") == {"services.core.pdf_pages", "services.transform.render.document_process"}
    assert users(imports, "services.core.pdf_pages") == work
    assert users(imports, *work) == set()


def test_pictures_of_all_kinds_are_decoded_by_pillow_only_in_a_process_of_its_own(imports: Imports) -> None:
    # Transform has it encode WebP and decode plain JPEG: by the very libraries that libvips would do it with.
    assert users(imports, "PIL") == {
        "services.jobs.describe.picture",
        "services.jobs.describe.pixels",
        "services.jobs.describe.reduced",
        "services.transform.render.jpeg",
        "services.transform.render.libwebp",
        "services.catalog.uploads.drawable_process",
        "services.core.jpeg_pixels",
    }
    assert users(imports, "services.catalog.uploads.drawable_process") == set()
    assert users(imports, "services.jobs.describe.picture") == {"services.jobs.describe.inspection_process"}
    inside = {f"services.jobs.describe.{name}" for name in ("picture", "reduced")}
    assert users(imports, "services.jobs.describe.pixels", "services.jobs.describe.reduced") == inside
    assert users(imports, "services.jobs.describe.inspection_process") == set()


def test_only_the_queue_and_the_worker_import_arq(imports: Imports) -> None:
    assert users(imports, "arq") == {"services.core.jobs.queue", "services.jobs.queue.worker"}


def test_only_what_talks_to_nodes_of_nginx_to_storages_and_to_the_outside_knows_http(imports: Imports) -> None:
    assert users(imports, *HTTP_CLIENTS) == {
        "services.jobs.http",
        "services.core.outward.connection",
        "services.catalog.oidc.issuer",
        "services.core.storage.distant.client",
        "services.core.storage.distant.transport",
        "services.core.storage.s3.errors",
    }


def test_only_the_storage_s3_and_what_purges_cloudfront_import_a_library_of_amazon(imports: Imports) -> None:
    modules = users(imports, "aiobotocore", "botocore", "types_aiobotocore_s3")
    storage = {f"services.core.storage.s3.{part}" for part in ("storage", "client", "errors", "reader", "upload")}
    assert modules == storage | {"services.jobs.cdn.cloudfront"}


def test_media_types_are_spelled_out_in_one_module() -> None:
    literal = re.compile(r"""["'](?:image|application|text|multipart)/[a-z0-9.+-]+["']""")
    assert {module for module, path in modules() if literal.search(path.read_text())} == {
        "services.core.assets.media_types"
    }


def test_only_the_declared_operations_make_routes(imports: Imports) -> None:
    assert users(within(imports, "services.catalog"), "starlette.routing") == {"services.catalog.operations.routing"}


def test_nothing_that_runs_imports_tests_or_tools(imports: Imports) -> None:
    assert users(imports, "tests", "tools") == set()


@pytest.mark.parametrize(
    ("module", "source", "package"),
    [
        ("services.catalog.app", "import services.jobs.queue.worker", "services.jobs"),
        ("services.catalog.app", "from services.jobs import worker", "services.jobs"),
        ("services.catalog.app", "from services import jobs", "services.jobs"),
        ("services.catalog.app", "from ..jobs import worker", "services.jobs"),
        ("services.catalog.app", "from .. import jobs", "services.jobs"),
        ("services.core.storage.local", "from ...transform.render.pipeline import render", "services.transform"),
        ("services.core.assets.names", "def f():\n    import pyvips as v", "pyvips"),
        ("services.core.assets.names", "if True:\n    from arq.worker import Worker", "arq"),
        ("services.core.assets.names", "import importlib\nimportlib.import_module('tests.support.pixels')", "tests"),
        ("services.core.assets.names", "__import__('tools')", "tools"),
        ("services.core.assets.names", "from urllib import request", "urllib.request"),
        ("services.core.assets.names", "import http.client", "http.client"),
    ],
)
def test_a_violation_is_seen(module: str, source: str, package: str) -> None:
    assert users({module: imported(source, module)}, package) == {module}


@pytest.mark.parametrize(
    ("source", "package"),
    [
        ("import arquebus", "arq"),
        ("from urllib.parse import urlsplit", "urllib.request"),
        ("text = 'import pyvips'  # import pyvips", "pyvips"),
        ("from services.core import names", "services.catalog"),
        ("from http import HTTPStatus", "http.client"),
        ("from . import tests_of_something", "tests"),
    ],
)
def test_what_only_looks_like_a_violation_is_none(source: str, package: str) -> None:
    assert users({"services.core.assets.names": imported(source, "services.core.assets.names")}, package) == set()
