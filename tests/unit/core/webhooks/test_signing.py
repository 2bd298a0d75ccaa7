"""Signatures of webhooks are those of the specification, and of its own library."""

import time
from datetime import datetime

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from services.core.webhooks.signing import key_of, new_secret, signed_headers

BODY = b'{"type":"asset.created","data":{"title":"caf\xc3\xa9"}}'


def test_the_published_example_has_the_published_signature() -> None:
    secret, message = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek"
    headers = signed_headers(message, 1614265330, b'{"test": 2432232314}', [secret])
    assert headers == {
        "webhook-id": message,
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    theirs = Webhook(secret).sign(message, datetime(2021, 2, 25, 15, 2, 10), '{"test": 2432232314}')
    assert theirs == headers["webhook-signature"]


def test_receivers_with_the_present_or_the_earlier_secret_accept_a_message_and_others_do_not() -> None:
    present, earlier, other = new_secret(), new_secret(), new_secret()
    headers = signed_headers("1764530000000000", int(time.time()), BODY, [present, earlier])
    assert headers["webhook-signature"].count("v1,") == 2
    for secret in (present, earlier):
        assert Webhook(secret).verify(BODY, headers)["type"] == "asset.created"
    for secret, body in ((other, BODY), (present, BODY + b" ")):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(body, headers)


def test_secrets_are_long_enough_and_never_the_same() -> None:
    assert len({new_secret() for _ in range(100)}) == 100
    assert len(key_of(new_secret())) == 32


@pytest.mark.parametrize(
    "secret",
    ["", "whsec_", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS!"],
)
def test_a_secret_that_the_specification_does_not_allow_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec_"):
        key_of(secret)
