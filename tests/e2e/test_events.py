"""The feed on a whole system: every change is told once, with who and why, and nobody who follows it misses any."""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import redis

from services.core.assets.events import Event
from services.core.state import keys
from services.core.state.changes import read_event
from tests.processes.system import System
from tests.support.event_stream import following
from tests.support.problems import problem
from tests.support.waits import wait_until

ROLES = {"cms": "write:DEV,PROD", "admin": "admin:*", "reader": "read:*", "dev": "read:DEV", "prod": "write:PROD"}
"""Of tokens that are the names of their owners."""


def line(name: str, role: str) -> str:
    return f"{name}:{role}:{hashlib.sha256(name.encode()).hexdigest()}"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("told")
    (folder / "tokens").write_text(line("leaver", "read:*"))
    tokens = {
        "MEDIA_TOKENS": ";".join(line(name, role) for name, role in ROLES.items()),
        "MEDIA_TOKENS_FILE": str(folder / "tokens"),
    }
    made = System(folder, {"NAMESPACES_ALLOWED": "DEV,PROD", "KEEP_VERSIONS": "2", "TRASH_DAYS": "30", **tokens})
    try:
        made.start()
        yield made
    finally:
        made.stop()


class Caller:
    """Sends requests with a token, each with an id that it knows."""

    def __init__(self, system: System, token: str) -> None:
        self._system, self._token, self.request_id = system, token, ""

    def __call__(self, method: str, path: str, status: int = 200, **body: Any) -> Any:
        self.request_id = f"request-{time.monotonic_ns()}"
        headers = {"authorization": f"Bearer {self._token}", "x-request-id": self.request_id}
        answer = self._system.api.request(method, path, headers=headers, **body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def after(self, position: str, **query: str) -> list[dict[str, Any]]:
        """Return the events after one, without those of the describer: when these come, nobody can say."""
        found = self("GET", "/events", params={"after": position, **query})
        assert not found["reset"]
        return [event for event in found["data"] if event["kind"] != "asset.described"]


def all_events(system: System) -> list[Event]:
    """Return what the log has."""
    client = redis.Redis(port=system.ports.redis)
    logged: Any = client.xrange(keys.CHANGES)
    found = [read_event(number, fields) for number, fields in logged]
    client.close()
    return [event for event in found if event]


def test_each_route_that_changes_something_makes_one_event_with_who_and_why(
    told: System, photos: dict[str, bytes], name: str
) -> None:
    cms, admin, reader = (Caller(told, token) for token in ("cms", "admin", "reader"))
    position, files = reader("GET", "/events")["last"], {"file": (f"{name}.jpg", photos["china.jpg"])}
    place, second = {"namespace": "DEV", "destination": name}, {"file": ("other.jpg", photos["flower.jpg"])}

    def one(caller: Caller, kind: str, who: str = "") -> dict[str, Any]:
        """Return the one event of a request, or of its job."""
        nonlocal position
        wait_until(lambda: bool(reader.after(position)))
        [event] = reader.after(position)
        assert (event["kind"], event["who"]) == (kind, who or caller._token), event
        assert event["request_id"] == caller.request_id
        position = event["id"]
        return event

    entry = cms("POST", "/file", files=files, data={**place, "title": "A city"})["data"][0]
    uuid, path = entry["uuid"], entry["unique_name"]
    created = one(cms, "asset.created")
    assert (created["uuid"], created["unique_name"], created["before"]) == (uuid, path, None)
    known = ("version", "mimetype", "size", "signature", "title")
    assert created["after"] == {field: entry[field] for field in known}
    cms("POST", "/file", 400, files=files, data=place)
    named = {**place, "filename": f"{name}.jpg"}
    cms("POST", "/file", files=second, params={"on_conflict": "replace"}, data=named)
    assert one(cms, "asset.replaced")["before"] == {field: entry[field] for field in ("version", "size", "signature")}
    cms("PATCH", f"/file/{uuid}", files=files)
    assert one(cms, "asset.replaced")["after"]["signature"] == entry["signature"]
    cms("PATCH", f"/file/{uuid}", json={"alt": "white"})
    assert one(cms, "asset.changed")["after"] == {"alt": "white"}
    cms("PATCH", f"/catalog/{uuid}", json={"alt": "grey"})
    assert one(cms, "asset.changed")["before"] == {"alt": "white"}
    cms("PATCH", "/catalog", json=[{"uuid": uuid, "alt": "black"}])
    one(cms, "asset.changed")
    cms("PATCH", "/files", files=[("files", second["file"])], data={"uuids": uuid})
    one(cms, "asset.replaced")
    cms("POST", f"/catalog/{uuid}/versions/3/restore")
    restored = one(cms, "asset.restored")
    assert (restored["before"]["version"], restored["after"]["version"]) == (4, 5)
    moved = cms("PATCH", f"/file/{uuid}", json={"destination": f"{name}/moved"})["data"][0]
    event = one(cms, "asset.moved")
    assert (event["unique_name"], event["uuid"]) == (moved["unique_name"], moved["uuid"])
    assert event["before"] == {"uuid": uuid, "unique_name": path}
    gone = cms("DELETE", f"/file/{moved['uuid']}")["data"][0]
    deletion = one(cms, "asset.deleted")
    assert (deletion["id"], deletion["after"]) == (gone["trash"]["id"], None)
    cms("POST", f"/catalog/trash/{gone['trash']['id']}/restore")
    back = one(cms, "asset.restored")
    assert (back["before"], back["after"]["deletion"]) == (None, deletion["id"])
    uuid = moved["uuid"]
    cms("DELETE", "/files", json=[{"uuids": [uuid]}])
    one(cms, "asset.deleted")
    cms("POST", "/files", files=[("files", files["file"])], data=place)
    one(cms, "asset.created")
    uuid = entry["uuid"]
    cms("DELETE", f"/catalog/{uuid}")
    one(cms, "asset.deleted")
    cms("POST", "/catalog", 201, json={"unique_name": path})
    one(cms, "asset.created")
    cms("PATCH", "/catalog/search", 202, params={"folder": f"/DEV/{name}"}, json={"add_tags": ["summer"]})
    assert one(cms, "asset.changed")["after"] == {"tags": ["summer"]}
    cms("PATCH", f"/catalog/{uuid}", json={"expiration_date": "2026-01-31"})
    one(cms, "asset.changed")
    admin("POST", "/jobs/expire", 202)
    wait_until(lambda: bool(reader.after(position)))
    [expired] = reader.after(position)  # By the job that was asked for, or by the one that runs every ten seconds.
    assert expired["who"] in ("admin", "job:expire")
    assert expired["after"] == {"expired": True}
    position = expired["id"]
    cms("DELETE", "/catalog/search", 202, params={"folder": f"/DEV/{name}", "confirm": "1"})
    one(cms, "asset.deleted")
    admin("POST", "/catalog/create-dump")
    admin("POST", "/catalog/restore-dump")
    assert one(admin, "catalog.replaced")["after"]["cause"] == "restored"
    admin("POST", "/file", files=files, data={"namespace": "PROD"})
    one(admin, "asset.created")
    admin("DELETE", "/catalog")
    assert one(admin, "catalog.replaced")["after"] == {"cause": "emptied", "count": 0}


def test_a_stream_tells_what_happens_and_when_it_is_purged_everywhere(
    told: System, photos: dict[str, bytes], name: str
) -> None:
    cms, address = Caller(told, "cms"), f"{told.api.base_url}/events"
    with (
        following(address, "reader") as everything,
        following(address, "dev", namespace="DEV") as of_dev,
        following(address, "reader", folder=f"/PROD/{name}", kind="asset.deleted") as deletions,
    ):
        assert everything.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert everything.headers["cache-control"] == "no-store"
        streams = (everything, of_dev, deletions)
        assert [stream.wait_for("reset")[0] for stream in streams] == [{"reason": "start"}] * 3
        files = {"file": (f"{name}.jpg", photos["china.jpg"])}
        for namespace in ("DEV", "PROD"):
            uuid = cms("POST", "/file", files=files, data={"namespace": namespace, "destination": name})["data"][0][
                "uuid"
            ]
        cms("DELETE", f"/file/{uuid}")
        [deleted] = deletions.wait_for("change")
        assert (deleted["kind"], deleted["unique_name"]) == ("asset.deleted", f"/PROD/{name}/{name}.webp")
        deletions.wait_until_purged(deleted["id"])
        created = of_dev.wait_for("change")[0]
        of_dev.wait_until_purged(created["id"])
        wait_until(lambda: deleted in everything.of("change"))
        kinds = [event["kind"] for event in everything.of("change") if event["kind"] != "asset.described"]
        assert kinds == ["asset.created", "asset.created", "asset.deleted"]
        assert {event["unique_name"].split("/")[1] for event in of_dev.of("change")} == {"DEV"}
    page = Caller(told, "reader")("GET", "/events", params={"after": created["id"], "limit": "1"})
    assert (len(page["data"]), page["more"]) == (1, True)
    assert page["last"] == page["data"][0]["id"] > created["id"]
    # A client whose last event is not in the log is told so, and where to go on.
    with following(address, "reader", last_id="17") as late:
        assert late.wait_for("reset") == [{"reason": "gap"}]
        assert int(late.last_id) >= int(deleted["id"])
    assert Caller(told, "reader")("GET", "/events", params={"after": "17"})["reset"]


def test_only_who_may_read_is_told_and_nobody_at_the_edge(told: System, photos: dict[str, bytes], name: str) -> None:
    admin, address = Caller(told, "admin"), f"{told.api.base_url}/events"
    files = {"file": (f"{name}.jpg", photos["china.jpg"])}
    uuid = admin("POST", "/file", files=files, data={"namespace": "PROD"})["data"][0]["uuid"]
    for path in ("/events", f"/catalog/{uuid}/history"):
        for headers in ({}, {"accept": "text/event-stream"}, {"authorization": "Bearer admin"}):
            assert told.edge.get(path, headers=headers).status_code == 404
            assert told.api.get(path, headers={**headers, "authorization": "Bearer wrong"}).status_code == 401
    dev = Caller(told, "dev")
    for query in ({"namespace": "PROD"}, {"folder": "/PROD/shop"}):
        dev("GET", "/events", 403, params=query)
    dev("GET", f"/catalog/{uuid}/history", 403)
    admin("DELETE", f"/file/{uuid}")
    dev("GET", f"/catalog/{uuid}/history", 403)
    cursor = f"9999999999999999/PROD/{name}.webp"
    dev("GET", f"/catalog/{uuid}/history", 403, params={"cursor": cursor})
    assert not [event for event in dev.after("0") if event["unique_name"] == f"/PROD/{name}.webp"]
    wrong: list[tuple[dict[str, str], dict[str, str]]] = [
        ({"after": "x"}, {}),
        ({"after": "1" * 17}, {}),
        ({"after": "-1"}, {}),
        ({"kind": "asset.painted"}, {}),
        ({"uuid": "x"}, {}),
        ({"folder": "../.."}, {}),
        ({"limit": "0"}, {}),
        ({}, {"last-event-id": "1764066000000001-0"}),
    ]
    for query, headers in wrong:
        for accept in ("application/json", "text/event-stream"):
            given = {"authorization": "Bearer reader", "accept": accept, **headers}
            answer = told.api.get("/events", params=query, headers=given)
            assert (answer.status_code, bool(problem(answer)["hint"])) == (400, True), query
    head = told.api.head(address, headers={"authorization": "Bearer reader", "accept": "text/event-stream"})
    assert (head.status_code, head.content) == (200, b"")


def test_a_stream_ends_when_its_token_is_revoked(told: System, photos: dict[str, bytes], name: str) -> None:
    cms, files = Caller(told, "cms"), {"file": (f"{name}.jpg", photos["china.jpg"])}
    uuid = cms("POST", "/file", files=files, data={"namespace": "DEV"})["data"][0]["uuid"]
    with following(f"{told.api.base_url}/events", "leaver") as found:
        found.wait_for("reset")
        (told.folder / "tokens").write_text("")

        def has_ended() -> bool:
            cms("PATCH", f"/catalog/{uuid}", json={"alt": str(time.monotonic())})
            return found.ends > 0

        wait_until(has_ended)
        wait_until(lambda: found.statuses[-1] == 401)


def test_a_history_goes_back_to_the_creation_over_moves_and_the_trash(
    told: System, photos: dict[str, bytes], name: str
) -> None:
    cms, reader = Caller(told, "cms"), Caller(told, "reader")
    files, place = {"file": (f"{name}.jpg", photos["china.jpg"])}, {"namespace": "DEV", "destination": name}

    def history(uuid: str, **query: str) -> list[str]:
        found, kinds = None, []
        while found is None or "cursor" in query:
            answer = told.api.get(f"/catalog/{uuid}/history", params=query, headers={"authorization": "Bearer reader"})
            assert answer.status_code == 200, answer.text
            found = answer.json()
            kinds += [event["kind"] for event in found["data"] if event["kind"] != "asset.described"]
            query = {**query, "cursor": answer.headers.get("x-next-cursor", "")}
            if not query["cursor"]:
                break
        assert found["complete"]
        assert found["since"]
        return kinds

    # An earlier asset at the same path is another one.
    first = cms("POST", "/file", files=files, data=place)["data"][0]["uuid"]
    cms("DELETE", f"/file/{first}")
    cms("POST", "/file", files=files, data=place)
    moved = cms("PATCH", f"/file/{first}", json={"destination": f"{name}/moved"})["data"][0]["uuid"]
    cms("PATCH", f"/catalog/{moved}", json={"alt": "grey"})
    whole = ["asset.changed", "asset.moved", "asset.created"]
    assert history(first) == history(moved) == whole
    cms("POST", "/file", files=files, data={"namespace": "DEV", "destination": f"{name}/other"})
    trash = cms("DELETE", f"/file/{moved}")["data"][0]["trash"]["id"]
    cms("POST", "/file", files=files, data={**place, "destination": f"{name}/moved"})
    cms("DELETE", f"/file/{moved}")
    cms("POST", f"/catalog/trash/{trash}/restore")
    whole = ["asset.restored", "asset.deleted", *whole]
    for uuid in (moved, moved.upper().replace("-", "")):
        assert history(uuid) == whole
        assert history(uuid, limit="1") == whole
    cms("DELETE", f"/file/{moved}")
    assert history(moved) == ["asset.deleted", *whole]
    assert history(moved, limit="2") == ["asset.deleted", *whole]
    assert history(first) == ["asset.moved", "asset.created"], "the event of the move names the later uuid"
    for unknown in ("nothing", "01234567-0123-0123-0123-0123456789ab"):
        reader("GET", f"/catalog/{unknown}/history", 404)
    reader("GET", f"/catalog/{moved}/history", 400, params={"cursor": "17"})


def test_who_follows_misses_nothing_and_sees_nothing_twice_while_redis_and_the_catalog_are_killed(
    make_system: Callable[..., System], photos: dict[str, bytes]
) -> None:
    system = make_system(replicas=2)
    uuids = [system.upload(f"{number}.jpg", photos["china.jpg"])["uuid"] for number in range(4)]
    acknowledged, stop = list[str](), threading.Event()

    def write(number: int) -> None:
        with httpx.Client(base_url=system.api.base_url, timeout=10) as client:
            for at in range(10_000):
                if stop.is_set():
                    return
                text = f"{number}-{at}"
                try:
                    answer = client.patch(f"/catalog/{uuids[number]}", json={"information": text})
                except httpx.HTTPError:
                    continue
                if answer.status_code == 200:
                    acknowledged.append(text)
                time.sleep(0.005)

    with following(f"{system.api.base_url}/events") as found:
        found.wait_for("reset")
        threads = [threading.Thread(target=write, args=(number,)) for number in range(len(uuids))]
        for thread in threads:
            thread.start()
        for part in ("redis", "catalog.1", "catalog", "redis"):
            before = len(found.of("change"))
            wait_until(lambda before=before: len(found.of("change")) > before + 20)  # type: ignore[misc]
            system.kill(part)
            system.start(part, wait_for_nodes=False)
        before = len(found.of("change"))
        wait_until(lambda: len(found.of("change")) > before + 20)
        stop.set()
        for thread in threads:
            thread.join()
        whole = [event.id for event in all_events(system)]
        wait_until(lambda: found.last_id >= whole[-1])
        seen = [event["id"] for event in found.of("change")]
        assert seen == whole[whole.index(seen[0]) :]
        assert found.of("reset") == [{"reason": "start"}]
        told = {event["after"]["information"] for event in found.of("change") if "information" in event["after"]}
        assert set(acknowledged) <= told
        assert len(acknowledged) > 80
        assert found.ends >= 1
        found.wait_until_purged(whole[-1])
        # A stream does not keep a part from ending. It goes on when that is back.
        for part in ("catalog", "nginx-cache"):
            system.end(part)
            system.start(part)
        last = system.upload("last.jpg", photos["china.jpg"])["uuid"]
        wait_until(lambda: last in [event["uuid"] for event in found.of("change")])
        assert found.of("reset") == [{"reason": "start"}]
