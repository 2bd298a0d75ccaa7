"""Tokens and keys are where they are needed, and nowhere else; and every answer says how it may be used."""

import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.processes.s3_server import KEYS, S3Server
from tests.processes.system import System
from tests.support.pdfs import pdf
from tools.stack.plan import ROOT

SECRETS = {
    "MEDIA_TOKEN": "token-of-everything-1f2e3d",
    "MEDIA_TOKENS": "",
    "URL_SIGNING_KEYS": "signing-key-" + "5a" * 16,
    "TICKET_KEYS": "key-of-tickets-" + "7b" * 16,
}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, s3_server: S3Server) -> Iterator[System]:
    """A system with every secret that there is, on S3."""
    s3_server.empty()
    system = System(tmp_path_factory.mktemp("guarded"), {**s3_server.environment(), **SECRETS})
    try:
        system.start()
        yield system
    finally:
        system.stop()


def secrets_of(system: System) -> set[str]:
    """Return everything that nobody may read who has not been given it."""
    purge_token = system.environment("jobs")["PURGE_TOKEN"]
    assert len(purge_token) > 30
    return {*filter(None, SECRETS.values()), purge_token, KEYS.secret}


def test_no_secret_is_in_an_answer_a_log_or_a_list_of_processes(guarded: System, photos: dict[str, bytes]) -> None:
    token = SECRETS["MEDIA_TOKEN"]
    own = {"Authorization": f"Bearer {token}"}
    form: dict[str, Any] = {"files": {"file": ("a.jpg", photos["china.jpg"])}, "data": {"namespace": "DEV"}}
    answers = [
        guarded.api.post("/file", headers=own, **form),
        guarded.api.post("/file", headers=own, **form),
        guarded.api.post("/file", headers={"Authorization": f"Bearer {token}x"}, **form),
        # A token where it does not belong.
        guarded.api.post("/file", headers={"Cookie": f"token={token}", "X-Token": token, "Referer": token}, **form),
        guarded.api.post("/catalog/create-dump", headers=own),
        guarded.api.post("/tickets", headers=own, json={"namespace": "DEV"}),
        guarded.uploads.post("/direct?ticket=t1.guess", **form),
        guarded.api.get("/jobs", headers=own),
        guarded.api.get("/readiness-check"),
        guarded.api.get("/openapi.json"),
        guarded.edge.get("/assets/media/full/DEV/a.webp"),
        guarded.edge.get("/assets/media/full/DEV/a.webp?signature=guess&expires=1"),
        guarded.edge.get("/purge/assets/media/full/DEV/a.webp", headers={"X-Purge-Token": "guess"}),
    ]
    assert answers[0].status_code == 200, answers[0].text
    guarded.kill("redis")
    answers += [guarded.api.post("/file", headers=own, **form), guarded.api.get("/readiness-check")]
    guarded.start("redis")
    lines = [
        (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        for process in Path("/proc").iterdir()
        if process.name.isdecimal()
        and str(guarded.folder).encode() in readable(process / "environ") + readable(process / "cmdline")
    ]
    assert len(lines) >= 5, "the services and both tiers are among them"
    logs = {path.name: path.read_text() for path in guarded.folder.glob("*.log")}
    assert {"catalog.log", "transform.log", "jobs.log", "redis.log", "nginx-edge.log", "nginx-cache.log"} <= logs.keys()
    for secret in secrets_of(guarded):
        assert not [answer.request.url for answer in answers if secret in answer.text + str(answer.headers)]
        assert not [line for line in lines if secret in line]
        assert not [name for name, text in logs.items() if secret in text]


def readable(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""


def test_files_with_secrets_are_for_their_owner_alone(guarded: System) -> None:
    secrets = secrets_of(guarded)
    holding = [
        path
        for path in guarded.stack.data.rglob("*")
        if path.is_file() and any(secret.encode() in path.read_bytes() for secret in secrets)
    ]
    assert {path.name for path in holding} == {"common.conf"}, "the purge token, and nothing else on any disk"
    for path in holding:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_settings_do_not_show_what_is_secret(guarded: System) -> None:
    """Whatever a traceback or a debugger prints of them."""
    from services.catalog.settings import CatalogSettings
    from services.transform.settings import TransformSettings

    names = ("MEDIA_TOKEN", "TICKET_KEYS", "URL_SIGNING_KEYS")
    catalog = CatalogSettings(**{name.lower(): SECRETS[name] for name in names})  # type: ignore[arg-type]
    shown = repr(catalog) + repr(TransformSettings(url_signing_keys=SECRETS["URL_SIGNING_KEYS"], signed_urls=True))
    for name in names:
        assert SECRETS[name] not in shown


def test_no_secret_is_in_the_repository() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for folder in ("services", "gateway", "tools", "charts", "docs", "examples")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix not in (".webp", ".pyc", ".svg")
        for match in re.finditer(
            r"-----BEGIN [A-Z ]*PRIVATE KEY|AKIA[0-9A-Z]{16}|ghp_[A-Za-z0-9]{30}", path.read_text(errors="replace")
        )
    ]
    assert not found


@pytest.mark.parametrize("tier", ["edge", "api"])
def test_every_kind_of_answer_has_the_headers_that_keep_it_harmless(
    system: System, photos: dict[str, bytes], name: str, tier: str
) -> None:
    client: httpx.Client = getattr(system, tier)
    system.upload(f"{name}.jpg", photos["china.jpg"])
    system.upload(f"{name}-svg.svg", b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>")
    system.upload(f"{name}-pdf.pdf", pdf("nothing"))
    asset = f"/assets/media/original/DEV/{name}"
    answers = {
        "picture": client.get(f"{asset}.jpg"),
        "svg": client.get(f"{asset}-svg.svg"),
        "pdf": client.get(f"{asset}-pdf.pdf"),
        "part": client.get(f"{asset}.jpg", headers={"Range": "bytes=0-9"}),
        "redirect": client.get(f"{asset}.webp"),
        "unchanged": client.get(f"{asset}.jpg", headers={"If-None-Match": "*"}),
        "out of range": client.get(f"{asset}.jpg", headers={"Range": "bytes=99999999-"}),
        "not there": client.get(f"{asset}-none.jpg"),
        "too large": client.get(f"/assets/media/optimise/99999x0/DEV/{name}.webp"),
        "no size": client.get(f"/assets/media/optimise/axb/DEV/{name}.webp"),
        "list": client.get("/catalog"),
        "nothing": client.get("/nothing.html"),
        "purge": client.get(f"/purge{asset}.jpg"),
        "method": client.request("PUT", "/catalog"),
    }
    for kind, answer in answers.items():
        headers = answer.headers
        assert kind == "unchanged" or headers["x-content-type-options"] == "nosniff", kind
        assert headers["server"] == "nginx", kind
        for telling in ("x-powered-by", "via", "set-cookie", "x-accel-expires", "x-edge-expires", "x-generation"):
            assert telling not in headers or (tier, telling) == ("api", "x-accel-expires"), (kind, telling)
        # No page of another origin may act in the name of its visitor.
        assert "access-control-allow-credentials" not in headers, kind
        if answer.status_code >= 400:
            assert headers["content-type"] == "application/json", kind
    for kind in ("svg", "pdf"):
        assert "sandbox" in answers[kind].headers["content-security-policy"], kind
