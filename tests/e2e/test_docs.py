"""What the documents show is what happens."""

import io
import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from PIL import Image
from pydantic_settings import BaseSettings

from tests.processes.system import System
from tests.support.page_commands import Block, blocks, pages
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


def test_every_address_of_the_guide_to_pictures_is_answered(system: System, photos: dict[str, bytes]) -> None:
    guide = (ROOT / "docs/responsive-pictures.md").read_text()
    entry = system.upload("guide.jpg", photos["china.jpg"])
    assert (entry["width"], entry["height"]) == (640, 427) or entry["width"] is None
    addresses = re.findall(r"https://media\.example\.com(/assets/\S+?)[\s\"]", guide)
    assert len(addresses) > 9
    for address in addresses:
        answer = system.edge.get(address.replace("/DEV/cat.", "/DEV/guide."))
        assert answer.status_code == 200, address
        width = re.search(r"/(\d+)x\d+/", address)
        density = re.search(r"dpr=(\d)", address)
        assert width
        if "avif" not in address:
            shown = Image.open(io.BytesIO(answer.content)).width
            assert shown == min(640, int(width[1]) * int(density[1] if density else 1)), address


def test_the_internal_entry_has_the_documents(system: System) -> None:
    found = system.api.get("/docs/jobs", follow_redirects=True)
    assert (found.status_code, found.text) == (200, "<h1>Jobs</h1>")
    assert found.url.path == "/docs/jobs/"
    assert found.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in found.headers["content-security-policy"]
    assert system.api.get("/docs").headers["location"] == "/docs/"
    for path in ("/docs/other", "/docs/../services", "/docs/%2e%2e/%2e%2e/etc/passwd", "/docs/"):
        lost = system.api.get(path)
        assert lost.status_code in (400, 404), path
        assert lost.json()["errors"], path
    refused = system.api.post("/docs/jobs/")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
    assert refused.json()["problems"][0]["code"] == "method_not_allowed"
    beyond = system.api.get("/docs/jobs/", headers={"Range": "bytes=9999-"})
    assert (beyond.status_code, len(beyond.json()["errors"])) == (416, 1)
    assert system.edge.get("/docs/jobs/").status_code == 404


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
    [*sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("examples/*/README.md"))],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name}: {target}"


SHOWN = {page: found for page in pages() if (found := [block for block in blocks(page) if block.is_run_here])}


@pytest.mark.parametrize("page", SHOWN)
def test_the_commands_of_a_page_do_what_it_shows(
    page: str, system: System, photos: dict[str, bytes], tmp_path: Path
) -> None:
    """One shell runs them, in their order, beside what readers have: two photographs, and an asset that they know."""
    (tmp_path / "cat.jpg").write_bytes(photos["china.jpg"])
    (tmp_path / "dog.jpg").write_bytes(photos["flower.jpg"])
    for entry in system.api.get("/catalog").json():
        if entry["unique_name"] == "/DEV/cat.webp":
            system.api.delete(f"/file/{entry['uuid']}")
    before = {entry["uuid"] for entry in system.api.get("/catalog").json()}
    asset = system.upload("reader.png", photos["coffee.png"])
    environment = {
        **os.environ,
        "UUID": asset["uuid"],
        "MEDIA_TOKEN": "",
        "CURL_HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
    }
    (tmp_path / ".curlrc").write_text("fail-with-body\nsilent\nshow-error\n")
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    try:
        for block in SHOWN[page]:
            environment |= _run(block, system, tmp_path, environment)
    finally:
        for entry in system.api.get("/catalog").json():
            if entry["uuid"] not in before:
                system.api.delete(f"/file/{entry['uuid']}")


def _run(block: Block, system: System, folder: Path, environment: dict[str, str]) -> dict[str, str]:
    """Run the commands of a block, each with what was copied from the answers before. Return what was copied."""
    ports = {
        "localhost:3001": f"localhost:{system.ports.api}",
        "localhost:8080": f"localhost:{system.ports.edge}",
        "localhost:8082": f"localhost:{system.ports.upload}",
    }
    copied: dict[str, str] = {}
    for command, shown in block.steps():
        here = command
        for of_page, real in ports.items():
            here = here.replace(of_page, real)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", here],
            cwd=folder,
            env={**environment, **copied},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        where = f"{block.page}:{block.line}: {command}\n{done.stdout}{done.stderr}"
        assert done.returncode == 0, where
        said = done.stdout.replace("\r", "").strip()
        copied |= _copied(said)
        for of_page, real in ports.items():
            said = said.replace(real, of_page)
        assert _is_shown(said, shown.strip()), where
    return copied


def _is_shown(said: str, shown: str) -> bool:
    """Return whether a page shows what was said: nothing, some headers, or all of it but what `…` stands for."""
    if shown.startswith("HTTP/"):
        lines = {line.lower() for line in said.splitlines()}
        return all(line.lower() in lines for line in shown.splitlines())
    pattern = ".*".join(re.escape(part) for part in shown.split("…"))
    return not shown or bool(re.fullmatch(pattern, said, re.DOTALL))


def _copied(said: str) -> dict[str, str]:
    """Return what a reader copies from an answer, by the names that the pages give it."""
    patterns = {"UUID": r'"uuid": ?"([^"]+)"', "ID": r'"id": ?"([^"]+)"', "LOCATION": r"^location: (\S+)"}
    found = {name: re.search(pattern, said, re.MULTILINE) for name, pattern in patterns.items()}
    return {name: match[1] for name, match in found.items() if match}
