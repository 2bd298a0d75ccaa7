"""What helm renders is what Kubernetes takes, and what the chart promises about safety and upgrades."""

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import redis
import yaml

from gateway.nginx.render import DEFAULTS
from services.catalog.settings import CatalogSettings
from services.core.probes.health import Health
from services.core.probes.internal import Internal
from services.jobs.settings import JobsSettings
from services.transform import metrics as transform_metrics
from tests.support.chart import (
    CHART,
    SERVICES,
    TIERS,
    TOKENS,
    VALUES_FILES,
    Object,
    container,
    environment,
    one,
    parsed,
    pod,
    render,
    run,
    workloads,
)
from tests.support.waits import wait_until
from tools.stack.plan import ROOT

S3 = {"delegatedStorage.storageMethod": "S3", "s3.accessKey": "key", "s3.secretKey": "secret", "s3.endpoint": "minio"}
# Everything that is off at first, and what the values files leave as it is.
EVERYTHING = {
    **S3,
    "secrets": {**TOKENS["secrets"], "REDIS_PASSWORD": "word"},
    "redis.auth": True,
    "transform.autoscaling.enabled": True,
    "transform.autoscaling.queueLength.target": 4,
    "edge.autoscaling.enabled": True,
    "cache.persistence.enabled": True,
    "ingress.public": {"enabled": True, "host": "media.example.com", "tlsSecret": "certificate"},
    "ingress.internal": {"enabled": True, "host": "api.example.com", "tlsSecret": "certificate"},
    "ingress.upload": {"enabled": True, "host": "media.example.com", "tlsSecret": "certificate"},
    "networkPolicy.publicFrom": [{"ipBlock": {"cidr": "10.0.0.0/8"}}],
    "image.pullSecrets": ["registry"],
    "catalog.extraVolumes": [{"name": "tokens", "secret": {"secretName": "tokens"}}],
    "catalog.extraVolumeMounts": [{"name": "tokens", "mountPath": "/tokens"}],
    "edge.nodeSelector": {"disk": "fast"},
    "edge.tolerations": [{"key": "edge", "operator": "Exists"}],
    "version": "1",
}
VARIANTS: dict[str, tuple[dict[str, Any], str | None]] = {
    "defaults": ({}, None),
    **{file: ({}, file) for file in VALUES_FILES},
    "everything": (EVERYTHING, None),
    "local with S3": ({**S3, "local": True}, None),
    "monitored": ({f"metrics.{part}.enabled": True for part in ("serviceMonitor", "rules", "dashboards")}, None),
}


@cache
def rendered(variant: str) -> list[Object]:
    values, file = VARIANTS[variant]
    return render(values, file=file)


@pytest.fixture(params=VARIANTS)
def objects(request: pytest.FixtureRequest) -> list[Object]:
    return rendered(request.param)


