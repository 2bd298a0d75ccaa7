"""clients/php/README.md: every program in it runs, against a running system. And what a service that is away means."""

import json
import os
import re
from pathlib import Path

import pytest

from tests.processes.system import System
from tests.support.php import LIBRARY, needed, php

pytestmark = needed

PROGRAMS = [
    text for text in re.findall(r"```php\n(.+?)\n```", (LIBRARY / "README.md").read_text(), re.DOTALL) if "use " in text
]


@pytest.fixture(scope="module")
def here(system: System, photos: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of somebody who reads the page, beside a system that has what the page speaks of."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / "cat.jpg").write_bytes(photos["china.jpg"])
    answer = system.api.post(
        "/file?wait=facts&on_conflict=replace",
        files={"file": ("cat.jpg", photos["china.jpg"])},
        data={"namespace": "DEV", "destination": "shop", "alt": "A cat"},
    )
    assert answer.status_code == 200, answer.text
    return folder


@pytest.mark.parametrize("program", PROGRAMS, ids=["addresses", "pictures", "signatures", "uploads"])
def test_a_program_of_the_readme_prints_what_it_shows(program: str, system: System, here: Path) -> None:
    printed = run(program.replace("localhost:3001", f"localhost:{system.ports.api}"), here)
    printed = printed.replace(f"localhost:{system.ports.edge}", "localhost:8080")
    shown = re.findall(r"^ *echo .+\n *// (.+)$", program, re.MULTILINE)
    assert len(shown) == len(printed.splitlines()) > 0, printed
    for line, wanted in zip(printed.splitlines(), shown, strict=True):
        assert re.fullmatch(".+".join(map(re.escape, wanted.split("…"))), line), (line, wanted)


def run(program: str, folder: Path) -> str:
    """Run a program of the page, with a line for each thing that it prints."""
    lines = re.sub(r"^( *)(echo .+;)$", r'\1\2 echo "\\n";', program, flags=re.MULTILINE)
    (folder / "program.php").write_text(f"<?php\nrequire '{LIBRARY}/autoload.php';\n{lines}\n")
    return php("program.php", cwd=folder, environment={"MEDIA_TOKEN": os.environ.get("MEDIA_TOKEN", "")})


def test_a_service_that_is_away_is_said(here: Path) -> None:
    program = """
use Tada\\Media\\{Client, Retries, TadaError};
try {
    (new Client('http://127.0.0.1:9', retries: Retries::never()))->upload('cat.jpg');
} catch (TadaError $error) {
    echo json_encode([$error->errorCode, $error->status, $error->sent, $error->isPassing()]);
}"""
    assert run(program, here) == '["not_reached",0,false,true]\n'


def test_a_name_with_quotes_and_accents_arrives(system: System, here: Path) -> None:
    program = f"""
use Tada\\Media\\{{Client, File}};
$media = new Client('http://127.0.0.1:{system.ports.api}', namespace: 'DEV');
$entry = $media->upload(File::at('cat.jpg', 'Élan "1".jpg'), ['title' => "a\\"b\\r\\nc <é>"], 'php');
echo json_encode([$entry['original_filename'], $entry['title'], $media->delete($entry['uuid'])]);"""
    name, title, deleted = json.loads(run(program, here))
    assert deleted is True
    assert title == 'a"b\r\nc <é>'
    assert name.startswith("Elan"), name
