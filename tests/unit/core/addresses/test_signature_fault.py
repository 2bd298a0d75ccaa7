import hashlib
import hmac

import pytest

from services.core.addresses.signature_fault import Asked, Fault, fault
from services.core.addresses.signing import sign

KEY, OTHER = "k" * 32, "x" * 32
FORM = "/assets/media/optimise/200x0/DEV/cat.webp?quality=80&blur=2"
SPELLED = "/assets/media/optimise/0200x0/DEV/cat.webp?blur=2.0&quality=80"
NOW = 1_800_000_000.0
END = "1900000000"


def digest(text: str) -> str:
    return hmac.new(KEY.encode(), text.encode(), hashlib.sha256).hexdigest()


def asked(signature: str, expires: str = "", spelled: str = SPELLED) -> Asked:
    end = f"&expires={expires}" if expires else ""
    return Asked(FORM, signature, expires, f"/media{spelled.removeprefix('/assets/media')}{end}&signature=x", "/media")


@pytest.mark.parametrize("expires", ["", END])
def test_a_good_signature_has_no_fault(expires: str) -> None:
    assert fault([OTHER, KEY], asked(sign(KEY, FORM, expires), expires), NOW) is None


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (asked(""), Fault.UNSIGNED),
        (asked("", END), Fault.UNSIGNED),
        (asked(sign(KEY, FORM, "1800000000"), "1800000000"), Fault.EXPIRED),
        (asked(sign(KEY, FORM, "tomorrow"), "tomorrow"), Fault.EXPIRED),
        (asked(sign(OTHER, FORM)), Fault.WRONG_KEY),
        (asked(sign(KEY, FORM.replace("200", "201"))), Fault.WRONG_KEY),
        (asked("no hex at all"), Fault.WRONG_KEY),
        (asked("é"), Fault.WRONG_KEY),
        (Asked("", sign(KEY, ""), "", "/nothing"), Fault.NOT_CANONICAL),
    ],
)
def test_each_fault_is_told_from_the_others(given: Asked, found: Fault) -> None:
    assert fault([KEY], given, NOW) is found


@pytest.mark.parametrize(
    "text",
    [
        f"{SPELLED}\n{END}",
        SPELLED,
        f"{SPELLED}&expires={END}",
        SPELLED.replace("/assets/media", "/media"),
        f"{SPELLED.replace('/assets/media', '/media')}\n{END}",
        SPELLED.partition("?")[0],
        FORM,
        f"{FORM}\n",
        f"{FORM}{END}",
    ],
)
def test_a_signature_of_another_text_is_not_canonical(text: str) -> None:
    assert fault([KEY], asked(digest(text), END), NOW) is Fault.NOT_CANONICAL


def test_a_signature_in_capitals_is_another_spelling() -> None:
    assert fault([KEY], asked(sign(KEY, FORM).upper()), NOW) is Fault.NOT_CANONICAL
