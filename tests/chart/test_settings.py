"""Every setting of the services can be set through the chart, and a secret is nowhere but in a Secret."""

import re
from typing import Any

import pytest
from pydantic import SecretStr

from gateway.nginx.render import DEFAULTS
from services.catalog.settings import CatalogSettings
from services.core.settings import CoreSettings, load
from services.jobs.settings import JobsSettings
from services.transform.settings import TransformSettings
from tests.support.chart import (
    SERVICES,
    TIERS,
    VALUES_FILES,
    Refused,
    container,
    environment,
    one,
    render,
    text,
    workloads,
)

READ_BY: dict[str, type[CoreSettings]] = {
    "catalog": CatalogSettings,
    "transform": TransformSettings,
    "jobs": JobsSettings,
}

# What a service does not read itself: the password is put into an address.
UNREAD = {"REDIS_PASSWORD"}


def secret_names(component: str) -> set[str]:
    """Return the settings of a service that are secrets."""
    fields = READ_BY[component].model_fields.items()
    return {name.upper() for name, field in fields if field.annotation is SecretStr}


def plain_names(component: str) -> set[str]:
    return {name.upper() for name in READ_BY[component].model_fields} - secret_names(component)


def gateway_names() -> set[str]:
    """Return the settings of the gateway, secrets aside."""
    return DEFAULTS.keys() - {"PURGE_TOKEN"}


UNDO = {"KEEP_VERSIONS", "TRASH_DAYS"}
"""They are the same for catalog and jobs: see test_values."""


@pytest.mark.parametrize("component", SERVICES)
def test_every_setting_of_a_service_can_be_set_for_all_and_for_it_alone(component: str) -> None:
    shared = {name: f"all-{name}" for name in plain_names(component)}
    own = {name: f"own-{name}" for name in plain_names(component) - UNDO}
    found = environment(render({"settings": shared}), component)
    assert {name: found.get(name) for name in shared} == shared
    objects = render({"settings": shared, f"{component}.settings": own})
    found = environment(objects, component)
    assert {name: found.get(name) for name in own} == own
    for other in set(SERVICES) - {component}:
        taken = {value for value in environment(objects, other).values() if isinstance(value, str)}
        assert not taken & set(own.values())


@pytest.mark.parametrize("tier", TIERS)
def test_every_setting_of_the_gateway_can_be_set(tier: str) -> None:
    values = {name: f"all-{name}" for name in gateway_names()}
    some = {"FORMAT_NEGOTIATION", "SIGNED_URLS", "API_PREFIX", "ROUTE_FILE_GET", "CACHE_MAX_SIZE"}
    assert some | {"GATEWAY_PATIENCE", "METRICS_LISTEN", "GENERATIONS_FILE"} <= set(values)
    found = environment(render({"settings": values}), tier)
    assert {name: found.get(name) for name in values} == values


def test_a_number_or_a_switch_arrives_as_it_was_written() -> None:
    values = {"SOURCE_PIXELS_MAX": 50000000, "PURGE_WAIT_SECONDS": 1.5, "SIGNED_URLS": True, "RENDER_QUEUE": 0}
    found = environment(render({"settings": values}), "transform")
    assert [found[name] for name in values] == ["50000000", "1.5", "true", "0"]


def test_an_empty_setting_is_passed_on_when_it_is_given_and_left_out_when_it_is_a_default() -> None:
    assert "API_PREFIX" not in environment(render(), "catalog")
    assert environment(render({"settings.API_PREFIX": ""}), "catalog")["API_PREFIX"] == ""


GIVEN = {
    "MEDIA_TOKEN": "given-media-token",
    "MEDIA_TOKENS": "given:write:DEV:digest",
    "TICKET_KEYS": "given-key-of-tickets",
    "WEBHOOKS_SECRET": "whsec_given",
    "PURGE_TOKEN": "given-purge-token",
    "URL_SIGNING_KEYS": "given-signing-key",
    "REDIS_URL": "rediss://:given@redis.example.com:6379/0",
    "S3_ACCESS_KEY": "given-access-key",
    "S3_SECRET_KEY": "given-secret-key",
    "DELEGATED_STORAGE_TOKEN": "given-backend-token",
    "CDN_CLOUDFLARE_TOKEN": "given-cloudflare-token",
    "CDN_FASTLY_TOKEN": "given-fastly-token",
    "CDN_CLOUDFRONT_ACCESS_KEY": "given-cloudfront-key",
    "CDN_CLOUDFRONT_SECRET_KEY": "given-cloudfront-secret",
    "CDN_WEBHOOK_SECRET": "given-webhook-secret",
}
S3 = {"delegatedStorage.storageMethod": "S3"}
DISTANT = {"delegatedStorage.storageMethod": "DISTANT_BACKEND", "delegatedStorage.host": "http://backend"}
EXTERNAL = {"redis.enabled": False}


def of_storage(values: dict[str, Any]) -> set[str]:
    return {"S3_ACCESS_KEY", "S3_SECRET_KEY"} if values is S3 else {"DELEGATED_STORAGE_TOKEN"}


@pytest.mark.parametrize("storage", [S3, DISTANT], ids=["S3", "distant"])
@pytest.mark.parametrize("component", SERVICES)
def test_every_secret_of_a_service_comes_from_the_secret_of_the_chart(component: str, storage: dict[str, Any]) -> None:
    objects = render({**storage, **EXTERNAL, "secrets": GIVEN})
    kept = one(objects, "Secret", "tada")["stringData"]
    assert kept == GIVEN
    found = environment(objects, component)
    other_storage = of_storage(DISTANT if storage is S3 else S3)
    for name in secret_names(component) - other_storage:
        reference = found[name]["secretKeyRef"]
        assert (reference["name"], reference["key"]) == ("tada", name)
    assert {name for name, value in found.items() if isinstance(value, dict)} == secret_names(component) - other_storage


