"""The four values files of the older chart render as they are: each of their keys has its effect, or a note.

The files in tests/data/older_chart have its keys, and values as it shipped them.
"""

import hashlib
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from services.catalog.settings import CatalogSettings
from services.core.settings import CoreSettings, read
from services.core.unread import unread
from services.jobs.settings import JobsSettings
from services.transform.settings import TransformSettings
from tests.support.chart import (
    CHART,
    SERVICES,
    TIERS,
    TOKENS,
    Look,
    Object,
    Refused,
    claim,
    container,
    environment,
    inside,
    leaves,
    notes,
    one,
    parsed,
    render,
    run,
    service,
    setting,
    workloads,
)
from tests.support.migrating_page import block_after
from tools.migrate.older_settings import of_values
from tools.migrate.run import storage_of
from tools.stack.plan import ROOT

FOLDER = ROOT / "tests" / "data" / "older_chart"
FILES = {file.name.removeprefix("values.").removesuffix(".yaml"): file for file in sorted(FOLDER.glob("values.*.yaml"))}
ENTRIES = yaml.safe_load((CHART / "older-keys.yaml").read_text())
NAME = "media-release-tada"

Effect = Callable[[list[Object], Any], bool]
"""Says whether a value of a key has its effect in what was rendered."""


@cache
def rendered(file: str) -> list[Object]:
    return parsed(run("template", "media-release", CHART, "-f", FILES[file]))


def rendered_with(file: str, *arguments: str) -> list[Object]:
    return parsed(run("template", "media-release", CHART, "-f", FILES[file], *arguments))


GIVEN = [(file, key) for file, path in FILES.items() for key in leaves(yaml.safe_load(path.read_text()))]
DEFAULTS = leaves(yaml.safe_load((CHART / "values.yaml").read_text()))


def noted(file: str) -> dict[str, str]:
    """Return the keys that the notes speak of, each with its note."""
    found = re.findall(
        r"^  ([A-Za-z0-9_., -]+): (.+)$", notes(FILES[file]).partition("\nOf the values")[2], re.MULTILINE
    )
    return {key: note for names, note in found for key in names.split(", ")}


def note_of(key: str, among: dict[str, str]) -> str | None:
    return next((note for known, note in among.items() if key == known or key.startswith(f"{known}.")), None)


# What a key arrives as


def arrives(look: Look) -> Effect:
    """Expect the value as it is, or the text of it where there is a text."""

    def effect(among: list[Object], value: Any) -> bool:
        found = look(among)
        return bool(found == (as_text(value) if isinstance(found, str) else value))

    return effect


def as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def resource(component: str, *path: str) -> Look:
    return lambda among: inside(container(among, component)["resources"], *path)


def secret(name: str) -> Look:
    return lambda among: one(among, "Secret", NAME)["stringData"][name]


def files(*path: str) -> Look:
    return lambda among: inside(one(among, "PersistentVolumeClaim", f"{NAME}-storage")["spec"], *path)


def ingress(name: str, *path: str) -> Look:
    return lambda among: inside(one(among, "Ingress", name), *path)


def scaler(component: str, *path: str | int) -> Look:
    return lambda among: inside(one(among, "HorizontalPodAutoscaler", f"{NAME}-{component}")["spec"], *path)


def host(name: str, expected: str) -> Effect:
    return lambda among, value: (
        str(value) in expected and one(among, "Ingress", name)["spec"]["rules"][0]["host"] == expected
    )


def certificate(name: str, secret_name: str) -> Effect:
    def effect(among: list[Object], value: Any) -> bool:
        found = one(among, "Ingress", name)["spec"].get("tls", [{}])[0].get("secretName")
        return bool(found == (secret_name if value else None))

    return effect


def scales(component: str) -> Effect:
    def effect(among: list[Object], value: Any) -> bool:
        names = {each["metadata"]["name"] for each in among if each["kind"] == "HorizontalPodAutoscaler"}
        return (f"{NAME}-{component}" in names) is value

    return effect


def api_service(among: list[Object], value: Any) -> bool:
    return bool(f"http://{service('api')(among)}" == value)


def local(among: list[Object], value: Any) -> bool:
    return value is True and {each["spec"]["replicas"] for each in workloads(among).values()} == {1}


