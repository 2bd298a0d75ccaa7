"""docs/api.md: every request in it is made, in its order, and every answer compared."""

import json
import re
import shlex
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from services.catalog.operations import operations
from services.catalog.operations.routing import template
from services.catalog.settings import CatalogSettings
from tests.processes.system import System
from tests.support.waits import wait_until
from tools.stack.plan import ROOT

ANYTHING = "…"
"""Stands in an answer for what is another each time: dates, keys, the rest of a long list."""
PAGE = ROOT / "docs" / "api.md"
_EXAMPLE = re.compile(r"```\n\$ (curl .+?)\n```\n+```(?:json|http)\n(.+?)\n```", re.DOTALL)


def examples() -> list[tuple[str, Any]]:
    """Return the requests of the page with the answers it shows."""
    return [
        (command.replace("\\\n", " "), headers_of(answer) if answer.startswith("HTTP/") else json.loads(answer))
        for command, answer in _EXAMPLE.findall(PAGE.read_text())
    ]


def test_every_request_is_answered_as_shown(
    make_system: Callable[..., System], photos: dict[str, bytes], tmp_path: Path
) -> None:
    signing = {"SIGNED_URLS": "true", "URL_SIGNING_KEYS": "k" * 32}
    undo = {"TRASH_DAYS": "30", "KEEP_VERSIONS": "2"}
    system = make_system(NAMESPACES_ALLOWED="DEV,PROD", OUTWARD_ALLOWED="localhost", **undo, **signing)
    for name, photo in (("cat.jpg", "china.jpg"), ("dog.jpg", "flower.jpg"), ("fox.png", "astronaut.png")):
        (tmp_path / name).write_bytes(photos[photo])
    stored = system.stack.data / "storage" / "DEV" / "stored.webp"
    stored.parent.mkdir(parents=True)
    stored.write_bytes(photos["coffee.png"])
    assert len(examples()) > 15
    known: dict[str, str] = {}
    for command, shown in examples():
        here = command.replace("localhost:3001", f"localhost:{system.ports.api}")
        here = here.replace("localhost:8082", f"localhost:{system.ports.upload}")
        for name, real in known.items():
            here = here.replace(name, real)
        if " http://localhost:3001/jobs/sync-" in command:
            wait_until(partial(has_ended, system, known))
        done = subprocess.run([*shlex.split(here), "-s"], cwd=tmp_path, capture_output=True, text=True, check=True)
        said = done.stdout.replace(f"localhost:{system.ports.upload}", "localhost:8082")
        said = said.replace(f"localhost:{system.ports.edge}", "localhost:8080")
        answer = headers_of(said) if said.startswith("HTTP/") else json.loads(said)
        known |= named_by_the_service(shown, answer)
        for name, real in known.items():
            answer = json.loads(json.dumps(answer).replace(real, name))
        assert matches(shown, answer), f"{command}\n{json.dumps(answer, indent=2)}"


def headers_of(answer: str) -> dict[str, str]:
    """Return the head of an answer without a body. The page shows the headers that matter."""
    status, *lines = answer.strip().splitlines()
    pairs = (line.partition(": ") for line in lines if line.strip())
    return {ANYTHING: ANYTHING, "status": status.strip(), **{name.lower(): value.strip() for name, _, value in pairs}}


def named_by_the_service(shown: Any, answer: Any) -> dict[str, str]:
    """Return what the page calls the job, the dump, the webhook, the deletion, the ticket, the archive or the
    upload that was just made."""
    if "location" in shown:
        return {shown["location"]: answer["location"]}
    if isinstance(shown, dict) and shown.get("data") and "ticket" in shown["data"][0]:
        return {shown["data"][0]["ticket"]: answer["data"][0]["ticket"]}
    if isinstance(shown, dict) and shown.get("data") and "count" in shown["data"][0]:
        return {shown["data"][0]["url"]: answer["data"][0]["url"]}
    if "timestamp" in shown:
        return {shown["timestamp"]: answer["timestamp"]}
    if isinstance(shown, dict) and shown.get("data") and "asked_by" in shown["data"][0]:
        return {shown["data"][0]["id"]: answer["data"][0]["id"]}
    if isinstance(shown, dict) and shown.get("data") and "trash" in shown["data"][0]:
        return {shown["data"][0]["trash"]["id"]: answer["data"][0]["trash"]["id"]}
    if isinstance(shown, dict) and shown.get("data") and "secret" in shown["data"][0]:
        return {shown["data"][0]["id"]: answer["data"][0]["id"]}
    return {}


def has_ended(system: System, known: dict[str, str]) -> bool:
    [job_id] = [real for real in known.values() if real.startswith("sync-")]
    return bool(system.api.get(f"/jobs/{job_id}").json()["data"][0]["status"] == "done")


def matches(shown: Any, answer: Any) -> bool:
    """Say whether an answer is what is shown, ANYTHING left open."""
    if shown == ANYTHING:
        return True
    if isinstance(shown, dict) and isinstance(answer, dict):
        left_open = shown.get(ANYTHING) == ANYTHING
        named = {key: value for key, value in shown.items() if key != ANYTHING}
        if not left_open and named.keys() != answer.keys():
            return False
        return all(key in answer and matches(value, answer[key]) for key, value in named.items())
    if isinstance(shown, list) and isinstance(answer, list):
        return len(shown) == len(answer) and all(map(matches, shown, answer))
    return bool(shown == answer)


def test_every_route_has_an_example() -> None:
    shown = {
        (_method(command), _template(re.findall(r"localhost:(?:3001|8082)([^?\s'\"]+)", command)[0]))
        for command, _ in examples()
    }
    described = {
        (operation.method, template(operation.path))
        for operation in operations(CatalogSettings())
        if operation.document is not None and not operation.path.startswith("/direct/tus")  # As /tus, with a ticket.
    }
    assert described - shown == {("GET", "/openapi.json"), ("GET", "/api-docs"), ("GET", "/library")}


def _template(path: str) -> str:
    for pattern, named in (
        (r"(get|restore)-dump/.+", r"\1-dump/{filename}"),
        (r"jobs/[^/]+", "jobs/{job}"),
        (r"tus/.+", "tus/{upload}"),
        (r"[0-9a-f-]{36}", "{uuid}"),
        (r"trash/[0-9]+", "trash/{id}"),
        (r"webhooks/[0-9a-f]{16}", "webhooks/{webhook}"),
        (r"versions/[0-9]+", "versions/{version}"),
    ):
        path = re.sub(pattern, named, path)
    return path


def _method(command: str) -> str:
    given = re.search(r"-X (\w+)", command)
    return given[1] if given else "POST" if " -F " in command else "HEAD" if " -sI " in command else "GET"
