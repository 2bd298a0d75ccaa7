from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.core import settings
from services.core.assets import sizes
from services.core.settings import CoreSettings, ServerSettings, load


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ServerSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("10mb", 10 * 1024**2),
        ("10MB", 10 * 1024**2),
        (" 10 mb ", 10 * 1024**2),
        ("500kb", 500 * 1024),
        ("1gb", 1024**3),
        ("1.5mb", 3 * 1024**2 // 2),
        ("512b", 512),
        ("1048576", 1048576),
    ],
)
def test_a_size_is_read_as_the_older_service_read_it(text: str, size: int) -> None:
    assert sizes.parse_size(text) == size


@given(st.integers(0, 10**12))
def test_a_size_in_bytes_is_itself_as_number_and_as_text(size: int) -> None:
    assert sizes.parse_size(str(size)) == sizes.parse_size(size) == size


@pytest.mark.parametrize("text", ["", "mb", "ten", "10 tb", "-1", "1e6", "10mb!"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a size such as 500kb, 10mb or 1048576"):
        sizes.parse_size(text)


@pytest.mark.parametrize(
    ("text", "parts"), [("DEV,PROD", ("DEV", "PROD")), (" DEV , PROD ,", ("DEV", "PROD")), ("", ()), (",", ())]
)
def test_a_list_is_comma_separated(text: str, parts: tuple[str, ...]) -> None:
    assert settings.split_list(text) == parts


def test_without_an_environment_everything_has_a_default() -> None:
    read = CoreSettings()
    assert read.namespaces_allowed == ("DEV",)
    assert read.cache_seconds == 30 * 86400
    assert read.edge_cache_seconds == 60
    assert read.browser_seconds == 60
    assert read.redis_address == "redis://127.0.0.1:6379"
    assert read.assets_url == "/assets/media"


def test_the_environment_is_read_by_the_names_in_capitals(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NAMESPACES_ALLOWED", "DEV,PROD")
    monkeypatch.setenv("API_PREFIX", "/prefix/")
    monkeypatch.setenv("PUBLIC_URL", "https://media.example.com/")
    monkeypatch.setenv("REDIS_SERVICE", "redis:6380")
    monkeypatch.setenv("DATA_FOLDER_PATH", str(tmp_path))
    read = CoreSettings()
    assert read.namespaces_allowed == ("DEV", "PROD")
    assert read.assets_url == "https://media.example.com/prefix/assets/media"
    assert read.redis_address == "redis://redis:6380"
    assert read.data_folder_path == tmp_path


@pytest.mark.parametrize(
    ("prefix", "base"), [("", ""), ("/", ""), ("/prefix", "/prefix"), ("/prefix/", "/prefix"), ("/a/b-c_1", "/a/b-c_1")]
)
def test_a_prefix_is_a_path_that_ends_without_a_slash(prefix: str, base: str) -> None:
    assert CoreSettings(api_prefix=prefix).api_prefix == base


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAMESPACES_ALLOWED", "")
    monkeypatch.setenv("CACHE_SECONDS", "")
    assert (CoreSettings().namespaces_allowed, CoreSettings().cache_seconds) == (("DEV",), 30 * 86400)


def test_a_redis_url_goes_before_the_service_and_stays_secret() -> None:
    read = CoreSettings(redis_url="redis://:hunter2@elsewhere:6379/1", redis_service="redis:6380")
    assert read.redis_address == "redis://:hunter2@elsewhere:6379/1"
    assert "hunter2" not in repr(read)
    assert "hunter2" not in str(read)


def test_settings_cannot_be_changed() -> None:
    read = CoreSettings()
    with pytest.raises(ValidationError):
        read.public_url = "https://other.example.com"


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("NAMESPACES_ALLOWED", "DEV,a b", "a namespace has only letters, digits, '-', '@' and '_'"),
        ("NAMESPACES_ALLOWED", "DEV,../x", "a namespace has only letters, digits, '-', '@' and '_'"),
        ("NAMESPACES_ALLOWED", "dumps", "is reserved"),
        ("NAMESPACES_ALLOWED", "image", "is reserved"),
        ("NAMESPACES_ALLOWED", ",", "expected at least one namespace"),
        ("API_PREFIX", "prefix", "expected a path such as /prefix, or nothing"),
        ("API_PREFIX", "/a b", "expected a path such as /prefix, or nothing"),
        ("PUBLIC_URL", "media.example.com", "expected an address such as https://media.example.com, or nothing"),
        ("PUBLIC_URL", "https://media.example.com?x", "expected an address such as https://media.example.com"),
        ("CACHE_SECONDS", "0", "greater than 0"),
        ("CACHE_SECONDS", "a month", "valid integer"),
        ("PORT", "65536", "less than 65536"),
        ("LOG_FORMAT", "xml", "'text' or 'json'"),
        ("DELEGATED_STORAGE_METHOD", "FLOPPY", "STANDALONE"),
    ],
)
def test_a_value_that_cannot_be_right_stops_the_start_with_one_line_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str, value: str, expected: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SystemExit) as stopped:
        load(ServerSettings)
    [line] = capsys.readouterr().err.splitlines()
    assert stopped.value.code == 2
    assert line.startswith(f"configuration error: {variable}: ")
    assert expected in line


def test_every_wrong_value_has_a_line_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORT", "0")
    monkeypatch.setenv("CACHE_SECONDS", "-1")
    with pytest.raises(SystemExit):
        load(ServerSettings)
    lines = capsys.readouterr().err.splitlines()
    assert {line.split(": ")[1] for line in lines} == {"PORT", "CACHE_SECONDS"}
    assert len(lines) == 2


@pytest.mark.parametrize(
    ("given_values", "loopback"),
    [
        ({}, True),
        ({"host": "127.0.0.1"}, True),
        ({"host": "::1"}, True),
        ({"host": "localhost"}, True),
        ({"host": "0.0.0.0"}, False),
        ({"host": "::"}, False),
        ({"host": "192.0.2.1"}, False),
        ({"host": "0.0.0.0", "unix_socket": "/run/tada.sock"}, True),
    ],
)
def test_a_service_knows_whether_others_can_reach_it(given_values: dict[str, Any], loopback: bool) -> None:
    assert ServerSettings(**given_values).is_loopback is loopback


def test_a_socket_path_longer_than_the_system_allows_is_refused() -> None:
    with pytest.raises(ValidationError, match="UNIX_SOCKET"):
        ServerSettings(unix_socket="/" + "x" * 100)
