"""Tokens, pages of other origins, and routes under other names."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.processes.system import System
from tests.support.problems import problem
from tools.stack.plan import ROOT


def new_token(name: str, role: str, namespaces: str) -> tuple[str, str]:
    """Return a token and its line, as the command makes them."""
    made = subprocess.run(
        [sys.executable, "-m", "services.catalog.tokens", name, role, namespaces],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    token, line = (printed.split(": ", 1)[1].strip() for printed in made.stdout.splitlines())
    assert token not in line
    return token, line


def test_a_named_token_writes_where_it_may_and_the_log_says_who(
    make_system: Callable[..., System], photos: dict[str, bytes], tmp_path: Path
) -> None:
    cms, cms_line = new_token("cms", "write", "DEV")
    reader, reader_line = new_token("reader", "read", "*")
    admin, admin_line = new_token("admin", "admin", "*")
    file = tmp_path / "tokens"
    file.write_text(f"# the tokens\n{cms_line}\n\n{reader_line}  # reads\n")
    system = make_system(
        NAMESPACES_ALLOWED="DEV,PROD", MEDIA_TOKEN="the-first", MEDIA_TOKENS_FILE=str(file), MEDIA_TOKENS=admin_line
    )

    def call(token: str, method: str, path: str, **body: object) -> httpx.Response:
        return system.api.request(method, path, headers={"Authorization": f"Bearer {token}"}, **body)  # type: ignore[arg-type]

    def upload(token: str, namespace: str, name: str) -> httpx.Response:
        return call(token, "POST", "/file", files={"file": (name, photos["china.jpg"])}, data={"namespace": namespace})

    own = upload(cms, "DEV", "a.jpg").json()["data"][0]["uuid"]
    foreign = upload("the-first", "PROD", "a.jpg").json()["data"][0]["uuid"]
    assert call(cms, "PATCH", f"/catalog/{own}", json={"information": "mine"}).status_code == 200

    denied = [
        upload(cms, "PROD", "b.jpg"),
        call(cms, "PATCH", f"/catalog/{foreign}", json={"information": "taken"}),
        call(cms, "PATCH", f"/file/{foreign}", files={"file": ("x.jpg", photos["flower.jpg"])}),
        call(cms, "DELETE", f"/file/{foreign}"),
        call(cms, "DELETE", f"/catalog/{foreign}"),
        call(cms, "DELETE", "/catalog"),
        call(cms, "POST", "/catalog", json={"unique_name": "/PROD/c.webp"}),
        upload(reader, "DEV", "c.jpg"),
    ]
    for answer in denied:
        assert answer.status_code == 403, answer.text
        assert problem(answer)["hint"]
    bulk = call(cms, "DELETE", "/files", json=[{"uuids": [foreign]}])
    assert (bulk.status_code, problem(bulk)["code"]) == (400, "forbidden")
    assert {entry["uuid"] for entry in system.api.get("/catalog").json()} == {own, foreign}
    assert len(system.stored_files()) == 2

    for nobody in ("", "Bearer", "Bearer wrong", f"Basic {cms}", cms, "Bearer \xff"):
        answer = system.api.delete(f"/file/{own}", headers={"Authorization": nobody.encode("latin-1")})  # type: ignore[arg-type]
        assert answer.status_code == 401, nobody
        assert answer.headers["www-authenticate"] == "Bearer"
    assert call(admin, "DELETE", "/catalog").status_code == 200

    log = system.log("catalog")
    assert '"event":"written","by":"cms","action":"POST /file"' in log
    assert '"by":"admin","action":"DELETE /catalog"' in log
    for secret in (cms, reader, admin, "the-first"):
        assert all(secret not in system.log(part) for part in ("catalog", "nginx-cache", "nginx-edge", "jobs"))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"HOST": "0.0.0.0"}, "MEDIA_TOKEN: expected a token, because HOST=0.0.0.0 can be reached by others"),
        ({"MEDIA_TOKENS": "cms:write:DEV:secret"}, "MEDIA_TOKENS or MEDIA_TOKENS_FILE: expected lines such as"),
        ({"MEDIA_TOKENS_FILE": "/nowhere"}, "MEDIA_TOKENS_FILE: cannot be read"),
        ({"NAMESPACES_ALLOWED": "DEV,dumps"}, "NAMESPACES_ALLOWED: 'dumps' is reserved"),
        ({"VALID_MIMETYPES": "image/png,text/html"}, "VALID_MIMETYPES: 'text/html' is not one of"),
        ({"ROUTE_FILE_POST": "up load"}, "ROUTE_FILE_POST: expected a path"),
        ({"PORT": "high"}, "PORT:"),
    ],
)
def test_a_setting_that_cannot_be_stops_the_service_with_its_name(settings: dict[str, str], said: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "services.catalog"], cwd=ROOT, env=settings, capture_output=True, text=True, timeout=20
    )
    assert ended.returncode == 2
    assert said in ended.stderr
    assert "secret" not in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_an_upload_that_is_refused_early_is_told_so_while_it_is_still_being_sent(
    make_system: Callable[..., System], photos: dict[str, bytes]
) -> None:
    system = make_system(MEDIA_TOKEN="the-first")
    for size in (200_000, 2_000_000) * 20:
        answer = system.api.post("/file", files={"file": ("a.jpg", bytes(size))}, data={"namespace": "DEV"})
        assert answer.status_code == 401, answer.text


def test_pages_of_any_origin_may_read_by_default(system: System, photos: dict[str, bytes], name: str) -> None:
    system.upload(f"{name}.jpg", photos["china.jpg"])
    image = f"/assets/media/full/DEV/{name}.webp"
    for client, path in (
        (system.edge, image),
        (system.edge, "/catalog"),
        (system.api, image),
        (system.api, "/catalog"),
    ):
        answer = client.get(path, headers={"Origin": "https://anywhere.example"})
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "X-Request-Id" in answer.headers["access-control-expose-headers"]
        asked = {"Origin": "https://anywhere.example", "Access-Control-Request-Method": "GET"}
        before = client.options(path, headers={**asked, "Access-Control-Request-Headers": "if-none-match"})
        assert before.status_code in (200, 204)
        assert before.headers["access-control-allow-headers"] in ("*", "if-none-match")
    assert "vary" not in system.edge.get(f"/assets/media/full/DEV/{name}.webp").headers


def test_only_allowed_origins_are_named(
    make_system: Callable[..., System], photos: dict[str, bytes], name: str
) -> None:
    system = make_system(ORIGINS_ALLOWED="localhost,https://cms.example.com", METHODS_ALLOWED="GET,POST")
    system.upload(f"{name}.jpg", photos["china.jpg"])
    path = f"/assets/media/full/DEV/{name}.webp"
    for origin in ("http://localhost:4000", "https://localhost", "https://cms.example.com"):
        for client, target in ((system.edge, path), (system.api, path), (system.api, "/catalog")):
            answer = client.get(target, headers={"Origin": origin})
            assert answer.headers["access-control-allow-origin"] == origin
            assert "Origin" in answer.headers["vary"]
    for origin in ("http://cms.example.com", "https://cms.example.com.evil.test", "https://cmsxexample.com", "null"):
        for client, target in ((system.edge, path), (system.api, path), (system.api, "/catalog")):
            assert "access-control-allow-origin" not in client.get(target, headers={"Origin": origin}).headers

    def preflight(method: str) -> httpx.Response:
        asked = {"Origin": "http://localhost", "Access-Control-Request-Method": method}
        return system.api.options("/file", headers={**asked, "Access-Control-Request-Headers": "authorization"})

    assert preflight("GET").status_code == 200
    # Without a token, nobody can tell whether a page may write.
    assert preflight("POST").status_code == preflight("DELETE").status_code == 400
    form: dict[str, Any] = {"files": {"file": ("x.jpg", photos["china.jpg"])}, "data": {"namespace": "DEV"}}
    for given in (
        {"Origin": "http://localhost"},
        {"Origin": "http://localhost", "Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "media.example.com"},
    ):
        for answer in (system.api.post("/file", headers=given, **form), system.api.delete("/catalog", headers=given)):
            assert (given, answer.status_code) == (given, 403)
    own = {"Origin": f"http://127.0.0.1:{system.ports.api}", "Sec-Fetch-Site": "same-origin"}
    assert system.api.post("/file", headers=own, **form).status_code == 200
    assert system.edge.options(path, headers={"Origin": "http://localhost"}).status_code == 204


def test_routes_can_have_other_names(make_system: Callable[..., System], photos: dict[str, bytes], name: str) -> None:
    system = make_system(
        API_PREFIX="/media",
        ROUTE_FILE_GET="/pictures/",
        ROUTE_CATALOG_GET="/list",
        ROUTE_FILE_POST="/send",
        ROUTE_FILES_POST="/send-all",
        HEALTHCHECK_ROUTE="/alive",
    )
    form: dict[str, Any] = {"files": {"file": (f"{name}.jpg", photos["china.jpg"])}, "data": {"namespace": "DEV"}}
    answer = system.api.post("/media/send", **form)
    assert answer.status_code == 200, answer.text
    [entry] = answer.json()["data"]
    assert entry["public_url"] == f"{system.stack.edge_url}/media/pictures/full/DEV/{name}.webp"
    assert entry["base_url"] == f"{system.stack.edge_url}/media/pictures"
    entry = system.described(entry["uuid"])
    path = f"/media/pictures/full/DEV/{name}.webp?width=30"
    assert system.edge.get(path).status_code == 200
    assert system.edge.get(path).headers["x-cache-status"] == "HIT"
    redirected = system.edge.get(f"/media/pictures/original/DEV/{name}.webp?q=1")
    assert redirected.headers["location"] == f"/media/pictures/original/DEV/{name}.jpg?q=1"
    assert system.edge.get("/media/list").json() == [entry]
    assert system.edge.get(f"/media/list/{entry['uuid']}").json()["data"] == [entry]
    assert system.edge.get(f"/media/assets/media/full/DEV/{name}.webp").status_code == 404
    assert system.edge.get("/media/catalog").status_code == 404
    assert system.api.get("/media/list?limit=1").json() == [entry]
    assert system.api.get("/alive").json()["ready"] is True
    assert system.api.post("/media/upload", **form).status_code == 400, "the usual names stay for the API"
    system.replace(entry["uuid"], "x.jpg", photos["flower.jpg"])
    assert system.edge.get(f"/media/pictures/original/DEV/{name}.jpg").content == photos["flower.jpg"]
