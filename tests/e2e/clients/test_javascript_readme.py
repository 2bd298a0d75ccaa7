"""clients/js/README.md: every program in it runs, against a running system."""

import os
import re
import shutil
from pathlib import Path

import pytest

from tests.processes.system import System
from tests.support.javascript import SOURCE
from tools.node import node

PAGE = (SOURCE / "README.md").read_text()
PROGRAMS = re.findall(r"```js\n(.+?)\n```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def here(system: System, installed: Path, photos: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of somebody who reads the page, beside a system that has what the page speaks of."""
    folder = tmp_path_factory.mktemp("reader")
    shutil.copytree(installed, folder, dirs_exist_ok=True)
    (folder / "cat.jpg").write_bytes(photos["china.jpg"])
    answer = system.api.post(
        "/file?wait=facts&on_conflict=replace",
        files={"file": ("cat.jpg", photos["china.jpg"])},
        data={"namespace": "DEV", "destination": "shop", "alt": "A cat"},
    )
    assert answer.status_code == 200, answer.text
    return folder


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: re.findall(r"\w+", program)[1])
def test_a_program_of_the_readme_runs(program: str, system: System, here: Path) -> None:
    of_here = program.replace("localhost:3001", f"localhost:{system.ports.api}")
    (here / "program.js").write_text(shown(of_here))
    node("program.js", cwd=here, environment={"MEDIA_TOKEN": os.environ.get("MEDIA_TOKEN", "")})


def shown(program: str) -> str:
    """Return a program that fails where the comment behind an expression is not its value."""
    checked = re.sub(
        r"^((?:url|html)\(.+?\))\n// ([^\n]+)$",
        lambda match: f"check({match[1].rstrip()}, {match[2]!r})",
        program,
        flags=re.DOTALL | re.MULTILINE,
    )
    return f"""{checked}
        function check(value, shown) {{
            const pattern = shown.split('…').map(RegExp.escape).join('.+')
            if (!RegExp(`^${{pattern}}$`).test(value)) throw new Error(`${{value}} is not ${{shown}}`)
        }}
    """


def test_the_page_shows_programs() -> None:
    assert len(PROGRAMS) == 5
