"""What a running system says of itself: metrics and health at internal ports, one request id from entry to worker."""

import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.processes.system import System
from tests.support.ports import free_run_of_ports
from tests.support.waits import wait_until
from tools.stack.plan import ROOT

TOKEN = "t0ken-that-must-never-be-in-a-log"
PROCESSES = ("catalog", "jobs", "transform", "transform.2")
NODES = ("nginx-cache", "nginx-edge")


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, photos: dict[str, bytes]) -> Iterator[System]:
    """A system with metrics that has been used: an upload, pictures of three sizes, a replacement, a job, errors."""
    made = System(
        tmp_path_factory.mktemp("watched"), {"MEDIA_TOKEN": TOKEN}, transform_workers=2,
        replicas=1,  # Each process counts for itself: it must be known which one has done what.
        metrics_port=free_run_of_ports(len(PROCESSES) + len(NODES)),
    )  # fmt: skip
    made.api.headers["Authorization"] = f"Bearer {TOKEN}"
    try:
        made.start()
        entry = made.upload("watched.jpg", photos["china.jpg"])
        # Decoded pixels that are only scaled do not come to libvips. It blurs.
        for form in ("200x0/DEV/watched.webp", "800x0/DEV/watched.webp?blur=1"):
            assert made.edge.get(f"/assets/media/optimise/{form}").status_code == 200
        assert made.edge.get("/assets/media/original/DEV/watched.jpg").status_code == 200
        assert made.edge.get("/assets/media/full/DEV/none.webp").status_code == 404
        made.replace(entry["uuid"], "watched.jpg", photos["flower.jpg"])
        assert made.api.get("/catalog").status_code == 200
        assert made.api.get(f"/catalog/{entry['uuid']}").status_code == 200
        job = made.api.post("/jobs/sync").json()["data"][0]["id"]
        wait_until(lambda: made.api.get(f"/jobs/{job}").json()["data"][0]["status"] == "done")
        yield made
    finally:
        made.stop()


