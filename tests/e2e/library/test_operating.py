"""What operators see in the library: jobs, dumps, webhooks, and how the system is."""

import re
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import orjson
import pytest
import redis
from playwright.sync_api import Locator, Page, Route, expect

from services.core.assets.entries import timestamp
from services.core.jobs.log import Record
from services.core.state import keys
from tests.e2e.library.conftest import ADMIN, EDITOR, READER, Library, Open, check_with_axe
from tests.processes.webhook_receiver import Receiver, Reply
from tests.support.waits import wait_until

Entry = dict[str, Any]
PLACES = ("jobs", "dumps", "webhooks", "health")
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
SCRIPT = "<script>document.title = 'taken'</script>"


def row(page: Page, table: str, text: str) -> Locator:
    return page.get_by_role("table", name=table, exact=True).get_by_role("row").filter(has_text=text)


def job_of(library: Library, name: str, **arguments: Any) -> dict[str, Any]:
    """Ask for a job and return it when it has ended."""
    asked = library.api.post(f"/jobs/{name}", json=arguments).json()["data"][0]["id"]

    def now() -> dict[str, Any]:
        [found] = library.api.get(f"/jobs/{asked}").json()["data"]
        return dict(found)

    wait_until(lambda: now()["ended_at"] is not None)
    return now()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(lambda _: Reply(503, text=f"Down {SCRIPT}")) as made:
        yield made


@pytest.fixture
def webhook(library: Library, receiver: Receiver) -> Iterator[dict[str, Any]]:
    """A webhook whose receiver is down."""
    body = {"address": receiver.address, "description": f"The shop {SCRIPT}", "folder": "/DEV/scratch"}
    [made] = library.api.post("/webhooks", json=body).json()["data"]
    yield made
    library.api.delete(f"/webhooks/{made['id']}")


@pytest.mark.parametrize("token", [READER, EDITOR])
def test_only_administrators_see_places_for_operators(opened: Open, token: str) -> None:
    page = opened("?place=jobs", token=token)
    expect(page.get_by_role("alert")).to_contain_text("You are not allowed")
    for name in ("Jobs", "Dumps", "Webhooks", "Health"):
        expect(page.get_by_role("button", name=name, exact=True)).to_have_count(0)


