"""Webhooks of a whole system: who may register which, and that no kill loses an event."""

from collections.abc import Callable

import pytest

from tests.processes.system import System
from tests.programs import soak_webhooks
from tests.programs.soak_webhooks import WEBHOOK_SETTINGS

CHANGES = 120


def test_whatever_is_killed_every_event_arrives_and_in_the_order_of_its_asset(
    make_system: Callable[..., System],
) -> None:
    system = make_system(**WEBHOOK_SETTINGS)
    storm, found = soak_webhooks.run(system, CHANGES, delivered_within=60)
    assert storm.seen.kills >= 3
    assert found.missing == []
    assert found.early == []
    assert found.events >= CHANGES
    assert found.attempts > found.events * 1.5, "the receiver fails half of the time"
    doctor = system.internal("jobs", "/metrics").text
    assert "tada_webhook_waiting 0.0" in doctor
    assert 'tada_webhooks{state="active"} 1.0' in doctor


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://169.254.169.254/latest/meta-data", "of a cloud's metadata"),
        ("http://10.0.0.1/", "private"),
        ("http://localhost:8080/", "of the machine itself"),
        ("http://no-such-host.invalid/", "No address is found"),
        ("ftp://cms.example.com/", "http or https"),
        ("https://user:secret@cms.example.com/", "user name or password"),
    ],
)
def test_an_address_that_may_not_be_reached_is_refused_at_registration(system: System, address: str, said: str) -> None:
    answer = system.api.post("/webhooks", json={"address": address})
    assert answer.status_code == 400
    assert said in answer.text
    assert "secret" not in answer.text.replace("name or password", "")
    assert system.api.get("/webhooks").json()["data"] == []


def test_webhooks_are_registered_changed_and_removed_and_their_secret_is_shown_once(system: System) -> None:
    # 192.88.99.1 and similar are refused, and no name can be looked up here: this address is public.
    body = {"address": "https://93.184.215.14/tada", "kinds": ["asset.deleted"], "folder": "DEV/shop/"}
    made = system.api.post("/webhooks", json=body)
    assert made.status_code == 201
    [webhook] = made.json()["data"]
    at = f"/webhooks/{webhook['id']}"
    try:
        assert (webhook["folder"], webhook["active"]) == ("/DEV/shop", True)
        assert webhook["secret"].startswith("whsec_")
        for answer in (system.api.get(at), system.api.get("/webhooks"), system.api.patch(at, json={"active": False})):
            assert answer.status_code == 200
            assert 'secret":' not in answer.text
            assert webhook["secret"] not in answer.text
        rotated = system.api.post(f"{at}/rotate").json()["data"][0]
        assert rotated["secret"] != webhook["secret"]
        assert rotated["old_secret_until"] is not None
        assert system.api.patch(at, json={"address": "http://127.0.0.1/"}).status_code == 400
        assert system.api.patch(at, json={"kinds": ["asset.eaten"]}).status_code == 400
        assert system.api.post(f"{at}/replay", json={"ids": ["1-0"]}).status_code == 404
        assert system.api.post(f"{at}/replay", json={"ids": []}).status_code == 400
        assert system.edge.get("/webhooks").status_code == 404, "the public does not see them"
        assert webhook["secret"] not in system.log("catalog") + system.log("jobs")
    finally:
        assert system.api.delete(at).status_code == 200
    assert system.api.get(at).status_code == 404
