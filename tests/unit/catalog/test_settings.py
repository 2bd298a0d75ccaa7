from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from services.catalog.settings import CatalogSettings


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in CatalogSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def test_by_default_ten_megabytes_of_five_types_are_accepted() -> None:
    read = CatalogSettings()
    assert read.payload_max_size == 10 * 1024**2
    assert set(read.valid_mimetypes) == {"image/png", "image/jpeg", "image/webp", "image/svg+xml", "application/pdf"}
    assert read.healthcheck_route == "/readiness-check"


def test_other_types_can_be_added_under_any_of_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VALID_MIMETYPES", "image/jpg, image/gif,image/avif,image/heif,image/tiff")
    read = CatalogSettings()
    assert read.valid_mimetypes == ("image/jpeg", "image/gif", "image/avif", "image/heic", "image/tiff")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("VALID_MIMETYPES", "image/png,text/html"),
        ("PAYLOAD_MAX_SIZE", "much"),
        ("PAYLOAD_MAX_SIZE", "0mb"),
        ("HEALTHCHECK_ROUTE", "readiness-check"),
        ("PURGE_WAIT_SECONDS", "10"),
    ],
)
def test_a_value_that_cannot_be_right_is_refused(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValidationError, match=variable.lower()):
        CatalogSettings()


@pytest.mark.parametrize("name", ["ticket_keys", "url_signing_keys"])
def test_a_key_that_is_too_short_is_refused(name: str) -> None:
    given: dict[str, Any] = {name: f"{'k' * 32}, short"}
    with pytest.raises(ValidationError, match=f"{name.upper()}: expected keys of 32 characters or more"):
        CatalogSettings(**given)


def test_addresses_are_signed_only_where_signatures_are_asked_for_and_with_keys() -> None:
    keys: dict[str, Any] = {"url_signing_keys": "k" * 32}
    found = [CatalogSettings(signed_urls=on, **keys if has else {}) for on in (True, False) for has in (True, False)]
    # Without a key it starts: only a client that wants a signature is told.
    assert [read.signs_addresses for read in found] == [True, False, False, False]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_without_a_token_the_service_starts_on_a_loopback_address_alone(host: str) -> None:
    assert CatalogSettings().is_loopback
    with pytest.raises(ValidationError, match="MEDIA_TOKEN: expected a token"):
        CatalogSettings(host=host)
    assert not CatalogSettings(host=host, media_token="s3cret").is_loopback


def test_named_tokens_are_read_from_the_variable_and_the_file(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text(f"# who may write\ncms:write:DEV:{'a' * 64}\n\nops:admin:*:{'b' * 64}\n")
    read = CatalogSettings(
        host="0.0.0.0",
        media_token="s3cret",
        media_tokens=f"ci:read:*:{'c' * 64}; web:write:DEV:{'d' * 64}",
        media_tokens_file=tmp_path / "tokens",
    )
    assert {principal.name for _, principal in read.tokens().principals} == {"media", "cms", "ops", "ci", "web"}


@pytest.mark.parametrize("named", [{"media_tokens": "cms:write"}, {"media_tokens_file": "no/such/file"}])
def test_named_tokens_that_cannot_be_read_are_refused(named: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="MEDIA_TOKENS"):
        CatalogSettings(**named)


def test_a_named_token_is_as_good_as_the_one_without_a_name() -> None:
    assert not CatalogSettings(host="0.0.0.0", media_tokens=f"cms:write:DEV:{'a' * 64}").is_loopback


def test_the_token_is_never_shown() -> None:
    read = CatalogSettings(media_token="s3cret")
    assert "s3cret" not in repr(read)
    assert "s3cret" not in str(read.model_dump())
    assert read.media_token.get_secret_value() == "s3cret"
