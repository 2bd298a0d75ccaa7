"""Which events a webhook wants, and what clients may say of one."""

from dataclasses import replace
from typing import Any

import pytest

from services.core.assets.events import Event, Happened, Kind
from services.core.errors import BadRequest
from services.core.webhooks.webhook import OLD_SECRET_SECONDS, Fields, Webhook

ANY = Webhook("5f0c2d9a41b3e687", "https://cms.example.com/", secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
CREATED = Event(1, Happened(Kind.CREATED), "u", "/DEV/shop/cat.webp")
MOVED = Event(2, Happened(Kind.MOVED, {"unique_name": "/DEV/old/cat.webp"}, {}), "u", "/PROD/shop/cat.webp")
REPLACED = Event(3, Happened(Kind.CATALOG))


@pytest.mark.parametrize(
    ("wanted", "created", "moved", "replaced"),
    [
        ({}, True, True, True),
        ({"kinds": ("asset.created", "asset.deleted")}, True, False, False),
        ({"kinds": ("catalog.replaced",)}, False, False, True),
        ({"namespaces": ("DEV",)}, True, True, True),
        ({"namespaces": ("PROD",)}, False, True, True),
        ({"namespaces": ("TEST",)}, False, False, True),
        ({"folder": "/DEV"}, True, True, True),
        ({"folder": "/DEV/old"}, False, True, True),
        ({"folder": "/DEV/sho"}, False, False, True),
        ({"folder": "/DEV/shop", "namespaces": ("PROD",)}, False, False, True),
    ],
)
def test_a_webhook_is_told_of_what_it_wants(wanted: dict[str, Any], created: bool, moved: bool, replaced: bool) -> None:
    webhook = replace(ANY, **wanted)
    assert [webhook.wants(event) for event in (CREATED, MOVED, REPLACED)] == [created, moved, replaced]


@pytest.mark.parametrize(
    "given",
    [
        {"address": ""},
        {"address": 5},
        {"address": "https://cms.example.com/" + "x" * 5000},
        {"kinds": ["asset.eaten"]},
        {"kinds": "asset.created"},
        {"namespaces": ["../etc"]},
        {"namespaces": ["DEV"] * 101},
        {"folder": "/DEV/../x"},
        {"folder": "/" + "/".join(["a" * 90] * 12)},
        {"active": "false"},
        {"description": "x" * 201},
        {"secret": "mine"},
        {"id": "mine"},
    ],
)
def test_what_is_not_valid_is_refused_with_what_a_webhook_takes(given: dict[str, Any]) -> None:
    with pytest.raises(BadRequest) as refused:
        Fields.parse(given)
    assert next(iter(given)) in refused.value.message
    assert len(refused.value.message) < 500
    assert "address, kinds, namespaces, folder, description, active" in str(refused.value.hint)


def test_fields_are_read_for_what_they_mean_and_only_those_that_were_sent() -> None:
    fields = Fields.parse({"kinds": ["asset.created", "asset.created"], "folder": "DEV//shop/"})
    assert fields.given == {"kinds": ["asset.created"], "folder": "/DEV/shop"}
    changed = ANY.changed(fields.given)
    assert Webhook.from_json(changed.to_json()) == changed == replace(ANY, kinds=("asset.created",), folder="/DEV/shop")
    assert Fields.parse({"folder": ""}).given == {"folder": None}


def test_two_secrets_sign_for_a_time_after_a_rotation_and_none_is_shown() -> None:
    rotated = ANY.rotated(now=1000)
    assert rotated.secrets(1000 + OLD_SECRET_SECONDS - 1) == (rotated.secret, ANY.secret)
    assert rotated.secrets(1000 + OLD_SECRET_SECONDS) == (rotated.secret,)
    assert rotated.secret != ANY.secret
    assert not any("whsec_" in str(value) for value in rotated.shown().values())


def test_a_fixed_webhook_has_the_same_id_after_each_start() -> None:
    first, second = (Webhook.of_setting("https://cms.example.com/", now) for now in ("1", "2"))
    assert first.id == second.id != Webhook.of_setting("https://cms.example.com/other", "1").id
