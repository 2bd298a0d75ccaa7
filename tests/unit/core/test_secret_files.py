"""Secrets in files stand in for variables, and are made once."""

from pathlib import Path

import pytest

from services.catalog.settings import CatalogSettings
from services.core import secret_files
from services.core.settings import load

WANTED = ("media_token", "s3_secret_key")


def test_files_of_several_folders_stand_in_for_variables_that_are_not_set_or_empty(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    (tmp_path / "a" / "media_token").write_text("from a file\n")
    (tmp_path / "b" / "s3_secret_key").write_text("another")
    (tmp_path / "b" / "README").write_text("no setting")
    folders = f"{tmp_path / 'a'}, {tmp_path / 'b'}"
    environment = {"SECRETS_FOLDER_PATH": folders, "MEDIA_TOKEN": ""}
    assert secret_files.read(environment, WANTED) == {"media_token": "from a file", "s3_secret_key": "another"}
    assert secret_files.read({**environment, "MEDIA_TOKEN": "set"}, WANTED) == {"s3_secret_key": "another"}
    assert secret_files.read({}, WANTED) == {}


def test_a_service_starts_with_the_token_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "media_token").write_text("a-token-in-a-file")
    monkeypatch.setenv("SECRETS_FOLDER_PATH", str(tmp_path))
    monkeypatch.setenv("HOST", "0.0.0.0")
    assert load(CatalogSettings).media_token.get_secret_value() == "a-token-in-a-file"


def test_a_folder_that_cannot_be_read_stops_the_start_and_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SECRETS_FOLDER_PATH", str(tmp_path / "none"))
    with pytest.raises(SystemExit):
        load(CatalogSettings)
    said = capsys.readouterr().err
    assert (
        said
        == f"configuration error: SECRETS_FOLDER_PATH: {tmp_path / 'none'} cannot be read (No such file or directory)\n"
    )


def test_a_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "media_token"
    (tmp_path / ".media_token.new").write_text("what a crash has left")
    assert secret_files.make(file)
    made = file.read_text()
    assert len(made) >= 32
    assert made != "what a crash has left"
    assert file.stat().st_mode & 0o777 == 0o600
    assert not secret_files.make(file)
    assert file.read_text() == made
    assert [found.name for found in tmp_path.iterdir()] == ["media_token"]
