"""Every key of the older chart works under its name: the value arrives where it should."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.chart import (
    CHART,
    SERVICES,
    TIERS,
    Look,
    Object,
    claim,
    container,
    environment,
    inside,
    leaves,
    one,
    parsed,
    render,
    run,
    service,
    setting,
    workloads,
)

S3 = {"delegatedStorage.storageMethod": "S3", "s3.accessKey": "key", "s3.secretKey": "secret", "s3.endpoint": "minio"}
DISTANT = {"delegatedStorage.storageMethod": "DISTANT_BACKEND", "delegatedStorage.host": "http://backend"}


def secret(name: str, *components: str) -> Look:
    """Find a secret, which all components take from the chart's Secret."""

    def look(among: list[Object]) -> Any:
        for component in components:
            reference = environment(among, component)[name]["secretKeyRef"]
            assert (reference["name"], reference["key"]) == ("tada", name)
        return one(among, "Secret", "tada")["stringData"][name]

    return look


def files(*path: str) -> Look:
    """Find something in the volume of the files."""
    return lambda among: inside(one(among, "PersistentVolumeClaim", "tada-storage")["spec"], *path)


def probe(component: str, port: str) -> Look:
    def look(among: list[Object]) -> Any:
        found = container(among, component)["readinessProbe"]["httpGet"]
        assert found["port"] == port
        return found["path"]

    return look


def public_path(among: list[Object]) -> set[str]:
    [rule] = one(among, "Ingress", "tada")["spec"]["rules"]
    return {path["path"] for path in rule["http"]["paths"]}


def public_host(among: list[Object]) -> str:
    [rule] = one(among, "Ingress", "tada")["spec"]["rules"]
    return str(rule["host"])


def labels(among: list[Object]) -> set[str]:
    return {each["metadata"]["labels"]["tada/version"] for each in among}


def dumps_mount(among: list[Object]) -> set[tuple[str, str]]:
    """Return where catalog and jobs see the dumps: the same folder of the volume of the files."""
    found = set()
    for component in ("catalog", "jobs"):
        [mount] = [each for each in container(among, component)["volumeMounts"] if each.get("subPath")]
        assert mount["name"] == "storage"
        found.add((mount["mountPath"], mount["subPath"]))
    return found


def pods(among: list[Object]) -> set[int]:
    return {each["spec"]["replicas"] for each in workloads(among).values()}


PUBLIC = {"ingress.public.enabled": True, "ingress.public.host": "media.example.com"}