def samples(system: System, process: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    answer = system.internal(process, "/metrics")
    assert answer.status_code == 200
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def total(found: dict[str, list[tuple[dict[str, str], float]]], name: str, **labels: str) -> float:
    return sum(value for given, value in found[name] if labels.items() <= given.items())


def lines(system: System, process: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in system.log(process).splitlines() if line.startswith("{")]


def test_an_upload_and_a_replacement_are_in_the_metrics_of_the_catalog(
    watched: System, photos: dict[str, bytes]
) -> None:
    found = samples(watched, "catalog")
    assert total(found, "tada_http_requests_total", route="/file", method="POST", outcome="ok") == 1
    assert total(found, "tada_http_requests_total", route="/file/{uuid}", method="PATCH", status="200") == 1
    assert total(found, "tada_http_requests_total", route="/catalog", method="GET", outcome="ok") >= 1
    assert total(found, "tada_http_requests_total", route="/catalog/{uuid}", method="GET", outcome="ok") >= 1
    assert total(found, "tada_http_request_duration_seconds_count", route="/file") == 1
    assert total(found, "tada_http_received_bytes_total", route="/file") > len(photos["china.jpg"])
    assert total(found, "tada_storage_operations_total", backend="local", operation="store", result="ok") == 2
    assert total(found, "tada_storage_operation_duration_seconds_count", operation="store") == 2
    assert total(found, "tada_service_info", role="catalog") == 1
    assert total(found, "process_resident_memory_bytes") > 1e6


def test_pictures_are_in_the_metrics_of_the_process_that_made_them(watched: System) -> None:
    both = [samples(watched, process) for process in ("transform", "transform.2")]

    def sum_of(name: str, **labels: str) -> float:
        return sum(total(found, name, **labels) for found in both if name in found)

    assert sum_of("tada_renders_total", format="webp", result="ok") == 2
    assert sum_of("tada_render_duration_seconds_count", format="webp", size="200") == 1
    assert sum_of("tada_render_duration_seconds_count", format="webp", size="800") == 1
    assert sum_of("tada_http_requests_total", route="/assets/media/optimise/{name}", outcome="ok") == 2
    assert sum_of("tada_http_requests_total", route="/assets/media/original/{name}", outcome="ok") == 1
    assert sum_of("tada_http_requests_total", route="/assets/media/full/{name}", status="404") == 1
    assert sum_of("tada_render_places_taken") == sum_of("tada_renders_active") == 0
    assert sum_of("tada_libvips_memory_peak_bytes") > 100_000
    assert sum_of("tada_libvips_memory_bytes") == sum_of("tada_libvips_allocations") == 0


def test_purges_jobs_and_the_catalog_are_in_the_metrics_of_the_worker(watched: System) -> None:
    found = samples(watched, "jobs")
    # The upload, the replacement, and what was found out about each picture.
    assert 2 <= total(found, "tada_purges_total", result="done") <= 4
    assert 2 <= total(found, "tada_purge_lag_seconds_count") <= 4
    assert 0 < total(found, "tada_purge_lag_seconds_sum") < 20
    assert total(found, "tada_jobs_total", kind="sync", result="done") == 1
    assert total(found, "tada_job_duration_seconds_count", kind="sync") == 1
    assert total(found, "tada_job_lag_seconds_count", kind="sync") == 1
    assert abs(total(found, "tada_job_last_success_timestamp_seconds", kind="sync") - time.time()) < 120
    assert total(found, "tada_catalog_entries") == 1
    assert total(found, "tada_gateway_resets_total") == 0
    wait_until(lambda: total(samples(watched, "jobs"), "tada_gateway_nodes", state="current") == 2)
    found = samples(watched, "jobs")
    assert total(found, "tada_gateway_nodes", state="away") == 0
    wait_until(lambda: total(samples(watched, "jobs"), "tada_changes_pending") == 0)


@pytest.mark.parametrize("process", [*PROCESSES, *NODES])
def test_no_label_holds_what_a_client_can_choose(watched: System, process: str) -> None:
    watched.edge.get("/assets/media/full/DEV/secret-name.webp?access_token=secret-query")
    watched.api.get("/catalog/secret-name", headers={"X-Request-Id": "secret-name-1"})
    text = watched.internal(process, "/metrics").text
    assert "secret" not in text
    assert "watched" not in text
    assert text.count("\n") < 1500


@pytest.mark.parametrize("process", PROCESSES)
def test_every_process_says_that_it_lives_has_started_and_is_ready(watched: System, process: str) -> None:
    assert watched.internal(process, "/healthz").json() == {"alive": True}
    assert watched.internal(process, "/startupz").json() == {"started": True}
    assert watched.internal(process, "/readyz").json() == {"ready": True, "redis": "ok", "storage": "ok"}
    assert watched.internal(process, "/other").status_code == 404


def test_the_internal_port_refuses_what_it_does_not_serve_and_outlives_it(watched: System) -> None:
    port = watched.stack.metrics_ports()["jobs"]
    assert httpx.post(f"http://127.0.0.1:{port}/metrics", content=b"x").status_code == 405
    with pytest.raises((httpx.RemoteProtocolError, httpx.NetworkError)):  # Whichever of its ends notices first.
        httpx.get(f"http://127.0.0.1:{port}/metrics", headers={"x": "y" * 100_000})
    assert watched.internal("jobs", "/healthz").status_code == 200


@pytest.mark.parametrize("path", ["/metrics", "/readyz", "/startupz", "/prefix/metrics"])
def test_nobody_outside_reaches_the_metrics(watched: System, path: str) -> None:
    for entry in (watched.edge, watched.cache, watched.api):
        answer = entry.get(path)
        assert "tada_" not in answer.text
        assert "started" not in answer.text


def test_a_request_has_one_id_from_the_entry_to_the_purge(watched: System, photos: dict[str, bytes]) -> None:
    given = "from-the-edge_1.2"
    direct = f"http://127.0.0.1:{watched.ports.catalog}"
    answer = httpx.post(
        f"{direct}/file",
        files={"file": ("traced.jpg", photos["china.jpg"])},
        data={"namespace": "DEV"},
        headers={"Authorization": f"Bearer {TOKEN}", "X-Request-Id": given},
        timeout=30,
    )
    assert (answer.status_code, answer.headers["x-request-id"]) == (200, given)
    wait_until(
        lambda: any(line["event"] == "purged" and line.get("request_id") == given for line in lines(watched, "jobs"))
    )
    mine = [line for line in lines(watched, "catalog") if line.get("request_id") == given]
    assert [line["event"] for line in mine] == ["written", "request"]
    [purged] = [line for line in lines(watched, "jobs") if line.get("request_id") == given]
    assert purged["asset"] == "/DEV/traced.webp"


def test_a_job_has_the_id_of_the_request_that_asked_for_it(watched: System) -> None:
    given = "asks-for-a-job"
    answer = httpx.post(
        f"http://127.0.0.1:{watched.ports.catalog}/jobs/expire",
        headers={"Authorization": f"Bearer {TOKEN}", "X-Request-Id": given},
    )
    job = answer.json()["data"][0]
    assert job["request_id"] == given
    wait_until(lambda: watched.api.get(f"/jobs/{job['id']}").json()["data"][0]["status"] == "done")
    assert watched.api.get(f"/jobs/{job['id']}").json()["data"][0]["request_id"] == given
    [done] = [line for line in lines(watched, "jobs") if line["event"] == "job_done" and line["job"] == job["id"]]
    assert done["request_id"] == given


def test_every_request_is_one_line_of_json_with_an_id(watched: System) -> None:
    for process in ("catalog", "transform", "transform.2"):
        requests = [line for line in lines(watched, process) if line["event"] == "request"]
        assert requests
        for line in requests:
            assert {"time", "level", "service", "method", "path", "status", "ms", "bytes"} <= line.keys()
            assert re.fullmatch(r"[A-Za-z0-9._-]{8,64}", line["request_id"])


def test_no_token_is_in_any_log(watched: System) -> None:
    watched.api.get(f"/catalog?access_token={TOKEN}")
    watched.api.get(f"/jobs/x?access_token={TOKEN}")
    watched.edge.get(f"/assets/media/full/DEV/watched.webp?access_token={TOKEN}&sig={TOKEN}")
    httpx.post(f"http://127.0.0.1:{watched.ports.catalog}/file", headers={"Authorization": f"Basic {TOKEN}"})
    purge_token = watched.environment("jobs")["PURGE_TOKEN"]
    for client in (watched.edge, watched.cache):
        assert client.get("/generations", headers={"X-Purge-Token": purge_token}).status_code == 200
        assert client.get("/purge/catalog", headers={"X-Purge-Token": purge_token}).status_code in (200, 404)
    wait_until(lambda: all('"/purge/catalog"' in watched.log(node) for node in NODES))
    for process in (*PROCESSES, *NODES):
        assert TOKEN not in watched.log(process)
        assert purge_token not in watched.log(process)


def test_readiness_says_what_fails_and_for_how_long_and_recovers(watched: System) -> None:
    watched.kill("redis")
    try:
        wait_until(lambda: watched.internal("transform", "/readyz").status_code == 503)
        time.sleep(0.2)  # So that it has been failing for a time that can be seen.
        for process in PROCESSES:
            answer = watched.internal(process, "/readyz")
            assert answer.status_code == 503
            assert answer.json()["redis"] != "ok"
            assert answer.json()["storage"] == "ok"
            assert watched.internal(process, "/healthz").status_code == 200
            found = samples(watched, process)
            assert total(found, "tada_dependency_up", dependency="redis") == 0
            assert total(found, "tada_dependency_up", dependency="storage") == 1
        assert watched.internal("transform", "/readyz").json()["failing_seconds"]["redis"] >= 0.2
        assert watched.transform.get("/healthz").status_code == 200
    finally:
        watched.start("redis")
    for process in PROCESSES:
        wait_until(lambda process=process: watched.internal(process, "/readyz").status_code == 200)
        assert "failing_seconds" not in watched.internal(process, "/readyz").json()


def test_every_metric_of_the_alerts_and_of_the_dashboard_is_there_in_a_running_system(watched: System) -> None:
    texts = [watched.internal(process, "/metrics").text for process in (*PROCESSES, *NODES)]
    exposed = {name for text in texts for name in re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE)}
    charts = ROOT / "charts/tada"
    asked = (charts / "alerts/tada.rules.yaml").read_text() + (charts / "dashboards/tada.json").read_text()
    named = set(re.findall(r"\b(?:tada|process)_[a-z_]+\b", asked))
    assert len(named) > 30
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in named} <= exposed


