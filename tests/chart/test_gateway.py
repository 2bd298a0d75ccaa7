"""The nginx configurations that the chart's pods run with, as nginx and a checker of such configurations read them."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.chart import TIERS, environment, render
from tools.stack.plan import ROOT, TEMPLATES, modules_folder

# What gixy finds and what was found out about it: the findings of a check that match, and why they stand.
JUDGED = {
    "ssrf": (r"\$cache_key", "begins with a slash whatever is asked, and follows the name of an upstream of ours"),
    "missing_resolver": (
        r"resolver",
        "the names are those of Services, whose addresses stay; nodes of the cache have one each",
    ),
    "add_header_redefinition": (r"Parent header", "an error is not what was asked for, and has no headers of it"),
    "proxy_pass_normalized": (
        r"path after the host",
        "the path is ours; at most a name of letters and digits is asked",
    ),
    "hash_without_default": (r"\$asset_vary", "made of two variables of two values each, all four of which are there"),
}

VALUES: list[dict[str, Any]] = [
    {},
    {
        "settings": {"FORMAT_NEGOTIATION": True, "SIGNED_URLS": True},
        "mediaApi.apiPrefix": "/prefix",
        "mediaApi.routes.file.get": "/pictures/",
        "mediaApi.originsAllowed": "localhost,https://cms.example.com",
        "cache.replicas": 3,
        "uploadEntry.enabled": True,
    },
    {"settings": {"FORMAT_NEGOTIATION": True}},
    {"settings": {"SIGNED_URLS": True}, "cache.replicas": 3, "cache.used": 2},
]


@pytest.fixture(scope="module", params=[(tier, values) for tier in TIERS for values in VALUES], ids=str)
def configuration(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the main file of what the container's own program renders in a pod of the chart."""
    tier, values = request.param
    folder = tmp_path_factory.mktemp(tier)
    # The names of Services are known in a cluster only; an address for each is as good for nginx.
    known = {
        name: re.sub(
            r"\btada-[a-z]+(-(?P<node>\d))?(?=:\d)", lambda match: f"127.0.0.{1 + int(match['node'] or 0)}", value
        )
        for name, value in environment(render(values), tier).items()
        if isinstance(value, str)
    }
    # At its end the program becomes nginx; something of that name lets it come that far.
    stand_in = folder / "bin" / "nginx"
    stand_in.parent.mkdir()
    stand_in.write_text("#!/bin/sh\n")
    stand_in.chmod(0o755)
    places = {name: str(folder / name.lower()) for name in ("RUN_DIR", "TEMP_DIR", "CACHE_DIR", "GENERATIONS_FILE")}
    subprocess.run(
        [ROOT / "gateway/nginx/entrypoint.sh"],
        check=True,
        env={
            "PATH": f"{stand_in.parent}:{os.environ['PATH']}",
            "TEMPLATES_DIR": str(TEMPLATES),
            "LUA_DIR": str(TEMPLATES),
            "MODULES_DIR": modules_folder(),
            "PURGE_TOKEN": "p" * 16,
            **places,
            **known,
        },
    )
    return Path(places["RUN_DIR"]) / f"{tier}.conf"


def test_nginx_takes_the_configuration(configuration: Path) -> None:
    path = f"{os.environ['PATH']}:/usr/sbin"
    ended = subprocess.run(["nginx", "-t", "-c", configuration], capture_output=True, text=True, env={"PATH": path})
    assert ended.returncode == 0, ended.stderr
    assert "warn" not in ended.stderr


def test_gixy_finds_nothing_that_was_not_judged(configuration: Path, tmp_path: Path) -> None:
    # To it, what comes out of a program may be anything. The key is the canonical form or nothing: it can look there.
    shutil.copytree(configuration.parent, tmp_path, dirs_exist_ok=True)
    read = tmp_path / configuration.name
    text, count = re.subn(
        r"set_by_lua_block \$cache_key \{ return generations\.key\(.*\) \}",
        "set $cache_key $canonical_form;",
        configuration.read_text(),
    )
    assert count
    read.write_text(text)
    command = [str(Path(sys.executable).parent / "gixy"), "--level", "--format", "json", str(read)]
    found = json.loads(subprocess.run(command, capture_output=True, text=True).stdout)
    assert found, "it has read nothing"
    for each in found:
        pattern, _ = JUDGED.get(each["plugin"], ("(?!)", ""))
        assert re.search(pattern, each["reason"]), f"{each['plugin']}: {each['reason']} ({each['file']}:{each['line']})"


def test_the_keys_are_spread_among_the_nodes_of_the_cache_tier_by_both_tiers_alike() -> None:
    objects = render({"cache.replicas": 3})
    [servers] = {environment(objects, tier)["CACHE_SERVERS"] for tier in TIERS}
    assert re.findall(r"server (\S+)", servers) == [f"tada-cache-{number}:8081" for number in range(3)]
    assert servers.count("max_fails=0;") == 3, "none is left out for a while: all could be at once in an upgrade"
    told = environment(objects, "jobs")["NGINX_SERVICE"].split(",")
    assert told == [f"http://tada-cache-{number}:8081" for number in range(3)]


def test_a_node_that_gets_no_keys_yet_or_no_longer_is_told_of_changes_all_the_same() -> None:
    objects = render({"cache.replicas": 3, "cache.used": 2})
    for tier in TIERS:
        assert environment(objects, tier)["CACHE_SERVERS"].count("server ") == 2
    assert environment(objects, "jobs")["NGINX_SERVICE"].count("http://") == 3
