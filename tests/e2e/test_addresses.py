"""The public addresses in answers follow the settings, in the caches too."""

from collections.abc import Callable

from tests.processes.system import System
from tests.support.waits import wait_until

DRAWING = b'<svg xmlns="http://www.w3.org/2000/svg"/>'


def test_after_a_change_of_the_domain_every_answer_has_the_new_address(
    make_system: Callable[..., System], photos: dict[str, bytes], name: str
) -> None:
    system = make_system(PUBLIC_URL="http://old.example.com")
    picture = system.upload(f"{name}.jpg", photos["china.jpg"])
    system.upload("a.svg", DRAWING)
    page = f"/catalog/{picture['uuid']}"
    for client in (system.edge, system.edge):
        [entry] = client.get(page).json()["data"]
        assert entry["public_url"] == f"http://old.example.com/assets/media/full/DEV/{name}.webp"
        assert {entry["base_host"] for entry in client.get("/catalog").json()} == {"old.example.com"}
    assert system.edge.get(page).headers["x-cache-status"] == "HIT"
    dumped = system.api.post("/catalog/create-dump").json()["files"]["json"]["filename"]

    system.change_environment("catalog", PUBLIC_URL="https://new.example.com")
    system.end("catalog")
    system.start("catalog")
    wait_until(lambda: "new.example.com" in system.edge.get(page).text, within=30)
    for client in (system.edge, system.api):
        for _ in range(3):
            assert "old.example.com" not in client.get(page).text
            assert "old.example.com" not in client.get("/catalog").text
    urls = {entry["public_url"] for entry in system.edge.get("/catalog").json()}
    assert urls == {
        f"https://new.example.com/assets/media/full/DEV/{name}.webp",
        "https://new.example.com/assets/media/original/DEV/a.svg",
    }
    changed = system.api.patch(page, json={**picture, "information": "an entry that was read before"})
    assert changed.status_code == 200, changed.text
    assert changed.json()["data"][0]["base_url"] == "https://new.example.com/assets/media"
    assert "old.example.com" in system.api.get(f"/catalog/get-dump/{dumped}").text, "a dump keeps what it shows"
    assert system.api.post(f"/catalog/restore-dump/{dumped}").status_code == 200
    assert "old.example.com" not in system.api.get("/catalog").text