@pytest.mark.parametrize("storage", [S3, DISTANT], ids=["S3", "distant"])
def test_with_a_secret_of_ones_own_the_chart_makes_none_and_names_that_one(storage: dict[str, Any]) -> None:
    objects = render({**storage, "existingSecret": "mine", "secrets": {}, "redis.auth": True})
    assert "Secret" not in {each["kind"] for each in objects}
    for component in workloads(objects):
        for name, value in environment(objects, component).items():
            if isinstance(value, dict):
                assert value["secretKeyRef"]["name"] == "mine", name
    for component in SERVICES:
        required = {
            name
            for name, value in environment(objects, component).items()
            if isinstance(value, dict) and not value["secretKeyRef"].get("optional")
        }
        assert required >= {"REDIS_PASSWORD"} | (of_storage(S3) if storage is S3 else set())


def test_a_group_of_secrets_can_be_in_a_secret_of_its_own() -> None:
    objects = render({**S3, "s3.existingSecret": "store", "redis.auth": True, "redis.existingSecret": "cache"})
    found = environment(objects, "jobs")
    names = ("S3_ACCESS_KEY", "S3_SECRET_KEY", "REDIS_PASSWORD", "PURGE_TOKEN")
    assert [found[name]["secretKeyRef"]["name"] for name in names] == ["store", "store", "cache", "tada"]
    assert environment(objects, "redis")["REDIS_PASSWORD"]["secretKeyRef"]["name"] == "cache"
    assert set(one(objects, "Secret", "tada")["stringData"]) == {"MEDIA_TOKEN", "PURGE_TOKEN"}


def test_no_secret_is_anywhere_but_in_the_secret() -> None:
    manifests = text({**S3, **EXTERNAL, "secrets": GIVEN})
    for value in GIVEN.values():
        assert manifests.count(value) == 1, value


@pytest.mark.parametrize("where", [*(f"settings.{name}" for name in sorted(GIVEN)), "catalog.settings.MEDIA_TOKEN"])
def test_a_secret_among_the_settings_is_refused(where: str) -> None:
    name = where.rpartition(".")[2]
    with pytest.raises(Refused, match=f"settings.{name}: is a secret; put it into secrets.{name}"):
        render({where: "x" * 20})


def test_a_secret_of_tomorrow_reaches_all_services() -> None:
    objects = render({"secrets.NEXT_YEARS_KEY": "unknown-today"})
    for component in SERVICES:
        assert environment(objects, component)["NEXT_YEARS_KEY"]["secretKeyRef"]["key"] == "NEXT_YEARS_KEY"
    assert "NEXT_YEARS_KEY" not in environment(objects, "edge")


@pytest.mark.parametrize("component", [*SERVICES, *TIERS])
def test_any_variable_can_be_added_as_a_container_has_it(component: str) -> None:
    field = {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
    variables = container(render({f"{component}.extraEnv": [field]}), component)["env"]
    assert field in variables


REDIS = [
    ({}, {"REDIS_SERVICE": "tada-redis:6379"}),
    (
        {"redis.auth": True, "secrets.REDIS_PASSWORD": "word"},
        {"REDIS_URL": "redis://:$(REDIS_PASSWORD)@tada-redis:6379"},
    ),
    ({**EXTERNAL, "redis.service": "r.example.com"}, {"REDIS_SERVICE": "r.example.com"}),
    (
        {
            **EXTERNAL,
            "redis.service": "r:6380",
            "redis.tls": True,
            "redis.auth": True,
            "secrets.REDIS_PASSWORD": "word",
        },
        {"REDIS_URL": "rediss://:$(REDIS_PASSWORD)@r:6380"},
    ),
    ({**EXTERNAL, "redis.service": "r:6380", "redis.tls": True}, {"REDIS_URL": "rediss://r:6380"}),
]


@pytest.mark.parametrize(("values", "expected"), REDIS, ids=str)
def test_redis_is_found_with_password_and_tls_or_without(values: dict[str, Any], expected: dict[str, str]) -> None:
    objects = render(values)
    for component in SERVICES:
        names = [variable["name"] for variable in container(objects, component)["env"]]
        found = environment(objects, component)
        assert {name: found[name] for name in ("REDIS_SERVICE", "REDIS_URL") if name in found} == expected
        if "REDIS_PASSWORD" in names:
            # Kubernetes puts a variable into another one only when it stands before it.
            assert names.index("REDIS_PASSWORD") < names.index("REDIS_URL")


@pytest.mark.parametrize("component", SERVICES)
@pytest.mark.parametrize("file", [None, *VALUES_FILES])
def test_a_service_takes_what_the_chart_gives_it(
    component: str, file: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = container(render(file=file), component)["env"]
    known: dict[str, str] = {}
    for variable in variables:
        given = variable.get("value", f"from-the-secret-{variable['name'].lower()}")
        if variable["name"] in ("MEDIA_TOKENS", "TICKET_KEYS", "WEBHOOKS_SECRET") or variable["name"].startswith(
            "CDN_"
        ):
            continue  # has a form of its own, or goes with another setting, and is optional
        known[variable["name"]] = re.sub(r"\$\(([A-Z_]+)\)", lambda match: known[match[1]], given)
    for name in READ_BY[component].model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in known.items():
        monkeypatch.setenv(name, value)
    settings = load(READ_BY[component])
    assert settings.redis_address == {
        "values.distant.yaml": "rediss://:from-the-secret-redis_password@redis.example.com:6380",
    }.get(str(file), "redis://tada-redis:6379")
    assert set(known) - {name.upper() for name in READ_BY[component].model_fields} <= UNREAD