# Key, its value here, what else is needed for it to matter, where it arrives, as what.
KEYS: list[tuple[str, Any, dict[str, Any], Look, Any]] = [
    ("local", True, {}, pods, {1}),
    ("local", True, S3, lambda among: "s3" in workloads(among), True),
    ("local", False, S3, lambda among: "s3" in workloads(among), False),
    ("redis.service", "redis-service", {}, service("redis"), "redis-service"),
    ("redis.service", "redis-service", {}, setting("REDIS_SERVICE", *SERVICES), "redis-service:6379"),
    (
        "redis.service",
        "cache.example.com:6380",
        {"redis.enabled": False},
        setting("REDIS_SERVICE", *SERVICES),
        "cache.example.com:6380",
    ),
    ("redis.dumpFolderPath", "/dumps", {}, setting("DUMP_FOLDER_PATH", "catalog", "jobs"), "/dumps"),
    ("redis.dumpFolderPath", "/dumps", {}, dumps_mount, {("/dumps", "dumps")}),
    ("redis.storage.storageClassName", "hostpath", {}, claim("redis", "storageClassName"), "hostpath"),
    (
        "redis.storage.resources.requests.storage",
        "501Mi",
        {},
        claim("redis", "resources", "requests", "storage"),
        "501Mi",
    ),
    (
        "delegatedStorage.rateLimitWindow",
        30001,
        {},
        setting("DELEGATED_STORAGE_RATE_LIMIT_WINDOW_MS", "transform"),
        "30001",
    ),
    ("delegatedStorage.rateLimit", 5, {}, setting("DELEGATED_STORAGE_RATE_LIMIT", "transform"), "5"),
    (
        "delegatedStorage.host",
        "your_custom_service_api",
        DISTANT,
        setting("DELEGATED_STORAGE_HOST", *SERVICES),
        "http://your_custom_service_api",
    ),
    (
        "delegatedStorage.host",
        "https://backend:8443",
        DISTANT,
        setting("DELEGATED_STORAGE_HOST", *SERVICES),
        "https://backend:8443",
    ),
    (
        "delegatedStorage.routes.readinessCheck",
        "/ready",
        DISTANT,
        setting("DELEGATED_STORAGE_READINESS_CHECK", *SERVICES),
        "/ready",
    ),
    (
        "delegatedStorage.accessToken",
        "your_access_token",
        DISTANT,
        secret("DELEGATED_STORAGE_TOKEN", *SERVICES),
        "your_access_token",
    ),
    (
        "delegatedStorage.storageMethod",
        "DISTANT_BACKEND",
        {"delegatedStorage.host": "http://backend"},
        setting("DELEGATED_STORAGE_METHOD", *SERVICES),
        "DISTANT_BACKEND",
    ),
    ("s3.routes.readinessCheck", "/minio/health/live", {**S3, "local": True}, probe("s3", "s3"), "/minio/health/live"),
    ("s3.endpoint", "minio", S3, setting("S3_ENDPOINT", *SERVICES), "minio"),
    ("s3.endpoint", "store", {**S3, "local": True}, service("s3"), "store"),
    ("s3.endpoint", "", {**S3, "local": True}, service("s3"), "tada-s3"),
    ("s3.endpoint", "", {**S3, "local": True}, setting("S3_ENDPOINT", *SERVICES), "tada-s3"),
    ("s3.port", "9000", S3, setting("S3_PORT", *SERVICES), "9000"),
    (
        "s3.port",
        9000,
        {**S3, "local": True},
        lambda among: one(among, "Service", "minio")["spec"]["ports"][0]["port"],
        9000,
    ),
    ("s3.accessKey", "minioadmin", S3, secret("S3_ACCESS_KEY", *SERVICES), "minioadmin"),
    ("s3.secretKey", "minioadmin", S3, secret("S3_SECRET_KEY", *SERVICES), "minioadmin"),
    ("s3.secretKey", "minioadmin", {**S3, "local": True}, secret("S3_SECRET_KEY", "s3"), "minioadmin"),
    ("s3.bucketName", "pictures", S3, setting("S3_BUCKET_NAME", *SERVICES), "pictures"),
    ("s3.storage.storageClassName", "hostpath", {**S3, "local": True}, claim("s3", "storageClassName"), "hostpath"),
    (
        "s3.storage.resources.requests.storage",
        "501Mi",
        {**S3, "local": True},
        claim("s3", "resources", "requests", "storage"),
        "501Mi",
    ),
    ("mediaApi.service", "http://media-service", {}, service("api"), "media-service"),
    (
        "mediaApi.service",
        "http://media-service:81",
        {},
        lambda among: {port["port"] for port in one(among, "Service", "media-service")["spec"]["ports"]},
        {81, 3001},
    ),
    ("mediaApi.apiPrefix", "/prefix", {}, setting("API_PREFIX", *SERVICES, *TIERS), "/prefix"),
    (
        "mediaApi.apiPrefix",
        "/prefix",
        PUBLIC,
        public_path,
        {"/prefix/assets/media", "/prefix/catalog", "/favicon.ico"},
    ),
    ("mediaApi.routes.healthcheck.get", "/health", {}, setting("HEALTHCHECK_ROUTE", "catalog"), "/health"),
    ("mediaApi.routes.healthcheck.get", "/health", {}, probe("catalog", "http"), "/health"),
    ("mediaApi.routes.file.get", "/pictures/", {}, setting("ROUTE_FILE_GET", *SERVICES, *TIERS), "/pictures/"),
    ("mediaApi.routes.file.get", "/pictures/", PUBLIC, public_path, {"/pictures", "/catalog", "/favicon.ico"}),
    ("mediaApi.routes.file.post", "/up", {}, setting("ROUTE_FILE_POST", "catalog"), "/up"),
    ("mediaApi.routes.files.post", "/ups", {}, setting("ROUTE_FILES_POST", "catalog"), "/ups"),
    ("mediaApi.routes.catalog.get", "/list", {}, setting("ROUTE_CATALOG_GET", *SERVICES, *TIERS), "/list"),
    ("mediaApi.routes.catalog.get", "/list", PUBLIC, public_path, {"/assets/media", "/list", "/favicon.ico"}),
    ("mediaApi.payloadMaxSize", "11mb", {}, setting("PAYLOAD_MAX_SIZE", "catalog"), "11mb"),
    ("mediaApi.payloadMaxFiles", 250, {}, setting("PAYLOAD_MAX_FILES", "catalog"), "250"),
    ("mediaApi.payloadMaxSize", 50000000, {}, setting("PAYLOAD_MAX_SIZE", "catalog"), "50000000"),
    ("mediaApi.rateLimit.windowMs", 30002, {}, setting("MEDIA_API_RATE_LIMIT_WINDOW_MS", "catalog"), "30002"),
    ("mediaApi.rateLimit.limit", 6, {}, setting("MEDIA_API_RATE_LIMIT", "catalog"), "6"),
    (
        "mediaApi.originsAllowed",
        "localhost,*",
        {},
        setting("ORIGINS_ALLOWED", "catalog", *TIERS),
        "localhost,*",
    ),
    ("mediaApi.methodsAllowed", "GET,POST", {}, setting("METHODS_ALLOWED", "catalog"), "GET,POST"),
    ("mediaApi.storage.storageClassName", "hostpath", {}, files("storageClassName"), "hostpath"),
    ("mediaApi.storage.resources.requests.storage", "501Mi", {}, files("resources", "requests", "storage"), "501Mi"),
    ("rateLimit.windowMs", 1500000, {}, setting("RATE_LIMIT_WINDOW_MS", "catalog"), "1500000"),
    ("rateLimit.limit", 7, {}, setting("RATE_LIMIT", "catalog"), "7"),
    (
        "domain",
        ".media",
        {"env": "media-service", "ingress.public.enabled": True},
        public_host,
        "media-service.media",
    ),
    ("env", "media-service", {"domain": ".media", "ingress.public.enabled": True}, public_host, "media-service.media"),
    (
        "env",
        "media-service",
        {"domain": ".media", "ingress.public.enabled": True},
        setting("PUBLIC_URL", *SERVICES),
        "http://media-service.media",
    ),
    ("NAMESPACES_ALLOWED", "DEV,PROD", {}, setting("NAMESPACES_ALLOWED", *SERVICES), "DEV,PROD"),
    ("version", "1.0.6", {}, labels, {"1.0.6"}),
]

