"""A catalog that the public sees in part, behind both tiers: nobody sees through a cache what is not for the public."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tests.processes.system import System


def in_seconds(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def test_what_the_public_sees_follows_changes_and_time_in_both_tiers(
    make_system: Callable[..., System], photos: dict[str, bytes]
) -> None:
    system = make_system(PUBLIC_CATALOG="delivered", PUBLIC_CATALOG_FIELDS="filename,uuid,tags", MEDIA_TOKEN="t0ken")
    headers = {"authorization": "Bearer t0ken"}

    def upload(name: str, **fields: str) -> str:
        # What is found out about a picture later changes the list once more.
        made = system.api.post(
            "/file?wait=facts",
            files={"file": (f"{name}.jpg", photos["china.jpg"])},
            data={"namespace": "DEV", "external_id": "secret", **fields},
            headers=headers,
        )
        uuid: str = made.json()["data"][0]["uuid"]
        return uuid

    def names(path: str = "/catalog") -> set[str]:
        """Return what both tiers show, with headers of a client that wants more."""
        spoofed = {"X-Public": "", "X-Generation": "", "Authorization": "Bearer t0ken"}
        found = [client.get(path, headers=spoofed).json() for client in (system.edge, system.cache, system.edge)]
        for listing in found:
            assert all(one.keys() == {"filename", "uuid", "tags"} for one in listing)
        assert found[0] == found[2]
        return {one["filename"].removesuffix(".webp") for one in found[0]}

    always, later = upload("always"), in_seconds(9)
    soon = upload("soon", visible_from=later)
    ends = upload("ends", expiration_date=later)
    assert names() == names() == {"always", "ends"}
    assert system.edge.get("/catalog").headers["x-cache-status"] == "HIT"
    inside = system.api.get("/catalog", headers={"X-Public": "1", "X-Generation": "1"}).json()
    assert {one["external_id"] for one in inside} == {"secret"}
    assert {one["uuid"] for one in inside} == {always, soon, ends}
    assert names() == {"always", "ends"}
    assert system.edge.get("/catalog?filterByKey=external_id&filterByValue=secret").status_code == 400
    moment = datetime.fromisoformat(later).timestamp()
    with system.paused("jobs"):  # Nobody purges: the caches alone have to forget.
        while time.time() < moment + 1.1:
            asked = time.time()
            shown = {one["filename"] for one in system.edge.get("/catalog").json()}
            pages = {uuid: system.edge.get(f"/catalog/{uuid}").status_code for uuid in (always, soon, ends)}
            answered = time.time()
            if answered < moment or asked >= moment:
                is_after = asked >= moment
                assert shown == ({"always.webp", "soon.webp"} if is_after else {"always.webp", "ends.webp"})
                assert pages == {always: 200, soon: 200 if is_after else 404, ends: 404 if is_after else 200}
            time.sleep(0.05)
    assert names() == {"always", "soon"}
    assert system.api.patch(f"/catalog/{always}", json={"expired": True}, headers=headers).headers["x-purge"] == "done"
    assert names() == {"soon"}
    assert system.edge.get(f"/catalog/{always}").status_code == 404
    assert system.api.get(f"/catalog/{always}").json()["data"][0]["expired"] is True
