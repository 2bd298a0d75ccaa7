"""What the documents show is what happens."""

import json
import re
from pathlib import Path

import pytest
import yaml
from pydantic_settings import BaseSettings

from tests.processes.system import System
from tools import configuration
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


def test_the_page_of_settings_is_what_the_settings_are() -> None:
    assert (ROOT / "docs/configuration.md").read_text() == configuration.page(), "make configuration writes it anew"


@pytest.mark.parametrize("settings", configuration.SERVICES.values())
def test_every_setting_is_on_that_page(settings: type[BaseSettings]) -> None:
    page = (ROOT / "docs/configuration.md").read_text()
    for name in settings.model_fields:
        # Where a service listens at a socket or a port is said once for each kind.
        assert f"`{name.upper()}`" in page, name


@pytest.mark.parametrize("service", configuration.SERVICES)
def test_every_setting_can_be_given_in_compose(service: str) -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    given = compose["services"][service]["environment"].keys()
    # REDIS_URL is there instead of the one; the gateway asks a container by its address, not by a socket.
    wanted = {name.upper() for name in configuration.SERVICES[service].model_fields} - {"REDIS_SERVICE", "UNIX_SOCKET"}
    assert wanted <= given, wanted - given


@pytest.mark.parametrize(
    "page",
    [*sorted(ROOT.glob("docs/*.md")), ROOT / "README.md", *sorted(ROOT.glob("examples/*/README.md"))],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name}: {target}"
