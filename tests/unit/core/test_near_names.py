import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.nginx import render
from services.catalog.settings import CatalogSettings
from services.core.near_names import nearest
from services.core.older_names import OLDER_NAMES
from services.core.secret_files import FOLDERS
from services.core.settings import CoreSettings
from services.core.unread import GATEWAY, Unread, unread
from services.jobs.settings import JobsSettings
from services.transform.settings import TransformSettings
from tools.stack import variables
from tools.stack.plan import ROOT

SERVICES = (CatalogSettings, TransformSettings, JobsSettings)
SETTINGS = {name.upper() for kind in SERVICES for name in kind.model_fields}
EVERY_NAME = SETTINGS | {*render.DEFAULTS, *variables.OWN, FOLDERS, *(older.name for older in OLDER_NAMES)}
KNOWN = sorted(EVERY_NAME)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("NAMESPACE_ALLOWED", "NAMESPACES_ALLOWED"),
        ("ALLOWED_NAMESPACES", "NAMESPACES_ALLOWED"),
        ("NAMESPACE", "NAMESPACES_ALLOWED"),
        ("PUBLIC_URI", "PUBLIC_URL"),
        ("PUBLCI_URL", "PUBLIC_URL"),
        ("MEDIA_TOCKEN", "MEDIA_TOKEN"),
        ("S3_BUCKET", "S3_BUCKET_NAME"),
        ("ORIGIN_ALLOWED", "ORIGINS_ALLOWED"),
        ("FORMAT_NEGOTATION", "FORMAT_NEGOTIATION"),
        ("SECRET_FOLDER_PATH", "SECRETS_FOLDER_PATH"),
    ],
)
def test_a_near_miss_is_named_with_what_is_meant(written: str, meant: str) -> None:
    assert unread({written: "value"}, CatalogSettings) == [Unread(written, f"If {meant} is meant, rename it.")]


def test_the_service_that_reads_a_setting_knows_its_near_misses() -> None:
    assert unread({"DUMPS_KEPPT": "3"}, CatalogSettings) == []
    [found] = unread({"DUMPS_KEPPT": "3"}, JobsSettings)
    assert found.advice == "If DUMPS_KEPT is meant, rename it."


@pytest.mark.parametrize("written", ["HOSTNAME", "PATH", "LANG", "REDIS_HOST", "REDIS_PORT_6379_TCP", "PYTHON_VERSION"])
def test_what_other_programs_read_is_no_near_miss(written: str) -> None:
    assert [found for kind in SERVICES for found in unread({written: "value"}, kind)] == []


@pytest.mark.parametrize("kind", SERVICES, ids=lambda kind: kind.service)
def test_no_name_that_anything_here_reads_is_taken_for_another(kind: type[CoreSettings]) -> None:
    """All of them may be in one environment."""
    environment = dict.fromkeys(EVERY_NAME - {older.name for older in OLDER_NAMES} | SETTINGS, "value")
    assert unread(environment, kind) == []
    assert variables.near_misses(dict.fromkeys(EVERY_NAME, "value")) == {}


def test_the_names_of_the_gateway_are_those_that_it_reads() -> None:
    assert set(render.DEFAULTS) > GATEWAY


def test_an_empty_variable_is_none() -> None:
    assert unread({"NAMESPACE_ALLOWED": ""}, CatalogSettings) == []


@given(st.sampled_from(KNOWN), st.data())
def test_a_swap_of_two_letters_of_a_long_name_is_seen(name: str, data: st.DataObject) -> None:
    if len(name) < 6:
        assert nearest(name, [name]) is None
        return
    at = data.draw(st.integers(0, len(name) - 2))
    swapped = name[:at] + name[at + 1] + name[at] + name[at + 2 :]
    assert nearest(swapped, [name]) == name


@given(st.text(alphabet="ABCDE_", max_size=14), st.text(alphabet="ABCDE_", max_size=14))
def test_it_is_no_matter_which_of_two_names_is_the_known_one_if_both_are_as_long(one: str, other: str) -> None:
    length = min(len(one), len(other))
    one, other = one[:length], other[:length]
    assert (nearest(one, [other]) == other) is (nearest(other, [one]) == one)


def test_two_that_are_as_near_are_not_guessed_at() -> None:
    assert nearest("ROUTE_FILLE", ["ROUTE_FILES", "ROUTE_FILED"]) is None


UP_TO_ITS_WORK = """
import runpy, sys
from services.core.serving import server
from services.jobs import service
async def nothing(*_): ...
server.serve, service.run = lambda *_: None, nothing
runpy.run_module(sys.argv.pop(), run_name="__main__")
"""


@pytest.mark.parametrize(
    ("service", "names"),
    [
        ("catalog", ["SAVE_ORIGINAL_FILE", "NAMESPACE_ALLOWED"]),
        ("transform", ["NAMESPACE_ALLOWED"]),
        ("jobs", ["NAMESPACE_ALLOWED"]),
    ],
)
def test_a_service_says_it_at_its_start(service: str, names: list[str], tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "NAMESPACE_ALLOWED": "secret",
        "SAVE_ORIGINAL_FILE": "false",
        "MEDIA_TOKEN": "x",
        "PURGE_TOKEN": "token-of-the-tests",
        "LOG_FORMAT": "text",
        "DATA_FOLDER_PATH": str(tmp_path),
    }
    command = [sys.executable, "-c", UP_TO_ITS_WORK, f"services.{service}"]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
    lines = ended.stdout.splitlines()
    assert [line.split(" advice=")[0] for line in lines] == [
        f"warning: setting_not_read names={name}" for name in names
    ]
    assert "secret" not in ended.stdout