def public_scheme(among: list[Object], value: Any) -> bool:
    return str(environment(among, "catalog")["PUBLIC_URL"]).startswith(f"{value}://")


def dumps_by_schedule(among: list[Object], value: Any) -> bool:
    return (environment(among, "jobs")["PUBLISH_CRON"] == "never") is (not value)


def dump_schedule(among: list[Object], value: Any) -> bool:
    return environment(among, "jobs")["PUBLISH_CRON"] in (value, "never")


def cdn(among: list[Object], value: Any) -> bool:
    return ("BROWSER_SECONDS" in environment(among, "transform")) is value


CPU = ("metrics", 0, "resource", "target", "averageUtilization")
LOOKS: dict[str, Look] = {
    "NAMESPACES_ALLOWED": setting("NAMESPACES_ALLOWED", *SERVICES),
    "delegatedStorage.storageMethod": setting("DELEGATED_STORAGE_METHOD", *SERVICES),
    "delegatedStorage.rateLimit": setting("DELEGATED_STORAGE_RATE_LIMIT", "transform"),
    "delegatedStorage.rateLimitWindow": setting("DELEGATED_STORAGE_RATE_LIMIT_WINDOW_MS", "transform"),
    "delegatedStorage.host": setting("DELEGATED_STORAGE_HOST", *SERVICES),
    "delegatedStorage.routes.readinessCheck": setting("DELEGATED_STORAGE_READINESS_CHECK", *SERVICES),
    "delegatedStorage.accessToken": secret("DELEGATED_STORAGE_TOKEN"),
    "delegatedStorage.path.single": setting("DELEGATED_STORAGE_SINGLE_PATH", *SERVICES),
    "delegatedStorage.path.multi": setting("DELEGATED_STORAGE_MULTI_PATH", *SERVICES),
    "rateLimit.windowMs": setting("RATE_LIMIT_WINDOW_MS", "catalog"),
    "mediaApi.rateLimit.windowMs": setting("MEDIA_API_RATE_LIMIT_WINDOW_MS", "catalog"),
    "mediaApi.apiPrefix": setting("API_PREFIX", *SERVICES, *TIERS),
    "mediaApi.mediaToken": secret("MEDIA_TOKEN"),
    "mediaApi.publicUrl": setting("PUBLIC_URL", *SERVICES),
    "mediaApi.useStripMetadata": setting("USE_STRIPMETADATA", "catalog"),
    "mediaApi.convertToWebp": setting("CONVERT_TO_WEBP", "catalog"),
    "mediaApi.payloadMaxSize": setting("PAYLOAD_MAX_SIZE", "catalog"),
    "mediaApi.originsAllowed": setting("ORIGINS_ALLOWED", "catalog", *TIERS),
    "mediaApi.methodsAllowed": setting("METHODS_ALLOWED", "catalog"),
    "mediaApi.routes.healthcheck.get": setting("HEALTHCHECK_ROUTE", "catalog"),
    "mediaApi.routes.file.get": setting("ROUTE_FILE_GET", *SERVICES, *TIERS),
    "mediaApi.routes.file.post": setting("ROUTE_FILE_POST", "catalog"),
    "mediaApi.routes.files.post": setting("ROUTE_FILES_POST", "catalog"),
    "mediaApi.routes.catalog.get": setting("ROUTE_CATALOG_GET", *SERVICES, *TIERS),
    "mediaApi.routes.backup.get": setting("URL_TO_GET_BACKUP", *SERVICES),
    "mediaApi.routes.backup.post": setting("URL_TO_POST_BACKUP", *SERVICES),
    "mediaApi.routes.post_backup.post": setting("URL_TO_POST_BACKUP", *SERVICES),
    "mediaApi.storage.storageClassName": files("storageClassName"),
    "mediaApi.storage.resources.requests.storage": files("resources", "requests", "storage"),
    "mediaApi.hpa.replicaCountMin": scaler("transform", "minReplicas"),
    "mediaApi.hpa.replicaCountMax": scaler("transform", "maxReplicas"),
    "mediaApi.hpa.metrics.cpu.averageUtilization": scaler("transform", *CPU),
    "nginx.hpa.replicaCountMin": scaler("edge", "minReplicas"),
    "nginx.hpa.replicaCountMax": scaler("edge", "maxReplicas"),
    "nginx.hpa.metrics.cpu.averageUtilization": scaler("edge", *CPU),
    "nginx.cdn.maxAge": setting("BROWSER_SECONDS", *SERVICES),
    **{
        f"{group}.resources.{kind}.{name}": resource(component, kind, name)
        for group, component in (
            ("mediaApi", "catalog"),
            ("nginx", "edge"),
            ("nginxPurge", "cache"),
            ("redis", "redis"),
        )
        for kind in ("limits", "requests")
        for name in ("cpu", "memory")
    },
    "ingress.nginx.className": ingress(NAME, "spec", "ingressClassName"),
    "ingress.api.className": ingress(f"{NAME}-internal", "spec", "ingressClassName"),
    "ingress.api.annotations.nginx.ingress.kubernetes.io/proxy-body-size": ingress(
        f"{NAME}-internal", "metadata", "annotations", "nginx.ingress.kubernetes.io/proxy-body-size"
    ),
    "redis.service": service("redis"),
    "redis.dumpFolderPath": setting("DUMP_FOLDER_PATH", "catalog", "jobs"),
    "redis.storage.storageClassName": claim("redis", "storageClassName"),
    "redis.storage.requestedStorage": claim("redis", "resources", "requests", "storage"),
    "redis.storage.resources.requests.storage": claim("redis", "resources", "requests", "storage"),
    "redis.initScript.restoreOnInit": setting("RESTORE_ON_INIT", "jobs"),
    "redis.initScript.dumpFileNameOnInit": setting("DUMP_FILE_NAME_ON_INIT", "jobs"),
    "redis.initScript.urlToGetBackup": setting("URL_TO_GET_BACKUP", *SERVICES),
    "s3.endpoint": setting("S3_ENDPOINT", *SERVICES),
    "s3.port": setting("S3_PORT", *SERVICES),
    "s3.accessKey": secret("S3_ACCESS_KEY"),
    "s3.secretKey": secret("S3_SECRET_KEY"),
    "s3.bucketName": setting("S3_BUCKET_NAME", *SERVICES),
    "s3.storage.storageClassName": claim("s3", "storageClassName"),
    "s3.storage.resources.requests.storage": claim("s3", "resources", "requests", "storage"),
}
EFFECTS: dict[str, Effect] = {
    **{key: arrives(look) for key, look in LOOKS.items()},
    "local": local,
    "protocol": public_scheme,
    "env": host(NAME, "media-service.media"),
    "domain": host(NAME, "media-service.media"),
    "mediaApi.service": api_service,
    "mediaApi.hpa.enabled": scales("transform"),
    "nginx.hpa.enabled": scales("edge"),
    "nginx.cdn.enabled": cdn,
    "ingress.nginx.tls": certificate(NAME, "tada-media-release-tls-certificate"),
    "ingress.api.tls": certificate(f"{NAME}-internal", "tada-media-release-api-tls-certificate"),
    "createDumpCronJob.enabled": dumps_by_schedule,
    "createDumpCronJob.schedule": dump_schedule,
}


