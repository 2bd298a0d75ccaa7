"""The lines that nginx writes: one for each request, which lead to those of the services, and no secrets."""

import json
import socket
from collections.abc import Callable
from typing import Any

from services.core.addresses.signing import sign
from tests.processes.system import System, get_as_is
from tests.support.waits import wait_until

KEY = "k" * 32


def lines(system: System, part: str, **wanted: str) -> list[dict[str, Any]]:
    """Return the lines of a part that is JSON, those with the wanted fields."""
    found = [json.loads(line) for line in system.log(part).splitlines() if line.startswith("{")]
    return [line for line in found if wanted.items() <= line.items()]


def test_one_id_leads_through_the_lines_of_all_tiers_and_the_service(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    system.upload(f"{name}.jpg", photos["china.jpg"])
    path = f"/assets/media/optimise/90x0/DEV/{name}.webp"
    answer = system.edge.get(f"{path}?height=5&token=secret", headers={"X-Request-Id": "chosen-by-a-client"})
    request_id = answer.headers["x-request-id"]
    assert request_id != "chosen-by-a-client"
    for part, service in (("nginx-edge", "edge"), ("nginx-cache", "cache")):
        wait_until(lambda part=part: bool(lines(system, part, request_id=request_id)))  # type: ignore[misc]
        [line] = lines(system, part, request_id=request_id)
        assert (line["service"], line["event"], line["method"], line["path"]) == (service, "request", "GET", path)
        assert (line["key"], line["status"], line["bytes"]) == (path, 200, len(answer.content))
        assert line["cache"] == "MISS"
        assert 0 < line["seconds"] < 60
    assert lines(system, "transform", request_id=request_id)


def test_a_filter_of_the_list_is_in_no_line(system: System, name: str) -> None:
    for client, parts in ((system.edge, ("nginx-edge", "nginx-cache")), (system.api, ("nginx-cache",))):
        answer = client.get("/catalog", params={"filterByKey": "information", "filterByValue": f"secret-{name}"})
        assert (answer.status_code, answer.json()) == (200, [])
        for part in parts:
            wait_until(lambda part=part: bool(lines(system, part, request_id=answer.headers["x-request-id"])))  # type: ignore[misc]  # noqa: B023
    for part in ("nginx-edge", "nginx-cache", "catalog"):
        assert f"secret-{name}" not in system.log(part)


def test_an_application_may_choose_the_id_and_write_nothing_else_into_the_log(system: System) -> None:
    for given, taken in (
        ("from-an-application_1.2", True),
        ("short", False),
        ("x" * 65, False),
        ('chosen","status":200,"x":"', False),
    ):
        path = f"/assets/media/full/DEV/id-{len(given)}.webp"
        answer = system.api.get(path, headers={"X-Request-Id": given})
        assert (answer.headers["x-request-id"] == given) is taken, given
        wait_until(lambda path=path: bool(lines(system, "nginx-cache", path=path, service="entry")))  # type: ignore[misc]
        [line] = lines(system, "nginx-cache", path=path, service="entry")
        assert (line["request_id"], line["status"]) == (answer.headers["x-request-id"], 404)


def test_what_cannot_be_read_makes_a_line_of_json_too(system: System) -> None:
    get_as_is(system.ports.edge, '/assets/media/full/"quoted"\\%22%0a.webp')
    with socket.create_connection(("127.0.0.1", system.ports.edge)) as connection:
        connection.sendall(b"GET /assets/media/full/unread\xffable.webp HTTP/1.0\r\n\r\n")
        connection.recv(1)
    system.edge.request("TRACE", "/traced")
    for path in ("/traced", '/assets/media/full/"quoted"\\%22%0a.webp', "/assets/media/full/unread"):
        wait_until(lambda path=path: bool(lines(system, "nginx-edge", path=path)))  # type: ignore[misc]


def test_no_signature_and_no_ticket_is_in_any_line(
    make_system: Callable[..., System], photos: dict[str, bytes], name: str
) -> None:
    system = make_system(SIGNED_URLS="true", URL_SIGNING_KEYS=KEY)
    system.upload(f"{name}.jpg", photos["china.jpg"])
    path = f"/assets/media/full/DEV/{name}.webp"
    signature = sign(KEY, path)
    assert system.edge.get(f"{path}?signature={signature}").status_code == 200
    assert system.api.get(f"{path}?signature={signature}").status_code == 200
    wait_until(lambda: bool(lines(system, "nginx-edge", path=path) and lines(system, "nginx-cache", path=path)))
    # The address of an archive is as good as a password until it has been fetched.
    made = system.api.post("/catalog/archives", json={"search": {}}).json()["data"][0]["url"]
    ticket = made.partition("ticket=")[2]
    system.end("catalog")
    assert system.api.get(made).status_code == 503
    assert system.api.get("/catalog?seen=1").status_code == 503
    wait_until(lambda: "/catalog?seen=1" in system.log("nginx-cache"))  # Errors of other addresses are told.
    for part in ("nginx-edge", "nginx-cache", "transform"):
        assert signature not in system.log(part), part
        assert ticket not in system.log(part), part