def test_the_sidebar_leads_to_each_place_and_back(opened: Open) -> None:
    page = opened()
    for name in ("Jobs", "Dumps", "Webhooks", "Health"):
        page.get_by_role("button", name=name, exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(name)
        expect(page.get_by_role("button", name=name, exact=True)).to_have_attribute("aria-current", "page")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Webhooks")
    page.get_by_role("button", name="All files").first.click()
    expect(page.get_by_role("grid")).to_be_visible()


def test_a_job_is_started_by_a_form_that_is_made_of_what_the_api_says(library: Library, opened: Open) -> None:
    page = opened("?place=jobs")
    page.get_by_role("button", name="Start a job").click()
    kinds = library.api.get("/job-kinds").json()["data"]
    table = page.get_by_role("table", name="What can be run, and when it runs by itself")
    expect(table.get_by_role("row")).to_have_count(1 + len(kinds))
    start = table.get_by_role("button", name="Start: Compare with the storage")
    start.press("Enter")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(start).to_be_focused()
    start.press("Enter")
    form = page.get_by_role("dialog")
    [sync] = (kind for kind in kinds if kind["name"] == "sync")
    expect(form).to_contain_text(sync["arguments"]["properties"]["max_percent"]["description"])
    field = form.get_by_label("Most that may go, in percent")
    field.fill("200")
    form.get_by_role("button", name="Dry run").click()
    assert field.evaluate("(one) => !one.validity.valid"), "the limits of the API hold in the form"
    field.fill("12.5")
    form.get_by_role("button", name="Dry run").click()
    started = page.get_by_role("table", name="Runs").get_by_role("row").nth(1)
    expect(started).to_contain_text("Done")
    result = page.get_by_role("table", name="Runs").get_by_role("row").nth(2)
    expect(result).to_contain_text(re.compile("Dry run\\s*yes"))
    page.reload()
    expect(result).to_contain_text("Files in the storage")  # The address names the run.
    [latest] = library.api.get("/jobs?name=sync&limit=1").json()["data"]
    assert latest["arguments"] == {"dry_run": True, "max_percent": 12.5}
    assert (latest["asked_by"], latest["result"]["dry_run"]) == ("admin", True)
    [short] = library.api.get("/jobs?name=sync&limit=1&results=false").json()["data"]
    assert short == {**latest, "result": None}
    expect(result.get_by_text('"missing_count"')).to_be_hidden()
    result.get_by_text("The whole answer").click()
    expect(result.get_by_text('"missing_count"')).to_be_visible()


def test_a_job_that_has_failed_says_why_and_can_be_found(library: Library, opened: Open) -> None:
    failed = job_of(library, "restore_dump", filename="no-such-dump.json")
    page = opened("?place=jobs")
    page.get_by_label("State", exact=True).select_option("Failed")
    page.get_by_label("Job", exact=True).select_option("Restore a dump")
    one = row(page, "Runs", failed["id"])
    expect(one).to_contain_text("Failed")
    one.get_by_role("button", name=f"What came of Restore a dump {failed['id']}").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("JSON dump file not found")
    page.get_by_label("State", exact=True).select_option("Waiting")
    expect(page.get_by_text("No run is like this.")).to_be_visible()


def test_a_run_shows_how_far_it_is(library: Library, opened: Open) -> None:
    job = {**job_of(library, "expire"), "status": "running", "ended_at": None, "result": None}

    def running(route: Route) -> None:
        said = {**job, "progress": {"done": 300, "count": 1200}}
        route.fulfill(json={"data": [said], "errors": [], "problems": []})

    page = opened(start=False)
    page.route("**/prefix/jobs?*", running)
    page.goto(f"{library.address}?place=jobs")
    bar = page.get_by_role("progressbar", name="How far it is: Mark what has expired")
    expect(bar).to_have_attribute("value", "300")
    expect(page.get_by_role("table", name="Runs")).to_contain_text("300 of 1,200")


@pytest.fixture
def unending(library: Library) -> Iterator[Record]:
    """A job that seems to run as long as a worker seems to have its lease."""
    job = Record("describe-0123456789abcdef", "describe", "admin", status="running", attempts=1)
    with redis.Redis(port=library.system.ports.redis) as client:
        write(client, job)
        client.set(keys.lease(job.id), "a worker")
        yield job
        client.delete(keys.job(job.id), keys.lease(job.id), keys.job_cancelled(job.id))
        client.zrem(keys.JOB_LOG, job.id)


def write(client: "redis.Redis[bytes]", job: Record) -> None:
    client.set(keys.job(job.id), orjson.dumps(asdict(job)))
    client.zadd(keys.JOB_LOG, {job.id: time.time()})


def test_a_job_is_cancelled_after_a_question_and_what_becomes_of_it_is_seen(
    library: Library, opened: Open, unending: Record
) -> None:
    page = opened("?place=jobs")
    one = row(page, "Runs", unending.id)
    button = one.get_by_role("button", name=f"Cancel: Look at pictures {unending.id}")
    button.press("Enter")
    question = page.get_by_role("dialog", name="Cancel Look at pictures?")
    expect(question).to_contain_text("What it has done until then stays")
    check_with_axe(page)
    question.get_by_role("button", name="Let it go on").press("Enter")
    expect(one).to_contain_text("Running")
    button.press("Enter")
    question.get_by_role("button", name="Cancel the job").press("Enter")
    expect(one).to_contain_text("Stops soon")
    expect(button).to_be_disabled()
    one.get_by_role("button", name=f"What came of Look at pictures {unending.id}").press("Enter")
    with redis.Redis(port=library.system.ports.redis) as client:
        done = {"checked": 17}
        write(client, replace(unending, status="cancelled", cancelled_by="admin", ended_at=timestamp(), result=done))
    expect(one).to_contain_text("Cancelled")
    expect(button).to_have_count(0)
    result = page.get_by_role("table", name="Runs").get_by_role("row").filter(has_text="Cancelled by admin.")
    expect(result).to_contain_text(re.compile("Looked at\\s*17"))


def test_a_job_that_ends_during_the_question_is_left_as_it_is(library: Library, opened: Open, unending: Record) -> None:
    page = opened("?place=jobs")
    one = row(page, "Runs", unending.id)
    one.get_by_role("button", name="Cancel: Look at pictures").click()
    with redis.Redis(port=library.system.ports.redis) as client:
        write(client, replace(unending, status="done", ended_at=timestamp(), result={"checked": 17}))
    page.get_by_role("dialog").get_by_role("button", name="Cancel the job").click()
    expect(page.locator(".toast")).to_contain_text("Look at pictures had ended already.")
    expect(one).to_contain_text("Done")


def test_a_dump_is_made_saved_and_restored_after_a_dry_run(library: Library, opened: Open, scratch: Entry) -> None:
    page = opened("?place=dumps")
    page.get_by_role("button", name="Make a dump").click()
    page.get_by_role("dialog").get_by_role("button", name="Make a dump").click()
    expect(page.get_by_role("dialog")).to_contain_text("The dump is made.")
    page.get_by_role("dialog").get_by_role("button", name="Close").last.click()
    [dump, *_] = library.api.get("/catalog/dumps").json()["data"]
    one = row(page, "Dumps", f"dump_{dump['timestamp']}")
    expect(one).to_contain_text(re.compile(r"latest.*there", re.DOTALL))
    with page.expect_download() as saved:
        one.get_by_role("button", name=f"Save dump_{dump['timestamp']}.json").click()
    assert len(orjson.loads(saved.value.path().read_bytes())) == dump["records"]

    library.change(scratch["uuid"], title="Since then")
    since = library.upload("since.jpg", library.picture(77), destination="scratch")
    filename = dump["files"]["json"]["filename"]
    one.get_by_role("button", name="Restore the dump of").click()
    box = page.get_by_role("dialog", name=f"Restore {filename}")
    expect(box.get_by_text(f"It has {dump['records']} entries that can be restored.")).to_be_visible()
    for name, count in (("Come back", 0), ("Go", 1), ("Change", 1), ("Stay", dump["records"] - 1)):
        expect(box.locator(".tiles > div").filter(has_text=re.compile(f"^{name}\\d"))).to_contain_text(str(count))
    expect(box).to_contain_text(
        "1 entry was made after this dump, and nobody finds it afterwards. 1 entry loses what was"
    )
    box.get_by_text("What goes (1)").click()
    expect(box.get_by_text(since["unique_name"])).to_be_visible()
    check_with_axe(page)
    now = box.get_by_role("button", name="Replace the catalog")
    expect(now).to_be_disabled()
    box.get_by_label(f"Type {filename} to confirm").fill(filename[:-1])
    expect(now).to_be_disabled()
    assert library.api.get(f"/catalog/{since['uuid']}").status_code == 200, "nothing has been changed yet"
    box.get_by_label(f"Type {filename} to confirm").fill(filename)
    now.click()
    expect(box).to_contain_text(f"The catalog is that of the dump: {dump['records']} entries.")
    expect(box).to_contain_text("No cache serves anything from before.")
    assert library.api.get(f"/catalog/{since['uuid']}").status_code == 404
    assert library.entry(scratch["uuid"])["title"] is None


def test_a_dump_that_is_not_there_is_said_plainly(opened: Open) -> None:
    page = opened("?place=dumps")
    page.get_by_label("Name").fill("before-the-move")
    page.get_by_role("button", name="Restore …", exact=True).last.click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("JSON dump file not found")
    expect(page.get_by_role("button", name="Replace the catalog")).to_have_count(0)


def test_the_system_is_seen_as_it_is_and_examined(library: Library, opened: Open) -> None:
    page = opened("?place=health")
    expect(page.get_by_text("All is well.")).to_be_visible()
    processes = page.get_by_role("table", name="Processes")
    for service in ("catalog", "transform", "jobs"):
        expect(processes.get_by_role("row").filter(has_text=service).first).to_contain_text("Ready")
    nodes = page.get_by_role("table", name="Nodes of the gateway")
    for tier in ("Edge", "Cache tier"):
        expect(nodes.get_by_role("row").filter(has_text=tier)).to_contain_text("Has every change")
    page.get_by_role("button", name="Examine now").click()
    findings = page.get_by_role("table", name="Doctor")
    for service in ("catalog", "transform", "jobs"):
        expect(findings.get_by_role("row").filter(has_text=service).first).to_be_visible()
    expect(findings).to_contain_text("an object was written, read and deleted")
    expect(findings).to_contain_text("an SVG was drawn in its own process")


def test_who_does_not_look_asks_nothing(library: Library, opened: Open) -> None:
    page = opened(start=False)
    page.clock.install()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/status") else None)
    page.goto(f"{library.address}?place=health")
    expect(page.get_by_text("All is well.")).to_be_visible()
    page.evaluate("""() => {
        Object.defineProperty(document, 'hidden', {configurable: true, get: () => window.away});
        window.away = true;
        document.dispatchEvent(new Event('visibilitychange'));
    }""")
    asked.clear()
    page.clock.run_for(60_000)
    assert asked == []
    page.evaluate("() => { window.away = false; document.dispatchEvent(new Event('visibilitychange')); }")
    wait_until(lambda: page.evaluate("1") == 1 and len(asked) == 1)
    page.clock.run_for(4_000)
    assert len(asked) == 1


def test_what_is_wrong_is_said_first_and_with_its_cause(library: Library, opened: Open) -> None:
    [status] = library.api.get("/status").json()["data"]
    for process in status["processes"]:
        if process["service"] == "transform":
            process.update(alive=False, ready=False)
        else:
            process.update(ready=False, storage="The storage does not answer.", failing_seconds={"storage": 75.0})
    nodes = library.api.get("/nodes").json()
    nodes["data"][0].update(away_since="2026-01-01T00:00:00+00:00", problem="It does not answer.", has_change=False)
    page = opened(start=False)
    page.route("**/prefix/status", lambda route: route.fulfill(json={"data": [status], "errors": [], "problems": []}))
    page.route("**/prefix/nodes", lambda route: route.fulfill(json=nodes))
    page.goto(f"{library.address}?place=health")
    said = page.get_by_role("status").filter(has_text="No process of transform runs")
    expect(said).to_contain_text("No process of catalog is ready")
    expect(said).to_contain_text(f"does not answer: {nodes['data'][0]['node']}")
    catalog = page.get_by_role("table", name="Processes").get_by_role("row").filter(has_text="catalog").first
    expect(catalog).to_contain_text("Storage: The storage does not answer. (1 min 15 sec)")
    check_with_axe(page)


def test_a_failing_network_leaves_what_was_there(library: Library, opened: Open) -> None:
    page = opened("?place=health")
    expect(page.get_by_text("All is well.")).to_be_visible()
    page.route("**/prefix/status", lambda route: route.abort())
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # It looks at once then.
    expect(page.get_by_role("alert")).to_contain_text("No connection to the service.")
    expect(page.get_by_role("alert")).to_contain_text("What you see is from before.")
    expect(page.get_by_text("All is well.")).to_have_count(0)
    expect(page.get_by_role("table", name="Processes")).to_be_visible()
    page.unroute("**/prefix/status")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("All is well.")).to_be_visible()


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [(403, "forbidden", "You are not allowed"), (409, "conflict", "does not go together"), (500, "x", "went wrong in")],
)
def test_a_refusal_is_said_plainly(library: Library, opened: Open, status: int, code: str, said: str) -> None:
    page = opened("?place=dumps")
    problem = {"code": code, "message": "The reason.", "hint": "What to do."}
    page.route(
        "**/prefix/jobs/create_dump",
        lambda route: route.fulfill(status=status, json={"data": [], "errors": ["x"], "problems": [problem]}),
    )
    page.get_by_role("button", name="Make a dump").click()
    page.get_by_role("dialog").get_by_role("button", name="Make a dump").click()
    alert = page.get_by_role("dialog").get_by_role("alert")
    expect(alert).to_contain_text(said)
    expect(alert).to_contain_text("What to do.")


