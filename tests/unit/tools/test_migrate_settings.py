"""What `make migrate` makes of the settings of the older service."""

import os
import random
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml

from services.core.older_names import OLDER_NAMES
from tools.migrate import older_settings, table, written
from tools.migrate.older_settings import SettingsUnreadable, of_environment, of_values
from tools.migrate.written import Unwritable
from tools.stack.plan import ROOT

CHARTS = sorted((ROOT / "tests/data/older_chart").glob("*.yaml"))


def test_every_older_name_has_a_row_and_none_is_unknown() -> None:
    moved = of_environment({older.name: "7" for older in OLDER_NAMES})
    assert {row.name for row in moved.rows} == {older.name for older in OLDER_NAMES}
    assert [row.name for row in moved.rows if row.what == "unknown" or not (row.note or row.what == "kept")] == []


@pytest.mark.parametrize(
    ("name", "value", "expected", "new"),
    [
        ("NAMESPACES", "DEV,PROD", "renamed", {"NAMESPACES_ALLOWED": "DEV,PROD"}),
        (
            "DELEGATED_STORAGE_RATE_LIMIT_WINDOW",
            "30000",
            "renamed",
            {"DELEGATED_STORAGE_RATE_LIMIT_WINDOW_MS": "30000"},
        ),
        ("NGINX_INGRESS", "https://media.example.com", "renamed", {"PUBLIC_URL": "https://media.example.com"}),
        ("NGINX_INGRESS", "media-service.media", "not valid", {}),
        ("S3_BUCKET_NAME", "media", "kept", {"S3_BUCKET_NAME": "media"}),
        ("S3_PORT", "nine thousand", "not valid", {}),
        ("CONVERT_TO_WEBP", "true", "kept", {"CONVERT_TO_WEBP": "true"}),
        ("NGINX_SERVICE", "http://nginx-service", "replaced", {}),
        ("RESTORE_ON_RESTART", "true", "replaced", {}),
        ("RESTORE_ON_RESTART", "false", "not needed", {}),
        ("NODE_ENV", "production", "not needed", {}),
        ("NAMESPACE_ALLOWED", "DEV", "unknown", {}),
        ("OUR_OWN", "x", "unknown", {}),
    ],
)
def test_what_becomes_of_a_variable(name: str, value: str, expected: str, new: dict[str, str]) -> None:
    moved = of_environment({name: value})
    assert (moved.rows[0].what, moved.environment) == (expected, new)


