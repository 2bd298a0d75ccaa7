"""Whatever is wrong with a request: the right status, a message that says what to do, and nothing left behind."""

import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

from tests.processes.system import System
from tests.support.pdfs import encrypted, pdf
from tests.support.problems import problem
from tests.support.waits import wait_until

JPEG = "image/jpeg"


def upload(system: System, *parts: Any) -> tuple[int, dict[str, Any]]:
    answer = system.api.post("/file", files=list(parts))
    return answer.status_code, answer.json()


@pytest.fixture(autouse=True)
def nothing_left_behind(system: System) -> Any:
    files, entries = system.stored_files(), listed(system)
    yield
    wait_until(lambda: system.stored_files() == files, within=5)
    assert listed(system) == entries


def listed(system: System) -> list[tuple[str, int, str]]:
    """Return what identifies every entry and its file. (An entry of another test may expire meanwhile.)"""
    return [(entry["uuid"], entry["version"], entry["signature"]) for entry in system.api.get("/catalog").json()]


NAMESPACE = ("namespace", (None, "DEV"))


def bad_uploads(photo: bytes) -> dict[str, tuple[int, str, list[Any]]]:
    """Return cases: the status, a piece of the message or its hint, and the parts of the form."""

    def named(name: str) -> tuple[str, tuple[str, bytes]]:
        return ("file", (name, photo))

    locked = encrypted(pdf(), "user")
    return {
        "no file": (400, "named 'file'", [NAMESPACE]),
        "wrong field name": (400, "named 'file'", [NAMESPACE, ("image", ("a.jpg", photo))]),
        "two files": (400, "Send several to /files", [NAMESPACE, named("a.jpg"), named("b.jpg")]),
        "empty file": (400, "empty", [NAMESPACE, ("file", ("a.jpg", b""))]),
        "no namespace": (400, "namespace", [named("a.jpg")]),
        "foreign namespace": (403, "DEV", [("namespace", (None, "OTHER")), named("a.jpg")]),
        "path in the namespace": (403, "DEV", [("namespace", (None, "../DEV")), named("a.jpg")]),
        "text named .jpg": (400, "File type image/jpeg unauthorized.", [NAMESPACE, ("file", ("a.jpg", b"text"))]),
        "text": (400, "File type text/plain unauthorized.", [NAMESPACE, ("file", ("a.txt", b"text", "text/plain"))]),
        "jpeg named .png": (400, "File type image/png unauthorized.", [NAMESPACE, named("a.png")]),
        "jpeg named .exe": (400, "unauthorized.", [NAMESPACE, named("a.exe")]),
        "jpeg declared as png": (400, "image/png", [NAMESPACE, ("file", ("a.jpg", photo, "image/png"))]),
        "gif, not allowed": (400, "File type image/gif unauthorized.", [NAMESPACE, ("file", ("a.gif", b"GIF89a..."))]),
        "html as svg": (400, "unauthorized.", [NAMESPACE, ("file", ("a.svg", b"<html><svg/></html>"))]),
        "picture that breaks off": (400, "it is cut short", [NAMESPACE, ("file", ("a.jpg", photo[:9000]))]),
        "pdf without a page": (400, "no page can be found", [NAMESPACE, ("file", ("a.pdf", b"%PDF-1.4\n%%EOF\n"))]),
        "pdf with a password": (
            400,
            "Save it without a password",
            [NAMESPACE, ("file", ("a.pdf", locked))],
        ),
        "path in the name": (400, "destination", [NAMESPACE, named("../../etc/a.jpg")]),
        "backslashes": (400, "destination", [NAMESPACE, named("..\\a.jpg")]),
        "dots as destination": (400, "destination", [NAMESPACE, named("a.jpg"), ("destination", (None, "../x"))]),
        "empty folder": (400, "destination", [NAMESPACE, named("a.jpg"), ("destination", (None, "x//y"))]),
        "NUL in the filename field": (400, "control", [NAMESPACE, named("a.jpg"), ("filename", (None, "a\0b.jpg"))]),
        "NUL in the destination": (400, "folder path", [NAMESPACE, named("a.jpg"), ("destination", (None, "a\0b"))]),
        "nothing that can be kept": (400, "filename", [NAMESPACE, named("猫.jpg")]),
        "a date that is none": (400, "ISO 8601", [NAMESPACE, named("a.jpg"), ("expiration_date", (None, "soon"))]),
        "a boolean that is none": (400, "true or false", [NAMESPACE, named("a.jpg"), ("toWebp", (None, "maybe"))]),
        "a field too long": (413, "Shorten", [NAMESPACE, named("a.jpg"), ("information", (None, "x" * 70_000))]),
        "a file too large": (413, "PAYLOAD_MAX_SIZE", [NAMESPACE, ("file", ("a.jpg", photo + b"\0" * 10_500_000))]),
    }


