"""What the documents show is what happens."""

import json
import re
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from services.catalog.settings import CatalogSettings
from services.jobs.settings import JobsSettings
from services.transform.settings import TransformSettings
from tests.e2e.system import System
from tools.stack.plan import ROOT


def test_the_first_upload_of_the_readme_answers_as_shown(system: System, photos: dict[str, bytes]) -> None:
    readme = (ROOT / "README.md").read_text()
    [shown] = [json.loads(block) for block in re.findall(r"```json\n(.+?)```", readme, re.DOTALL)]
    entry = system.upload("cat.jpg", photos["china.jpg"])
    here = {
        key: value.replace("localhost:8080", f"localhost:{system.ports.edge}") if key == "public_url" else value
        for key, value in shown["data"][0].items()
        if key != "…"
    }
    assert here.items() <= entry.items()
    head = system.edge.head("/assets/media/optimise/200x0/DEV/cat.webp")
    [answer] = re.findall(r"```\n\$ curl -sI (\S+)\n(HTTP.+?)```", readme, re.DOTALL)
    assert answer[0].endswith("/assets/media/optimise/200x0/DEV/cat.webp")
    for line in answer[1].splitlines()[1:]:
        name, _, value = line.partition(": ")
        assert head.headers[name] == value
    for path in re.findall(r"^\| `(/assets/\S+)`", readme, re.MULTILINE):
        assert system.edge.get(path).status_code == 200, path


@pytest.mark.parametrize("settings", [CatalogSettings, TransformSettings, JobsSettings])
def test_every_setting_is_documented_with_its_default(settings: type[BaseSettings]) -> None:
    rows = {
        name: row
        for row in (ROOT / "docs/operating.md").read_text().splitlines()
        if row.startswith("| `")
        for name in re.findall(r"`([A-Z0-9_]+)`", row.split("|")[1])
    }
    for name, field in settings.model_fields.items():
        assert name.upper() in rows, f"{name.upper()} is not in docs/operating.md"
        if isinstance(field.default, int | float) and not isinstance(field.default, bool):
            shown = rows[name.upper()].split("|")[2]
            assert str(field.default).removesuffix(".0") in shown or name == "payload_max_size", name


@pytest.mark.parametrize(
    "page",
    [*sorted(ROOT.glob("docs/*.md")), ROOT / "README.md", *sorted(ROOT.glob("examples/*/README.md"))],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name}: {target}"
