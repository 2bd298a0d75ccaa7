"""Values that cannot be right are refused with a message that helps, and every value is described."""

import json
import tomllib
from typing import Any

import pytest
import yaml

from services.catalog import openapi
from tests.support.chart import CHART, Refused, render
from tools import chart_readme
from tools.stack.plan import ROOT

VALUES, OLDER = ((CHART / name).read_text() for name in ("values.yaml", "older-keys.yaml"))
S3 = {"delegatedStorage.storageMethod": "S3"}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"colour": "red"}, "additional properties 'colour' not allowed"),
        ({"mediaApi.routes.files.get": "/x"}, "at '/mediaApi/routes/files': additional properties 'get' not allowed"),
        ({"local": "perhaps"}, "at '/local': got string, want boolean"),
        ({"delegatedStorage.storageMethod": "FTP"}, "must be one of '', 'STANDALONE', 'S3', 'DISTANT_BACKEND'"),
        ({"NAMESPACES_ALLOWED": ""}, "at '/NAMESPACES_ALLOWED': '' does not match pattern"),
        ({"rateLimit.limit": -1}, "at '/rateLimit/limit': minimum: got -1, want 0"),
        ({"mediaApi.apiPrefix": "prefix"}, "at '/mediaApi/apiPrefix': 'prefix' does not match pattern"),
        ({"mediaApi.payloadMaxSize": "ten"}, "at '/mediaApi/payloadMaxSize'"),
        ({"settings": {"lower": 1}}, "invalid propertyName 'lower'"),
        ({"settings": {"LIST": ["a"]}}, "at '/settings/LIST': got array, want"),
        ({"cache.cacheSize": "10g"}, "at '/cache/cacheSize': '10g' does not match pattern"),
        ({"metrics.port": 80}, "at '/metrics/port': minimum: got 80, want 1,024"),
        ({"metrics.gatewayPort": 80}, "at '/metrics/gatewayPort': minimum: got 80, want 1,024"),
        ({"secrets": {}}, "secrets.MEDIA_TOKEN: expected a token"),
        ({"secrets": {"MEDIA_TOKEN": "m"}}, "secrets.PURGE_TOKEN: expected a token"),
        ({"secrets.PURGE_TOKEN": "short"}, "at '/secrets/PURGE_TOKEN': 'short' does not match pattern"),
        ({"existingSecret": "mine"}, "TOKEN: is given as a value, but taken from the Secret mine"),
        ({"s3.existingSecret": "mine", "s3.accessKey": "key"}, "S3_ACCESS_KEY: is given as a value, but taken from"),
        (S3, "s3.accessKey: expected a key"),
        ({**S3, "s3.accessKey": "key"}, "s3.secretKey: expected a key"),
        (
            {**S3, "s3.accessKey": "key", "s3.secretKey": "k", "local": True, "s3.endpoint": "https://s3.example.com"},
            "s3.endpoint: expected a name such as minio",
        ),
        ({"delegatedStorage.storageMethod": "DISTANT_BACKEND"}, "delegatedStorage.host: expected an address"),
        ({"redis.enabled": False}, "redis.service: expected the host of a Redis"),
        ({"redis.tls": True}, "redis.tls: is for an external Redis"),
        ({"redis.auth": True}, "secrets.REDIS_PASSWORD: expected a password"),
        ({"redis.service": "redis:6380"}, "redis.service: expected a name without a port"),
        ({"secrets.REDIS_URL": "redis://r"}, "secrets.REDIS_URL: is for an external Redis"),
        ({"cache.used": 3}, "cache.used: expected 2 at most"),
        ({"terminationGracePeriodSeconds": 20}, "terminationGracePeriodSeconds: expected 25 at least"),
        ({"catalog.settings.TRASH_DAYS": 30}, "jobs.settings.TRASH_DAYS: expected 30, as in catalog.settings (got 0)"),
        (
            {"catalog.settings.KEEP_VERSIONS": 3, "jobs.settings.KEEP_VERSIONS": 2},
            "jobs.settings.KEEP_VERSIONS: expected 3, as in catalog.settings (got 2)",
        ),
        ({"jobs.settings.TRASH_DAYS": 7}, "jobs.settings.TRASH_DAYS: expected 0, as in catalog.settings (got 7)"),
        ({"ingress.public.enabled": True}, "ingress.public.host: expected a host"),
        ({"ingress.upload.enabled": True}, "ingress.upload.host: expected a host"),
        ({"ingress.internal.enabled": True}, "ingress.internal.host: expected a host of its own"),
        (
            {"ingress.internal": {"enabled": True, "host": "m.example.com"}, "ingress.public.host": "m.example.com"},
            "ingress.internal.host: expected another host than that of the public side",
        ),
        ({"transform.autoscaling": {"enabled": True, "cpu": 0}}, "expected cpu or queueLength.target above 0"),
        (
            {"transform.autoscaling": {"enabled": True, "minReplicas": 9}},
            "transform.autoscaling.minReplicas: expected 8 at most",
        ),
        ({"edge.autoscaling.minReplicas": 9}, "edge.autoscaling.minReplicas: expected 8 at most, as maxReplicas says"),
        ({"edge.autoscaling.cpu": 0}, "at '/edge/autoscaling/cpu': minimum: got 0, want 1"),
    ],
    ids=str,
)
def test_what_cannot_be_right_is_refused_with_its_name(values: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused) as refused:
        render(values)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "values",
    [
        {"catalog.settings.TRASH_DAYS": 30, "jobs.settings.TRASH_DAYS": "30"},
        {"settings.KEEP_VERSIONS": 3},
        {"catalog.settings.TRASH_DAYS": 0, "jobs.settings.KEEP_VERSIONS": 0},
    ],
    ids=str,
)
def test_what_is_kept_for_undo_may_be_said_in_each_way(values: dict[str, Any]) -> None:
    assert render(values)


def test_every_value_is_described() -> None:
    assert chart_readme.undescribed(VALUES) == []


def test_the_readme_has_the_values_as_they_are() -> None:
    readme = (CHART / "README.md").read_text()
    assert chart_readme.readme(readme, VALUES, OLDER) == readme, "run: python -m tools.chart_readme"


def known(schema: dict[str, Any], definitions: dict[str, Any], prefix: str = "") -> set[str]:
    """Return the keys of all values that a schema names."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].removeprefix("#/$defs/")]
    if "properties" not in schema:
        return {prefix.removesuffix(".")}
    return {key for name, part in schema["properties"].items() for key in known(part, definitions, f"{prefix}{name}.")}


def test_the_schema_knows_every_value_and_no_other() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    said = known(schema, schema["$defs"])

    def described(key: str, tree: Any) -> set[str]:
        if key in said or not isinstance(tree, dict) or not tree:
            return {key}
        return {found for name, part in tree.items() for found in described(f"{key}.{name}", part)}

    there = {found for name, part in yaml.safe_load(VALUES).items() for found in described(name, part)}
    # Keys of the older chart have no value of their own: one that is there was given.
    older = {key for entry in yaml.safe_load(OLDER) for key in entry["keys"]}
    optional = {"global", *(key for key in said if key.endswith((".requests", ".limits")))}
    optional |= {key for key in said if any(f"{key}.".startswith(f"{name}.") for name in older)}
    optional |= {key for key in said if any(name.startswith(f"{key}.") for name in older)}
    assert {key for key in there - said if not key.startswith("secrets.")} == set()
    assert said - there - optional == set()


def test_the_chart_is_of_the_version_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"] == project["version"] == openapi.VERSION