@pytest.mark.parametrize("case", bad_uploads(b""))
def test_a_bad_upload_is_refused_with_advice(system: System, photos: dict[str, bytes], case: str) -> None:
    status, advice, parts = bad_uploads(photos["china.jpg"])[case]
    answered, body = upload(system, *parts)
    assert answered == status, body
    error = problem(body)
    assert body["data"] == []
    assert advice in f"{error['message']} {error.get('hint', '')}", error


@pytest.mark.parametrize("route", ["/file", "/upload", "/files", "/uploads"])
def test_a_namespace_that_is_not_allowed_refuses_the_whole_form(
    system: System, photos: dict[str, bytes], route: str
) -> None:
    part = "files" if route in ("/files", "/uploads") else "file"
    parts = [(part, (f"{at}.jpg", photos["china.jpg"])) for at in range(2 if part == "files" else 1)]
    answer = system.api.post(route, files=parts, data={"namespace": "OTHER"})
    assert answer.status_code == 403
    assert "x-purge" not in answer.headers
    assert answer.json()["data"] == []
    error = problem(answer)
    assert (error["code"], error["hint"]) == ("namespace_forbidden", "Use one of: DEV, PROD.")


def send_raw(port: int, request: bytes, then: Callable[[socket.socket], None] | None = None) -> bytes:
    """Send bytes as they are and return everything that comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        if then:
            then(connection)
        answer = b""
        try:
            while chunk := connection.recv(65536):
                answer += chunk
        except (TimeoutError, ConnectionResetError):
            pass
        return answer


def multipart(photo: bytes) -> bytes:
    return (
        b'--B\r\nContent-Disposition: form-data; name="namespace"\r\n\r\nDEV\r\n'
        b'--B\r\nContent-Disposition: form-data; name="file"; filename="cut.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n" + photo + b"\r\n--B--\r\n"
    )


HEAD = (
    b"POST /file HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: multipart/form-data; boundary=B\r\n"
)


@pytest.mark.parametrize("entry", ["api", "catalog"])
def test_a_multipart_body_without_its_end_is_refused(system: System, photos: dict[str, bytes], entry: str) -> None:
    body = multipart(photos["china.jpg"])
    for length in (len(body) - 6, len(body) - 1000, 150, 20, 0):
        cut = body[:length]
        request = HEAD + b"Content-Length: %d\r\n\r\n" % len(cut) + cut
        answer = send_raw(getattr(system.ports, entry), request)
        assert answer.startswith(b"HTTP/1.1 400"), (length, answer[:200])
        assert b"cut before its end" in answer


@pytest.mark.parametrize("entry", ["api", "catalog"])
def test_a_client_that_leaves_in_mid_upload_leaves_nothing(
    system: System, photos: dict[str, bytes], entry: str
) -> None:
    body = multipart(photos["china.jpg"])
    request = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body[:-500]
    send_raw(getattr(system.ports, entry), request, lambda connection: connection.shutdown(socket.SHUT_WR))


@pytest.mark.parametrize("entry", ["api", "catalog"])
def test_two_gigabytes_are_refused_before_they_are_sent(system: System, entry: str) -> None:
    answer = send_raw(getattr(system.ports, entry), HEAD + b"Content-Length: 2147483648\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413"), answer[:200]
    assert b"PAYLOAD_MAX_SIZE" in answer


def test_an_endless_body_without_a_length_is_cut_off(system: System, photos: dict[str, bytes]) -> None:
    start = multipart(photos["china.jpg"])[:-20]
    chunk = b"10000\r\n" + b"\0" * 65536 + b"\r\n"

    def flood(connection: socket.socket) -> None:
        try:
            for _ in range(400):
                connection.sendall(chunk)
        except (BrokenPipeError, ConnectionResetError):
            pass

    request = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"%x\r\n" % len(start) + start + b"\r\n"
    answer = send_raw(system.ports.catalog, request, flood)
    assert b"413" in answer[:20] or answer == b"", answer[:200]


@pytest.mark.parametrize(
    ("headers", "body", "advice"),
    [
        ({"Content-Type": "application/json"}, b"{}", "curl -F"),
        ({"Content-Type": "multipart/form-data"}, b"x", "curl -F"),
        ({"Content-Type": "multipart/form-data; boundary=B"}, b"not a form", "curl -F"),
        ({}, b"", "curl -F"),
        ({"Content-Type": "multipart/form-data; boundary=" + "B" * 500}, b"x", "curl -F"),
    ],
)
def test_a_body_that_is_no_form_is_refused(system: System, headers: dict[str, str], body: bytes, advice: str) -> None:
    answer = system.api.post("/file", headers=headers, content=body)
    assert answer.status_code == 400
    assert advice in problem(answer)["hint"]


@pytest.mark.parametrize(
    ("body", "advice"),
    [
        (b"", "Send one"),
        (b"[]", "Send one"),
        (b"{", "Send one"),
        (b"{}", "external_id"),
        (b'{"expired": "perhaps"}', "true or false"),
        (b'{"expired": 3}', "true or false"),
        (b'{"expiration_date": 12}', "ISO 8601"),
        (b'{"information": {"a": 1}}', "string"),
        (b'{"version": 9}', "These fields can be changed"),
        (b'{"expirde": true}', "These fields can be changed"),
    ],
)
def test_a_change_that_cannot_be_is_refused(
    make_entry: dict[str, Any], system: System, body: bytes, advice: str
) -> None:
    for route in ("file", "catalog"):
        answer = system.api.patch(
            f"/{route}/{make_entry['uuid']}", content=body, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 400, answer.text
        assert advice in problem(answer)["hint"], answer.text
    assert system.api.get(f"/catalog/{make_entry['uuid']}").json()["data"] == [make_entry]


@pytest.fixture
def make_entry(nothing_left_behind: None, system: System, photos: dict[str, bytes]) -> Any:
    entry = system.upload("changes.jpg", photos["china.jpg"])
    yield entry
    system.api.delete(f"/file/{entry['uuid']}")


def test_a_form_of_fields_alone_is_held_to_the_same_rules(make_entry: dict[str, Any], system: System) -> None:
    form = {"toWebp": (None, "perhaps"), "information": (None, "new")}
    answer = system.api.patch(f"/file/{make_entry['uuid']}", files=form)
    assert answer.status_code == 400
    assert "true or false" in problem(answer)["hint"]


def test_an_entry_sent_back_with_a_change_is_understood(make_entry: dict[str, Any], system: System) -> None:
    answer = system.api.patch(f"/catalog/{make_entry['uuid']}", json={**make_entry, "information": "new"})
    assert answer.status_code == 200
    assert answer.json()["data"][0]["information"] == "new"


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_an_entry_that_is_not_there_is_not_found(system: System, method: str) -> None:
    answer = system.api.request(method, "/file/00000000-0000-5000-8000-000000000000", json={"expired": True})
    assert answer.status_code == 404
    assert problem(answer)["hint"]


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=x", "limit=999999999", "cursor=x", "cursor=-4"])
def test_a_page_that_cannot_be_is_refused(system: System, query: str) -> None:
    for client in (system.api, system.edge):
        answer = client.get(f"/catalog?{query}")
        assert answer.status_code == 400
        assert problem(answer)["hint"]


def test_unknown_routes_and_methods_are_json(system: System) -> None:
    assert problem(system.api.get("/nothing"))["message"]
    answer = system.api.put("/file")
    assert answer.status_code == 405
    assert problem(answer)["hint"] == "Allowed here: POST."


@pytest.mark.parametrize("method", ["PUT", "PROPFIND", "PURGE", "TRACE", "CONNECT"])
@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/file", "POST"),
        ("/files", "DELETE, PATCH, POST"),
        ("/file/x", "DELETE, PATCH"),
        ("/catalog", "DELETE, GET, HEAD, PATCH, POST"),
        ("/catalog/x?y=1", "DELETE, GET, HEAD, PATCH"),
        ("/catalog/x/", "DELETE, GET, HEAD, PATCH"),
        ("/readiness-check", "GET, HEAD"),
        ("/assets/media/full/DEV/x.webp", "GET, HEAD"),
    ],
)
def test_a_method_that_is_not_answered_is_told_those_that_are(
    system: System, method: str, path: str, allowed: str
) -> None:
    request = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    head, _, body = send_raw(system.ports.api, request).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 405"), head
    assert f"allow: {allowed}\r\n" in head.decode("latin-1").replace("Allow:", "allow:")
    assert problem(json.loads(body))["code"] == "method_not_allowed"


CLOSE = b"Host: localhost\r\nConnection: close\r\n"
UNREADABLE = {
    "control character in a header": b"GET /catalog?limit=1 HTTP/1.1\r\n" + CLOSE + b"X-Odd: a\x01b\r\n\r\n",
    "NUL in a header": b"GET /catalog?limit=1 HTTP/1.1\r\n" + CLOSE + b"X-Odd: a\x00b\r\n\r\n",
    "control character in the token": b"DELETE /catalog/x HTTP/1.1\r\n" + CLOSE + b"Authorization: Bearer \x02\r\n\r\n",
    "control character in a header's name": b"GET /catalog?limit=1 HTTP/1.1\r\n" + CLOSE + b"X\x01: a\r\n\r\n",
    "control character in the path": b"GET /cata\x01log HTTP/1.1\r\n" + CLOSE + b"\r\n",
    "control character in the query": b"GET /catalog?limit=\x01 HTTP/1.1\r\n" + CLOSE + b"\r\n",
    "a byte beyond ASCII in the path": b"GET /cata\xfflog HTTP/1.1\r\n" + CLOSE + b"\r\n",
    "a space in the path": b"GET /cata log HTTP/1.1\r\n" + CLOSE + b"\r\n",
    "a percent sign alone": b"GET /cata%log HTTP/1.1\r\n" + CLOSE + b"\r\n",
    "a path above all": b"GET /../catalog HTTP/1.1\r\n" + CLOSE + b"\r\n",
    "an unknown method": b"FETCH /file HTTP/1.1\r\n" + CLOSE + b"\r\n",
    "a method in small letters": b"get /nothing HTTP/1.1\r\n" + CLOSE + b"\r\n",
    "another version": b"GET /nothing HTTP/9.1\r\n" + CLOSE + b"\r\n",
    "not HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "a length that is none": b"POST /file HTTP/1.1\r\n" + CLOSE + b"Content-Length: x\r\n\r\n",
    "two lengths": b"POST /file HTTP/1.1\r\n" + CLOSE + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "a length and chunks": b"POST /file HTTP/1.1\r\n"
    + CLOSE
    + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks that are none": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    "an unknown encoding": b"POST /file HTTP/1.1\r\n" + CLOSE + b"Transfer-Encoding: gzip\r\n\r\n",
}


@pytest.mark.parametrize("entry", ["api", "edge", "cache", "catalog", "transform"])
@pytest.mark.parametrize("case", UNREADABLE)
def test_what_cannot_be_read_is_refused_in_the_shape_of_all_errors(system: System, entry: str, case: str) -> None:
    head, _, body = send_raw(getattr(system.ports, entry), UNREADABLE[case]).partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    assert int(status.split()[1]) >= 400, status
    assert headers["content-type"] == "application/json"
    assert headers["x-content-type-options"] == "nosniff"
    assert len(body) == int(headers["content-length"])
    answer = json.loads(body)
    assert answer["data"] == []
    error = problem(answer)
    assert error["code"]
    assert error["message"]
    assert error["hint"]
    # Nothing of it is kept for others.
    assert system.edge.get("/catalog").status_code == 200
