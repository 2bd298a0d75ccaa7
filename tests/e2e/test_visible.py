"""An asset is not delivered before its `visible_from`: in every form, by every tier, whatever the caches hold."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.processes.system import System

SERVED = {200, 206, 302, 304}


def requests(system: System, name: str) -> Iterator[tuple[str, httpx.Client, httpx.Request]]:
    """Yield requests for every form of an asset, to every tier, each with a name of its own."""
    forms: list[tuple[str, str, dict[str, str]]] = [
        ("GET", f"optimise/80x0/DEV/{name}.webp", {}),
        ("HEAD", f"optimise/80x0/DEV/{name}.webp", {}),
        ("GET", f"optimise/80x0/DEV/{name}.webp", {"If-None-Match": "*"}),
        ("GET", f"optimise/80x0/DEV/{name}.webp?format=png", {}),
        ("GET", f"full/DEV/{name}.webp", {}),
        ("GET", f"full/DEV/{name}.webp?width=60", {}),
        ("GET", f"full/DEV/{name}.jpg", {}),
        ("GET", f"original/DEV/{name}.jpg", {}),
        ("GET", f"original/DEV/{name}.jpg", {"Range": "bytes=0-9"}),
        ("GET", f"original/DEV/{name}.jpg?download=1", {}),
        ("GET", f"original/DEV/{name}.webp", {}),
    ]
    for tier, client in (("edge", system.edge), ("cache", system.cache), ("internal", system.api)):
        for method, path, headers in forms:
            request = client.build_request(method, f"/assets/media/{path}", headers=headers)
            yield f"{tier} {method} {path} {headers}", client, request


def is_hidden(answer: httpx.Response) -> bool:
    """Say whether an answer is the placeholder, and not the asset. Fails for anything else."""
    if answer.status_code in SERVED:
        return False
    assert (answer.status_code, answer.headers["content-type"]) == (404, "image/svg+xml"), answer.text
    assert "etag" not in answer.headers
    assert answer.request.method == "HEAD" or b"<svg" in answer.content
    return True


def hidden(system: System, name: str) -> dict[str, bool]:
    return {called: is_hidden(client.send(request)) for called, client, request in requests(system, name)}


def in_seconds(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def test_an_asset_becomes_visible_to_the_second(system: System, photos: dict[str, bytes], name: str) -> None:
    date = in_seconds(4)
    start = datetime.fromisoformat(date).timestamp()
    system.upload(f"{name}.jpg", photos["china.jpg"], visible_from=date)
    hidden_until, seen, hits = dict[str, float](), dict[str, float](), 0
    with system.paused("jobs"):  # Nobody purges: the caches alone have to forget.
        while time.time() < start or len(seen) < len(hidden_until):
            assert time.time() < start + 20
            for called, client, request in requests(system, name):
                asked = time.time()
                answer = client.send(request)
                if is_hidden(answer):
                    hidden_until[called] = asked
                    hits += answer.headers.get("x-cache-status") == "HIT"
                else:
                    seen.setdefault(called, time.time())
            time.sleep(0.02)
    assert hits, "the caches held placeholders"
    assert min(seen.values()) >= start
    late = {called: until - start for called, until in hidden_until.items() if until >= start}
    assert not late, f"hidden after their date: {late}"


def test_a_change_of_the_date_is_seen_at_once_whatever_the_caches_hold(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])

    def change(**fields: Any) -> set[bool]:
        answer = system.api.patch(f"/catalog/{entry['uuid']}", json=fields)
        assert (answer.status_code, answer.headers["x-purge"]) == (200, "done")
        return set(hidden(system, name).values()) | set(hidden(system, name).values())

    path = f"/assets/media/original/DEV/{name}.jpg"
    etag = system.edge.get(path).headers["etag"]
    assert set(hidden(system, name).values()) == {False}
    assert system.edge.get(path).headers["x-cache-status"] == "HIT"
    assert change(visible_from=in_seconds(3600)) == {True}
    assert is_hidden(system.edge.get(path, headers={"If-None-Match": etag}))
    held = system.edge.get(path)
    assert (held.headers["x-cache-status"], held.headers["cache-control"]) == ("HIT", "public, max-age=1")
    assert change(visible_from=in_seconds(-1)) == {False}
    assert system.edge.get(path, headers={"If-None-Match": etag}).status_code == 304
    soon = in_seconds(3600)
    assert change(visible_from=soon, expiration_date=soon) == {True}
    assert change(visible_from=None) == {False}
    assert change(visible_from=in_seconds(-9), expiration_date=in_seconds(-10)) == {True}
    assert change(expiration_date=None) == {False}