def test_a_webhook_is_added_and_its_secret_is_shown_once(library: Library, opened: Open, receiver: Receiver) -> None:
    receiver.reply = lambda _: Reply()
    page = opened("?place=webhooks")
    expect(page.get_by_text("Nobody is told of events yet.")).to_be_visible()
    page.get_by_role("button", name="Add a webhook").click()
    box = page.get_by_role("dialog")
    box.get_by_label("Address of the receiver").fill("http://10.0.0.1/hook")
    box.get_by_role("button", name="Save").click()
    expect(box.get_by_role("alert")).to_contain_text("The service does not accept this.")
    box.get_by_label("Address of the receiver").fill(receiver.address)
    box.get_by_label("Description").fill("The CMS")
    box.get_by_label("Deleted").check()
    box.get_by_label("SHOP").check()
    box.get_by_role("button", name="Save").click()
    secret = page.get_by_role("textbox", name="Secret of the webhook")
    expect(secret).to_be_visible()
    [made] = library.api.get("/webhooks").json()["data"]
    try:
        assert (made["kinds"], made["namespaces"], made["description"]) == (["asset.deleted"], ["SHOP"], "The CMS")
        first = secret.input_value()
        assert first.startswith("whsec_")
        page.get_by_role("button", name="I have kept it").click()
        assert first not in page.content()

        page.get_by_role("button", name=f"More about {receiver.address}").click()
        page.get_by_role("button", name="Send a trial event").click()
        expect(page.get_by_text("The trial has arrived.")).to_be_visible()
        assert receiver.arrivals[-1].event["kind"] == "webhook.test"
        page.get_by_role("button", name="New secret").click()
        page.get_by_role("dialog").get_by_role("button", name="New secret").click()
        expect(secret).to_have_value(re.compile("^whsec_"))
        assert secret.input_value() != first
        page.keyboard.press("Escape")
        expect(page.get_by_text("also signed with the secret before")).to_be_visible()

        page.get_by_role("button", name="Edit", exact=True).click()
        page.get_by_role("dialog").get_by_label("Folder").fill("/SHOP/shoes")
        page.get_by_role("dialog").get_by_role("button", name="Save").click()
        expect(page.get_by_text("/SHOP/shoes")).to_be_visible()
        page.get_by_role("button", name="Pause").click()
        expect(row(page, "Webhooks", "The CMS")).to_contain_text("Paused")
        assert library.api.get("/webhooks").json()["data"][0]["active"] is False
        page.get_by_role("button", name="Delete", exact=True).click()
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        expect(page.get_by_text("Nobody is told of events yet.")).to_be_visible()
        assert library.api.get("/webhooks").json()["data"] == []
    finally:
        library.api.delete(f"/webhooks/{made['id']}")


