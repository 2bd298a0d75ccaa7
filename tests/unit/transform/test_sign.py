import time

import pytest

from services.core.addresses.signing import sign
from services.core.errors import TadaError
from services.transform.settings import TransformSettings
from services.transform.sign import expires_after, main, signed_address

KEY, OLD = "k" * 32, "o" * 32
CAT = "/assets/media/full/DEV/cat.webp"
SETTINGS = TransformSettings(
    url_signing_keys=f"{KEY},{OLD}", api_prefix="/shop", route_file_get="/media", presets={"thumb": "200x200"}
)


@pytest.mark.parametrize(
    ("address", "form", "expected"),
    [
        ("/assets/media/full/DEV/cat.webp", "/assets/media/full/DEV/cat.webp", "/assets/media/full/DEV/cat.webp?"),
        (
            "https://cdn.test/shop/media/optimise/0200x0/DEV/cat.webp?blur=2.0&x=y&quality=80",
            "/assets/media/optimise/200x0/DEV/cat.webp?quality=80&blur=2",
            "https://cdn.test/shop/media/optimise/0200x0/DEV/cat.webp?blur=2.0&x=y&quality=80&",
        ),
        (
            "/shop/media/optimise/thumb/DEV/cat.webp?signature=abc&expires=5",
            "/assets/media/optimise/thumb/DEV/cat.webp",
            "/shop/media/optimise/thumb/DEV/cat.webp?",
        ),
    ],
)
def test_an_address_gets_the_signature_of_its_canonical_form(address: str, form: str, expected: str) -> None:
    assert signed_address(address, "", SETTINGS) == f"{expected}signature={sign(KEY, form)}"
    dated = signed_address(address, "1900000000", SETTINGS)
    assert dated == f"{expected}expires=1900000000&signature={sign(KEY, form, '1900000000')}"


@pytest.mark.parametrize(
    "address", ["/catalog", "", "/assets/media/optimise/what/DEV/cat.webp", "/assets/media/full/x"]
)
def test_what_is_not_an_address_of_an_asset_is_refused(address: str) -> None:
    with pytest.raises(TadaError):
        signed_address(address, "", SETTINGS)


def test_a_duration_has_a_unit() -> None:
    assert [expires_after(text, 1000.9) for text in ("90s", "15m", "2h", "7d")] == ["1090", "1900", "8200", "605800"]
    for odd in ("", "5", "2w", "-1h", "1.5h", "h"):
        with pytest.raises(ValueError, match="is not a valid duration"):
            expires_after(odd, 0)


def test_without_a_key_it_says_what_to_set(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("URL_SIGNING_KEYS", raising=False)
    assert main([CAT]) == 2
    said = capsys.readouterr()
    assert "Set URL_SIGNING_KEYS" in said.err
    assert said.out == ""


def test_it_prints_the_signed_address_and_nothing_else(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("URL_SIGNING_KEYS", f"{KEY},{OLD}")
    monkeypatch.setattr(time, "time", lambda: 1_900_000_000.9)
    assert main([CAT]) == 0
    assert capsys.readouterr() == (f"{CAT}?signature={sign(KEY, CAT)}\n", "")
    assert main([CAT, "2h"]) == 0
    end = "1900007200"
    assert capsys.readouterr() == (f"{CAT}?expires={end}&signature={sign(KEY, CAT, end)}\n", "")


def test_what_cannot_be_signed_is_said_and_nothing_is_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("URL_SIGNING_KEYS", KEY)
    for arguments, status, said in (
        ([CAT, "2w"], 1, "'2w' is not a valid duration"),
        (["/catalog"], 1, "Nothing is at /catalog"),
        ([], 2, "usage:"),
        ([CAT, "2h", "more"], 2, "usage:"),
    ):
        assert main(arguments) == status
        printed = capsys.readouterr()
        assert said in printed.err
        assert printed.out == ""
