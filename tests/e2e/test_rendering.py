"""What render.py makes of the nginx templates, and what the image's entrypoint makes of render.py."""

import ast
import os
import re
import subprocess
from pathlib import Path

import pytest

from gateway.nginx import render
from tools.stack.plan import ROOT, TEMPLATES, modules_folder

TOKEN = "0123456789abcdef"


@pytest.mark.parametrize("tier", ["edge", "cache"])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"API_PREFIX": "/prefix"},
        {"API_PREFIX": "/a/b/", "ROUTE_FILE_GET": "/pictures/", "ROUTE_CATALOG_GET": "/list"},
        {"ORIGINS_ALLOWED": "localhost,https://cms.example-site.com, shop.example.com:8443"},
        {"LOG_FORMAT": "text", "ORIGINS_ALLOWED": "localhost,*", "FORMAT_NEGOTIATION": "true", "SIGNED_URLS": "true"},
    ],
    ids=str,
)
def test_nginx_takes_what_is_rendered_and_no_placeholder_is_left(
    tmp_path: Path, tier: str, settings: dict[str, str]
) -> None:
    places = {name: str(tmp_path / name) for name in ("RUN_DIR", "TEMP_DIR", "CACHE_DIR", "GENERATIONS_FILE")}
    main = render.render(
        {
            **places,
            "TIER": tier,
            "PURGE_TOKEN": TOKEN,
            "CACHE_MAX_SIZE": "1g",
            "MODULES_DIR": modules_folder(),
            "EDGE_LISTEN": "127.0.0.1:18080",
            "CACHE_LISTEN": "127.0.0.1:18081",
            "API_LISTEN": "127.0.0.1:13001",
            "UPLOAD_LISTEN": "127.0.0.1:18083",
            "CACHE_SERVERS": render.servers(["127.0.0.1:18081", "127.0.0.1:18082"]),
            "CATALOG_SERVERS": "server 127.0.0.1:13010;",
            "TRANSFORM_SERVERS": "server 127.0.0.1:13020;",
            "TEMPLATES_DIR": str(TEMPLATES),
            "LUA_DIR": str(TEMPLATES),
            "GATEWAY_PATIENCE": "7",
            "DOCS_DIR": "/opt/tada docs",
            "METRICS_LISTEN": "127.0.0.1:19145",
            **settings,
        }
    )
    assert main == tmp_path / "RUN_DIR" / f"{tier}.conf"
    names = {file.name.removesuffix(".template") for file in TEMPLATES.glob("*.template")}
    assert {file.name for file in main.parent.iterdir()} == names - {"edge.conf", "cache.conf"} | {main.name}
    for file in main.parent.iterdir():
        assert "${" not in re.sub(r"\$\{[a-z_]+\}", "", file.read_text()), file.name
        assert file.stat().st_mode & 0o777 == 0o600, "it holds the purge token"
    nginx = subprocess.run(
        ["nginx", "-t", "-c", main], capture_output=True, text=True, env={"PATH": f"{os.environ['PATH']}:/usr/sbin"}
    )
    assert nginx.returncode == 0, nginx.stderr


@pytest.mark.parametrize(
    ("given", "origins", "others"),
    [
        ("", "-", "*"),
        ("localhost,*", "-", "*"),
        (",", "-", ""),
        ("localhost", r"https?://localhost(?::[0-9]+)?", ""),
        ("https://cms.example-site.com/, a:8443 ", r"https://cms\.example\-site\.com|https?://a:8443(?::[0-9]+)?", ""),
        ("http://[::1]:80", r"http://\[::1\]:80", ""),
    ],
)
def test_an_origin_without_a_scheme_stands_for_any_scheme_and_port(given: str, origins: str, others: str) -> None:
    settings = render.read({"TIER": "edge", "PURGE_TOKEN": TOKEN, "ORIGINS_ALLOWED": given})
    found = render.placeholders(settings)
    assert (found["CORS_ORIGINS"], found["CORS_OTHERS"]) == (origins, others)


def test_a_file_stands_in_for_the_token(tmp_path: Path) -> None:
    (tmp_path / "purge_token").write_text(f"{TOKEN}-of-a-file\n")
    settings = {"TIER": "edge", "SECRETS_FOLDER_PATH": f"/nonexistent,{tmp_path}"}
    assert render.placeholders(render.read(settings))["PURGE_TOKEN"] == f"{TOKEN}-of-a-file"
    assert render.placeholders(render.read({**settings, "PURGE_TOKEN": TOKEN}))["PURGE_TOKEN"] == TOKEN


