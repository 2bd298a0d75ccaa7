import json
import time

from starlette.requests import Request

from services.core.addresses.signing import sign
from services.transform.answer.signature import check_signature, explain_signature

KEY = "n" * 32
FORM = "/assets/media/full/DEV/cat.webp"


def asked(signature: str, expires: str = "") -> Request:
    told = {"x-signed-form": FORM, "x-signature": signature, "x-signature-expires": expires}
    headers = [(name.encode(), value.encode()) for name, value in told.items()]
    return Request({"type": "http", "method": "GET", "path": "/.signed", "query_string": b"", "headers": headers})


def test_a_valid_signature_may_be_remembered_for_a_minute_and_no_longer_than_it_is_good() -> None:
    before = time.time()
    answer = check_signature(asked(sign(KEY, FORM)), [KEY], 60)
    assert answer.status_code == 204
    assert int(before) + 60 <= int(answer.headers["x-edge-expires"].removeprefix("@")) <= time.time() + 60
    soon = str(int(before) + 20)
    answer = check_signature(asked(sign(KEY, FORM, soon), soon), [KEY], 60)
    assert (answer.status_code, answer.headers["x-edge-expires"]) == (204, f"@{int(soon) - 1}")


def test_no_other_answer_is_remembered() -> None:
    for request in (asked("0" * 64), asked(sign(KEY, FORM, "9"), "9")):
        answer = check_signature(request, [KEY], 60)
        assert (answer.status_code, answer.headers["x-accel-expires"]) == (403, "0")
        assert "x-edge-expires" not in answer.headers


def test_who_has_signed_another_text_learns_which_text_and_how_a_signature_is_written() -> None:
    answer = explain_signature(asked(sign(KEY, FORM).upper()), [KEY], "/assets/media")
    assert answer.status_code == 403
    [error] = json.loads(bytes(answer.body))["problems"]
    assert "another spelling of the address, or of another text" in error["message"]
    assert FORM in error["hint"]
    assert "as lower-case hex" in error["hint"]