def test_the_four_files_are_there() -> None:
    assert FILES.keys() == {"local", "s3", "distant-backend", "defaults"}
    assert len({key for _, key in GIVEN}) > 120


@pytest.mark.parametrize("file", FILES)
def test_kubernetes_takes_every_object_of_an_older_file(file: str) -> None:
    for found in rendered(file):
        kubernetes_validate.validate(found, kubernetes_validate.latest_version(), strict=True)
    names = [(each["kind"], each["metadata"]["name"]) for each in rendered(file)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(("file", "key"), GIVEN, ids=[f"{file}-{key}" for file, key in GIVEN])
def test_each_key_of_an_older_file_has_its_effect_or_a_note(file: str, key: str) -> None:
    value = leaves(yaml.safe_load(FILES[file].read_text()))[key]
    if value is None or note_of(key, noted(file)) or (note_of(key, AT_DEFAULT) and value == DEFAULTS[key]):
        return
    assert key in EFFECTS, "neither a note nor an effect is known"
    assert EFFECTS[key](rendered(file), value), "it was rendered, but does not arrive"


@pytest.mark.parametrize("key", [key for key in EFFECTS if key.startswith("ingress.api.")])
def test_the_internal_ingress_has_what_is_given_although_there_is_a_note(key: str) -> None:
    value = leaves(yaml.safe_load(FILES["defaults"].read_text()))[key]
    assert EFFECTS[key](rendered("defaults"), value)


@pytest.mark.parametrize(
    ("key", "value"), [("s3.bucketName", "others"), ("s3.storage.resources.requests.storage", "777Mi")]
)
def test_a_value_of_s3_that_is_not_the_default_arrives(key: str, value: str) -> None:
    assert EFFECTS[key](rendered_with("s3", "--set", f"{key}={value}"), value)


# Keys that this chart has too, whose value says nothing if it is the default.
AT_DEFAULT = {key: entry["note"] for entry in ENTRIES if "default" in entry for key in entry["keys"]}


@pytest.mark.parametrize("key", AT_DEFAULT)
def test_a_key_with_a_default_is_noted_when_its_value_is_another(key: str, tmp_path: Path) -> None:
    entry = next(entry for entry in ENTRIES if key in entry["keys"])
    assert entry["default"] == DEFAULTS[key]
    other = {"100m": "101m", "media": "others", 0: 7}.get(entry["default"], "777Mi")
    other = "/other" if key.endswith("Check") else other
    values = yaml.safe_load(FILES["local"].read_text())
    if entry.get("works") == ["STANDALONE"]:
        values = yaml.safe_load(FILES["s3"].read_text())
    at = values
    *path, name = key.split(".")
    for step in path:
        at = at.setdefault(step, {})
    at[name] = other
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    assert f"{key}: {entry['note'].strip()}" in notes(file)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["keys"][0])
def test_what_replaces_a_key_is_a_value_of_the_chart_or_a_setting(entry: dict[str, Any]) -> None:
    assert entry.keys() <= {"keys", "here", "note", "works", "default"}
    assert "here" in entry or "note" in entry
    for name in entry.get("here", "the same").split(", "):
        known = name == "the same" or name in SETTINGS or any(f"{key}.".startswith(f"{name}.") for key in DEFAULTS)
        assert known, name
    for condition in entry.get("works", []):
        assert condition in CONDITIONS