def test_a_trial_is_not_followed_when_its_place_is_left(
    library: Library, opened: Open, webhook: dict[str, Any], receiver: Receiver
) -> None:
    page = opened(f"?place=webhooks&at={webhook['id']}")
    held: list[Route] = []
    page.route("**/prefix/jobs/test_webhook-*", lambda route: held.append(route))
    page.get_by_role("button", name="Send a trial event").click()
    wait_until(lambda: page.evaluate("1") == 1 and len(held) == 1)
    with page.expect_event("requestfailed", lambda request: "/jobs/test_webhook-" in request.url):
        page.get_by_role("button", name="Health", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Health")
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.locator(".toast")).to_have_count(0)


TAKEN = "sessionStorage.setItem('tada.token', 'taken-away')"


def sign_in_again(page: Page) -> None:
    """Sign in, as the page asks for it when the token that it has is not valid any more."""
    question = page.get_by_role("dialog").filter(has_text="Your token is not valid any more")
    expect(question).to_contain_text("What you have typed is still there.")
    question.get_by_label("Token").fill(ADMIN)
    page.keyboard.press("Enter")
    expect(question).to_have_count(0)


def test_a_job_whose_token_has_ended_is_started_with_another_one(library: Library, opened: Open) -> None:
    page = opened("?place=jobs")
    page.get_by_role("button", name="Start a job").click()
    page.get_by_role("button", name="Start: Compare with the storage").click()
    form = page.get_by_role("dialog", name="Compare with the storage")
    field = form.get_by_label("Most that may go, in percent")
    field.fill("12.5")
    page.evaluate(TAKEN)
    form.get_by_role("button", name="Dry run").click()
    sign_in_again(page)
    expect(field).to_have_value("12.5")
    form.get_by_role("button", name="Dry run").click()
    expect(page.get_by_role("table", name="Runs").get_by_role("row").nth(1)).to_contain_text("Done")
    [latest] = library.api.get("/jobs?name=sync&limit=1").json()["data"]
    assert latest["arguments"] == {"dry_run": True, "max_percent": 12.5}


