"""The alert rules and the dashboard: they parse as Prometheus does, and name what services and nginx really count."""

import json
import re
from collections.abc import Iterator
from typing import Any

import promql_parser
import pytest
import yaml
from prometheus_client import REGISTRY

from services.catalog import metrics as catalog_metrics
from services.core.observing import metrics as core_metrics
from services.jobs import metrics as jobs_metrics
from services.transform import metrics as transform_metrics
from tools.stack.plan import ROOT

RULES = yaml.safe_load((ROOT / "charts/tada/alerts/tada.rules.yaml").read_text())
DASHBOARD = json.loads((ROOT / "charts/tada/dashboards/tada.json").read_text())
OPERATIONS = (ROOT / "docs/operations.md").read_text()
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"]]
MODULES = (core_metrics, catalog_metrics, transform_metrics, jobs_metrics)
HITS = (ROOT / "gateway/nginx/tada/hits.lua").read_text()
ADDED = {"instance", "job", "le"}
"""Labels that Prometheus adds."""


def defined() -> dict[str, tuple[set[str], str]]:
    """Return the labels and the help of every metric of ours, by the names that Prometheus sees."""
    found = {}
    for metric in {id(value): value for module in MODULES for value in vars(module).values()}.values():
        if hasattr(metric, "describe") and hasattr(metric, "_labelnames"):
            [family] = metric.describe()
            suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}[family.type]
            for suffix in suffixes:
                found[family.name + suffix] = (set(metric._labelnames), family.documentation)
    return {**found, **defined_by_nginx()}


def defined_by_nginx() -> dict[str, tuple[set[str], str]]:
    """Return the same of the metrics of nginx. Those that are counted have labels, all the same ones."""
    labels = set(re.findall(r'(\w+)="%', HITS))
    types = dict(re.findall(r"# TYPE (\w+) (\w+)", HITS))
    helps = re.findall(r'"# HELP (\w+) (.*)"', HITS)
    return {name: (labels if types[name] == "counter" else set(), said) for name, said in helps}


def expressions() -> Iterator[tuple[str, str]]:
    for rule in ALERTS:
        yield rule["alert"], rule["expr"]
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"].replace("$__rate_interval", "5m")


def selectors(node: Any) -> Iterator[Any]:
    """Yield every selector of series below a node of a parsed expression."""
    if isinstance(node, promql_parser.VectorSelector):
        yield node
    for name in ("expr", "lhs", "rhs", "vector_selector", "param"):
        below = getattr(node, name, None)
        if below is not None:
            yield from selectors(below)
    for below in getattr(node, "args", None) or ():
        yield from selectors(below)


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_an_expression_parses_and_names_metrics_and_labels_that_there_are(where: str, expression: str) -> None:
    known = defined()
    found = list(selectors(promql_parser.parse(expression)))
    assert found, where
    for selector in found:
        if selector.name.startswith("process_"):
            assert REGISTRY.get_sample_value(selector.name) is not None, selector.name
            continue
        assert selector.name in known, selector.name
        assert {matcher.name for matcher in selector.matchers.matchers} <= known[selector.name][0]
    labels = {name.strip() for group in re.findall(r"by \(([^)]+)\)", expression) for name in group.split(",")}
    assert labels <= ADDED.union(*(known.get(selector.name, (set(),))[0] for selector in found))


def test_the_metrics_of_nginx_are_found_in_its_program() -> None:
    assert {name: labels for name, (labels, _) in defined_by_nginx().items()} == {
        "tada_gateway_requests_total": {"tier", "cache", "status"},
        "tada_gateway_current": set(),
        "tada_gateway_position_seconds": set(),
    }


def test_a_name_that_there_is_not_would_be_seen() -> None:
    [selector] = selectors(promql_parser.parse("sum(rate(tada_no_such_total[5m])) > 1"))
    assert selector.name == "tada_no_such_total"
    assert selector.name not in defined()


def test_every_alert_says_how_bad_it_is_and_leads_to_its_section() -> None:
    assert len({rule["alert"] for rule in ALERTS}) == len(ALERTS)
    for rule in ALERTS:
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["runbook_url"] == f"docs/operations.md#{rule['alert'].lower()}"
        assert f"\n### {rule['alert']}\n" in OPERATIONS


def test_no_section_is_about_an_alert_that_there_is_not() -> None:
    assert set(re.findall(r"^### (Tada\w+)$", OPERATIONS, re.MULTILINE)) == {rule["alert"] for rule in ALERTS}


def test_every_metric_is_in_the_table_with_its_labels_and_no_other_is() -> None:
    rows = dict(re.findall(r"^\| `(tada_\w+)` \| ([^|]*) \|", OPERATIONS, re.MULTILINE))
    families = {}
    for name, (labels, _) in defined().items():
        families[
            re.sub(r"_(bucket|sum|count)$", "", name) if name.endswith(("_bucket", "_sum", "_count")) else name
        ] = labels
    assert rows.keys() == families.keys()
    for name, labels in families.items():
        assert set(re.findall(r"`(\w+)`", rows[name])) == labels, name


def test_names_follow_the_conventions() -> None:
    for name, (labels, documentation) in defined().items():
        assert name.startswith("tada_")
        assert documentation.endswith(".")
        assert not labels & {"job", "instance", "service", "pod", "namespace", "container", "endpoint", "node"}, name


def test_every_panel_has_a_place_of_its_own() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
