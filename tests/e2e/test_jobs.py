"""Jobs of a running system: asked for over HTTP and by other programs, on schedule, and whatever happens to workers."""

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.core.jobs.kinds import KINDS
from tests.processes.system import System
from tests.support.waits import wait_until
from tools.stack.plan import ROOT

TOKEN = "token-of-the-tests"
OWNER = {"Authorization": f"Bearer {TOKEN}"}


def job(system: System, job_id: str, **more: Any) -> dict[str, Any]:
    answer = system.api.get(f"/jobs/{job_id}", **more)
    assert answer.status_code == 200, answer.text
    [record] = answer.json()["data"]
    return dict(record)


def run(system: System, name: str, arguments: dict[str, Any] | None = None, within: float = 10) -> dict[str, Any]:
    """Ask for a job and return its record when it has ended."""
    asked = system.api.post(f"/jobs/{name}", json=arguments) if arguments else system.api.post(f"/jobs/{name}")
    assert asked.status_code == 202, asked.text
    job_id = asked.json()["data"][0]["id"]
    assert asked.headers["location"] == f"/jobs/{job_id}"
    wait_until(lambda: job(system, job_id)["status"] in ("done", "stopped", "failed"), within)
    return job(system, job_id)


def test_sync_removes_what_the_storage_has_lost_and_the_public_stops_seeing_it(
    make_system: Callable[..., System], photos: dict[str, bytes]
) -> None:
    system = make_system()
    entries = [system.upload(f"photo{number}.jpg", photos["china.jpg"]) for number in range(12)]
    lost = entries[4]
    shown = f"/assets/media/optimise/40x0{lost['unique_name']}"
    assert system.edge.get(shown).status_code == 200
    (system.stack.data / "storage" / lost["storage_key"]).unlink()
    (system.stack.data / "storage" / "DEV" / "left-over.webp").write_bytes(b"nobody's")

    dry = run(system, "sync", {"dry_run": True})["result"]
    assert (dry["missing_count"], dry["removed_count"], dry["stopped"]) == (1, 0, None)
    assert system.api.get(f"/catalog/{lost['uuid']}").status_code == 200

    found = run(system, "sync")["result"]
    assert found == {
        **dry,
        "dry_run": False,
        "removed_count": 1,
        "seconds": found["seconds"],
    }
    assert found["missing"] == [
        {"uuid": lost["uuid"], "unique_name": lost["unique_name"], "reason": f"no file {lost['storage_key']}"}
    ]
    assert found["unknown"] == ["DEV/left-over.webp"]
    assert system.api.get(f"/catalog/{lost['uuid']}").status_code == 404
    wait_until(lambda: system.edge.get(shown).status_code == 404)
    assert len(system.api.get("/catalog").json()) == 11


def test_publish_makes_a_dump_and_only_as_many_as_wanted_stay(make_system: Callable[..., System]) -> None:
    system = make_system(DUMPS_KEPT="2")
    made = [run(system, "publish")["result"]["timestamp"] for _ in range(3)]
    assert len(set(made)) == 3
    dumps = {path.name for path in (system.stack.data / "storage" / "dumps").iterdir()}
    assert dumps == {
        f"dump_{stamp}.{kind}{digest}" for stamp in made[1:] for kind in ("json", "rdb") for digest in ("", ".sha256")
    }


def test_expire_says_what_it_has_expired(make_system: Callable[..., System], photos: dict[str, bytes]) -> None:
    system = make_system()
    system.kill("jobs")  # Which marks by itself what has expired, every ten seconds.
    past = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    answer = system.api.post(
        "/file", files={"file": ("cat.jpg", photos["china.jpg"])}, data={"namespace": "DEV", "expiration_date": past}
    )
    assert answer.status_code == 200, answer.text
    asked = system.api.post("/jobs/expire").json()["data"][0]
    system.start("jobs")
    wait_until(lambda: job(system, asked["id"])["status"] == "done")
    counted = job(system, asked["id"])["result"]["expired_count"] + system.log("jobs").count('"event":"expired"')
    assert counted == 1
    assert system.api.get("/catalog").json()[0]["expired"] is True