def test_a_dump_whose_token_has_ended_keeps_what_was_typed(opened: Open) -> None:
    page = opened("?place=dumps")
    page.get_by_role("button", name="Make a dump").click()
    form = page.get_by_role("dialog", name="Make a dump")
    field = form.get_by_role("textbox").first
    field.fill("before-the-move")
    page.evaluate(TAKEN)
    form.get_by_role("button", name="Make a dump").click()
    sign_in_again(page)
    expect(field).to_have_value("before-the-move")


def test_a_webhook_whose_token_has_ended_keeps_what_was_typed(
    library: Library, opened: Open, receiver: Receiver
) -> None:
    page = opened("?place=webhooks")
    page.get_by_role("button", name="Add a webhook").click()
    form = page.get_by_role("dialog", name="Add a webhook")
    form.get_by_label("Address of the receiver").fill(receiver.address)
    form.get_by_label("Description").fill("The CMS")
    page.evaluate(TAKEN)
    form.get_by_role("button", name="Save").click()
    sign_in_again(page)
    expect(form.get_by_label("Description")).to_have_value("The CMS")
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_role("textbox", name="Secret of the webhook")).to_be_visible()
    [made] = library.api.get("/webhooks").json()["data"]
    assert (made["address"], made["description"]) == (receiver.address, "The CMS")
    library.api.delete(f"/webhooks/{made['id']}")


