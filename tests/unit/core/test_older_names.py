import pytest

from services.catalog.settings import CatalogSettings
from services.core import older_names
from services.core.older_names import OLDER_NAMES
from services.core.settings import CoreSettings, SettingsError, read
from services.core.unread import Unread, unread
from services.jobs.settings import JobsSettings
from services.transform.settings import TransformSettings

SERVICES = (CatalogSettings, TransformSettings, JobsSettings)
SETTINGS = {name.upper() for kind in SERVICES for name in kind.model_fields}

# What the files of older installations have and ours did not read, or read otherwise.
BROUGHT_ALONG = (
    *("NAMESPACES", "DELEGATED_STORAGE_RATE_LIMIT", "DELEGATED_STORAGE_RATE_LIMIT_WINDOW"),
    *("NGINX_SERVICE", "SAVE_ORIGINAL_FILE", "CONVERT_TO_WEBP"),
    *("COMPRESS_WEBP", "REQUEST_TIMEOUT", "BASE_TIMEOUT_MS"),
    *("RESTORE_ON_INIT", "RESTORE_ON_RESTART", "DUMP_FILE_NAME_ON_INIT"),
    *("DUMP_FILE_NAME_ON_RESTART", "ORIGINS_ALLOWED", "DEV_ENV"),
    *("NODE_ENV", "VERSION", "IMAGE_SERVICE"),
    *("NGINX_INGRESS", "TMP_FILES_PATH", "CATALOG_ROUTE"),
    *("GET_ROUTE", "API_SERVICE", "API_BASE_URL"),
    *("THUMBOR_SERVICE", "DELEGATED_STORAGE_GET_PATH", "DELEGATED_STORAGE_POST_PATH"),
    *("DELEGATED_STORAGE_PUT_PATH", "DELEGATED_STORAGE_DELETE_PATH"),
)


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SETTINGS | {older.name for older in OLDER_NAMES}:
        monkeypatch.delenv(name, raising=False)


def said(environment: dict[str, str]) -> list[Unread]:
    return [found for kind in SERVICES for found in unread(environment, kind)]


@pytest.mark.parametrize("name", BROUGHT_ALONG)
def test_every_variable_of_the_older_service_is_in_the_table(name: str) -> None:
    [older] = [older for older in OLDER_NAMES if older.name == name]
    assert older.note.endswith(".")


@pytest.mark.parametrize("older", OLDER_NAMES, ids=lambda older: older.name)
def test_each_name_leads_to_a_setting_that_there_is_or_is_named_at_the_start(older: older_names.OlderName) -> None:
    assert older.here in SETTINGS | {""}
    lines = [found for found in said({older.name: "something"}) if older.name in found.names]
    match older.fate:
        case "same":
            assert (older.name in SETTINGS, lines) == (True, [])
        case "renamed":
            assert (older.name in SETTINGS, lines) == (False, [])
        case "changed" | "replaced":
            assert (older.name in SETTINGS) is (older.fate == "changed")
            assert lines == [Unread(older.name, older.note)]
            assert older.here in older.note
        case "unused":
            [line] = lines
            assert line.harmless
            assert older.name not in SETTINGS


@pytest.mark.parametrize(
    ("variable", "value", "kind", "field", "read_as"),
    [
        ("NAMESPACES", "CMS,FORMS,DEV", CatalogSettings, "namespaces_allowed", ("CMS", "FORMS", "DEV")),
        ("NAMESPACES", "CMS,DEV", TransformSettings, "namespaces_allowed", ("CMS", "DEV")),
        (
            *("DELEGATED_STORAGE_RATE_LIMIT_WINDOW", "30000", TransformSettings),
            *("delegated_storage_rate_limit_window_ms", 30000),
        ),
        ("RATE_LIMIT_WINDOW", "1000", CatalogSettings, "rate_limit_window_ms", 1000),
        ("DELEGATED_STORAGE_RATE_LIMIT", "5", TransformSettings, "delegated_storage_rate_limit", 5),
        ("CONVERT_TO_WEBP", "false", CatalogSettings, "convert_to_webp", False),
        ("ORIGINS_ALLOWED", "localhost,*", CatalogSettings, "origins_allowed", ("localhost", "*")),
    ],
)
def test_a_value_under_an_older_name_counts(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, kind: type[CoreSettings], field: str, read_as: object
) -> None:
    monkeypatch.setenv(variable, value)
    assert getattr(read(kind), field) == read_as


def test_dumps_of_the_start_are_read_under_their_older_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PURGE_TOKEN", "token-of-the-tests")
    monkeypatch.setenv("RESTORE_ON_INIT", "true")
    monkeypatch.setenv("DUMP_FILE_NAME_ON_INIT", "dump_20250812T143052.rdb")
    settings = read(JobsSettings)
    assert (settings.restore_on_init, settings.dump_file_name_on_init) == (True, "dump_20250812T143052.rdb")
    monkeypatch.setenv("DUMP_FILE_NAME_ON_INIT", "../../etc/passwd")
    with pytest.raises(SettingsError, match="DUMP_FILE_NAME_ON_INIT: expected latest, or the name of a dump"):
        read(JobsSettings)


def test_the_newer_name_goes_before_the_older_one_which_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAMESPACES", "OLD")
    monkeypatch.setenv("NAMESPACES_ALLOWED", "NEW")
    assert read(CatalogSettings).namespaces_allowed == ("NEW",)
    both = {"NAMESPACES": "OLD", "NAMESPACES_ALLOWED": "NEW"}
    assert said(both) == [Unread("NAMESPACES", "NAMESPACES_ALLOWED is set too, and counts. Remove NAMESPACES.")]
    assert said({**both, "NAMESPACES": "NEW"}) == []


def test_a_newer_name_that_is_empty_counts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAMESPACES", "OLD")
    monkeypatch.setenv("NAMESPACES_ALLOWED", "")
    assert read(CatalogSettings).namespaces_allowed == ("OLD",)
    assert said({"NAMESPACES": "OLD", "NAMESPACES_ALLOWED": ""}) == []


def test_a_wrong_value_is_named_by_the_variable_that_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAMESPACES", "a b")
    with pytest.raises(SettingsError, match=r"^NAMESPACES: 'a b': a namespace has only letters"):
        read(CatalogSettings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SAVE_ORIGINAL_FILE", "true"),
        ("COMPRESS_WEBP", "False"),
        ("RESTORE_ON_RESTART", "false"),
        ("DUMP_FILE_NAME_ON_RESTART", "latest"),
        ("CATALOG_ROUTE", "/catalog"),
        ("GET_ROUTE", "/assets/media/"),
        ("NGINX_INGRESS", ""),
    ],
)
def test_nothing_is_said_of_what_is_done_anyway(name: str, value: str) -> None:
    assert said({name: value}) == []


def test_nothing_is_said_of_what_has_been_replaced() -> None:
    address = "https://media.example.com"
    assert said({"NGINX_INGRESS": address, "PUBLIC_URL": address}) == []
    [line] = said({"NGINX_INGRESS": address, "PUBLIC_URL": "http://localhost:8080"})
    assert line.names == "NGINX_INGRESS"
    assert said({"NGINX_SERVICE": "http://cache:8081", "NGINX_EDGE_SERVICE": "http://edge:8080"}) == []


def test_what_has_no_effect_is_one_line() -> None:
    [line] = said({"DEV_ENV": "true", "NODE_ENV": "production", "THUMBOR_SERVICE": "http://thumbor:8888"})
    assert (line.names, line.harmless) == ("DEV_ENV, NODE_ENV, THUMBOR_SERVICE", True)