def test_jobs_are_listed_the_latest_first_and_chosen_by_state_and_name(make_system: Callable[..., System]) -> None:
    system = make_system()
    ids = [run(system, name)["id"] for name in ("expire", "publish", "expire")]
    listed = system.api.get("/jobs").json()
    assert [record["id"] for record in listed["data"]] == ids[::-1]
    assert (listed["errors"], listed["problems"]) == ([], [])

    def chosen(query: str) -> list[str]:
        return [record["id"] for record in system.api.get(f"/jobs?{query}").json()["data"]]

    assert chosen("name=publish") == [ids[1]]
    assert chosen("name=expire&limit=1") == [ids[2]]
    assert chosen("status=failed") == []
    missing = system.api.post("/catalog/restore-dump/dump_20250812T143052.json")
    assert missing.status_code == 404
    [failed] = system.api.get("/jobs?status=failed").json()["data"]
    assert failed["name"] == "restore_dump"
    assert failed["arguments"] == {"filename": "dump_20250812T143052.json"}
    assert failed["error"]["code"] == "dump_missing"
    for wrong in ("status=broken", "status=", "limit=0", "limit=1001", "limit=x"):
        assert system.api.get(f"/jobs?{wrong}").status_code == 400


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("/jobs/bake", "", 404, f"Jobs are: {', '.join(KINDS)}."),
        ("/jobs/sync", '{"max_percent": "all"}', 400, "max_percent"),
        ("/jobs/sync", '{"force": true}', 400, "This job takes dry_run, max_percent."),
        ("/jobs/expire", '{"dry_run": true}', 400, "This job takes no arguments."),
        ("/jobs/sync", "[]", 400, "a JSON object"),
        ("/jobs/sync", "{", 400, "a JSON object"),
        ("/jobs/restore_dump", '{"filename": "../cat.webp"}', 400, "is not the name of a dump"),
    ],
)
def test_what_is_no_job_is_refused_with_a_word_on_what_is(
    system: System, path: str, body: str, status: int, says: str
) -> None:
    answer = system.api.post(path, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text
    assert says in answer.text
    assert system.api.get("/jobs/nobody-knows").status_code == 404


def test_jobs_are_for_those_who_may_everything_and_never_at_the_edge(make_system: Callable[..., System]) -> None:
    digest = subprocess.run(
        [sys.executable, "-m", "services.catalog.tokens", "cms", "write", "*"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    token, line = (text.split(": ")[1].strip() for text in digest)
    system = make_system(MEDIA_TOKEN=TOKEN, MEDIA_TOKENS=line)
    cms = {"Authorization": f"Bearer {token}"}
    for method, path in (
        ("GET", "/jobs"),
        ("POST", "/jobs/sync"),
        ("POST", "/catalog/create-dump"),
        ("POST", "/catalog/restore-dump"),
        ("POST", "/catalog/restore-dump/latest"),
        ("POST", "/catalog/restore-dump/"),
    ):
        assert system.api.request(method, path).status_code == 401, path
        assert system.api.request(method, path, headers=cms).status_code == 403, path
        for public in (system.edge, system.cache):
            assert public.request(method, path, headers=OWNER).status_code in (404, 405), path
    assert system.api.get("/jobs", headers=OWNER).json()["data"] == []
    asked = system.api.post("/jobs/expire", headers=OWNER).json()["data"][0]
    # Who may write sees the jobs that it has asked for, and no others.
    assert system.api.get(f"/jobs/{asked['id']}").status_code == 401
    assert system.api.get(f"/jobs/{asked['id']}", headers=cms).status_code == 404
    for public in (system.edge, system.cache):
        assert public.get(f"/jobs/{asked['id']}", headers=OWNER).status_code in (404, 405)
    assert asked["asked_by"] == "media"


def test_a_scheduled_job_runs_once_with_three_workers(make_system: Callable[..., System]) -> None:
    system = make_system(start=False, EXPIRE_CRON="* * * * *", SYNC_CRON="never", PUBLISH_CRON="never")
    for name in ("jobs-b", "jobs-c"):
        system.add(name, "jobs")
    system.start()
    wait_until(lambda: bool(system.api.get("/jobs?status=done").json()["data"]), 20)
    found = system.api.get("/jobs").json()["data"]
    assert {record["name"] for record in found} == {"expire"}
    assert all(record["asked_by"] == "schedule" for record in found)
    # One a minute: two when the test began just before a full one.
    assert len(found) == len({record["id"] for record in found}) <= 2
    done = sum(system.log(name).count('"job_done"') for name in ("jobs", "jobs-b", "jobs-c"))
    assert done == len(system.api.get("/jobs?status=done").json()["data"])


def test_a_restore_whose_worker_is_killed_is_done_by_the_next_one(make_system: Callable[..., System]) -> None:
    system = make_system(DUMP_WAIT_SECONDS="0")
    for number in range(3):
        system.api.post(
            "/file",
            files={"file": ("a.svg", b'<svg xmlns="http://www.w3.org/2000/svg"/>')},
            data={"namespace": "DEV", "filename": f"a{number}.svg"},
        )
    before = system.api.get("/catalog").content
    assert run(system, "publish")["status"] == "done"
    system.api.delete("/catalog")
    system.kill("jobs")
    asked = system.api.post("/catalog/restore-dump").json()["job"]
    system.start("jobs")
    wait_until(lambda: job(system, asked["id"])["status"] == "running" or system.api.get("/catalog").content == before)
    system.kill("jobs")
    assert system.api.get("/catalog").content in (b"[]", before)
    system.start("jobs")
    wait_until(lambda: job(system, asked["id"])["status"] == "done", 30)
    assert system.api.get("/catalog").content == before


def test_jobs_survive_a_redis_that_is_killed(make_system: Callable[..., System]) -> None:
    system = make_system(DUMP_WAIT_SECONDS="0")
    asked = [system.api.post("/jobs/publish").json()["data"][0]["id"] for _ in range(2)]
    system.kill("redis")
    assert system.api.get("/jobs").status_code == 503
    assert system.api.post("/jobs/sync").status_code == 503
    assert system.api.post("/catalog/create-dump").status_code == 503
    system.start("redis")
    for job_id in asked:
        wait_until(lambda job_id=job_id: job(system, job_id)["status"] == "done", 40)  # type: ignore[misc]


def test_another_program_asks_for_jobs_as_the_document_shows(make_system: Callable[..., System]) -> None:
    """The program in docs/jobs.md, run as it stands there."""
    system = make_system()
    page = (ROOT / "docs/jobs.md").read_text()
    [program] = [block.partition("```")[0] for block in page.split("```python\n")[1:]]
    here = program.replace("redis://localhost:6379", f"redis://localhost:{system.ports.redis}")
    assert here != program
    done = subprocess.run([sys.executable, "-"], input=here, capture_output=True, text=True, check=True, timeout=30)
    assert "entries were looked at" in done.stdout
    [record] = system.api.get("/jobs?name=sync").json()["data"]
    assert (record["status"], record["asked_by"], record["arguments"]) == ("done", "queue", {"dry_run": True})