# The example of each key in the older chart's table, all at once.
EXAMPLE = """
local: true
redis:
  service: redis-service
  dumpFolderPath: /dumps
  storage: {storageClassName: hostpath, resources: {requests: {storage: 500Mi}}}
delegatedStorage:
  rateLimitWindow: 30000
  rateLimit: 5
  host: your_custom_service_api
  routes: {readinessCheck: /readiness-check}
  accessToken: your_access_token
  storageMethod: DISTANT_BACKEND
s3:
  routes: {readinessCheck: /minio/health/live}
  endpoint: minio
  port: '9000'
  accessKey: minioadmin
  secretKey: minioadmin
  bucketName: media
  storage: {storageClassName: hostpath, resources: {requests: {storage: 500Mi}}}
mediaApi:
  service: http://media-service
  apiPrefix: /prefix
  routes:
    healthcheck: {get: /readiness-check}
    file: {get: /assets/media/, post: /upload}
    files: {post: /uploads}
    catalog: {get: /catalog}
  payloadMaxSize: 10mb
  rateLimit: {windowMs: 30000, limit: 5}
  originsAllowed: localhost,*
  methodsAllowed: GET,POST
  storage: {storageClassName: hostpath, resources: {requests: {storage: 500Mi}}}
rateLimit: {windowMs: 30000, limit: 5}
domain: .media
env: media-service
NAMESPACES_ALLOWED: DEV
version: 1.0.6
secrets: {MEDIA_TOKEN: mmmmmmmmmmmmmmmm, PURGE_TOKEN: pppppppppppppppp}
"""


@pytest.mark.parametrize(
    ("key", "value", "beside", "look", "expected"), KEYS, ids=[f"{number}-{row[0]}" for number, row in enumerate(KEYS)]
)
def test_a_key_of_the_older_chart_arrives(key: str, value: Any, beside: Any, look: Look, expected: Any) -> None:
    assert look(render({**beside, key: value})) == expected


def test_each_key_of_the_older_table_is_among_those_above() -> None:
    tried = {key for key, *_ in KEYS}
    assert leaves(yaml.safe_load(EXAMPLE)).keys() - tried == {"secrets.MEDIA_TOKEN", "secrets.PURGE_TOKEN"}


def test_the_values_of_the_older_chart_work_as_they_are_below_the_older_name(tmp_path: Path) -> None:
    dependency = "dependencies:\n  - {name: tada, version: '>=0', alias: transform-and-deliver-assets}\n"
    (tmp_path / "Chart.yaml").write_text(f"apiVersion: v2\nname: chart\nversion: 0.1.0\n{dependency}")
    indented = re.sub("^", "  ", EXAMPLE.strip(), flags=re.MULTILINE)
    (tmp_path / "values.yaml").write_text(f"transform-and-deliver-assets:\n{indented}\n")
    shutil.copytree(CHART, tmp_path / "charts" / "tada")
    found = parsed(run("template", "media-release", tmp_path))
    assert environment(found, "catalog")["DELEGATED_STORAGE_HOST"] == "http://your_custom_service_api"
    assert environment(found, "edge")["API_PREFIX"] == "/prefix"
    assert pods(found) == {1}
