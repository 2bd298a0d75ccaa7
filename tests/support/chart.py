"""The chart as helm renders it. What is rendered twice is rendered once."""

import json
import subprocess
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from tools import programs
from tools.stack.plan import ROOT

CHART = ROOT / "charts" / "tada"
TOKENS = {"secrets": {"MEDIA_TOKEN": "m" * 16, "PURGE_TOKEN": "p" * 16}}
# Which need secrets beside them, and which name a Secret that has them.
VALUES_FILES = {"values.local.yaml": TOKENS, "values.s3.yaml": {}, "values.distant.yaml": {}}
SERVICES = ("catalog", "transform", "jobs")
TIERS = ("edge", "cache")

Object = dict[str, Any]
Values = Mapping[str, Any]
DEFAULTS: Values = MappingProxyType({})
Look = Callable[[list[Object]], Any]
"""Finds a value in what was rendered."""


class Refused(Exception):
    """helm does not render the chart with these values; says why."""


def run(*arguments: str | Path) -> str:
    """Run helm; raises Refused with what it says."""
    ended = subprocess.run([programs.path("helm"), *arguments], capture_output=True, text=True)
    if ended.returncode:
        raise Refused(ended.stderr + ended.stdout)
    return ended.stdout


@cache
def _template(values: str, file: str | None) -> str:
    chosen: list[str | Path] = ["-f", CHART / file] if file else []
    return run("template", "tada", CHART, *chosen, *_set(json.loads(values)))


def _set(values: Values) -> list[str]:
    return [argument for key, value in values.items() for argument in ("--set-json", f"{key}={json.dumps(value)}")]


def text(values: Values = DEFAULTS, *, file: str | None = None) -> str:
    """Return what helm renders from values, by their keys with dots, on top of a values file of the chart."""
    secrets = VALUES_FILES[file] if file else TOKENS
    return _template(json.dumps({**secrets, **values}), file)


def render(values: Values = DEFAULTS, *, file: str | None = None) -> list[Object]:
    """Return the objects."""
    return parsed(text(values, file=file))


@cache
def notes(file: Path) -> str:
    """Return what helm says after an installation with a values file."""
    return run("install", "media-release", CHART, "--dry-run=client", "-f", file).partition("\nNOTES:\n")[2]


def parsed(manifests: str) -> list[Object]:
    """Return what is in manifests. By the parser in C: the one in Python takes longer than helm."""
    return [found for found in yaml.load_all(manifests, yaml.CSafeLoader) if found]


def one(among: list[Object], kind: str, name: str) -> Object:
    """Return the object of a kind and a name."""
    [found] = [each for each in among if each["kind"] == kind and each["metadata"]["name"] == name]
    return found


def workloads(among: list[Object]) -> dict[str, Object]:
    """Return Deployments and StatefulSets by their component."""
    return {
        each["metadata"]["labels"]["app.kubernetes.io/component"]: each
        for each in among
        if each["kind"] in ("Deployment", "StatefulSet")
    }


def pod(among: list[Object], component: str) -> Object:
    """Return the specification of the pods of a component."""
    return workloads(among)[component]["spec"]["template"]["spec"]  # type: ignore[no-any-return]


def container(among: list[Object], component: str) -> Object:
    """Return the one container of a component."""
    [found] = pod(among, component)["containers"]
    return found  # type: ignore[no-any-return]


def environment(among: list[Object], component: str) -> dict[str, Any]:
    """Return the environment of a component: a text, or where it is taken from."""
    variables = container(among, component).get("env", [])
    names = [variable["name"] for variable in variables]
    assert len(names) == len(set(names)), f"a variable of {component} is set twice"
    return {variable["name"]: variable.get("value", variable.get("valueFrom")) for variable in variables}


def inside(found: Any, *path: str | int) -> Any:
    """Return what is at the end of a path."""
    for step in path:
        found = found[step]
    return found


def leaves(tree: Any, prefix: str = "") -> dict[str, Any]:
    """Return the values of a tree by their keys with dots."""
    if not isinstance(tree, dict):
        return {prefix.removesuffix("."): tree}
    return {key: value for name, part in tree.items() for key, value in leaves(part, f"{prefix}{name}.").items()}


def setting(name: str, *components: str) -> Look:
    """Find the value of a setting, which is the same in all components."""

    def look(among: list[Object]) -> Any:
        [value] = {environment(among, component).get(name) for component in components}
        return value

    return look


def claim(component: str, *path: str) -> Look:
    """Find something in the volume that a component claims for itself."""

    def look(among: list[Object]) -> Any:
        [found] = workloads(among)[component]["spec"]["volumeClaimTemplates"]
        return inside(found["spec"], *path)

    return look


def service(port: str) -> Look:
    """Find the name of the one Service that has a port of this name."""

    def look(among: list[Object]) -> Any:
        [name] = {
            each["metadata"]["name"]
            for each in among
            if each["kind"] == "Service" and port in (found["name"] for found in each["spec"]["ports"])
        }
        return name

    return look