READ_BY: dict[str, type[CoreSettings]] = {
    "catalog": CatalogSettings,
    "transform": TransformSettings,
    "jobs": JobsSettings,
}
SETTINGS = {name.upper() for kind in READ_BY.values() for name in kind.model_fields}
CONDITIONS = {
    *("STANDALONE", "S3", "DISTANT_BACKEND", "localS3", "hostOfS3", "publicIngress", "internalFrom", "cluster"),
}


def test_without_older_keys_there_are_no_notes_about_them(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump({**TOKENS, "local": True}))
    assert "older" not in notes(file)


# What the older chart did


@pytest.mark.parametrize(
    ("env", "domain", "expected"),
    [
        ("media-service", "media", "media-service.media"),
        ("media-service", ".media", "media-service.media"),
        ("", "media.example.com", "media.example.com"),
        ("media", "", "media"),
    ],
)
def test_env_and_domain_are_joined_by_one_dot(env: str, domain: str, expected: str) -> None:
    found = render({"env": env, "domain": domain, "ingress.public.enabled": True})
    assert one(found, "Ingress", "tada")["spec"]["rules"][0]["host"] == expected
    assert environment(found, "catalog")["PUBLIC_URL"] == f"http://{expected}"


def test_the_ingresses_of_the_older_chart_have_its_hosts_and_certificates() -> None:
    found = rendered("defaults")
    public, internal = one(found, "Ingress", NAME), one(found, "Ingress", f"{NAME}-internal")
    assert public["spec"]["rules"][0]["host"] == "media-service.media"
    assert internal["spec"]["rules"][0]["host"] == "media-service.tada-api.media"
    assert "tls" not in public["spec"]
    [certificate] = internal["spec"]["tls"]
    assert certificate["hosts"] == ["media-service.tada-api.media"]


def test_the_addresses_of_entries_are_https_if_the_protocol_is() -> None:
    found = rendered_with("defaults", "--set", "protocol=https")
    assert environment(found, "catalog")["PUBLIC_URL"] == "https://media-service.media"