def test_who_looks_at_the_health_with_a_token_that_has_ended_goes_on_with_another_one(opened: Open) -> None:
    page = opened("?place=health")
    expect(page.get_by_text("All is well.")).to_be_visible()
    page.evaluate(TAKEN)
    page.get_by_role("button", name="Examine now").click()
    sign_in_again(page)
    expect(page.get_by_role("table", name="Processes")).to_be_visible()
    page.get_by_role("button", name="Examine now").click()
    expect(page.get_by_role("table", name="Doctor")).to_be_visible()


def test_dead_letters_are_seen_sent_again_and_deleted(
    library: Library, opened: Open, webhook: dict[str, Any], receiver: Receiver, scratch: Entry
) -> None:
    def now() -> dict[str, Any]:
        [found] = library.api.get(f"/webhooks/{webhook['id']}").json()["data"]
        return dict(found)

    for title in ("One", "Two"):
        library.change(scratch["uuid"], title=title)
    wait_until(lambda: now()["dead_letters"] >= 2 and now()["waiting"] == 0)
    page = opened(f"?place=webhooks&at={webhook['id']}")
    expect(row(page, "Webhooks", receiver.address).first).to_contain_text("Fails")
    letters = page.get_by_role("table", name="Dead letters")
    changed = letters.get_by_role("row").filter(has_text="Changed")
    expect(changed).to_have_count(2)
    expect(changed.first).to_contain_text(f"503 Down {SCRIPT}")
    expect(changed.first).to_contain_text("have failed")
    changed.first.get_by_text("Show it").click()
    expect(changed.first).to_contain_text('"title": "One"')
    check_with_axe(page)

    receiver.reply = lambda _: Reply()
    changed.first.get_by_role("checkbox").check()
    page.get_by_role("button", name="Send 1 again").click()
    expect(page.get_by_text("1 event is sent again.")).to_be_visible()
    wait_until(lambda: [event["after"].get("title") for event in receiver.events] == ["One"])
    page.get_by_role("button", name=re.compile("^Delete all")).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete all").click()
    expect(page.get_by_text("None: every event has been delivered, or waits.")).to_be_visible()
    assert now()["dead_letters"] == 0
    assert page.title() == "TADA", "no text of others is a script"


@pytest.mark.parametrize("place", PLACES)
def test_nothing_keeps_people_out_of_a_place(
    library: Library, opened: Open, webhook: dict[str, Any], place: str
) -> None:
    library.api.post("/catalog/create-dump")
    page = opened(f"?place={place}", color_scheme="dark")
    expect(page.get_by_role("table").first).to_be_visible()
    check_with_axe(page)
    phone = opened(f"?place={place}", **PHONE)
    expect(phone.get_by_role("table").first).to_be_visible()
    check_with_axe(phone)
    assert phone.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    small = phone.evaluate(
        "[...document.querySelectorAll('.place button, .place input:not([type=checkbox]), .place select')]"
        ".map((one) => one.getBoundingClientRect()).filter(({height}) => height > 0 && height < 44).length"
    )
    assert small == 0


@pytest.mark.parametrize("language", ["de", "fr"])
def test_places_speak_the_language_of_the_reader(
    library: Library, opened: Open, webhook: dict[str, Any], language: str
) -> None:
    job_of(library, "sync", dry_run=True)
    page = opened(start=False, locale=language)
    for place in PLACES:
        page.goto(f"{library.address}?place={place}")
        expect(page.get_by_role("table").first).to_be_visible()
        text = page.locator(".place").inner_text()
        assert not re.search(r"\b(?:manage|jobs|dumps|webhooks|health)\.[a-z]", text), text
