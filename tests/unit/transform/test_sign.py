import pytest

from services.core.errors import TadaError
from services.transform.address.signing import sign
from services.transform.settings import TransformSettings
from services.transform.sign import expires_after, main, signed_address

KEY, OLD = "k" * 32, "o" * 32
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
    assert main(["/assets/media/full/DEV/cat.webp"]) == 2
    assert "Set URL_SIGNING_KEYS" in capsys.readouterr().err
    monkeypatch.setenv("URL_SIGNING_KEYS", KEY)
    assert main(["/assets/media/full/DEV/cat.webp", "2w"]) == 1
    assert main(["/assets/media/full/DEV/cat.webp", "2h"]) == 0