def test_every_request_is_counted_by_its_node_with_what_became_of_the_cache(
    watched: System, photos: dict[str, bytes]
) -> None:
    watched.upload("counted.jpg", photos["china.jpg"])
    nodes = {"edge": "nginx-edge", "cache": "nginx-cache", "entry": "nginx-cache"}

    def counted() -> Counter[tuple[str, str, str]]:
        found: Counter[tuple[str, str, str]] = Counter()
        for tier, node in nodes.items():
            for labels, value in samples(watched, node).get("tada_gateway_requests_total", []):
                if labels["tier"] == tier and labels["cache"] != "none":
                    found[tier, labels["cache"], labels["status"]] += int(value)
        return found

    time.sleep(1.5)  # Each worker of nginx adds what it has counted once a second.
    before = counted()
    for _ in range(300):
        assert watched.edge.get("/assets/media/optimise/100x0/DEV/counted.webp").status_code == 200
        assert watched.edge.get("/assets/media/optimise/100x0/DEV/counted-not.webp").status_code == 404
        assert watched.edge.get("/catalog?limit=1").status_code == 200
    expected = {
        ("edge", "miss", "2xx"): 1,
        ("edge", "hit", "2xx"): 299,
        ("edge", "miss", "4xx"): 1,
        ("edge", "hit", "4xx"): 299,
        ("edge", "bypass", "2xx"): 300,
        ("cache", "bypass", "2xx"): 300,
        ("cache", "miss", "2xx"): 1,
        ("cache", "miss", "4xx"): 1,
    }
    wait_until(lambda: counted() - before == expected)
    time.sleep(1.5)
    assert counted() - before == expected, "and counted once"