def test_the_program_needs_no_more_of_the_standard_library_than_its_image_has() -> None:
    # Debian's python3-minimal lacks modules such as dataclasses, shutil and http.
    tree = ast.parse((TEMPLATES / "render.py").read_text())
    modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    modules |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert modules == {"os", "re", "sys", "collections.abc", "pathlib"}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"PURGE_TOKEN": ""}, "PURGE_TOKEN"),
        ({"PURGE_TOKEN": "short"}, "PURGE_TOKEN"),
        ({"PURGE_TOKEN": TOKEN, "TIER": "middle"}, "TIER"),
        ({"PURGE_TOKEN": TOKEN, "API_PREFIX": "no slash"}, "API_PREFIX"),
        ({"PURGE_TOKEN": TOKEN, "ROUTE_FILE_GET": "/a b"}, "ROUTE_FILE_GET"),
        ({"PURGE_TOKEN": TOKEN, "ORIGINS_ALLOWED": '";}'}, "ORIGINS_ALLOWED"),
        ({"PURGE_TOKEN": TOKEN, "FORMAT_NEGOTIATION": "perhaps"}, "FORMAT_NEGOTIATION"),
        ({"PURGE_TOKEN": TOKEN, "SIGNED_URLS": "1"}, "SIGNED_URLS"),
        ({"PURGE_TOKEN": TOKEN, "LOG_FORMAT": "xml"}, "LOG_FORMAT"),
        ({"PURGE_TOKEN": TOKEN, "GATEWAY_PATIENCE": "1m"}, "GATEWAY_PATIENCE"),
        ({"PURGE_TOKEN": TOKEN, "GATEWAY_PATIENCE": "-1"}, "GATEWAY_PATIENCE"),
        ({"PURGE_TOKEN": TOKEN, "METRICS_LISTEN": "9145"}, "METRICS_LISTEN"),
        ({"PURGE_TOKEN": TOKEN, "METRICS_LISTEN": "127.0.0.1:8080"}, "METRICS_LISTEN"),
        ({"PURGE_TOKEN": TOKEN, "TIER": "cache", "UPLOAD_LISTEN": "0.0.0.0:3001"}, "UPLOAD_LISTEN"),
        ({"PURGE_TOKEN": TOKEN, "DOCS_DIR": "site"}, "DOCS_DIR"),
        ({"PURGE_TOKEN": TOKEN, "DOCS_DIR": '/a";return 200 "'}, "DOCS_DIR"),
        ({"PURGE_TOKEN": TOKEN, "GENERATIONS_FILE": "/var/cache/tada/store/x"}, "GENERATIONS_FILE"),
    ],
)
def test_a_setting_that_cannot_be_stops_the_gateway_with_its_name(
    tmp_path: Path, settings: dict[str, str], said: str
) -> None:
    environment = {"PATH": os.environ["PATH"], "TIER": "edge", "RUN_DIR": str(tmp_path), "TEMP_DIR": str(tmp_path)}
    ended = subprocess.run(
        [ROOT / "gateway/nginx/entrypoint.sh"], capture_output=True, text=True, env={**environment, **settings}
    )
    assert ended.returncode == 2
    assert said in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def started(tmp_path: Path, nginx: str = "", **settings: str) -> "subprocess.CompletedProcess[str]":
    """Run the edge's entrypoint up to its end, where a script stands in for the nginx that it becomes."""
    stand_in = tmp_path / "bin" / "nginx"
    stand_in.parent.mkdir()
    stand_in.write_text(f"#!/bin/sh\n{nginx}\n")
    stand_in.chmod(0o755)
    return subprocess.run(
        [ROOT / "gateway/nginx/entrypoint.sh"],
        check=True,
        capture_output=True,
        text=True,
        env={
            "PATH": f"{stand_in.parent}:{os.environ['PATH']}",
            "TIER": "edge",
            "TEMPLATES_DIR": str(TEMPLATES),
            "PURGE_TOKEN": TOKEN,
            **{name: str(tmp_path / name) for name in ("RUN_DIR", "TEMP_DIR", "CACHE_DIR", "GENERATIONS_FILE")},
            **settings,
        },
    )


@pytest.mark.parametrize(
    ("settings", "listens"), [({}, True), ({"METRICS_LISTEN": ""}, False), ({"METRICS_LISTEN": "off"}, False)], ids=str
)
def test_the_port_for_metrics_is_there_unless_it_is_said_not_to_be(
    tmp_path: Path, settings: dict[str, str], listens: bool
) -> None:
    started(tmp_path, **settings)
    assert ("include metrics.conf;" in (tmp_path / "RUN_DIR" / "edge.conf").read_text()) == listens
    assert not listens or "listen 0.0.0.0:9145;" in (tmp_path / "RUN_DIR" / "metrics.conf").read_text()


@pytest.mark.parametrize("secret", ["signature", "ticket"])
def test_signatures_and_tickets_are_taken_out_of_what_nginx_says(tmp_path: Path, secret: str) -> None:
    said = f'connect() failed, request: "GET /a.webp?width=5&{secret}={{}}&expires=9 HTTP/1.1"'
    ended = started(tmp_path, f"echo '{said.format('abc123')}' >&2")
    assert ended.stderr.strip() == said.format("-")