@pytest.mark.parametrize("file", VALUES_FILES)
def test_helm_lint_has_nothing_to_say(file: str, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets.yaml"
    secrets.write_text(yaml.safe_dump(dict(VALUES_FILES[file])))
    said = run("lint", "--strict", CHART, "-f", CHART / file, "-f", secrets)
    assert "1 chart(s) linted, 0 chart(s) failed" in said
    assert not re.search(r"^\[(WARNING|ERROR)\]", said, re.MULTILINE)


def test_kubernetes_takes_every_object(objects: list[Object]) -> None:
    assert len(objects) > 10
    for found in objects:
        if not found["apiVersion"].startswith("monitoring.coreos.com/"):  # the operator's, no kinds of Kubernetes
            kubernetes_validate.validate(found, kubernetes_validate.latest_version(), strict=True)


def test_no_two_objects_have_the_same_name(objects: list[Object]) -> None:
    names = [(each["kind"], each["metadata"]["name"]) for each in objects]
    assert len(names) == len(set(names))


def test_a_pod_may_do_nothing_that_it_need_not(objects: list[Object]) -> None:
    for component in workloads(objects):
        specification, inside = pod(objects, component), container(objects, component)
        assert specification["automountServiceAccountToken"] is False
        security = specification["securityContext"]
        assert security["runAsNonRoot"]
        assert security["runAsUser"] == (999 if component == "redis" else 10001)
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert inside["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_a_pod_mounts_only_volumes_that_it_has(objects: list[Object]) -> None:
    for component, workload in workloads(objects).items():
        claimed = {each["metadata"]["name"] for each in workload["spec"].get("volumeClaimTemplates", [])}
        there = {each["name"] for each in pod(objects, component).get("volumes", [])} | claimed
        assert {each["name"] for each in container(objects, component)["volumeMounts"]} == there


def test_a_service_leads_to_a_port_of_some_pod(objects: list[Object]) -> None:
    for service in (each for each in objects if each["kind"] == "Service"):
        chosen = service["spec"]["selector"].items()
        chosen = {item for item in chosen if item[0] != "statefulset.kubernetes.io/pod-name"}
        behind = [
            {port["name"] for port in container(objects, component)["ports"]}
            for component, workload in workloads(objects).items()
            if chosen <= workload["spec"]["template"]["metadata"]["labels"].items()
        ]
        assert behind
        for port in service["spec"]["ports"]:
            assert all(port["targetPort"] in ports for ports in behind), service["metadata"]["name"]


def test_names_that_pods_are_told_are_those_of_services(objects: list[Object]) -> None:
    services = {each["metadata"]["name"] for each in objects if each["kind"] == "Service"}
    told = ("CACHE_SERVERS", "CATALOG_SERVERS", "TRANSFORM_SERVERS", "NGINX_SERVICE", "NGINX_EDGE_SERVICE")
    for component in (*TIERS, "jobs"):
        for name, value in environment(objects, component).items():
            if name in told:
                hosts = re.findall(r"(?:server |//|^)([a-z0-9-]+):[0-9]", value)
                assert hosts, name
                assert set(hosts) <= services, name


@pytest.mark.parametrize("component", [*SERVICES, "edge"])
def test_an_upgrade_takes_no_pod_away_before_another_is_ready(component: str) -> None:
    strategy = workloads(rendered("everything"))[component]["spec"]["strategy"]["rollingUpdate"]
    assert strategy == {"maxSurge": 1, "maxUnavailable": 0}


@pytest.mark.parametrize("component", [*SERVICES, *TIERS])
def test_a_pod_goes_on_serving_until_nobody_sends_it_anything_and_has_time_for_what_is_in_flight(
    component: str,
) -> None:
    found = render({"preStopSeconds": 7, "terminationGracePeriodSeconds": 33})
    assert container(found, component)["lifecycle"]["preStop"]["exec"]["command"] == ["sleep", "7"]
    assert pod(found, component)["terminationGracePeriodSeconds"] == 33


def test_probes_are_apart_and_a_dependency_that_is_down_restarts_nothing() -> None:
    found = rendered("everything")
    asked = {
        component: [
            container(found, component)[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")
        ]
        for component in (*SERVICES, *TIERS)
    }
    own = [{"path": "/startupz", "port": "metrics"}, {"path": "/healthz", "port": "metrics"}]
    nginx = {"path": "/healthz", "port": "http"}
    assert asked == {
        "catalog": [*own, {"path": "/readiness-check", "port": "http"}],
        "transform": [*own, {"path": "/healthz", "port": "http"}],
        "jobs": [*own, {"path": "/readyz", "port": "metrics"}],
        "edge": [nginx, nginx, nginx],
        "cache": [nginx, nginx, nginx],
    }


async def test_what_the_probes_ask_for_is_what_a_service_answers() -> None:
    internal = Internal("jobs", JobsSettings.model_construct(metrics_host="", metrics_port=0), Health({}))
    internal.started = True
    for component in SERVICES:
        probes = (
            container(rendered("defaults"), component)[f"{kind}Probe"] for kind in ("startup", "liveness", "readiness")
        )
        for asked in (probe["httpGet"] for probe in probes):
            if asked["port"] == "metrics":
                status, _, _ = await internal.answer("GET", asked["path"])
                assert status == 200, asked["path"]


def test_the_queue_that_transform_grows_by_is_one_that_it_counts() -> None:
    scaler = one(rendered("everything"), "HorizontalPodAutoscaler", "tada-transform")["spec"]
    assert scaler["metrics"][1]["pods"]["metric"]["name"] == transform_metrics.TAKEN._name


def reachable(found: list[Object]) -> dict[tuple[str, str], set[str] | str]:
    """Return who may reach which port of which component, by the NetworkPolicies."""
    reached: dict[tuple[str, str], set[str] | str] = {}
    for policy in (each for each in found if each["kind"] == "NetworkPolicy"):
        component = policy["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
        assert policy["spec"]["policyTypes"] == ["Ingress"]
        for rule in policy["spec"]["ingress"]:
            [port] = rule["ports"]
            peers = rule.get("from")
            named = peers and {
                peer.get("podSelector", {}).get("matchLabels", {}).get("app.kubernetes.io/component", str(peer))
                for peer in peers
            }
            reached[component, port["port"]] = named or "everybody"
    return reached


def test_who_may_reach_whom() -> None:
    namespace, cluster = {"{'podSelector': {}}"}, {"{'namespaceSelector': {}}"}
    assert reachable(rendered("defaults")) == {
        ("edge", "http"): "everybody",
        ("edge", "metrics"): cluster,
        ("cache", "http"): {"edge", "cache", "jobs"},
        ("cache", "api"): namespace,
        ("cache", "metrics"): cluster,
        ("catalog", "http"): {"cache"},
        ("catalog", "metrics"): cluster,
        ("transform", "http"): {"cache"},
        ("transform", "metrics"): cluster,
        ("jobs", "metrics"): cluster,
        ("redis", "redis"): {"catalog", "transform", "jobs"},
    }


def test_the_jobs_worker_reaches_the_edges_whoever_else_may() -> None:
    assert reachable(rendered("everything"))["edge", "http"] == {"{'ipBlock': {'cidr': '10.0.0.0/8'}}", "jobs"}


def test_who_may_read_the_metrics_of_the_services_may_read_those_of_nginx() -> None:
    reached = reachable(render({"networkPolicy.metricsFrom": [{"ipBlock": {"cidr": "10.1.0.0/16"}}]}))
    for component in (*SERVICES, *TIERS):
        assert reached[component, "metrics"] == {"{'ipBlock': {'cidr': '10.1.0.0/16'}}"}


def test_every_edge_is_told_of_changes_at_its_own_address_also_before_it_is_ready() -> None:
    found = rendered("defaults")
    [node] = environment(found, "jobs")["NGINX_EDGE_SERVICE"].split(",")
    service = one(found, "Service", node.removeprefix("http://").removesuffix(":8080"))
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["publishNotReadyAddresses"]
    assert container(found, "edge")["readinessProbe"]["initialDelaySeconds"] > 5, "an answer of DNS may be 5 s old"


def test_the_public_side_shows_what_is_read_and_no_purge() -> None:
    [rule] = one(rendered("everything"), "Ingress", "tada")["spec"]["rules"]
    assert {path["path"] for path in rule["http"]["paths"]} == {"/assets/media", "/catalog", "/favicon.ico"}
    assert {path["backend"]["service"]["name"] for path in rule["http"]["paths"]} == {"tada-edge"}
    [internal] = one(rendered("everything"), "Ingress", "tada-internal")["spec"]["rules"]
    assert {path["backend"]["service"]["name"] for path in internal["http"]["paths"]} == {"tada-api"}


def test_metrics_are_behind_no_address_of_the_public_side_or_of_the_internal_entry() -> None:
    found = render({**EVERYTHING, "metrics.serviceMonitor.enabled": True})
    leading = {
        each["metadata"]["name"]
        for each in found
        if each["kind"] == "Service" and "metrics" in {port["targetPort"] for port in each["spec"]["ports"]}
    }
    assert leading == {"tada-metrics"}
    assert one(found, "Service", "tada-metrics")["spec"]["clusterIP"] == "None"
    behind = {
        path["backend"]["service"]["name"]
        for each in found
        if each["kind"] == "Ingress"
        for rule in each["spec"]["rules"]
        for path in rule["http"]["paths"]
    }
    assert behind == {"tada-edge", "tada-api", "tada-upload"}


@pytest.mark.parametrize("tier", TIERS)
def test_a_tier_has_its_port_for_metrics_where_it_listens(tier: str) -> None:
    found = render({"metrics.gatewayPort": 9200})
    assert {"name": "metrics", "containerPort": 9200} in container(found, tier)["ports"]
    assert environment(found, tier)["METRICS_LISTEN"] == "0.0.0.0:9200"
    found = render({f"{tier}.settings.METRICS_LISTEN": "off", "metrics.serviceMonitor.enabled": True})
    assert "metrics" not in {port["name"] for port in container(found, tier)["ports"]}
    test_a_service_leads_to_a_port_of_some_pod(found)


@pytest.mark.parametrize("tier", TIERS)
def test_what_a_node_knows_is_on_the_volume_of_its_cache_and_not_in_the_cache(tier: str) -> None:
    generations, store = DEFAULTS["GENERATIONS_FILE"], DEFAULTS["CACHE_DIR"]
    for variant in ("defaults", "everything"):
        [mount] = [each for each in container(rendered(variant), tier)["volumeMounts"] if each["name"] == "cache"]
        assert not mount.get("readOnly")
        for place in (generations, store):
            assert place.startswith(mount["mountPath"] + "/")
    assert not generations.startswith(store + "/")


def test_the_volume_of_the_smallest_cache_has_room_for_what_the_node_knows_twice() -> None:
    [volume, _] = pod(render({"edge.cacheSize": "1Mi"}), "edge")["volumes"]
    assert volume["emptyDir"]["sizeLimit"] == "33Mi"
    [volume, _] = pod(render({"edge.cacheSize": "2Gi"}), "edge")["volumes"]
    assert volume["emptyDir"]["sizeLimit"] == "2560Mi"


def test_the_index_of_the_search_is_on_a_disk_of_the_node_with_room_for_it() -> None:
    """SQLite cannot use a network file system, and a pod that has more on a volume than its limit is evicted."""
    for variant in ("defaults", "everything"):
        catalog = rendered(variant)
        [mount] = [each for each in container(catalog, "catalog")["volumeMounts"] if each["name"] == "search"]
        [volume] = [each for each in pod(catalog, "catalog")["volumes"] if each["name"] == "search"]
        assert mount["mountPath"] == "/search"
        most = CatalogSettings.model_fields["search_index_max"].default
        assert int(volume["emptyDir"]["sizeLimit"].removesuffix("Mi")) * 1024**2 >= 1.2 * most
    assert not any(each["name"] == "search" for each in pod(rendered("defaults"), "transform")["volumes"])


def test_the_edges_grow_by_processor_and_their_deployment_says_no_number_of_pods() -> None:
    found = rendered("everything")
    scaler = one(found, "HorizontalPodAutoscaler", "tada-edge")["spec"]
    assert scaler["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "tada-edge"}
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (2, 8)
    [metric] = scaler["metrics"]
    assert metric["resource"] == {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}
    assert "replicas" not in workloads(found)["edge"]["spec"]
    assert workloads(rendered("defaults"))["edge"]["spec"]["replicas"] == 2
    assert not [each for each in rendered("defaults") if each["kind"] == "HorizontalPodAutoscaler"]
    local = render({"local": True, "edge.autoscaling.enabled": True})
    assert workloads(local)["edge"]["spec"]["replicas"] == 1


def test_transform_grows_by_processor_and_by_queue_and_its_deployment_says_no_number_of_pods() -> None:
    found = rendered("everything")
    scaler = one(found, "HorizontalPodAutoscaler", "tada-transform")["spec"]
    assert {metric["type"] for metric in scaler["metrics"]} == {"Resource", "Pods"}
    assert scaler["metrics"][1]["pods"]["metric"]["name"] == "tada_render_places_taken"
    assert "replicas" not in workloads(found)["transform"]["spec"]
    [only] = one(rendered("values.s3.yaml"), "HorizontalPodAutoscaler", "tada-transform")["spec"]["metrics"]
    assert only["type"] == "Resource"


def test_local_mode_is_one_pod_of_each_at_localhost_and_nothing_that_a_machine_of_ones_own_lacks() -> None:
    found = rendered("values.local.yaml")
    assert {workload["spec"]["replicas"] for workload in workloads(found).values()} == {1}
    assert not {"PodDisruptionBudget", "HorizontalPodAutoscaler", "Ingress"} & {each["kind"] for each in found}
    open_ones = {
        each["metadata"]["name"]: [port["port"] for port in each["spec"]["ports"]]
        for each in found
        if each["kind"] == "Service" and each["spec"].get("type") == "LoadBalancer"
    }
    assert open_ones == {"tada-edge": [8080], "tada-api": [3001], "tada-upload": [8082]}
    assert environment(found, "catalog")["PUBLIC_URL"] == "http://localhost:8080"
    for component in workloads(found):
        assert container(found, component)["resources"]["requests"] == {"cpu": "0", "memory": "0"}


def test_each_part_loses_one_pod_at_a_time_when_machines_are_emptied() -> None:
    budgets = [each for each in rendered("defaults") if each["kind"] == "PodDisruptionBudget"]
    chosen = {each["spec"]["selector"]["matchLabels"]["app.kubernetes.io/component"] for each in budgets}
    assert chosen == {*SERVICES, *TIERS}
    assert {each["spec"]["maxUnavailable"] for each in budgets} == {1}
    assert not [each for each in render({"podDisruptionBudget": False}) if each["kind"] == "PodDisruptionBudget"]


def test_the_operator_finds_the_metrics_of_all_three_services_and_of_both_tiers() -> None:
    found = rendered("monitored")
    monitor = one(found, "ServiceMonitor", "tada")["spec"]
    wanted = monitor["selector"]["matchLabels"].items()
    [service] = [each for each in found if each["kind"] == "Service" and wanted <= each["metadata"]["labels"].items()]
    assert [port["name"] for port in service["spec"]["ports"]] == [end["port"] for end in monitor["endpoints"]]
    chosen = service["spec"]["selector"].items()
    behind = {
        component
        for component, workload in workloads(found).items()
        if chosen <= workload["spec"]["template"]["metadata"]["labels"].items()
    }
    assert behind == {*SERVICES, *TIERS}


def test_alerts_and_dashboards_of_the_chart_reach_the_operator_and_grafana_as_they_are(tmp_path: Path) -> None:
    chart = tmp_path / "tada"
    shutil.copytree(CHART, chart)
    rule = {
        "alert": "Late",
        "expr": "tada_purge_lag_seconds > 1",
        "annotations": {"summary": "on {{ $labels.instance }}"},
    }
    groups = [{"name": "tada", "rules": [rule]}]
    for folder in ("alerts", "dashboards"):
        (chart / folder).mkdir(exist_ok=True)
    (chart / "alerts" / "more.rules.yaml").write_text(yaml.safe_dump({"groups": groups}))
    (chart / "dashboards" / "more.json").write_text('{"title": "{{instance}}"}')
    values = tmp_path / "values.yaml"
    wanted = {"enabled": True, "labels": {"release": "prometheus"}}
    values.write_text(yaml.safe_dump({**TOKENS, "metrics": {"rules": wanted, "dashboards": wanted}}))
    found = parsed(run("template", "tada", chart, "-f", values))
    rules = one(found, "PrometheusRule", "tada-more-rules")
    assert rules["spec"]["groups"] == groups
    dashboards = one(found, "ConfigMap", "tada-dashboards")
    assert dashboards["data"]["more.json"] == '{"title": "{{instance}}"}'
    assert {each["metadata"]["labels"]["release"] for each in (rules, dashboards)} == {"prometheus"}
    assert not {"PrometheusRule", "ConfigMap"} & {each["kind"] for each in rendered("defaults")}


def test_what_a_cache_node_kept_does_not_outlive_the_node() -> None:
    cache_tier = workloads(rendered("everything"))["cache"]["spec"]
    assert cache_tier["persistentVolumeClaimRetentionPolicy"]["whenScaled"] == "Delete"


def test_a_volume_for_one_node_brings_all_who_use_it_to_one_node_and_a_shared_one_does_not() -> None:
    for component in SERVICES:
        assert "podAffinity" in pod(rendered("defaults"), component)["affinity"]
        assert "affinity" not in pod(render({"mediaApi.storage.accessModes": ["ReadWriteMany"]}), component)
        assert "affinity" not in pod(rendered("everything"), component)


def test_transform_cannot_write_to_the_files() -> None:
    mounts = {
        component: [
            each for each in container(rendered("defaults"), component)["volumeMounts"] if each["name"] == "storage"
        ]
        for component in SERVICES
    }
    assert mounts["transform"] == [{"name": "storage", "mountPath": "/storage", "readOnly": True}]
    assert mounts["catalog"] == mounts["jobs"] == [{"name": "storage", "mountPath": "/storage"}]


def test_a_port_that_is_set_is_the_port_of_the_container() -> None:
    found = render({"catalog.settings.PORT": 4010, "metrics.port": 9200})
    ports = {port["name"]: port["containerPort"] for port in container(found, "catalog")["ports"]}
    assert ports == {"http": 4010, "metrics": 9200}


def test_new_tokens_replace_the_pods_that_have_them() -> None:
    def mark(values: dict[str, Any]) -> set[str]:
        templates = [workloads(render(values))[component]["spec"]["template"] for component in (*SERVICES, *TIERS)]
        return {template["metadata"]["annotations"]["checksum/secret"] for template in templates}

    assert mark({}) != mark({"secrets": {**TOKENS["secrets"], "MEDIA_TOKEN": "another-one"}})


def test_redis_starts_with_the_arguments_of_the_chart_and_keeps_every_write(tmp_path: Path) -> None:
    arguments = [
        word.replace("$(REDIS_PASSWORD)", "word") for word in container(rendered("everything"), "redis")["args"]
    ]
    socket = tmp_path / "redis.sock"
    command = [*arguments, "--port", "0", "--unixsocket", str(socket), "--dir", str(tmp_path)]
    client = redis.Redis(unix_socket_path=str(socket), password="word", decode_responses=True)

    def answers() -> bool:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False

    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server, client:
        try:
            wait_until(answers)
            said = client.execute_command("CONFIG GET", "append*", "save", "maxmemory*")
        finally:
            server.terminate()
    expected = {"appendonly": "yes", "appendfsync": "always", "save": "", "maxmemory": str(384 * 1024**2)}
    assert expected.items() <= said.items()
    assert said["maxmemory-policy"] == "noeviction"


def test_redis_is_the_one_that_the_jobs_worker_copies() -> None:
    [copied] = re.findall(r"^FROM (redis:\S+) AS", (ROOT / "services/jobs/Dockerfile").read_text(), re.MULTILINE)
    assert container(rendered("defaults"), "redis")["image"] == copied


def test_the_upload_entry_is_there_where_somebody_wants_it() -> None:
    found: list[Object] = render()
    assert environment(found, "cache")["UPLOAD_LISTEN"] == "off"
    assert "UPLOAD_URL" not in environment(found, "catalog")
    assert not [each for each in found if each["metadata"]["name"] == "tada-upload"]
    found = render({"ingress.upload": {"enabled": True, "host": "up.example.com", "tlsSecret": "tls"}})
    assert environment(found, "cache")["UPLOAD_LISTEN"] == "0.0.0.0:8082"
    assert environment(found, "catalog")["UPLOAD_URL"] == "https://up.example.com"
    [rule] = one(found, "Ingress", "tada-upload")["spec"]["rules"]
    assert [path["path"] for path in rule["http"]["paths"]] == ["/direct"]
    policy = one(found, "NetworkPolicy", "tada-cache")["spec"]["ingress"]
    assert {"ports": [{"port": "upload"}]} in policy
    assert one(found, "Service", "tada-upload")["spec"]["ports"][0]["targetPort"] == "upload"
    assert environment(render({"local": True}), "catalog")["UPLOAD_URL"] == "http://localhost:8082"