def test_a_local_file_is_at_localhost_as_it_was_at_a_made_up_name() -> None:
    assert environment(rendered("local"), "catalog")["PUBLIC_URL"] == "http://localhost:8080"


def test_the_s3_server_is_found_by_the_host_of_the_delegated_storage_if_by_nothing_else() -> None:
    found = rendered_with("s3", "--set", "local=false")
    assert environment(found, "catalog")["S3_ENDPOINT"] == "http://minio:9000"
    assert environment(rendered("s3"), "catalog")["S3_ENDPOINT"] == f"{NAME}-s3"


@pytest.mark.parametrize("host", ["media-backend:3000", "https://backend.example.com"])
@pytest.mark.parametrize("method", ["S3", "DISTANT_BACKEND"])
@pytest.mark.parametrize("s3", [{}, {"endpoint": "minio"}])
def test_a_move_takes_the_storage_for_the_one_that_the_chart_does(host: str, method: str, s3: dict[str, str]) -> None:
    keys = {"accessKey": "access", "secretKey": "secret"}
    values = {"delegatedStorage": {"storageMethod": method, "host": host}, "s3": {**keys, **s3}}
    moved = storage_of(of_values(values).environment)
    for component in SERVICES:
        settings = environment(render(values), component)
        assert moved.delegated_storage_method == settings["DELEGATED_STORAGE_METHOD"]
        if method == "S3":
            assert moved.s3_endpoint == settings["S3_ENDPOINT"]
        else:
            assert moved.delegated_storage_host == settings["DELEGATED_STORAGE_HOST"]


def test_no_dump_is_made_by_schedule_if_the_older_chart_made_none() -> None:
    assert environment(rendered("defaults"), "jobs")["PUBLISH_CRON"] == "never"
    found = rendered_with("local", "--set", "createDumpCronJob.schedule=@daily")
    assert environment(found, "jobs")["PUBLISH_CRON"] == "0 0 * * *"
    assert "PUBLISH_CRON" not in environment(render(), "jobs")


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("@midnight", "0 0 * * *"),
        ("0 0 ? * MON", "0 0 * * MON"),
        ("*/15  0 * * 1-5 ", "*/15  0 * * 1-5 "),
    ],
)
def test_the_worker_takes_the_schedules_that_kubernetes_takes(
    schedule: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = render({"createDumpCronJob.schedule": schedule})
    assert environment(found, "jobs")["PUBLISH_CRON"] == expected
    monkeypatch.setenv("PURGE_TOKEN", "p" * 16)
    monkeypatch.setenv("PUBLISH_CRON", expected)
    assert read(JobsSettings).publish_cron == expected


@pytest.mark.parametrize("schedule", ["@every 1h", "@fortnightly", "0 0 * *", "0 0 0 * * *"])
def test_a_schedule_that_the_worker_does_not_take_is_refused(schedule: str) -> None:
    with pytest.raises(Refused, match=r"createDumpCronJob\.schedule: expected five fields"):
        render({"createDumpCronJob.schedule": schedule})
    assert render({"createDumpCronJob": {"schedule": schedule, "enabled": False}})


def most_of_redis(found: list[Object]) -> str:
    arguments = container(found, "redis")["args"]
    return str(arguments[arguments.index("--maxmemory") + 1])


def test_redis_may_use_half_of_its_memory_for_data() -> None:
    assert most_of_redis(rendered("local")) == "256mb"
    assert most_of_redis(render()) == "384mb"
    assert most_of_redis(render({"redis.maxMemory": "1gb"})) == "1gb"
    assert most_of_redis(render({"redis.resources": {"requests": {"cpu": 1}, "limits": None}})) == "384mb"


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("2Gi", "1024mb"),
        ("1.5Gi", "768mb"),
        ("0.5Gi", "256mb"),
        ("0.001Ti", "524mb"),
        ("262144Ki", "128mb"),
        ("256000k", "122mb"),
        ("800M", "381mb"),
        ("1G", "476mb"),
        ("1e9", "476mb"),
        ("1.5E+9", "715mb"),
        ("268435456", "128mb"),
        (268435456, "128mb"),
        (1e9, "476mb"),
        ("1Mi", "1mb"),
    ],
)
def test_every_size_of_kubernetes_is_halved_for_redis(limit: str | float, expected: str) -> None:
    assert most_of_redis(render({"redis.resources.limits.memory": limit})) == expected