def test_a_request_to_the_internal_entry_is_counted_as_its_own(watched: System) -> None:
    def counted() -> float:
        return total(samples(watched, "nginx-cache"), "tada_gateway_requests_total", tier="entry", cache="none")

    before = counted()
    for _ in range(50):
        assert watched.api.get("/catalog?limit=1").status_code == 200
    wait_until(lambda: counted() >= before + 50)


@pytest.mark.parametrize("node", NODES)
def test_a_node_shows_that_it_is_current_and_which_change_it_has(watched: System, node: str) -> None:
    watched.wait_until_described()
    watched.api.patch("/catalog", json=[{"uuid": watched.api.get("/catalog").json()[0]["uuid"], "information": node}])
    found = samples(watched, node)
    assert total(found, "tada_gateway_current") == 1
    assert round(total(found, "tada_gateway_position_seconds") * 1e6) == watched.revision()
    assert watched.internal(node, "/healthz").json() == {"alive": True, "current": True}
    assert watched.internal(node, "/other").status_code == 404


def test_a_node_that_is_away_is_in_the_metrics_of_the_worker(watched: System) -> None:
    def nodes(state: str) -> float:
        return total(samples(watched, "jobs"), "tada_gateway_nodes", state=state)

    watched.wait_until_described()
    watched.kill("nginx-edge")
    try:
        wait_until(lambda: (nodes("away"), nodes("current")) == (1, 1))
        uuid = watched.api.get("/catalog").json()[0]["uuid"]
        assert watched.api.patch(f"/catalog/{uuid}", json={"information": "x"}).headers["x-purge"] == "queued"
        wait_until(lambda: total(samples(watched, "jobs"), "tada_changes_pending") >= 1)
        assert total(samples(watched, "jobs"), "tada_purges_total", result="queued") == 1
        wait_until(lambda: total(samples(watched, "jobs"), "tada_changes_oldest_seconds") > 0)
    finally:
        watched.start("nginx-edge")
    wait_until(lambda: (nodes("away"), nodes("current")) == (0, 2))
    wait_until(lambda: total(samples(watched, "jobs"), "tada_changes_pending") == 0)