@pytest.mark.parametrize(
    ("text", "new"),
    [
        ("PUBLIC_URL=\n", {"PUBLIC_URL": ""}),
        ("PUBLIC_URL\n", {}),
        ("PUBLIC_URL=\nNGINX_INGRESS=https://media.example.com\n", {"PUBLIC_URL": "https://media.example.com"}),
        ("API_PREFIX=\nMEDIA_TOKEN=\n", {}),
    ],
)
def test_an_empty_variable_is_kept_where_it_means_something(text: str, new: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "older.env"
    file.write_text(text)
    assert older_settings.read(file).environment == new


def test_the_name_of_this_project_counts_when_both_are_set() -> None:
    moved = of_environment({"NAMESPACES": "OLD", "NAMESPACES_ALLOWED": "NEW"})
    assert moved.environment == {"NAMESPACES_ALLOWED": "NEW"}
    assert {row.name: row.what for row in moved.rows} == {"NAMESPACES": "replaced", "NAMESPACES_ALLOWED": "kept"}


def test_secrets_are_not_shown() -> None:
    secrets = {"MEDIA_TOKEN": "of-clients", "S3_SECRET_KEY": "of-s3", "REDIS_URL": "redis://:word@redis:6379"}
    assert {row.shown for row in of_environment(secrets).rows} == {"(secret)"}
    values = {"mediaApi": {"mediaToken": "of-clients"}, "s3": {"accessKey": "of-it", "secretKey": "of-s3"}}
    assert {row.shown for row in of_values(values).rows} == {"(secret)"}


def test_a_note_of_the_chart_that_is_not_always_so_says_when_it_is() -> None:
    [row] = of_values({"delegatedStorage": {"host": "http://minio:9000"}}).rows
    assert row.note.startswith("If helm says so after the installation: It is for the distant backend.")


@pytest.mark.parametrize("file", CHARTS, ids=lambda file: file.stem)
def test_every_key_of_the_older_values_files_has_a_known_fate(file: Path) -> None:
    moved = older_settings.read(file)
    assert moved.rows
    assert [row.name for row in moved.rows if row.what == "unknown"] == []
    assert [row.name for row in moved.rows if row.what == "replaced" and not row.note] == []


def test_a_values_file_says_which_storage_there_is_below_the_key_of_a_dependency_too() -> None:
    values = yaml.safe_load((ROOT / "tests/data/older_chart/values.s3.yaml").read_text())
    for given in (values, {"transform-and-deliver-assets": values}):
        moved = of_values(given)
        assert moved.environment["DELEGATED_STORAGE_METHOD"] == "S3"
        assert moved.environment["S3_BUCKET_NAME"] == values["s3"]["bucketName"]
        assert moved.values == values


def test_each_new_setting_is_where_the_chart_takes_it_from_and_read_again() -> None:
    values = {
        "s3": {"bucketName": "media", "port": 9000},
        "redis": None,
        "settings": {"S3_PORT": 1, "LOG_LEVEL": "info"},
    }
    new = {
        "DELEGATED_STORAGE_METHOD": "STANDALONE",
        "S3_PORT": "9001",
        "S3_SECRET_KEY": "k",
        "MEDIA_TOKEN": "m",
        "RESTORE_ON_INIT": "true",
        "FORMAT_NEGOTIATION": "true",
    }
    found = older_settings.with_new(values, new)
    assert found == {
        "delegatedStorage": {"storageMethod": "STANDALONE"},
        "s3": {"bucketName": "media", "port": "9001", "secretKey": "k"},
        "secrets": {"MEDIA_TOKEN": "m"},
        "redis": {"initScript": {"restoreOnInit": "true"}},
        "settings": {"LOG_LEVEL": "info", "FORMAT_NEGOTIATION": "true"},
    }
    kept = {name: value for name, value in new.items() if name != "MEDIA_TOKEN"}
    assert of_values(found).environment == {"S3_BUCKET_NAME": "media", "LOG_LEVEL": "info", **kept}


@pytest.mark.parametrize("text", ["- [", "7"])
def test_a_file_that_has_no_values_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(text)
    with pytest.raises(SettingsUnreadable, match=r"values\.yaml"):
        older_settings.read(file)


ODD = {"A": "plain", "B": "two words", "C": "$HOME `x` #no", "D": "it's", "E": 'say "it\'s" \\', "F": "", "G": "\\\\"}


def read_by_sh(file: Path, names: Iterable[str]) -> dict[str, str]:
    command = ["sh", "-c", f"set -a; . {file}; env -0"]
    shell = subprocess.run(command, capture_output=True, check=True, env={"PATH": os.environ["PATH"]})
    said = dict(line.split("=", 1) for line in shell.stdout.decode().split("\0") if line)
    return {name: said[name] for name in names}


def test_what_is_written_is_read_alike_by_a_shell_and_here(tmp_path: Path) -> None:
    file = tmp_path / "tada.env"
    written.write_environment(file, ODD)
    assert read_by_sh(file, ODD) == written.environment(file) == ODD
    with pytest.raises(FileExistsError):
        written.write_environment(file, {})


def test_any_value_is_read_alike_by_a_shell_and_here_or_refused(tmp_path: Path) -> None:
    chosen = random.Random(7)
    values = ["".join(chosen.choices("ab '\"\\$`#{}()!;&=\n\r\té", k=chosen.randrange(9))) for _ in range(4_000)]
    settings, refused = dict[str, str](), list[str]()
    for number, value in enumerate(values):
        name = f"TADA_{number}"
        try:
            written.lines({name: value})
            settings[name] = value
        except Unwritable:
            refused.append(value)
    file = tmp_path / "tada.env"
    written.write_environment(file, settings)
    assert read_by_sh(file, settings) == written.environment(file) == settings
    assert all({"$", "`", "\r"} & set(value) for value in refused)
    assert all({"'", "\\", "\r"} & set(value) for value in refused)


@pytest.mark.parametrize("value", ["it's $5", "x'`y", "two \\\\ and $", "a\rb"])
def test_a_value_that_cannot_be_written_is_named_and_not_shown(value: str) -> None:
    with pytest.raises(Unwritable, match=r"^S3_SECRET_KEY has a value .* --new S3_SECRET_KEY=…") as refused:
        written.lines({"S3_SECRET_KEY": value})
    assert value not in str(refused.value)


def test_a_table_keeps_its_columns_whatever_is_in_a_cell() -> None:
    rows = [("a", "b\x1b[2J", "note"), ("x" * 60, "y", "")]
    lines = table.lines(("name", "what", "note"), rows)
    assert "\x1b" not in "".join(lines)
    assert lines[1].index("note") == lines[0].index("note")
    assert lines[2].startswith("x" * 47 + "…")