@pytest.mark.parametrize("limit", ["512m", "512mb", "-1Gi", "1Pi", " 1Gi"])
def test_a_limit_that_is_no_size_for_redis_is_refused(limit: str) -> None:
    with pytest.raises(Refused, match=r"redis\.maxMemory: expected a size such as 384mb"):
        render({"redis.resources.limits.memory": limit})
    own = render({"redis.resources.limits.memory": limit, "redis.maxMemory": "1gb"})
    assert most_of_redis(own) == "1gb"


# An older key beside the one that replaces it


def test_the_key_of_this_chart_counts_for_the_token_the_address_and_hosts_and_certificates_of_ingresses() -> None:
    own = {"host": "own.example.com", "tlsSecret": "own-certificate", "className": "own"}
    older = {"tls": True, "className": "older"}
    found = render(
        {
            "mediaApi.mediaToken": "older",
            "secrets.MEDIA_TOKEN": "own",
            "mediaApi.publicUrl": "http://older",
            "publicUrl": "http://own",
            "env": "media",
            "domain": "older",
            "ingress": {"public": own, "nginx": older},
        }
    )
    assert one(found, "Secret", "tada")["stringData"]["MEDIA_TOKEN"] == "own"
    assert environment(found, "catalog")["PUBLIC_URL"] == "http://own"
    public = one(found, "Ingress", "tada")["spec"]
    assert public["tls"] == [{"hosts": ["own.example.com"], "secretName": "own-certificate"}]
    assert public["rules"][0]["host"] == "own.example.com"
    assert public["ingressClassName"] == "older"


def test_settings_count_before_older_keys_and_these_before_the_keys_that_replace_them() -> None:
    older = {
        "createDumpCronJob.schedule": "0 1 * * *",
        "mediaApi.convertToWebp": True,
        "redis.storage": {"requestedStorage": "3Gi", "resources": {"requests": {"storage": "4Gi"}}},
        "mediaApi.resources": {"limits": {"cpu": "3"}},
        "catalog.resources": {"limits": {"cpu": "4"}},
        "mediaApi.hpa.replicaCountMin": 3,
        "transform.replicas": 4,
    }
    found = render({**older, "settings.PUBLISH_CRON": "0 2 * * *", "catalog.settings.CONVERT_TO_WEBP": False})
    assert environment(found, "jobs")["PUBLISH_CRON"] == "0 2 * * *"
    assert environment(found, "catalog")["CONVERT_TO_WEBP"] == "false"
    assert claim("redis", "resources", "requests", "storage")(found) == "3Gi"
    assert container(found, "catalog")["resources"]["limits"]["cpu"] == "3"
    assert workloads(found)["transform"]["spec"]["replicas"] == 3


@pytest.mark.parametrize(
    ("own", "note"),
    [
        ({"publicUrl": "http://own"}, "mediaApi.publicUrl has no effect, because publicUrl is set."),
        ({"secrets": {"MEDIA_TOKEN": "own"}}, "mediaApi.mediaToken is not the token of clients, because"),
    ],
)
def test_an_older_key_that_does_not_count_is_noted(own: dict[str, Any], note: str, tmp_path: Path) -> None:
    older = yaml.safe_load(FILES["s3"].read_text())
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump({**older, **own}))
    assert note in notes(file)
    assert note not in notes(FILES["s3"])


# Beside the older release, as docs/migrating.md says

RANDOM = "p" * 16
BESIDE, AFTER = "Install it beside the older release", "remove the older release"
OLDER_NAME = re.compile("(media|redis)-service")
CHANGEABLE = {"replicas", "template", "updateStrategy", "persistentVolumeClaimRetentionPolicy"}
"""What Kubernetes lets an upgrade change in a StatefulSet, of the fields that the chart has."""


def settings_after(words: str) -> list[str]:
    """Return what the next command after some words of the page sets."""
    command = block_after("Chart", words)
    return re.findall(r"--set (\S+)", command.replace("$(openssl rand -hex 32)", RANDOM))


def arguments(settings: list[str]) -> list[str]:
    return [argument for setting in settings for argument in ("--set", setting)]


def names_of(among: list[Object]) -> set[str]:
    return {each["metadata"]["name"] for each in among}


def unchangeable(among: list[Object]) -> dict[str, Any]:
    return {
        each["metadata"]["name"]: {key: value for key, value in each["spec"].items() if key not in CHANGEABLE}
        for each in among
        if each["kind"] == "StatefulSet"
    }


@pytest.mark.parametrize("file", FILES)
def test_beside_the_older_release_there_is_none_of_its_names_and_hosts(file: str) -> None:
    found = rendered_with(file, *arguments(settings_after(BESIDE)))
    assert all(name.startswith(NAME) for name in names_of(found))
    assert "Ingress" not in {each["kind"] for each in found}
    assert not OLDER_NAME.search(yaml.safe_dump(found))


@pytest.mark.parametrize("setting", settings_after(BESIDE))
def test_each_setting_of_the_page_leaves_out_a_name_or_a_host_of_the_older_release(setting: str) -> None:
    others = [other for other in settings_after(BESIDE) if other != setting]
    assert OLDER_NAME.search(yaml.safe_dump(rendered_with("defaults", *arguments(others))))


@pytest.mark.parametrize("file", FILES)
def test_after_the_older_release_an_upgrade_takes_its_names_and_changes_nothing_that_cannot_be(file: str) -> None:
    before = rendered_with(file, *arguments(settings_after(BESIDE)))
    after = rendered_with(file, *arguments(settings_after(AFTER)))
    assert unchangeable(after) == unchangeable(before)
    assert names_of(rendered(file)) - names_of(after) <= {"redis-service"}
    assert "media-service" in names_of(after)


# Tokens


def test_the_worker_has_a_token_of_its_own_that_stays_the_same_and_follows_from_that_of_the_clients() -> None:
    kept = one(rendered("local"), "Secret", NAME)["stringData"]
    assert kept == one(rendered_with("local"), "Secret", NAME)["stringData"]
    assert kept["PURGE_TOKEN"] == hashlib.sha256(b"PURGE_TOKEN of media-release: token").hexdigest()
    other = rendered_with("local", "--set", "mediaApi.mediaToken=other")
    assert one(other, "Secret", NAME)["stringData"]["PURGE_TOKEN"] != kept["PURGE_TOKEN"]
    own = rendered_with("local", "--set", "secrets.PURGE_TOKEN=pppppppppppppppp")
    assert one(own, "Secret", NAME)["stringData"]["PURGE_TOKEN"] == "p" * 16
    assert "mediaApi.mediaToken is the one that the older chart shipped" in notes(FILES["local"])


@pytest.mark.parametrize("file", FILES)
def test_the_token_of_clients_can_be_in_the_secret_of_an_older_release(file: str) -> None:
    said = settings_after("**The token of clients.**")
    found = rendered_with(file, *arguments(said))
    reference = environment(found, "catalog")["MEDIA_TOKEN"]["secretKeyRef"]
    assert reference == {"name": "media-secrets", "key": "mediaToken"}
    kept = one(found, "Secret", NAME)["stringData"]
    assert kept["PURGE_TOKEN"] == RANDOM
    assert "MEDIA_TOKEN" not in kept
    said.remove("mediaApi.mediaToken=")
    with pytest.raises(Refused, match="MEDIA_TOKEN: is given as a value, but taken from the Secret media-secrets"):
        rendered_with(file, *arguments(said))


def test_a_token_of_ones_own_goes_before_that_of_the_older_file() -> None:
    found = rendered_with("local", "--set", "secrets.MEDIA_TOKEN=mine")
    assert one(found, "Secret", NAME)["stringData"]["MEDIA_TOKEN"] == "mine"


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("component", SERVICES)
def test_a_service_takes_what_an_older_file_makes_of_its_settings(
    component: str, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = READ_BY[component]
    kept = one(rendered(file), "Secret", NAME)["stringData"]
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment(rendered(file), component).items():
        given = value if isinstance(value, str) else kept.get(value["secretKeyRef"]["key"])
        if given is not None:
            monkeypatch.setenv(name, given)
    settings = read(kind)
    assert settings.browser_seconds == 900
    assert settings.namespaces_allowed == ("DEV",)
    assert unread(dict(environment(rendered(file), component)), kind) == []
